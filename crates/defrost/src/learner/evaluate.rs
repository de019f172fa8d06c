//! Evaluation and prediction: the network in eval mode, on the plain device.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::features::Part;
use super::{Learner, LearnerError, TestTimeAugmentation};
use crate::data::{DataError, Dataset, Target, TargetKind, plain_batches, target_rows};
use crate::loss::AnyLoss;
use crate::metrics::{
    self, Calibration, ClassReport, Confusion, Interval, Metric, Metrics, NotANumber, Prediction,
    Temperature, split,
};
use crate::prefix::{Cache, Prefix};
use crate::stage::Network;

/// A network's predictions for labelled items.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Mean loss, without label smoothing.
    pub loss: f64,
    /// Other metrics, by name.
    pub metrics: Metrics,
    /// The prediction for each item.
    pub predictions: Vec<Prediction>,
    /// The label of each item.
    pub targets: Vec<Target>,
    /// The probability from which on a label is said to be there, one for each label or one for all.
    pub thresholds: Vec<f32>,
    /// How far off the probabilities of classes are, once they [were calibrated](Self::calibrated).
    pub calibration: Option<Calibration>,
}

impl Evaluation {
    /// The prediction for an item, in the form of its label, and the probability of the predicted class; none for labels and numbers.
    pub fn predicted(&self, item: usize) -> (Target, Option<f32>) {
        let found = &self.predictions[item];
        match &self.targets[item] {
            Target::Class(_) => (Target::Class(found.class()), Some(found.0[found.class()])),
            Target::Labels(_) => (Target::Labels(found.labels(&self.thresholds)), None),
            Target::Number(_) => (Target::Number(found.number()), None),
        }
    }

    /// The same predictions, measured with these thresholds.
    #[must_use]
    pub fn at(mut self, thresholds: &[f32]) -> Self {
        let Some(kind) = self.kind() else { return self };
        let found = metrics::measure_at(kind, &self.predictions, &self.targets, thresholds);
        self.metrics.extend(found);
        self.thresholds = thresholds.to_vec();
        self
    }

    /// The same with probabilities of classes at this temperature, and how far off they were before and are now. Loss and
    /// metrics stay those of the network's own scores, which training measures.
    #[must_use]
    pub fn calibrated(self, temperature: Temperature) -> Self {
        let Some(classes) = self.classes() else { return self };
        let predictions: Vec<Prediction> =
            self.predictions.iter().map(|found| temperature.apply(found)).collect();
        let calibration = Calibration::between(&self.predictions, &predictions, &classes);
        Self { predictions, calibration, ..self }
    }

    /// How far off the probabilities of classes are, and would be on new items at a temperature that was fitted on such as
    /// these: each item is measured by one that was fitted on others. None where items are not of one class each.
    pub fn cross_calibration(&self) -> Option<Calibration> {
        let classes = self.classes()?;
        let crossed = Temperature::cross_fitted(&self.predictions, &classes);
        Calibration::between(&self.predictions, &crossed, &classes)
    }

    /// The temperature at which the probabilities of classes are best; 1 where items are not of one class each.
    pub fn temperature(&self) -> Temperature {
        self.classes().map_or(Temperature::ONE, |classes| Temperature::fit(&self.predictions, &classes))
    }

    /// How far each metric may be from what it would be of all such items, with 95 % confidence: Wilson's interval for
    /// shares of items, the bootstrap for others. Custom metrics have none.
    pub fn intervals(&self) -> BTreeMap<String, Interval> {
        let Some(kind) = self.kind() else { return BTreeMap::new() };
        metrics::intervals(kind, &self.predictions, &self.targets, &self.thresholds)
    }

    /// The class of each item; none where an item is not of one class.
    fn classes(&self) -> Option<Vec<usize>> {
        self.targets
            .iter()
            .map(Target::class)
            .collect::<Option<_>>()
            .filter(|classes: &Vec<_>| !classes.is_empty())
    }

    /// The kind of the items' labels; none if there are no items.
    pub fn kind(&self) -> Option<TargetKind> {
        self.targets.first().map(Target::kind)
    }

    /// How many items of each class were predicted as each class; none if items do not have one class each.
    pub fn confusion(&self) -> Option<Confusion> {
        let classes: Option<Vec<usize>> = self.targets.iter().map(Target::class).collect();
        let outputs = self.predictions.first().map_or(0, |prediction| prediction.0.len());
        let found = self.predictions.iter().map(Prediction::class);
        Some(metrics::confusion(outputs, classes?.into_iter().zip(found)))
    }

