//! Features of images, for other programs.

use std::sync::Mutex;

use defrost::vision::{ImageFeatures, ImageItem};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::data::PyImage;
use crate::engine::{compute, lock};
use crate::errors::OrRaise as _;
use crate::options::{CacheOptions, NetworkOptions};
use crate::values::{Array, array};

/// The network behind the package's `Features`.
#[pyclass(module = "defrost._defrost", frozen)]
pub struct Features {
    /// Boxed, as a learner is.
    network: Box<Mutex<ImageFeatures>>,
}

#[pymethods]
impl Features {
    /// Opens a network and its weights.
    #[staticmethod]
    fn open(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let network = options.extract::<NetworkOptions>()?.read(false)?;
        let (cache, _) = options.extract::<CacheOptions>()?.read()?;
        let network = compute(py, || ImageFeatures::open(network, cache))?.or_raise()?;
        Ok(Self { network: Mutex::new(network).into() })
    }

    /// A row of features for each image: what a stage gives, or the whole body.
    fn of<'py>(&self, py: Python<'py>, images: Vec<PyImage>, stage: Option<&str>) -> PyResult<Array<'py>> {
        let items: Vec<ImageItem> = images.iter().map(|image| image.item(py)).collect::<PyResult<_>>()?;
        let found = compute(py, || lock(&self.network).of(items, stage))?.or_raise()?;
        let count = found.rows().count();
        array(py, &found.numbers, vec![count, found.width])
    }
}
