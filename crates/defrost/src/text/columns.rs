//! Which columns of a table hold the text and the label.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::csv_table::CsvTable;

/// Columns by name; a column without a name is detected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextColumns {
    /// The text.
    pub text: Option<String>,
    /// The label; none where each label has a column that says whether it is there.
    pub label: Option<String>,
}

/// Cells of fewer words than this on average are names rather than texts.
const WORDS: f64 = 4.0;
/// Cells that are the same as others more often than this are choices rather than texts.
const DISTINCT: f64 = 0.5;

/// The only column whose cells read like texts: several words, mostly different from each other.
pub fn guess_text_column(table: &CsvTable) -> Option<usize> {
    let mut texts = (0..table.columns.len()).filter(|&column| reads_like_text(table, column));
    let first = texts.next()?;
    texts.next().is_none().then_some(first)
}

fn reads_like_text(table: &CsvTable, column: usize) -> bool {
    let count = table.rows.len() as f64;
    let words: usize = table.cells(column).map(|cell| cell.split_whitespace().count()).sum();
    let distinct = table.cells(column).collect::<HashSet<_>>().len();
    words as f64 / count >= WORDS && distinct as f64 / count >= DISTINCT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv_table::TableFormat;
    use std::path::Path;

    fn guess(csv: &str) -> Option<usize> {
        let table = CsvTable::parse(Path::new("data.csv"), csv.as_bytes(), &TableFormat::default()).unwrap();
        guess_text_column(&table)
    }

    #[test]
    fn the_only_column_that_reads_like_texts_is_the_text() {
        assert_eq!(guess("id,body,Label\n1,this is all text,x\n2,and so is this,y\n"), Some(1));
        assert_eq!(
            guess("title,body\nthis is all text,this is more text\nand so is this,as is this one\n"),
            None
        );
        assert_eq!(guess("age,job\n31,clerk\n44,baker\n"), None);
    }
}
