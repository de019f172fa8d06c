//! From a text to its token ids, with the `tokenizer.json` beside a network's weights.

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;
use tokenizers::{PaddingParams, PostProcessor as _, TruncationDirection, TruncationParams};

use crate::metrics::PartRead;

/// Encodes texts for one network.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    tokenizer: Arc<tokenizers::Tokenizer>,
    /// How many tokens mark a text's ends.
    marks: usize,
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

/// More than a token of most texts has.
const BYTES_OF_A_TOKEN: usize = 16;

/// The words within the first bytes of a text; nothing if it is not longer, or begins with one longer word.
fn beginning(text: &str, bytes: usize) -> Option<&str> {
    let head = text.get(..text.floor_char_boundary(bytes)).filter(|head| head.len() < text.len())?;
    head.rfind(char::is_whitespace).filter(|&end| end > 0).map(|end| &head[..end])
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
        // Texts are cut here.
        tokenizer.with_truncation(None).map_err(invalid)?;
        let marks = tokenizer.get_post_processor().map_or(0, |marks| marks.added_tokens(false));
        Ok(Self { tokenizer: Arc::new(tokenizer), marks, max_tokens })
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
        let room = self.room();
        let mut tokens = self.encode_beginning(text, |text| self.tokenizer.encode_fast(text, false))?;
        let truncated = tokens.len() > room;
        tokens.truncate(room, 0, TruncationDirection::Right);
        let marked = self.tokenizer.post_process(tokens, None, true).map_err(|error| error.to_string())?;
        Ok(Tokens { ids: marked.get_ids().to_vec(), truncated })
    }

    /// The tokens of a short text, with those that mark its ends, and the bytes that each was made of; nothing if it can't be encoded.
    pub(super) fn spans(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let Ok(tokens) = self.tokenizer.encode(text, true) else { return vec![] };
        let spans = tokens.get_offsets().iter().map(|&(start, end)| start..end);
        tokens.get_ids().iter().copied().zip(spans).collect()
    }

    /// These tokens as the vocabulary has them, with blanks between.
    pub(super) fn pieces(&self, ids: &[u32]) -> String {
        let piece = |&id: &u32| self.tokenizer.id_to_token(id).unwrap_or_else(|| "?".to_owned());
        ids.iter().map(piece).collect::<Vec<_>>().join(" ")
    }

    /// How many characters of a text the network reads; none if it reads the whole text.
    ///
    /// # Errors
    ///
    /// If the text can't be encoded; the message says why.
    pub fn part_read(&self, text: &str) -> Result<Option<PartRead>, String> {
        let tokens = self.encode_beginning(text, |text| self.tokenizer.encode_char_offsets(text, false))?;
        let room = self.room();
        let end = tokens.get_offsets().get(..=room).and_then(|offsets| offsets.get(room.checked_sub(1)?));
        Ok(end.map(|&(_, read)| PartRead { read, of: text.chars().count() }))
    }

    /// How many tokens of a text there may be beside those that mark its ends.
    fn room(&self) -> usize {
        self.max_tokens.saturating_sub(self.marks)
    }

    /// Encodes as much of a text as tells the tokens that stay. The end of a long text is cut off, and need not be encoded. A word at
    /// the end of a beginning may be another one in the whole text, so the beginning holds twice the tokens that stay.
    fn encode_beginning(
        &self,
        text: &str,
        encode: impl Fn(&str) -> tokenizers::Result<tokenizers::Encoding>,
    ) -> Result<tokenizers::Encoding, String> {
        let encode = |text: &str| encode(text).map_err(|error| error.to_string());
        let mut bytes = BYTES_OF_A_TOKEN * self.max_tokens;
        loop {
            let Some(beginning) = beginning(text, bytes) else { return encode(text) };
            let tokens = encode(beginning)?;
            if tokens.len() > 2 * self.room() {
                return Ok(tokens);
            }
            bytes *= 8;
        }
    }

    /// As a `tokenizer.json` that cuts and pads as this library does, for other programs.
    ///
    /// # Errors
    ///
    /// If it can't be written; the message says why.
    pub fn complete(&self) -> Result<String, String> {
        let mut tokenizer = tokenizers::Tokenizer::clone(&self.tokenizer);
        let cut = TruncationParams { max_length: self.max_tokens, ..TruncationParams::default() };
        let pad_token = tokenizer.id_to_token(0).unwrap_or_default();
        tokenizer.with_truncation(Some(cut)).map_err(|error| error.to_string())?;
        tokenizer.with_padding(Some(PaddingParams { pad_token, pad_id: 0, ..PaddingParams::default() }));
        tokenizer.to_string(false).map_err(|error| error.to_string())
    }

    /// After how many tokens texts are cut.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_long_text_is_encoded_as_far_as_it_is_read() {
        let model = serde_json::json!({ "type": "WordLevel", "vocab": { "[UNK]": 0, "tea": 1, "is": 2 }, "unk_token": "[UNK]" });
        let json = serde_json::json!({ "version": "1.0", "added_tokens": [], "pre_tokenizer": { "type": "Whitespace" }, "model": model });
        let tokenizer = Tokenizer::parse(json.to_string().as_bytes(), 3, 64, 64).unwrap();
        let whole = |text: &str| {
            let all = tokenizer.tokenizer.encode_fast(text, true).unwrap();
            all.get_ids()[..all.len().min(64)].to_vec()
        };
        let word = "x".repeat(3000);
        for text in [
            "tea is ".repeat(9),
            "tea is ".repeat(5000),
            format!("{word} tea ").repeat(200),
            format!("{} tea is", word.repeat(10)),
            format!("{}tea is", " ".repeat(20_000)),
            "täa ïs ".repeat(700),
        ] {
            let found = tokenizer.encode(&text).unwrap();
            assert_eq!(found.ids, whole(&text));
            assert_eq!(found.truncated, text.split_whitespace().count() > 64);
            // Words and what is between them, up to the end of the last word that is read.
            let read = tokenizer.part_read(&text).unwrap();
            assert_eq!(read.is_some(), found.truncated);
            if let Some(PartRead { read, of }) = read {
                let part: String = text.chars().take(read).collect();
                assert_eq!((part.split_whitespace().count(), of), (64, text.chars().count()));
                assert!(!part.ends_with(' '));
            }
        }
        let started = Instant::now();
        tokenizer.encode(&"tea is ".repeat(1_000_000)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
}
