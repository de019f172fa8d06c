//! Options that say where labels come from.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regex::Regex;

use defrost::csv_table::TableFormat;
use defrost::vision::{LabelKind, LabelTable, Labelling};

use crate::failure::Failure;

/// Where labels come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Labels and validation")]
pub struct LabelOptions {
    /// A CSV file that labels the images, one line each, instead of their folders
    #[arg(long, value_name = "FILE", conflicts_with = "label_regex")]
    pub labels: Option<PathBuf>,
    /// Read labels off file names: the first group of this expression, as in "^(.+)_[0-9]+"
    #[arg(long, value_name = "RE")]
    pub label_regex: Option<Regex>,
    /// Column with the images' paths, with or without extension [default: the first]
    #[arg(long, value_name = "NAME", requires = "labels")]
    pub image_column: Option<String>,
    /// Column to predict
    ///
    /// [default: for images the second; for texts the one named "label" or alike]
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,
    /// Character between several labels in a cell [default: what the cells have: | ; , or blanks]
    #[arg(long, value_name = "CHAR", requires = "labels")]
    pub label_separator: Option<char>,
    /// Column that says which items validate: true or false, 1 or 0, valid or train, or a fold
    #[arg(long, value_name = "NAME")]
    pub valid_column: Option<String>,
    /// What to predict: a class, labels (several of an image) or a number [default: class; of tables what the label looks like]
    #[arg(long, value_name = "KIND")]
    pub target: Option<TargetKind>,
}

/// The kinds of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    Class,
    Labels,
    Number,
}

impl TargetKind {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Labels => "labels",
            Self::Number => "number",
        }
    }
}

impl From<TargetKind> for defrost::TargetKind {
    fn from(kind: TargetKind) -> Self {
        match kind {
            TargetKind::Class => Self::Class,
            TargetKind::Labels => Self::Labels,
            TargetKind::Number => Self::Number,
        }
    }
}

impl LabelOptions {
    /// Refuses a column that divides rows where all of them are measured.
    pub fn refuse_split(&self) -> Result<(), Failure> {
        match &self.valid_column {
            Some(column) => Err(Failure::usage(format!(
                "--valid-column {column}: all rows of the file are measured; leave it out, or give a file of those rows"
            ))),
            None => Ok(()),
        }
    }

    /// Where images have their labels from.
    pub fn labelling(&self) -> Labelling {
        match (&self.labels, &self.label_regex) {
            (Some(file), _) => Labelling::Table(LabelTable {
                file: file.clone(),
                image_column: self.image_column.clone(),
                label_column: self.label_column.clone(),
                valid_column: self.valid_column.clone(),
                separator: self.label_separator,
                format: TableFormat::default(),
                group_column: None,
                kind: match self.target.unwrap_or(TargetKind::Class) {
                    TargetKind::Class => LabelKind::Class,
                    TargetKind::Labels => LabelKind::Labels,
                    TargetKind::Number => LabelKind::Number,
                },
            }),
            (None, Some(pattern)) => Labelling::Pattern(pattern.clone()),
            (None, None) => Labelling::Folders,
        }
    }
}
