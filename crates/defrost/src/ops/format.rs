//! Number formats: the same numbers in f32 or bf16.

use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, FloatDType, Tensor};

use super::flex::{self, Forward, Operation, whole};

/// The same numbers in another format: any shape, the same shape; the gradient comes back in the input's format.
pub fn in_format<const D: usize>(input: Tensor<D>, format: FloatDType) -> Tensor<D> {
    if input.dtype() == DType::from(format) {
        input
    } else if flex::takes(&input) && matches!(format, FloatDType::F32 | FloatDType::BF16) {
        flex::apply(Cast(format.into()), [input.into_dispatch()])
    } else {
        input.cast(format)
    }
}

/// The same numbers in the format of another tensor, as [`in_format`].
pub fn in_format_of<const D: usize, const E: usize>(input: Tensor<D>, like: &Tensor<E>) -> Tensor<D> {
    in_format(input, like.dtype().into())
}

/// [`in_format`] in plain Burn.
pub(super) fn plain<const D: usize>(input: Tensor<D>, format: DType) -> Tensor<D> {
    if input.dtype() == format { input } else { input.cast(format) }
}

/// [`plain`] to f32.
pub(super) fn plain_f32<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    plain(input, DType::F32)
}

/// To this format.
struct Cast(DType);

impl Operation<1> for Cast {
    /// The input's format.
    type Saved = DType;

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<DType> {
        let format = input.dtype();
        Forward::new(whole(input, self.0), format)
    }

    fn backward(format: DType, grad_output: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(whole(grad_output, format))]
    }
}
