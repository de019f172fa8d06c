//! What to freeze, measured: on networks of which the answer is known.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::layers::Linear;
use defrost::learner::{Advice, AdviceProgress, AdviseOptions, AdvisedPlan, Budget, Observer};
use defrost::weights::{collect, load};
use defrost::{
    Batch, FineTune, Learner, LearnerError, LearnerOptions, Network, Rates, Recipe, Stage, Target,
};

use crate::support::Clusters;

const WIDTH: usize = 6;

/// Three linear stages, each a group, and a dense head.
#[derive(Module, Debug)]
struct Chain {
    body: Vec<Linear>,
    head: Linear,
    #[module(skip)]
    pretrained: bool,
}

impl Chain {
    /// A body of these matrices, `[WIDTH, WIDTH]` each by (output, input).
    fn new(matrices: [fn(usize, usize) -> f32; 3], outputs: usize, pretrained: bool) -> Self {
        let device = Device::flex();
        let body = matrices.iter().map(|_| Linear::new(WIDTH, WIDTH, true, &device)).collect();
        let network = Self { body, head: Linear::zeros(WIDTH, outputs, &device), pretrained };
        let mut tensors = collect(&network);
        for (stage, matrix) in matrices.iter().enumerate() {
            let numbers = (0..WIDTH * WIDTH).map(|place| matrix(place / WIDTH, place % WIDTH)).collect();
            let name = format!("body.{stage}.weight");
            tensors.insert(name, TensorData::new::<f32, _>(numbers, [WIDTH, WIDTH]));
        }
        load(network, &tensors)
    }

    fn plain(pretrained: bool) -> Self {
        Self::new([same, same, same], 3, pretrained)
    }
}

fn same(output: usize, input: usize) -> f32 {
    if output == input { 1.0 } else { 0.0 }
}

/// The sum of all inputs, again and again: nothing of a class is left in it.
fn sum(_: usize, _: usize) -> f32 {
    1.0
}

impl Network for Chain {
    fn stages(&self) -> Vec<Stage> {
        let body = self.body.iter().enumerate().map(|(index, layer)| {
            let name = ["first", "second", "third"][index];
            Stage::of(name, &format!("body.{index}."), layer).with_pretrained(self.pretrained)
        });
        body.chain([Stage::of("head", "head.", &self.head).untrained().dense()]).collect()
    }

    fn group_starts(&self) -> Vec<usize> {
        vec![0, 1, 2, 3]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let stage = |x, stage| self.body.get(stage).unwrap_or(&self.head).forward(x);
        stages.fold(input.single::<2>(), stage).into()
    }
}

/// Points of two classes whose means differ a little along each axis, or not at all.
struct Blurred {
    items: usize,
    /// How far the means are apart.
    apart: f32,
    /// Tells one data set's points from another's.
    salt: usize,
}

impl Dataset for Blurred {
    fn len(&self) -> usize {
        self.items
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(item % 2)
    }

    fn name(&self, item: usize) -> String {
        format!("point {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[&item.to_le_bytes(), &self.salt.to_le_bytes(), &self.apart.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let number = |item: usize, axis: usize| {
            // Sums of three waves of long periods: about normal, the same each time.
            let wave = |k: usize| {
                ((item * 13 + axis * 71 + self.salt * 977 + k * 7919) as f64 * 12.9898).sin() * 43758.5453
            };
            let noise: f64 = (0..3).map(|k| wave(k).fract()).sum();
            noise as f32 + if item.is_multiple_of(2) { self.apart } else { 0.0 }
        };
        let numbers: Vec<f32> =
            items.iter().flat_map(|&item| (0..WIDTH).map(move |axis| number(item, axis))).collect();
        Ok(Tensor::<1>::from_floats(numbers.as_slice(), device).reshape([items.len(), WIDTH]).into())
    }
}

fn learner(
    network: Chain,
    train: impl Dataset + 'static,
    valid: impl Dataset + 'static,
    outputs: usize,
) -> Learner<Chain> {
    let options = LearnerOptions { batch_size: 8, ..LearnerOptions::default() };
    Learner::new(network, Box::new(train), Box::new(valid), outputs, options).unwrap()
}

fn options(passes: u64) -> AdviseOptions {
    let recipe = FineTune { rates: Rates::One(1e-2), ..FineTune::new(3) };
    AdviseOptions {
        budget: Budget::Passes(passes),
        recipe: Some(recipe),
        can_cut: true,
        items: "points".to_owned(),
    }
}

fn says(advice: &Advice, words: &str) -> bool {
    advice.advice.iter().any(|sentence| sentence.contains(words))
}

