//! Splitting labelled items into a training and a validation part, class by class.
//!
//! A plain random split may leave a rare class out of validation, or out of training. Here every class of two items or
//! more has at least one on each side; what validation takes of a class depends on the seed and that class alone. Items that
//! [belong together](Dataset::belongs_to) are split as one.

use rand::seq::SliceRandom;

use super::together::Units;
use super::{Dataset, Draws};

/// Indices of the items on each side, ascending; every item is on exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Items to train on.
    pub train: Vec<usize>,
    /// Items to validate on.
    pub valid: Vec<usize>,
    /// Classes of a single item, which trains and can't be validated.
    pub singletons: Vec<usize>,
    /// Classes whose items all belong together: they train and can't be validated either.
    pub inseparable: Vec<usize>,
}

/// Why items can't be split.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// The fraction is not a proper part.
    #[error("a validation fraction of {0} is not between 0 and 1; 0.2 is usual")]
    Fraction(f64),
    /// No class has two items.
    #[error("{items} items can't be split: no class has two, one to train on and one to validate on")]
    TooFew {
        /// How many items there are.
        items: usize,
    },
    /// A chosen item is not there.
    #[error("item {place} can't validate: there are {items} items, counted from 0")]
    Place {
        /// Its place.
        place: usize,
        /// How many items there are.
        items: usize,
    },
    /// All or none of the items are chosen.
    #[error(
        "{chosen} of {items} items would validate; there must be items to train on and items to validate on"
    )]
    OneSide {
        /// How many are chosen.
        chosen: usize,
        /// How many items there are.
        items: usize,
    },
}

/// Splits off about `fraction` of the items for validation; `classes[i]` is the class of item `i`.
///
/// Each class gives its fraction, rounded so that the total is as close to the fraction as the rule of one item on each side
/// allows; a class of one item only trains.
///
/// # Errors
/// If `fraction` is not between 0 and 1, or no class has two items.
pub fn stratified(classes: &[usize], fraction: f64, seed: u64) -> Result<Split, SplitError> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(SplitError::Fraction(fraction));
    }
    let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |last| last + 1)];
    for (item, &class) in classes.iter().enumerate() {
        members[class].push(item);
    }
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let taken = validation_sizes(&sizes, fraction);
    if taken.iter().all(|&count| count == 0) {
        return Err(SplitError::TooFew { items: classes.len() });
    }

    let (mut train, mut valid) = (Vec::new(), Vec::new());
    for (class, (mut items, count)) in members.into_iter().zip(taken).enumerate() {
        items.shuffle(&mut Draws::for_split(seed, class));
        valid.extend_from_slice(&items[..count]);
        train.extend_from_slice(&items[count..]);
    }
    train.sort_unstable();
    valid.sort_unstable();
    let singletons = (0..sizes.len()).filter(|&class| sizes[class] == 1).collect();
    Ok(Split { train, valid, singletons, inseparable: vec![] })
}

/// Splits labelled items by class. Items without classes are split at random. Items that
/// [belong together](Dataset::belongs_to) are split as one, and `fraction` counts such groups.
///
/// # Errors
///
/// As [`stratified`].
pub fn split(data: &dyn Dataset, fraction: f64, seed: u64) -> Result<Split, SplitError> {
    split_units(&Units::of(data), fraction, seed)
}

/// The same for items of which only this is known: the target, and what the item [belongs to](Dataset::belongs_to).
#[cfg(any(feature = "text", feature = "tabular"))]
pub(crate) fn split_together(
    items: &[(&super::Target, Option<&str>)],
    fraction: f64,
    seed: u64,
) -> Result<Split, SplitError> {
    let item = |&(target, group): &(&super::Target, _)| (target.class().unwrap_or(0), group);
    split_units(&Units::new(&items.iter().map(item).collect::<Vec<_>>()), fraction, seed)
}

