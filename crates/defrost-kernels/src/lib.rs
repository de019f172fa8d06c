//! CPU kernels for training convolutional networks: slices in, slices out.
//!
//! Activations are NHWC (`[batch, height, width, channels]`) in `f32` or `bf16`; weights, statistics
//! and all sums are `f32`. This crate knows shapes and processors. It knows no tensors, no files and
//! no networks.
//!
//! Every operation has one portable implementation, which is also the reference that the fast ones
//! are tested against. Which one runs is decided by the [`IsaLevel`] the caller passes;
//! [`IsaLevel::detect`] picks the best this processor has.

mod activation_fn;
pub mod adam;
mod buffer;
mod channels;
pub mod conv;
pub mod depthwise;
mod element;
pub mod elementwise;
mod epilogue;
mod isa;
pub mod norm;
mod platform;
pub mod pool;
mod shape;
mod simd;
pub mod softmax;
mod spin_guard;
mod statistics;

pub use activation_fn::ActivationFn;
pub use buffer::{Buffer, OutOfMemory, Plain, release_memory};
pub use element::Element;
pub use epilogue::Epilogue;
pub use isa::IsaLevel;
pub use shape::{ConvShape, Padding};
pub use spin_guard::SpinGuard;
pub use statistics::ChannelStatistics;
