//! Language models: what AWD-LSTM learns from plain text before it learns a task (ULMFiT, arXiv 1801.06146).
//!
//! A corpus is one stream of tokens, cut into as many parts as a batch has rows; each row goes on where it stopped, with
//! the state it had. This is another kind of training than the learner's, whose items are independent: it has a small
//! loop of its own, made of the same optimizer, schedule and draws.

mod corpus;
mod model;
mod train;
mod vocabulary;

pub use corpus::{Corpus, CorpusError, read};
pub use model::LanguageModel;
pub use train::{LanguageEpoch, PretrainError, PretrainOptions, pretrain};
pub use vocabulary::learn_tokenizer;
