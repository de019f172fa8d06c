//! The questions that people ask before they freeze a layer, answered with a run's own numbers.

use super::verdict::{FEW, MANY};
use super::{Report, numbers};
use crate::recipe::Method;
use crate::summary::PhaseSummary;

/// A question and the answer to it.
pub(super) struct Answered {
    pub(super) question: &'static str,
    pub(super) answer: String,
}

impl Report {
    /// The seven questions, once the run has a result.
    pub(super) fn answers(&self) -> Vec<Answered> {
        if self.validation.is_none() {
            return vec![];
        }
        let answers = [
            ("What do freeze and unfreeze do?", self.what_it_does()),
            ("When should I freeze, when unfreeze?", self.when()),
            ("What is the default?", self.default_of()),
            ("How many epochs, and which learning rates?", self.epochs_and_rates()),
            ("What happens without transfer learning?", self.without()),
            ("Is my result good?", self.is_good()),
            ("What about other kinds of data?", OTHER_KINDS.to_owned()),
        ];
        answers.into_iter().map(|(question, answer)| Answered { question, answer }).collect()
    }

    fn what_it_does(&self) -> String {
        let frozen = |phase: &PhaseSummary| -> usize {
            phase
                .frozen_groups
                .iter()
                .filter_map(|&group| self.plan.groups.get(group))
                .map(|group| group.params)
                .sum()
        };
        let most =
            self.plan.phases.iter().max_by_key(|phase| frozen(phase)).filter(|phase| frozen(phase) > 0);
        let mut answer = match most {
            Some(phase) => format!(
                "A frozen layer group does not change. In phase {} of this run {} of {} weights stayed as they were, byte for byte.",
                phase.name,
                numbers::thousands(frozen(phase)),
                numbers::thousands(self.plan.total_params)
            ),
            None => "A frozen layer group does not change; an unfrozen one learns. In this run nothing was frozen.".to_owned(),
        };
        let moved =
            self.movements.iter().filter_map(|movement| Some((movement.relative()?, &movement.stage)));
        if let Some((most, stage)) = moved.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(most, _)| *most > 0.0)
        {
            answer += &format!(
                " In the whole run {stage} changed most of the pretrained stages: by {}.",
                numbers::fraction(most)
            );
        }
        answer
    }

    fn when(&self) -> String {
        let mut answer = match self.choice() {
            Some(choice) => format!("Here: {choice}."),
            None => "This run compared nothing that would tell.".to_owned(),
        };
        if let Some(items) = self.items_per_class() {
            answer += &format!(
                " It has {items} training {} per class. With fewer than {FEW} a frozen body is usually better, with more than {MANY} thawing usually pays. The default compares both in any case.",
                self.about.items
            );
        }
        answer
    }

    fn default_of(&self) -> String {
        format!(
            "A pretrained network starts with everything frozen except the head. First, the head's best weights are computed directly, without epochs. Then everything is thawed, for four epochs unless you say otherwise. In the end, the weights are kept that are expected to be best on new items: those of the head alone, those of the thawed network, or weights between the two. This run: {}.",
            self.trained()
        )
    }

    fn epochs_and_rates(&self) -> String {
        let phase = |phase: &PhaseSummary| {
            let trains =
                |(group, rate): (usize, &f64)| (!phase.frozen_groups.contains(&group)).then_some(*rate);
            let rates: Vec<f64> = phase.lr_max.iter().enumerate().filter_map(trains).collect();
            let work = phase.in_words(phase.epochs);
            match (phase.method, rates.as_slice()) {
                (Method::SolveHead, _) => {
                    format!("{}: the best head is computed, which needs no rate", phase.name)
                }
                (Method::Steps, [first, .., last]) if first != last => {
                    let [first, last] = [first, last].map(|&rate| numbers::rate(rate));
                    format!(
                        "{}: {work}, up to {first} in the earliest group that trains and {last} in the head",
                        phase.name
                    )
                }
                (Method::Steps, [first, ..]) => {
                    format!("{}: {work}, up to {}", phase.name, numbers::rate(*first))
                }
                _ => format!("{}: {work}", phase.name),
            }
        };
        let phases: Vec<String> = self.plan.phases.iter().map(phase).collect();
        format!(
            "In this run {}. Early groups get lower rates, because what they know is general.",
            phases.join("; ")
        )
    }

    fn without(&self) -> String {
        match self.plan.groups.iter().all(|group| group.new) {
            true => "This run shows it: all weights were new, so nothing was worth freezing.".to_owned(),
            false => format!(
                "All weights would start at random, and far more {} and epochs would be needed. This run did not measure it.",
                self.about.items
            ),
        }
    }

    fn is_good(&self) -> String {
        let Some(validation) = &self.validation else { return String::new() };
        let Some((metric, value)) = self.result() else { return String::new() };
        let mut answer = format!("{} is {}", metric.replace('_', " "), numbers::number(value));
        if let Some(interval) = validation.intervals.get(metric) {
            let [low, high] = [interval.low, interval.high].map(numbers::number);
            answer += &format!(
                "; on other {} of the kind it is between {low} and {high}, with 95 % confidence",
                self.about.items
            );
        }
        answer += ".";
        if let (Some(&baseline), Some(is_clear)) =
            (validation.baseline.get(metric), self.beats_always_the_same())
        {
            let so = match is_clear {
                true => {
                    "so it has learned something. Whether that is enough for you, see the worse end of the range"
                }
                false => "which is within the range, so it may have learned nothing",
            };
            answer +=
                &format!(" Always saying {} has {}, {so}.", validation.always, numbers::number(baseline));
        }
        if self.choice().is_some() {
            answer += &format!(
                " These {} {} also chose the weights, which flatters the result a little: to be sure, measure it on others.",
                validation.items, self.about.items
            );
        }
        answer
    }
}

const OTHER_KINDS: &str = "Freezing is the same for images, texts, rows of tables and a network of your own: each is a list of layer groups, \
    and a position in that list says what is frozen: the groups before it. A text network is pretrained like an image network, so the same command does the same for a file of \
    texts. A table's network is not pretrained, so nothing of it is frozen, unless it starts from an earlier run.";
