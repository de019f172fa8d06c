//! Boundary activations kept in memory: what the frozen prefix makes of an item is computed once.
//!
//! A row is what lies at the boundary for one item under one view of it. Rows stay true as long as the
//! prefix does: the learner clears the cache whenever a frozen weight could have changed.

use std::collections::HashMap;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::activation::{Activation, Value};

/// Which of the learner's data sets an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The training items.
    Train,
    /// The validation items.
    Valid,
}

/// What a row is the boundary of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// The data set.
    pub part: Part,
    /// The item in it.
    pub item: usize,
    /// Which look at the item, if it is augmented.
    pub view: Option<u64>,
}

/// The values of an item at the boundary, each without its batch dimension.
type Row = Vec<TensorData>;

/// Rows up to a number of bytes; what does not fit is computed again.
#[derive(Debug, Default)]
pub struct BoundaryCache {
    rows: HashMap<RowKey, Row>,
    bytes: u64,
    limit: u64,
}

impl BoundaryCache {
    /// A cache that holds up to `limit` bytes; 0 keeps nothing.
    pub fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keeps a batch's rows, as far as they fit.
    pub fn insert(&mut self, keys: &[RowKey], batch: Activation) {
        if self.limit == 0 {
            return;
        }
        for (&key, row) in keys.iter().zip(split(batch, keys.len())) {
            let bytes: u64 = row.iter().map(|data| data.as_bytes().len() as u64).sum();
            if self.bytes + bytes <= self.limit && self.rows.insert(key, row).is_none() {
                self.bytes += bytes;
            }
        }
    }

    /// The batch made of these rows, if all of them are here.
    pub fn batch(&self, keys: &[RowKey], device: &Device) -> Option<Activation> {
        let rows: Vec<&Row> = keys.iter().map(|key| self.rows.get(key)).collect::<Option<_>>()?;
        Some(join(&rows, device))
    }
}

/// A batch's values, item by item.
fn split(batch: Activation, items: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![vec![]; items];
    for value in batch.into_values() {
        let data = match value {
            Value::Rank2(tensor) => tensor.into_data(),
            Value::Rank3(tensor) => tensor.into_data(),
            Value::Rank4(tensor) => tensor.into_data(),
            Value::Ids(tensor) => tensor.into_data(),
        };
        let shape = data.shape()[1..].to_vec();
        let bytes = data.as_bytes();
        let width = bytes.len() / items.max(1);
        for (row, bytes) in rows.iter_mut().zip(bytes.chunks_exact(width.max(1))) {
            row.push(TensorData::from_bytes_vec(bytes.to_vec(), shape.clone(), data.dtype()));
        }
    }
    rows
}

/// The batch of these items: the reverse of [`split`].
fn join(rows: &[&Row], device: &Device) -> Activation {
    let values = (0..rows.first().map_or(0, |row| row.len())).map(|index| {
        let first = &rows[0][index];
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row[index].as_bytes()).copied().collect();
        let shape: Vec<usize> = [rows.len()].into_iter().chain(first.shape().iter().copied()).collect();
        let (rank, dtype) = (shape.len(), first.dtype());
        let data = TensorData::from_bytes_vec(bytes, shape, dtype);
        match rank {
            _ if dtype.is_int() => Value::Ids(Tensor::<2, Int>::from_data(data, (device, dtype))),
            2 => Value::Rank2(Tensor::from_data(data, (device, dtype))),
            3 => Value::Rank3(Tensor::from_data(data, (device, dtype))),
            _ => Value::Rank4(Tensor::from_data(data, (device, dtype))),
        }
    });
    Activation::new(values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::FloatDType;

    fn keys(items: std::ops::Range<usize>) -> Vec<RowKey> {
        items.map(|item| RowKey { part: Part::Train, item, view: Some(1) }).collect()
    }

    #[test]
    fn rows_come_back_bit_by_bit_in_any_order() {
        let device = Device::flex();
        let numbers: Vec<f32> = (0..24).map(|index| (index as f32).sin()).collect();
        let tensor = Tensor::<1>::from_floats(numbers.as_slice(), &device).reshape([3, 2, 2, 2]);
        let tensor = tensor.cast(FloatDType::BF16);
        let mut cache = BoundaryCache::new(1 << 20);
        cache.insert(&keys(0..3), tensor.clone().into());
        assert_eq!(cache.bytes(), 24 * 2);
        let back = cache.batch(&keys(1..3), &device).unwrap().single::<4>();
        assert_eq!(back.into_data(), tensor.narrow(0, 1, 2).into_data());
        assert!(cache.batch(&keys(2..4), &device).is_none());
    }

    #[test]
    fn the_limit_holds() {
        let device = Device::flex();
        let tensor = Tensor::<2>::ones([4, 10], &device);
        let mut cache = BoundaryCache::new(100);
        cache.insert(&keys(0..4), tensor.into());
        assert_eq!(cache.bytes(), 80);
        assert!(cache.batch(&keys(0..2), &device).is_some() && cache.batch(&keys(2..3), &device).is_none());
        cache.clear();
        assert_eq!(cache.bytes(), 0);
    }
}
