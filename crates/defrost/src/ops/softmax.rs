//! Softmax over the last dimension.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, activation};
use defrost_kernels::{Buffer, softmax};

use super::flex::{self, Format, Forward, Operation, by_format, last_dim, tensor, whole};
use super::isa::isa;

/// Softmax over the last dimension: any shape, the same shape.
pub fn softmax_rows<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) { flex::apply(Softmax, [input.into_dispatch()]) } else { plain(input) }
}

/// [`softmax_rows`] in plain Burn.
pub fn plain<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    activation::softmax(input, D - 1)
}

struct Softmax;

impl Operation<1> for Softmax {
    /// The output.
    type Saved = FlexTensor;

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<FlexTensor> {
        let format = input.dtype();
        let output = by_format!(format, value(&whole(input, format)));
        Forward::new(output.clone(), output)
    }

    fn backward(output: FlexTensor, grad_output: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let format = output.dtype();
        [Some(by_format!(format, gradient(&output, &whole(grad_output, format))))]
    }
}

fn value<T: Format>(input: &FlexTensor) -> FlexTensor {
    let mut output: Buffer<T> = Buffer::new(T::slice(input).len());
    softmax::softmax(isa(), T::slice(input), last_dim(input), &mut output);
    tensor(output, input.shape())
}

fn gradient<T: Format>(output: &FlexTensor, grad_output: &FlexTensor) -> FlexTensor {
    let mut grad_input: Buffer<T> = Buffer::new(T::slice(output).len());
    let (values, gradients) = (T::slice(output), T::slice(grad_output));
    softmax::softmax_backward(isa(), values, gradients, last_dim(output), &mut grad_input);
    tensor(grad_input, output.shape())
}
