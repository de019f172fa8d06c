//! Evaluation and prediction: the network in eval mode, on the plain device.

use burn::tensor::{Device, Tensor};

use super::features::Part;
use super::{Learner, LearnerError, TestTimeAugmentation};
use crate::data::{DataError, Dataset, Target, plain_batches, target_rows};
use crate::loss::Loss;
use crate::metrics::{self, ClassReport, Confusion, Metrics};
use crate::prefix::{Cache, Prefix};
use crate::stage::Network;

/// What a network makes of labelled items.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Mean loss, without label smoothing.
    pub loss: f64,
    /// What else was measured, by name.
    pub metrics: Metrics,
    /// What was predicted for each item.
    pub predictions: Vec<Prediction>,
    /// What each item is labelled with.
    pub targets: Vec<Target>,
    /// The probability from which on a label is said to be there, one for each label or one for all.
    pub thresholds: Vec<f32>,
}

impl Evaluation {
    /// The same predictions, measured with these thresholds.
    #[must_use]
    pub fn at(mut self, thresholds: &[f32], loss: &Loss) -> Self {
        self.metrics = metrics::measure_at(loss, &self.predictions, &self.targets, thresholds);
        self.thresholds = thresholds.to_vec();
        self
    }

    /// How often each class was taken for each other; none where items are not of one class each.
    pub fn confusion(&self) -> Option<Confusion> {
        let classes: Option<Vec<usize>> = self.targets.iter().map(Target::class).collect();
        let outputs = self.predictions.first().map_or(0, |prediction| prediction.0.len());
        let found = self.predictions.iter().map(Prediction::class);
        Some(metrics::confusion(outputs, classes?.into_iter().zip(found)))
    }

    /// How well each class or label is recognised; nothing for numbers.
    pub fn by_class(&self) -> Vec<ClassReport> {
        match (self.confusion(), self.targets.first()) {
            (Some(confusion), _) => metrics::by_class(&confusion),
            (None, Some(Target::Labels(_))) => {
                metrics::by_label(&self.predictions, &self.targets, &self.thresholds)
            }
            _ => vec![],
        }
    }
}

/// A probability for each class, which sum to 1; or for each label, each on its own; or a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction(pub Vec<f32>);

impl Prediction {
    /// The likeliest class.
    pub fn class(&self) -> usize {
        metrics::highest(&self.0)
    }

    /// The number; for classes and labels, the first probability.
    pub fn number(&self) -> f32 {
        self.0.first().copied().unwrap_or(f32::NAN)
    }

    /// The labels that are said to be there, ascending; `thresholds` holds one for each label, or one for all.
    pub fn labels(&self, thresholds: &[f32]) -> Vec<usize> {
        let limits = thresholds.iter().cycle();
        let there =
            self.0.iter().zip(limits).enumerate().filter(|(_, (probability, limit))| probability >= limit);
        there.map(|(label, _)| label).collect()
    }

    /// Classes and probabilities, likeliest first.
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<(usize, f32)> = self.0.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }
}

/// Evaluates a network on labelled items, each seen with this test-time augmentation. All of it is in eval mode: what the stages in front of the last make
/// of an item is kept in `cache`.
///
/// # Errors
///
/// If an item can't be read.
pub fn evaluate<N: Network>(
    network: &N,
    data: &dyn Dataset,
    (loss, tta): (&Loss, TestTimeAugmentation),
    batch_size: usize,
    device: &Device,
    cache: &mut Cache,
) -> Result<Evaluation, LearnerError> {
    let mut tally = Tally::new(loss);
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
    Ok(tally.finish())
}

/// Sums over batches.
struct Tally {
    loss: Loss,
    losses: f64,
    predictions: Vec<Prediction>,
    targets: Vec<Target>,
}

impl Tally {
    fn new(loss: &Loss) -> Self {
        Self { loss: loss.unweighted(), losses: 0.0, predictions: vec![], targets: vec![] }
    }

    fn add(&mut self, data: &dyn Dataset, items: &[usize], scores: Tensor<2>) {
        let loss = self.loss.forward(scores.clone(), rows(data, items, &scores));
        self.losses += f64::from(loss.into_scalar::<f32>()) * items.len() as f64;
        self.predictions.extend(split(self.loss.decode(scores)));
        self.targets.extend(items.iter().map(|&item| data.target(item)));
    }

    fn finish(self) -> Evaluation {
        let metrics = metrics::measure(&self.loss, &self.predictions, &self.targets);
        let loss = self.losses / self.predictions.len().max(1) as f64;
        let thresholds = vec![metrics::THRESHOLD];
        Evaluation { loss, metrics, predictions: self.predictions, targets: self.targets, thresholds }
    }
}

/// The labels of these items, as rows that fit these scores.
pub(super) fn rows(data: &dyn Dataset, items: &[usize], scores: &Tensor<2>) -> Tensor<2> {
    let targets: Vec<Target> = items.iter().map(|&item| data.target(item)).collect();
    target_rows(&targets, scores.dims()[1], &scores.device())
}

/// One prediction a row of `[batch, classes]`.
pub(crate) fn split(probabilities: Tensor<2>) -> Vec<Prediction> {
    let [_, classes] = probabilities.dims();
    let numbers: Vec<f32> = probabilities.into_data().iter::<f32>().collect();
    numbers.chunks(classes.max(1)).map(|row| Prediction(row.to_vec())).collect()
}

impl<N: Network> Learner<N> {
    /// Evaluates on the validation items; what the frozen prefix makes of them is computed once.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn evaluate(&mut self) -> Result<Evaluation, LearnerError> {
        let mut tally = Tally::new(&self.options.loss);
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
        if self.options.loss != Loss::BinaryCrossEntropy {
            return Ok(vec![]);
        }
        let Evaluation { predictions, targets, .. } = self.evaluate()?;
        Ok(metrics::best_thresholds(&predictions, &targets))
    }

    /// Evaluates on other items.
    ///
    /// # Errors
    ///
    /// If an item can't be read, or its label does not fit the loss.
    pub fn evaluate_on(&mut self, data: &dyn Dataset) -> Result<Evaluation, LearnerError> {
        super::check_targets(data, &self.options.loss, self.outputs)?;
        let network = self.network.as_ref().expect("an optimizer step always gives the network back");
        let how = (&self.options.loss, TestTimeAugmentation::NONE);
        evaluate(network, data, how, self.options.batch_size, &self.device, &mut self.cache)
    }
}
