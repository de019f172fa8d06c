//! Why images can't be trained on.

use std::path::PathBuf;

use thiserror::Error;

use crate::data::split::SplitError;
use crate::data::{MixedLabels, Skipped};
use crate::vision::labels::LabelsError;

/// Images can't be trained on.
#[derive(Debug, Error)]
pub enum ImageDataError {
    /// Its structure is not that of a data set, or it is not labelled as it should be.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Images in memory are labelled in different ways.
    #[error(transparent)]
    Mixed(#[from] MixedLabels),
    /// All images in memory are of one class, or there are none.
    #[error("the images are of {0} classes; training needs at least two")]
    Classes(usize),
    /// A table and a folder both say what validates.
    #[error(
        "a folder of validation images has no labels in a table; name a column that says which images validate"
    )]
    TwoValidations,
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// No image can be read.
    #[error("{}: none of the {count} images can be read; the first: {first}", path.display())]
    NothingReadable {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// No image of a class can be read.
    #[error("{}: none of the {count} images of class {class} can be read; the first: {first}", path.display())]
    ClassUnreadable {
        /// The folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// How many images it has.
        count: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// All images validate.
    #[error("{}: all images are there to validate and none to train on", .0.display())]
    NothingTrains(PathBuf),
}
