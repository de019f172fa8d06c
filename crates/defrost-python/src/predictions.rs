//! Predictions of learners and saved models, for items of each kind.

use std::collections::BTreeMap;

use defrost::TrainedModel;
use defrost::bundle::NamedPrediction;
use defrost::learner::TestTimeAugmentation;
use defrost::metrics::NotANumber;
use defrost::tabular::{RowPredictError, Schema, TableModelConfig};
use defrost::vision::image::{Image, ImageError};
use defrost::vision::{ImageInput, ImageItem, ImagePredictError};
use pyo3::prelude::*;
use serde::Serialize;

use crate::data::PyImage;
use crate::errors::{DataError, argument};
use crate::learner::AnyLearner;
use crate::values::{Array, record, rows};

/// Items to predict, as Python gives them.
#[derive(FromPyObject)]
pub enum PyInputs {
    /// Table rows, cells by column.
    Rows(Vec<BTreeMap<String, PyCell>>),
    /// Texts, or the paths of images: strings both.
    Strings(Vec<String>),
    Images(Vec<PyImage>),
}

/// A cell of a row.
#[derive(FromPyObject)]
pub enum PyCell {
    /// As a file of rows has it.
    Text(String),
    /// A number, however its column writes numbers.
    Number(f64),
}

/// The same for the library.
pub enum Inputs {
    Rows(Vec<BTreeMap<String, PyCell>>),
    Strings(Vec<String>),
    Images(Vec<ImageItem>),
}

impl PyInputs {
    pub fn read(self, py: Python<'_>) -> PyResult<Inputs> {
        Ok(match self {
            Self::Rows(rows) => Inputs::Rows(rows),
            Self::Strings(strings) => Inputs::Strings(strings),
            Self::Images(images) => {
                Inputs::Images(images.iter().map(|image| image.item(py)).collect::<PyResult<_>>()?)
            }
        })
    }
}

impl Inputs {
    fn images(&self) -> Result<Vec<ImageInput<'_>>, String> {
        match self {
            Self::Strings(paths) => Ok(paths.iter().map(|path| ImageInput::from(path.as_str())).collect()),
            Self::Images(images) => Ok(images.iter().map(input).collect()),
            Self::Rows(_) => Err("the learner is for images: give paths, PIL images or arrays".to_owned()),
        }
    }

    /// The file of each image; none of those in memory.
    fn files(&self) -> Vec<Option<String>> {
        let file = |image: &ImageItem| match image {
            ImageItem::File(path) => Some(path.display().to_string()),
            ImageItem::Image(_) => None,
        };
        match self {
            Self::Strings(paths) => paths.iter().cloned().map(Some).collect(),
            Self::Images(images) => images.iter().map(file).collect(),
            Self::Rows(_) => vec![],
        }
    }

    fn texts(&self) -> Result<&[String], String> {
        match self {
            Self::Strings(texts) => Ok(texts),
            _ => Err("the learner is for texts: give strings".to_owned()),
        }
    }

    /// The rows as this schema reads them.
    fn rows(&self, schema: &Schema) -> Result<Vec<BTreeMap<String, String>>, String> {
        let Self::Rows(rows) = self else {
            return Err("the learner is for table rows: give dicts or a frame".to_owned());
        };
        let cell = |(column, cell): (&String, &PyCell)| {
            let text = match cell {
                PyCell::Text(text) => text.clone(),
                PyCell::Number(number) => schema.number_cell(column, &number.to_string()),
            };
            (column.clone(), text)
        };
        Ok(rows.iter().map(|row| row.iter().map(cell).collect()).collect())
    }
}

fn input(item: &ImageItem) -> ImageInput<'_> {
    match item {
        ImageItem::File(path) => ImageInput::File(path.clone()),
        ImageItem::Image(image) => ImageInput::Image(image),
    }
}

/// The prediction for each item, or the reason why there is none.
pub type Answers = Vec<Result<NamedPrediction, String>>;

fn told<E: ToString>(answers: Vec<Result<NamedPrediction, E>>) -> Answers {
    answers.into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect()
}

