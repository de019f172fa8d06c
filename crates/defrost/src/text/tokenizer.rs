//! From a text to its token ids, with the `tokenizer.json` beside a network's weights.

use std::sync::Arc;

use thiserror::Error;
use tokenizers::TruncationParams;

/// Encodes texts for one network.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    tokenizer: Arc<tokenizers::Tokenizer>,
    max_tokens: usize,
}

/// An encoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Its tokens, with those that mark its ends.
    pub ids: Vec<u32>,
    /// Whether the text was longer and has been cut.
    pub truncated: bool,
}

/// A `tokenizer.json` can't be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TokenizerError {
    /// It is none.
    #[error("tokenizer.json: not a valid tokenizer: {0}")]
    Invalid(String),
    /// It is another network's.
    #[error("tokenizer.json: it knows token {token} and the network only those below {vocabulary}")]
    Vocabulary {
        /// Its highest token.
        token: u32,
        /// How many the network has embeddings for.
        vocabulary: usize,
    },
    /// Nothing would be left of a text.
    #[error("a text can be from 3 to {longest} tokens long for this network, and not {given}")]
    Length {
        /// The longest text asked for.
        given: usize,
        /// The network's limit.
        longest: usize,
    },
}

impl Tokenizer {
    /// Reads a `tokenizer.json` for a network that has embeddings for `vocabulary` tokens at `positions`
    /// places. Texts are cut after `max_tokens`.
    ///
    /// # Errors
    ///
    /// If it is damaged or belongs to another network.
    pub fn parse(
        json: &[u8],
        vocabulary: usize,
        positions: usize,
        max_tokens: usize,
    ) -> Result<Self, TokenizerError> {
        if !(3..=positions).contains(&max_tokens) {
            return Err(TokenizerError::Length { given: max_tokens, longest: positions });
        }
        let invalid = |error: tokenizers::Error| TokenizerError::Invalid(error.to_string());
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(json).map_err(invalid)?;
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if highest as usize >= vocabulary {
            return Err(TokenizerError::Vocabulary { token: highest, vocabulary });
        }
        // Batches pad to their own longest text.
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(invalid)?;
        Ok(Self { tokenizer: Arc::new(tokenizer), max_tokens })
    }

    /// Encodes a text.
    ///
    /// # Errors
    ///
    /// If there is nothing in it, or it can't be encoded; the message says why.
    pub fn encode(&self, text: &str) -> Result<Tokens, String> {
        if text.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(Tokens { ids: encoding.get_ids().to_vec(), truncated: !encoding.get_overflowing().is_empty() })
    }

    /// After how many tokens texts are cut.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}
