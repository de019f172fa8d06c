//! A data set of texts: encoded once, padded batch by batch.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;
use thiserror::Error;

use super::check::report;
use super::columns::TextColumns;
use super::source::{LabelledText, LabelledTexts, TextParts, TextSourceError};
use super::tokenizer::{Tokenizer, TokenizerError, Tokens};
use crate::batch::{Batch, Value};
use crate::check::Report;
use crate::data::split::{self, SplitError};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Skipped, Target, Variant};

/// Batches are padded to a multiple of this: sums over positions are then made in the same order however long
/// the batch is.
const MULTIPLE: usize = 8;
/// So many characters of a text are shown in reports.
const EXCERPT: usize = 400;

/// Labelled, encoded texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    name: String,
    /// Its beginning, for people.
    excerpt: Box<str>,
    tokens: Tokens,
    class: usize,
}

impl Texts {
    /// Encodes texts on all threads; those that can't be are left out and listed.
    pub fn encode(texts: &[LabelledText], tokenizer: &Tokenizer) -> (Self, Vec<Skipped>) {
        let encoded: Vec<Result<Tokens, String>> =
            texts.par_iter().map(|text| tokenizer.encode(&text.text)).collect();
        let (mut items, mut skipped) = (vec![], vec![]);
        for (text, result) in texts.iter().zip(encoded) {
            match result {
                Ok(tokens) => {
                    let excerpt = excerpt(&text.text).into();
                    items.push(Item { name: text.name.clone(), excerpt, tokens, class: text.class });
                }
                Err(reason) => {
                    let kind = if text.text.trim().is_empty() { "empty-text" } else { "not-encodable" };
                    skipped.push(Skipped { path: text.name.clone().into(), kind, reason });
                }
            }
        }
        (Self { items }, skipped)
    }

    /// How many texts have been cut.
    pub fn truncated(&self) -> usize {
        self.items.iter().filter(|item| item.tokens.truncated).count()
    }
}

impl Dataset for Texts {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(self.items[item].class)
    }

    fn name(&self, item: usize) -> String {
        self.items[item].name.clone()
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        Some(Preview::Text(self.items[item].excerpt.to_string()))
    }

    fn size(&self, item: usize) -> usize {
        self.items[item].tokens.ids.len()
    }

    /// Texts are not varied: every variant is the original.
    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        let ids = &self.items[item].tokens.ids;
        Fingerprint::of(&[&ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let texts: Vec<&[u32]> = items.iter().map(|&item| self.items[item].tokens.ids.as_slice()).collect();
        Ok(batch(&texts, device))
    }
}

/// The beginning of a text in one line.
fn excerpt(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
        // A character takes four bytes at most.
        if line.len() > 4 * EXCERPT {
            break;
        }
    }
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Tokens and mask, `[batch, positions]` each: texts are filled up with zeros to the longest.
pub(super) fn batch(texts: &[&[u32]], device: &Device) -> Batch {
    let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0).next_multiple_of(MULTIPLE);
    let shape = [texts.len(), longest];
    let padded = |number: fn(u32) -> i64| {
        let row = |ids: &&[u32]| {
            let padding = std::iter::repeat_n(0, longest - ids.len());
            ids.iter().map(|&id| number(id)).chain(padding).collect::<Vec<i64>>()
        };
        let numbers: Vec<i64> = texts.iter().flat_map(row).collect();
        Value::Ids(Tensor::<2, Int>::from_data(TensorData::new(numbers, shape), device))
    };
    Batch::new(vec![padded(i64::from), padded(|_| 1)])
}

/// Texts ready to train on.
#[derive(Clone, Debug)]
pub struct TextData {
    /// Class names.
    pub classes: Vec<String>,
    /// What to train on.
    pub train: Texts,
    /// What to validate on.
    pub valid: Texts,
    /// Texts that are left out.
    pub skipped: Vec<Skipped>,
    /// What a person should know about them.
    pub notes: Vec<String>,
    /// What is wrong with them.
    pub report: Report,
    /// The columns they come from.
    pub columns: TextColumns,
}

