//! Pooling: the largest of each window; the mean or the largest of a whole image.

mod global;
mod max;

pub use global::{
    global_average_pool, global_average_pool_backward, global_max_pool, global_max_pool_backward,
};
pub use max::{Argmax, PoolShape, max_pool, max_pool_backward};