#[test]
fn a_stage_that_destroys_what_a_class_is_known_by_is_cut_off() {
    let mut learner = learner(Chain::new([same, same, sum], 3, true), Clusters(120), Clusters(60), 3);
    // Nothing is left for plans that repair the stage.
    let advice = learner.advise(&options(700)).unwrap();
    assert_eq!(advice.plan, AdvisedPlan::Cut { stage: "third".to_owned() }, "{advice:#?}");
    let stages: Vec<&str> = advice.depths.iter().map(|depth| depth.stage.as_str()).collect();
    assert_eq!(stages, ["first", "second", "third"]);
    let metrics: Vec<f64> = advice.depths.iter().map(|depth| depth.metric).collect();
    assert!(metrics[1] > 0.95 && metrics[2] < 0.6, "{metrics:?}");
    assert!(advice.depths[1].gain.low > 0.0 && advice.depths[2].gain.value == 0.0);
    for depth in &advice.depths {
        assert!(depth.low <= depth.metric && depth.metric <= depth.high, "{depth:?}");
    }
    assert!(
        advice.together.as_ref().is_some_and(|together| together.gain.low > 0.0 && together.features == 18)
    );
    assert!(
        says(&advice, "Cut behind it: the head alone, +") && says(&advice, "cut at third"),
        "{:?}",
        advice.advice
    );
    let uncut = AdviseOptions { can_cut: false, ..options(700) };
    assert_ne!(learner.advise(&uncut).unwrap().plan, advice.plan, "not every network can be cut");
}

#[test]
fn a_stage_that_can_be_repaired_thaws() {
    let mut learner = learner(Chain::new([same, same, sum], 3, true), Clusters(240), Clusters(120), 3);
    let recipe = FineTune { rates: Rates::One(5e-2), ..FineTune::new(10) };
    let asked = AdviseOptions { can_cut: false, recipe: Some(recipe), ..options(150_000) };
    let advice = learner.advise(&asked).unwrap();
    let thawed =
        advice.trials.iter().filter(|trial| trial.finished && trial.gain.is_some_and(|gain| gain.low > 0.0));
    assert!(thawed.count() > 0, "{advice:#?}");
    assert!(!matches!(advice.plan, AdvisedPlan::HeadOnly | AdvisedPlan::Cut { .. }), "{:?}", advice.plan);
    assert!(advice.advice[0].starts_with("Train this: "), "{:?}", advice.advice);
    let plans: Vec<&str> = advice.trials.iter().map(|trial| trial.plan.as_str()).collect();
    for plan in [
        "head only",
        "everything",
        "from third on",
        "from second on",
        "early layers only (first)",
        "gradual, a group a phase",
    ] {
        assert_eq!(plans.iter().filter(|name| **name == plan).count(), 1, "{plans:?}");
    }
    assert!(advice.trials.iter().all(|trial| trial.low <= trial.metric && trial.metric <= trial.high));
    assert!(advice.budget.passes_used <= advice.budget.passes, "{:?}", advice.budget);
}

#[test]
fn of_noise_nothing_is_known_and_the_cheapest_plan_is_named() {
    let noise = |salt, items| Blurred { items, apart: 0.0, salt };
    let mut learner = learner(Chain::new([same, same, same], 2, true), noise(1, 60), noise(2, 40), 2);
    let advice = learner.advise(&options(4_000)).unwrap();
    assert_eq!(advice.plan, AdvisedPlan::HeadOnly, "{advice:#?}");
    assert!(
        advice.advice[0].starts_with("Don't know whether to train more than the head"),
        "{:?}",
        advice.advice
    );
    assert!(says(&advice, "The cheapest of these equals is the head only"), "{:?}", advice.advice);
    assert!(says(&advice, "Don't know whether twice the points would help"), "{:?}", advice.advice);
}

#[test]
fn more_items_help_where_the_curve_still_rises() {
    let blurred = |salt, items| Blurred { items, apart: 0.7, salt };
    let network = Chain::new([same, same, same], 2, true);
    let mut learner = learner(network, blurred(1, 40), blurred(2, 800), 2);
    let advice = learner.advise(&options(5_000)).unwrap();
    let curve = &advice.data_curve;
    let items: Vec<(f64, usize, usize)> =
        curve.iter().map(|point| (point.fraction, point.items, point.draws)).collect();
    assert_eq!(items, [(0.25, 10, 4), (0.5, 20, 2), (1.0, 40, 1)]);
    assert!(curve[0].metric < curve[1].metric && curve[1].metric < curve[2].metric, "{curve:?}");
    let more = advice.more_data.unwrap();
    assert!(more.low > 0.0 && more.value < 0.1 && more.value < more.high, "{more:?}");
    assert!(says(&advice, "Twice the points: about +"), "{:?}", advice.advice);
}

