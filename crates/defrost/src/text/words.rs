//! How much each word of a text spoke for an answer: the gradient of its score with respect to each token's embedding, times the embedding
//! ("gradient times input", arXiv 1605.01713).

use std::ops::Range;

use burn::module::Module;

use super::models::TextNetwork;
use super::tokenizer::Tokenizer;
use crate::batch::{Batch, Value};
use crate::interpret::HeatMap;
use crate::interpret::evidence::values_and_gradients;
use crate::stage::Network;

/// For each of these texts, which the batch holds as tokens: how much each word between blanks spoke for the output given for it, as far as
/// the tokens go.
pub(super) fn weigh_words(
    network: &TextNetwork,
    tokenizer: &Tokenizer,
    input: Batch,
    texts: &[String],
    outputs: &[usize],
) -> Vec<Vec<f32>> {
    let [Value::Ids(ids), _] = input.values() else { return vec![] };
    let ids: Vec<u32> = ids.to_data().iter::<i64>().map(|id| id as u32).collect();
    let embedded = network.valid().forward(input, 0..1);
    let Some((values, gradients)) = values_and_gradients::<_, 3>(network, embedded, 1, outputs) else {
        return vec![];
    };
    let positions = values.dims()[1];
    let evidence: Vec<f32> = (values * gradients).sum_dim(2).into_data().iter::<f32>().collect();
    let rows = ids.chunks(positions).zip(evidence.chunks(positions));
    texts.iter().zip(rows).map(|(text, (ids, evidence))| of_words(text, tokenizer, ids, evidence)).collect()
}

/// The evidence of each word's strongest token, of tokens that are those of this text.
fn of_words(text: &str, tokenizer: &Tokenizer, ids: &[u32], evidence: &[f32]) -> Vec<f32> {
    let tokens = tokenizer.spans(text).into_iter().zip(ids.iter().zip(evidence));
    let same = tokens.take_while(|((token, _), (id, _))| token == *id);
    // Tokens that mark a text's ends cover nothing of it.
    let read: Vec<(Range<usize>, f32)> = same
        .map(|((_, span), (_, &evidence))| (span, evidence))
        .filter(|(span, _)| !span.is_empty())
        .collect();
    let strongest = |word: Range<usize>| {
        let within = read.iter().filter(|(span, _)| span.start < word.end && word.start < span.end);
        within.map(|(_, evidence)| *evidence).reduce(f32::max)
    };
    let words: Vec<f32> = words(text).map_while(strongest).collect();
    HeatMap::of(1, words.len(), words).values
}

/// Where the words of a text are, between blanks.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    text.split_whitespace().map(move |word| {
        let start = end + text[end..].find(word).unwrap_or_default();
        end = start + word.len();
        start..end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_the_evidence_of_its_strongest_token_as_far_as_it_is_read() {
        let model = serde_json::json!({ "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": { "[UNK]": 0, "tea": 1, "is": 2, "##s": 3, "good": 4 } });
        let json = serde_json::json!({ "version": "1.0", "added_tokens": [], "pre_tokenizer": { "type": "Whitespace" }, "model": model });
        let tokenizer = Tokenizer::parse(json.to_string().as_bytes(), 5, 64, 64).unwrap();
        let weigh = |text: &str, ids: &[u32], evidence: &[f32]| of_words(text, &tokenizer, ids, evidence);
        assert_eq!(weigh("teas is good", &[1, 3, 2, 4], &[0.5, 2.0, -1.0, 1.0]), [1.0, 0.0, 0.5]);
        assert_eq!(
            weigh("teas is good", &[1, 3, 0, 0], &[0.5, 2.0, 1.0, 1.0]),
            [1.0],
            "the network read no more"
        );
        assert_eq!(words("a  bé, a").collect::<Vec<_>>(), [0..1, 3..7, 8..9]);
    }
}
