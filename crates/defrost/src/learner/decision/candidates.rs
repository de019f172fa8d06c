//! The weights that compete, measured, and the choice among them.

use burn::tensor::TensorData;

use super::criterion::Criterion;
use super::rule::Prior;
use super::{Candidate, Decision, ExpectedGain, Kept};
use crate::data::classes;
use crate::learner::best::Best;
use crate::learner::{EpochRecord, Evaluation, Learner, LearnerError};
use crate::metrics::Interval;
use crate::recipe::{Method, ResolvedPhase};
use crate::stage::Network;
use crate::weights::Tensors;

/// Where on the line between the frozen head, 0, and the thawed network, 1, weights are tried.
const BETWEEN: [f64; 3] = [0.25, 0.5, 0.75];

/// Weights that compete, without the weights: they follow from the position.
struct Entry {
    /// Between the frozen head, 0, and the thawed network, 1.
    position: f64,
    /// What was measured, as of an epoch.
    record: EpochRecord,
    evaluation: Evaluation,
    /// See [`Candidate::expected`].
    expected: Option<ExpectedGain>,
}

impl<N: Network> Learner<N> {
    /// Which weights the last run ended with, and why; none before one has ended.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// Decides which weights a run of these phases ends with.
    ///
    /// # Errors
    ///
    /// If a validation item can't be read.
    pub(in crate::learner) fn decide(&mut self, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
        let is_compared = phases.iter().any(|phase| phase.compared);
        let ends = [self.bests.frozen.as_ref().map(|_| 0.0), self.bests.thawed.as_ref().map(|_| 1.0)];
        let mut positions: Vec<f64> = ends.into_iter().flatten().collect();
        if is_compared && positions.len() == 2 {
            positions.splice(1..1, BETWEEN);
        }
        let mut entries = vec![];
        for position in positions {
            entries.extend(self.entry(position)?);
        }
        if is_compared {
            self.expect(&mut entries, goes_on(phases));
        }
        let Some(kept) = self.choice(&entries) else { return Ok(()) };
        self.decision = Some(self.decision_for(&entries, kept, phases));
        let Entry { position, record, evaluation, .. } = entries.swap_remove(kept);
        if let Some((epoch, tensors)) = self.weights_at(position) {
            self.bests.kept = Some(Best { record, epoch, tensors, evaluation: Some(evaluation) });
        }
        Ok(())
    }

    /// The weights at a position, measured, unless that has been done; none if there are none.
    fn entry(&mut self, position: f64) -> Result<Option<Entry>, LearnerError> {
        let is_between = position > 0.0 && position < 1.0;
        let end = if position == 0.0 { &self.bests.frozen } else { &self.bests.thawed };
        let Some(Best { record, evaluation, .. }) = end else { return Ok(None) };
        let (mut record, measured) = (record.clone(), evaluation.clone().filter(|_| !is_between));
        let evaluation = match (measured, self.weights_at(position)) {
            (Some(evaluation), _) => evaluation,
            (None, None) => return Ok(None),
            (None, Some((_, tensors))) => {
                self.load_tensors(&tensors);
                self.evaluate()?
            }
        };
        if is_between {
            record.phase = "between".to_owned();
        }
        (record.valid_loss, record.metrics) = (evaluation.loss, evaluation.metrics.clone());
        Ok(Some(Entry { position, record, evaluation, expected: None }))
    }

    /// The weights at a position, and the epoch they are of or end at.
    fn weights_at(&self, position: f64) -> Option<(usize, Tensors)> {
        let (frozen, thawed) = (self.bests.frozen.as_ref(), self.bests.thawed.as_ref());
        match (frozen, thawed) {
            (Some(frozen), _) if position == 0.0 => Some((frozen.epoch, frozen.tensors.clone())),
            (_, Some(thawed)) if position == 1.0 => Some((thawed.epoch, thawed.tensors.clone())),
            (Some(frozen), Some(thawed)) => Some((thawed.epoch, between(frozen, thawed, position))),
            _ => None,
        }
    }

    /// What each of these is expected to gain over the first.
    fn expect(&self, entries: &mut [Entry], goes_on: bool) {
        let (criterion, items) = (self.criterion(), self.items_per_class());
        let Some((first, rest)) = entries.split_first_mut() else { return };
        first.expected = Some(ExpectedGain { value: 0.0, usual: 0.0 });
        for entry in rest {
            let (_, measured) = criterion.gain(&entry.evaluation, &first.evaluation);
            let prior = if goes_on { Prior::OF_START } else { Prior::of(entry.position, items) };
            entry.expected = Some(ExpectedGain { value: measured.expected(prior), usual: prior.mean });
        }
    }