/// A file can't be trained on.
#[derive(Debug, Error)]
pub enum TextDataError {
    /// It holds no labelled texts.
    #[error(transparent)]
    Source(#[from] TextSourceError),
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The tokenizer can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Nothing can be encoded.
    #[error("{}: none of the {count} texts can be encoded{}", path.display(), first.as_ref().map_or(String::new(), |first| format!("; the first: {first}")))]
    Nothing {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first and its reason.
        first: Option<Skipped>,
    },
}

impl TextData {
    /// Reads and encodes the texts of `path`, and those to validate on: another file's, or a fraction split off.
    ///
    /// # Errors
    ///
    /// If there are no two classes of texts, or no validation part can be made.
    pub fn open(
        path: &Path,
        columns: &TextColumns,
        validation: Result<&Path, f64>,
        tokenizer: &Tokenizer,
        seed: u64,
    ) -> Result<Self, TextDataError> {
        let parts = TextParts::read(path, columns, validation)?;
        let (train, bad) = encode(path, &parts.train.items, tokenizer)?;
        let report = report(&parts, seed)?;
        let TextParts { train: LabelledTexts { classes, mut skipped, columns, .. }, valid } = parts;
        let mut notes = vec![];
        skipped.extend(bad);
        let (train, valid) = match valid {
            Ok(LabelledTexts { items, skipped: unread, .. }) => {
                let (valid, bad) = encode(validation.unwrap_or(path), &items, tokenizer)?;
                skipped.extend(unread.into_iter().chain(bad));
                (train, valid)
            }
            Err(fraction) => {
                let labels: Vec<usize> = train.items.iter().map(|item| item.class).collect();
                let split = split::stratified(&labels, fraction, seed)?;
                let alone = |&class: &usize| {
                    format!("class {} has one text: it is trained on and can't be validated", classes[class])
                };
                notes.extend(split.singletons.iter().map(alone));
                let part = |items: &[usize]| Texts {
                    items: items.iter().map(|&item| train.items[item].clone()).collect(),
                };
                (part(&split.train), part(&split.valid))
            }
        };
        let truncated = train.truncated() + valid.truncated();
        if truncated > 0 {
            notes.push(format!(
                "{truncated} of {} texts are longer than {} tokens and are cut there; --max-tokens says where",
                train.len() + valid.len(),
                tokenizer.max_tokens()
            ));
        }
        Ok(Self { classes, train, valid, skipped, notes, report, columns })
    }
}

/// Texts of classes that are known already, to evaluate a trained network on.
///
/// # Errors
///
/// If there are none, or labels of other classes.
pub fn open_known(
    path: &Path,
    columns: &TextColumns,
    classes: &[String],
    tokenizer: &Tokenizer,
) -> Result<(Texts, Vec<Skipped>), TextDataError> {
    let LabelledTexts { items, mut skipped, .. } = LabelledTexts::read(path, columns, Some(classes))?;
    let (texts, bad) = encode(path, &items, tokenizer)?;
    skipped.extend(bad);
    Ok((texts, skipped))
}

fn encode(
    path: &Path,
    items: &[LabelledText],
    tokenizer: &Tokenizer,
) -> Result<(Texts, Vec<Skipped>), TextDataError> {
    let (texts, skipped) = Texts::encode(items, tokenizer);
    if texts.is_empty() {
        let first = skipped.into_iter().next();
        return Err(TextDataError::Nothing { path: path.to_owned(), count: items.len(), first });
    }
    Ok((texts, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_line_of_bounded_length() {
        assert_eq!(excerpt("  two\n\n words "), "two words");
        assert_eq!(excerpt(""), "");
        let long = excerpt(&"wörter ".repeat(200));
        assert!(long.chars().count() == EXCERPT + 1 && long.ends_with('…'), "{long}");
        assert_eq!(excerpt(&"x".repeat(EXCERPT)).chars().count(), EXCERPT);
    }
}
