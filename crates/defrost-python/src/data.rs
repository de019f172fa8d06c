//! Data sets from what Python has: paths, lists, buffers and columns.

use std::path::PathBuf;

use defrost::csv_table::{CsvTable, TableFormat};
use defrost::data::Label;
use defrost::tabular::{ColumnKind, Design, TableData};
use defrost::text::{TextColumns, TextData, Together};
use defrost::vision::augment::AugmentPolicy;
use defrost::vision::image::Image;
use defrost::vision::{ImageData, ImageItem, LabelTable, Labelling};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use crate::engine::compute;
use crate::errors::{OrRaise as _, argument};
use crate::options::{SplitOptions, choice, expression, target};

/// An image as Python gives it: a path, or pixels as `[height, width, 3]`.
#[derive(FromPyObject)]
pub enum PyImage {
    File(PathBuf),
    Pixels(PyBuffer<u8>),
}

impl PyImage {
    /// The same for the library, which has a copy of its pixels.
    pub fn item(&self, py: Python<'_>) -> PyResult<ImageItem> {
        let pixels = match self {
            Self::File(path) => return Ok(ImageItem::File(path.clone())),
            Self::Pixels(pixels) => pixels,
        };
        let &[height, width, 3] = pixels.shape() else {
            let shape = pixels.shape();
            return Err(argument(format!("an image has the shape [height, width, 3], not {shape:?}")));
        };
        let image = Image::from_rgb(width, height, pixels.to_vec(py)?);
        image.map(ImageItem::Image).ok_or_else(|| argument("an image has at least one pixel"))
    }
}

/// A label as Python gives it.
#[derive(FromPyObject)]
pub enum PyLabel {
    Class(String),
    Number(f32),
    Labels(Vec<String>),
}

impl From<PyLabel> for Label {
    fn from(label: PyLabel) -> Self {
        match label {
            PyLabel::Class(class) => Self::Class(class),
            PyLabel::Number(number) => Self::Number(number),
            PyLabel::Labels(labels) => Self::Labels(labels),
        }
    }
}

/// Columns of a frame: their names and cells.
pub type Columns = Vec<(String, Vec<String>)>;

/// Images as Python gives them.
#[derive(FromPyObject)]
pub enum PyImages {
    Folder(PathBuf),
    Labelled(Vec<(PyImage, PyLabel)>),
}

/// How images are found, labelled, split and varied.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ImageOptions {
    augment: String,
    labels: Option<PathBuf>,
    label_regex: Option<String>,
    image_column: Option<String>,
    label_column: Option<String>,
    label_separator: Option<char>,
    valid_column: Option<String>,
    group_column: Option<String>,
    group_regex: Option<String>,
    target: Option<String>,
    seed: u64,
}

impl ImageOptions {
    fn labelling(&self) -> PyResult<Labelling> {
        match (&self.labels, &self.label_regex) {
            (Some(_), Some(_)) => {
                Err(argument("labels, label_regex: both say what the labels are; leave one of them out"))
            }
            (Some(file), None) => Ok(Labelling::Table(LabelTable {
                file: file.clone(),
                image_column: self.image_column.clone(),
                label_column: self.label_column.clone(),
                valid_column: self.valid_column.clone(),
                group_column: self.group_column.clone(),
                kind: self.target.as_deref().map(target).transpose()?,
                separator: self.label_separator,
                format: TableFormat::default(),
            })),
            (None, Some(pattern)) => Ok(Labelling::Pattern(expression("label_regex", pattern)?)),
            (None, None) => Ok(Labelling::Folders),
        }
    }

    /// The images; `memory` bytes of decoded ones are kept.
    pub fn open(
        &self,
        py: Python<'_>,
        images: PyImages,
        (split, memory): (SplitOptions, u64),
    ) -> PyResult<ImageData> {
        let policies = [
            ("default", AugmentPolicy::default()),
            ("none", AugmentPolicy::none()),
            ("strong", AugmentPolicy::strong()),
        ];
        let augment = choice("augment", &self.augment, &policies)?;
        let together = self.group_regex.as_ref().map(|given| expression("group_regex", given)).transpose()?;
        let data = match images {
            PyImages::Folder(folder) => {
                let labelling = self.labelling()?;
                compute(py, || ImageData::open_with(&folder, labelling))?.or_raise()?
            }
            PyImages::Labelled(items) => {
                let labelled = |(image, label): (PyImage, PyLabel)| Ok((image.item(py)?, Label::from(label)));
                let items: Vec<(ImageItem, Label)> =
                    items.into_iter().map(labelled).collect::<PyResult<_>>()?;
                ImageData::from_items(items).or_raise()?
            }
        };
        let data = data.validation(split.read()?).augment(augment).seed(self.seed).memory(memory);
        Ok(match together {
            Some(pattern) => data.keep_together(pattern),
            None => data,
        })
    }
}

