//! Losses, optimizers, schedules and metrics of one's own.

use std::sync::Arc;

use burn::tensor::Tensor;
use defrost::optim::{ParameterState, ParameterStep};
use defrost::weights::collect;
use defrost::{
    AnyLoss, HyperParameters, Learner, LearnerOptions, Lion, Loss, Metric, Optimizer, Schedule, Sgd, Target,
    TargetKind,
};
use serde_json::{Value, json};

use crate::support::{Clusters, Small};

fn learner(options: LearnerOptions) -> Learner<Small> {
    let options = LearnerOptions { batch_size: 8, ..options };
    let mut learner =
        Learner::new(Small::new(), Box::new(Clusters(60)), Box::new(Clusters(30)), 3, options).unwrap();
    learner.unfreeze();
    learner
}

/// Cross-entropy that looks less at items it is sure of (arXiv 1708.02002).
#[derive(Debug)]
struct Focal {
    gamma: f64,
}

impl Loss for Focal {
    fn name(&self) -> &str {
        "focal"
    }

    fn kind(&self) -> TargetKind {
        TargetKind::Class
    }

    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let log = burn::tensor::activation::log_softmax(scores, 1);
        let doubt = (log.clone().exp().neg() + 1.0).powf_scalar(self.gamma);
        (doubt * log * targets).sum_dim(1).mean().neg()
    }

    fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        burn::tensor::activation::softmax(scores, 1)
    }

    fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
        answers.clamp(1e-7, 1.0).log()
    }

    fn parameters(&self) -> Value {
        json!({ "gamma": self.gamma })
    }
}

#[test]
fn a_loss_of_ones_own_is_learned_and_kept() {
    let options = LearnerOptions { loss: Some(Focal { gamma: 2.0 }.into()), ..LearnerOptions::default() };
    let mut learner = learner(options);
    learner.fit_one_cycle(20, 3e-2).unwrap();
    let evaluation = learner.evaluate().unwrap();
    assert!(evaluation.metrics["accuracy"] > 0.8, "{:?}", evaluation.metrics);
    let losses = defrost::interpret::item_losses(&**learner.loss(), &evaluation);
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    // Through a logarithm and back in f32.
    assert!((mean - evaluation.loss).abs() < 1e-4, "{mean} and {}", evaluation.loss);

    let kept = serde_json::to_value(learner.loss()).unwrap();
    assert_eq!(kept, json!({ "focal": { "gamma": 2.0 } }));
    defrost::loss::register("focal", |parameters| {
        let gamma = parameters["gamma"].as_f64().ok_or("it has no gamma")?;
        Ok(Focal { gamma }.into())
    });
    assert_eq!(&serde_json::from_value::<AnyLoss>(kept).unwrap(), learner.loss());
    let wrong = serde_json::from_value::<AnyLoss>(json!({ "focal": {} })).unwrap_err();
    assert_eq!(wrong.to_string(), "the loss `focal`: it has no gamma");
}

/// Steps along the mean of the last two gradients.
#[derive(Debug)]
pub struct Twice;

impl Optimizer for Twice {
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1> {
        let before = state.take("before", &gradient);
        state.keep("before", gradient.clone());
        value - (gradient + before) * (step.rate * step.gradient_scale / 2.0)
    }
}

#[test]
fn any_optimizer_learns() {
    let optimizers: [(Arc<dyn Optimizer>, f64); 3] =
        [(Arc::new(Sgd), 1e-1), (Arc::new(Lion::default()), 1e-2), (Arc::new(Twice), 0.5)];
    for (optimizer, rate) in optimizers {
        let mut learner =
            learner(LearnerOptions { optimizer: optimizer.clone(), ..LearnerOptions::default() });
        learner.fit_one_cycle(20, rate).unwrap();
        // Guessing costs ln 3.
        let loss = learner.evaluate().unwrap().loss;
        assert!(loss < 0.6, "{optimizer:?}: {loss}");
    }
}

