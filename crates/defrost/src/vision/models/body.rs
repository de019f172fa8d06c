//! The body of a picture network: its stages in order.

use burn::module::Module;
use burn::tensor::Tensor;
use thiserror::Error;

use super::efficientnet::{DepthwiseSeparable, InvertedBottleneck, PointwiseStage, StemStage};
use super::mobilenet::{ConvNorm, InvertedResidual, UnexpandedResidual, conv_norm_activation};
use super::resnet::{BasicBlock, Bottleneck, ResnetStem};
use crate::groups::families;
use crate::stage::Stage;

/// What one stage computes. Each variant names its fields as its checkpoints name the tensors.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has a few dozen of them")]
pub enum Block {
    /// resnet: 7×7 convolution and max pooling.
    ResnetStem(ResnetStem),
    /// resnet18 and 34.
    Basic(BasicBlock),
    /// resnet50.
    Bottleneck(Bottleneck),
    /// mobilenet_v2: first and last.
    ConvNormActivation(ConvNorm),
    /// mobilenet_v2: the first block, which does not expand.
    UnexpandedResidual(UnexpandedResidual),
    /// mobilenet_v2: all others.
    InvertedResidual(InvertedResidual),
    /// EfficientNet: first convolution.
    EfficientnetStem(StemStage),
    /// EfficientNet: the first block, which does not expand.
    DepthwiseSeparable(DepthwiseSeparable),
    /// EfficientNet: all others.
    InvertedBottleneck(InvertedBottleneck),
    /// EfficientNet: last convolution.
    EfficientnetLast(PointwiseStage),
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::ResnetStem(block) => block.forward(x),
            Self::Basic(block) => block.forward(x),
            Self::Bottleneck(block) => block.forward(x),
            Self::ConvNormActivation(block) => conv_norm_activation(block, x),
            Self::UnexpandedResidual(block) => block.forward(x),
            Self::InvertedResidual(block) => block.forward(x),
            Self::EfficientnetStem(block) => block.forward(x),
            Self::DepthwiseSeparable(block) => block.forward(x),
            Self::InvertedBottleneck(block) => block.forward(x),
            Self::EfficientnetLast(block) => block.forward(x),
        }
    }
}

/// A stage of the body.
#[derive(Module, Debug)]
pub struct BodyStage {
    block: Block,
    #[module(skip)]
    name: String,
    #[module(skip)]
    prefix: String,
    #[module(skip)]
    channels: usize,
}

impl BodyStage {
    /// A stage whose tensors are called `prefix` and the block's field path, and which gives `channels`
    /// channels.
    pub fn new(name: impl Into<String>, prefix: impl Into<String>, channels: usize, block: Block) -> Self {
        Self { block, name: name.into(), prefix: prefix.into(), channels }
    }

    /// A stage whose tensors carry its own name.
    pub fn named(name: impl Into<String>, channels: usize, block: Block) -> Self {
        let name = name.into();
        Self::new(name.clone(), format!("{name}."), channels, block)
    }
}

/// A cut at a stage that is not there, or that leaves nothing.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CutError {
    /// No such stage.
    #[error("can't cut at `{name}`: there is no such stage; the stages are {stages}")]
    Unknown {
        /// The name given.
        name: String,
        /// All names.
        stages: String,
    },
    /// The first stage.
    #[error("can't cut at `{name}`: it is the first stage, nothing would be left")]
    First {
        /// The name given.
        name: String,
    },
}

/// All stages but the head.
#[derive(Module, Debug)]
pub struct Body {
    stages: Vec<BodyStage>,
}

impl Body {
    /// A body of these stages, at least one.
    pub fn new(stages: Vec<BodyStage>) -> Self {
        Self { stages }
    }

    /// How many stages there are.
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Channels of the last stage's output.
    pub fn channels(&self) -> usize {
        self.stages.last().map_or(3, |stage| stage.channels)
    }

    /// The stages as the core sees them.
    pub fn stages(&self) -> Vec<Stage> {
        let stage =
            |stage: &BodyStage| Stage::of(&stage.name, &format!("body.{}", stage.prefix), &stage.block);
        self.stages.iter().map(stage).collect()
    }

    /// Runs one stage: `[batch, height, width, channels]` in and out.
    pub fn forward(&self, stage: usize, x: Tensor<4>) -> Tensor<4> {
        self.stages[stage].block.forward(x)
    }

    /// Throws away the named stage, or family of stages, and all after it.
    ///
    /// # Errors
    ///
    /// If there is no such stage, or none would be left.
    pub fn cut(mut self, name: &str) -> Result<Self, CutError> {
        let stages = self.stages();
        match stages.iter().position(|stage| stage.is_called(name)) {
            None => Err(CutError::Unknown { name: name.to_owned(), stages: families(&stages).join(", ") }),
            Some(0) => Err(CutError::First { name: name.to_owned() }),
            Some(position) => {
                self.stages.truncate(position);
                Ok(self)
            }
        }
    }
}
