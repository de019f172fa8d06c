//! A learner of any kind of data, as the package holds it.

use std::path::PathBuf;
use std::sync::{Mutex, TryLockError};

use defrost::platform::Instant;
use defrost::tabular::TableLearner;
use defrost::text::TextLearner;
use defrost::vision::{ImageLearner, ImageModelConfig, image_grid};
use defrost::weights::{self, Tensors};
use defrost::{LearnerError, LearnerOptions, Note, TargetKind};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::callbacks::{Events, Shared};
use crate::data::{ImageOptions, PyImages, PyRows, PyTexts, TableOptions, TextOptions};
use crate::engine::{compute, compute_until};
use crate::errors::{OrRaise as _, TrainingError, argument, words};
use crate::options::{CacheOptions, LearningOptions, NetworkOptions, SplitOptions};
use crate::values::{Array, record, state, tensors};

/// A learner of one kind of data.
#[allow(clippy::large_enum_variant, reason = "a program holds few learners")]
pub enum AnyLearner {
    Image(ImageLearner),
    Text(TextLearner),
    Table(TableLearner),
}

/// Does the same with a learner of any kind.
macro_rules! any {
    ($learner:expr, $inner:ident => $do:expr) => {
        match $learner {
            $crate::learner::AnyLearner::Image($inner) => $do,
            $crate::learner::AnyLearner::Text($inner) => $do,
            $crate::learner::AnyLearner::Table($inner) => $do,
        }
    };
}
pub(crate) use any;

/// The learner behind the package's `Learner`.
#[pyclass(module = "defrost._defrost", frozen)]
pub struct Learner {
    /// Boxed: Python aligns its objects to 16 bytes, and a learner needs more.
    inner: Box<Mutex<AnyLearner>>,
    pub shared: Shared,
    /// The weights that it was made with.
    pub start: Tensors,
    /// When it was made.
    pub made: Instant,
}

impl Learner {
    fn of(py: Python<'_>, mut learner: AnyLearner, (events, shared): (Py<PyAny>, Shared)) -> PyResult<Self> {
        let observer = Events::new(events, shared.clone());
        let stop = shared.stop.clone();
        let start = compute(py, || {
            any!(&mut learner, learner => {
                learner.observe(Box::new(observer));
                learner.stop_on(stop);
                weights::collect(learner.network())
            })
        })?;
        Ok(Self { inner: Mutex::new(learner).into(), shared, start, made: Instant::now() })
    }

    /// Does something with the learner on all threads. Ctrl-C, and exceptions of callbacks, stop it after the batch.
    pub fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut AnyLearner) -> T + Send,
    ) -> PyResult<T> {
        let mut learner = match self.inner.try_lock() {
            Ok(learner) => learner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(TrainingError::new_err(
                    "the learner is busy: it can be used when the call that it is in has returned, in another thread or around this \
                     callback",
                ));
            }
        };
        self.shared.clear();
        let learner = &mut *learner;
        let outcome = compute_until(py, &self.shared.stop, || work(learner));
        self.shared.raised().map_or(outcome, Err)
    }
}

/// The name of a kind of labels.
pub fn kind(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Class => "class",
        TargetKind::Labels => "labels",
        _ => "number",
    }
}

#[pymethods]
impl Learner {
    /// A learner of images.
    #[staticmethod]
    fn of_images(
        py: Python<'_>,
        images: PyImages,
        options: &Bound<'_, PyDict>,
        events: Py<PyAny>,
    ) -> PyResult<Self> {
        let shared = Shared::default();
        let (cache, memory) = options.extract::<CacheOptions>()?.read()?;
        let data = options.extract::<ImageOptions>()?;
        let data = data.open(py, images, (options.extract::<SplitOptions>()?, memory))?;
        let network = options.extract::<NetworkOptions>()?.read(false)?;
        let learning =
            options.extract::<LearningOptions>()?.read(cache, LearnerOptions::default(), &shared)?;
        let learner = compute(py, || data.learner_with(network, learning).or_raise())??;
        Self::of(py, AnyLearner::Image(learner), (events, shared))
    }

    /// A learner of texts.
    #[staticmethod]
    fn of_texts(
        py: Python<'_>,
        texts: PyTexts,
        options: &Bound<'_, PyDict>,
        events: Py<PyAny>,
    ) -> PyResult<Self> {
        let shared = Shared::default();
        let (cache, _) = options.extract::<CacheOptions>()?.read()?;
        let data = options.extract::<TextOptions>()?.open(py, texts, options.extract::<SplitOptions>()?)?;
        let network = options.extract::<NetworkOptions>()?.read(true)?;
        let learning =
            options.extract::<LearningOptions>()?.read(cache, LearnerOptions::default(), &shared)?;
        let learner = compute(py, || data.learner_with(network, learning).or_raise())??;
        Self::of(py, AnyLearner::Text(learner), (events, shared))
    }

