//! The body of an image network: its stages in order.

use burn::module::Module;
use burn::tensor::Tensor;
use thiserror::Error;

use super::block::AnyBlock;
use crate::graph::{Graph, NoGraph, Value};
use crate::groups::families;
use crate::remedy::Remedy;
use crate::stage::Stage;

/// A stage of the body.
#[derive(Module, Debug)]
pub struct BodyStage {
    block: AnyBlock,
    #[module(skip)]
    name: String,
    #[module(skip)]
    prefix: String,
    /// How paths of the block's fields begin, and how tensors are called instead.
    #[module(skip)]
    names: Vec<(&'static str, String)>,
    #[module(skip)]
    channels: usize,
}

impl BodyStage {
    /// A stage whose tensors are called `prefix` and the block's field path, and which gives `channels`
    /// channels.
    pub fn new(
        name: impl Into<String>,
        prefix: impl Into<String>,
        channels: usize,
        block: impl Into<AnyBlock>,
    ) -> Self {
        Self { block: block.into(), name: name.into(), prefix: prefix.into(), names: vec![], channels }
    }

    /// A stage whose tensors carry its own name.
    pub fn named(name: impl Into<String>, channels: usize, block: impl Into<AnyBlock>) -> Self {
        let name = name.into();
        Self::new(name.clone(), format!("{name}."), channels, block)
    }

    /// With fields that checkpoints call otherwise: `("conv", "0")` where they count layers.
    pub fn renamed<N: Into<String>>(self, names: impl IntoIterator<Item = (&'static str, N)>) -> Self {
        Self { names: names.into_iter().map(|(ours, theirs)| (ours, theirs.into())).collect(), ..self }
    }

    /// As the core sees it.
    fn stage(&self) -> Stage {
        Stage::renamed(&self.name, &format!("body.{}", self.prefix), &self.block, &self.names)
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

impl CutError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Unknown { name, stages } => Remedy::nearest(name, stages.split(", ")),
            Self::First { .. } => None,
        }
    }
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
        self.stages.iter().map(BodyStage::stage).collect()
    }

    /// Runs one stage: `[batch, height, width, channels]` in and out.
    pub fn forward(&self, stage: usize, x: Tensor<4>) -> Tensor<4> {
        self.stages[stage].block.forward(x)
    }

    /// The same in a graph.
    ///
    /// # Errors
    ///
    /// If the stage's block has no graph.
    pub fn export(&self, graph: &mut Graph, stage: usize, x: Value) -> Result<Value, NoGraph> {
        let BodyStage { block, name, .. } = &self.stages[stage];
        graph.enter(name);
        block.export(graph, x)
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
