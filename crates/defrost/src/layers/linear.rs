//! A dense layer with its weight the way PyTorch keeps it.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use crate::ops::{self, Nonlinearity, Window};

/// `input · weightᵀ + bias`
#[derive(Module, Debug)]
pub struct Linear {
    /// `[outputs, inputs]`
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// New weights, Kaiming normal over the inputs (fastai's choice for heads); bias 0.
    pub fn new(inputs: usize, outputs: usize, bias: bool, device: &Device) -> Self {
        let normal = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
        let weight = normal.init_with([outputs, inputs], Some(inputs), None, device);
        Self { weight, bias: bias.then(|| Param::from_tensor(Tensor::zeros([outputs], device))) }
    }

    /// All weights and biases 0: every output says the same, whatever comes in.
    pub fn zeros(inputs: usize, outputs: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([outputs, inputs], device)),
            bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
        }
    }

    /// The same for each position: `[batch, positions, inputs]` to `[batch, positions, outputs]`.
    ///
    /// A dense layer is a convolution with a window of one, which has kernels of its own.
    pub fn forward_positions(&self, input: Tensor<3>) -> Tensor<3> {
        let [batch, positions, inputs] = input.dims();
        let weight = self.weight.val();
        let [outputs, _] = weight.dims();
        let bias = match &self.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([outputs], &input.device()),
        };
        let output = ops::conv2d(
            input.reshape([batch, positions, 1, inputs]),
            weight.reshape([outputs, inputs, 1, 1]),
            bias,
            None,
            Window::centered(1, 1),
            Nonlinearity::Identity,
        );
        output.reshape([batch, positions, outputs])
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let ([batch, inputs], [outputs, _]) = (input.dims(), self.weight.dims());
        self.forward_positions(input.reshape([batch, 1, inputs])).reshape([batch, outputs])
    }
}
