//! Texts: finding, reading and encoding them; networks that read them.

mod bundle;
mod check;
mod columns;
mod dataset;
mod files;
pub mod language_model;
mod learner;
pub mod models;
mod pretrained;
mod source;
mod table;
mod text_data;
mod together;
mod tokenizer;
mod words;

pub use bundle::{LoadedText, TextConfigError, TextModelConfig};
pub use columns::{TextColumns, guess_text_column};
pub use dataset::Texts;
pub use files::{is_text_folder, read_text, text_files};
pub use learner::{TextLearner, TextLearnerError, TextPredictError};
pub use pretrained::{PretrainedError, PretrainedText};
pub use source::{LabelledText, LabelledTexts, TextSourceError};
pub use text_data::{TextCounts, TextData, TextDataError};
pub use together::Together;
pub use tokenizer::{Tokenizer, TokenizerError, Tokens};
