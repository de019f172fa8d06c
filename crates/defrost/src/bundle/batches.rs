//! Predictions for many items: in batches, in the order of the items.

use crate::metrics::NotANumber;

/// At most this many items go through a saved network at once.
pub const BATCH: usize = 16;

/// The predictions of `predict` for the items that could be prepared, in batches of similar `size`; the others keep their reason.
pub fn in_batches<T, A, E: From<NotANumber>>(
    items: Vec<Result<T, E>>,
    size: impl Fn(&T) -> usize,
    predict: impl Fn(&[&T]) -> Vec<Result<A, NotANumber>>,
) -> Vec<Result<A, E>> {
    let prepared = items.iter().enumerate().filter_map(|(place, item)| Some((place, item.as_ref().ok()?)));
    let mut prepared: Vec<(usize, &T)> = prepared.collect();
    prepared.sort_by_key(|(_, item)| size(item));
    let mut predictions: Vec<(usize, Result<A, NotANumber>)> = vec![];
    for batch in prepared.chunks(BATCH) {
        let (places, batch): (Vec<usize>, Vec<&T>) = batch.iter().copied().unzip();
        predictions.extend(places.into_iter().zip(predict(&batch)));
    }
    predictions.sort_by_key(|(place, _)| *place);
    let mut predictions = predictions.into_iter().map(|(_, prediction)| prediction);
    let mut answer =
        |item: Result<T, E>| item.and_then(|_| Ok(predictions.next().expect("a prediction an item")?));
    items.into_iter().map(&mut answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_where_their_items_do() {
        let items: Vec<Result<usize, String>> = (0..50)
            .map(|item| if item % 7 == 3 { Err("no item".to_owned()) } else { Ok(item * 37 % 50) })
            .collect();
        let predict = |batch: &[&usize]| {
            assert!(batch.len() <= BATCH && batch.is_sorted());
            batch.iter().map(|&&item| if item == 2 { Err(NotANumber) } else { Ok(item * 3) }).collect()
        };
        for (item, answer) in items.iter().zip(in_batches(items.clone(), |&item| item, predict)) {
            let expected =
                item.clone().and_then(|item| if item == 2 { Err(NotANumber.into()) } else { Ok(item * 3) });
            assert_eq!(answer, expected);
        }
    }
}
