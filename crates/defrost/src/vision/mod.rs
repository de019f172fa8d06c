//! Images: finding, reading and transforming them.

pub mod augment;
mod bundle;
mod check;
mod colour;
mod dataset;
mod decode;
mod decoded_images;
mod export;
mod features;
mod format;
mod grad_cam;
mod heat_png;
mod heic;
pub mod image;
mod image_data;
mod image_grid;
mod jpeg;
#[cfg(feature = "jpeg-xl")]
mod jpeg_xl;
mod label_table;
mod labels;
mod learner;
mod look;
pub mod models;
mod orient;
pub mod projective;
pub mod resize;
pub mod sample;
mod setup;
mod similar;
mod thumbnail;
mod tiff;
pub mod timing;
pub mod transform;

pub use bundle::{Explained, ImageConfigError, ImageModelConfig, LoadedVision};
pub use dataset::Images;
pub use features::{ImageFeatures, ImageFeaturesError};
pub use format::UnreadFormat;
pub use grad_cam::grad_cam;
pub use image_data::{ImageData, ImageDataError, ImageFolder, ImageItem};
pub use image_grid::image_grid;
pub use labels::{IMAGES, LabelTable, Labelling, LabelsError, image_files};
pub use learner::{ImageInput, ImageLearner, ImageLearnerError, ImagePredictError};
pub use setup::{SetupError, VisionSetup, VisionStart};

pub use crate::weights::WeightSource;
