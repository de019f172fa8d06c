//! The choice, and all measurements in plain sentences.

use super::advisor::Advisor;
use super::data_curve::DataCurve;
use super::depths::Depths;
use super::plans::AdvisedPlan;
use super::trials::{Tried, counted};
use super::{Advice, Depth};
use crate::learner::Gain;
use crate::stage::Network;

/// Plans of which no more than this is to be expected of one than of the other are equals.
const EQUAL: f64 = 0.005;
/// A gain that is surely smaller than this is hardly worth having.
const HARDLY: f64 = 0.01;

/// How values of a metric are said.
struct Words<'a> {
    /// Whether it is a fraction, said in per cent and points.
    is_fraction: bool,
    /// Whether less of it is better.
    is_error: bool,
    metric: &'a str,
    items: &'a str,
}

impl Words<'_> {
    fn value(&self, value: f64) -> String {
        match self.is_fraction {
            true => format!("{} {:.1} %", self.metric, 100.0 * value),
            false => format!("{} {value:.4}", self.metric),
        }
    }

    /// A difference for the better, and its interval.
    fn gain(&self, Gain { value, low, high }: Gain) -> String {
        match (self.is_fraction, self.is_error) {
            (true, _) => {
                format!("{:+.1} points ({:+.1} to {:+.1})", 100.0 * value, 100.0 * low, 100.0 * high)
            }
            (false, true) => format!("{value:.4} less ({low:.4} to {high:.4})"),
            (false, false) => format!("{value:+.4} ({low:+.4} to {high:+.4})"),
        }
    }
}

/// Whether it may as well be nothing.
fn is_open(gain: Gain) -> bool {
    gain.low <= 0.0 && gain.high >= 0.0
}

/// The plan that is advised, by its place: the cheapest of those of which about the most is to be expected.
fn choice(trials: &[Tried]) -> usize {
    let finished = || trials.iter().enumerate().filter(|(_, tried)| tried.trial.finished);
    let most = finished().map(|(_, tried)| tried.expected).fold(f64::NEG_INFINITY, f64::max);
    let equals = finished().filter(|(_, tried)| tried.expected >= most - EQUAL);
    equals.min_by_key(|(_, tried)| tried.cost).map_or(0, |(place, _)| place)
}

impl<N: Network> Advisor<'_, N> {
    /// The advice that follows from what was measured.
    pub fn said(&self, depths: Option<Depths>, trials: Vec<Tried>, curve: DataCurve) -> Advice {
        let name = self.criterion.name();
        let words = Words {
            is_fraction: !["rmse", "mae"].contains(&name),
            is_error: self.criterion.is_error(),
            metric: name,
            items: &self.options.items,
        };
        let chosen = choice(&trials);
        let mut advice = match &depths {
            Some(_) => self.about_plans(&words, &trials, chosen),
            None => vec![format!(
                "Nothing in this network is pretrained, so there is nothing worth freezing: everything trains, to {}.",
                words.value(trials[chosen].trial.metric)
            )],
        };
        if let Some(depths) = &depths {
            let cut = trials.iter().find(|tried| matches!(tried.trial.choice, AdvisedPlan::Cut { .. }));
            advice.extend(about_depths(&words, depths, cut.and_then(|tried| tried.trial.gain)));
        }
        advice.extend(about_data(&words, &curve));
        let (depths, together) = depths.map_or((vec![], None), |found| (found.depths, found.together));
        Advice {
            metric_name: name.to_owned(),
            budget: self.spent,
            depths,
            together,
            plan: trials[chosen].trial.choice.clone(),
            trials: trials.into_iter().map(|tried| tried.trial).collect(),
            data_curve: curve.points,
            more_data: curve.more,
            advice,
            command: String::new(),
        }
    }

    /// The advised plan, and how certain it is.
    fn about_plans(&self, words: &Words<'_>, trials: &[Tried], chosen: usize) -> Vec<String> {
        let tried = &trials[chosen];
        let (head, asked) = (words.value(trials[0].trial.metric), self.bench.valid.len());
        let on = format!("on {asked} validation {}", words.items);
        let thaws = |plan: &AdvisedPlan| !matches!(plan, AdvisedPlan::HeadOnly | AdvisedPlan::Cut { .. });
        let rivals = || {
            trials.iter().enumerate().filter(|(_, tried)| tried.trial.finished && thaws(&tried.trial.choice))
        };
        let rival = rivals().max_by(|(_, a), (_, b)| self.criterion.order(&a.evaluation, &b.evaluation));
        let is_head = tried.trial.choice == AdvisedPlan::HeadOnly;
        let mut said = vec![match (
            tried.trial.gain,
            rival.and_then(|(_, rival)| Some((rival, rival.trial.gain?))),
        ) {
            (None, None) => {
                format!("Train the head only: {head}. The budget left nothing to try thawing with.")
            }
            (None, Some((rival, gain))) if gain.high < 0.0 => format!(
                "Train the head only: {head}. {}: {} {on}.",
                capital(&rival.trial.plan),
                words.gain(gain)
            ),
            (None, Some((rival, gain))) => format!(
                "Don't know whether to train more than the head, which reaches {head}. {}: {} over it {on}. \
                 The cheapest of these equals is the head only.",
                capital(&rival.trial.plan),
                words.gain(gain)
            ),
            (Some(gain), _) if gain.low > 0.0 => format!(
                "Train this: {}. It reaches {}, {} over the head alone, {on}.",
                tried.trial.plan,
                words.value(tried.trial.metric),
                words.gain(gain)
            ),
            (Some(gain), _) => format!(
                "Don't know for sure whether to train more than the head, which is cheapest and reaches {head}. {}: {} over \
                 it {on}. With this many training {} that is likely to be real, so it is advised.",
                capital(&tried.trial.plan),
                words.gain(gain),
                words.items
            ),
        }];
        let open = |(place, other): &(usize, &Tried)| {
            *place != chosen && is_open(self.criterion.gain(&other.evaluation, &tried.evaluation).0)
        };
        let equals: Vec<&str> = rivals().filter(open).map(|(_, other)| other.trial.plan.as_str()).collect();
        if !is_head && !equals.is_empty() {
            said.push(format!("Too close to it to tell apart: {}.", equals.join("; ")));
        }
        let longest = rivals().map(|(_, tried)| &tried.trial).max_by_key(|trial| trial.items * trial.epochs);
        let is_short = |items: usize, epochs: usize| items < self.train.len() || epochs < self.recipe.epochs;
        if let Some(longest) = longest.filter(|trial| is_short(trial.items, trial.epochs)) {
            let epochs = counted(longest.epochs);
            said.push(format!(
                "Trials were short, {} {} for {epochs} at most; the training itself has {} for {}.",
                longest.items,
                words.items,
                self.train.len(),
                self.recipe.epochs
            ));
        }
        said
    }
}

