//! A data set of texts: encoded once, padded batch by batch.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use super::source::LabelledText;
use super::tokenizer::{Tokenizer, Tokens};
use crate::batch::{Batch, Value};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Skipped, Target, Variant};

/// Batches are padded to a multiple of this: sums over positions are then made in the same order however long
/// the batch is.
const MULTIPLE: usize = 8;
/// At most this many characters of a text are shown in reports.
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
    target: Target,
    belongs_to: Option<String>,
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
                    let (name, belongs_to) = (text.name.clone(), text.belongs_to.clone());
                    items.push(Item { name, excerpt, tokens, target: text.target.clone(), belongs_to });
                }
                Err(reason) => {
                    let kind = if text.text.trim().is_empty() { "empty-text" } else { "not-encodable" };
                    skipped.push(Skipped { path: text.name.clone().into(), kind, reason });
                }
            }
        }
        (Self { items }, skipped)
    }

    /// The items at these places.
    pub(super) fn part(&self, items: &[usize]) -> Self {
        Self { items: items.iter().map(|&item| self.items[item].clone()).collect() }
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
        self.items[item].target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.items[item].name.clone()
    }

    fn belongs_to(&self, item: usize) -> Option<&str> {
        self.items[item].belongs_to.as_deref()
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        Some(Preview::Text(self.items[item].excerpt.to_string()))
    }

    fn remark(&self, item: usize) -> Option<String> {
        let tokens = &self.items[item].tokens;
        tokens.truncated.then(|| format!("cut: only the first {} tokens are read", tokens.ids.len()))
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
pub(super) fn excerpt(text: &str) -> String {
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
