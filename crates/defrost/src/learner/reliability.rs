//! Measurements after training that say how far each prediction can be trusted: the temperature of probabilities, and
//! familiarity.

use super::features::Part;
use super::{Learner, LearnerError};
use crate::data::{TargetKind, plain_batches};
use crate::metrics::{Baseline, Familiarity, Features, HELD_OUT, Reliability, features};
use crate::stage::Network;

impl<N: Network> Learner<N> {
    /// Measures how the network's answers are to be taken, for [predictions](Self::predict_batch) from now on: on the
    /// validation items, and on a sample of the training items, as they are without augmentation. [`save`](Self::save) does
    /// so; training makes void what was measured. Before any training there is nothing to measure.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn calibrate(&mut self) -> Result<&Reliability, LearnerError> {
        if self.history.epochs() == 0 {
            return Ok(&self.reliability);
        }
        let temperature = match self.loss.kind() {
            TargetKind::Class => self.best_evaluation()?.temperature(),
            _ => Default::default(),
        };
        let familiarity = self.familiarity()?;
        self.reliability = Reliability { temperature, familiarity };
        Ok(&self.reliability)
    }

    /// How the network's answers are made now.
    pub fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// The same answer to every item that suits the training items best; none without training items.
    pub fn baseline(&self) -> Option<Baseline> {
        Baseline::of(&*self.train, self.outputs)
    }

    /// Takes the temperature from what the best epoch was measured by, if that is known.
    pub(super) fn calibrate_to_best(&mut self) {
        let best = self.bests.best(self.monitored_metric());
        let evaluation = best.and_then(|best| best.evaluation.as_ref());
        let temperature = evaluation.map(|evaluation| evaluation.temperature()).unwrap_or_default();
        self.reliability = Reliability { temperature, familiarity: None };
    }

    fn familiarity(&mut self) -> Result<Option<Familiarity>, LearnerError> {
        let held_out = self.sample_features(Part::Valid, HELD_OUT)?;
        let Some(held_out) = held_out.filter(|found| !found.numbers.is_empty()) else { return Ok(None) };
        let references = self.sample_features(Part::Train, Familiarity::most_references(held_out.width))?;
        Ok(references.and_then(|references| Familiarity::of(&references, &held_out)))
    }

    /// The input of the last stage for at most this many items, spread evenly over the data; none where that is no row of
    /// numbers.
    fn sample_features(&mut self, part: Part, most: usize) -> Result<Option<Features>, LearnerError> {
        let (last, constant) = (self.plan.groups().stages().len() - 1, self.plan.constant_stages());
        let network = self.network().valid();
        let all = match part {
            Part::Train => self.train.len(),
            Part::Valid => self.valid.len(),
        };
        let count = all.min(most);
        let mut found = Features::default();
        for places in plain_batches(count, self.options.batch_size) {
            let items: Vec<usize> = places.iter().map(|place| place * all / count).collect();
            let Some(stages) = (constant <= last && last > 0).then_some(constant..last) else {
                return Ok(None);
            };
            let batch = network.forward(self.features(part, &items, None)?, stages);
            let Some(rows) = features(&batch) else { return Ok(None) };
            found.width = rows.width;
            found.numbers.extend(rows.numbers);
        }
        Ok(Some(found))
    }
}
