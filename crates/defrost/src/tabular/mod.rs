//! Tables: numbers, categories and dates by column, and the network over them.
//!
//! As fastai's tabular application: categories and missing numbers are encoded, numbers are normalised by what
//! the training rows say; a network of entity embeddings (arXiv 1604.06737) and dense layers.

mod bundle;
mod check;
mod dataset;
mod dates;
mod learner;
mod network;
mod pretrained;
mod row;
mod schema;
mod table_data;

pub use bundle::{LoadedTable, TableModelConfig};
pub use dataset::{Named, Table};
pub use learner::{RowPredictError, TableLearner, TableLearnerError};
pub use network::TabularNetwork;
pub use pretrained::{PretrainedTable, PretrainedTableError};
pub use row::{Field, FieldKind};
pub use schema::{Column, Encoding, Schema};
pub use table_data::{TableData, TableError};
