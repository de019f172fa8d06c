//! A batch taken apart into a row of bytes per item, and put together again.
//!
//! A row describes its content: for each value its number format, its shape without the batch, its elements in
//! that format. Rows of different items may differ in their first dimension, as texts do in length:
//! [`join`] is the one place that makes a batch of them.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::batch::{Batch, Value};

/// Number formats and what rows call them.
const FORMATS: [(DType, u8); 6] =
    [(DType::F32, 0), (DType::BF16, 1), (DType::F16, 2), (DType::F64, 3), (DType::I64, 4), (DType::I32, 5)];

/// A batch's values, item by item; nothing if a value's format is none that rows have.
pub fn split(batch: Batch, items: usize) -> Vec<Vec<u8>> {
    let mut entries = vec![vec![]; items];
    for value in batch.into_values() {
        let data = match value {
            Value::Rank2(tensor) => tensor.into_data(),
            Value::Rank3(tensor) => tensor.into_data(),
            Value::Rank4(tensor) => tensor.into_data(),
            Value::Ids(tensor) => tensor.into_data(),
        };
        let Some((_, format)) = FORMATS.into_iter().find(|(dtype, _)| *dtype == data.dtype()) else {
            return vec![];
        };
        let bytes = data.as_bytes();
        let width = bytes.len() / items.max(1);
        for (item, entry) in entries.iter_mut().enumerate() {
            entry.extend([format, data.shape().len() as u8 - 1]);
            data.shape()[1..].iter().for_each(|&side| entry.extend((side as u32).to_le_bytes()));
            entry.extend_from_slice(&bytes[item * width..][..width]);
        }
    }
    entries
}

/// The batch of these rows. Those that are shorter in their first dimension are filled up with zeros at its
/// end. `None` if they are no rows or do not fit each other.
pub fn join<R: AsRef<[u8]>>(entries: &[R], device: &Device) -> Option<Batch> {
    let mut entries: Vec<&[u8]> = entries.iter().map(AsRef::as_ref).collect();
    let mut values = vec![];
    while !entries.first()?.is_empty() {
        let parts = entries.iter_mut().map(Part::take).collect::<Option<Vec<Part>>>()?;
        values.push(batch_of(&parts, device)?);
    }
    entries.iter().all(|rest| rest.is_empty()).then(|| Batch::new(values))
}

/// One value of a row.
struct Part<'a> {
    dtype: DType,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// Takes a value off the front of a row.
    fn take(entry: &mut &'a [u8]) -> Option<Self> {
        let (&[format, rank], mut rest) = entry.split_first_chunk::<2>()?;
        let (dtype, _) = FORMATS.into_iter().find(|(_, known)| *known == format)?;
        let mut side = || {
            let (bytes, behind) = rest.split_first_chunk::<4>()?;
            rest = behind;
            Some(u32::from_le_bytes(*bytes) as usize)
        };
        let shape = (0..rank).map(|_| side()).collect::<Option<Vec<usize>>>()?;
        let length = shape.iter().try_fold(dtype.size(), |size, &side| size.checked_mul(side))?;
        let (bytes, behind) = rest.split_at_checked(length)?;
        *entry = behind;
        Some(Self { dtype, shape, bytes })
    }
}

fn batch_of(parts: &[Part], device: &Device) -> Option<Value> {
    let Part { dtype, shape, .. } = parts.first()?;
    let (longest, inner) = match shape.split_first() {
        Some((_, inner)) => (parts.iter().map(|part| part.shape.first().copied()).max()??, inner),
        None => return None,
    };
    let alike = |part: &Part| part.dtype == *dtype && part.shape.get(1..) == Some(inner);
    if !parts.iter().all(alike) {
        return None;
    }
    let width = inner.iter().product::<usize>() * longest * dtype.size();
    let mut bytes = Vec::with_capacity(width * parts.len());
    for (index, part) in parts.iter().enumerate() {
        bytes.extend_from_slice(part.bytes);
        bytes.resize((index + 1) * width, 0);
    }
    let shape: Vec<usize> = [parts.len(), longest].into_iter().chain(inner.iter().copied()).collect();
    let (rank, dtype) = (shape.len(), *dtype);
    let data = TensorData::from_bytes_vec(bytes, shape, dtype);
    match rank {
        2 if dtype.is_int() => Some(Value::Ids(Tensor::<2, Int>::from_data(data, (device, dtype)))),
        2 => Some(Value::Rank2(Tensor::from_data(data, (device, dtype)))),
        3 => Some(Value::Rank3(Tensor::from_data(data, (device, dtype)))),
        4 => Some(Value::Rank4(Tensor::from_data(data, (device, dtype)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::FloatDType;

    #[test]
    fn rows_come_back_bit_by_bit_in_any_order() {
        let device = Device::flex();
        let numbers: Vec<f32> = (0..24).map(|index| (index as f32).sin()).collect();
        let tensor = Tensor::<1>::from_floats(numbers.as_slice(), &device).reshape([3, 2, 2, 2]);
        for tensor in [tensor.clone(), tensor.cast(FloatDType::BF16)] {
            let entries = split(tensor.clone().into(), 3);
            let back = join(&[&entries[2], &entries[0]], &device).unwrap().single::<4>().into_data();
            let expected = Tensor::cat(vec![tensor.clone().narrow(0, 2, 1), tensor.narrow(0, 0, 1)], 0);
            assert_eq!(back, expected.into_data());
        }
    }

    #[test]
    fn values_travel_together_and_short_ones_are_filled_up() {
        let device = Device::flex();
        let text = |length: usize| {
            let hidden = Tensor::<3>::ones([1, length, 2], &device);
            let mask = Tensor::<2, Int>::ones([1, length], &device);
            split(Batch::new(vec![hidden.into(), Value::Ids(mask)]), 1).remove(0)
        };
        let mut values = join(&[text(1), text(2)], &device).unwrap().into_values().into_iter();
        let hidden = Tensor::<3>::try_from(values.next().unwrap()).unwrap().into_data();
        assert_eq!(hidden.shape()[..], [2, 2, 2]);
        assert_eq!(hidden.iter::<f32>().collect::<Vec<_>>(), [1., 1., 0., 0., 1., 1., 1., 1.]);
        let Some(Value::Ids(mask)) = values.next() else { panic!("a mask") };
        assert_eq!(mask.into_data().iter::<i64>().collect::<Vec<_>>(), [1, 0, 1, 1]);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let device = Device::flex();
        let entry = split(Tensor::<2>::ones([1, 3], &device).into(), 1).remove(0);
        let other = split(Tensor::<3>::ones([1, 3, 2], &device).into(), 1).remove(0);
        assert!(join(&[&entry, &other], &device).is_none());
        for end in 0..entry.len() {
            assert!(join(&[&entry[..end]], &device).is_none_or(|batch| batch.values().is_empty()), "{end}");
        }
        let lying = [&[0, 2][..], &[255; 8]].concat();
        assert!(join(&[lying], &device).is_none());
    }
}
