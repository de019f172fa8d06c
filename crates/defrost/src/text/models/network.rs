//! A text network: embeddings, blocks, the mean over a text's tokens, a head.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::bert::{Block, Embeddings};
use super::config::BertConfig;
use super::head::TextHead;
use crate::activation::{Activation, Value};
use crate::stage::{Network, Stage};

/// How many layer groups the blocks make by default.
const BLOCK_GROUPS: usize = 3;

/// Tokens `[batch, positions]` and their mask, 1 for a token and 0 for padding, in; scores `[batch, outputs]`
/// out. Hidden states and mask travel together up to the mean.
#[derive(Module, Debug)]
pub struct TextNetwork {
    embeddings: Embeddings,
    blocks: Vec<Block>,
    head: TextHead,
    #[module(skip)]
    config: BertConfig,
    #[module(skip)]
    pretrained: bool,
}

impl TextNetwork {
    /// New weights.
    pub fn new(config: &BertConfig, outputs: usize, pretrained: bool, device: &Device) -> Self {
        Self {
            embeddings: Embeddings::new(config, device),
            blocks: (0..config.blocks).map(|_| Block::new(config, device)).collect(),
            head: TextHead::new(config.hidden, outputs, device),
            config: config.clone(),
            pretrained,
        }
    }

    fn stage(&self, stage: usize, input: Activation) -> Activation {
        let pool = self.blocks.len() + 1;
        if stage > pool {
            return self.head.forward(input.single()).into();
        }
        let [value, mask] = <[Value; 2]>::try_from(input.into_values())
            .unwrap_or_else(|values| panic!("a text travels with its mask, not as {} tensors", values.len()));
        let mask_numbers = ids(mask.clone()).float();
        let hidden = match value {
            Value::Ids(tokens) if stage == 0 => self.embeddings.forward(tokens),
            Value::Rank3(hidden) if stage == pool => return mean(hidden, mask_numbers).into(),
            Value::Rank3(hidden) => self.blocks[stage - 1].forward(hidden, mask_numbers),
            other => panic!("stage {stage} of a text network receives {other:?}"),
        };
        Activation::new(vec![hidden.into(), mask])
    }
}

impl Network for TextNetwork {
    fn stages(&self) -> Vec<Stage> {
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| block.stage(index));
        let body = [self.embeddings.stage()].into_iter().chain(blocks);
        let body = body.map(|stage| stage.with_pretrained(self.pretrained));
        let pool = Stage { name: "pool".to_owned(), parameters: vec![], switches: vec![], pretrained: false };
        body.chain([pool, Stage::of("head", "head.", &self.head).fresh()]).collect()
    }

    fn settings(&self) -> String {
        format!("text {:?}", self.config)
    }

    /// Embeddings, the blocks in three parts, the head.
    fn group_starts(&self) -> Vec<usize> {
        let blocks = self.blocks.len();
        let mut starts: Vec<usize> =
            (0..BLOCK_GROUPS).map(|group| 1 + group * blocks / BLOCK_GROUPS).collect();
        starts.dedup();
        [0].into_iter().chain(starts).chain([blocks + 1]).collect()
    }

    fn forward(&self, input: Activation, stages: Range<usize>) -> Activation {
        stages.fold(input, |x, stage| self.stage(stage, x))
    }
}

fn ids(value: Value) -> Tensor<2, Int> {
    match value {
        Value::Ids(ids) => ids,
        other => panic!("a mask is made of integers, and this is {other:?}"),
    }
}

/// The mean over the positions that the mask holds: `[batch, positions, hidden]` to `[batch, hidden]`.
fn mean(hidden: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
    let [batch, _, features] = hidden.dims();
    let count = mask.clone().sum_dim(1).clamp_min(1.0); // [batch, 1]
    let sum = (hidden * mask.unsqueeze_dim(2)).sum_dim(1).reshape([batch, features]);
    sum / count
}
