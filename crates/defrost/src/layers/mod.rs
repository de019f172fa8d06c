//! Layers with PyTorch's parameters, names and arithmetic, over NHWC pictures.

mod batch_norm;
mod conv;
mod dropout;
mod linear;

pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use conv::{Conv2d, Conv2dConfig, conv_norm};
pub use dropout::{Dropout, with_draws};
pub use linear::Linear;
