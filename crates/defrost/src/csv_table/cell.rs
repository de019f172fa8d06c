//! The value of a cell, however it is spelled.

use std::collections::{HashMap, HashSet};

/// The texts that mean a missing cell, in lower case: pandas' list, and a question mark.
const MISSING: [&str; 17] = [
    "", "na", "n/a", "nan", "-nan", "null", "none", "?", "<na>", "#n/a", "#na", "#n/a n/a", "nil", "1.#ind",
    "-1.#ind", "1.#qnan", "-1.#qnan",
];

/// Whether a cell of an input column is missing.
pub fn is_missing(cell: &str) -> bool {
    cell.len() <= 9 && MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell))
}

/// A finite number as programs write it.
pub fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A cell in one spelling, if its value is certain: `1.0` and `01` are `1`, `True` and `TRUE` are `true`.
pub fn plain(cell: &str) -> String {
    let word = cell.to_lowercase();
    match number(cell) {
        Some(number) => number.to_string(),
        None if word == "true" || word == "false" => word,
        None => cell.to_owned(),
    }
}

/// The place of the value that a cell spells: the same text, else the same number or truth value, else the only one that
/// differs in case alone. `values` are sorted.
pub fn find(values: &[String], cell: &str) -> Option<usize> {
    if let Ok(place) = values.binary_search_by(|value| value.as_str().cmp(cell)) {
        return Some(place);
    }
    let only = |same: &dyn Fn(&String) -> bool| {
        let mut places = (0..values.len()).filter(|&place| same(&values[place]));
        places.next().filter(|_| places.next().is_none())
    };
    let (word, lower) = (plain(cell), cell.to_lowercase());
    let of_truth = |value: &String| matches!(plain(value).as_str(), "true" | "false");
    let truth = match word.as_str() {
        "1" => "true",
        "0" => "false",
        word => word,
    };
    only(&|value| plain(value) == word)
        .or_else(|| only(&|value| value.to_lowercase() == lower))
        .or_else(|| values.iter().all(of_truth).then(|| only(&|value| plain(value) == truth)).flatten())
}

/// Different values, sorted; of several spellings of one the first.
pub fn values<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut seen, mut first) = (HashSet::new(), HashMap::new());
    for cell in cells.filter(|&cell| seen.insert(cell)) {
        first.entry(plain(cell)).or_insert(cell);
    }
    let mut values: Vec<String> = first.into_values().map(str::to_owned).collect();
    values.sort();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_equal_however_they_are_spelled() {
        let found = |values: &[&str], cell: &str| {
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            find(&values, cell).map(|place| values[place].clone())
        };
        for (values, cell, expected) in [
            (&["1", "2"][..], "2.0", Some("2")),
            (&["1", "2"], "02", Some("2")),
            (&["False", "True"], "true", Some("True")),
            (&["False", "True"], "1", Some("True")),
            (&["a", "b"], "B", Some("b")),
            (&["A", "a"], "a", Some("a")),
            (&["Co", "cO"], "co", None),
            (&["a", "b"], "c", None),
            (&["1", "2"], "3", None),
            (&["0", "1"], "true", None),
        ] {
            assert_eq!(found(values, cell).as_deref(), expected, "{cell} in {values:?}");
        }
    }

    #[test]
    fn spellings_of_one_value_are_one_value() {
        assert_eq!(values(["1", "1.0", "x", "X", "2.50", "2.5"].into_iter()), ["1", "2.50", "X", "x"]);
    }

    #[test]
    fn what_is_missing_for_pandas_is_missing() {
        for cell in ["", "NA", "#N/A", "<NA>", "NULL", "None", "-1.#IND", "nan", "?"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["-", ".", "unknown", "0", "missing", "Nancy"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
