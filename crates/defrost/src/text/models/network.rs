//! A text network: embeddings, blocks or recurrent layers, pooling to one vector per text, a head.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Int, Tensor};

use super::awd_lstm::AwdLstm;
use super::bert::Bert;
use super::config::TextConfig;
use super::pool::{export_last_max_mean, export_mean, last_max_mean, mean};
use crate::batch::{Batch, Value};
use crate::graph::{self, Element, Graph, NoGraph};
use crate::layers::{Dropout, Linear, MlpHead, MlpHeadConfig};
use crate::ops::in_format;
use crate::precision::Precision;
use crate::pretrained::HeadKind;
use crate::stage::{Network, Stage};

/// How many layer groups the blocks make by default.
const BLOCK_GROUPS: usize = 3;

/// Tokens `[batch, positions]` and their mask, 1 for a token and 0 for padding, in; scores `[batch, outputs]`
/// out. Hidden states and mask travel together up to the pool.
#[derive(Module, Debug)]
pub struct TextNetwork {
    body: Body,
    head: Head,
    #[module(skip)]
    config: TextConfig,
    #[module(skip)]
    pretrained: bool,
    #[module(skip)]
    precision: Precision,
}

/// The body: it turns a text into features.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one body a network")]
enum Body {
    Bert(Bert),
    AwdLstm(AwdLstm),
}

/// The head: it turns one vector per text into scores.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one head a network")]
enum Head {
    /// Dropout, then one dense layer.
    Linear(LinearHead),
    /// fastai's for texts (`PoolingLinearClassifier`): norms, dropout and a hidden layer.
    Hidden(MlpHead),
}

/// One dense layer. It starts at nothing: while the body is frozen its problem is convex.
#[derive(Module, Debug)]
struct LinearHead {
    dropout: Dropout,
    linear: Linear,
}

impl Head {
    fn new(kind: HeadKind, features: usize, outputs: usize, device: &Device) -> Self {
        match kind {
            HeadKind::Linear => Self::Linear(LinearHead {
                dropout: Dropout::new(0.1),
                linear: Linear::zeros(features, outputs, device),
            }),
            HeadKind::ConcatPool => {
                let config = MlpHeadConfig { features, hidden: 50, outputs, dropout: [0.4, 0.1], bias: true };
                Self::Hidden(config.init(device))
            }
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(head) => head.linear.forward(head.dropout.forward(x)),
            Self::Hidden(head) => head.forward(x),
        }
    }

    fn export(&self, graph: &mut Graph, x: graph::Value) -> graph::Value {
        match self {
            Self::Linear(head) => head.linear.export(graph, x),
            Self::Hidden(head) => head.export(graph, x),
        }
    }

    fn stage(&self) -> Stage {
        match self {
            Self::Linear(head) => Stage::of("head", "head.", head).dense(),
            Self::Hidden(head) => Stage::of("head", "head.", head),
        }
        .untrained()
    }
}

impl Body {
    fn new(config: &TextConfig, device: &Device) -> Self {
        match config {
            TextConfig::Bert(config) => Self::Bert(Bert::new(config, device)),
            TextConfig::AwdLstm(config) => Self::AwdLstm(AwdLstm::new(config, device)),
        }
    }

    /// How many blocks or layers there are.
    fn depth(&self) -> usize {
        match self {
            Self::Bert(bert) => bert.depth(),
            Self::AwdLstm(lstm) => lstm.depth(),
        }
    }

    fn stages(&self) -> Vec<Stage> {
        match self {
            Self::Bert(bert) => bert.stages(),
            Self::AwdLstm(lstm) => lstm.stages(),
        }
    }

    fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        match self {
            Self::Bert(bert) => bert.embed(tokens),
            Self::AwdLstm(lstm) => lstm.embed(tokens),
        }
    }

    /// Padding comes after the tokens, so a recurrent layer's outputs for them do not see it.
    fn layer(&self, index: usize, x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        match self {
            Self::Bert(bert) => bert.block(index, x, mask),
            Self::AwdLstm(lstm) => lstm.layer(index, x, None).0,
        }
    }

    fn pool(&self, x: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Bert(_) => mean(x, mask),
            Self::AwdLstm(_) => last_max_mean(x, mask),
        }
    }

    fn export_embed(&self, graph: &mut Graph, tokens: graph::Value) -> graph::Value {
        match self {
            Self::Bert(bert) => bert.export_embed(graph, tokens),
            Self::AwdLstm(lstm) => lstm.export_embed(graph, tokens),
        }
    }

    fn export_layer(
        &self,
        graph: &mut Graph,
        index: usize,
        x: graph::Value,
        mask: graph::Value,
    ) -> graph::Value {
        match self {
            Self::Bert(bert) => {
                let absent = graph.absent(mask);
                bert.export_block(graph, index, x, absent)
            }
            Self::AwdLstm(lstm) => lstm.export_layer(graph, index, x),
        }
    }

    fn export_pool(&self, graph: &mut Graph, x: graph::Value, mask: graph::Value) -> graph::Value {
        match self {
            Self::Bert(_) => export_mean(graph, x, mask),
            Self::AwdLstm(_) => export_last_max_mean(graph, x, mask),
        }
    }
}

