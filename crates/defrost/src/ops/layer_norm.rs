//! Layer norm over the last dimension (arXiv 1607.06450).

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use defrost_kernels::Buffer;
use defrost_kernels::norm::{LayerNormGradients, layer_norm_backward, layer_norm_forward};

use super::flex::{self, Format, Forward, Operation, by_format, last_dim, tensor, whole, whole_f32};
use super::isa::isa;

/// `(x - mean) / sqrt(variance + epsilon) * scale + shift`, each over the last dimension: any shape, the same
/// shape; `scale` and `shift` are as long as that dimension.
pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    if !flex::takes(&input) {
        return plain(input, scale, shift, epsilon);
    }
    let inputs = [input.into_dispatch(), scale.into_dispatch(), shift.into_dispatch()];
    flex::apply(LayerNorm { epsilon: epsilon as f32 }, inputs)
}

/// [`layer_norm`] in plain Burn.
pub fn plain<const D: usize>(
    input: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let centred = input.clone() - input.mean_dim(D - 1);
    let variance = centred.clone().square().mean_dim(D - 1);
    centred / (variance + epsilon).sqrt() * scale.unsqueeze() + shift.unsqueeze()
}

/// Of input, scale and shift.
struct LayerNorm {
    epsilon: f32,
}

#[derive(Clone, Debug)]
struct Saved {
    input: FlexTensor,
    scale: FlexTensor,
    epsilon: f32,
}

impl Operation<3> for LayerNorm {
    type Saved = Saved;

    fn forward(self, [input, scale, shift]: [FlexTensor; 3], _: [bool; 3]) -> Forward<Saved> {
        let format = input.dtype();
        let saved = Saved { input: whole(input, format), scale: whole_f32(scale), epsilon: self.epsilon };
        Forward::new(by_format!(format, value(&saved, &whole_f32(shift))), saved)
    }

    fn backward(saved: Saved, grad_output: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let format = saved.input.dtype();
        by_format!(format, gradients(&saved, &whole(grad_output, format))).map(Some)
    }
}

fn value<T: Format>(saved: &Saved, shift: &FlexTensor) -> FlexTensor {
    let Saved { input, scale, epsilon } = saved;
    let mut output: Buffer<T> = Buffer::new(T::slice(input).len());
    layer_norm_forward(isa(), T::slice(input), f32::slice(scale), f32::slice(shift), *epsilon, &mut output);
    tensor(output, input.shape())
}

/// The gradients of input, scale and shift.
fn gradients<T: Format>(saved: &Saved, grad_output: &FlexTensor) -> [FlexTensor; 3] {
    let Saved { input, scale, epsilon } = saved;
    let features = last_dim(input);
    let mut of_input: Buffer<T> = Buffer::new(T::slice(input).len());
    let (mut of_scale, mut of_shift) = (Buffer::new(features), Buffer::new(features));
    layer_norm_backward(
        isa(),
        T::slice(input),
        f32::slice(scale),
        *epsilon,
        T::slice(grad_output),
        LayerNormGradients { x: &mut of_input, gamma: &mut of_scale, beta: &mut of_shift },
    );
    [tensor(of_input, input.shape()), tensor(of_scale, [features]), tensor(of_shift, [features])]
}