    /// Which of these is kept, by its place: the one that is expected to gain most, or else the best epoch.
    fn choice(&self, entries: &[Entry]) -> Option<usize> {
        let monitored = self.monitored_metric();
        let is_better = |entry: &Entry, than: &Entry| match (entry.expected, than.expected) {
            (Some(gain), Some(best)) => gain.value > best.value,
            _ => entry.record.is_better_than(&than.record, monitored),
        };
        let better = |best: usize, place: usize| match is_better(&entries[place], &entries[best]) {
            true => place,
            false => best,
        };
        (0..entries.len()).reduce(better)
    }

    pub(in crate::learner) fn criterion(&self) -> Criterion {
        Criterion::new(self.monitored_metric(), &self.options.metrics, self.loss.kind(), self.options.seed)
    }

    /// The choice as people read it.
    fn decision_for(&self, entries: &[Entry], kept: usize, phases: &[ResolvedPhase]) -> Decision {
        let criterion = self.criterion();
        let seconds = |with_thawed: bool| {
            let counts = |record: &&EpochRecord| {
                let phase = phases.iter().find(|phase| phase.name == record.phase);
                with_thawed || phase.is_some_and(|phase| phase.plan.trains_head_alone())
            };
            self.history.records().iter().filter(counts).map(|record| record.seconds).sum()
        };
        let candidate = |entry: &Entry| {
            let (metric, Interval { low, high }) = criterion.value(&entry.evaluation);
            let (metrics, position) = (entry.evaluation.metrics.clone(), entry.position);
            let (seconds, expected) = (seconds(position > 0.0), entry.expected);
            Candidate { metrics, metric, low, high, expected, seconds, position }
        };
        let at = |position: f64| entries.iter().find(|entry| entry.position == position);
        let (frozen, thawed) = (at(0.0), at(1.0));
        let inner = |entry: &&Entry| entry.position > 0.0 && entry.position < 1.0;
        let of_between = match &entries[kept] {
            entry if inner(&entry) => Some(entry),
            _ => entries.iter().filter(inner).max_by(|a, b| criterion.order(&a.evaluation, &b.evaluation)),
        };
        let new =
            [Some(&entries[kept]).filter(|entry| entry.position > 0.0), thawed].into_iter().flatten().next();
        let gain = frozen.zip(new).map(|(old, new)| criterion.gain(&new.evaluation, &old.evaluation).0);
        let (frozen, thawed, between) =
            (frozen.map(candidate), thawed.map(candidate), of_between.map(candidate));
        let kept = match entries[kept].position {
            _ if entries.len() == 1 => Kept::Only,
            0.0 => Kept::Frozen,
            1.0 => Kept::Thawed,
            _ => Kept::Between,
        };
        let metric_name = criterion.name().to_owned();
        let decision = Decision { kept, reason: String::new(), metric_name, frozen, thawed, between, gain };
        Decision { reason: decision.explained(self.valid.len(), goes_on(phases)), ..decision }
    }

    /// Training items of a class on average; items without classes count as of ten.
    pub(in crate::learner) fn items_per_class(&self) -> f64 {
        let groups = match classes(&*self.train) {
            Some(_) => self.outputs,
            None => 10,
        };
        self.train.len() as f64 / groups.max(1) as f64
    }
}

/// Whether a run of these phases goes on from an earlier one.
fn goes_on(phases: &[ResolvedPhase]) -> bool {
    phases.iter().any(|phase| phase.method == Method::Measure)
}

/// Weights on the line between two networks'.
fn between(from: &Best, to: &Best, position: f64) -> Tensors {
    let mix = |(name, a): (&String, &TensorData)| {
        let Some(b) = to.tensors.get(name).filter(|b| *b != a) else { return (name.clone(), a.clone()) };
        let position = position as f32;
        let mixed = a.iter::<f32>().zip(b.iter::<f32>()).map(|(a, b)| a + (b - a) * position).collect();
        (name.clone(), TensorData::new::<f32, _>(mixed, a.shape().clone()))
    };
    from.tensors.iter().map(mix).collect()
}
