//! The automatic recipe: the best head is computed, the network thaws as far as it pays.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::Device;
use burn::tensor::activation::relu;
use defrost::layers::{Dropout, Linear};
use defrost::learner::Kept;
use defrost::weights::{collect, load};
use defrost::{Batch, FineTune, Learner, LearnerOptions, Method, Network, Rates, Recipe, Stage};

use crate::support::Clusters;

/// A body and a head of one dense layer.
#[derive(Module, Debug)]
struct Probed {
    body: Linear,
    dropout: Dropout,
    head: Linear,
    /// Whether the head is told to be dense.
    #[module(skip)]
    dense: bool,
}

impl Probed {
    fn new(dense: bool) -> Self {
        let device = Device::flex();
        let network = Self {
            body: Linear::new(6, 8, true, &device),
            dropout: Dropout::new(0.2),
            head: Linear::zeros(8, 3, &device),
            dense,
        };
        let mut tensors = collect(&network);
        let wave = (0..48).map(|i| ((i * 37) as f32 * 12.9898).sin()).collect();
        tensors.insert("body.weight".to_owned(), burn::tensor::TensorData::new::<f32, _>(wave, [8, 6]));
        load(network, &tensors)
    }
}

impl Network for Probed {
    fn stages(&self) -> Vec<Stage> {
        let mut head = Stage { dense: self.dense, ..Stage::of("head", "head.", &self.head).untrained() };
        head.training_flags.extend(Stage::of("dropout", "", &self.dropout).training_flags);
        vec![Stage::of("body", "body.", &self.body), head]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let stage = |x, stage| match stage {
            0 => relu(self.body.forward(x)),
            _ => self.head.forward(self.dropout.forward(x)),
        };
        stages.fold(input.single::<2>(), stage).into()
    }
}

fn learner_over(network: Probed) -> Learner<Probed> {
    let options = LearnerOptions { batch_size: 8, ..LearnerOptions::default() };
    Learner::new(network, Box::new(Clusters(60)), Box::new(Clusters(30)), 3, options).unwrap()
}

fn learner() -> Learner<Probed> {
    learner_over(Probed::new(true))
}

fn auto(epochs: usize, rate: f64) -> Recipe {
    Recipe::Auto(FineTune { rates: Rates::One(rate), ..FineTune::new(epochs) })
}

#[test]
fn a_dense_head_is_solved_for_and_others_train() {
    let phases = |learner: &Learner<Probed>, recipe: Recipe| -> Vec<_> {
        let phases = learner.resolve(recipe).unwrap();
        phases.into_iter().map(|phase| (phase.method, phase.head_penalty)).collect()
    };
    let weaker = Recipe::Auto(FineTune { head_penalty: 99.0, ..FineTune::new(2) });
    let solved = [(Method::SolveHead, None), (Method::Steps, Some(99.0))];
    assert_eq!(phases(&learner(), weaker.clone()), solved);
    let trained = [(Method::Steps, None); 2];
    assert_eq!(phases(&learner(), FineTune::new(2).into()), trained);
    assert_eq!(phases(&learner_over(Probed::new(false)), weaker), trained, "nobody said its head is dense");
}

#[test]
fn solving_moves_the_head_alone_and_beats_steps() {
    let mut solved = learner();
    let before = collect(solved.network());
    let phases = solved.resolve(auto(0, 1e-3)).unwrap();
    solved.run(&phases).unwrap();
    let moved: Vec<String> = collect(solved.network())
        .into_iter()
        .filter(|(name, data)| before[name] != *data)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(moved, ["head.bias", "head.weight"]);
    let mut stepped = learner();
    stepped.fit_one_cycle(30, Rates::One(1e-2)).unwrap();
    let (solved, stepped) = (solved.evaluate().unwrap().loss, stepped.evaluate().unwrap().loss);
    assert!(solved < stepped + 0.02, "{solved} and {stepped}");
}

#[test]
fn a_run_says_what_it_kept_and_ends_with_it() {
    // A rate at which thawed weights come apart.
    for (rate, may_be) in
        [(1e-3, &[Kept::Frozen, Kept::Between, Kept::Thawed][..]), (3.0, &[Kept::Frozen, Kept::Between])]
    {
        let mut learner = learner();
        let phases = learner.resolve(auto(3, rate)).unwrap();
        learner.run(&phases).unwrap();
        let decision = learner.decision().unwrap().clone();
        assert!(may_be.contains(&decision.kept), "{decision:?}");
        let (frozen, thawed) = (decision.frozen.unwrap(), decision.thawed.unwrap());
        assert!(frozen.low <= frozen.metric && frozen.metric <= frozen.high);
        assert_eq!((frozen.position, thawed.position), (0.0, 1.0));
        assert!(frozen.seconds <= thawed.seconds);
        let found = learner.evaluate().unwrap();
        assert_eq!(found.metrics, learner.best().unwrap().metrics, "it ends with what it kept");
        if rate > 1.0 {
            assert!(
                found.metrics["accuracy"] >= frozen.metric - 0.05,
                "thawing did not pay and was not kept"
            );
        }
        assert!(decision.reason.starts_with("accuracy: head only"), "{}", decision.reason);
    }
}

#[test]
fn one_phase_leaves_nothing_to_choose() {
    let mut learner = learner();
    let phases = learner.resolve(Recipe::freeze_to(0, 1, Rates::One(1e-3))).unwrap();
    learner.run(&phases).unwrap();
    let decision = learner.decision().unwrap();
    assert_eq!((decision.kept, decision.frozen.is_none(), decision.gain), (Kept::Only, true, None));
}
