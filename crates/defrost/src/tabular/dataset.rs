//! A data set of table rows, encoded.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::schema::{Encoded, Schema};
use crate::batch::{Batch, Value};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Target, Variant};

/// A row's name and what became of it, or why nothing did.
pub type Named<T> = (String, Result<T, String>);

/// Labelled, encoded rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub(super) rows: Vec<LabelledRow>,
    /// What the rows are encoded by.
    pub(super) schema: Arc<Schema>,
    /// The column that is predicted.
    pub(super) label: String,
}

#[derive(Clone, Debug)]
pub(super) struct LabelledRow {
    pub name: String,
    pub encoded: Encoded,
    pub target: Target,
    pub belongs_to: Option<String>,
}

impl Table {
    /// The input columns, and what becomes of their cells.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The column that is predicted.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl Dataset for Table {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn target(&self, item: usize) -> Target {
        self.rows[item].target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.rows[item].name.clone()
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        let Encoded { categories, numbers } = &self.rows[item].encoded;
        let categories: Vec<u8> = categories.iter().flat_map(|id| id.to_le_bytes()).collect();
        // Missing numbers are NaN here; a table has no NaN of its own.
        let numbers: Vec<u8> =
            numbers.iter().flat_map(|number| number.unwrap_or(f64::NAN).to_le_bytes()).collect();
        Fingerprint::of(&[&categories, &numbers])
    }

    fn belongs_to(&self, item: usize) -> Option<&str> {
        self.rows[item].belongs_to.as_deref()
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        Some(Preview::Cells(self.schema.decode(&self.rows[item].encoded)))
    }

    fn fields(&self) -> Vec<String> {
        self.schema.inputs.iter().map(|input| input.name.clone()).collect()
    }

    fn exchanged(&self, field: usize, pairs: &[(usize, usize)]) -> Option<Box<dyn Dataset>> {
        let row = |&(item, other): &(usize, usize)| {
            let row = self.rows[item].clone();
            let encoded = self.schema.exchanged(field, &row.encoded, &self.rows[other].encoded);
            LabelledRow { encoded, ..row }
        };
        Some(Box::new(Self { rows: pairs.iter().map(row).collect(), ..self.clone() }))
    }

    /// Rows are not varied: every variant is the original.
    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let rows: Vec<&Encoded> = items.iter().map(|&item| &self.rows[item].encoded).collect();
        Ok(batch(&self.schema, &rows, device))
    }
}

/// What the network reads of rows: categories and numbers, `[batch, columns]` each, as far as there are any.
pub(super) fn batch(schema: &Schema, rows: &[&Encoded], device: &Device) -> Batch {
    let (categories, numbers) = (schema.cardinalities().len(), schema.numbers());
    let mut values = vec![];
    if categories > 0 {
        let ids: Vec<i64> = rows.iter().flat_map(|row| &row.categories).map(|&id| i64::from(id)).collect();
        let ids = TensorData::new(ids, [rows.len(), categories]);
        values.push(Value::Ids(Tensor::<2, Int>::from_data(ids, device)));
    }
    if numbers > 0 {
        let mut read = Vec::with_capacity(rows.len() * numbers);
        rows.iter().for_each(|row| schema.read_numbers(row, &mut read));
        values.push(Value::Rank2(Tensor::from_data(TensorData::new(read, [rows.len(), numbers]), device)));
    }
    Batch::new(values)
}
