//! flex tensors as slices, and slices as flex tensors.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{AllocationProperty, Bytes, DType, FloatDType, Shape, TensorData};
use defrost_kernels::{Buffer, Element, Plain, elementwise};
use half::bf16;

use crate::ops::isa::isa;

/// A number format of both flex and the kernels.
pub trait Format: Element + Plain {
    /// Its name in Burn.
    const DTYPE: DType;

    /// All elements of a [`whole`] tensor in this format.
    fn slice(tensor: &FlexTensor) -> &[Self];

    /// The same to write to; copied first if others share it.
    fn slice_mut(tensor: &mut FlexTensor) -> &mut [Self];
}

macro_rules! format {
    ($element:ty, $dtype:ident) => {
        impl Format for $element {
            const DTYPE: DType = DType::$dtype;

            fn slice(tensor: &FlexTensor) -> &[Self] {
                tensor.storage()
            }

            fn slice_mut(tensor: &mut FlexTensor) -> &mut [Self] {
                tensor.storage_mut()
            }
        }
    };
}

format!(f32, F32);
format!(bf16, BF16);

/// Calls a generic function with an activation's format: `by_format!(tensor, function(arguments))`.
macro_rules! by_format {
    ($dtype:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $dtype {
            ::burn::tensor::DType::BF16 => $function::<::half::bf16>($($argument),*),
            _ => $function::<f32>($($argument),*),
        }
    };
}
pub(in crate::ops) use by_format;

/// The same tensor in format `dtype`, its storage holding its elements in order and nothing else. Copies
/// only what is not so already.
pub fn whole(tensor: FlexTensor, dtype: DType) -> FlexTensor {
    let tensor = if tensor.dtype() == dtype { tensor } else { cast(tensor, dtype) };
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

/// The same numbers in another format, in memory of their own.
pub fn cast(tensor: FlexTensor, dtype: DType) -> FlexTensor {
    match (tensor.dtype(), dtype) {
        (DType::F32, DType::BF16) => converted::<f32, bf16>(&whole(tensor, DType::F32)),
        (DType::BF16, DType::F32) => converted::<bf16, f32>(&whole(tensor, DType::BF16)),
        _ => Flex::float_cast(tensor, float(dtype)),
    }
}

fn converted<A: Format, B: Format>(from: &FlexTensor) -> FlexTensor {
    let numbers = A::slice(from);
    let mut converted: Buffer<B> = Buffer::new(numbers.len());
    elementwise::convert(isa(), numbers, &mut converted);
    tensor(converted, from.shape())
}

/// A tensor of these elements, in their memory, which goes back to the pool with its last reader.
pub fn tensor<T: Format>(elements: Buffer<T>, shape: impl Into<Shape>) -> FlexTensor {
    let bytes = Bytes::from_shared(bytes::Bytes::from_owner(elements), AllocationProperty::Native);
    FlexTensor::from_data(TensorData::from_bytes(bytes, shape, T::DTYPE))
}

/// A tensor's dimensions.
pub fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

fn float(dtype: DType) -> FloatDType {
    if dtype == DType::BF16 { FloatDType::BF16 } else { FloatDType::F32 }
}

/// Elements along the last dimension.
pub fn last_dim(tensor: &FlexTensor) -> usize {
    tensor.shape().as_slice().last().copied().unwrap_or(1)
}
