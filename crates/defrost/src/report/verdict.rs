//! How a report begins: whether thawing paid, beside the head alone and beside always the same answer, and what to try next.

use super::{Report, numbers};
use crate::learner::{Candidate, ExpectedGain, Kept};
use crate::metrics::is_error;

/// Fewer training items of a class are few: the frozen body is usually better.
pub(super) const FEW: usize = 20;
/// More are many: thawing usually pays.
pub(super) const MANY: usize = 100;
/// A metric of fewer validation items has a wide range.
const WIDE: usize = 100;
/// A pair of classes that are confused more seldom is no pattern.
const PATTERN: usize = 3;
/// More advice than this is not read.
const STEPS: usize = 4;

/// The data of the section.
pub(super) struct Verdict {
    pub(super) question: &'static str,
    pub(super) answer: Option<&'static str>,
    pub(super) bars: Bars,
    /// How the choice was made, where more than the metric decided.
    pub(super) weighed: Option<String>,
    pub(super) next: Vec<String>,
}

/// Results with their ranges, as a table with bars.
pub(super) struct Bars {
    pub(super) metric: String,
    pub(super) rows: Vec<Bar>,
}

/// A row of the table.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) range: String,
    pub(super) took: String,
    pub(super) kept: bool,
    /// The lengths of the bar and of the ends of its range, in percent of the longest.
    pub(super) bar: [usize; 3],
}

impl Verdict {
    /// That of a report, once something was measured.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let validation = report.validation.as_ref()?;
        let (metric, value) = report.result()?;
        let mut all: Vec<Row> = vec![];
        if let Some(&value) = validation.baseline.get(metric) {
            all.push(Row { name: format!("always {}", validation.always), value, ..Row::default() });
        }
        match report
            .decision
            .as_ref()
            .filter(|decision| decision.frozen.is_some() && decision.thawed.is_some())
        {
            Some(decision) => {
                let names = report.sides();
                let of = |name: &str, candidate: &Candidate, kept| Row {
                    name: name.to_owned(),
                    value: candidate.metric,
                    range: Some([candidate.low, candidate.high]),
                    seconds: Some(candidate.seconds),
                    kept: decision.kept == kept,
                };
                all.extend(decision.frozen.iter().map(|candidate| of(names[0], candidate, Kept::Frozen)));
                all.extend(
                    decision
                        .between
                        .iter()
                        .map(|candidate| of(&report.on_the_way(candidate), candidate, Kept::Between)),
                );
                all.extend(decision.thawed.iter().map(|candidate| of(names[1], candidate, Kept::Thawed)));
            }
            None => all.push(Row {
                name: "this run".to_owned(),
                value,
                range: validation.intervals.get(metric).map(|interval| [interval.low, interval.high]),
                seconds: report.seconds(),
                kept: false,
            }),
        }
        let (question, answer) = question(report);
        let (weighed, next) = (report.weighed(), report.next_steps());
        Some(Self { question, answer, bars: Bars::of(metric, all), weighed, next })
    }
}

/// What a reader wants to know first, and the answer where weights were compared.
fn question(report: &Report) -> (&'static str, Option<&'static str>) {
    let compared = report.decision.as_ref().filter(|decision| decision.kept != Kept::Only);
    let Some((decision, gain)) = compared.and_then(|decision| Some((decision, decision.gain?))) else {
        return ("Result", None);
    };
    let question = match report.has_new_group() {
        true => "Did thawing pay?",
        false => "Did training on pay?",
    };
    let answer = match (decision.kept, gain.is_better()) {
        (Kept::Frozen, _) | (_, Some(false)) => "No: it is kept as it was before.",
        (_, Some(true)) => "Yes: the difference is larger than chance explains.",
        (_, None) => "Open: these validation items can't tell, as the range of the difference holds zero.",
    };
    (question, Some(answer))
}

/// A result.
#[derive(Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) range: Option<[f64; 2]>,
    pub(super) seconds: Option<f64>,
    pub(super) kept: bool,
}