/// Texts as Python gives them.
#[derive(FromPyObject)]
pub enum PyTexts {
    Path(PathBuf),
    Frame(Columns),
    Labelled(Vec<(String, PyLabel)>),
}

/// How texts are found, labelled and split.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct TextOptions {
    text_column: Option<String>,
    label_column: Option<String>,
    label_separator: Option<char>,
    valid_column: Option<String>,
    group_column: Option<String>,
    group_regex: Option<String>,
    target: Option<String>,
    max_tokens: usize,
    seed: u64,
}

impl TextOptions {
    /// The texts.
    pub fn open(&self, py: Python<'_>, texts: PyTexts, split: SplitOptions) -> PyResult<TextData> {
        let mut data = match texts {
            PyTexts::Path(path) => compute(py, || TextData::open(&path))?.or_raise()?,
            PyTexts::Frame(columns) => TextData::from_table(CsvTable::from_columns(columns).or_raise()?),
            PyTexts::Labelled(texts) => TextData::from_texts(texts).or_raise()?,
        };
        let columns = TextColumns { text: self.text_column.clone(), label: self.label_column.clone() };
        data = data.columns(columns).validation(split.read()?);
        data = match (&self.group_column, &self.group_regex) {
            (Some(_), Some(_)) => {
                return Err(argument(
                    "group_column, group_regex: both say what belongs together; leave one of them out",
                ));
            }
            (Some(column), None) => data.keep_together(Together::Column(column.clone())),
            (None, Some(pattern)) => data.keep_together(Together::Path(expression("group_regex", pattern)?)),
            (None, None) => data,
        };
        if let Some(kind) = &self.target {
            data = data.target(target(kind)?);
        }
        if let Some(separator) = self.label_separator {
            data = data.label_separator(separator);
        }
        if let Some(column) = &self.valid_column {
            data = data.valid_column(column);
        }
        Ok(data.max_tokens(self.max_tokens).seed(self.seed))
    }
}

/// Rows as Python gives them.
#[derive(FromPyObject)]
pub enum PyRows {
    Path(PathBuf),
    Frame(Columns),
}

/// How the columns of a table are used.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct TableOptions {
    label_column: Option<String>,
    label_separator: Option<char>,
    valid_column: Option<String>,
    group_column: Option<String>,
    target: Option<String>,
    column: Vec<(String, String)>,
    ignore: Vec<String>,
    recipe: String,
    seed: u64,
}

impl TableOptions {
    /// The rows.
    pub fn open(&self, py: Python<'_>, rows: PyRows, split: SplitOptions) -> PyResult<TableData> {
        let mut data = match rows {
            PyRows::Path(path) => compute(py, || TableData::open(&path))?.or_raise()?,
            PyRows::Frame(columns) => TableData::from_table(CsvTable::from_columns(columns).or_raise()?),
        };
        data = data.ignore(self.ignore.clone()).validation(split.read()?);
        if let Some(label) = &self.label_column {
            data = data.label(label);
        }
        if let Some(kind) = &self.target {
            data = data.target(target(kind)?);
        }
        if let Some(separator) = self.label_separator {
            data = data.label_separator(separator);
        }
        for (name, kind) in &self.column {
            let kind = kind.parse::<ColumnKind>();
            data = data
                .column(name, kind.map_err(|error| argument(format!("column={{{name:?}: …}}: {error}")))?);
        }
        if let Some(column) = &self.group_column {
            data = data.keep_together(column);
        }
        if let Some(column) = &self.valid_column {
            data = data.valid_column(column);
        }
        let designs = [("auto", Design::Quantiles), ("fastai", Design::Fastai)];
        Ok(data.design(choice("recipe", &self.recipe, &designs)?).seed(self.seed))
    }
}