    /// A learner of table rows.
    #[staticmethod]
    fn of_rows(
        py: Python<'_>,
        rows: PyRows,
        options: &Bound<'_, PyDict>,
        events: Py<PyAny>,
    ) -> PyResult<Self> {
        let shared = Shared::default();
        let (cache, _) = options.extract::<CacheOptions>()?.read()?;
        let data = options.extract::<TableOptions>()?.open(py, rows, options.extract::<SplitOptions>()?)?;
        let network = options.extract::<NetworkOptions>()?.read(false)?;
        let given = options.extract::<LearningOptions>()?;
        let usual = LearnerOptions::default();
        let chosen = given.batch();
        let learning = given.read(cache, usual, &shared)?;
        let options = |usual: LearnerOptions| LearnerOptions {
            batch_size: chosen.unwrap_or(usual.batch_size),
            ..learning
        };
        let learner = compute(py, || data.learner_by(network, options).or_raise())??;
        Self::of(py, AnyLearner::Table(learner), (events, shared))
    }

    /// Freezes the first groups; negative positions count from the end.
    fn freeze_to(&self, py: Python<'_>, position: isize) -> PyResult<()> {
        self.with(py, |learner| any!(learner, learner => learner.freeze_to(position)))?.or_raise()
    }

    /// Freezes all groups but the last.
    fn freeze(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |learner| any!(learner, learner => learner.freeze()))?.or_raise()
    }

    /// Thaws all groups.
    fn unfreeze(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |learner| any!(learner, learner => learner.unfreeze()))
    }

    /// Trains these groups and no others.
    fn train_only(&self, py: Python<'_>, groups: Vec<String>) -> PyResult<()> {
        self.with(py, |learner| any!(learner, learner => learner.train_only(&groups)))?.or_raise()
    }

    /// The names of classes or labels; none where the label is a number.
    fn classes(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |learner| any!(learner, learner => learner.classes()))
    }

    /// What it predicts: `class`, `labels` or `number`.
    fn predicts(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |learner| any!(learner, learner => kind(learner.loss().kind())))
    }

    /// What a person should know of how the data was read, each with what can be passed about it.
    fn notes(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let note = |note: &Note| match &note.remedy {
            Some(remedy) => format!("{}; {}", note.text, words(remedy)),
            None => note.text.clone(),
        };
        self.with(py, |learner| any!(learner, learner => learner.notes().iter().map(note).collect()))
    }

    /// The plan, and the phases that have run under it.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let summary = self.with(py, |learner| any!(learner, learner => learner.summary()))?;
        record(py, &summary)
    }

    /// The metric that chooses the best epoch; the validation loss alone if there is none.
    fn monitored(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.with(py, |learner| any!(learner, learner => learner.monitored_metric().map(str::to_owned)))
    }

    /// The network's tensors by name.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Array<'py>)>> {
        let tensors =
            self.with(py, |learner| any!(learner, learner => weights::collect(learner.network())))?;
        state(py, &tensors)
    }

    /// Takes these tensors in place of the network's own.
    fn load_state(&self, py: Python<'_>, state: Vec<(String, PyBuffer<f32>)>) -> PyResult<()> {
        let tensors = tensors(py, state)?;
        self.with(py, |learner| any!(learner, learner => learner.load_weights(&tensors)))?.or_raise()
    }

    /// The first batch of images, as a PNG file.
    fn batch_image<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let drawn = self.with(py, |learner| {
            let AnyLearner::Image(learner) = learner else { return Ok::<_, LearnerError>(None) };
            let batch = learner.first_batch()?;
            let preprocess = learner.model::<ImageModelConfig>().map(|model| model.preprocess);
            Ok(preprocess.and_then(|preprocess| image_grid(&batch, &learner.classes(), &preprocess)))
        })?;
        let image = drawn.or_raise()?.ok_or_else(|| argument("only images are drawn"))?;
        Ok(PyBytes::new(py, &image.to_png()?))
    }

    /// Saves a run into a folder: weights, manifest, tokenizer.
    fn save(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        self.with(py, |learner| any!(learner, learner => learner.save(&folder)))?.or_raise().map(drop)
    }
}
