//! Batch normalisation (arXiv 1502.03167) with PyTorch's statistics.
//!
//! A norm's flag alone decides whether it uses the batch or its running statistics, and the
//! flag is set by the freeze plan: a norm whose flag is off is a constant scale and shift per channel.

use burn::module::{Flag, Module, Param, RunningState};
use burn::tensor::{Device, Tensor};

use crate::graph::{Attribute, Graph, Value};

/// The configuration of a norm.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormConfig {
    /// Channels.
    pub channels: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl BatchNormConfig {
    /// PyTorch's epsilon.
    pub fn new(channels: usize) -> Self {
        Self { channels, epsilon: 1e-5 }
    }

    /// Scale 1, shift 0, running mean 0, running variance 1.
    pub fn init(&self, device: &Device) -> BatchNorm {
        BatchNorm {
            weight: Param::from_tensor(Tensor::ones([self.channels], device)),
            bias: Param::from_tensor(Tensor::zeros([self.channels], device)),
            running_mean: RunningState::new(Tensor::zeros([self.channels], device)),
            running_var: RunningState::new(Tensor::ones([self.channels], device)),
            training: Param::from_bool(true),
            epsilon: self.epsilon,
        }
    }
}

/// How far running statistics move towards a batch's.
const MOMENTUM: f64 = 0.1;

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Running unbiased variance, `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
    /// Whether batch statistics are used, and followed by the running ones.
    pub training: Param<Flag>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl BatchNorm {
    /// Whether the next forward pass looks at the batch.
    pub fn uses_batch_statistics(&self) -> bool {
        self.training.is_enabled()
    }

    /// The norm over its running statistics as one scale and one shift per channel, `[channels]` each.
    pub fn folded(&self) -> (Tensor<1>, Tensor<1>) {
        let std = (self.running_var.value() + self.epsilon).sqrt();
        let scale = self.weight.val() / std;
        let shift = self.bias.val() - self.running_mean.value() * scale.clone();
        (scale, shift)
    }

    /// Lets the running statistics follow a batch of `count` values per channel, given its mean and
    /// biased variance. The running variance follows the unbiased one, as in PyTorch.
    pub fn follow(&self, mean: Tensor<1>, variance: Tensor<1>, count: usize) {
        let unbiased = variance * (count as f64 / (count.max(2) - 1) as f64);
        for (running, batch) in [(&self.running_mean, mean), (&self.running_var, unbiased)] {
            let old = running.value().without_autodiff();
            running.update(old * (1.0 - MOMENTUM) + batch.without_autodiff() * MOMENTUM);
            // Saving the network would miss a pending update: settle it now.
            running.value_sync();
        }
    }

    /// Normalises `[batch, channels]`.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        if !self.uses_batch_statistics() {
            let (scale, shift) = self.folded();
            return input * scale.unsqueeze() + shift.unsqueeze();
        }
        let [count, channels] = input.dims();
        let mean = input.clone().mean_dim(0);
        let centred = input - mean.clone();
        let variance = centred.clone().square().mean_dim(0);
        self.follow(mean.reshape([channels]), variance.clone().reshape([channels]), count);
        centred / (variance + self.epsilon).sqrt() * self.weight.val().unsqueeze()
            + self.bias.val().unsqueeze()
    }

    /// The norm over its running statistics in a graph: of rows `[batch, channels]`, or of images with channels first.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let weight = graph.name_of(&self.weight);
        let norm = weight.strip_suffix("weight").unwrap_or(&weight).to_owned();
        let inputs = [
            x,
            graph.parameter(&self.weight),
            graph.parameter(&self.bias),
            graph.tensor(&format!("{norm}running_mean"), self.running_mean.value()),
            graph.tensor(&format!("{norm}running_var"), self.running_var.value()),
        ];
        let epsilon = Attribute::Float(self.epsilon as f32);
        graph.node_with("BatchNormalization", &inputs, &[("epsilon", epsilon)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_variance_follows_the_unbiased_one() {
        let device = Device::flex();
        let norm = BatchNormConfig::new(1).init(&device);
        norm.forward(Tensor::from_floats([[1.0], [3.0]], &device));
        // Mean 2, unbiased variance 2: a tenth of the way from 0 and from 1.
        assert_eq!(norm.running_mean.value().into_data().iter::<f32>().collect::<Vec<_>>(), [0.2]);
        assert_eq!(norm.running_var.value().into_data().iter::<f32>().collect::<Vec<_>>(), [1.1]);
    }

    #[test]
    fn one_item_stays_finite() {
        let device = Device::flex();
        let norm = BatchNormConfig::new(1).init(&device);
        let output = norm.forward(Tensor::from_floats([[7.0]], &device));
        assert_eq!(output.into_data().iter::<f32>().collect::<Vec<_>>(), [0.0]);
        assert!(norm.running_var.value().into_data().iter::<f32>().collect::<Vec<_>>()[0].is_finite());
    }
}
