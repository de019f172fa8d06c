//! What freezing promises, on a network of every kind: one test body, a learner maker each.

use std::collections::BTreeSet;

use burn::tensor::{Device, TensorData};
use defrost::HeadKind;
use defrost::tabular::{TableData, TabularNetwork};
use defrost::text::models::{BertConfig, TextNetwork};
use defrost::text::{LabelledText, Texts, Tokenizer};
use defrost::weights::{collect, load};
use defrost::{CacheLimits, Learner, LearnerOptions, Network, Rates, SplitData, Stage, Target};

use crate::support::{Clusters, Small};

fn options(cache: CacheLimits) -> LearnerOptions {
    LearnerOptions { batch_size: 8, cache, ..LearnerOptions::default() }
}

fn images(cache: CacheLimits) -> Learner<Small> {
    let (train, valid) = (Box::new(Clusters(40)), Box::new(Clusters(12)));
    Learner::new(Small::new(), train, valid, 3, options(cache)).unwrap()
}

/// Weights that no other test's draws can touch.
pub fn made<N: Network>(network: N) -> N {
    let mut tensors = collect(&network);
    for (k, data) in tensors.values_mut().filter(|data| data.shape().len() == 2).enumerate() {
        let wave = |i: usize| ((i * 37 + k * 11) as f32 * 12.9898).sin() * 0.4;
        *data =
            TensorData::new((0..data.num_elements()).map(wave).collect::<Vec<f32>>(), data.shape().clone());
    }
    load(network, &tensors)
}

/// A tokenizer of whole words.
pub fn tokenizer() -> String {
    let words = ["[UNK]", "good", "bad", "tea", "very", "is", "the", "cup"];
    let vocabulary: serde_json::Map<_, _> =
        words.iter().enumerate().map(|(id, &word)| (word.to_owned(), id.into())).collect();
    let model = serde_json::json!({ "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" });
    serde_json::json!({ "version": "1.0", "added_tokens": [], "pre_tokenizer": { "type": "Whitespace" }, "model": model })
        .to_string()
}

fn texts(cache: CacheLimits) -> Learner<TextNetwork> {
    let tokenizer = Tokenizer::parse(tokenizer().as_bytes(), 8, 40, 40).unwrap();
    let text = |item: usize| LabelledText {
        name: item.to_string(),
        text: format!("{}the tea is {}", "very ".repeat(item * 7 % 30), ["good", "bad"][item % 2]),
        target: Target::Class(item % 2),
        belongs_to: None,
    };
    let data = |count| {
        let (texts, skipped) = Texts::encode(&(0..count).map(text).collect::<Vec<_>>(), &tokenizer);
        assert!(skipped.is_empty());
        Box::new(texts)
    };
    let config = BertConfig {
        vocabulary: 8,
        hidden: 16,
        heads: 2,
        intermediate: 24,
        positions: 40,
        ..BertConfig::minilm()
    };
    let network = made(TextNetwork::new(&config.into(), HeadKind::ConcatPool, 2, true, &Device::flex()));
    Learner::new(network, data(40), data(16), 2, options(cache)).unwrap()
}

fn table(cache: CacheLimits) -> Learner<TabularNetwork> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let row = |i: usize| format!("{},{},{}\n", ["x", "y", "z"][i % 3], i as f64 * 0.37 % 5.0, i % 2);
    std::fs::write(&path, (0..60).map(row).fold("kind,size,label\n".to_owned(), |a, b| a + &b)).unwrap();
    let data = TableData::open(&path).unwrap().label("label").seed(1).read().unwrap();
    let (network, _) = data.network(None, 1, &Device::flex()).unwrap();
    let SplitData { train, valid, .. } = data;
    Learner::new(made(network), Box::new(train), Box::new(valid), 2, options(cache)).unwrap()
}

/// Names of tensors in the stages of these groups.
fn names(stages: &[Stage]) -> BTreeSet<String> {
    stages.iter().flat_map(|stage| &stage.parameters).map(|parameter| parameter.name.clone()).collect()
}

fn frozen_means_frozen<N: Network>(make: fn(CacheLimits) -> Learner<N>) {
    let groups = make(CacheLimits::none()).plan().groups().count();
    for position in 0..groups {
        let mut learner = make(CacheLimits::memory(1 << 20));
        learner.freeze_to(position as isize).unwrap();
        let before = collect(learner.network());
        learner.fit_one_cycle(2, Rates::One(1e-2)).unwrap();
        let after = collect(learner.network());
        let moved: BTreeSet<String> =
            before.into_iter().filter(|(name, data)| after[name] != *data).map(|(name, _)| name).collect();
        for group in 0..groups {
            let of_group = names(learner.plan().groups().stages_of(group));
            assert_eq!(
                group >= position,
                !of_group.is_disjoint(&moved),
                "group {group}, frozen to {position}"
            );
        }
    }
}

/// Largest difference between the weights of a run that keeps rows and one that does not.
fn cost_of_keeping<N: Network>(make: fn(CacheLimits) -> Learner<N>) -> f64 {
    let groups = make(CacheLimits::none()).plan().groups().count();
    let run = |cache: CacheLimits, position: usize| {
        let mut learner = make(cache);
        learner.freeze_to(position as isize).unwrap();
        learner.fit_one_cycle(3, Rates::One(1e-2)).unwrap();
        collect(learner.network())
    };
    let apart = |position: usize| {
        let (kept, computed) =
            (run(CacheLimits::memory(1 << 20), position), run(CacheLimits::none(), position));
        let pairs = kept.iter().flat_map(|(name, data)| data.iter::<f64>().zip(computed[name].iter::<f64>()));
        pairs.map(|(a, b)| (a - b).abs()).collect::<Vec<_>>()
    };
    (1..groups).flat_map(apart).fold(0.0, f64::max)
}

#[test]
fn frozen_groups_of_images_texts_and_tables_do_not_move() {
    frozen_means_frozen(images);
    frozen_means_frozen(texts);
    frozen_means_frozen(table);
}

#[test]
fn keeping_rows_of_images_and_tables_changes_nothing() {
    assert_eq!(cost_of_keeping(images), 0.0);
    assert_eq!(cost_of_keeping(table), 0.0);
}

#[test]
fn keeping_rows_of_texts_changes_no_more_than_rounding() {
    // A row is kept as it was padded in its first batch, and sums over more positions round differently.
    let apart = cost_of_keeping(texts);
    assert!(apart < 1e-4, "{apart:e}");
}
