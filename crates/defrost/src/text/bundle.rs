//! A saved text network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::columns::TextColumns;
use super::dataset::{Texts, batch, excerpt};
use super::models::{ConfigError, TextConfig, TextNetwork};
use super::text_data::{TextDataError, open_known};
use super::tokenizer::{Tokenizer, TokenizerError, Tokens};
use super::words::weigh_words;
use crate::batch::{Batch, Value as BatchValue};
use crate::bundle::{ExportItem, InputForm, Loaded, ModelConfig, in_batches};
use crate::data::{Preview, Skipped};
use crate::graph::{Array, Dim, Element, Graph, NoGraph, Numbers, Value};
use crate::metrics::{Answer, PartRead, Remark};
use crate::precision::Precision;
use crate::pretrained::HeadKind;
use crate::recipe::FineTune;

const TOKENIZER: &str = "tokenizer.json";
/// What a graph is given, under the names that Hugging Face's libraries use.
const TOKENS: &str = "input_ids";
const MASK: &str = "attention_mask";
/// The text that new bundles are tested with.
const SAMPLE: &str =
    "The quick brown fox is very good, and the lazy dog is bad: who'd say 7 of 12 are the same?";

/// The description from which a text network is built and fed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextModelConfig {
    /// The body's dimensions.
    pub config: TextConfig,
    /// What is put on the body; runs of earlier versions have fastai's head.
    #[serde(default = "earlier_head")]
    pub head: HeadKind,
    /// The number format between its layers.
    #[serde(default)]
    pub precision: Precision,
    /// After how many tokens texts are cut.
    pub max_tokens: usize,
    /// Where text and label stood in the training data.
    pub columns: TextColumns,
    /// The `tokenizer.json`, a file of its own.
    #[serde(skip)]
    pub tokenizer: Vec<u8>,
}

fn earlier_head() -> HeadKind {
    HeadKind::ConcatPool
}

/// A description is of no text network.
#[derive(Debug, Error)]
pub enum TextConfigError {
    /// The dimensions can't be.
    #[error(transparent)]
    Dimensions(#[from] ConfigError),
    /// The tokenizer can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl TextModelConfig {
    pub(super) fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::parse(&self.tokenizer, self.config.vocabulary(), self.config.positions(), self.max_tokens)
    }
}

impl ModelConfig for TextModelConfig {
    const TASK: &'static str = "text";
    type Network = TextNetwork;
    type Error = TextConfigError;

    fn name(&self) -> &str {
        self.config.name()
    }

    fn network(&self, outputs: usize, device: &Device) -> Result<TextNetwork, TextConfigError> {
        self.config.check()?;
        self.tokenizer()?;
        Ok(TextNetwork::new(&self.config, self.head, outputs, true, device).with_precision(self.precision))
    }

    fn least_numbers(&self, outputs: usize) -> u64 {
        self.config.numbers().saturating_add(outputs as u64)
    }

    fn sample(&self) -> Vec<String> {
        vec![SAMPLE.to_owned()]
    }

    fn prepare(&self, item: &[String], device: &Device) -> Result<Batch, String> {
        let [text] = item else {
            return Err(format!("the self-test has {} texts and should have one", item.len()));
        };
        let tokenizer = self.tokenizer().map_err(|error| error.to_string())?;
        let tokens = tokenizer.encode(text).map_err(|reason| format!("the self-test: {reason}"))?;
        Ok(batch(&[&tokens.ids], device))
    }

    fn recipe(&self, epochs: usize) -> FineTune {
        self.config.recipe(epochs)
    }

    fn weigh_words(
        &self,
        network: &TextNetwork,
        input: Batch,
        texts: &[String],
        outputs: &[usize],
    ) -> Vec<Vec<f32>> {
        let weigh = |tokenizer| weigh_words(network, &tokenizer, input, texts, outputs);
        self.tokenizer().map(weigh).unwrap_or_default()
    }

    /// The tokens without the padding behind them.
    fn preview_inputs(&self, inputs: &Batch) -> Vec<Preview> {
        let (Ok(tokenizer), [BatchValue::Ids(ids), BatchValue::Ids(mask)]) =
            (self.tokenizer(), inputs.values())
        else {
            return vec![];
        };
        let positions = ids.dims()[1].max(1);
        let [ids, mask] = [ids, mask].map(|tensor| tensor.to_data().iter::<i64>().collect::<Vec<i64>>());
        let of_text = |(ids, mask): (&[i64], &[i64])| {
            let read: Vec<u32> =
                ids.iter().zip(mask).filter(|(_, there)| **there > 0).map(|(&id, _)| id as u32).collect();
            Preview::Text(excerpt(&tokenizer.pieces(&read)))
        };
        ids.chunks(positions).zip(mask.chunks(positions)).map(of_text).collect()
    }

    fn export_input(&self, graph: &mut Graph, form: InputForm) -> Result<Vec<Value>, NoGraph> {
        if form == InputForm::Prepared {
            return Err(NoGraph::new("a prepared text", "texts are given as tokens"));
        }
        let dims = [graph.batch(), Dim::Named("length")];
        Ok([TOKENS, MASK].map(|name| graph.input(name, Element::I64, &dims)).to_vec())
    }

