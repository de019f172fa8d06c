//! From texts to a learner over a pretrained network, and from a text to its prediction.

use burn::tensor::Device;
use rayon::prelude::*;
use thiserror::Error;

use super::bundle::{LoadedText, TextModelConfig};
use super::dataset::batch;
use super::models::TextNetwork;
use super::pretrained::{PretrainedError, PretrainedText};
use super::text_data::{TextData, TextDataError};
use super::tokenizer::{TokenizerError, Tokens};
use crate::bundle::{ContinueError, Continued, NamedPrediction, in_batches};
use crate::learner::{Learner, LearnerError, LearnerOptions};
use crate::metrics::NotANumber;
use crate::pretrained::Pretrained;
use crate::remedy::Note;

/// A learner of texts.
pub type TextLearner = Learner<TextNetwork>;

/// Texts can't be learned from.
#[derive(Debug, Error)]
pub enum TextLearnerError {
    /// The texts can't be used.
    #[error(transparent)]
    Data(#[from] TextDataError),
    /// The network can't be set up.
    #[error(transparent)]
    Network(#[from] PretrainedError),
    /// The run to go on from does not fit the texts.
    #[error(transparent)]
    Continue(#[from] ContinueError),
    /// They don't fit each other.
    #[error(transparent)]
    Learner(#[from] LearnerError),
}

impl TextData {
    /// Encodes the texts and sets up a learner over this network.
    ///
    /// ```no_run
    /// use defrost::prelude::*;
    ///
    /// let mut learner = TextData::open("reviews.csv")?.learner(Pretrained::new("hub"))?;
    /// learner.train()?;
    /// println!("{:?}", learner.predict("I absolutely LOVE this dried fruit.")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are no texts to learn from, or the network's weights can't be loaded.
    pub fn learner(self, pretrained: impl Into<Pretrained>) -> Result<TextLearner, TextLearnerError> {
        let options = LearnerOptions { seed: self.split_seed(), ..LearnerOptions::default() };
        self.learner_with(pretrained, options)
    }

    /// As [`learner`](Self::learner), with these options; new weights are drawn from their seed.
    ///
    /// # Errors
    ///
    /// As [`learner`](Self::learner), or if the loss is none of classes.
    pub fn learner_with(
        self,
        pretrained: impl Into<Pretrained>,
        options: LearnerOptions,
    ) -> Result<TextLearner, TextLearnerError> {
        let pretrained = pretrained.into();
        let opened = PretrainedText::of(&pretrained)?;
        let (columns, max_tokens) = (self.found_columns()?, self.token_limit());
        let data = self.read(&opened.tokenizer(max_tokens)?)?;
        let (network, model, fit) =
            opened.build(data.outputs(), columns, max_tokens, options.seed, &Device::flex())?;
        let run = pretrained.continued_run();
        let fit = run.is_none().then(|| Note::from(format!("weights: {fit}")));
        let Continued { network, is_trained, note } =
            Continued::of::<TextModelConfig, _>(run, network, &data)?;
        let options = LearnerOptions { is_trained, ..options };
        Ok(data.learner(network, options)?.with_notes(fit.into_iter().chain(note)).with_model(model))
    }
}

/// A learner or a run can't say anything about a text.
#[derive(Debug, Error)]
pub enum TextPredictError {
    /// The text can't be encoded.
    #[error("{0}")]
    Text(String),
    /// The tokenizer can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The network's scores are not numbers.
    #[error(transparent)]
    Scores(#[from] NotANumber),
    /// The learner does not know how texts are encoded.
    #[error(
        "the learner does not know how texts are encoded for its network; say so with Learner::with_model"
    )]
    NoModel,
}

impl TextLearner {
    /// The network's prediction for a text now.
    ///
    /// # Errors
    ///
    /// If it is empty or can't be encoded, or the learner has no [model](Learner::with_model).
    pub fn predict(&self, text: &str) -> Result<NamedPrediction, TextPredictError> {
        self.predict_all(&[text])?.remove(0)
    }

    /// The same for each of these texts; why not for those that can't be encoded.
    ///
    /// # Errors
    ///
    /// If the tokenizer can't be used, or the learner has no [model](Learner::with_model).
    pub fn predict_all<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
    ) -> Result<Vec<Result<NamedPrediction, TextPredictError>>, TextPredictError> {
        let model: &TextModelConfig = self.model().ok_or(TextPredictError::NoModel)?;
        let tokenizer = model.tokenizer()?;
        let encode = |text: &T| tokenizer.encode(text.as_ref()).map_err(TextPredictError::Text);
        let predict = |texts: &[&Tokens]| {
            let ids: Vec<&[u32]> = texts.iter().map(|tokens| tokens.ids.as_slice()).collect();
            self.predict_batch(batch(&ids, self.device()))
        };
        Ok(in_batches(texts.par_iter().map(encode).collect(), |tokens| tokens.ids.len(), predict))
    }
}

impl LoadedText {
    /// The network's prediction for a text, with class names.
    ///
    /// # Errors
    ///
    /// If it is empty or can't be encoded.
    pub fn predict_one(&self, text: &str) -> Result<NamedPrediction, TextPredictError> {
        let answer = self.predict(&[text], &self.tokenizer()?).remove(0).map_err(TextPredictError::Text)?;
        Ok(self.named(answer))
    }
}
