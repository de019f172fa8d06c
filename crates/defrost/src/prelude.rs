//! The names that most programs need: `use defrost::prelude::*;`

pub use crate::bundle::NamedPrediction;
pub use crate::data::{DataError, Dataset, Fingerprint, Label, Target, Validation, Variant};
pub use crate::learner::{Learner, LearnerOptions, Observer};
pub use crate::pretrained::{HeadKind, Pretrained};
pub use crate::recipe::FineTune;
pub use crate::split_data::SplitData;
pub use crate::stage::{Network, Stage};
pub use crate::{Batch, FreezePlan, Loss, NormMode, Precision, Rates};

#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
pub use crate::csv_table::CsvTable;
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
pub use crate::domains::TrainedModel;
#[cfg(feature = "tabular")]
pub use crate::tabular::{TableData, TableLearner};
#[cfg(feature = "text")]
pub use crate::text::{TextData, TextLearner};
#[cfg(feature = "vision")]
pub use crate::vision::{
    ImageData, ImageFolder, ImageLearner, Labelling, augment::AugmentPolicy, image::Image,
};
