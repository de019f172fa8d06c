//! CSV files of table rows.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use defrost::bundle::Loaded;
use defrost::check::Report;
use defrost::learner::TestTimeAugmentation;
use defrost::tabular::{Design, PretrainedTable, TableData, TableModelConfig};
use defrost::vision::models::Precision;

use super::{Answer, Domain, Labelled, Outline, Prepared};
use crate::args::{LabelOptions, RecipeChoice, TrainingOptions};
use crate::failure::{Blame, Failure};

/// Rows of a CSV file.
pub struct Table;

impl Domain for Table {
    type Config = TableModelConfig;
    const ITEMS: &'static str = "rows";

    fn prepare(
        options: &TrainingOptions,
        data: &Path,
        device: &Device,
    ) -> Result<Prepared<TableModelConfig>, Failure> {
        let (table, pretrained) = open(options, data)?;
        let table = table.read().or_usage()?;
        let (network, model) = table.network(pretrained, options.seed, device).or_usage()?;
        Prepared::of(options, table, (network, model, Precision::F32))
    }

    fn outline(
        options: &TrainingOptions,
        data: Option<&Path>,
        _classes: usize,
        device: &Device,
    ) -> Result<Outline<TableModelConfig>, Failure> {
        let data = data.ok_or_else(|| {
            Failure::usage("a table's network depends on its columns; give the CSV file it is for")
        })?;
        let (table, pretrained) = open(options, data)?;
        let table = table.read().or_usage()?;
        let (network, model) = table.network(pretrained, options.seed, device).or_usage()?;
        Outline::of(options, Some(table), (network, model))
    }

    fn check(options: &TrainingOptions, data: &Path) -> Result<Report, Failure> {
        rows(options, data, pretrained(options)?.as_ref())?.check().or_usage()
    }

    fn labelled(
        run: &Loaded<TableModelConfig>,
        data: &Path,
        labels: &LabelOptions,
        _: TestTimeAugmentation,
    ) -> Result<Labelled, Failure> {
        labels.refuse_training()?;
        let (rows, skipped) = run.labelled(data).or_usage()?;
        Ok((Box::new(rows), skipped))
    }

    fn predict(run: &Loaded<TableModelConfig>, inputs: &[PathBuf], _: TestTimeAugmentation) -> Vec<Answer> {
        let answers = |input: &PathBuf| match run.predict(input) {
            Ok(rows) => rows,
            Err(error) => {
                let (name, text) = (input.display().to_string(), error.to_string());
                let reason = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).to_owned();
                vec![(name, Err(reason))]
            }
        };
        inputs.iter().flat_map(answers).collect()
    }
}

fn open(options: &TrainingOptions, data: &Path) -> Result<(TableData, Option<PretrainedTable>), Failure> {
    if let Some(weights) = options.weights.as_deref().filter(|weights| *weights != "none") {
        return Err(Failure::usage(format!(
            "--weights {weights}: a table network starts new, or on an earlier run: --pretrained RUN"
        )));
    }
    let pretrained = pretrained(options)?;
    Ok((rows(options, data, pretrained.as_ref())?, pretrained))
}

fn pretrained(options: &TrainingOptions) -> Result<Option<PretrainedTable>, Failure> {
    options.earlier_run().map(PretrainedTable::open).transpose().or_usage()
}

fn rows(
    options: &TrainingOptions,
    data: &Path,
    pretrained: Option<&PretrainedTable>,
) -> Result<TableData, Failure> {
    let mut rows =
        TableData::open_as(data, &options.table_file.format()).or_usage()?.ignore(options.ignore.clone());
    let earlier_label = pretrained.filter(|_| options.continued.is_some()).map(|earlier| &earlier.label);
    if let Some(label) = options.labels.label_column.as_ref().or(earlier_label) {
        rows = rows.label(label);
    }
    if let Some(kind) = options.labels.target {
        rows = rows.target(kind.into());
    }
    if let Some(separator) = options.labels.label_separator {
        rows = rows.label_separator(separator);
    }
    for (column, kind) in &options.table_file.column_kinds {
        rows = rows.column(column, *kind);
    }
    if let Some(earlier) = pretrained {
        rows = rows.schema(earlier.schema.clone());
    }
    if options.recipe == RecipeChoice::Fastai {
        rows = rows.design(Design::Fastai);
    }
    if options.group_regex.is_some() {
        return Err(Failure::usage("--group-regex is for files: name the column with --group-column"));
    }
    if let Some(column) = &options.group_column {
        rows = rows.keep_together(column);
    }
    if let Some(column) = &options.labels.valid_column {
        rows = rows.valid_column(column);
    }
    Ok(rows.validation(options.validation()).seed(options.seed))
}
