//! Tensor operations that the networks are made of, over NHWC images.
//!
//! A convolution and what follows it, say, is one operation with one hand-written backward pass on the CPU (`flex`), and
//! plain Burn on every other device. Each operation is a file: its function, the same in plain Burn, and what it computes
//! on the CPU with its gradients. [`plain`] is also what the fast path is tested against.

mod activation;
mod adam;
mod attention;
mod batch_norm;
mod conv;
mod count;
mod flex;
mod fork;
mod format;
mod global_pool;
mod isa;
mod layer_norm;
mod lstm;
mod max_pool;
mod scale_filters;
mod softmax;
mod window;

pub use activation::{gelu, hardswish};
pub use adam::{AdamStep, adam_step};
pub use attention::attention;
pub use batch_norm::{Affine, BatchNormed, conv2d_batch_norm};
pub use conv::{Conv2dOptions, conv2d};
pub use count::count_multiply_adds;
pub use defrost_kernels::{ActivationFn, IsaLevel, OutOfMemory, Padding, SpinGuard, release_memory};
pub use fork::{fork, fork_if};
pub use format::{in_format, in_format_of};
pub use global_pool::{average_pool, concat_pool};
pub use isa::{IsaError, isa_level};
pub use layer_norm::layer_norm;
pub use lstm::{LstmState, lstm};
pub use max_pool::max_pool2d;
pub use scale_filters::scale_filters;
pub use softmax::softmax_rows;
pub use window::{PaddingRule, WindowConfig};

/// The operations in plain Burn, differentiated by its autodiff: right on every device, fast on few.
pub mod plain {
    pub use super::activation::{plain_gelu as gelu, plain_hardswish as hardswish};
    pub use super::adam::plain as adam_step;
    pub use super::attention::plain as attention;
    pub use super::batch_norm::plain as conv2d_batch_norm;
    pub use super::conv::plain as conv2d;
    pub use super::global_pool::{plain_average_pool as average_pool, plain_concat_pool as concat_pool};
    pub use super::layer_norm::plain as layer_norm;
    pub use super::lstm::plain as lstm;
    pub use super::max_pool::plain as max_pool2d;
    pub use super::scale_filters::plain as scale_filters;
    pub use super::softmax::plain as softmax_rows;
}
