//! Plain texts as streams of tokens.

use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use rayon::prelude::*;
use thiserror::Error;

use crate::csv_table::{CsvError, CsvTable, is_table_file};
use crate::data::Draws;
use crate::remedy::Remedy;
use crate::text::{guess_text_column, read_text};

/// The most text that is held in memory, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// Texts to learn a language from.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The tokens of each text to train on.
    texts: Vec<Vec<u32>>,
    /// The stream that measures.
    valid: Vec<u32>,
}

/// There is nothing to learn from.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// A text can't be read.
    #[error("{}: {reason}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A CSV file can't be read.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A CSV file whose columns do not read like texts.
    #[error("{}: which column is the text is not clear; save the texts as .txt files", .0.display())]
    Column(PathBuf),
    /// Too much for memory.
    #[error(
        "the texts take more than {MAX_BYTES} bytes, and all of them are held in memory; give fewer files"
    )]
    TooMuch,
    /// The tokenizer can't be used.
    #[error("the texts can't be cut into tokens: {0}")]
    Tokens(String),
    /// Too little for a batch.
    #[error(
        "{tokens} tokens are too few: {rows} rows of at least 2 are needed to train on and to measure; give more text"
    )]
    TooFew {
        /// How many there are.
        tokens: usize,
        /// Rows of a batch.
        rows: usize,
    },
    /// The fraction to measure on is no part.
    #[error("a validation fraction of {0} is not between 0 and 1; 0.1 is usual")]
    Fraction(f64),
}

impl CorpusError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::TooFew { .. } => Some(Remedy::LowerBatchSize),
            _ => None,
        }
    }
}

/// The texts of these files: each file is one; of a CSV file each row.
///
/// # Errors
///
/// If one can't be read.
pub fn read(files: &[PathBuf]) -> Result<Vec<String>, CorpusError> {
    let mut texts = vec![];
    let mut bytes = 0;
    for path in files {
        for text in read_file(path)? {
            bytes += text.len();
            if bytes > MAX_BYTES {
                return Err(CorpusError::TooMuch);
            }
            if !text.is_empty() {
                texts.push(text);
            }
        }
    }
    Ok(texts)
}

fn read_file(path: &Path) -> Result<Vec<String>, CorpusError> {
    if is_table_file(path) {
        let table = CsvTable::read(path)?;
        let column = guess_text_column(&table).ok_or_else(|| CorpusError::Column(path.to_owned()))?;
        return Ok(table.cells(column).map(str::to_owned).collect());
    }
    let text = read_text(path);
    text.map(|text| vec![text]).map_err(|(_, reason)| CorpusError::Text { path: path.to_owned(), reason })
}

impl Corpus {
    /// Encodes texts as `tokenizer_json` says and splits the end off, in an order that the seed draws, to measure on.
    ///
    /// # Errors
    ///
    /// If they can't be encoded, or a part has less than two tokens for each of `rows`.
    pub fn new(
        texts: &[String],
        tokenizer_json: &[u8],
        fraction: f64,
        rows: usize,
        seed: u64,
    ) -> Result<Self, CorpusError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(CorpusError::Fraction(fraction));
        }
        let failed = |error: tokenizers::Error| CorpusError::Tokens(error.to_string());
        let tokenizer = tokenizers::Tokenizer::from_bytes(tokenizer_json).map_err(failed)?;
        let encode = |text: &String| Ok(tokenizer.encode_fast(text.as_str(), true)?.get_ids().to_vec());
        let encoded: Result<Vec<Vec<u32>>, _> = texts.par_iter().map(encode).collect();
        let mut texts = encoded.map_err(failed)?;
        texts.shuffle(&mut Draws::for_split(seed, 0));

        let tokens: usize = texts.iter().map(Vec::len).sum();
        let mut wanted = (tokens as f64 * fraction) as usize;
        if wanted < 2 * rows || tokens - wanted < 2 * rows {
            return Err(CorpusError::TooFew { tokens, rows });
        }
        let mut valid = vec![];
        while let Some(mut text) = texts.pop() {
            let rest = text.split_off(text.len().saturating_sub(wanted));
            wanted -= rest.len();
            valid.extend(rest);
            if wanted == 0 {
                texts.extend((!text.is_empty()).then_some(text));
                break;
            }
        }
        Ok(Self { texts, valid })
    }

    /// How many tokens there are to train on, and to measure on.
    pub fn tokens(&self) -> [usize; 2] {
        [self.texts.iter().map(Vec::len).sum(), self.valid.len()]
    }

    /// The chunks of an epoch: the texts in the order drawn for it, as one stream.
    pub fn epoch(&self, rows: usize, positions: usize, draws: Draws) -> Vec<Chunk> {
        let mut order: Vec<&Vec<u32>> = self.texts.iter().collect();
        order.shuffle(&mut draws.for_order());
        chunks(&order.into_iter().flatten().copied().collect::<Vec<u32>>(), rows, positions)
    }

    /// The chunks to measure on.
    pub fn valid(&self, rows: usize, positions: usize) -> Vec<Chunk> {
        chunks(&self.valid, rows, positions)
    }
}

/// A stretch of every row of the stream: `[rows, positions]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Tokens, row by row.
    pub tokens: Vec<u32>,
    /// The token behind each of them.
    pub next: Vec<u32>,
    /// `[rows, positions]`
    pub shape: [usize; 2],
}

/// Cuts a stream into rows of the same length, and these into chunks, in order: each row of a chunk goes on in the same
/// row of the next. What does not fill the rows is left out.
fn chunks(stream: &[u32], rows: usize, positions: usize) -> Vec<Chunk> {
    let length = stream.len() / rows;
    let starts = (0..length.saturating_sub(1)).step_by(positions.max(1));
    let chunk = |start: usize| {
        let end = (start + positions).min(length - 1);
        let cut = |shift: usize| {
            let row = |row: usize| &stream[row * length + start + shift..row * length + end + shift];
            (0..rows).flat_map(row).copied().collect::<Vec<u32>>()
        };
        Chunk { tokens: cut(0), next: cut(1), shape: [rows, end - start] }
    };
    starts.map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_on_in_the_next_chunk() {
        let stream: Vec<u32> = (0..23).collect();
        let chunks = chunks(&stream, 2, 4);
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[0].tokens, [0, 1, 2, 3, 11, 12, 13, 14]);
        assert_eq!(chunks[0].next, [1, 2, 3, 4, 12, 13, 14, 15]);
        assert_eq!(chunks[1].tokens[0], 4);
        assert_eq!((chunks[2].shape, chunks[2].next.last()), ([2, 2], Some(&21)));
    }

    #[test]
    fn a_share_of_the_tokens_measures() {
        let texts: Vec<String> = (0..10).map(|i| format!("the tea number {i} is good")).collect();
        let json = crate::text::language_model::learn_tokenizer(&texts, 280).unwrap();
        let corpus = Corpus::new(&texts, &json, 0.3, 2, 1).unwrap();
        let [train, valid] = corpus.tokens();
        assert_eq!(valid, (train + valid) * 3 / 10);
        let draws = |epoch| Draws { seed: 1, epoch };
        assert_eq!(corpus.epoch(2, 5, draws(0)), corpus.epoch(2, 5, draws(0)));
        assert_ne!(corpus.epoch(2, 5, draws(0)), corpus.epoch(2, 5, draws(1)));
        let refusal = Corpus::new(&texts, &json, 0.3, 1000, 1).unwrap_err().to_string();
        assert!(refusal.contains("tokens are too few: 1000 rows"), "{refusal}");
    }
}