impl Bars {
    pub(super) fn of(metric: &str, rows: Vec<Row>) -> Self {
        let longest = rows.iter().map(Row::length).fold(0.0, f64::max);
        let rows = rows.into_iter().map(|row| row.view(longest)).collect();
        Self { metric: metric.replace('_', " "), rows }
    }
}

impl Row {
    fn length(&self) -> f64 {
        self.range.map_or(self.value, |[_, high]| high).max(self.value)
    }

    fn view(self, longest: f64) -> Bar {
        let percent = |value: f64| match longest > 0.0 {
            true => (100.0 * value / longest).clamp(0.0, 100.0) as usize,
            false => 0,
        };
        let [low, high] = self.range.unwrap_or([self.value; 2]);
        Bar {
            name: self.name,
            value: numbers::number(self.value),
            range: self.range.map_or_else(String::new, |[low, high]| {
                format!("{} to {}", numbers::number(low), numbers::number(high))
            }),
            took: self.seconds.map_or_else(String::new, numbers::seconds),
            kept: self.kept,
            bar: [self.value, low, high].map(percent),
        }
    }
}

impl Report {
    /// Training items of a class on average; none where the label is a number.
    pub(super) fn items_per_class(&self) -> Option<usize> {
        (!self.about.classes.is_empty()).then(|| self.about.train / self.about.classes.len())
    }

    /// What the two sides are called that a decision compares: the network before and after its body was thawed, or before and after a
    /// run that goes on from an earlier one.
    pub(super) fn sides(&self) -> [&'static str; 2] {
        match self.has_new_group() {
            true => ["head only", "thawed"],
            false => ["before this run", "after this run"],
        }
    }

    /// Weights between the two sides, in words.
    fn on_the_way(&self, candidate: &Candidate) -> String {
        format!("{} of the way to {}", numbers::fraction(candidate.position), self.sides()[1])
    }

    /// How the choice was made, where candidates were expected to gain something.
    fn weighed(&self) -> Option<String> {
        let decision = self.decision.as_ref()?;
        let ([before, after], items) = (self.sides(), &self.about.items);
        let unit = if is_error(&decision.metric_name) { "%" } else { "points" };
        let gain = |name: &str, candidate: &Candidate| {
            let ExpectedGain { value, usual } = candidate.expected?;
            Some(format!("{name} {:+.1} {unit} (usual {:+.1})", 100.0 * value, 100.0 * usual))
        };
        let between = decision.between.as_ref().and_then(|one| gain(&self.on_the_way(one), one));
        let thawed = decision.thawed.as_ref().and_then(|one| gain(after, one));
        let gains: Vec<String> = between.into_iter().chain(thawed).collect();
        let usual = match self.has_new_group() {
            true => format!("what thawing usually gains with this many {items}"),
            false => "that a small difference may be chance".to_owned(),
        };
        (!gains.is_empty()).then(|| {
            format!(
                "The weights are kept that are expected to be best on new {items}. The expected gain over {before}: {}. It combines what was measured here (right answers, and the probabilities given to them) with {usual}. The difference is measured item by item, so its range (±, 95 %) is narrower than those of the results.",
                gains.join(", ")
            )
        })
    }

    fn has_new_group(&self) -> bool {
        self.plan.groups.iter().any(|group| group.new)
    }

    /// Whether the whole range of the result is better than always the same answer; none where nothing is known about that.
    pub(super) fn beats_always_the_same(&self) -> Option<bool> {
        let validation = self.validation.as_ref()?;
        let (metric, value) = self.result()?;
        let &baseline = validation.baseline.get(metric)?;
        let interval = validation.intervals.get(metric);
        let [low, high] = interval.map_or([value; 2], |interval| [interval.low, interval.high]);
        Some(if is_error(metric) { high < baseline } else { low > baseline })
    }

