//! The training loop.

use std::time::Instant;

use burn::optim::{GradientsAccumulator, GradientsParams};
use rand::Rng as _;

use super::average::Average;
use super::evaluate::rows;
use super::{BatchReport, EpochRecord, Flow, Learner, LearnerError, Mixing, Observer, Position, RolledBack};
use crate::activation::Activation;
use crate::data::{Draws, View};
use crate::layers::with_draws;
use crate::optim::{Adam, StepSettings};
use crate::prefix::Prefix;
use crate::rates::Rates;
use crate::schedule::Schedule;
use crate::stage::Network;
use crate::weights;

/// How often an epoch is tried again at half the rate after its loss was no number.
const RETRIES: u32 = 2;

/// A phase as it runs.
struct Running<'a> {
    name: &'a str,
    epochs: usize,
    /// The highest rate of each group.
    rates: Vec<f64>,
    schedule: &'a Schedule,
    average: Option<Average>,
}

/// An epoch whose loss is no number.
struct Diverged {
    loss: f64,
    position: Position,
}

/// Which of the learner's data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Valid,
}

impl<N: Network> Learner<N> {
    /// Trains for some epochs as the plan stands. An epoch whose loss is no number is taken back and tried
    /// again at half the rates.
    pub(super) fn run_phase(
        &mut self,
        name: &str,
        epochs: usize,
        rates: &Rates,
        schedule: &Schedule,
    ) -> Result<Flow, LearnerError> {
        let rates = rates.for_groups(self.plan.groups().count())?;
        let average = self.options.average.map(|decay| Average::new(decay, &self.plan));
        let mut phase = Running { name, epochs, rates, schedule, average };
        let started = Instant::now();
        self.history.begin_phase();
        self.tell(|observer, learner| {
            observer.phase_started(name, &learner.plan, &phase.rates, epochs);
            Flow::Continue
        });
        let (mut flow, mut epoch, mut factor) = (Flow::Continue, 0, 1.0);
        while epoch < epochs && flow == Flow::Continue {
            let (state, average) = (self.state(), phase.average.clone());
            match self.run_epoch(epoch, &mut phase)? {
                Ok(wanted) => {
                    flow = wanted;
                    epoch += 1;
                }
                Err(Diverged { loss, position }) if factor <= 0.5f64.powi(RETRIES as i32) => {
                    let Position { epoch, batch, .. } = position;
                    return Err(LearnerError::NotFinite { loss, phase: name.to_owned(), epoch, batch });
                }
                Err(Diverged { position, .. }) => {
                    self.go_back(&state);
                    phase.average = average;
                    factor /= 2.0;
                    phase.rates.iter_mut().for_each(|rate| *rate /= 2.0);
                    let event = RolledBack { position, rate_factor: factor };
                    self.tell(|observer, _| {
                        observer.rolled_back(&event);
                        Flow::Continue
                    });
                }
            }
        }
        if let Some(average) = &phase.average {
            self.update_network(|network, _| average.applied(network));
        }
        self.history.end_phase(name, started.elapsed().as_secs_f64());
        self.tell(|observer, _| {
            observer.phase_ended(name);
            Flow::Continue
        });
        Ok(if flow == Flow::EndPhase { Flow::Continue } else { flow })
    }

    /// Trains and evaluates an epoch.
    fn run_epoch(
        &mut self,
        epoch: usize,
        phase: &mut Running<'_>,
    ) -> Result<Result<Flow, Diverged>, LearnerError> {
        let started = Instant::now();
        self.tell(|observer, _| {
            observer.epoch_started(epoch + 1, phase.epochs);
            Flow::Continue
        });
        let (train_loss, flow) = match self.train_epoch(epoch, phase)? {
            Ok(trained) => trained,
            Err(diverged) => return Ok(Err(diverged)),
        };
        let own = phase.average.as_ref().map(|average| {
            let own = weights::collect(self.network());
            self.update_network(|network, _| average.applied(network));
            own
        });
        let evaluation = self.evaluate()?;
        if !evaluation.loss.is_finite() {
            let batches = self.batches_per_epoch();
            let position = Position { epoch: epoch + 1, epochs: phase.epochs, batch: batches, batches };
            return Ok(Err(Diverged { loss: evaluation.loss, position }));
        }
        let record = EpochRecord {
            phase: phase.name.to_owned(),
            epoch: epoch + 1,
            train_loss,
            valid_loss: evaluation.loss,
            metrics: evaluation.metrics,
            seconds: started.elapsed().as_secs_f64(),
        };
        self.cache.publish();
        self.keep_if_best(&record);
        if let Some(own) = own {
            self.load(&own);
        }
        let wanted = self.tell(|observer, _| observer.epoch_ended(&record));
        self.history.push(record);
        Ok(Ok(flow.max(wanted)))
    }

