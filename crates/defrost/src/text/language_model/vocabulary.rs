//! A tokenizer of its own for a corpus.

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::{Lowercase, NFKC, Sequence};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, TokenizerBuilder};

use crate::text::TokenizerError;

/// The token that pads batches; its number is 0.
const PADDING: &str = "<pad>";
/// The token at the start of every text; its number is 1.
const BEGIN: &str = "<bos>";
/// A pair of tokens that comes more rarely is not made one.
const MIN_FREQUENCY: u64 = 2;

/// Learns at most `vocabulary` tokens from texts, by joining bytes that are often neighbours (byte-level BPE, arXiv
/// 1508.07909), so that no text is unknown; case is not kept. Returns the `tokenizer.json`.
///
/// # Errors
///
/// If the texts can't be cut into tokens.
pub fn learn_tokenizer(texts: &[String], vocabulary: usize) -> Result<Vec<u8>, TokenizerError> {
    learn(texts, vocabulary).map_err(|error| TokenizerError::Invalid(error.to_string()))
}

fn learn(texts: &[String], vocabulary: usize) -> tokenizers::Result<Vec<u8>> {
    let special = [PADDING, BEGIN].map(|token| AddedToken::from(token, true));
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocabulary)
        .min_frequency(MIN_FREQUENCY)
        .special_tokens(special.to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let template = TemplateProcessing::builder()
        .try_single(format!("{BEGIN} $A"))?
        .special_tokens(vec![(BEGIN, 1)])
        .build()?;
    let normalizer =
        Sequence::new(vec![NormalizerWrapper::NFKC(NFKC), NormalizerWrapper::Lowercase(Lowercase)]);
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(Some(normalizer))
        .with_pre_tokenizer(Some(ByteLevel::default()))
        .with_post_processor(Some(template))
        .with_decoder(Some(ByteLevel::default()))
        .build()?;
    let tokenizer = tokenizer.train(&mut trainer, texts.iter())?;
    Ok(tokenizer.to_string(false)?.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokenizer;

    #[test]
    fn every_text_has_tokens_and_begins_the_same() {
        let texts = ["The tea is good.", "the cup is good", "good tea"].map(str::to_owned);
        let json = learn_tokenizer(&texts, 300).unwrap();
        assert_eq!(json, learn_tokenizer(&texts, 300).unwrap(), "the same texts, the same tokens");
        let tokenizer = Tokenizer::parse(&json, 300, 100, 100).unwrap();
        let ids = |text: &str| tokenizer.encode(text).unwrap().ids;
        assert_eq!(ids("Good TEA"), ids("good tea"));
        assert!(ids("good").len() < "good".len(), "a frequent word is one token: {:?}", ids("good"));
        assert_eq!((ids("日本 ☕")[0], ids("good")[0]), (1, 1));
    }
}
