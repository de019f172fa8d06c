//! Evaluation and prediction: the network at rest, on the plain device.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor};

use super::run::targets;
use super::{Learner, LearnerError};
use crate::data::{Dataset, View, plain_batches};
use crate::loss::CrossEntropy;
use crate::metrics::{self, Confusion};
use crate::prefix::Part;
use crate::stage::Network;

/// What a network makes of labelled items.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Mean loss, without label smoothing.
    pub loss: f64,
    /// How often each class was taken for each other.
    pub confusion: Confusion,
    /// What was predicted for each item.
    pub predictions: Vec<Prediction>,
}

impl Evaluation {
    /// Share of items classified right, `0.0..=1.0`.
    pub fn accuracy(&self) -> f64 {
        metrics::accuracy(&self.confusion)
    }
}

/// A probability for each class; they sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction(pub Vec<f32>);

impl Prediction {
    /// The likeliest class.
    pub fn class(&self) -> usize {
        metrics::highest(&self.0)
    }

    /// Classes and probabilities, likeliest first.
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<(usize, f32)> = self.0.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }
}

/// Evaluates a network on labelled items of `classes` classes.
///
/// # Errors
///
/// If an item can't be read.
pub fn evaluate<N: Network>(
    network: &N,
    data: &dyn Dataset,
    classes: usize,
    batch_size: usize,
    device: &Device,
) -> Result<Evaluation, LearnerError> {
    let mut tally = Tally::default();
    let network = network.valid();
    let stages = network.stages().len();
    for items in plain_batches(data.len(), batch_size) {
        let input = data.inputs(&items, View::Plain, device)?;
        let scores = network.forward(input, 0..stages).single();
        tally.add(scores, targets(data, &items, device));
    }
    Ok(tally.finish(data, classes))
}

/// Sums over batches.
#[derive(Default)]
struct Tally {
    losses: f64,
    predictions: Vec<Prediction>,
}

impl Tally {
    fn add(&mut self, scores: Tensor<2>, targets: Tensor<1, Int>) {
        let [items, _] = scores.dims();
        let loss = CrossEntropy::default().forward(scores.clone(), targets);
        self.losses += f64::from(loss.into_scalar::<f32>()) * items as f64;
        self.predictions.extend(split(softmax(scores, 1)));
    }

    fn finish(self, data: &dyn Dataset, classes: usize) -> Evaluation {
        let pairs =
            self.predictions.iter().enumerate().map(|(item, found)| (data.target(item), found.class()));
        let confusion = metrics::confusion(classes, pairs);
        let loss = self.losses / self.predictions.len().max(1) as f64;
        Evaluation { loss, confusion, predictions: self.predictions }
    }
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
        let mut tally = Tally::default();
        let network = self.network().valid();
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        for items in plain_batches(self.valid.len(), self.options.batch_size) {
            let boundary = self.boundary(Part::Valid, &items, None)?;
            let scores = network.forward(boundary, stages.clone()).single();
            tally.add(scores, targets(&*self.valid, &items, &self.device));
        }
        Ok(tally.finish(&*self.valid, self.classes))
    }

    /// Evaluates on other items.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn evaluate_on(&self, data: &dyn Dataset) -> Result<Evaluation, LearnerError> {
        evaluate(self.network(), data, self.classes, self.options.batch_size, &self.device)
    }
}
