//! An export whose body computes in 8 bits: calibrated on some items, measured on others.
//!
//! The ranges of activations are those that an engine sees in the same graph in 32 bits; the library's own layers are fused and
//! have no such values. Answers are measured in that engine before and after, because rounding costs accuracy.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::engine::Given;
use super::{Activations, Engine, ExportError, ExportOptions, Exportable, Exported, onnx};
use crate::bundle::{Loaded, ModelConfig};
use crate::data::{Dataset, Target, TargetKind, Variant};
use crate::graph::{NoGraph, RANGES, Range};
use crate::metrics::{Metrics, Prediction, measure_at};

/// At most this many items calibrate, and no more than half of all.
const CALIBRATING: usize = 128;
/// Items in a batch.
const BATCH: usize = 16;
/// The key of the note about it.
pub(super) const NOTE: &str = "int8";

/// What computing in 8 bits costs and saves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EightBits {
    /// The engine that it was measured in, and its version.
    pub engine: String,
    /// How many items the ranges of activations were measured on.
    pub calibrated_on: usize,
    /// How many others the answers were measured on.
    pub measured_on: usize,
    /// How good the answers are in 32 bits.
    pub before: Metrics,
    /// How good they are in 8.
    pub after: Metrics,
    /// How many items have the same class or labels in both; none of numbers.
    pub same: Option<usize>,
    /// The file's length in 32 bits, in bytes.
    pub bytes_before: usize,
}

impl<C: ModelConfig> Loaded<C> {
    /// Writes the model as an ONNX file whose body computes in 8 bits, and beside it what belongs to it. Some of these items calibrate,
    /// the others tell what it costs; an engine computes both.
    ///
    /// # Errors
    ///
    /// As [`Loaded::export`]; if there are fewer than two items or one can't be read any more; if the model's body has no products that
    /// can be rounded, or the engine can't run them.
    pub fn export_in_8_bits(
        &self,
        file: &Path,
        options: &ExportOptions,
        engine: &Engine,
        items: &dyn Dataset,
    ) -> Result<(Exported, EightBits), ExportError> {
        options.check()?;
        let (calibrating, measuring) = divided(items.len());
        if calibrating.is_empty() {
            return Err(ExportError::TooFew(items.len()));
        }
        self.exportable(|model| {
            let form = model.model.batch_form().ok_or_else(|| no_products(&model))?;
            let in_form = ExportOptions { input: form, ..ExportOptions::default() };
            let encoded = |activations| onnx::encode(&model.graph(&in_form, activations)?, options.opset);

            let observer = encoded(Activations::Observed)?;
            let seen = engine.run(file, &[&observer], RANGES, given(&model, items, &calibrating))?;
            let ranges = usual_ranges(&seen.outputs[0]);

            let [plain, rounded] = [Activations::Exact, Activations::Rounded(&ranges)].map(encoded);
            let (plain, rounded) = (plain?, rounded?);
            let kind = model.loss.kind();
            let output = if kind == TargetKind::Number { "number" } else { "probabilities" };
            let found = engine.run(file, &[&plain, &rounded], output, given(&model, items, &measuring))?;
            let targets: Vec<Target> = measuring.iter().map(|&item| items.target(item)).collect();
            let [before, after] = [0, 1].map(|model_of| predictions(&model, &found.outputs[model_of]));
            let measured = |found: &[Prediction]| measure_at(kind, found, &targets, model.thresholds);
            let cost = EightBits {
                engine: found.engine,
                calibrated_on: calibrating.len(),
                measured_on: measuring.len(),
                before: measured(&before),
                after: measured(&after),
                same: same(&model, &before, &after),
                bytes_before: plain.len(),
            };
            let mut graph = model.graph(options, Activations::Rounded(&ranges))?;
            // Plain words and numbers.
            graph.note(NOTE, serde_json::to_string(&cost).unwrap_or_default());
            let exported = model.write_graph(&graph, file, options, None)?;
            Ok((exported, cost))
        })
    }
}

/// The reason why a model is not exported so.
pub(super) fn no_products<C: ModelConfig>(model: &Exportable<'_, C>) -> NoGraph {
    let name = format!("`{}` in 8 bits", model.model.name());
    NoGraph::new(name, "its body has no products over constant weights")
}

/// The items that calibrate, evenly over all, and the others.
fn divided(items: usize) -> (Vec<usize>, Vec<usize>) {
    let count = CALIBRATING.min(items / 2);
    let calibrating: Vec<usize> = (0..count).map(|place| place * items / count).collect();
    let measuring = (0..items).filter(|item| calibrating.binary_search(item).is_err()).collect();
    (calibrating, measuring)
}

/// Items as a graph gets them, batch by batch.
fn given<C: ModelConfig>(
    model: &Exportable<'_, C>,
    items: &dyn Dataset,
    chosen: &[usize],
) -> impl Iterator<Item = Result<Given, ExportError>> {
    chosen.chunks(BATCH).map(|items_of_batch| {
        let batch = items.inputs(items_of_batch, Variant::Original, &model.device());
        let batch = batch.map_err(|error| ExportError::Item(error.to_string()))?;
        Ok(model.model.export_batch(batch))
    })
}

/// The mean over batches of the lowest and the highest value: the extremes of all would be those of the strangest item.
fn usual_ranges(batches: &[Vec<f32>]) -> Vec<Range> {
    let activations = batches.first().map_or(0, |batch| batch.len() / 2);
    let mean = |place: usize| batches.iter().map(|batch| batch[place]).sum::<f32>() / batches.len() as f32;
    (0..activations).map(|activation| [mean(2 * activation), mean(2 * activation + 1)]).collect()
}

/// The answers, from the numbers of batch after batch.
fn predictions<C: ModelConfig>(model: &Exportable<'_, C>, batches: &[Vec<f32>]) -> Vec<Prediction> {
    let width = model.classes.len().max(1);
    batches.iter().flat_map(|batch| batch.chunks_exact(width)).map(|row| Prediction(row.to_vec())).collect()
}

fn same<C: ModelConfig>(model: &Exportable<'_, C>, a: &[Prediction], b: &[Prediction]) -> Option<usize> {
    let count = |is_same: &dyn Fn(&Prediction, &Prediction) -> bool| {
        Some(a.iter().zip(b).filter(|(a, b)| is_same(a, b)).count())
    };
    match model.loss.kind() {
        TargetKind::Class => count(&|a, b| a.class() == b.class()),
        TargetKind::Labels => count(&|a, b| a.labels(model.thresholds) == b.labels(model.thresholds)),
        TargetKind::Number => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_item_calibrates_and_is_measured() {
        for items in [0, 1, 2, 3, 10, 255, 1000] {
            let (calibrating, measuring) = divided(items);
            assert_eq!(calibrating.len(), CALIBRATING.min(items / 2));
            let mut all = [calibrating, measuring].concat();
            all.sort_unstable();
            assert_eq!(all, (0..items).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranges_are_the_usual_ones() {
        assert_eq!(
            usual_ranges(&[vec![-1.0, 2.0, 0.0, 6.0], vec![-3.0, 4.0, 0.0, 5.0]]),
            [[-2.0, 3.0], [0.0, 5.5]]
        );
    }
}
