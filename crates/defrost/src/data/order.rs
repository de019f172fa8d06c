//! Which items come in which batch.

use rand::seq::SliceRandom;

use super::Draws;

/// Batches of a training epoch over `items` items: the last partial batch is left out, but where there
/// are fewer items than a batch holds, all of them are one batch.
pub fn batch_count(items: usize, batch_size: usize) -> usize {
    match items {
        0 => 0,
        _ => (items / batch_size.max(1)).max(1),
    }
}

/// How many batches are put in order of size together: enough to make batches even, few enough to keep the
/// order random.
const POOL: usize = 50;

/// A training epoch over items of these sizes: shuffled, in batches of equal number. Where sizes differ, each
/// run of `POOL` batches is sorted by size before it is cut into batches, and the batches are shuffled again.
pub fn epoch_batches(sizes: &[usize], batch_size: usize, draws: Draws) -> Vec<Vec<usize>> {
    let batch_size = batch_size.max(1);
    let mut rng = draws.for_order();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.shuffle(&mut rng);
    let count = batch_count(sizes.len(), batch_size);
    order.truncate(count * batch_size);
    let differ = sizes.iter().any(|size| *size != sizes[0]);
    if differ {
        order.chunks_mut(POOL * batch_size).for_each(|pool| pool.sort_by_key(|&item| sizes[item]));
    }
    let mut batches: Vec<Vec<usize>> = order.chunks(batch_size).map(<[usize]>::to_vec).collect();
    if differ {
        batches.shuffle(&mut rng);
    }
    batches
}

/// All items in order, in batches; the last may be smaller.
pub fn plain_batches(items: usize, batch_size: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..items).collect();
    all.chunks(batch_size.max(1)).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_epoch_shows_each_item_at_most_once_and_never_nothing(items in 1..200usize, batch in 1..64usize, even: bool) {
            let sizes: Vec<usize> = (0..items).map(|item| if even { 1 } else { item * 7 % 5 }).collect();
            let batches = epoch_batches(&sizes, batch, Draws { seed: 1, epoch: 0 });
            prop_assert_eq!(batches.len(), batch_count(items, batch));
            let mut seen: Vec<usize> = batches.concat();
            prop_assert!(!seen.is_empty());
            prop_assert!(items - seen.len() < batch);
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), batches.concat().len());
        }

        #[test]
        fn validation_shows_everything(items in 0..200usize, batch in 1..64usize) {
            prop_assert_eq!(plain_batches(items, batch).concat(), (0..items).collect::<Vec<_>>());
        }
    }

    #[test]
    fn items_of_one_size_share_a_batch() {
        let sizes: Vec<usize> = (0..40).map(|item| item % 4).collect();
        let batches = epoch_batches(&sizes, 5, Draws { seed: 42, epoch: 0 });
        assert!(batches.iter().all(|batch| batch.iter().all(|&item| sizes[item] == sizes[batch[0]])));
        let order: Vec<usize> = batches.iter().map(|batch| sizes[batch[0]]).collect();
        assert!(!order.is_sorted(), "{order:?}");
    }

    #[test]
    fn epochs_differ_and_repeat() {
        let order = |epoch| epoch_batches(&[1; 50], 8, Draws { seed: 42, epoch });
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
    }
}
