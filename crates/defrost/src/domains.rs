//! A saved model of any domain: the one place that knows all of them.
//!
//! A domain that is added gets a variant of [`TrainedModel`], and a line in each of its methods.

use std::path::Path;

use burn::tensor::Device;
use thiserror::Error;

use crate::bundle::{self, BundleError, Loaded, NamedPrediction};
use crate::data::{Dataset, Skipped};
#[cfg(feature = "onnx")]
use crate::export::{Checks, ExportError, ExportOptions, Exported, TorchExport};
use crate::learner::{Evaluation, Learner, LearnerError, TestTimeAugmentation};
use crate::prefix::{Cache, CacheLimits};

#[cfg(feature = "tabular")]
use crate::tabular::{RowPredictError, TableError, TableModelConfig};
#[cfg(feature = "text")]
use crate::text::{TextDataError, TextModelConfig, TextPredictError};
#[cfg(feature = "vision")]
use crate::vision::ImagePredictError;
#[cfg(feature = "vision")]
use crate::vision::{ImageDataError, ImageModelConfig, Labelling};

/// Items that are measured at once.
const BATCH: usize = 32;

/// A saved model, ready to use.
///
/// ```no_run
/// use defrost::prelude::*;
///
/// let model = Learner::load("runs/photos")?;
/// println!("{:?}", model.predict("new.jpg")?);
/// println!("{:?}", model.evaluate("photos")?.evaluation.metrics);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a program holds few models")]
pub enum TrainedModel {
    /// Of images.
    #[cfg(feature = "vision")]
    Image(Loaded<ImageModelConfig>),
    /// Of texts.
    #[cfg(feature = "text")]
    Text(Loaded<TextModelConfig>),
    /// Of table rows.
    #[cfg(feature = "tabular")]
    Table(Loaded<TableModelConfig>),
}

/// A run can't be opened.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It is none, or damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its domain is not in this program.
    #[error("{run}: a {task} model, which this program does not know; it knows {}", KNOWN.join(", "))]
    UnknownTask {
        /// The run.
        run: String,
        /// Its domain.
        task: String,
    },
}

