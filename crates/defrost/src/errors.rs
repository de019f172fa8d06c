//! All errors of this library that know a remedy, in one place.

use std::error::Error;
use std::iter::successors;

use crate::bundle::ContinueError;
use crate::groups::GroupsError;
use crate::learner::{CheckpointError, FeaturesError, LearnerError};
use crate::remedy::Remedy;
use crate::weights::MisfitError;

impl Remedy {
    /// What can be done about an error of this library, or about one that it is the cause of.
    ///
    /// ```
    /// use defrost::Remedy;
    /// use defrost::learner::CheckpointError;
    ///
    /// let error = CheckpointError::Environment(vec!["threads: 4, and 2 when the run began".to_owned()]);
    /// assert_eq!(Remedy::of(&error), Some(Remedy::GoOnDespiteChanges));
    /// assert_eq!(Remedy::of(&std::fmt::Error), None);
    /// ```
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        successors(Some(error), |&error| passed_on(error).or_else(|| error.source())).find_map(of_this)
    }
}

/// The error inside a transparent one. `source` skips it, so remedies have to look there.
#[cfg(not(any(feature = "vision", feature = "text", feature = "tabular")))]
fn passed_on<'a>(_: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    None
}

/// The error inside a transparent one. `source` skips it, so remedies have to look there.
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
fn passed_on<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let mut found: Option<&'a (dyn Error + 'static)> = None;
    macro_rules! look_in {
        ($kind:ty: $($part:ident),+) => {
            type Kind = $kind;
            match error.downcast_ref::<Kind>() {
                $(Some(Kind::$part(part)) => found = Some(part),)+
                _ => {}
            }
        };
    }
    #[cfg(feature = "vision")]
    {
        look_in!(crate::vision::ImageLearnerError: Data, Network, Continue, Learner);
    }
    #[cfg(feature = "vision")]
    {
        look_in!(crate::vision::ImageDataError: Labels);
    }
    #[cfg(feature = "text")]
    {
        look_in!(crate::text::TextLearnerError: Data, Network, Continue, Learner);
    }
    #[cfg(feature = "tabular")]
    {
        look_in!(crate::tabular::TableLearnerError: Data, Network, Continue, Learner);
    }
    found
}

fn of_this(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut found = None;
    macro_rules! look_at {
        ($($kind:ty),+) => {
            $(found = found.or_else(|| error.downcast_ref::<$kind>()?.remedy());)+
        };
    }
    look_at!(CheckpointError, ContinueError, FeaturesError, GroupsError, LearnerError, MisfitError);
    #[cfg(feature = "vision")]
    look_at!(
        crate::vision::ImageConfigError,
        crate::vision::ImageFeaturesError,
        crate::vision::LabelsError,
        crate::vision::SetupError,
        crate::vision::models::UnknownArchitecture
    );
    #[cfg(feature = "_tables")]
    look_at!(crate::csv_table::CsvError);
    #[cfg(feature = "text")]
    look_at!(
        crate::text::PretrainedError,
        crate::text::TextDataError,
        crate::text::TextSourceError,
        crate::text::language_model::CorpusError
    );
    #[cfg(feature = "tabular")]
    look_at!(crate::tabular::PretrainedTableError, crate::tabular::TableError);
    #[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
    let found = found.or_else(|| nearest_column(error));
    found
}

/// The nearest column to one that a table does not have.
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
fn nearest_column(error: &(dyn Error + 'static)) -> Option<Remedy> {
    use crate::csv_table::CsvError;

    let found = error.downcast_ref::<CsvError>();
    #[cfg(feature = "vision")]
    let found = found.or_else(|| {
        use crate::vision::{ImageDataError, LabelsError};
        match error.downcast_ref()? {
            ImageDataError::Labels(LabelsError::Csv(error)) => Some(error),
            _ => None,
        }
    });
    #[cfg(feature = "text")]
    let found = found.or_else(|| {
        use crate::text::{TextDataError, TextSourceError};
        match error.downcast_ref()? {
            TextDataError::Source(TextSourceError::Csv(error)) => Some(error),
            _ => None,
        }
    });
    #[cfg(feature = "tabular")]
    let found = found.or_else(|| match error.downcast_ref()? {
        crate::tabular::TableError::Csv(error) => Some(error),
        _ => None,
    });
    match found? {
        CsvError::NoColumn { name, columns, .. } => Remedy::nearest(name, columns.split(", ")),
        _ => None,
    }
}

#[cfg(all(test, feature = "vision"))]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_passed_on_keeps_its_remedy() {
        use crate::vision::{ImageData, ImageDataError, ImageLearnerError, LabelsError};

        let unclear = || LabelsError::Unclear { path: "labels.csv".into(), columns: "cat, dog".to_owned() };
        let passed = ImageLearnerError::from(ImageDataError::from(unclear()));
        assert_eq!(Remedy::of(&passed), Some(Remedy::PredictLabels));

        let images = || {
            let image = crate::vision::image::Image::from_rgb(1, 1, vec![0; 3]).unwrap();
            ["a", "b"].map(|class| (image.clone(), class))
        };
        let error = ImageData::from_images(images()).unwrap().learner("resnet81").map(drop).unwrap_err();
        assert_eq!(Remedy::of(&error), Some(Remedy::UseName("resnet18".to_owned())));
    }
}
