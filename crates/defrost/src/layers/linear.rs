//! A dense layer with its weight the way PyTorch keeps it.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

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

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let output = input.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => output + bias.val().unsqueeze(),
            None => output,
        }
    }
}