/// A model can't be measured, or can't say anything about an input.
#[derive(Debug, Error)]
pub enum UseError {
    /// An image can't be read.
    #[cfg(feature = "vision")]
    #[error(transparent)]
    Image(#[from] ImagePredictError),
    /// Images can't be measured on.
    #[cfg(feature = "vision")]
    #[error(transparent)]
    Images(#[from] ImageDataError),
    /// A text can't be encoded.
    #[cfg(feature = "text")]
    #[error(transparent)]
    Text(#[from] TextPredictError),
    /// Texts can't be measured on.
    #[cfg(feature = "text")]
    #[error(transparent)]
    Texts(#[from] TextDataError),
    /// A row can't be encoded.
    #[cfg(feature = "tabular")]
    #[error(transparent)]
    Row(#[from] RowPredictError),
    /// Words are no row.
    #[cfg(feature = "tabular")]
    #[error("`{0}` is no row: one is given as column=cell, column=cell")]
    Cells(String),
    /// Rows can't be measured on.
    #[cfg(feature = "tabular")]
    #[error(transparent)]
    Rows(#[from] TableError),
    /// An item can't be read any more.
    #[error(transparent)]
    Learner(#[from] LearnerError),
}

/// How good a model is on labelled items.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The measurements.
    pub evaluation: Evaluation,
    /// Items that can't be read.
    pub skipped: Vec<Skipped>,
}

/// Domains that are part of this program.
const KNOWN: &[&str] = &[
    #[cfg(feature = "vision")]
    <ImageModelConfig as bundle::ModelConfig>::TASK,
    #[cfg(feature = "text")]
    <TextModelConfig as bundle::ModelConfig>::TASK,
    #[cfg(feature = "tabular")]
    <TableModelConfig as bundle::ModelConfig>::TASK,
];

/// Does the same with the run of any domain.
macro_rules! any {
    ($model:expr, $run:ident => $do:expr) => {
        match $model {
            #[cfg(feature = "vision")]
            TrainedModel::Image($run) => $do,
            #[cfg(feature = "text")]
            TrainedModel::Text($run) => $do,
            #[cfg(feature = "tabular")]
            TrainedModel::Table($run) => $do,
        }
    };
}

impl Learner<()> {
    /// Loads a saved run, whatever it was trained on.
    ///
    /// # Errors
    ///
    /// If there is none, it is damaged, or it does not answer as it did when it was saved.
    pub fn load(run: impl AsRef<Path>) -> Result<TrainedModel, LoadError> {
        TrainedModel::open(run.as_ref(), &Device::flex())
    }
}

impl TrainedModel {
    /// Loads a saved run on this device.
    ///
    /// # Errors
    ///
    /// If there is none, it is damaged, or it does not answer as it did when it was saved.
    pub fn open(run: &Path, device: &Device) -> Result<Self, LoadError> {
        use bundle::ModelConfig as _;
        let task = bundle::task(run)?;
        match task.as_str() {
            #[cfg(feature = "vision")]
            ImageModelConfig::TASK => Ok(Self::Image(Loaded::open(run, device)?)),
            #[cfg(feature = "text")]
            TextModelConfig::TASK => Ok(Self::Text(Loaded::open(run, device)?)),
            #[cfg(feature = "tabular")]
            TableModelConfig::TASK => Ok(Self::Table(Loaded::open(run, device)?)),
            _ => Err(LoadError::UnknownTask { run: run.display().to_string(), task }),
        }
    }

    /// The domain's name in runs.
    pub fn task(&self) -> &str {
        any!(self, run => &run.manifest.task)
    }

    /// The names of its classes or labels; none where it gives a number.
    pub fn classes(&self) -> &[String] {
        any!(self, run => &run.manifest.classes)
    }

    /// The prediction for an input: the image in a file, a text itself, or a row as `column=cell, column=cell`.
    ///
    /// # Errors
    ///
    /// If the input can't be read or encoded.
    pub fn predict(&self, input: &str) -> Result<NamedPrediction, UseError> {
        match self {
            #[cfg(feature = "vision")]
            Self::Image(run) => Ok(run.predict_one(input)?),
            #[cfg(feature = "text")]
            Self::Text(run) => Ok(run.predict_one(input)?),
            #[cfg(feature = "tabular")]
            Self::Table(run) => {
                let cells = input.split(',').filter(|cell| !cell.trim().is_empty());
                let cells: Option<Vec<(&str, &str)>> = cells.map(|cell| cell.split_once('=')).collect();
                let cells = cells.ok_or_else(|| UseError::Cells(input.to_owned()))?;
                let cells = cells.into_iter().map(|(column, cell)| (column.trim(), cell.trim()));
                Ok(run.predict_one(cells)?)
            }
        }
    }

    /// How good it is on labelled data, given as for training: of a folder with a part that validates, that part.
    ///
    /// # Errors
    ///
    /// If there are no items of its classes, or one can't be read any more.
    pub fn evaluate(&self, data: impl AsRef<Path>) -> Result<Measured, UseError> {
        let data = data.as_ref();
        match self {
            #[cfg(feature = "vision")]
            Self::Image(run) => {
                let plain = TestTimeAugmentation::NONE;
                let (items, skipped) = run.labelled(data, &Labelling::Folders, plain)?;
                self.measure(&items, skipped)
            }
            #[cfg(feature = "text")]
            Self::Text(run) => {
                let (items, skipped) = run.labelled(data)?;
                self.measure(&items, skipped)
            }
            #[cfg(feature = "tabular")]
            Self::Table(run) => {
                let (items, skipped) = run.labelled(data)?;
                self.measure(&items, skipped)
            }
        }
    }

    /// Writes it as an ONNX file, and beside it what belongs to it.
    ///
    /// # Errors
    ///
    /// If a part of it has no graph, the file would be too long, or one can't be written.
    #[cfg(feature = "onnx")]
    pub fn export(&self, file: impl AsRef<Path>, options: &ExportOptions) -> Result<Exported, ExportError> {
        any!(self, run => run.export(file.as_ref(), options))
    }

    /// The items that this export is compared on, and the run's answers to them.
    ///
    /// # Errors
    ///
    /// If the file is no export of this run, or an item can't be prepared.
    #[cfg(feature = "onnx")]
    pub fn checks_of(&self, file: impl AsRef<Path>) -> Result<Checks, ExportError> {
        any!(self, run => run.checks_of(file.as_ref()))
    }

    /// Writes its weights as a safetensors file that a network of PyTorch's libraries takes.
    ///
    /// # Errors
    ///
    /// If none of them has this network, or the file can't be written.
    #[cfg(feature = "onnx")]
    pub fn export_torch(&self, file: impl AsRef<Path>) -> Result<TorchExport, ExportError> {
        any!(self, run => run.export_torch(file.as_ref()))
    }

    fn measure(&self, items: &dyn Dataset, skipped: Vec<Skipped>) -> Result<Measured, UseError> {
        let mut cache = Cache::new(CacheLimits::none());
        let evaluation =
            any!(self, run => run.evaluate(items, BATCH, TestTimeAugmentation::NONE, &mut cache))?;
        Ok(Measured { evaluation, skipped })
    }
}
