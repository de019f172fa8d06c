//! The folds of a cross-validation.

use rand::seq::SliceRandom;

use super::{Dataset, Draws};

/// The fold of each item, `0..folds`: the items of each class are dealt to the folds in turn, so that folds are of
/// equal size and every class is spread over as many as it has items. Items without classes are one class.
pub fn folds(data: &dyn Dataset, folds: usize, seed: u64) -> Vec<usize> {
    let mut members: Vec<Vec<usize>> = vec![];
    for item in 0..data.len() {
        let class = data.target(item).class().unwrap_or(0);
        members.resize(members.len().max(class + 1), vec![]);
        members[class].push(item);
    }
    let mut fold_of = vec![0; data.len()];
    let mut turn = 0;
    for (class, mut items) in members.into_iter().enumerate() {
        items.shuffle(&mut Draws::for_folds(seed, class));
        for item in items {
            fold_of[item] = turn % folds.max(1);
            turn += 1;
        }
    }
    fold_of
}