    /// What is worth trying next, as far as the numbers tell.
    fn next_steps(&self) -> Vec<String> {
        let Some(validation) = &self.validation else { return vec![] };
        let items = &self.about.items;
        let mut steps = vec![];
        let problems = self.about.problems.iter().flatten().filter(|problems| problems.is_error);
        let errors: usize = problems.map(|problems| problems.count).sum();
        if errors > 0 {
            steps.push(format!(
                "Look at the errors that the check of the data found ({errors}): they are listed below."
            ));
        }
        if self.beats_always_the_same() == Some(false) {
            steps.push(format!(
                "The result is not clearly better than always {}. Check the labels, and whether the {items} show what the labels say.",
                validation.always
            ));
        }
        steps.extend(self.about_thawing());
        if let Some(&(actual, predicted, count)) = validation.confused.first()
            && count >= PATTERN
            && let [Some(actual), Some(predicted)] =
                [actual, predicted].map(|class| self.about.classes.get(class))
        {
            steps.push(format!(
                "{actual} is predicted as {predicted} most often ({count} {items}). Some of them may have a wrong label, or the two need more {items}."
            ));
        }
        if validation.items < WIDE {
            steps.push(format!(
                "{} validation {items} leave a wide range: with four times as many it is half as wide.",
                validation.items
            ));
        }
        steps.truncate(STEPS);
        steps
    }

    fn about_thawing(&self) -> Option<String> {
        let decision = self.decision.as_ref()?;
        let items = &self.about.items;
        if decision.thawed.is_none() {
            let per_class = self.items_per_class()?;
            return Some(match per_class {
                ..FEW => format!(
                    "The body stayed frozen. With {per_class} {items} per class that is usually best; more {items} help most."
                ),
                FEW..=MANY => format!(
                    "The body stayed frozen. With {per_class} {items} per class thawing may pay: try it."
                ),
                _ => format!(
                    "The body stayed frozen. With {per_class} {items} per class thawing usually pays: try it."
                ),
            });
        }
        match decision.kept {
            Kept::Frozen => {
                Some(format!("Thawing did not help. More {items} will help more than more epochs."))
            }
            _ if self.is_rising() => {
                Some("The last epoch was the best one: more epochs may help.".to_owned())
            }
            _ if self.is_overfitting() => Some(format!(
                "The validation loss rose while the training loss fell: the network overfits. More {items} help, more epochs do not."
            )),
            _ => None,
        }
    }

    /// Whether the last of several epochs of the last phase was the best of the phase.
    fn is_rising(&self) -> bool {
        let epochs = self.spans().last().map_or(0, |span| span.run);
        let [earlier @ .., last] = &self.epochs[self.epochs.len() - epochs..] else { return false };
        let monitored = self.monitored.as_deref();
        !earlier.is_empty() && earlier.iter().all(|record| last.is_better_than(record, monitored))
    }

    /// Whether validation got worse over the last epochs and training better.
    fn is_overfitting(&self) -> bool {
        let [.., before, _, last] = self.epochs.as_slice() else { return false };
        last.valid_loss > 1.05 * before.valid_loss && last.train_loss < before.train_loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Decision, Gain};
    use crate::metrics::Interval;
    use crate::report::{About, State, ValidationReport};
    use crate::summary::{GroupSummary, PlanSummary};

    fn candidate(metric: f64, seconds: f64, position: f64) -> Candidate {
        let (low, high) = (metric - 0.05, metric + 0.05);
        let metrics = [("accuracy".to_owned(), metric)].into();
        let expected = ExpectedGain { value: 0.07 * position, usual: 0.05 * position };
        Candidate { metrics, metric, low, high, expected: Some(expected), seconds, position }
    }

