//! Tables: numbers, categories and dates by column, and the network over them.
//!
//! As fastai's tabular application: categories and missing numbers are encoded, numbers are normalised by what
//! the training rows say; a network of entity embeddings (arXiv 1604.06737) and dense layers.

mod bundle;
mod check;
mod data;
mod dates;
mod network;
mod pretrained;
mod row;
mod schema;

pub use bundle::{LoadedTable, TableModelConfig};
pub use check::check;
pub use data::{Named, Table, TableData, TableError, TableOptions};
pub use network::TabularNetwork;
pub use pretrained::{PretrainedTable, PretrainedTableError};
pub use row::{Field, FieldKind};
pub use schema::{Column, Encoding, Schema};