/// Where features are best, and what a cut there gained on validation items, if one was tried.
fn about_depths(words: &Words<'_>, found: &Depths, cut: Option<Gain>) -> Vec<String> {
    let better = |a: &&Depth, b: &&Depth| {
        let sign = if words.is_error { -1.0 } else { 1.0 };
        (sign * a.metric).total_cmp(&(sign * b.metric))
    };
    let Some((last, best)) = found.depths.last().zip(found.depths.iter().max_by(better)) else {
        return vec![];
    };
    let mut said = vec![match best.gain {
        _ if best.stage == last.stage => format!(
            "No depth knows more than the last stage, {}, where a linear probe of {} {} reaches {}; nothing is gained by a cut.{}",
            last.stage,
            found.items,
            words.items,
            words.value(last.metric),
            first_equal(&found.depths)
        ),
        gain if gain.low > 0.0 => format!(
            "Features are best at {}: a linear probe reaches {}, {} over the last stage, {}.",
            best.stage,
            words.value(best.metric),
            words.gain(gain),
            last.stage
        ),
        gain => format!(
            "Don't know whether a cut would help: features of {} and of the last stage, {}, are too close to tell: {}.",
            best.stage,
            last.stage,
            words.gain(gain)
        ),
    }];
    said.extend(cut.map(|gain| {
        let sure = match gain {
            open if is_open(open) => "Don't know whether to cut behind it",
            Gain { low, .. } if low > 0.0 => "Cut behind it",
            _ => "Don't cut behind it",
        };
        format!("{sure}: the head alone, {} over no cut on the validation {}.", words.gain(gain), words.items)
    }));
    if let Some(together) = &found.together {
        let gain = words.gain(together.gain);
        said.push(match together.gain {
            sure if sure.low > 0.0 => format!("All depths together know more than the last: {gain}."),
            Gain { low: 0.0, high: 0.0, .. } => "All depths together know as much as the last.".to_owned(),
            sure if sure.high < 0.0 => format!("All depths together know less than the last: {gain}."),
            _ => format!("Don't know whether all depths together know more than the last: {gain}."),
        });
    }
    said
}

/// The first depth whose features are as good as those of the last one.
fn first_equal(depths: &[Depth]) -> String {
    let worse = depths.iter().rposition(|depth| depth.gain.high < 0.0).map_or(0, |place| place + 1);
    match depths.get(worse) {
        Some(first) if worse + 1 < depths.len() => {
            format!(" From {} on it is too close to tell.", first.stage)
        }
        _ => String::new(),
    }
}

/// Whether more data would help.
fn about_data(words: &Words<'_>, curve: &DataCurve) -> Option<String> {
    let more = curve.more?;
    let hardly = if words.is_fraction { HARDLY } else { HARDLY * curve.points.last()?.metric.abs() };
    let (items, gain) = (words.items, words.gain(more));
    Some(match more {
        sure if sure.low > 0.0 => format!("Twice the {items}: about {gain}."),
        sure if sure.high < hardly => format!("Twice the {items} would hardly help: {gain}."),
        _ => format!("Don't know whether twice the {items} would help: {gain}."),
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
