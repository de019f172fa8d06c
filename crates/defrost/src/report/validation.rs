//! The best epoch's predictions for the validation items, and the items worth looking at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::examples::{CellExamples, ExampleResult, Examples};
use crate::bundle::ModelConfig;
use crate::data::Target;
use crate::interpret::{
    FieldImportance, drawn, field_importance, item_losses, most_confused, surest_hits, top_losses,
};
use crate::learner::{Learner, LearnerError};
use crate::metrics::{Calibration, ClassReport, Confusion, Interval, Metrics};
use crate::stage::Network;

/// This many items with the highest losses are shown.
const WORST: usize = 12;
/// This many confident correct ones, and as many at random.
const OTHERS: usize = 6;
/// A confusion matrix of more classes can't be read.
const MATRIX: usize = 40;
/// This many pairs of classes are listed.
const PAIRS: usize = 12;
/// At most this many predicted numbers are drawn.
const DOTS: usize = 600;

/// The results on the validation items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// How many items there are.
    pub items: usize,
    /// Mean loss.
    pub loss: f64,
    /// Other metrics, by name.
    pub metrics: Metrics,
    /// How far each may be from what it would be of all such items, with 95 % confidence.
    #[serde(default)]
    pub intervals: BTreeMap<String, Interval>,
    /// The baseline: the result of always giving the same answer.
    #[serde(default)]
    pub baseline: Metrics,
    /// That answer: a class's name, or what else it is.
    #[serde(default)]
    pub always: String,
    /// How far off probabilities of classes are, each item's at a temperature that was fitted without it.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// How well each class or label is recognised; nothing for numbers.
    pub by_class: Vec<ClassReport>,
    /// The probability from which on each label is said to be there; none where items are of one class.
    pub thresholds: Vec<f32>,
    /// The confusion matrix, unless there are too many classes for it.
    pub confusion: Option<Confusion>,
    /// The pairs of classes that were confused most often: actual class, predicted class, how many items.
    pub confused: Vec<(usize, usize, usize)>,
    /// Numbers and what was predicted for them, some of them where there are many.
    pub numbers: Vec<(f32, f32)>,
    /// The items of the highest losses.
    pub worst: Vec<ExampleResult>,
    /// The most confident correct predictions.
    pub surest: Vec<ExampleResult>,
    /// Predictions at random, where there are more than are shown otherwise; nothing of runs of earlier versions.
    #[serde(default)]
    pub random: Vec<ExampleResult>,
    /// Some of the items of one class that were predicted as another, for the pairs of classes where that happened most; nothing of runs of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellExamples>,
    /// How much each column of a table matters, the most important first; nothing where items have no columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<FieldImportance>,
}

impl ValidationReport {
    /// Those of a run that is over.
    ///
    /// # Errors
    ///
    /// If the validation items have to be measured anew and one can't be read.
    pub fn of<N: Network, M: ModelConfig<Network = N>>(
        learner: &mut Learner<N>,
        model: &M,
        classes: &[String],
        thresholds: &[f32],
    ) -> Result<Option<Self>, LearnerError> {
        if learner.valid().is_empty() {
            return Ok(None);
        }
        let loss = learner.loss().clone();
        let mut evaluation = learner.best_evaluation()?;
        if !thresholds.is_empty() {
            evaluation = evaluation.at(thresholds);
        }
        let losses = item_losses(&*loss, &evaluation);
        let calibration = evaluation.cross_calibration();
        let evaluation = evaluation.calibrated(learner.reliability().temperature);
        let baseline = learner.baseline();
        let always = baseline.as_ref().map(|baseline| baseline.describe(loss.kind(), classes));
        let columns = field_importance(learner)?;
        let examples = Examples { learner, model, evaluation: &evaluation, losses: &losses, classes };
        let confusion = evaluation.confusion();
        let pairs = confusion.iter().flat_map(most_confused);
        let number = |(found, target): (&crate::metrics::Prediction, &Target)| {
            target.number().map(|number| (number, found.number()))
        };
        let pairs_of_numbers = evaluation.predictions.iter().zip(&evaluation.targets).filter_map(number);
        let each = evaluation.targets.len().div_ceil(DOTS).max(1);
        Ok(Some(Self {
            items: evaluation.targets.len(),
            loss: evaluation.loss,
            metrics: evaluation.metrics.clone(),
            intervals: evaluation.intervals(),
            baseline: baseline.map(|baseline| baseline.measure(&evaluation.targets)).unwrap_or_default(),
            always: always.unwrap_or_default(),
            calibration,
            by_class: evaluation.by_class(),
            thresholds: thresholds.to_vec(),
            confused: pairs.take(PAIRS).map(|pair| (pair.actual, pair.predicted, pair.count)).collect(),
            confusion: confusion.filter(|rows| rows.len() <= MATRIX),
            numbers: pairs_of_numbers.step_by(each).collect(),
            worst: examples.explained(&top_losses(&losses, WORST)),
            surest: examples.explained(&surest_hits(&evaluation, OTHERS)),
            random: examples.plain(&if losses.len() > WORST { drawn(losses.len(), OTHERS) } else { vec![] }),
            cells: examples.cells(),
            columns,
        }))
    }
}
