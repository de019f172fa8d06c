//! Which texts belong together, and stay on one side of every split.

use std::path::Path;

use regex::Regex;

use crate::csv_table::{CsvError, CsvTable};
use crate::data::matched;

/// What tells which texts [belong together](crate::data::Dataset::belongs_to), such as those of one author.
#[derive(Clone, Debug, Default)]
pub enum Together {
    /// Each text is by itself.
    #[default]
    None,
    /// The cells of this column: rows of the same cell belong together, rows without one are by themselves.
    Column(String),
    /// The first group of this expression in a file's path below the data's folder, or the whole match if it has no group.
    Path(Regex),
}

impl Together {
    /// The group of a file below `root`, read from its path.
    pub(super) fn of_file(&self, root: &Path, path: &Path) -> Option<String> {
        let Self::Path(pattern) = self else { return None };
        matched(pattern, &path.strip_prefix(root).unwrap_or(path).to_string_lossy())
    }

    /// The column of a table that was read from `path`, if one is to tell.
    ///
    /// # Errors
    ///
    /// If it has no such column.
    pub(super) fn column(&self, path: &Path, table: &CsvTable) -> Result<Option<usize>, CsvError> {
        match self {
            Self::Column(name) => table.column(path, name).map(Some),
            _ => Ok(None),
        }
    }
}
