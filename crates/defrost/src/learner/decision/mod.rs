//! Whether thawing pays: the frozen head, the thawed network and points on the line between them compete on the
//! validation items (WiSE-FT, arXiv 2109.01903).

mod candidates;
mod criterion;
mod rule;

pub(super) use criterion::Criterion;
pub(super) use rule::Prior;

use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;

/// Which weights a run ended with, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Which.
    pub kept: Kept,
    /// Why, in a sentence.
    pub reason: String,
    /// The metric by which candidates are compared.
    pub metric_name: String,
    /// The best epoch of the frozen body, or the start of a run that goes on; none if there is neither.
    pub frozen: Option<Candidate>,
    /// The best epoch of the phases that trained more than the head; none if there were none.
    pub thawed: Option<Candidate>,
    /// The best of the points between the two; none if they were not compared.
    pub between: Option<Candidate>,
    /// How much more of the metric the thawed network, or the point between, reaches than the frozen head on the same
    /// items.
    pub gain: Option<Gain>,
}

/// Which weights were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Those of the frozen body's best epoch.
    Frozen,
    /// Those of the best epoch of a phase that trained more.
    Thawed,
    /// Those of a point on the line between the two.
    Between,
    /// There was nothing to choose.
    Only,
}

/// Weights that competed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// All that was measured on the validation items.
    pub metrics: Metrics,
    /// The metric by which candidates are compared.
    pub metric: f64,
    /// The least it may be on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
    /// How much it is expected to gain over the frozen head on other items. The candidate that is expected to gain most is kept; none
    /// where the best epoch is.
    #[serde(default)]
    pub expected: Option<ExpectedGain>,
    /// Seconds the phases took that led to it.
    pub seconds: f64,
    /// Where between the frozen head, 0, and the thawed network, 1, it lies.
    pub position: f64,
}

/// What to expect of weights on other items: a fraction of the items, or of the error where the metric is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedGain {
    /// The expected gain. It combines the right answers here, and the probabilities given to them, with the usual gain.
    pub value: f64,
    /// What runs with as many training items of a class usually gain.
    pub usual: f64,
}

/// A difference on the same items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// How much.
    pub value: f64,
    /// The least it may be on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
}

impl Gain {
    /// Whether the new one is better, or worse; none if the interval holds both.
    pub fn is_better(&self) -> Option<bool> {
        match self {
            Self { low, .. } if *low > 0.0 => Some(true),
            Self { high, .. } if *high < 0.0 => Some(false),
            _ => None,
        }
    }
}

/// With so few validation items, one more that is right is worth three points.
const FEW: usize = 30;

fn few(items: usize) -> String {
    match items {
        FEW.. => String::new(),
        _ => {
            format!(" ({items} validation items say little: what runs of this size usually gain weighs more)")
        }
    }
}

impl Decision {
    /// Whether candidates were weighed by what they are expected to gain, so that the best measure alone did not decide.
    pub fn is_weighed(&self) -> bool {
        self.frozen.as_ref().is_some_and(|frozen| frozen.expected.is_some())
    }

    /// The choice in a sentence: `head only 71.0 %, thawed 84.0 %: +13.0 ± 4.0 points over head only; thawing
    /// paid`. Of few `items` to validate on, it says that they did not decide alone. A run that `goes_on` from an earlier one is
    /// compared with its start: `before 84.0 %, after 86.0 %`.
    fn explained(&self, items: usize, goes_on: bool) -> String {
        let is_fraction = self.metric_name != "rmse" && self.metric_name != "mae";
        let value = |candidate: &Candidate| match is_fraction {
            true => format!("{:.1} %", 100.0 * candidate.metric),
            false => format!("{:.4}", candidate.metric),
        };
        let (frozen, thawed) = match (&self.frozen, &self.thawed) {
            (Some(frozen), Some(thawed)) => (frozen, thawed),
            (Some(_), None) => return "only the head was trained".to_owned(),
            _ => return "all phases trained more than the head".to_owned(),
        };
        let name = &self.metric_name;
        let (old, new) = if goes_on { ("before", "after") } else { ("head only", "thawed") };
        let mut text = format!("{name}: {old} {}, {new} {}", value(frozen), value(thawed));
        if let (Kept::Between, Some(between)) = (self.kept, &self.between) {
            text += &format!(", between the two {}", value(between));
        }
        if let Some(Gain { value, low, high }) = self.gain {
            let (scale, unit) = if is_fraction { (100.0, " points") } else { (1.0, "") };
            let half = (high - low) / 2.0;
            let old = if goes_on { "the weights before" } else { old };
            text += &format!(": {:+.1} ± {:.1}{unit} over {old}", scale * value, scale * half);
        }
        let few = if self.between.is_some() && items < FEW { few(items) } else { String::new() };
        let is_clear = self.gain.is_some_and(|gain| gain.low > 0.0);
        text + match self.kept {
            // Nothing was weighed: the recipe ends with its best epoch.
            _ if self.between.is_none() => "; the best epoch is kept",
            Kept::Frozen if goes_on => "; training on does not pay here, so the weights stay as they were",
            Kept::Between if goes_on => "; weights between the two are kept",
            _ if goes_on && is_clear => "; training on paid",
            _ if goes_on => "; too close to tell, and the new weights are kept",
            Kept::Frozen => "; thawing does not pay here, so the head alone is kept",
            Kept::Between if is_clear => "; thawing paid, and weights between the two are kept",
            Kept::Between => "; too close to tell, so weights between the two are kept, which seldom lose",
            Kept::Thawed | Kept::Only if is_clear => "; thawing paid",
            Kept::Thawed | Kept::Only => {
                "; too close to tell, and with this many items unfreezing usually pays"
            }
        } + &few
    }
}
