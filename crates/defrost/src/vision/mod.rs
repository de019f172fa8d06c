//! Pictures: finding, reading and transforming them.

pub mod augment;
mod batch_sheet;
mod bundle;
mod check;
mod dataset;
pub mod folder;
mod grad_cam;
mod jpeg;
mod kept;
mod labels;
pub mod models;
mod orient;
pub mod pace;
pub mod picture;
mod picture_folder;
pub mod projective;
pub mod resize;
pub mod sample;
mod setup;
mod thumbnail;
pub mod transform;

pub use batch_sheet::batch_sheet;
pub use bundle::{Explained, LoadedVision, VisionManifest};
pub use check::check;
pub use dataset::Pictures;
pub use grad_cam::grad_cam;
pub use labels::{LabelKind, LabelTable, Labelling, LabelsError};
pub use picture_folder::{PictureFolder, PictureFolderError, Validation, open_known};
pub use setup::{SetupError, VisionSetup, VisionStart, WeightSource};