    /// One pass over the training items; returns the mean loss.
    fn train_epoch(
        &mut self,
        epoch: usize,
        phase: &mut Running<'_>,
    ) -> Result<Result<(f64, Flow), Diverged>, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch: self.history.epochs() as u64 };
        let batches = self.steps(draws);
        if batches.is_empty() {
            return Err(LearnerError::NoItems);
        }
        let (mut losses, mut done, mut flow) = (0.0, 0, Flow::Continue);
        for (batch, items) in batches.iter().enumerate() {
            let position = (epoch * batches.len() + batch) as f64 / (phase.epochs * batches.len()) as f64;
            let setting = phase.schedule.at(position);
            let mut settings = StepSettings {
                rates: phase.rates.iter().map(|rate| rate * setting.rate_factor).collect(),
                momentum: setting.momentum,
            };
            let position =
                Position { epoch: epoch + 1, epochs: phase.epochs, batch: batch + 1, batches: batches.len() };
            self.tell(|observer, _| {
                observer.batch_started(&position, &mut settings);
                Flow::Continue
            });
            let loss = self.train_batch(items, draws, batch, &settings)?;
            if !loss.is_finite() {
                return Ok(Err(Diverged { loss, position }));
            }
            if let Some(average) = &mut phase.average {
                average.follow(self.network());
            }
            losses += loss;
            done += 1;
            flow = self.tell(|observer, _| observer.batch_ended(&BatchReport { position, loss }));
            if flow != Flow::Continue {
                break;
            }
        }
        Ok(Ok((losses / f64::from(done), flow)))
    }

    /// Forward and backward, in parts if gradients are accumulated, then a step; returns the loss. A loss
    /// that is no number takes no step.
    pub(super) fn train_batch(
        &mut self,
        items: &[usize],
        draws: Draws,
        batch: usize,
        settings: &StepSettings,
    ) -> Result<f64, LearnerError> {
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        let mut gradients = GradientsAccumulator::new();
        let mut loss = 0.0;
        for (part, some) in items.chunks(self.options.batch_size.max(1)).enumerate() {
            let place = batch * self.options.accumulate.max(1) + part;
            let boundary = self.boundary(Part::Train, some, Some(draws))?;
            let mixing = if stages.start == 0 { self.options.mixing } else { Mixing::None };
            let mixed = mixing.mix(&boundary, &mut draws.for_mixing(place));
            let boundary = mixed.as_ref().map_or(boundary, |mixed| mixed.inputs.clone()).on_autodiff();
            // Layers of other makers draw from the device.
            self.device.seed(draws.for_layers(place).next_u64());
            let forward = || self.network().forward(boundary, stages.clone());
            let scores = with_draws(draws.for_layers(place), forward).single::<2>();
            let targets = rows(&*self.train, some, &scores);
            let targets = mixed.map_or(targets.clone(), |mixed| mixed.targets(targets));
            // Parts weigh by their items, so that the sum is the mean over all of them.
            let share = some.len() as f64 / items.len() as f64;
            let part = self.options.loss.forward(scores, targets) * share;
            let value = f64::from(part.clone().into_scalar::<f32>());
            loss += value;
            if !loss.is_finite() {
                return Ok(loss);
            }
            let found = GradientsParams::from_grads(part.backward(), self.network());
            gradients.accumulate(self.network(), found);
        }
        let plan = self.plan.clone();
        self.change_suffix(|network, optimizer| optimizer.step(network, gradients.grads(), &plan, settings));
        Ok(loss)
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
        let stages = self.plan.constant_stages();
        let draws = draws.map(|draws| if stages > 0 { draws.among(self.options.views) } else { draws });
        let view = draws.map_or(View::Plain, View::Augmented);
        let data = match part {
            Part::Train => &*self.train,
            Part::Valid => &*self.valid,
        };
        let network = self.network.as_ref().expect("an optimizer step always gives the network back");
        let prefix = self.prefix.get_or_insert_with(|| Prefix::of(network, stages));
        Ok(prefix.boundary(network, data, (items, view), &self.device, &mut self.cache)?)
    }

    /// Replaces the network by what `change` makes of it, which may take its tensors apart in place.
    pub(super) fn update_network(&mut self, change: impl FnOnce(N, &mut Adam) -> N) {
        self.prefix = None;
        self.change_suffix(change);
    }

    /// The same where `change` moves nothing but what the plan trains: the prefix stays what it is.
    fn change_suffix(&mut self, change: impl FnOnce(N, &mut Adam) -> N) {
        self.network = self.network.take().map(|network| change(network, &mut self.optimizer));
    }

    /// Tells all observers; returns what the one wants who wants to stop most.
    pub(super) fn tell(&mut self, mut event: impl FnMut(&mut dyn Observer, &Self) -> Flow) -> Flow {
        let mut observers = std::mem::take(&mut self.observers);
        let wanted = observers.iter_mut().map(|observer| event(observer.as_mut(), self)).max();
        self.observers = observers;
        wanted.unwrap_or_default()
    }
}
