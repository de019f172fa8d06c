//! Classes of very different sizes: weighing or showing the rare ones more.

use rand::seq::SliceRandom;

use super::{Dataset, Draws, batch_count};

/// What each class must count so that all count the same in sum: items / (classes that have items × items of
/// the class), as scikit-learn's `balanced`; a class without items counts 1. None if an item is not of one
/// class.
pub fn class_weights(train: &dyn Dataset) -> Option<Vec<f32>> {
    let sizes: Vec<usize> = members(&classes(train)?).iter().map(Vec::len).collect();
    let (items, classes) = (train.len() as f32, sizes.iter().filter(|&&size| size > 0).count() as f32);
    Some(sizes.iter().map(|&size| if size == 0 { 1.0 } else { items / (classes * size as f32) }).collect())
}

/// A training epoch of as many items as there are, in batches of equal size, in which all classes come equally
/// often: items of rare ones come again, none before all others of its class have.
pub fn balanced_batches(classes: &[usize], batch_size: usize, draws: Draws) -> Vec<Vec<usize>> {
    let mut random = draws.for_order();
    let mut decks: Vec<Vec<usize>> = members(classes).into_iter().filter(|deck| !deck.is_empty()).collect();
    decks.iter_mut().for_each(|deck| deck.shuffle(&mut random));
    // Which classes have an item more, where they can't be equal, is drawn too.
    decks.shuffle(&mut random);
    let mut order: Vec<usize> =
        (0..classes.len()).map(|turn| (turn / decks.len(), &decks[turn % decks.len()])).map(pick).collect();
    order.shuffle(&mut random);
    let count = batch_count(classes.len(), batch_size);
    order.chunks(batch_size.max(1)).take(count).map(<[usize]>::to_vec).collect()
}

/// A deck's card of this turn, from the top again after the last.
fn pick((turn, deck): (usize, &Vec<usize>)) -> usize {
    deck[turn % deck.len()]
}

/// The class of each item, if each has one.
pub fn classes(data: &dyn Dataset) -> Option<Vec<usize>> {
    (0..data.len()).map(|item| data.target(item).class()).collect()
}

/// The items of each class.
fn members(classes: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![vec![]; classes.iter().max().map_or(0, |last| last + 1)];
    classes.iter().enumerate().for_each(|(item, &class)| members[class].push(item));
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn classes_come_equally_often(sizes in proptest::collection::vec(1..40usize, 1..6), batch in 1..16usize) {
            let classes: Vec<usize> =
                sizes.iter().enumerate().flat_map(|(class, &size)| vec![class; size]).collect();
            let batches = balanced_batches(&classes, batch, Draws { seed: 1, epoch: 0 });
            prop_assert_eq!(batches.len(), batch_count(classes.len(), batch));
            let items = balanced_batches(&classes, classes.len(), Draws { seed: 1, epoch: 0 }).concat();
            prop_assert_eq!(items.len(), classes.len());
            let fraction = classes.len() / sizes.len();
            for (class, &size) in sizes.iter().enumerate() {
                let shown: Vec<usize> = items.iter().copied().filter(|&item| classes[item] == class).collect();
                prop_assert!((fraction..=fraction + 1).contains(&shown.len()));
                let times = |item| shown.iter().filter(|&&other| other == item).count();
                let first = classes.iter().position(|&other| other == class).unwrap();
                let counts: Vec<usize> = (first..first + size).map(times).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
            }
        }
    }

    #[test]
    fn the_epoch_decides() {
        let order = |epoch| balanced_batches(&[0, 0, 0, 1, 1, 2], 2, Draws { seed: 42, epoch });
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
    }
}
