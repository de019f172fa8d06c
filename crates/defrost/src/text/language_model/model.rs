//! AWD-LSTM with scores for the next token.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

use crate::batch::{Batch, Value};
use crate::layers::Dropout;
use crate::ops::{self, Conv2dOptions, LstmState, WindowConfig};
use crate::stage::{Network, Stage};
use crate::text::models::{AwdLstm, AwdLstmConfig};

/// Tokens `[batch, positions]` in, scores `[batch, positions, vocabulary]` for the token behind each out. Scores are read
/// off the embeddings again (weight tying, arXiv 1608.05859).
#[derive(Module, Debug)]
pub struct LanguageModel {
    body: AwdLstm,
    decoder: Decoder,
}

#[derive(Module, Debug)]
struct Decoder {
    dropout: Dropout,
    bias: Param<Tensor<1>>,
}

/// The result of a batch.
pub struct Read {
    /// Scores, `[batch, positions, vocabulary]`.
    pub scores: Tensor<3>,
    /// The output of the last layer, `[batch, positions, embedding]`.
    pub output: Tensor<3>,
    /// The same after its dropout.
    pub dropped: Tensor<3>,
    /// Each layer's state behind the last position.
    pub states: Vec<LstmState>,
}

impl LanguageModel {
    /// New weights.
    pub fn new(config: &AwdLstmConfig, device: &Device) -> Self {
        let bias = Param::from_tensor(Tensor::zeros([config.vocabulary], device));
        Self {
            body: AwdLstm::new(config, device),
            decoder: Decoder { dropout: Dropout::new(config.dropout.output), bias },
        }
    }

    /// Reads on from `states`, which are empty at the beginning of a stream.
    pub fn read(&self, tokens: Tensor<2, Int>, states: Vec<LstmState>) -> Read {
        let mut states = states.into_iter().map(Some).chain(std::iter::repeat(None));
        let mut output = self.body.embed(tokens);
        let mut behind = vec![];
        for layer in 0..self.body.depth() {
            let (x, state) = self.body.layer(layer, output, states.next().flatten());
            output = x;
            behind.push(state);
        }
        let dropped = self.decoder.dropout.forward_features(output.clone());
        Read { scores: self.decode(dropped.clone()), output, dropped, states: behind }
    }

    /// `[batch, positions, embedding]` to scores.
    fn decode(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, positions, embedding] = x.dims();
        let table = self.body.table();
        let [vocabulary, _] = table.dims();
        let scores = ops::conv2d(
            x.reshape([batch, positions, 1, embedding]),
            table.reshape([vocabulary, embedding, 1, 1]),
            self.decoder.bias.val(),
            Conv2dOptions::new(WindowConfig::centered(1, 1)),
        );
        scores.reshape([batch, positions, vocabulary])
    }
}

impl Network for LanguageModel {
    fn stages(&self) -> Vec<Stage> {
        self.body.stages().into_iter().chain([Stage::of("decoder", "decoder.", &self.decoder)]).collect()
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        stages.fold(input, |x, stage| match stage {
            0 => match x.into_values().pop() {
                Some(Value::Ids(tokens)) => self.body.embed(tokens).into(),
                other => panic!("a language model reads tokens, and not {other:?}"),
            },
            _ if stage <= self.body.depth() => self.body.layer(stage - 1, x.single(), None).0.into(),
            _ => self.decode(self.decoder.dropout.forward_features(x.single())).into(),
        })
    }
}
