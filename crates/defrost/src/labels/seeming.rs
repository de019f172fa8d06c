//! Which columns of a file hold the labels, where none is named.

use super::separator::is_list;
use super::{is_there, is_there_in};
use crate::csv_table::{CsvTable, Row};
use crate::data::TargetKind;

/// Usual names of label columns.
const USUAL_NAMES: [&str; 10] =
    ["label", "labels", "class", "category", "target", "tags", "tag", "y", "diagnosis", "sentiment"];
/// The fraction of rows that have exactly one of the labels, where a column for each means classes.
const MOST: f64 = 0.95;

/// The columns that seem to hold the labels, where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seeming {
    /// They have a usual name, or are the only ones with lists where there are several labels.
    Usual(Vec<usize>),
    /// One for each label, whose cells say whether it is there.
    OneEach(Vec<usize>),
    /// The same, but many rows have none of them or several, where a class was to be predicted.
    SeveralAtOnce(Vec<usize>),
    /// None does.
    None,
}

impl Seeming {
    /// The label columns among `others`, those that have no other use. Of a trained network, `known` are the classes.
    pub fn find(table: &CsvTable, others: &[usize], kind: TargetKind, known: Option<&[String]>) -> Self {
        let is_usual = |column: &usize| USUAL_NAMES.contains(&table.columns[*column].to_lowercase().as_str());
        let usual: Vec<usize> = others.iter().copied().filter(is_usual).collect();
        if !usual.is_empty() {
            return Self::Usual(usual);
        }
        let has_lists = |column: &usize| table.cells(*column).all(is_list);
        let lists: Vec<usize> = others.iter().copied().filter(has_lists).collect();
        if kind == TargetKind::Labels && lists.len() == 1 {
            return Self::Usual(lists);
        }
        let is_known = |column: &usize| known.is_none_or(|known| known.contains(&table.columns[*column]));
        let says = |column: &usize| table.cells(*column).all(|cell| is_there(cell).is_some());
        let saying: Vec<usize> =
            others.iter().copied().filter(|column| is_known(column) && says(column)).collect();
        let is_one = |row: &&Row| is_there_in(row, &saying).count() == 1;
        match kind {
            _ if saying.len() < 2 => Self::None,
            TargetKind::Labels => Self::OneEach(saying),
            TargetKind::Number => Self::None,
            // Among other columns, two that say yes or no need not be classes.
            TargetKind::Class if known.is_none() && saying.len() < others.len() => Self::None,
            TargetKind::Class => {
                let one = table.rows.iter().filter(is_one).count();
                match one as f64 >= MOST * table.rows.len() as f64 {
                    true => Self::OneEach(saying),
                    false => Self::SeveralAtOnce(saying),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::csv_table::TableFormat;

    fn table(text: &str) -> CsvTable {
        CsvTable::parse(Path::new("data.csv"), text.as_bytes(), &TableFormat::default()).unwrap()
    }

    #[test]
    fn label_columns_are_known_by_their_names_or_their_cells() {
        let seeming = |text: &str, kind, known: Option<&[&str]>| {
            let table = table(text);
            let known: Option<Vec<String>> =
                known.map(|known| known.iter().map(|&name| name.into()).collect());
            let others: Vec<usize> = (1..table.columns.len()).collect();
            Seeming::find(&table, &others, kind, known.as_deref())
        };
        let (class, several, number) = (TargetKind::Class, TargetKind::Labels, TargetKind::Number);
        assert_eq!(seeming("x,n,Label\na,1,2\n", class, None), Seeming::Usual(vec![2]));
        let one = "x,cat,dog\na,1,0\nb,0,1\n";
        assert_eq!(seeming(one, class, None), Seeming::OneEach(vec![1, 2]));
        assert_eq!(seeming(one, number, None), Seeming::None);
        let lists = "x,n,topics\na,1,[]\nb,2,\"['cat', 'dog']\"\n";
        assert_eq!(seeming(lists, several, None), Seeming::Usual(vec![2]));
        assert_eq!(seeming(lists, class, None), Seeming::None);
        let both = "x,cat,dog\na,1,1\nb,0,1\n";
        assert_eq!(seeming(both, class, None), Seeming::SeveralAtOnce(vec![1, 2]));
        assert_eq!(seeming(both, several, None), Seeming::OneEach(vec![1, 2]));
        let among = "x,age,cat,dog\na,30,1,0\nb,40,0,1\n";
        assert_eq!(seeming(among, class, None), Seeming::None);
        assert_eq!(seeming(among, several, None), Seeming::OneEach(vec![2, 3]));
        assert_eq!(seeming(among, class, Some(&["cat", "dog"])), Seeming::OneEach(vec![2, 3]));
        assert_eq!(seeming("x,cat,is_new\na,1,0\n", several, Some(&["cat", "dog"])), Seeming::None);
    }
}
