//! Pretrained picture networks: their stages under the names torchvision and timm give the tensors.
//!
//! An architecture is a list of [`BodyStage`]s. Everything that differs between architectures is in the
//! file that builds that list and in its [`Architecture`] entry; running, freezing, cutting and saving
//! are the same for all.

mod architecture;
mod body;
mod efficientnet;
mod head;
mod mobilenet;
mod network;
mod resnet;

pub use architecture::{Architecture, Convention, UnknownArchitecture};
pub use body::{Body, BodyStage, CutError};
pub use head::{ConcatPoolHead, Head, HeadKind, LinearHead};
pub use network::VisionNetwork;

pub use crate::precision::Precision;
