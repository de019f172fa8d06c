//! The best epoch's predictions for the validation items, and the items worth looking at.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::numbers;
use crate::bundle::ModelConfig;
use crate::data::{Preview, Target, TargetKind, Variant};
use crate::interpret::{HeatMap, drawn, item_losses, most_confused, surest_hits, top_losses};
use crate::learner::{Evaluation, Learner, LearnerError};
use crate::metrics::{Calibration, ClassReport, Confusion, Interval, Metrics};
use crate::stage::Network;

/// This many items with the highest losses, and as many confident correct ones, are shown.
const SHOWN: usize = 12;
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
}

/// A single item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleResult {
    /// Its name.
    pub name: String,
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
    /// Where the network looked for what it took the item for, as a transparent PNG file in base64.
    pub heat: Option<String>,
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
        let worst = top_losses(&losses, SHOWN);
        let heat = heat(learner, model, &evaluation, &worst);
        let example = |item: usize, heat: Option<&HeatMap>| ExampleResult {
            heat: heat.and_then(M::draw_heat).map(|png| BASE64_STANDARD.encode(png)),
            loss: losses[item],
            ..example(learner, &evaluation, item, classes)
        };
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
            worst: worst.iter().enumerate().map(|(place, &item)| example(item, heat.get(place))).collect(),
            surest: surest_hits(&evaluation, SHOWN).into_iter().map(|item| example(item, None)).collect(),
            random: if losses.len() > SHOWN { drawn(losses.len(), SHOWN) } else { vec![] }
                .into_iter()
                .map(|item| example(item, None))
                .collect(),
        }))
    }
}

/// An item as the report shows it, without its loss.
fn example<N: Network>(
    learner: &Learner<N>,
    evaluation: &Evaluation,
    item: usize,
    classes: &[String],
) -> ExampleResult {
    let (found, target) = (&evaluation.predictions[item], &evaluation.targets[item]);
    let class = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let labels = |labels: &[usize]| match labels {
        [] => "no label".to_owned(),
        labels => labels.iter().map(|&label| class(label)).collect::<Vec<_>>().join(", "),
    };
    let (actual, predicted, sure) = match target {
        Target::Class(is) => (class(*is), class(found.class()), Some(f64::from(found.0[found.class()]))),
        Target::Labels(are) => (labels(are), labels(&found.labels(&evaluation.thresholds)), None),
        Target::Number(is) => {
            (numbers::number(f64::from(*is)), numbers::number(f64::from(found.number())), None)
        }
    };
    let data = learner.valid();
    ExampleResult {
        name: data.name(item),
        actual,
        predicted,
        sure,
        loss: 0.0,
        preview: data.preview(item),
        heat: None,
    }
}

/// Where the network looked in these items for what it took them for; nothing if it can't tell, or if an item is gone.
fn heat<N: Network, M: ModelConfig<Network = N>>(
    learner: &Learner<N>,
    model: &M,
    evaluation: &Evaluation,
    items: &[usize],
) -> Vec<HeatMap> {
    if learner.loss().kind() == TargetKind::Number {
        return vec![];
    }
    let outputs: Vec<usize> = items.iter().map(|&item| evaluation.predictions[item].class()).collect();
    match learner.valid().inputs(items, Variant::Original, learner.device()) {
        Ok(inputs) => model.heat(learner.network(), inputs, &outputs),
        Err(_) => vec![],
    }
}
