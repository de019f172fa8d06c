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

/// A training epoch: shuffled items in batches of equal size.
pub fn epoch_batches(items: usize, batch_size: usize, draws: Draws) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..items).collect();
    order.shuffle(&mut draws.for_order());
    order.chunks(batch_size.max(1)).take(batch_count(items, batch_size)).map(<[usize]>::to_vec).collect()
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
        fn an_epoch_shows_each_item_at_most_once_and_never_nothing(items in 1..200usize, batch in 1..64usize) {
            let batches = epoch_batches(items, batch, Draws { seed: 1, epoch: 0 });
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
    fn epochs_differ_and_repeat() {
        let order = |epoch| epoch_batches(50, 8, Draws { seed: 42, epoch });
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
    }
}
