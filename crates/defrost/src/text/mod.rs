//! Texts: finding, reading and encoding them; networks that read them.

mod bundle;
mod check;
mod columns;
mod dataset;
pub mod models;
mod pretrained;
mod source;
mod tokenizer;

pub use bundle::{LoadedText, TextManifest};
pub use check::check;
pub use columns::{TextColumns, guess_text_column};
pub use dataset::{TextData, TextDataError, Texts};
pub use pretrained::{Pretrained, PretrainedError};
pub use source::{LabelledText, LabelledTexts, TextSourceError};
pub use tokenizer::{Tokenizer, TokenizerError, Tokens};