impl TextNetwork {
    /// New weights.
    pub fn new(
        config: &TextConfig,
        head: HeadKind,
        outputs: usize,
        pretrained: bool,
        device: &Device,
    ) -> Self {
        Self {
            body: Body::new(config, device),
            head: Head::new(head, config.pooled(), outputs, device),
            config: config.clone(),
            pretrained,
            precision: Precision::F32,
        }
    }

    /// The same with another number format between blocks; recurrent layers know f32 alone.
    pub fn with_precision(self, precision: Precision) -> Self {
        let precision = self.config.precision(precision);
        Self { precision, ..self }
    }

    fn stage(&self, stage: usize, input: Batch) -> Batch {
        let pool = self.body.depth() + 1;
        if stage > pool {
            return self.head.forward(input.single()).into();
        }
        let [value, mask] = <[Value; 2]>::try_from(input.into_values())
            .unwrap_or_else(|values| panic!("a text travels with its mask, not as {} tensors", values.len()));
        let mask_numbers = ids(mask.clone()).float();
        let hidden = match value {
            Value::Ids(tokens) if stage == 0 => in_format(self.body.embed(tokens), self.precision.format()),
            Value::Rank3(hidden) if stage == pool => {
                return self.body.pool(in_format(hidden, FloatDType::F32), mask_numbers).into();
            }
            Value::Rank3(hidden) => self.body.layer(stage - 1, hidden, mask_numbers),
            other => panic!("stage {stage} of a text network receives {other:?}"),
        };
        Batch::new(vec![hidden.into(), mask])
    }
}

impl Network for TextNetwork {
    fn stages(&self) -> Vec<Stage> {
        let body = self.body.stages().into_iter().map(|stage| stage.with_pretrained(self.pretrained));
        body.chain([Stage::without_parameters("pool"), self.head.stage()]).collect()
    }

    fn settings(&self) -> String {
        format!("text {} {:?}", self.precision.name(), self.config)
    }

    /// Padding does not count.
    fn pooled(&self, output: Batch) -> Option<Tensor<2>> {
        match <[Value; 2]>::try_from(output.into_values()) {
            Ok([Value::Rank3(hidden), mask]) => {
                Some(mean(in_format(hidden, FloatDType::F32), ids(mask).float()))
            }
            Ok(_) => None,
            Err(pooled) => pooled.into_iter().find_map(Value::pooled),
        }
    }

    /// Embeddings, the blocks in three parts or each recurrent layer, the head.
    fn group_starts(&self) -> Vec<usize> {
        let depth = self.body.depth();
        let parts = match self.body {
            Body::Bert(_) => BLOCK_GROUPS,
            Body::AwdLstm(_) => depth,
        };
        let mut starts: Vec<usize> = (0..parts).map(|part| 1 + part * depth / parts).collect();
        starts.dedup();
        [0].into_iter().chain(starts).chain([depth + 1]).collect()
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        stages.fold(input, |x, stage| self.stage(stage, x))
    }

    /// Tokens and mask are whole numbers, `[batch, positions]`.
    fn export(
        &self,
        graph: &mut Graph,
        input: Vec<graph::Value>,
        stages: Range<usize>,
    ) -> Result<Vec<graph::Value>, NoGraph> {
        let (names, pool) = (self.stages(), self.body.depth() + 1);
        Ok(stages.fold(input, |values, stage| {
            graph.enter(&names[stage].name);
            let x = values[0];
            if stage > pool {
                return vec![self.head.export(graph, x)];
            }
            let mask = graph.cast(values[1], Element::F32);
            match stage {
                0 => vec![self.body.export_embed(graph, x), values[1]],
                stage if stage == pool => vec![self.body.export_pool(graph, x, mask)],
                _ => vec![self.body.export_layer(graph, stage - 1, x, mask), values[1]],
            }
        }))
    }
}

fn ids(value: Value) -> Tensor<2, Int> {
    match value {
        Value::Ids(ids) => ids,
        other => panic!("a mask is made of integers, and this is {other:?}"),
    }
}
