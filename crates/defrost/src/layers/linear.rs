//! A dense layer with its weight the way PyTorch keeps it.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use crate::graph::{Graph, Value};
use crate::ops::{self, Conv2dOptions, WindowConfig};

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

    /// The same for each pixel: `[batch, height, width, inputs]` to `[batch, height, width, outputs]`.
    ///
    /// A dense layer is a convolution with a window of one, which has kernels of its own.
    pub fn forward_pixels(&self, input: Tensor<4>) -> Tensor<4> {
        let bias = self.addend(&input.device());
        product(input, self.filters(), bias, None)
    }

    /// `residual + scale · (input · weightᵀ + bias)` for each pixel, with a factor for each output, `[outputs]`, if there
    /// is one (layer scale, arXiv 2103.17239): one operation, since the factors are folded into weight and bias.
    pub fn forward_residual(
        &self,
        residual: Tensor<4>,
        input: Tensor<4>,
        scale: Option<Tensor<1>>,
    ) -> Tensor<4> {
        let (mut weight, mut bias) = (self.filters(), self.addend(&input.device()));
        if let Some(scale) = scale {
            weight = ops::scale_filters(weight, scale.clone());
            bias = bias * scale;
        }
        product(input, weight, bias, Some(residual))
    }

    /// The same for each position: `[batch, positions, inputs]` to `[batch, positions, outputs]`.
    pub fn forward_positions(&self, input: Tensor<3>) -> Tensor<3> {
        let [batch, positions, inputs] = input.dims();
        let output = self.forward_pixels(input.reshape([batch, positions, 1, inputs]));
        let outputs = output.dims()[3];
        output.reshape([batch, positions, outputs])
    }

    fn filters(&self) -> Tensor<4> {
        let weight = self.weight.val();
        let [outputs, inputs] = weight.dims();
        weight.reshape([outputs, inputs, 1, 1])
    }

    fn addend(&self, device: &Device) -> Tensor<1> {
        match &self.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([self.weight.lazy_shape()[0]], device),
        }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let ([batch, inputs], [outputs, _]) = (input.dims(), self.weight.dims());
        self.forward_positions(input.reshape([batch, 1, inputs])).reshape([batch, outputs])
    }

    /// The same in a graph: `[…, inputs]` to `[…, outputs]`.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let weight = graph.name_of(&self.weight);
        let weight = graph.tensor(&weight, self.weight.val().transpose());
        let y = graph.node("MatMul", &[x, weight]);
        match &self.bias {
            Some(bias) => {
                let bias = graph.parameter(bias);
                graph.node("Add", &[y, bias])
            }
            None => y,
        }
    }

    /// [`forward_pixels`](Self::forward_pixels) in a graph, over an image with channels first.
    pub fn export_pixels(&self, graph: &mut Graph, x: Value) -> Value {
        let weight = graph.name_of(&self.weight);
        let weight = graph.tensor(&weight, self.filters());
        let bias = self.bias.as_ref().map(|bias| graph.parameter(bias));
        graph.conv(x, weight, bias, WindowConfig::centered(1, 1))
    }

    /// [`forward_residual`](Self::forward_residual) in a graph, over `[…, inputs]`.
    pub fn export_residual(
        &self,
        graph: &mut Graph,
        residual: Value,
        x: Value,
        scale: Option<Tensor<1>>,
    ) -> Value {
        let (mut weight, mut bias) = (self.filters(), self.addend(&self.weight.device()));
        if let Some(scale) = scale {
            weight = ops::scale_filters(weight, scale.clone());
            bias = bias * scale;
        }
        let [outputs, inputs, ..] = weight.dims();
        let name = graph.name_of(&self.weight);
        let weight = graph.tensor(&name, weight.reshape([outputs, inputs]).transpose());
        let name = self.bias.as_ref().map_or_else(|| format!("{name}.bias"), |bias| graph.name_of(bias));
        let bias = graph.tensor(&name, bias);
        let product = graph.node("MatMul", &[x, weight]);
        let y = graph.node("Add", &[product, bias]);
        graph.node("Add", &[residual, y])
    }
}

fn product(input: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, residual: Option<Tensor<4>>) -> Tensor<4> {
    let options = Conv2dOptions { residual, ..Conv2dOptions::new(WindowConfig::centered(1, 1)) };
    ops::conv2d(input, weight, bias, options)
}
