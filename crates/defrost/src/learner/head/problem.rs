//! A dense head's problem: its features in one matrix, standardised, and its loss with the gradient.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::loss::AnyLoss;
use crate::ops::{Conv2dOptions, WindowConfig, conv2d};

/// The data from which a head is computed.
pub(in crate::learner) struct Problem {
    /// `[rows, features]`, standardised; all items in their first variant, then all in their second, and so on.
    pub features: Tensor<2>,
    /// `[rows, outputs]`.
    pub targets: Tensor<2>,
    /// How many items there are.
    pub items: usize,
    /// The loss that is minimised.
    pub loss: AnyLoss,
}

impl Problem {
    /// How many numbers a head of this problem has.
    pub fn size(&self) -> usize {
        let ([_, features], [_, outputs]) = (self.features.dims(), self.targets.dims());
        (features + 1) * outputs
    }

    /// The problem of the first items alone.
    pub fn first(&self, items: usize) -> Self {
        let rows: Vec<usize> = (0..self.features.dims()[0]).filter(|row| row % self.items < items).collect();
        let rows = indices(&rows, &self.features.device());
        Self {
            features: self.features.clone().select(0, rows.clone()),
            targets: self.targets.clone().select(0, rows),
            items: self.items.min(items),
            loss: self.loss.clone(),
        }
    }

    /// The problem of these features alone.
    pub fn with_features(&self, features: &[usize]) -> Self {
        let places = indices(features, &self.features.device());
        Self {
            features: self.features.clone().select(1, places),
            targets: self.targets.clone(),
            items: self.items,
            loss: self.loss.clone(),
        }
    }

    /// The rows of an item, one a variant.
    pub fn rows_of(&self, item: usize) -> impl Iterator<Item = usize> + use<> {
        let (items, rows) = (self.items, self.features.dims()[0]);
        (item..rows).step_by(items)
    }

    /// Whether there is more than one row an item.
    pub fn has_variants(&self) -> bool {
        self.features.dims()[0] > self.items
    }

    /// The items as they are, without augmented variants.
    pub fn originals(&self) -> Self {
        let outputs = self.targets.dims()[1];
        Self {
            features: self.features.clone().slice([0..self.items, 0..self.features.dims()[1]]),
            targets: self.targets.clone().slice([0..self.items, 0..outputs]),
            items: self.items,
            loss: self.loss.clone(),
        }
    }

    /// Mean loss of scores as it is measured, without smoothing and class weights.
    pub fn measured(&self, scores: Tensor<2>, targets: Tensor<2>) -> f64 {
        let loss = self.loss.unweighted().unwrap_or_else(|| self.loss.clone());
        f64::from(loss.forward(scores, targets).into_scalar::<f32>())
    }

    /// Scores of a head, `[rows, outputs]`; of several after one another, those of all of them.
    pub fn scores(&self, head: &[f64]) -> Tensor<2> {
        let (weight, bias) = self.tensors(head);
        self.product(weight, bias)
    }

    /// Mean loss of a head with the penalty, `loss + penalty / 2 · ‖weight‖²`, and its gradient.
    pub fn evaluate(&self, head: &[f64], penalty: f64) -> (f64, Vec<f64>) {
        self.descend(head, penalty, |scores| self.loss.forward(scores, self.targets.clone().autodiff()))
    }

    /// The same for any loss of the scores.
    pub fn descend(
        &self,
        head: &[f64],
        penalty: f64,
        loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
    ) -> (f64, Vec<f64>) {
        let (weight, bias) = self.tensors(head);
        let (weight, bias) = (weight.autodiff().require_grad(), bias.autodiff().require_grad());
        let loss = loss(self.product(weight.clone(), bias.clone()));
        let gradients = loss.backward();
        let numbers = |gradient: Option<TensorData>, count: usize| match gradient {
            Some(gradient) => gradient.iter::<f64>().collect(),
            None => vec![0.0; count],
        };
        let weights = &head[..weight.dims().iter().product()];
        let mut gradient = numbers(weight.grad(&gradients).map(Tensor::into_data), weights.len());
        gradient.iter_mut().zip(weights).for_each(|(gradient, weight)| *gradient += penalty * weight);
        gradient.extend(numbers(bias.grad(&gradients).map(Tensor::into_data), head.len() - weights.len()));
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        (f64::from(loss.into_scalar::<f32>()) + penalty / 2.0 * squares, gradient)
    }

    /// `features · weightᵀ + bias`, by the kernel of the network's dense layers: each row is a pixel.
    fn product(&self, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<2> {
        let ([rows, features], [outputs, ..]) = (self.features.dims(), weight.dims());
        let pixels = self.features.clone().reshape([1, 1, rows, features]);
        let options = Conv2dOptions::new(WindowConfig::centered(1, 1));
        conv2d(pixels, weight, bias, options).reshape([rows, outputs])
    }

    /// The numbers of a head as `[outputs, features, 1, 1]` and `[outputs]`.
    fn tensors(&self, head: &[f64]) -> (Tensor<4>, Tensor<1>) {
        let [_, features] = self.features.dims();
        let outputs = head.len() / (features + 1);
        let numbers: Vec<f32> = head.iter().map(|&number| number as f32).collect();
        let (weight, bias) = numbers.split_at(outputs * features);
        let weight = TensorData::new(weight.to_vec(), [outputs, features, 1, 1]);
        let (bias, device) = (TensorData::new(bias.to_vec(), [outputs]), self.features.device());
        (Tensor::from_data(weight, &device), Tensor::from_data(bias, &device))
    }
}

/// Mean and standard deviation of each feature.
pub(in crate::learner) struct Standard {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Standard {
    /// Of rows of features. A feature that never moves is left as it is.
    pub fn of(features: &Tensor<2>) -> Self {
        let mean = features.clone().mean_dim(0);
        let variance = (features.clone() - mean.clone()).powi_scalar(2).mean_dim(0);
        let std =
            variance.sqrt().into_data().iter::<f32>().map(|std| if std > 1e-6 { std } else { 1.0 }).collect();
        Self { mean: mean.into_data().iter::<f32>().collect(), std }
    }

    /// Features with a mean of 0 and a standard deviation of 1.
    pub fn apply(&self, features: Tensor<2>) -> Tensor<2> {
        let device = features.device();
        (features - row(&self.mean, &device)) / row(&self.std, &device)
    }

    /// Weight `[outputs, features]` and bias `[outputs]` that do to features what `head` does to standardised ones.
    pub fn fold(&self, head: &[f64], features: usize, outputs: usize) -> (Vec<f32>, Vec<f32>) {
        let mut weight = vec![0.0; features * outputs];
        let mut bias: Vec<f64> = head[features * outputs..].to_vec();
        for (output, bias) in bias.iter_mut().enumerate() {
            for feature in 0..features {
                let place = output * features + feature;
                let value = head[place] / f64::from(self.std[feature]);
                weight[place] = value as f32;
                *bias -= value * f64::from(self.mean[feature]);
            }
        }
        (weight, bias.into_iter().map(|bias| bias as f32).collect())
    }
}

fn row(numbers: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [1, numbers.len()]), device)
}

/// The places of rows or columns, to select them by.
pub(super) fn indices(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}