fn split_units(units: &Units, fraction: f64, seed: u64) -> Result<Split, SplitError> {
    let split = stratified(&units.classes, fraction, seed)?;
    let is_single = |&class: &usize| {
        let unit = units.classes.iter().position(|&other| other == class);
        unit.is_some_and(|unit| units.items[unit].len() == 1)
    };
    let (singletons, inseparable) = split.singletons.iter().copied().partition(is_single);
    Ok(Split { train: units.items(&split.train), valid: units.items(&split.valid), singletons, inseparable })
}

impl Split {
    /// What a person should know about it; `item` is what one is called.
    pub fn notes(&self, classes: &[String], item: &str) -> Vec<String> {
        let names =
            |of: &[usize]| of.iter().filter_map(|&class| classes.get(class)).cloned().collect::<Vec<_>>();
        let single = |name| format!("class {name} has one {item}: it is trained on and can't be validated");
        let together =
            |name| format!("all of class {name} belongs together: it is trained on and can't be validated");
        let single = names(&self.singletons).into_iter().map(single);
        single.chain(names(&self.inseparable).into_iter().map(together)).collect()
    }
}

/// How many items of each class go to validation: the whole part of each fraction first, then one more for the largest
/// remainders until the total fits.
fn validation_sizes(sizes: &[usize], fraction: f64) -> Vec<usize> {
    let total: usize = sizes.iter().filter(|&&size| size >= 2).sum();
    let wanted = (total as f64 * fraction).round() as usize;
    let ideal = |class: usize| sizes[class] as f64 * fraction;
    let mut taken: Vec<usize> = (0..sizes.len())
        .map(|class| match sizes[class] {
            0 | 1 => 0,
            size => (ideal(class) as usize).clamp(1, size - 1),
        })
        .collect();

    let mut by_remainder: Vec<usize> =
        (0..sizes.len()).filter(|&class| taken[class] + 1 < sizes[class]).collect();
    by_remainder.sort_by(|&a, &b| (ideal(b) - taken[b] as f64).total_cmp(&(ideal(a) - taken[a] as f64)));
    let missing = wanted.saturating_sub(taken.iter().sum());
    for class in by_remainder.into_iter().take(missing) {
        taken[class] += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::data::{DataError, Fingerprint, Target, Variant, folds};
    use burn::tensor::{Device, Tensor};

    fn classes(sizes: &[usize]) -> Vec<usize> {
        sizes.iter().enumerate().flat_map(|(class, &size)| vec![class; size]).collect()
    }

    #[test]
    fn every_item_is_on_one_side_and_every_class_on_both() {
        let sizes = [2, 3, 10, 50, 7, 1, 0, 2];
        let classes = classes(&sizes);
        for fraction in [0.01, 0.2, 0.5, 0.9, 0.99] {
            for seed in 0..20 {
                let split = stratified(&classes, fraction, seed).unwrap();
                let mut all = [split.train.clone(), split.valid.clone()].concat();
                all.sort_unstable();
                assert_eq!(all, (0..classes.len()).collect::<Vec<_>>());
                for (class, &size) in sizes.iter().enumerate().filter(|(_, size)| **size >= 2) {
                    let count = split.valid.iter().filter(|&&item| classes[item] == class).count();
                    assert!(
                        (1..size).contains(&count),
                        "class {class}, fraction {fraction}: {count} of {size}"
                    );
                }
                assert_eq!(split.singletons, [5]);
            }
        }
    }

    /// Twelve items of two classes, of which those of one owner lie side by side.
    struct Owned(Vec<(usize, Option<&'static str>)>);

    impl Dataset for Owned {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn target(&self, item: usize) -> Target {
            Target::Class(self.0[item].0)
        }
        fn name(&self, item: usize) -> String {
            item.to_string()
        }
        fn fingerprint(&self, item: usize, _: Variant) -> Fingerprint {
            Fingerprint::of(&[&item.to_le_bytes()])
        }
        fn belongs_to(&self, item: usize) -> Option<&str> {
            self.0[item].1
        }
        fn inputs(&self, items: &[usize], _: Variant, device: &Device) -> Result<Batch, DataError> {
            Ok(Tensor::<2>::zeros([items.len(), 1], device).into())
        }
    }

    #[test]
    fn what_belongs_together_stays_on_one_side_and_in_one_fold() {
        let owner = |item: usize| ["ann", "bea", "cem", "dan"][item / 3 % 4];
        let data = Owned((0..24).map(|item| (item / 12, (item < 20).then(|| owner(item)))).collect());
        for seed in 0..20 {
            let split = split(&data, 0.3, seed).unwrap();
            let mut all = [split.train.clone(), split.valid.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..24).collect::<Vec<_>>());
            let fold_of = folds(&data, 3, seed);
            for (a, b) in
                (0..20).flat_map(|a| (0..20).map(move |b| (a, b))).filter(|(a, b)| owner(*a) == owner(*b))
            {
                assert_eq!(split.valid.contains(&a), split.valid.contains(&b));
                assert_eq!(fold_of[a], fold_of[b]);
            }
            assert!((0..3).all(|fold| fold_of.contains(&fold)));
        }
        let one = Owned((0..6).map(|item| (item / 3, (item < 3).then_some("ann"))).collect());
        let notes = split(&one, 0.3, 1).unwrap().notes(&["a".to_owned(), "b".to_owned()], "image");
        assert_eq!(notes, ["all of class a belongs together: it is trained on and can't be validated"]);
    }

    #[test]
    fn totals_and_classes_keep_the_share() {
        let sizes = [101, 49, 33, 17];
        let split = stratified(&classes(&sizes), 0.2, 3).unwrap();
        assert_eq!(split.valid.len(), 40);
        assert_eq!(validation_sizes(&sizes, 0.2), [20, 10, 7, 3], "20.2, 9.8, 6.6, 3.4");
        assert_eq!(validation_sizes(&[3, 3, 3], 0.2), [1, 1, 1], "one each beats the fraction");
        assert_eq!(validation_sizes(&[5, 5], 0.9), [4, 4], "one stays in training");
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let items = classes(&[40, 60]);
        let split = stratified(&items, 0.25, 42).unwrap();
        assert_eq!(split, stratified(&items, 0.25, 42).unwrap());
        assert_ne!(split, stratified(&items, 0.25, 43).unwrap());
        let more = stratified(&classes(&[40, 80]), 0.25, 42).unwrap();
        let first = |split: &Split| split.valid.iter().copied().filter(|&item| item < 40).collect::<Vec<_>>();
        assert_eq!(first(&split), first(&more), "new items of one class leave the other's split alone");
    }

    #[test]
    fn draws_are_keyed_by_seed_and_class() {
        let mut items: Vec<usize> = (0..10).collect();
        items.shuffle(&mut Draws::for_split(7, 1));
        let mut valid: Vec<usize> = items[..4].iter().map(|item| item + 5).collect();
        valid.sort_unstable();
        let split = stratified(&classes(&[5, 10]), 0.4, 7).unwrap();
        assert_eq!(split.valid[2..], valid);
    }

    #[test]
    fn what_cant_be_split_says_why() {
        let text = |classes: &[usize], fraction| stratified(classes, fraction, 0).unwrap_err().to_string();
        assert_eq!(text(&[0, 0], 0.0), "a validation fraction of 0 is not between 0 and 1; 0.2 is usual");
        assert_eq!(
            text(&[0, 0], f64::NAN),
            "a validation fraction of NaN is not between 0 and 1; 0.2 is usual"
        );
        let alone = "3 items can't be split: no class has two, one to train on and one to validate on";
        assert_eq!(text(&[0, 1, 2], 0.2), alone);
        assert_eq!(stratified(&[], 0.2, 0), Err(SplitError::TooFew { items: 0 }));
    }
}
