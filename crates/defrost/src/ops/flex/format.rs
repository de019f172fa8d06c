//! flex tensors as slices, and slices as flex tensors.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType, Shape, TensorData};
use defrost_kernels::Element;
use half::bf16;
use half::vec::HalfBitsVecExt;

/// A number format of both flex and the kernels.
pub trait Format: Element {
    /// All elements of a [`whole`] tensor in this format.
    fn slice(tensor: &FlexTensor) -> &[Self];

    /// The same to write to; copied first if others share it.
    fn slice_mut(tensor: &mut FlexTensor) -> &mut [Self];

    /// Zeros that no loop writes: the system hands out memory that is zero already.
    fn zeros(len: usize) -> Vec<Self>;

    /// A tensor of these elements.
    fn tensor(elements: Vec<Self>, shape: impl Into<Shape>) -> FlexTensor;
}

macro_rules! format {
    ($element:ty, $zeros:expr) => {
        impl Format for $element {
            fn slice(tensor: &FlexTensor) -> &[Self] {
                tensor.storage()
            }

            fn slice_mut(tensor: &mut FlexTensor) -> &mut [Self] {
                tensor.storage_mut()
            }

            fn zeros(len: usize) -> Vec<Self> {
                $zeros(len)
            }

            fn tensor(elements: Vec<Self>, shape: impl Into<Shape>) -> FlexTensor {
                FlexTensor::from_data(TensorData::new(elements, shape))
            }
        }
    };
}

format!(f32, |len| vec![0.0; len]);
// Through u16, of which the standard library knows that zeros need no loop.
format!(bf16, |len| vec![0u16; len].reinterpret_into());

/// Calls a generic function with an activation's format: `by_format!(tensor, function(arguments))`.
macro_rules! by_format {
    ($dtype:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $dtype {
            ::burn::tensor::DType::BF16 => $function::<::half::bf16>($($argument),*),
            _ => $function::<f32>($($argument),*),
        }
    };
}
pub(super) use by_format;

/// The same tensor in format `dtype`, its storage holding its elements in order and nothing else. Copies
/// only what is not so already.
pub fn whole(tensor: FlexTensor, dtype: DType) -> FlexTensor {
    let tensor = if tensor.dtype() == dtype { tensor } else { Flex::float_cast(tensor, float(dtype)) };
    let bytes = tensor.layout().num_elements() * dtype.size();
    if tensor.is_contiguous() && tensor.layout().start_offset() == 0 && tensor.bytes().len() == bytes {
        return tensor;
    }
    tensor.to_contiguous()
}

/// As [`whole`], in f32: what weights, norms and statistics are.
pub fn whole_f32(tensor: FlexTensor) -> FlexTensor {
    whole(tensor, DType::F32)
}

/// A new slice to be overwritten.
pub fn blank<T: Format>(len: usize) -> Vec<T> {
    T::zeros(len)
}

/// A tensor's dimensions.
pub fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

fn float(dtype: DType) -> FloatDType {
    if dtype == DType::BF16 { FloatDType::BF16 } else { FloatDType::F32 }
}
