//! The features of items as a file for other programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;

use crate::data::Dataset;
use crate::files::{self, FileError};
use crate::graph::Array;
use crate::learner::{FeaturesError, pooled_features};
use crate::metrics::Features;
use crate::prefix::Cache;
use crate::stage::Network;

/// Columns before the features.
const NAMES: [&str; 2] = ["item", "label"];

/// The kinds of files that features are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureTableFormat {
    /// One array of numpy's, float32, a row for each item.
    Npy,
    /// A line for each item: its name, its label, the features.
    Csv,
    /// The same columns as in a CSV file.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// Features can't be written.
#[derive(Debug, Error)]
pub enum FeatureTableError {
    /// No such kind of file.
    #[error("{}: end it with .npy, .csv or .parquet", .0.display())]
    Ending(PathBuf),
    /// This program can't write Parquet files.
    #[error("{}: Parquet is written only by a defrost that was built with the feature `parquet`; write .npy or .csv", .0.display())]
    NoParquet(PathBuf),
    /// The file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl FeatureTableFormat {
    /// The one that the file's ending says.
    ///
    /// # Errors
    ///
    /// If it says none, or one that this program can't write.
    pub fn of(file: &Path) -> Result<Self, FeatureTableError> {
        let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        match ending.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Csv),
            #[cfg(feature = "parquet")]
            Some("parquet") => Ok(Self::Parquet),
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => Err(FeatureTableError::NoParquet(file.to_owned())),
            _ => Err(FeatureTableError::Ending(file.to_owned())),
        }
    }
}

/// The features of items, with their names and labels.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTable {
    /// A row for each item.
    pub features: Features,
    /// Name and label of each; several labels have `|` between them.
    pub items: Vec<[String; 2]>,
}

impl FeatureTable {
    /// The pooled output of a stage for each item of these data sets: of the last stage with this name, or else what the head receives.
    ///
    /// # Errors
    ///
    /// If there is no such stage before the head, or an item can't be read.
    pub fn of<N: Network>(
        network: &N,
        stage: Option<&str>,
        data: &[&dyn Dataset],
        classes: &[String],
        batch_size: usize,
        (device, cache): (&Device, &mut Cache),
    ) -> Result<Self, FeaturesError> {
        let mut table = Self { features: Features::default(), items: vec![] };
        for &items in data {
            let found = pooled_features(network, stage, items, batch_size, (device, cache))?;
            table.features.width = found.width;
            table.features.numbers.extend(found.numbers);
            let names = (0..items.len()).map(|item| [items.name(item), items.target(item).to_cell(classes)]);
            table.items.extend(names);
        }
        Ok(table)
    }

    /// Writes them.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn write(&self, file: &Path, format: FeatureTableFormat) -> Result<(), FeatureTableError> {
        Ok(match format {
            FeatureTableFormat::Npy => {
                let Features { width, numbers } = &self.features;
                let bytes = Array::floats(numbers.clone(), &[self.items.len(), *width]).to_npy();
                files::write_atomically(file, |to| to.write_all(&bytes))
            }
            FeatureTableFormat::Csv => files::write_atomically(file, |to| {
                let mut writer = csv::Writer::from_writer(to);
                writer.write_record(self.columns())?;
                for (item, row) in self.items.iter().zip(self.features.rows()) {
                    writer.write_record(item.iter().cloned().chain(row.iter().map(f32::to_string)))?;
                }
                writer.flush()
            }),
            #[cfg(feature = "parquet")]
            FeatureTableFormat::Parquet => {
                let bytes = self.to_parquet().map_err(std::io::Error::other);
                files::write_atomically(file, |to| to.write_all(&bytes?))
            }
        }?)
    }

    fn columns(&self) -> impl Iterator<Item = String> {
        let features = (0..self.features.width).map(|feature| format!("feature_{feature}"));
        NAMES.map(str::to_owned).into_iter().chain(features)
    }

    #[cfg(feature = "parquet")]
    fn to_parquet(&self) -> Result<Vec<u8>, parquet::errors::ParquetError> {
        use std::sync::Arc;

        use parquet::basic::{Compression, LogicalType, Repetition, Type as Kind};
        use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::types::Type;

        let column = |(place, name): (usize, String)| {
            let is_text = place < NAMES.len();
            let kind = if is_text { Kind::BYTE_ARRAY } else { Kind::FLOAT };
            let column = Type::primitive_type_builder(&name, kind).with_repetition(Repetition::REQUIRED);
            column.with_logical_type(is_text.then_some(LogicalType::String)).build().map(Arc::new)
        };
        let columns = self.columns().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
        let schema = Arc::new(Type::group_type_builder("features").with_fields(columns).build()?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut file = SerializedFileWriter::new(vec![], schema, Arc::new(properties))?;
        let mut rows = file.next_row_group()?;
        let mut place = 0;
        while let Some(mut column) = rows.next_column()? {
            if place < NAMES.len() {
                let texts: Vec<ByteArray> =
                    self.items.iter().map(|item| ByteArray::from(item[place].as_str())).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            } else {
                let numbers: Vec<f32> = self.features.rows().map(|row| row[place - NAMES.len()]).collect();
                column.typed::<FloatType>().write_batch(&numbers, None, None)?;
            }
            column.close()?;
            place += 1;
        }
        rows.close()?;
        file.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FeatureTable {
        let features = Features { width: 2, numbers: vec![0.5, -1.0, 2.0, 1e-3] };
        let items = [["a, b.jpg", "cat"], ["c.jpg", "cat|dog"]];
        FeatureTable { features, items: items.map(|item| item.map(str::to_owned)).to_vec() }
    }

    #[test]
    fn a_line_has_name_label_and_features() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("features.CSV");
        table().write(&file, FeatureTableFormat::of(&file).unwrap()).unwrap();
        let expected = "item,label,feature_0,feature_1\n\"a, b.jpg\",cat,0.5,-1\nc.jpg,cat|dog,2,0.001\n";
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        for file in ["features", "features.txt"] {
            let refused = FeatureTableFormat::of(Path::new(file)).unwrap_err();
            assert_eq!(refused.to_string(), format!("{file}: end it with .npy, .csv or .parquet"));
        }
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn a_parquet_file_has_the_same_columns() {
        use parquet::file::reader::{FileReader, SerializedFileReader};

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("features.parquet");
        table().write(&file, FeatureTableFormat::of(&file).unwrap()).unwrap();
        let written = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        let rows = written.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string());
        assert_eq!(
            rows.collect::<Vec<_>>(),
            [
                "{item: \"a, b.jpg\", label: \"cat\", feature_0: 0.5, feature_1: -1E0}",
                "{item: \"c.jpg\", label: \"cat|dog\", feature_0: 2.0, feature_1: 0.001}"
            ]
        );
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn parquet_is_refused_with_what_would_help() {
        let refused = FeatureTableFormat::of(Path::new("f.parquet")).unwrap_err().to_string();
        assert!(refused.contains("built with the feature `parquet`"), "{refused}");
    }
}
