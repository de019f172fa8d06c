//! `--task`

use clap::ValueEnum;

/// A kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Images
    Vision,
    /// Texts
    Text,
    /// Rows of a table
    Table,
}