    /// How well each class or label is recognised; nothing for numbers.
    pub fn by_class(&self) -> Vec<ClassReport> {
        match self.kind() {
            Some(TargetKind::Labels) => metrics::by_label(&self.predictions, &self.targets, &self.thresholds),
            _ => self.confusion().map_or(vec![], |confusion| metrics::by_class(&confusion)),
        }
    }
}

/// Evaluates a network on labelled items, each seen with this test-time augmentation. The network is in eval mode, and `cache` keeps the features of each
/// item.
///
/// # Errors
///
/// If an item can't be read, or the network's scores for it are not numbers.
pub fn evaluate<N: Network>(
    network: &N,
    data: &dyn Dataset,
    (loss, tta): (&AnyLoss, TestTimeAugmentation),
    batch_size: usize,
    device: &Device,
    cache: &mut Cache,
) -> Result<Evaluation, LearnerError> {
    let mut tally = Tally::new(loss, &[]);
    let network = network.valid();
    let stages = network.stages().len();
    let prefix = Prefix::of(&network, stages.saturating_sub(1));
    for items in plain_batches(data.len(), batch_size) {
        let scores = tta.scores(loss, |variant| {
            let features = prefix.features(&network, data, (&items, variant), device, cache)?;
            Ok::<_, DataError>(network.forward(features, prefix.stages()..stages).single())
        })?;
        tally.add(data, &items, scores);
    }
    // Items are in their order.
    match tally.predictions.iter().position(|prediction| !prediction.is_finite()) {
        Some(item) => Err(LearnerError::Scores { item: data.name(item), source: NotANumber }),
        None => Ok(tally.finish()),
    }
}

/// Sums over batches.
pub(super) struct Tally {
    loss: AnyLoss,
    metrics: Vec<Metric>,
    losses: f64,
    predictions: Vec<Prediction>,
    targets: Vec<Target>,
}

impl Tally {
    pub(super) fn new(loss: &AnyLoss, metrics: &[Metric]) -> Self {
        let loss = loss.unweighted().unwrap_or_else(|| loss.clone());
        Self { loss, metrics: metrics.to_vec(), losses: 0.0, predictions: vec![], targets: vec![] }
    }

    pub(super) fn add(&mut self, data: &dyn Dataset, items: &[usize], scores: Tensor<2>) {
        let loss = self.loss.forward(scores.clone(), rows(data, items, &scores));
        self.losses += f64::from(loss.into_scalar::<f32>()) * items.len() as f64;
        self.predictions.extend(split(self.loss.decode(scores)));
        self.targets.extend(items.iter().map(|&item| data.target(item)));
    }

    pub(super) fn finish(self) -> Evaluation {
        let mut metrics = metrics::measure(self.loss.kind(), &self.predictions, &self.targets);
        for metric in &self.metrics {
            let value = metric.measure(&self.predictions, &self.targets);
            metrics.extend(value.map(|value| (metric.name().to_owned(), value)));
        }
        let loss = self.losses / self.predictions.len().max(1) as f64;
        let thresholds = vec![metrics::THRESHOLD];
        let (predictions, targets) = (self.predictions, self.targets);
        Evaluation { loss, metrics, predictions, targets, thresholds, calibration: None }
    }
}

/// The labels of these items, as rows that fit these scores.
pub(super) fn rows(data: &dyn Dataset, items: &[usize], scores: &Tensor<2>) -> Tensor<2> {
    let targets: Vec<Target> = items.iter().map(|&item| data.target(item)).collect();
    target_rows(&targets, scores.dims()[1], &scores.device())
}

impl<N: Network> Learner<N> {
    /// Evaluates on the validation items; their frozen features are computed once.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn evaluate(&mut self) -> Result<Evaluation, LearnerError> {
        let mut tally = Tally::new(&self.loss, &self.options.metrics);
        let network = self.network().valid();
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        for items in plain_batches(self.valid.len(), self.options.batch_size) {
            let features = self.features(Part::Valid, &items, None)?;
            let scores = network.forward(features, stages.clone()).single();
            tally.add(&*self.valid, &items, scores);
        }
        Ok(tally.finish())
    }

    /// The thresholds at which the F1 of each label is highest on the validation items; none where items are of one
    /// class or have numbers.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn best_thresholds(&mut self) -> Result<Vec<f32>, LearnerError> {
        if self.loss.kind() != TargetKind::Labels {
            return Ok(vec![]);
        }
        let Evaluation { predictions, targets, .. } = self.evaluate()?;
        Ok(metrics::best_thresholds(&predictions, &targets))
    }
}
