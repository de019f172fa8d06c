//! A dense head's problem: its features in one matrix, standardised, and its loss with the gradient.

use burn::tensor::{Device, Tensor, TensorData};

use crate::loss::AnyLoss;

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

    /// The problem of these rows alone.
    pub fn select(&self, rows: &[usize]) -> Self {
        let device = self.features.device();
        let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let count = rows.len();
        let rows = Tensor::<1, burn::tensor::Int>::from_data(TensorData::new(rows, [count]), &device);
        Self {
            features: self.features.clone().select(0, rows.clone()),
            targets: self.targets.clone().select(0, rows),
            items: count,
            loss: self.loss.clone(),
        }
    }

    /// The problem of these features alone.
    pub fn with_features(&self, features: &[usize]) -> Self {
        let places: Vec<i64> = features.iter().map(|&feature| feature as i64).collect();
        let places = TensorData::new(places, [features.len()]);
        let places = Tensor::<1, burn::tensor::Int>::from_data(places, &self.features.device());
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

    /// Mean loss of a head as it is measured, without smoothing and class weights.
    pub fn loss(&self, head: &[f64]) -> f64 {
        let loss = self.loss.unweighted().unwrap_or_else(|| self.loss.clone());
        f64::from(loss.forward(self.scores(head), self.targets.clone()).into_scalar::<f32>())
    }

    /// Scores of a head, `[rows, outputs]`.
    pub fn scores(&self, head: &[f64]) -> Tensor<2> {
        let (weight, bias) = self.head(head);
        self.features.clone().matmul(weight) + bias
    }

    /// Mean loss of a head, and the gradient of `loss + penalty / 2 · ‖weight‖²`, whose first number is that sum.
    pub fn evaluate(&self, head: &[f64], penalty: f64) -> (f64, Vec<f64>) {
        let scores = self.scores(head).autodiff().require_grad();
        let loss = self.loss.forward(scores.clone(), self.targets.clone().autodiff());
        let gradients = loss.backward();
        let value = f64::from(loss.into_scalar::<f32>());
        let weights = head.len() - self.targets.dims()[1];
        let squares: f64 = head[..weights].iter().map(|weight| weight * weight).sum();
        let Some(by_score) = scores.grad(&gradients) else { return (value, vec![0.0; head.len()]) };
        let by_weight = self.features.clone().transpose().matmul(by_score.clone());
        let by_bias = by_score.sum_dim(0);
        let mut gradient: Vec<f64> = by_weight.into_data().iter::<f64>().collect();
        gradient.iter_mut().zip(head).for_each(|(gradient, weight)| *gradient += penalty * weight);
        gradient.extend(by_bias.into_data().iter::<f64>());
        (value + penalty / 2.0 * squares, gradient)
    }

    /// The numbers of a head as `[features, outputs]` and `[1, outputs]`.
    fn head(&self, head: &[f64]) -> (Tensor<2>, Tensor<2>) {
        let ([_, features], [_, outputs]) = (self.features.dims(), self.targets.dims());
        let device = self.features.device();
        let tensor = |numbers: &[f64], shape: [usize; 2]| {
            let numbers: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            Tensor::from_data(TensorData::new(numbers, shape), &device)
        };
        let (weight, bias) = head.split_at(features * outputs);
        (tensor(weight, [features, outputs]), tensor(bias, [1, outputs]))
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
        for feature in 0..features {
            for output in 0..outputs {
                let value = head[feature * outputs + output] / f64::from(self.std[feature]);
                weight[output * features + feature] = value as f32;
                bias[output] -= value * f64::from(self.mean[feature]);
            }
        }
        (weight, bias.into_iter().map(|bias| bias as f32).collect())
    }
}

fn row(numbers: &[f32], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [1, numbers.len()]), device)
}
