//! Normalisation: over each channel of a batch, over each row.

mod batch;
mod layer;

pub use batch::{BatchNorm, batch_norm_backward, batch_norm_forward};
pub use layer::{layer_norm_backward, layer_norm_forward};
