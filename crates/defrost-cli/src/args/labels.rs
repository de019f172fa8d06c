//! Options that say where labels come from.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regex::Regex;

use defrost::csv_table::TableFormat;
use defrost::vision::{LabelTable, Labelling};

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
    #[arg(long, value_name = "CHAR")]
    pub label_separator: Option<char>,
    /// Column that says which items validate: true or false, 1 or 0, valid or train, or a fold
    #[arg(long, value_name = "NAME")]
    pub valid_column: Option<String>,
    /// What to predict: a class, labels (any number for each item) or a number [default: class; of table rows what the label looks like]
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
    /// Refuses what says how rows are trained on where a file of rows is measured.
    pub fn refuse_training(&self) -> Result<(), Failure> {
        if let Some(column) = &self.valid_column {
            return Err(Failure::usage(format!(
                "--valid-column {column}: all rows of the file are measured; leave it out, or give a file of those rows"
            )));
        }
        match self.label_separator {
            Some(_) => Err(Failure::usage(
                "--label-separator: the run's labels tell how cells are read; leave it out",
            )),
            None => Ok(()),
        }
    }

    /// Refuses what only a table can say where images have their labels from folders or file names.
    pub fn refuse_without_table(&self) -> Result<(), Failure> {
        let kind = match self.target {
            _ if self.labels.is_some() => None,
            _ if self.label_separator.is_some() => Some("--label-separator splits the cells of a table"),
            Some(TargetKind::Labels) => Some("--target labels: an image in a class folder is of one class"),
            Some(TargetKind::Number) => Some("--target number: an image in a class folder is of a class"),
            _ => None,
        };
        kind.map_or(Ok(()), |kind| {
            Err(Failure::usage(format!("{kind}; give the labels as a table, with --labels FILE")))
        })
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
                kind: self.target.map(Into::into),
            }),
            (None, Some(pattern)) => Labelling::Pattern(pattern.clone()),
            (None, None) => Labelling::Folders,
        }
    }
}
