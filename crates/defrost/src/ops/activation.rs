//! Functions of single elements between layers: GELU and hardswish.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, activation};
use defrost_kernels::{Buffer, IsaLevel, elementwise};

use super::flex::{self, Format, Forward, Operation, by_format, tensor, whole};
use super::isa::isa;

/// `x · Φ(x)`, Φ the normal distribution (arXiv 1606.08415): any shape, the same shape.
pub fn gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) { flex::apply(Curve::Gelu, [input.into_dispatch()]) } else { plain_gelu(input) }
}

/// [`gelu`] in plain Burn.
pub fn plain_gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    activation::gelu(input)
}

/// `x · min(max(x + 3, 0), 6) / 6` (arXiv 1905.02244): any shape, the same shape.
pub fn hardswish<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) {
        flex::apply(Curve::Hardswish, [input.into_dispatch()])
    } else {
        plain_hardswish(input)
    }
}

/// [`hardswish`] in plain Burn.
pub fn plain_hardswish<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    input.clone() * (input + 3.0).clamp(0.0, 6.0) / 6.0
}

/// A function of single elements.
#[derive(Clone, Copy, Debug)]
enum Curve {
    Gelu,
    Hardswish,
}

impl Operation<1> for Curve {
    /// The function and its input.
    type Saved = (Self, FlexTensor);

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<Self::Saved> {
        let format = input.dtype();
        let input = whole(input, format);
        Forward::new(by_format!(format, value(self, &input)), (self, input))
    }

    fn backward(
        (curve, input): Self::Saved,
        grad_output: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let format = input.dtype();
        [Some(by_format!(format, gradient(curve, &input, &whole(grad_output, format))))]
    }
}

fn value<T: Format>(curve: Curve, input: &FlexTensor) -> FlexTensor {
    let kernel: fn(IsaLevel, &[T], &mut [T]) = match curve {
        Curve::Gelu => elementwise::gelu,
        Curve::Hardswish => elementwise::hardswish,
    };
    let mut output: Buffer<T> = Buffer::new(T::slice(input).len());
    kernel(isa(), T::slice(input), &mut output);
    tensor(output, input.shape())
}

fn gradient<T: Format>(curve: Curve, input: &FlexTensor, grad_output: &FlexTensor) -> FlexTensor {
    let kernel: fn(IsaLevel, &[T], &[T], &mut [T]) = match curve {
        Curve::Gelu => elementwise::gelu_backward,
        Curve::Hardswish => elementwise::hardswish_backward,
    };
    let mut grad_input: Buffer<T> = Buffer::new(T::slice(input).len());
    kernel(isa(), T::slice(input), T::slice(grad_output), &mut grad_input);
    tensor(grad_input, input.shape())
}
