//! Items to compare an export on, and this library's answers to them: as a file beside the export, by which any runtime can be
//! checked.

use burn::tensor::{Device, Int, Tensor};
use serde_json::{Map, Value as Json, json};

use super::{ExportError, ExportOptions, Exportable};
use crate::batch::{Batch, Value};
use crate::bundle::{ExportItem, ModelConfig};
use crate::data::TargetKind;
use crate::graph::{Array, Element, Numbers};
use crate::metrics::{Answer, features};
use crate::stage::Network as _;

/// How far a probability may be from this library's, and a number in the standard deviations of the numbers that were learned.
const ALLOWED: f32 = 1e-3;
/// The same where weights are kept in 16 bits.
const ALLOWED_HALF: f32 = 2e-2;

/// The largest batch that a file is written for: one is compared.
pub(super) const LARGEST: usize = 256;

/// Items and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks(Json);

impl Checks {
    /// As the text of a file.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// The same for a file with this hash.
    pub(super) fn to_json_of(&self, sha256: &str) -> String {
        let mut checks = self.0.clone();
        checks["sha256"] = sha256.into();
        checks.to_string()
    }

    /// How many batches of items there are.
    pub fn len(&self) -> usize {
        self.0["items"].as_array().map_or(0, Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<C: ModelConfig> Exportable<'_, C> {
    /// The items and the answers to them.
    pub(super) fn checks(&self, options: &ExportOptions) -> Result<Checks, ExportError> {
        let mut items = self.model.export_items(options.input, &self.device()).map_err(ExportError::Item)?;
        if options.batch.is_some() {
            items.truncate(1);
        }
        let sized = |item: ExportItem| match options.batch {
            Some(batch) => item.cycled(batch),
            None => item,
        };
        let items: Vec<Json> = items
            .into_iter()
            .map(sized)
            .map(|ExportItem { inputs, batch }| {
                let inputs: Map<String, Json> =
                    inputs.iter().map(|(name, array)| (name.clone(), of_array(array))).collect();
                json!({ "inputs": inputs, "outputs": self.outputs(options, batch) })
            })
            .collect();
        let probability = if options.half { ALLOWED_HALF } else { ALLOWED };
        // A share of held-out items changes by whole items.
        let held_out = self.reliability.familiarity.as_ref().map_or(1, |known| known.held_out());
        let allowed = json!({
            "probabilities": probability,
            "number": probability * self.unit(),
            "familiarity": probability + 1.5 / (held_out + 1) as f32,
            "features": probability,
        });
        Ok(Checks(json!({ "format": 1, "allowed": allowed, "items": items })))
    }

    /// What a score of 1 more is in the unit of the numbers that were learned.
    fn unit(&self) -> f32 {
        let decoded = |score: f32| {
            let device = Device::flex();
            let scores = Tensor::<2>::from_floats([[score]], &device);
            self.loss.decode(scores).into_scalar::<f32>()
        };
        match self.loss.kind() {
            TargetKind::Number => (decoded(1.0) - decoded(0.0)).abs(),
            TargetKind::Class | TargetKind::Labels => 1.0,
        }
    }

    fn outputs(&self, options: &ExportOptions, batch: Batch) -> Json {
        let last = self.network.stages().len().saturating_sub(1);
        let received = self.network.forward(batch, 0..last);
        let features = features(&received);
        if options.features {
            let rows = features.unwrap_or_default();
            let shape = [rows.numbers.len() / rows.width.max(1), rows.width];
            return json!({ "features": of_array(&Array::floats(rows.numbers, &shape)) });
        }
        let scores = self.network.forward(received, last..last + 1).single();
        self.of_answers(
            self.reliability.answers(self.loss, scores, features.as_ref()).into_iter().flatten().collect(),
        )
    }

    fn of_answers(&self, answers: Vec<Answer>) -> Json {
        let items = answers.len();
        let rows = || answers.iter().flat_map(|answer| answer.scores.0.iter().copied());
        let probabilities = || of_array(&Array::floats(rows().collect(), &[items, self.classes.len()]));
        let mut outputs = match self.loss.kind() {
            TargetKind::Class => {
                let names = answers.iter().map(|answer| self.classes[answer.scores.class()].clone());
                let names: Vec<String> = names.collect();
                json!({ "probabilities": probabilities(), "label": of_array(&Array::texts(&names)) })
            }
            TargetKind::Labels => {
                let limits = || self.thresholds.iter().cycle();
                let rows = answers.iter().flat_map(|answer| answer.scores.0.iter().zip(limits()));
                let there: Vec<bool> = rows.map(|(probability, limit)| probability >= limit).collect();
                let there = json!({ "type": "bool", "shape": [items, self.classes.len()], "values": there });
                json!({ "probabilities": probabilities(), "labels": there })
            }
            TargetKind::Number => json!({ "number": of_array(&Array::floats(rows().collect(), &[items])) }),
        };
        let familiarity: Option<Vec<f32>> = answers.iter().map(|answer| answer.familiarity).collect();
        if let Some(familiarity) = familiarity.filter(|_| self.reliability.familiarity.is_some()) {
            outputs["familiarity"] = of_array(&Array::floats(familiarity, &[items]));
        }
        outputs
    }
}

impl ExportItem {
    /// How many items there are.
    fn items(&self) -> usize {
        self.inputs.values().next().and_then(|array| array.shape.first()).copied().unwrap_or(0)
    }

    /// This many items: the first ones, and the same again where there are fewer.
    fn cycled(self, count: usize) -> Self {
        let rows: Vec<usize> = (0..self.items()).cycle().take(count).collect();
        let inputs = self.inputs.iter().map(|(name, array)| (name.clone(), array.select(&rows))).collect();
        let places: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let chosen = |value: Value| {
            let of = |device: &Device| Tensor::<1, Int>::from_ints(places.as_slice(), device);
            match value {
                Value::Rank2(tensor) => tensor.clone().select(0, of(&tensor.device())).into(),
                Value::Rank3(tensor) => tensor.clone().select(0, of(&tensor.device())).into(),
                Value::Rank4(tensor) => tensor.clone().select(0, of(&tensor.device())).into(),
                Value::Ids(tensor) => Value::Ids(tensor.clone().select(0, of(&tensor.device()))),
            }
        };
        let batch = self.batch.into_values().into_iter().map(chosen).collect();
        Self { inputs, batch: Batch::new(batch) }
    }
}

/// Kind, shape and elements; NaN is null.
fn of_array(array: &Array) -> Json {
    let values: Vec<Json> = match &array.numbers {
        Numbers::F32(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::F64(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::F16(numbers) => numbers.iter().map(|number| number.to_f32().into()).collect(),
        Numbers::U8(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::I8(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::I32(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::I64(numbers) => numbers.iter().map(|&number| number.into()).collect(),
        Numbers::Texts(texts) => texts.iter().map(|text| text.clone().into()).collect(),
    };
    let kind: Element = array.numbers.element();
    json!({ "type": kind.name(), "shape": array.shape, "values": values })
}