    /// A run that froze 990 of 1,000 weights, then thawed them.
    fn report(kept: Kept) -> Report {
        let group = |new: bool, params: usize| GroupSummary {
            index: usize::from(new),
            name: String::new(),
            stages: vec![],
            stage_params: vec![],
            new,
            params,
            trainable: new,
            norm: String::new(),
        };
        let plan = PlanSummary {
            total_params: 1000,
            groups: vec![group(false, 990), group(true, 10)],
            ..PlanSummary::default()
        };
        let about = About {
            items: "images".to_owned(),
            classes: vec!["cat".to_owned(), "dog".to_owned()],
            train: 60,
            ..About::default()
        };
        let decision = Decision {
            kept,
            reason: "accuracy: head only 70.0 %, thawed 80.0 %".to_owned(),
            metric_name: "accuracy".to_owned(),
            frozen: Some(candidate(0.7, 2.0, 0.0)),
            thawed: Some(candidate(0.8, 30.0, 1.0)),
            between: Some(candidate(0.78, 30.0, 0.5)),
            gain: Some(Gain { value: 0.1, low: 0.05, high: 0.15 }),
        };
        let validation = ValidationReport {
            items: 400,
            metrics: [("accuracy".to_owned(), 0.8)].into(),
            intervals: [("accuracy".to_owned(), Interval { low: 0.75, high: 0.85 })].into(),
            baseline: [("accuracy".to_owned(), 0.5)].into(),
            always: "cat".to_owned(),
            ..ValidationReport::default()
        };
        Report {
            state: State::Finished { seconds: 40.0 },
            decision: Some(decision),
            validation: Some(validation),
            ..Report::planned(about, plan, &[])
        }
    }

    #[test]
    fn what_competed_stands_beside_always_the_same_answer() {
        let verdict = Verdict::of(&report(Kept::Thawed)).unwrap();
        let rows: Vec<(&str, &str, &str, bool)> = verdict
            .bars
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.value.as_str(), row.took.as_str(), row.kept))
            .collect();
        assert_eq!(
            rows,
            [
                ("always cat", "0.5000", "", false),
                ("head only", "0.7000", "2.0 s", false),
                ("50 % of the way to thawed", "0.7800", "30.0 s", false),
                ("thawed", "0.8000", "30.0 s", true),
            ]
        );
        assert_eq!(verdict.bars.rows[3].bar, [94, 88, 100]);
        let weighed = verdict.weighed.unwrap();
        assert!(
            weighed.contains("over head only: 50 % of the way to thawed +3.5 points (usual +2.5), thawed +7.0 points (usual +5.0)."),
            "{weighed}"
        );
        let undecided = Report { decision: None, ..report(Kept::Only) };
        let rows = Verdict::of(&undecided).unwrap().bars.rows;
        assert!(rows.len() == 1 && rows[0].took == "40.0 s", "no metric was chosen by, so the loss is shown");
    }

    #[test]
    fn advice_follows_from_the_numbers() {
        let next = |report: &Report| report.next_steps().join(" ");
        assert_eq!(next(&report(Kept::Thawed)), "");
        assert!(next(&report(Kept::Frozen)).contains("Thawing did not help"));
        let mut bad = report(Kept::Thawed);
        let validation = bad.validation.as_mut().unwrap();
        validation.baseline.insert("accuracy".to_owned(), 0.76);
        (validation.items, validation.confused) = (40, vec![(0, 1, 9)]);
        let advice = next(&bad);
        for said in [
            "not clearly better than always cat",
            "cat is predicted as dog most often (9 images)",
            "40 validation images",
        ] {
            assert!(advice.contains(said), "{advice}");
        }
        let mut frozen = report(Kept::Only);
        frozen.decision.as_mut().unwrap().thawed = None;
        assert!(next(&frozen).contains("With 30 images per class thawing may pay"), "{}", next(&frozen));
    }

    #[test]
    fn questions_are_answered_with_the_run_s_numbers() {
        let answers = report(Kept::Thawed).answers();
        assert_eq!(answers.len(), 7);
        assert!(
            answers[5].answer.starts_with(
                "accuracy is 0.8000; on other images of the kind it is between 0.7500 and 0.8500"
            )
        );
        assert!(answers[5].answer.contains("Always saying cat has 0.5000, so it has learned something"));
        let mut unclear = report(Kept::Thawed);
        unclear.validation.as_mut().unwrap().baseline.insert("accuracy".to_owned(), 0.76);
        assert!(unclear.answers()[5].answer.contains("0.7600, which is within the range"));
        assert!(answers[1].answer.contains("It has 30 training images per class."));
        let none = Report { validation: None, ..report(Kept::Thawed) };
        assert!(none.answers().is_empty() && Verdict::of(&none).is_none());
    }
}
