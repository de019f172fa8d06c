//! Pictures: finding, reading and transforming them.

pub mod augment;
pub mod folder;
mod jpeg;
pub mod models;
mod orient;
pub mod picture;
pub mod projective;
pub mod resize;
pub mod sample;
pub mod transform;
