//! Classes, labels and numbers: their losses, and that each can be learned.

use burn::tensor::{Device, Tensor};
use defrost::data::{DataError, Dataset, Fingerprint, Variant, target_rows};
use defrost::loss::{AbsoluteError, BinaryCrossEntropy, CrossEntropy, SquaredError, TargetScaler};
use defrost::{AnyLoss, Batch, Learner, LearnerOptions, Loss, Rates, Target};

use crate::support::{Clusters, Small, golden, numbers};

#[test]
fn cross_entropy_is_fastais() {
    let golden = &golden("fastai.json")["losses"];
    let device = Device::flex();
    let logits: Vec<f32> =
        golden["logits"].as_array().unwrap().iter().flat_map(numbers).map(|number| number as f32).collect();
    let targets: Vec<Target> =
        numbers(&golden["targets"]).into_iter().map(|class| Target::Class(class as usize)).collect();
    let scores = Tensor::<1>::from_floats(logits.as_slice(), &device).reshape([targets.len() as i32, -1]);
    let rows = target_rows(&targets, scores.dims()[1], &device);
    let plain = CrossEntropy::default();
    for (name, loss) in [
        ("cross_entropy", plain.clone()),
        ("label_smoothing_0.1", CrossEntropy { label_smoothing: 0.1, ..plain.clone() }),
        ("weighted_1_2_3_4", CrossEntropy { class_weights: Some(vec![1.0, 2.0, 3.0, 4.0]), ..plain }),
    ] {
        let found = loss.forward(scores.clone(), rows.clone()).into_scalar::<f32>();
        // Both are f32.
        assert!((f64::from(found) - golden[name].as_f64().unwrap()).abs() < 1e-6, "{name}: {found}");
    }
}

#[test]
fn binary_cross_entropy_is_its_formula() {
    let device = Device::flex();
    let rows = target_rows(&[Target::Labels(vec![0, 2])], 3, &device);
    let scores = [0.3f32, -1.2, 40.0];
    let found = BinaryCrossEntropy.forward(Tensor::from_floats([scores], &device), rows).into_scalar::<f32>();
    let of = |score: f32, there: bool| (1.0 + f64::from(if there { -score } else { score }).exp()).ln();
    let expected = (of(0.3, true) + of(-1.2, false) + of(40.0, true)) / 3.0;
    assert!((f64::from(found) - expected).abs() < 1e-6, "{found} and not {expected}");
}

/// The clusters, labelled otherwise.
struct Relabelled(Clusters, fn(usize) -> Target);

impl Dataset for Relabelled {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn target(&self, item: usize) -> Target {
        self.1(item)
    }

    fn name(&self, item: usize) -> String {
        self.0.name(item)
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        self.0.fingerprint(item, variant)
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        self.0.inputs(items, variant, device)
    }
}

fn learner(loss: AnyLoss, target: fn(usize) -> Target) -> Result<Learner<Small>, defrost::LearnerError> {
    let options = LearnerOptions { batch_size: 8, loss: Some(loss), ..LearnerOptions::default() };
    let data = |count| Box::new(Relabelled(Clusters(count), target));
    Learner::new(Small::new(), data(60), data(30), 3, options)
}

#[test]
fn labels_can_be_learned() {
    let several = |item: usize| Target::Labels([vec![0], vec![0, 1], vec![]][item % 3].clone());
    let mut learner = learner(BinaryCrossEntropy.into(), several).unwrap();
    learner.unfreeze();
    learner.fit_one_cycle(40, Rates::One(3e-2)).unwrap();
    let evaluation = learner.evaluate().unwrap();
    assert!(
        evaluation.metrics["f1"] > 0.6 && evaluation.metrics["accuracy"] > 0.9,
        "{:?}",
        evaluation.metrics
    );
    assert_eq!(evaluation.confusion(), None);
    assert!(evaluation.predictions[1].0.iter().sum::<f32>() > 1.5, "labels are decided one by one");
    assert_eq!(
        learner.history().records()[0].metrics.keys().collect::<Vec<_>>(),
        ["accuracy", "exact_match", "f1", "precision", "recall", "roc_auc"]
    );
}

#[test]
fn numbers_can_be_learned_in_their_own_unit() {
    let price = |item: usize| Target::Number([1000.0, 1500.0, 2500.0][item % 3]);
    let scale = TargetScaler::of(&[1000.0, 1500.0, 2500.0]);
    for loss in [SquaredError(scale).into(), AbsoluteError(scale).into()] {
        let mut learner = learner(loss, price).unwrap();
        learner.unfreeze();
        learner.fit_one_cycle(40, Rates::One(3e-2)).unwrap();
        let evaluation = learner.evaluate().unwrap();
        assert!(evaluation.metrics["r2"] > 0.8, "{:?}", evaluation.metrics);
        assert!((evaluation.predictions[2].number() - 2500.0).abs() < 400.0);
    }
}

#[test]
fn labels_of_another_kind_are_refused() {
    let message = |loss, target| learner(loss, target).err().unwrap().to_string();
    assert_eq!(
        message(AnyLoss::default(), |item: usize| Target::Class(item)),
        "point 3: it is labelled Class(3), and this loss is for items with one class, over 3 outputs"
    );
    assert_eq!(
        message(BinaryCrossEntropy.into(), |item| Target::Class(item % 3)),
        "point 0: it is labelled Class(0), and this loss is for items with a set of labels, over 3 outputs"
    );
}
