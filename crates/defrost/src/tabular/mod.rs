//! Tables: numbers, categories and dates by column, and the network over them.
//!
//! Categories have entity embeddings (arXiv 1604.06737), numbers are encoded over the quantiles of the training rows
//! (arXiv 2203.05556), and dense layers read both. [`Design::Fastai`] is fastai's tabular application instead.

mod bundle;
mod cell_value;

mod check;
mod columns;
mod dataset;
mod date_format;
mod dates;
mod export;
mod export_dates;
mod input;
mod known;
mod labels;
mod learner;
mod network;
mod pretrained;
mod quantiles;
mod row;
mod schema;
mod table_data;

pub use crate::csv_table::NumberFormat;
pub use bundle::{LoadedTable, TableModelConfig};
pub use cell_value::CellValue;
pub use dataset::{Named, Table};
pub use date_format::{DateFormat, Order};
pub use input::{COLUMN_KINDS, ColumnKind, Format, Input};
pub use learner::{RowPredictError, TableLearner, TableLearnerError};
pub use network::TabularNetwork;
pub use pretrained::{PretrainedTable, PretrainedTableError};
pub use quantiles::Quantiles;
pub use row::{Field, FieldKind};
pub use schema::{Column, Design, Encoding, Schema};
pub use table_data::{TableData, TableError};
