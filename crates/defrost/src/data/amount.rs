//! What can be learned from few items.

use super::{Dataset, classes};

/// With fewer items of a class than this, a note says what to expect.
const FEW: usize = 10;

/// What a person should know about classes with few items to train on; `items` is what several are called. Nothing where
/// every class has ten, or items have no classes.
pub(crate) fn note(train: &dyn Dataset, names: &[String], items: &str) -> Option<String> {
    let mut counts = vec![0; names.len()];
    classes(train)?.into_iter().for_each(|class| counts[class] += 1);
    let few: Vec<usize> = (0..names.len()).filter(|&class| counts[class] < FEW).collect();
    let fewest = few.iter().copied().min_by_key(|&class| counts[class])?;
    Some(format!(
        "{} of {} classes have fewer than {FEW} {items} to train on ({} has {}): a head on a pretrained network can learn from so \
         few, a whole network can't; and measures on few validation {items} say little",
        few.len(),
        names.len(),
        names[fewest],
        counts[fewest]
    ))
}
