//! Learning to predict the next token.

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Serialize;
use thiserror::Error;

use super::corpus::{Chunk, Corpus};
use super::model::LanguageModel;
use crate::data::Draws;
use crate::files::{self, FileError};
use crate::groups::{GroupsError, LayerGroups};
use crate::layers::with_draws;
use crate::ops::LstmState;
use crate::optim::{AdamW, StepOptions, Stepper};
use crate::plan::{FreezePlan, NormMode};
use crate::platform::Instant;
use crate::schedule::Schedule;
use crate::text::models::AwdLstmConfig;
use crate::weights;
use crate::weights::safetensors::{self, SafetensorsError};

/// How much large activations cost, and how much steps between positions (arXiv 1708.02182, fastai's `RNNRegularizer`).
const ACTIVATION_COST: f64 = 2.0;
const STEP_COST: f64 = 1.0;
/// fastai's warm-up and momentum for texts.
const SCHEDULE: Schedule = Schedule::one_cycle(25.0, 0.25, [0.8, 0.7, 0.8]);

/// How a language model is trained.
#[derive(Clone, Debug)]
pub struct PretrainOptions {
    /// Passes over the corpus.
    pub epochs: usize,
    /// Rows of a batch.
    pub rows: usize,
    /// Positions of a chunk: how far gradients reach back.
    pub positions: usize,
    /// The highest learning rate of the one-cycle schedule.
    pub rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm over all of them together.
    pub max_gradient_norm: f64,
    /// Where all random draws come from.
    pub seed: u64,
}

impl Default for PretrainOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            rows: 32,
            positions: 72,
            rate: 5e-3,
            weight_decay: 0.1,
            max_gradient_norm: 1.0,
            seed: 42,
        }
    }
}

/// The result of an epoch.
#[derive(Clone, Debug, Serialize)]
pub struct LanguageEpoch {
    /// From 1.
    pub epoch: usize,
    /// The mean negative logarithm of the probability of the next token, while training.
    pub train_loss: f64,
    /// The same on the stream that measures.
    pub valid_loss: f64,
    /// How many equally likely tokens the model hesitates between there: the exponential of that loss.
    pub perplexity: f64,
    /// How long it took.
    pub seconds: f64,
}

/// Pretraining can't go on.
#[derive(Debug, Error)]
pub enum PretrainError {
    /// The network has no layers.
    #[error(transparent)]
    Groups(#[from] GroupsError),
    /// The loss left the numbers.
    #[error("the loss is {loss} in epoch {epoch}: try a tenth of the rate")]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: usize,
    },
    /// The weights can't be written.
    #[error(transparent)]
    Weights(#[from] SafetensorsError),
    /// Another file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Trains a new language model and tells each epoch.
///
/// # Errors
///
/// If the loss is NaN.
pub fn pretrain(
    config: &AwdLstmConfig,
    corpus: &Corpus,
    options: &PretrainOptions,
    device: &Device,
    mut tell: impl FnMut(&LanguageEpoch),
) -> Result<LanguageModel, PretrainError> {
    device.seed(Draws::weight_seed(options.seed));
    let model = LanguageModel::new(config, device).train();
    let plan = FreezePlan::unfrozen(LayerGroups::of(&model)?, NormMode::Keep);
    let mut model = plan.apply(model);
    let mut stepper = Stepper::new(Arc::new(AdamW::default()), options.weight_decay);
    stepper.max_gradient_norm = Some(options.max_gradient_norm);
    for epoch in 0..options.epochs {
        let started = Instant::now();
        let draws = Draws { seed: options.seed, epoch: epoch as u64 };
        let chunks = corpus.epoch(options.rows, options.positions, draws);
        let (mut losses, mut states) = (0.0, vec![]);
        for (place, chunk) in chunks.iter().enumerate() {
            let position = (epoch * chunks.len() + place) as f64 / (options.epochs * chunks.len()) as f64;
            let hyper = SCHEDULE.at(position);
            let rates = vec![options.rate * hyper.rate_factor; plan.groups().count()];
            let settings = StepOptions { rates, momentum: hyper.momentum };
            let forward = || read(&model, chunk, states, &device.clone().autodiff());
            let (cost, loss, behind) = with_draws(draws.for_layers(place), forward);
            let loss = f64::from(loss.into_scalar::<f32>());
            if !loss.is_finite() {
                return Err(PretrainError::NotFinite { loss, epoch: epoch + 1 });
            }
            losses += loss;
            let gradients = GradientsParams::from_grads(cost.backward(), &model);
            model = stepper.step(model, gradients, &plan, &settings);
            states = behind.into_iter().map(LstmState::without_past).collect();
        }
        let valid_loss = measure(&model.valid(), corpus, options, device);
        let train_loss = losses / chunks.len() as f64;
        let seconds = started.elapsed().as_secs_f64();
        let perplexity = valid_loss.exp();
        tell(&LanguageEpoch { epoch: epoch + 1, train_loss, valid_loss, perplexity, seconds });
    }
    crate::ops::release_memory();
    Ok(model.valid())
}

/// What training makes small, the mean negative logarithm of the next tokens' probability in it, the states behind.
fn read(
    model: &LanguageModel,
    chunk: &Chunk,
    states: Vec<LstmState>,
    device: &Device,
) -> (Tensor<1>, Tensor<1>, Vec<LstmState>) {
    let [rows, positions] = chunk.shape;
    let read = model.read(ids(&chunk.tokens, chunk.shape, device), states);
    let [_, _, vocabulary] = read.scores.dims();
    let log = log_softmax(read.scores.reshape([rows * positions, vocabulary]), 1);
    let next = ids(&chunk.next, [rows * positions, 1], device);
    let loss = log.gather(1, next).mean().neg();
    let mut cost = loss.clone() + read.dropped.square().mean() * ACTIVATION_COST;
    if positions > 1 {
        let later = read.output.clone().narrow(1, 1, positions - 1);
        let steps = later - read.output.narrow(1, 0, positions - 1);
        cost = cost + steps.square().mean() * STEP_COST;
    }
    (cost, loss, read.states)
}

fn measure(model: &LanguageModel, corpus: &Corpus, options: &PretrainOptions, device: &Device) -> f64 {
    let (mut losses, mut tokens, mut states) = (0.0, 0.0, vec![]);
    for chunk in corpus.valid(options.rows, options.positions) {
        let (_, loss, behind) = read(model, &chunk, states, device);
        losses += f64::from(loss.into_scalar::<f32>()) * chunk.next.len() as f64;
        tokens += chunk.next.len() as f64;
        states = behind;
    }
    losses / tokens
}

fn ids(numbers: &[u32], shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    let numbers: Vec<i64> = numbers.iter().map(|&number| i64::from(number)).collect();
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

impl LanguageModel {
    /// Writes `model.safetensors`, `tokenizer.json` and `config.json` into a folder, which must exist: what
    /// [`Pretrained`](crate::Pretrained) reads.
    ///
    /// # Errors
    ///
    /// If a file can't be written.
    pub fn save(
        &self,
        folder: &Path,
        config: &AwdLstmConfig,
        tokenizer_json: &[u8],
    ) -> Result<(), PretrainError> {
        let write = |name: &str, bytes: &[u8]| {
            files::write_atomically(&folder.join(name), |file| std::io::Write::write_all(file, bytes))
        };
        let metadata = [("format".to_owned(), "pt".to_owned())].into();
        safetensors::write(&folder.join("model.safetensors"), &weights::collect(self), &metadata)?;
        write("tokenizer.json", tokenizer_json)?;
        write("config.json", config.to_json().to_string().as_bytes())?;
        Ok(())
    }
}
