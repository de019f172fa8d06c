//! Pretrained image networks: their stages under the names torchvision and timm give the tensors.
//!
//! An architecture is a list of [`BodyStage`]s. Everything that differs between architectures is in the file
//! of their family, which opens with its [`Architecture`] entries and builds that list; running, freezing,
//! cutting and saving are the same for all. `docs/adding-a-model.md` walks through one.

mod architecture;
mod block;
mod body;
mod channels;
mod convnext;
mod cost;
mod densenet;
mod efficientnet;
mod head;
mod mobilenet;
mod mobilenet_v3;
mod network;
mod positions;
mod registry;
mod resnet;
mod squeezenet;
mod vgg;
mod vit;

pub use crate::pretrained::HeadKind;
pub use architecture::{Architecture, Build, PretrainedConfig, SizeError, Sizes};
pub use block::{AnyBlock, Block};
pub use body::{Body, BodyStage, CutError};
pub use channels::adapted;
pub(in crate::vision) use channels::{adapt, in_colour};
pub use head::{Head, LinearHead};
pub use network::VisionNetwork;
pub use registry::{NameTaken, UnknownArchitecture};

pub use crate::precision::Precision;
