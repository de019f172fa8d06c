//! The training loop.

use std::time::Instant;

use burn::optim::GradientsParams;
use rand::Rng as _;

use super::evaluate::rows;
use super::{BatchReport, EpochRecord, Learner, LearnerError, Observer};
use crate::activation::Activation;
use crate::data::{Draws, View, epoch_batches};
use crate::layers::with_draws;
use crate::optim::{Adam, StepSettings};
use crate::prefix::{self, Part, RowKey};
use crate::rates::Rates;
use crate::schedule::Schedule;
use crate::stage::Network;

impl<N: Network> Learner<N> {
    /// Trains for some epochs as the plan stands.
    pub(super) fn run_phase(
        &mut self,
        name: &str,
        epochs: usize,
        rates: &Rates,
        schedule: &Schedule,
    ) -> Result<(), LearnerError> {
        let rates = rates.for_groups(self.plan.groups().count())?;
        self.history.begin_phase();
        self.tell(|observer, learner| observer.phase_started(name, &learner.plan, &rates, epochs));
        for epoch in 0..epochs {
            let started = Instant::now();
            let train_loss = self.train_epoch(name, (epoch, epochs), &rates, schedule)?;
            let evaluation = self.evaluate()?;
            let record = EpochRecord {
                phase: name.to_owned(),
                epoch: epoch + 1,
                train_loss,
                valid_loss: evaluation.loss,
                metrics: evaluation.metrics,
                seconds: started.elapsed().as_secs_f64(),
            };
            self.keep_if_best(&record);
            self.tell(|observer, _| observer.epoch_ended(&record));
            self.history.push(record);
        }
        Ok(())
    }

    /// One pass over the training items; returns the mean loss.
    fn train_epoch(
        &mut self,
        phase: &str,
        (epoch, epochs): (usize, usize),
        rates: &[f64],
        schedule: &Schedule,
    ) -> Result<f64, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch: self.history.epochs() as u64 };
        let batches = epoch_batches(self.train.len(), self.options.batch_size, draws);
        if batches.is_empty() {
            return Err(LearnerError::NoItems);
        }
        let mut losses = 0.0;
        for (batch, items) in batches.iter().enumerate() {
            let position = (epoch * batches.len() + batch) as f64 / (epochs * batches.len()) as f64;
            let setting = schedule.at(position);
            let settings = StepSettings {
                rates: rates.iter().map(|rate| rate * setting.rate_factor).collect(),
                momentum: setting.momentum,
            };
            let loss = self.train_batch(items, draws, batch, &settings)?;
            if !loss.is_finite() {
                let phase = phase.to_owned();
                return Err(LearnerError::NotFinite { loss, phase, epoch: epoch + 1, batch: batch + 1 });
            }
            losses += loss;
            let report =
                BatchReport { epoch: epoch + 1, epochs, batch: batch + 1, batches: batches.len(), loss };
            self.tell(|observer, _| observer.batch_ended(&report));
        }
        Ok(losses / batches.len() as f64)
    }

    /// Forward, backward, step; returns the loss.
    fn train_batch(
        &mut self,
        items: &[usize],
        draws: Draws,
        batch: usize,
        settings: &StepSettings,
    ) -> Result<f64, LearnerError> {
        let boundary = self.boundary(Part::Train, items, Some(draws))?.on_autodiff();
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        // Layers of other makers draw from the device.
        self.device.seed(draws.for_layers(batch).next_u64());
        let scores =
            with_draws(draws.for_layers(batch), || self.network().forward(boundary, stages)).single::<2>();
        let targets = rows(&*self.train, items, &scores);
        let loss = self.options.loss.forward(scores, targets);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if value.is_finite() {
            let gradients = GradientsParams::from_grads(loss.backward(), self.network());
            let plan = self.plan.clone();
            self.update_network(|network, optimizer| optimizer.step(network, gradients, &plan, settings));
        }
        Ok(value)
    }

    /// What reaches the first stage that is not constant: from the cache, or else through the prefix.
    ///
    /// While there is a prefix, an item is seen in a limited number of views, which come round again; without
    /// one, every epoch has its own.
    pub(super) fn boundary(
        &mut self,
        part: Part,
        items: &[usize],
        draws: Option<Draws>,
    ) -> Result<Activation, LearnerError> {
        let constant = self.plan.constant_stages() > 0;
        let draws = draws.map(|draws| if constant { draws.among(self.options.views) } else { draws });
        let view = draws.map_or(View::Plain, View::Augmented);
        let data = match part {
            Part::Train => &self.train,
            Part::Valid => &self.valid,
        };
        if !constant {
            return Ok(data.inputs(items, view, &self.device)?);
        }
        let key = |&item: &usize| RowKey { part, item, view: draws.map(|draws| draws.epoch) };
        let keys: Vec<RowKey> = items.iter().map(key).collect();
        if let Some(batch) = self.cache.batch(&keys, &self.device) {
            return Ok(batch);
        }
        let input = data.inputs(items, view, &self.device)?;
        let boundary = prefix::run(self.network(), &self.plan, input);
        self.cache.insert(&keys, boundary.clone());
        Ok(boundary)
    }

    /// Replaces the network by what `change` makes of it, which may take its tensors apart in place.
    pub(super) fn update_network(&mut self, change: impl FnOnce(N, &mut Adam) -> N) {
        self.network = self.network.take().map(|network| change(network, &mut self.optimizer));
    }

    fn tell(&mut self, mut event: impl FnMut(&mut dyn Observer, &Self)) {
        let mut observers = std::mem::take(&mut self.observers);
        for observer in &mut observers {
            event(observer.as_mut(), self);
        }
        self.observers = observers;
    }
}