#[test]
fn an_advice_changes_nothing() {
    let train = |advised: bool| {
        let mut learner = learner(Chain::plain(true), Clusters(60), Clusters(30), 3);
        learner.freeze_to(-2).unwrap();
        learner.fit(1, 1e-2).unwrap();
        if advised {
            let (before, plan) = (collect(learner.network()), learner.plan().clone());
            let (history, limits) = (learner.history().clone(), learner.cache().room_for(u64::MAX));
            for budget in [options(3_000), AdviseOptions { budget: Budget::Seconds(0.3), ..options(0) }] {
                learner.advise(&budget).unwrap();
                assert_eq!(collect(learner.network()), before);
                assert_eq!(*learner.plan(), plan);
                assert_eq!(*learner.history(), history);
                assert_eq!(learner.cache().room_for(u64::MAX), limits);
                assert!(learner.best().is_none() && learner.decision().is_none());
            }
        }
        let phases = learner.resolve(Recipe::Auto(FineTune::new(2))).unwrap();
        learner.run(&phases).unwrap();
        collect(learner.network())
    };
    assert_eq!(train(true), train(false));
}

/// An advice without what the clock says.
fn timeless(mut advice: Advice) -> Advice {
    advice.budget.seconds_used = 0.0;
    advice.budget.seconds = None;
    advice.budget.seconds_per_pass = None;
    advice.trials.iter_mut().for_each(|trial| trial.seconds = 0.0);
    advice
}

#[test]
fn the_passes_that_a_time_became_give_the_same_advice_again() {
    let mut learner = learner(Chain::plain(true), Clusters(60), Clusters(30), 3);
    let timed = learner.advise(&AdviseOptions { budget: Budget::Seconds(0.2), ..options(0) }).unwrap();
    assert!(
        timed.budget.seconds == Some(0.2) && timed.budget.seconds_per_pass.is_some_and(|each| each > 0.0)
    );
    let again = learner.advise(&options(timed.budget.passes)).unwrap();
    assert_eq!(timeless(again), timeless(timed.clone()));
    let text = serde_json::to_string(&timed).unwrap();
    assert_eq!(serde_json::from_str::<Advice>(&text).unwrap(), timed);
}

#[test]
fn without_being_told_it_costs_about_a_training() {
    let mut learner = learner(Chain::plain(true), Clusters(240), Clusters(60), 3);
    let advice = learner.advise(&AdviseOptions { budget: Budget::OneTraining, ..options(0) }).unwrap();
    // The head, three epochs forward and back over 240 points, and 60 validated after each and at three points in the end.
    let training = (240 + 60) + 3 * 3 * 240 + 6 * 60;
    assert_eq!(advice.budget.passes, training);
    assert!(advice.budget.passes_used <= training && advice.trials.len() > 2, "{advice:#?}");
}

#[test]
fn a_budget_of_nothing_still_tells_of_the_head() {
    let mut learner = learner(Chain::plain(true), Clusters(60), Clusters(30), 3);
    let advice = learner.advise(&options(0)).unwrap();
    assert_eq!((advice.trials.len(), &advice.plan), (1, &AdvisedPlan::HeadOnly));
    assert!(says(&advice, "The budget left nothing to try thawing with"), "{:?}", advice.advice);
}

#[test]
fn a_new_network_has_nothing_to_freeze() {
    let mut learner = learner(Chain::plain(false), Clusters(60), Clusters(30), 3);
    let advice = learner.advise(&options(5_000)).unwrap();
    assert_eq!(advice.plan, AdvisedPlan::All);
    assert!(advice.depths.is_empty() && advice.together.is_none());
    assert_eq!((advice.trials.len(), advice.data_curve.len()), (1, 3));
    assert!(advice.advice[0].starts_with("Nothing in this network is pretrained"), "{:?}", advice.advice);
}

/// Asks to stop after so many steps of an advice.
struct Impatient {
    left: usize,
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Observer for Impatient {
    fn advising(&mut self, progress: &AdviceProgress) {
        assert!(progress.used <= progress.passes);
        self.heard.lock().unwrap().push(progress.doing.clone());
        self.left = self.left.saturating_sub(1);
        self.stop.store(self.left == 0, Ordering::Relaxed);
    }
}

#[test]
fn whoever_asks_to_stop_gets_the_learner_back_as_it_was() {
    for left in [1, 3, 6, 8] {
        let mut learner = learner(Chain::plain(true), Clusters(60), Clusters(30), 3);
        let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(vec![])));
        learner.stop_on(stop.clone());
        learner.observe(Box::new(Impatient { left, stop: stop.clone(), heard: heard.clone() }));
        let before = collect(learner.network());
        assert!(matches!(learner.advise(&options(3_000)), Err(LearnerError::Interrupted)));
        assert_eq!(collect(learner.network()), before);
        assert_eq!(heard.lock().unwrap().len(), left, "it stops at once");
        stop.store(false, Ordering::Relaxed);
        learner.fine_tune(1).unwrap();
    }
}
