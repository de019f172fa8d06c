//! Single validation items as a report shows them: what they are, what was predicted, and what in them spoke for it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::{file_link, numbers};
use crate::bundle::ModelConfig;
use crate::data::{Preview, Target, TargetKind, Variant};
use crate::interpret::top_losses;
use crate::learner::{Evaluation, Learner};
use crate::stage::Network;

/// This many items are shown of a class that was predicted as another.
const OF_CELL: usize = 6;
/// This many in all.
const OF_CELLS: usize = 60;

/// A single item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleResult {
    /// Its name.
    pub name: String,
    /// The address of its file, if it is one: `file:///…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The actual class.
    pub actual: String,
    /// The prediction.
    pub predicted: String,
    /// The probability of the predicted class; none for labels and numbers.
    pub sure: Option<f64>,
    /// Its loss.
    pub loss: f64,
    /// Its preview.
    #[serde(alias = "exhibit")]
    pub preview: Option<Preview>,
    /// What to know about how it was read, such as that it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Where the network looked for what it took the item for, as a transparent PNG file in base64.
    pub heat: Option<String>,
    /// How much each word of a text spoke for the prediction, `0.0..=1.0`, as far as the network reads it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<f32>,
}

/// Items of one class that were predicted as another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellExamples {
    /// The actual class.
    pub actual: usize,
    /// The predicted one.
    pub predicted: usize,
    /// Some of them, those of the highest losses.
    pub examples: Vec<ExampleResult>,
}

/// The validation items, and what was predicted for them.
pub(super) struct Examples<'a, N, M> {
    pub learner: &'a Learner<N>,
    pub model: &'a M,
    pub evaluation: &'a Evaluation,
    pub losses: &'a [f64],
    pub classes: &'a [String],
}

impl<N: Network, M: ModelConfig<Network = N>> Examples<'_, N, M> {
    /// These items.
    pub(super) fn plain(&self, items: &[usize]) -> Vec<ExampleResult> {
        items.iter().map(|&item| self.example(item)).collect()
    }

    /// These items, with what in them spoke for the prediction where the network can tell.
    pub(super) fn explained(&self, items: &[usize]) -> Vec<ExampleResult> {
        let mut examples = self.plain(items);
        if items.is_empty() || self.learner.loss().kind() == TargetKind::Number {
            return examples;
        }
        let outputs: Vec<usize> =
            items.iter().map(|&item| self.evaluation.predictions[item].class()).collect();
        let (data, device, network) = (self.learner.valid(), self.learner.device(), self.learner.network());
        // A file may be gone by now; the item is shown without.
        let Ok(inputs) = data.inputs(items, Variant::Original, device) else { return examples };
        let texts: Option<Vec<String>> = examples.iter().map(ExampleResult::text).collect();
        if let Some(texts) = texts {
            let words = self.model.weigh_words(network, inputs, &texts, &outputs);
            examples.iter_mut().zip(words).for_each(|(example, words)| example.words = words);
            return examples;
        }
        for (example, map) in examples.iter_mut().zip(self.model.heat(network, inputs, &outputs)) {
            example.heat = M::draw_heat(&map).map(|png| BASE64_STANDARD.encode(png));
        }
        examples
    }

    /// Items of one class that were predicted as another, for the pairs of classes with the most of them.
    pub(super) fn cells(&self) -> Vec<CellExamples> {
        let mut cells: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for item in top_losses(self.losses, self.losses.len()) {
            let Target::Class(actual) = self.evaluation.targets[item] else { return vec![] };
            let predicted = self.evaluation.predictions[item].class();
            if actual != predicted {
                cells.entry((actual, predicted)).or_default().push(item);
            }
        }
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
        let mut room = OF_CELLS;
        let mut shown = vec![];
        for ((actual, predicted), items) in cells {
            let count = items.len().min(OF_CELL).min(room);
            if count == 0 {
                break;
            }
            room -= count;
            shown.push(CellExamples { actual, predicted, examples: self.plain(&items[..count]) });
        }
        shown
    }

    fn example(&self, item: usize) -> ExampleResult {
        let class = |class: usize| self.classes.get(class).cloned().unwrap_or_default();
        let labels = |labels: &[usize]| match labels {
            [] => "no label".to_owned(),
            labels => labels.iter().map(|&label| class(label)).collect::<Vec<_>>().join(", "),
        };
        let said = |target: &Target| match target {
            Target::Class(is) => class(*is),
            Target::Labels(are) => labels(are),
            Target::Number(is) => numbers::number(f64::from(*is)),
        };
        let (predicted, sure) = self.evaluation.predicted(item);
        let (actual, predicted) = (said(&self.evaluation.targets[item]), said(&predicted));
        let data = self.learner.valid();
        ExampleResult {
            name: data.name(item),
            link: data.file(item).and_then(file_link::of),
            actual,
            predicted,
            sure: sure.map(f64::from),
            loss: self.losses[item],
            preview: data.preview(item),
            remark: data.remark(item),
            heat: None,
            words: vec![],
        }
    }
}

impl ExampleResult {
    /// The text that is shown of it.
    fn text(&self) -> Option<String> {
        match &self.preview {
            Some(Preview::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }
}
