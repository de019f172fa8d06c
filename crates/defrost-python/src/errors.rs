//! The library's errors as Python exceptions. The class names the cause: an argument, the data, the weights. The text says what is wrong
//! and which argument helps.

use std::error::Error;

use defrost::bundle::{BundleError, ContinueError};
use defrost::csv_table::CsvError;
use defrost::data::DataError as ItemError;
use defrost::export::ExportError;
use defrost::files::FileError;
use defrost::learner::{FeaturesError, SaveError};
use defrost::report::RecordError;
use defrost::tabular::{PretrainedTableError, RowPredictError, TableError, TableLearnerError};
use defrost::text::{PretrainedError, TextDataError, TextLearnerError, TextPredictError};
use defrost::vision::{ImageDataError, ImageFeaturesError, ImageLearnerError, ImagePredictError, SetupError};
use defrost::weights::MisfitError;
use defrost::{LearnerError, LoadError, RatesError, Remedy, UseError};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::{PyErr, PyResult, import_exception};

import_exception!(defrost.errors, ArgumentError);
import_exception!(defrost.errors, DataError);
import_exception!(defrost.errors, ModelError);
import_exception!(defrost.errors, TrainingError);
import_exception!(defrost.errors, WeightsError);

/// The cause of an error.
pub enum Blame {
    /// A value that was passed.
    Argument,
    /// The items, or how they are labelled.
    Data,
    /// Pretrained weights.
    Weights,
    /// A saved run, or saving one.
    Model,
    /// The training itself.
    Training,
    /// Ctrl-C.
    Interrupt,
}

/// An error of the library.
pub trait Blamed: Error + Sized + 'static {
    /// Its cause.
    fn blame(&self) -> Blame;

    /// The same as an exception.
    fn raised(self) -> PyErr {
        let text = sentence(&self);
        match self.blame() {
            Blame::Argument => ArgumentError::new_err(text),
            Blame::Data => DataError::new_err(text),
            Blame::Weights => WeightsError::new_err(text),
            Blame::Model => ModelError::new_err(text),
            Blame::Training => TrainingError::new_err(text),
            Blame::Interrupt => PyKeyboardInterrupt::new_err(()),
        }
    }
}

/// Turns the library's results into Python's.
pub trait OrRaise<T> {
    /// The value, or the error as an exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T, E: Blamed> OrRaise<T> for Result<T, E> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(Blamed::raised)
    }
}

/// An `ArgumentError` with this text, which names the argument.
pub fn argument(text: impl Into<String>) -> PyErr {
    ArgumentError::new_err(text.into())
}

/// An error and its causes in a line, without those that it has named itself, and what can be done about it.
fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        let named = found.to_string();
        if !text.ends_with(&named) {
            text = format!("{text}: {named}");
        }
        cause = found.source();
    }
    match Remedy::of(error) {
        Some(remedy) => format!("{text}\nhelp: {}", words(&remedy)),
        None => text,
    }
}

