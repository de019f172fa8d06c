//! Items that belong together: photos of one person, a burst, the rows of one customer. One of them on each side of a
//! split would be recognised rather than judged, so they stay on one side of every split.

use std::collections::{HashMap, HashSet};

use super::Dataset;

/// What an item of this name belongs to: the first group of an expression in it, or the whole match if it has no group.
#[cfg(any(feature = "vision", feature = "text"))]
pub(crate) fn matched(pattern: &regex::Regex, name: &str) -> Option<String> {
    let found = pattern.captures(name)?;
    found.get(1).or(found.get(0)).map(|found| found.as_str().to_owned())
}

/// Items in units that are not split, in the order of their first items. An item by itself is a unit.
pub(super) struct Units {
    /// The items of each unit, ascending.
    pub items: Vec<Vec<usize>>,
    /// The class of most items of each unit; 0 where items have no classes.
    pub classes: Vec<usize>,
}

impl Units {
    /// The units of items of these classes, each of which may belong to others.
    pub fn new(of: &[(usize, Option<&str>)]) -> Self {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut items: Vec<Vec<usize>> = vec![];
        for (item, &(_, group)) in of.iter().enumerate() {
            let place = group.map_or(items.len(), |group| *places.entry(group).or_insert(items.len()));
            items.resize(items.len().max(place + 1), vec![]);
            items[place].push(item);
        }
        let classes = items.iter().map(|items| commonest(items.iter().map(|&item| of[item].0))).collect();
        Self { items, classes }
    }

    /// The units of a data set.
    pub fn of(data: &dyn Dataset) -> Self {
        let class = |item: usize| data.target(item).class().unwrap_or(0);
        let items: Vec<_> = (0..data.len()).map(|item| (class(item), data.belongs_to(item))).collect();
        Self::new(&items)
    }

    /// The items of these units, ascending.
    pub fn items(&self, units: &[usize]) -> Vec<usize> {
        let mut items: Vec<usize> = units.iter().flat_map(|&unit| self.items[unit].iter().copied()).collect();
        items.sort_unstable();
        items
    }
}

/// What a person should know about items that belong together: how many groups there are, and whether validation has items of
/// groups that train. Nothing where no item belongs to others.
pub(crate) fn notes(train: &dyn Dataset, valid: &dyn Dataset) -> Vec<String> {
    let names = |data: &dyn Dataset| -> HashSet<String> {
        (0..data.len()).filter_map(|item| data.belongs_to(item)).map(str::to_owned).collect()
    };
    let (trains, validates) = (names(train), names(valid));
    if trains.is_empty() && validates.is_empty() {
        return vec![];
    }
    let alone = |data: &dyn Dataset| (0..data.len()).filter(|&item| data.belongs_to(item).is_none()).count();
    let mut notes = vec![format!(
        "{} groups of items that belong together train, {} validate",
        trains.len(),
        validates.len()
    )];
    let alone = alone(train) + alone(valid);
    if alone > 0 {
        notes.push(format!("{alone} items belong to no group: each is by itself"));
    }
    if let Some(first) = trains.intersection(&validates).min() {
        let shared = trains.intersection(&validates).count();
        notes.push(format!(
            "{shared} of the groups that validate are in training too, such as {first}: scores will be better than on new ones"
        ));
    }
    notes
}

/// The class that occurs most often, the lowest of several.
fn commonest(classes: impl Iterator<Item = usize>) -> usize {
    let mut counts: Vec<usize> = vec![];
    for class in classes {
        counts.resize(counts.len().max(class + 1), 0);
        counts[class] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    counts.iter().position(|&count| count == most).unwrap_or(0)
}
