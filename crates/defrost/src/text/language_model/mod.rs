//! Language models: AWD-LSTM learns from plain text before it learns a task (ULMFiT, arXiv 1801.06146).
//!
//! A corpus is one stream of tokens, cut into as many parts as a batch has rows; each row continues where it stopped, with
//! its state. The learner's items are independent, so this training has a small
//! loop of its own, with the same optimizer, schedule and draws.

mod corpus;
mod model;
mod train;
mod vocabulary;

pub use corpus::{Corpus, CorpusError, read};
pub use model::LanguageModel;
pub use train::{LanguageEpoch, PretrainError, PretrainOptions, pretrain};
pub use vocabulary::learn_tokenizer;
