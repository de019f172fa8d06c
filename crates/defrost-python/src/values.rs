//! Arrays and records on their way to Python.
//!
//! An array is a `bytearray` and a shape: numpy makes an array of it without a copy, and is imported by those who use one.

use burn::tensor::TensorData;
use defrost::weights::Tensors;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use pythonize::pythonize;
use serde::Serialize;

use crate::errors::argument;

/// Numbers of 32 bits, row by row, and their shape.
pub type Array<'py> = (Bound<'py, PyByteArray>, Vec<usize>);

/// These numbers as an array of this shape.
pub fn array<'py>(py: Python<'py>, numbers: &[f32], shape: Vec<usize>) -> PyResult<Array<'py>> {
    let bytes = PyByteArray::new_with(py, size_of_val(numbers), |bytes| {
        for (place, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            *place = number.to_ne_bytes();
        }
        Ok(())
    })?;
    Ok((bytes, shape))
}

/// Rows of one width as an array.
pub fn rows<'py>(py: Python<'py>, rows: &[&[f32]]) -> PyResult<Array<'py>> {
    let width = rows.first().map_or(0, |row| row.len());
    array(py, &rows.concat(), vec![rows.len(), width])
}

/// A value of the library as dicts, lists and numbers.
pub fn record<'py, T: Serialize + ?Sized>(py: Python<'py>, value: &T) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize(py, value)?)
}

/// Tensors by name, as arrays of 32-bit numbers.
pub fn state<'py>(py: Python<'py>, tensors: &Tensors) -> PyResult<Vec<(String, Array<'py>)>> {
    let named = |(name, data): (&String, &TensorData)| {
        let numbers: Vec<f32> = data.iter::<f32>().collect();
        Ok((name.clone(), array(py, &numbers, data.shape().to_vec())?))
    };
    tensors.iter().map(named).collect()
}

/// Tensors by name, from arrays of 32-bit numbers without gaps.
pub fn tensors(py: Python<'_>, state: Vec<(String, PyBuffer<f32>)>) -> PyResult<Tensors> {
    let named = |(name, buffer): (String, PyBuffer<f32>)| {
        if !buffer.is_c_contiguous() {
            return Err(argument(format!("{name}: the array has gaps")));
        }
        let shape = buffer.shape().to_vec();
        Ok((name, TensorData::new(buffer.to_vec(py)?, shape)))
    };
    state.into_iter().map(named).collect()
}
