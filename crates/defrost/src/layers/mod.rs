//! Layers with PyTorch's parameters, names and arithmetic; images are NHWC.

mod attention;
mod batch_norm;
mod conv;
mod dropout;
mod embedding;
mod layer_norm;
mod linear;
mod lstm;
mod mlp_head;

pub use attention::SelfAttention;
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use conv::{Conv2d, Conv2dConfig, conv_norm, export_conv_norm, norm_alone};
pub use dropout::{Dropout, with_draws};
pub use embedding::Embedding;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use lstm::Lstm;
pub use mlp_head::{MlpHead, MlpHeadConfig};
