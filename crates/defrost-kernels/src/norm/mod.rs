//! Normalisation: over each channel of a batch, over each row.

mod batch;
mod layer;

pub use batch::{BatchNorm, BatchNormGradients, batch_norm_backward, batch_norm_forward};
pub use layer::{LayerNormGradients, layer_norm_backward, layer_norm_forward};
