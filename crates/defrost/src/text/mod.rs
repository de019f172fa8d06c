//! Texts: finding, reading and encoding them; networks that read them.

mod bundle;
mod check;
mod columns;
mod dataset;
mod folder;
pub mod language_model;
pub mod models;
mod pretrained;
mod source;
mod tokenizer;

pub use bundle::{LoadedText, TextModelConfig};
pub use check::check;
pub use columns::{TextColumns, guess_text_column};
pub use dataset::{TextData, TextDataError, Texts};
pub use folder::{found_validation, is_text_folder, read_text, text_files};
pub use pretrained::{Pretrained, PretrainedError};
pub use source::{LabelledText, LabelledTexts, TextSourceError};
pub use tokenizer::{Tokenizer, TokenizerError, Tokens};