#[test]
fn a_metric_of_ones_own_decides() {
    // The epoch that is least sure is the best one.
    let doubt = Metric::new("doubt", |predictions: &[defrost::Prediction], _: &[Target]| {
        let sure = predictions.iter().map(|found| f64::from(found.0[found.class()])).sum::<f64>();
        (!predictions.is_empty()).then(|| 1.0 - sure / predictions.len() as f64)
    });
    let options = LearnerOptions {
        metrics: vec![doubt],
        monitored: Some("doubt".to_owned()),
        ..LearnerOptions::default()
    };
    let mut learner = learner(options);
    assert_eq!(learner.monitored_metric(), Some("doubt"));
    learner.fine_tune(4).unwrap();
    let doubts: Vec<f64> = learner.history().records().iter().map(|record| record.metrics["doubt"]).collect();
    let most = doubts.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(learner.best().unwrap().metrics["doubt"], most);
    assert_eq!(learner.evaluate().unwrap().metrics["doubt"], most);
}

#[test]
fn a_schedule_of_ones_own_is_followed() {
    let run = |schedule| {
        let mut learner = learner(LearnerOptions::default());
        learner.fit_scheduled(2, 1e-2, schedule).unwrap();
        collect(learner.network())
    };
    let flat = Schedule::own("flat", |_| HyperParameters { rate_factor: 1.0, momentum: 0.9 });
    assert!(run(flat) == run(Schedule::Constant));
    let falling = |position| HyperParameters { rate_factor: 1.0 - position, momentum: 0.9 };
    assert!(run(Schedule::own("falling", falling)) != run(Schedule::Constant));
}

#[test]
fn cosine_cycles_have_their_epochs() {
    let mut learner = learner(LearnerOptions::default());
    learner.fit_sgdr(2, 1, 2, "1e-3..1e-2").unwrap();
    assert_eq!(learner.history().epochs(), 3);
    assert_eq!(
        learner.fit_one_cycle(1, "fast").unwrap_err().to_string(),
        "`fast` is not a rate; write one rate (2e-3), a slice (1e-5..1e-3 or ..1e-3) or one per group (1e-5,1e-4,1e-3)"
    );
}

#[test]
fn fitting_keeps_the_last_weights_and_a_run_the_best() {
    let mut learner = learner(LearnerOptions::default());
    learner.fine_tune(2).unwrap();
    let best = learner.best().cloned().unwrap();
    assert_eq!(learner.evaluate().unwrap().loss, best.valid_loss);
    learner.fit(3, 1e-1).unwrap();
    assert_eq!(learner.best(), None);
    assert_eq!(learner.evaluate().unwrap().loss, learner.history().records().last().unwrap().valid_loss);
    // The best epoch is one of the run, not of what was before it.
    learner.fine_tune(1).unwrap();
    let run: Vec<_> = learner.history().records()[6..].to_vec();
    assert!(run.contains(learner.best().unwrap()));
}

#[test]
fn a_monitored_metric_that_is_not_measured_is_refused() {
    let refusal = |options: LearnerOptions| {
        let refused = Learner::new(Small::new(), Box::new(Clusters(12)), Box::new(Clusters(6)), 3, options);
        refused.err().expect("it is refused").to_string()
    };
    let options = LearnerOptions { monitored: Some("f2".to_owned()), ..LearnerOptions::default() };
    let known = "accuracy, kappa, mcc, roc_auc, top_5, precision, recall, f1";
    assert_eq!(refusal(options), format!("the metric f2 is not measured of these items; there are {known}"));
    let twin = Metric::new("f1", |_: &[defrost::Prediction], _: &[Target]| None);
    let options = LearnerOptions { metrics: vec![twin], ..LearnerOptions::default() };
    assert_eq!(refusal(options), "two metrics are called f1; give your own another name");
}
