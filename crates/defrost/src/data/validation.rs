//! Where the items that validate come from.

use std::collections::HashSet;
use std::path::PathBuf;

use super::split::SplitError;

/// The part of a data set that validates.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// The data set's own: a folder or column that says so. Where there is none, a fraction is split off.
    Found {
        /// That fraction, `0.0..1.0`.
        otherwise: f64,
    },
    /// This fraction of the items, `0.0..1.0`, split off evenly over the classes.
    Fraction(f64),
    /// Another folder or file.
    Path(PathBuf),
    /// These items, by their place among the labelled items of the data set: files sorted by path, rows in order.
    Items(Vec<usize>),
}

impl Validation {
    /// The fraction that is split off where nothing else is said.
    pub const FRACTION: f64 = 0.2;

    /// Takes the items at these places out of `items`.
    ///
    /// # Errors
    ///
    /// If a place is not there, or one side would have no items.
    pub fn take<T>(items: &mut Vec<T>, places: &[usize]) -> Result<Vec<T>, SplitError> {
        let count = items.len();
        if let Some(&place) = places.iter().find(|&&place| place >= count) {
            return Err(SplitError::Place { place, items: count });
        }
        let chosen: HashSet<usize> = places.iter().copied().collect();
        if chosen.is_empty() || chosen.len() == count {
            return Err(SplitError::OneSide { chosen: chosen.len(), items: count });
        }
        let numbered = std::mem::take(items).into_iter().enumerate();
        let (valid, train): (Vec<_>, Vec<_>) = numbered.partition(|(place, _)| chosen.contains(place));
        let unnumbered = |items: Vec<(usize, T)>| items.into_iter().map(|(_, item)| item).collect();
        *items = unnumbered(train);
        Ok(unnumbered(valid))
    }
}

impl Default for Validation {
    fn default() -> Self {
        Self::Found { otherwise: Self::FRACTION }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_taken_by_their_places() {
        let mut items = vec!["a", "b", "c", "d"];
        assert_eq!(Validation::take(&mut items, &[3, 1]).unwrap(), ["b", "d"]);
        assert_eq!(items, ["a", "c"]);
        let mut refusal = |places: &[usize]| Validation::take(&mut items, places).unwrap_err().to_string();
        assert_eq!(refusal(&[2]), "item 2 can't validate: there are 2 items, counted from 0");
        assert_eq!(
            refusal(&[]),
            "0 of 2 items would validate; there must be items to train on and items to validate on"
        );
        assert_eq!(items, ["a", "c"]);
    }
}