/// A learner's predictions now; the outer error is about the kind of items.
pub fn of_learner(learner: &AnyLearner, inputs: &Inputs) -> Result<Answers, String> {
    Ok(match learner {
        AnyLearner::Image(learner) => named(told(learner.predict_all(&inputs.images()?)), &inputs.files()),
        AnyLearner::Text(learner) => {
            told(learner.predict_all(inputs.texts()?).map_err(|error| error.to_string())?)
        }
        AnyLearner::Table(learner) => {
            let model: &TableModelConfig =
                learner.model().ok_or_else(|| RowPredictError::NoModel.to_string())?;
            told(learner.predict_rows(&inputs.rows(&model.schema)?))
        }
    })
}

/// A saved model's predictions; the outer error is about the kind of items.
pub fn of_model(model: &TrainedModel, inputs: &Inputs) -> Result<Answers, String> {
    Ok(match model {
        TrainedModel::Image(run) => {
            let read = |input: &ImageInput<'_>| match input {
                ImageInput::File(path) => Image::open(path),
                ImageInput::Image(image) => Ok((*image).clone()),
            };
            let read = |input: &ImageInput<'_>| read(input).map_err(ReadError::Image);
            let answers = run.predict_all(&inputs.images()?, TestTimeAugmentation::NONE, read);
            let found = answers.into_iter().map(|answer| answer.map(|answer| run.named(answer)));
            let answers = told(found.map(|answer| answer.map_err(ImagePredictError::from)).collect());
            named(answers, &inputs.files())
        }
        TrainedModel::Text(run) => {
            let tokenizer = run.tokenizer().map_err(|error| error.to_string())?;
            let answers = run.predict(inputs.texts()?, &tokenizer).into_iter();
            answers.map(|answer| answer.map(|answer| run.named(answer))).collect()
        }
        TrainedModel::Table(run) => {
            let answers = run.predict_rows(&inputs.rows(&run.manifest.model.schema)?).into_iter();
            answers.map(|answer| answer.map(|answer| run.named(answer))).collect()
        }
    })
}

/// An image can't be predicted.
enum ReadError {
    Image(ImageError),
    Scores(NotANumber),
}

impl From<NotANumber> for ReadError {
    fn from(error: NotANumber) -> Self {
        Self::Scores(error)
    }
}

impl From<ReadError> for ImagePredictError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Image(error) => error.into(),
            ReadError::Scores(error) => error.into(),
        }
    }
}

/// What the package shows of a prediction beside its probabilities.
#[derive(Serialize)]
struct Words<'a> {
    /// The predicted class; none for labels and numbers.
    class: Option<&'a str>,
    labels: Vec<&'a str>,
    number: Option<f32>,
    familiarity: Option<f32>,
    notes: &'a [String],
    text: String,
}

/// The predictions, each error with the name of its item.
fn named(answers: Answers, names: &[Option<String>]) -> Answers {
    let name = |(place, answer): (usize, Result<NamedPrediction, String>)| {
        answer.map_err(|error| match names.get(place).and_then(Option::as_ref) {
            Some(name) => format!("{name}: {error}"),
            None => error,
        })
    };
    answers.into_iter().enumerate().map(name).collect()
}

/// The predictions for Python: probabilities or numbers as an array, and the rest of each as a dict. One that could not be made is
/// an exception that names it.
pub fn answers<'py>(
    py: Python<'py>,
    found: Result<Answers, String>,
) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
    let found = found.map_err(argument)?;
    let count = found.len();
    let failed = found.iter().filter(|answer| answer.is_err()).count();
    let name = |(place, answer): (usize, Result<NamedPrediction, String>)| {
        answer.map_err(|error| match count {
            1 => DataError::new_err(error),
            _ => DataError::new_err(format!(
                "{failed} of {count} items can't be predicted; the first is item {place}: {error}"
            )),
        })
    };
    let found: Vec<NamedPrediction> = found.into_iter().enumerate().map(name).collect::<PyResult<_>>()?;
    let scores: Vec<&[f32]> = found.iter().map(|answer| answer.scores.0.as_slice()).collect();
    let words: Vec<Words<'_>> = found
        .iter()
        .map(|answer| Words {
            class: answer.class(),
            labels: answer.labels(),
            number: answer.number(),
            familiarity: answer.familiarity,
            notes: &answer.notes,
            text: answer.to_string(),
        })
        .collect();
    Ok((rows(py, &scores)?, record(py, &words)?))
}