    /// A text alone, and a batch of two of different lengths.
    fn export_items(&self, _form: InputForm, device: &Device) -> Result<Vec<ExportItem>, String> {
        let tokenizer = self.tokenizer().map_err(|error| error.to_string())?;
        let beginning = SAMPLE.split(',').next().unwrap_or(SAMPLE);
        let item = |texts: &[&str]| {
            let texts =
                texts.iter().map(|text| tokenizer.encode(text)).collect::<Result<Vec<Tokens>, _>>()?;
            let ids: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
            let longest = ids.iter().map(|ids| ids.len()).max().unwrap_or(0);
            let padded = |of: fn(u32) -> i64| {
                let row = |ids: &&[u32]| {
                    ids.iter().map(|&id| of(id)).chain([0].repeat(longest - ids.len())).collect()
                };
                let numbers = ids.iter().flat_map(|ids| -> Vec<i64> { row(ids) }).collect();
                Array { shape: vec![ids.len(), longest], numbers: Numbers::I64(numbers) }
            };
            let inputs = [(TOKENS, padded(i64::from)), (MASK, padded(|_| 1))];
            let inputs = inputs.map(|(name, array)| (name.to_owned(), array)).into();
            Ok(ExportItem { inputs, batch: batch(&ids, device) })
        };
        [item(&[SAMPLE]), item(&[beginning]), item(&[beginning, SAMPLE])].into_iter().collect()
    }

    fn export_files(&self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let tokenizer = self.tokenizer().map_err(|error| error.to_string())?;
        Ok(BTreeMap::from([(TOKENIZER.to_owned(), tokenizer.complete()?.into_bytes())]))
    }

    fn batch_form(&self) -> Option<InputForm> {
        Some(InputForm::Raw)
    }

    fn export_batch(&self, batch: Batch) -> BTreeMap<String, Array> {
        let of_ids = |value: BatchValue| match value {
            BatchValue::Ids(ids) => {
                let numbers = Numbers::I64(ids.to_data().iter::<i64>().collect());
                Some(Array { shape: ids.dims().to_vec(), numbers })
            }
            _ => None,
        };
        let numbers = batch.into_values().into_iter().filter_map(of_ids);
        [TOKENS, MASK].map(str::to_owned).into_iter().zip(numbers).collect()
    }

    fn in_f32(&self) -> Self {
        Self { precision: Precision::F32, ..self.clone() }
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([(TOKENIZER.to_owned(), self.tokenizer.clone())])
    }

    fn take_files(&mut self, mut files: BTreeMap<String, Vec<u8>>) {
        self.tokenizer = files.remove(TOKENIZER).unwrap_or_default();
    }
}

/// The note on a text that was cut.
fn cut_after(tokens: usize, PartRead { read, of }: PartRead) -> Remark {
    let text = format!("the text was cut after {tokens} tokens: {read} of its {of} characters were read");
    Remark { part: None, text }
}

/// A saved text network, ready to use.
pub type LoadedText = Loaded<TextModelConfig>;

impl LoadedText {
    /// The tokenizer of its texts.
    ///
    /// # Errors
    ///
    /// If the tokenizer can't be used, which loading has made sure of.
    pub fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        self.manifest.model.tokenizer()
    }

    /// Classes and probabilities for each text, encoded with the run's [tokenizer](LoadedText::tokenizer); one that can't be
    /// encoded says why. The answer for a text that was cut says how much of it was read. Texts that go through the network together
    /// can change the last digits of each other's answers.
    pub fn predict<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        tokenizer: &Tokenizer,
    ) -> Vec<Result<Answer, String>> {
        let predict = |texts: &[&Tokens]| {
            let ids: Vec<&[u32]> = texts.iter().map(|tokens| tokens.ids.as_slice()).collect();
            self.predict_batch(batch(&ids, self.device()))
        };
        let encoded: Vec<Result<Tokens, String>> =
            texts.par_iter().map(|text| tokenizer.encode(text.as_ref())).collect();
        let is_cut = |tokens: &Result<Tokens, _>| tokens.as_ref().is_ok_and(|tokens| tokens.truncated);
        let cut: Vec<bool> = encoded.iter().map(is_cut).collect();
        let mut answers = in_batches(encoded, |tokens| tokens.ids.len(), predict);
        for (place, answer) in answers.iter_mut().enumerate().filter(|(place, _)| cut[*place]) {
            if let (Ok(answer), Ok(Some(part))) = (answer, tokenizer.part_read(texts[place].as_ref())) {
                answer.remarks.push(cut_after(tokenizer.max_tokens(), part));
                answer.read = Some(part);
            }
        }
        answers
    }

    /// Labelled texts to measure the network on; of a folder that is a data set, those that validate.
    ///
    /// # Errors
    ///
    /// If there are none, or labels of other classes.
    pub fn labelled(&self, path: &Path) -> Result<(Texts, Vec<Skipped>), TextDataError> {
        let Self { manifest, .. } = self;
        let tokenizer = self.tokenizer()?;
        let known = (manifest.loss.kind(), &manifest.classes[..]);
        open_known(path, &manifest.model.columns, known, &tokenizer)
    }
}
