//! Evaluation and prediction: the network at rest, on the plain device.

use burn::tensor::Device;
use burn::tensor::activation::softmax;

use super::run::targets;
use super::{Learner, LearnerError};
use crate::data::{Dataset, View, plain_batches};
use crate::loss::CrossEntropy;
use crate::metrics::{self, Confusion};
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
    let network = network.valid();
    let stages = 0..network.stages().len();
    let (mut losses, mut predictions) = (0.0, vec![]);
    for items in plain_batches(data.len(), batch_size) {
        let input = data.inputs(&items, View::Plain, device)?;
        let scores = network.forward(input, stages.clone()).single::<2>();
        let loss = CrossEntropy::default().forward(scores.clone(), targets(data, &items, device));
        losses += f64::from(loss.into_scalar::<f32>()) * items.len() as f64;
        predictions.extend(split(softmax(scores, 1)));
    }
    let pairs =
        predictions.iter().enumerate().map(|(item, prediction)| (data.target(item), prediction.class()));
    let confusion = metrics::confusion(classes, pairs);
    Ok(Evaluation { loss: losses / predictions.len().max(1) as f64, confusion, predictions })
}

/// One prediction a row of `[batch, classes]`.
pub(crate) fn split(probabilities: burn::tensor::Tensor<2>) -> Vec<Prediction> {
    let [_, classes] = probabilities.dims();
    let numbers: Vec<f32> = probabilities.into_data().iter::<f32>().collect();
    numbers.chunks(classes.max(1)).map(|row| Prediction(row.to_vec())).collect()
}

impl<N: Network> Learner<N> {
    /// Evaluates on the validation items.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn evaluate(&self) -> Result<Evaluation, LearnerError> {
        self.evaluate_on(&*self.valid)
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
