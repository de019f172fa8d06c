//! Frozen means frozen: not one byte moves.

use std::collections::BTreeSet;

use defrost::weights::{Tensors, collect};
use defrost::{CacheLimits, FineTune, Learner, LearnerOptions, NormMode, Rates};

use crate::support::{Clusters, Small};

fn learner(norm: NormMode) -> Learner<Small> {
    let options = LearnerOptions { batch_size: 8, norm, ..LearnerOptions::default() };
    Learner::new(Small::new(), Box::new(Clusters(40)), Box::new(Clusters(12)), 3, options).unwrap()
}

/// Trains two epochs after `prepare` and tells which tensors moved.
fn moved(norm: NormMode, prepare: impl FnOnce(&mut Learner<Small>)) -> BTreeSet<String> {
    let mut learner = learner(norm);
    prepare(&mut learner);
    let before: Tensors = collect(learner.network());
    learner.fit_one_cycle(2, Rates::One(1e-2)).unwrap();
    let after = collect(learner.network());
    before.into_iter().filter(|(name, data)| after[name] != *data).map(|(name, _)| name).collect()
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|&name| name.to_owned()).collect()
}

const HEAD: [&str; 2] = ["head.bias", "head.weight"];

fn trained(layer: usize) -> Vec<String> {
    ["0.bias", "0.weight", "1.bias", "1.weight"].map(|name| format!("body.{layer}.{name}")).to_vec()
}

fn statistics(layer: usize) -> Vec<String> {
    ["1.running_mean", "1.running_var"].map(|name| format!("body.{layer}.{name}")).to_vec()
}

#[test]
fn a_pretrained_learner_starts_frozen() {
    assert_eq!(learner(NormMode::Keep).plan().frozen_groups(), [0, 1, 2]);
    assert_eq!(moved(NormMode::Keep, |_| ()), names(&HEAD));
}

#[test]
fn only_thawed_groups_move_and_kept_statistics_never() {
    for (position, layers) in [(0, 0..3), (1, 1..3), (2, 2..3), (-1, 3..3)] {
        let mut expected = names(&HEAD);
        expected.extend(layers.flat_map(trained));
        assert_eq!(
            moved(NormMode::Keep, |learner| learner.freeze_to(position).unwrap()),
            expected,
            "{position}"
        );
    }
}

#[test]
fn batch_statistics_move_in_thawed_groups_only() {
    let mut expected = names(&HEAD);
    expected.extend((1..3).flat_map(|layer| [trained(layer), statistics(layer)].concat()));
    assert_eq!(moved(NormMode::Batch, |learner| learner.freeze_to(1).unwrap()), expected);
}

#[test]
fn adapting_moves_exactly_the_norms_of_frozen_groups() {
    let mut expected = names(&HEAD);
    let norms =
        (0..3).flat_map(|layer| statistics(layer).into_iter().chain(trained(layer).into_iter().skip(2)));
    expected.extend(norms);
    assert_eq!(moved(NormMode::Adapt, |learner| learner.freeze().unwrap()), expected);
}

#[test]
fn surgical_training_moves_one_group() {
    assert_eq!(
        moved(NormMode::Keep, |learner| learner.train_only(&["1"]).unwrap()),
        trained(1).into_iter().collect()
    );
}

#[test]
fn the_prefix_ends_where_something_moves() {
    let constant = |norm, prepare: fn(&mut Learner<Small>)| {
        let mut learner = learner(norm);
        prepare(&mut learner);
        learner.plan().constant_stages()
    };
    assert_eq!(constant(NormMode::Keep, |_| ()), 3);
    assert_eq!(constant(NormMode::Keep, |learner| learner.unfreeze()), 0);
    assert_eq!(constant(NormMode::Keep, |learner| learner.train_only(&["2"]).unwrap()), 2);
    assert_eq!(constant(NormMode::Adapt, |_| ()), 0);
}

#[test]
fn the_same_run_twice_gives_the_same_bytes() {
    let run = || {
        let mut learner = learner(NormMode::Batch);
        learner.fine_tune(FineTune::new(2)).unwrap();
        (
            collect(learner.network()),
            learner.history().records().iter().map(|r| r.valid_loss).collect::<Vec<_>>(),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn what_is_kept_changes_nothing() {
    let run = |memory| {
        let cache = CacheLimits::memory(memory);
        let options = LearnerOptions { batch_size: 8, variants: 2, cache, ..LearnerOptions::default() };
        let data = || Box::new(Clusters(40));
        let mut learner = Learner::new(Small::new(), data(), data(), 3, options).unwrap();
        learner.fine_tune(&FineTune { freeze_epochs: 5, ..FineTune::new(2) }).unwrap();
        learner.freeze_to(2).unwrap();
        learner.fit_one_cycle(3, Rates::One(1e-2)).unwrap();
        let losses: Vec<f64> = learner.history().records().iter().map(|record| record.valid_loss).collect();
        (collect(learner.network()), losses)
    };
    // Everything kept, nothing kept, and only some rows.
    assert_eq!(run(1 << 20), run(0));
    assert_eq!(run(300), run(0));
}

#[test]
fn training_learns() {
    let mut learner = learner(NormMode::Batch);
    learner.fine_tune(&FineTune { rates: Rates::One(1e-1), ..FineTune::new(60) }).unwrap();
    // Knowing nothing about three classes costs ln 3.
    let best = learner.best().unwrap();
    assert!(
        best.valid_loss < 0.5 * 3f64.ln() && best.metrics["accuracy"] > 2.0 / 3.0,
        "{:?}",
        learner.history()
    );
}
