//! CPU kernels for training convolutional networks: slices in, slices out.
//!
//! Activations are NHWC (`[batch, height, width, channels]`) in `f32` or `bf16`; weights, statistics
//! and all sums are `f32`. This crate knows shapes and processors. It knows no tensors, no files and
//! no networks.
//!
//! Every operation has one portable implementation, which is also the reference that the fast ones
//! are tested against. Which one runs is decided by the [`Tier`] the caller passes;
//! [`Tier::detect`] picks the best this processor has.

mod activation;
pub mod adam;
mod awake;
mod buffer;
mod channels;
pub mod conv;
pub mod depthwise;
mod element;
pub mod elementwise;
pub mod norm;
pub mod pool;
mod shape;
mod simd;
pub mod softmax;
pub mod statistics;
mod tier;

pub use activation::Activation;
pub use awake::Awake;
pub use buffer::{Buffer, Plain, release_memory};
pub use element::Element;
pub use shape::{ConvShape, Padding};
pub use tier::Tier;
