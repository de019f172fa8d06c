//! The folds of a cross-validation.

use rand::seq::SliceRandom;

use super::together::Units;
use super::{Dataset, Draws};

/// The fold of each item, `0..folds`: the items of each class are dealt to the folds in turn, so that folds are of
/// equal size and every class is spread over as many as it has items. Items without classes are one class, and items that
/// [belong together](Dataset::belongs_to) are dealt as one.
pub fn folds(data: &dyn Dataset, folds: usize, seed: u64) -> Vec<usize> {
    let units = Units::of(data);
    let mut members: Vec<Vec<usize>> = vec![];
    for (unit, &class) in units.classes.iter().enumerate() {
        members.resize(members.len().max(class + 1), vec![]);
        members[class].push(unit);
    }
    let mut fold_of = vec![0; data.len()];
    let mut turn = 0;
    for (class, mut members) in members.into_iter().enumerate() {
        members.shuffle(&mut Draws::for_folds(seed, class));
        for unit in members {
            units.items[unit].iter().for_each(|&item| fold_of[item] = turn % folds.max(1));
            turn += 1;
        }
    }
    fold_of
}