/// The remedy as an argument.
pub fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::NameLabelColumn => "pass label_column=\"NAME\"".to_owned(),
        Remedy::NameTextColumn => "pass text_column=\"NAME\"".to_owned(),
        Remedy::NameSheet => "read the sheet with pandas.read_excel(..., sheet_name=\"NAME\") and pass the frame".to_owned(),
        Remedy::SayEncoding => "read the file with pandas.read_csv(..., encoding=\"NAME\") and pass the frame".to_owned(),
        Remedy::SayHeader => "read the file with pandas.read_csv(..., header=0) and pass the frame".to_owned(),
        Remedy::SayLabelSeparator => "label_separator=\"|\" splits them at another character".to_owned(),
        Remedy::SayKind { column, kind } => format!("column={{{column:?}: {kind:?}}} reads it so"),
        Remedy::DivideByColumn(name) => format!("valid_column={name:?} follows it"),
        Remedy::PredictClass => "target=\"class\" predicts a class".to_owned(),
        Remedy::PredictNumber => "target=\"number\" predicts a number".to_owned(),
        Remedy::PredictLabels => "target=\"labels\" predicts any number of labels".to_owned(),
        Remedy::IgnoreColumn(name) => format!("leave it out with ignore=[{name:?}]"),
        Remedy::IgnoreColumnEarlier(name) => format!("train the earlier run with ignore=[{name:?}]"),
        Remedy::RaiseMaxTokens => "max_tokens= says where".to_owned(),
        Remedy::LowerBatchSize => "a smaller batch= needs less".to_owned(),
        Remedy::ChooseArchitecture(name) => format!("pass arch={name:?}"),
        Remedy::ChooseArchitectureOfRun(name) => format!("pass arch={name:?}, or leave arch out"),
        Remedy::GiveWeights => {
            "pass weights=\"hub\", the path of a .safetensors or .pth file, or \"none\" to start from random ones".to_owned()
        }
        Remedy::StartNewHead => "pretrained= instead of continued= starts a new head on its body".to_owned(),
        Remedy::UseName(name) => format!("did you mean {name:?}?"),
        Remedy::GoOnDespiteChanges => "resume_anyway=True goes on nevertheless".to_owned(),
    }
}

/// Errors for which one thing is always to blame.
macro_rules! always {
    ($($error:ty => $blame:ident),+ $(,)?) => {
        $(impl Blamed for $error {
            fn blame(&self) -> Blame {
                Blame::$blame
            }
        })+
    };
}

always! {
    BundleError => Model,
    ContinueError => Model,
    CsvError => Data,
    ExportError => Model,
    FileError => Model,
    ImageDataError => Data,
    ImagePredictError => Data,
    ItemError => Data,
    LoadError => Model,
    MisfitError => Weights,
    PretrainedError => Weights,
    PretrainedTableError => Model,
    RatesError => Argument,
    RecordError => Model,
    RowPredictError => Data,
    SaveError => Model,
    TableError => Data,
    TextDataError => Data,
    TextPredictError => Data,
}

impl Blamed for SetupError {
    fn blame(&self) -> Blame {
        match self {
            Self::Architecture(_) | Self::Config(_) | Self::NotEmbedded { .. } => Blame::Argument,
            Self::Run(_) | Self::OtherRun { .. } => Blame::Model,
            Self::Weights(_) | Self::Misfit(_) | Self::Unsound(_) | Self::Download(_) => Blame::Weights,
        }
    }
}

impl Blamed for LearnerError {
    fn blame(&self) -> Blame {
        match self {
            Self::Data(_) | Self::Target { .. } | Self::Scores { .. } | Self::NoItems => Blame::Data,
            Self::NotFinite { .. } => Blame::Training,
            Self::Checkpoint(_) => Blame::Model,
            Self::Interrupted => Blame::Interrupt,
            _ => Blame::Argument,
        }
    }
}

impl Blamed for FeaturesError {
    fn blame(&self) -> Blame {
        match self {
            Self::Stage { .. } | Self::NoNumbers(_) => Blame::Argument,
            Self::Data(_) => Blame::Data,
        }
    }
}

impl Blamed for ImageFeaturesError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unreadable { .. } => Blame::Data,
            Self::Features(error) => error.blame(),
        }
    }
}

impl Blamed for UseError {
    fn blame(&self) -> Blame {
        match self {
            Self::Learner(error) => error.blame(),
            _ => Blame::Data,
        }
    }
}

/// Errors of setting up a learner: each part has its own.
macro_rules! setting_up {
    ($($error:ty),+) => {
        $(impl Blamed for $error {
            fn blame(&self) -> Blame {
                match self {
                    Self::Data(_) => Blame::Data,
                    Self::Network(error) => error.blame(),
                    Self::Continue(error) => error.blame(),
                    Self::Learner(error) => error.blame(),
                }
            }
        })+
    };
}

setting_up!(ImageLearnerError, TextLearnerError, TableLearnerError);
