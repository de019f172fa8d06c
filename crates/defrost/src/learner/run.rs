//! The training loop.

use std::time::Instant;

use burn::optim::{GradientsAccumulator, GradientsParams};
use rand::Rng as _;

use super::average::Average;
use super::boundary::Part;
use super::checkpoint::{Occasion, Place};
use super::evaluate::rows;
use super::state::State;
use super::{
    BatchReport, EpochRecord, Flow, Learner, LearnerError, Mixing, Observer, Position, Resumed, RolledBack,
};
use crate::data::Draws;
use crate::layers::with_draws;
use crate::optim::{Adam, StepSettings};
use crate::rates::Rates;
use crate::schedule::Schedule;
use crate::stage::Network;
use crate::weights;

/// How often an epoch is tried again at half the rate after its loss was no number.
const RETRIES: u32 = 2;

/// A phase as it runs.
pub(super) struct Running<'a> {
    name: &'a str,
    epochs: usize,
    /// The highest rate of each group.
    rates: Vec<f64>,
    schedule: &'a Schedule,
    pub(super) average: Option<Average>,
    /// Where it is; its seconds are those of earlier sessions.
    place: Place,
    /// What the epoch would be taken back to, while there is one.
    pub(super) began: Option<State>,
    started: Instant,
    epoch_started: Instant,
}

impl Running<'_> {
    /// Where it is, with the seconds up to now.
    pub(super) fn place_now(&self) -> Place {
        let epoch_seconds = match self.began {
            Some(_) => self.place.epoch_seconds + self.epoch_started.elapsed().as_secs_f64(),
            None => 0.0,
        };
        Place { phase_seconds: self.seconds(), epoch_seconds, ..self.place }
    }

    /// What it has taken.
    fn seconds(&self) -> f64 {
        self.place.phase_seconds + self.started.elapsed().as_secs_f64()
    }

    /// The place as observers count.
    fn position(&self, batches: usize) -> Position {
        let Place { epoch, batch, .. } = self.place;
        Position { epoch: epoch + 1, epochs: self.epochs, batch, batches }
    }
}

/// Where a phase starts.
pub(super) struct Start {
    pub(super) place: Place,
    /// For a run that goes on, what training had moved there, and as the epoch began.
    pub(super) now: Option<State>,
    pub(super) began: Option<State>,
}

impl Start {
    /// From its beginning.
    pub(super) fn of_phase(phase: usize) -> Self {
        Self { place: Place::at_start_of(phase), now: None, began: None }
    }
}

/// An epoch whose loss is no number.
struct Diverged {
    loss: f64,
    position: Position,
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
        Start { place, now, began }: Start,
    ) -> Result<Flow, LearnerError> {
        let mut rates = rates.for_groups(self.plan.groups().count())?;
        rates.iter_mut().for_each(|rate| *rate *= place.rate_factor);
        let average = self.options.average.map(|decay| Average::new(decay, &self.plan));
        let (started, epoch_started) = (Instant::now(), Instant::now());
        let mut phase =
            Running { name, epochs, rates, schedule, average, place, began, started, epoch_started };
        if now.is_none() {
            self.history.begin_phase();
        }
        self.tell(|observer, learner| {
            observer.phase_started(name, &learner.plan, &phase.rates, epochs);
            Flow::Continue
        });
        match now {
            Some(now) => self.go_on(&mut phase, now),
            None if place.phase == 0 => self.pause(&phase, Occasion::Now)?,
            None => {}
        }
        while phase.place.epoch < epochs && phase.place.flow == Flow::Continue {
            let began = phase.began.take().unwrap_or_else(|| self.state(phase.average.as_ref()));
            phase.began = Some(began);
            match self.run_epoch(&mut phase)? {
                Ok(flow) => {
                    phase.place = phase.place.after_epoch(flow);
                    phase.began = None;
                    let ends = phase.place.epoch == epochs || flow != Flow::Continue;
                    self.pause(&phase, if ends { Occasion::Now } else { Occasion::Epoch })?;
                }
                Err(diverged) => self.take_back(&mut phase, &diverged)?,
            }
        }
        if let Some(average) = &phase.average {
            self.update_network(|network, _| average.applied(network));
        }
        // A quote is one of a whole phase.
        if phase.place.flow == Flow::Continue {
            self.history.end_phase(name, phase.seconds());
        }
        self.tell(|observer, _| {
            observer.phase_ended(name);
            Flow::Continue
        });
        Ok(if phase.place.flow == Flow::EndPhase { Flow::Continue } else { phase.place.flow })
    }

    /// Goes on from a state of this phase.
    fn go_on(&mut self, phase: &mut Running<'_>, now: State) {
        self.go_back(&now);
        phase.average = now.average;
        let position = phase.position(self.batches_per_epoch());
        let records = self.history.records().to_vec();
        let (earlier, epochs) = records.split_at(records.len().saturating_sub(phase.place.epoch));
        self.tell(|observer, _| {
            observer.resumed(&Resumed { position, earlier, epochs });
            Flow::Continue
        });
    }

    /// Goes back to where the epoch began, at half the rates, unless that has been tried often enough.
    fn take_back(&mut self, phase: &mut Running<'_>, diverged: &Diverged) -> Result<(), LearnerError> {
        let &Diverged { loss, position } = diverged;
        if phase.place.rate_factor <= 0.5f64.powi(RETRIES as i32) {
            let Position { epoch, batch, .. } = position;
            return Err(LearnerError::NotFinite { loss, phase: phase.name.to_owned(), epoch, batch });
        }
        if let Some(began) = &phase.began {
            self.go_back(began);
            phase.average = began.average.clone();
        }
        phase.place = phase.place.at_start_of_epoch();
        phase.place.rate_factor /= 2.0;
        phase.rates.iter_mut().for_each(|rate| *rate /= 2.0);
        let event = RolledBack { position, rate_factor: phase.place.rate_factor };
        self.tell(|observer, _| {
            observer.rolled_back(&event);
            Flow::Continue
        });
        Ok(())
    }

    /// Trains and evaluates an epoch, or the rest of one.
    fn run_epoch(&mut self, phase: &mut Running<'_>) -> Result<Result<Flow, Diverged>, LearnerError> {
        phase.epoch_started = Instant::now();
        let epoch = phase.place.epoch + 1;
        self.tell(|observer, _| {
            observer.epoch_started(epoch, phase.epochs);
            Flow::Continue
        });
        let flow = match self.train_epoch(phase)? {
            Ok(flow) => flow,
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
            let position = Position { epoch, epochs: phase.epochs, batch: batches, batches };
            return Ok(Err(Diverged { loss: evaluation.loss, position }));
        }
        let record = EpochRecord {
            phase: phase.name.to_owned(),
            epoch,
            train_loss: phase.place.mean_loss(),
            valid_loss: evaluation.loss,
            metrics: evaluation.metrics.clone(),
            seconds: phase.place_now().epoch_seconds,
        };
        self.cache.publish();
        self.keep_if_best(&record, evaluation);
        if let Some(own) = own {
            self.load(&own);
        }
        let wanted = self.ask(phase, |observer| observer.epoch_ended(&record));
        self.history.push(record);
        Ok(Ok(flow.max(wanted)))
    }

    /// One pass over the training items, or the rest of one.
    fn train_epoch(&mut self, phase: &mut Running<'_>) -> Result<Result<Flow, Diverged>, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch: self.history.epochs() as u64 };
        let batches = self.steps(draws);
        if batches.is_empty() {
            return Err(LearnerError::NoItems);
        }
        for (batch, items) in batches.iter().enumerate().skip(phase.place.batch) {
            let done = phase.place.epoch * batches.len() + batch;
            let setting = phase.schedule.at(done as f64 / (phase.epochs * batches.len()) as f64);
            let mut settings = StepSettings {
                rates: phase.rates.iter().map(|rate| rate * setting.rate_factor).collect(),
                momentum: setting.momentum,
            };
            let position = Position { batch: batch + 1, ..phase.position(batches.len()) };
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
            phase.place = phase.place.after_batch(loss);
            let flow = self.ask(phase, |observer| observer.batch_ended(&BatchReport { position, loss }));
            if flow != Flow::Continue {
                return Ok(Ok(flow));
            }
            self.pause(phase, Occasion::Batch)?;
        }
        if phase.place.epoch + 1 < phase.epochs {
            self.keep_left_out(&batches, draws)?;
        }
        Ok(Ok(Flow::Continue))
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

    /// Replaces the network by what `change` makes of it, which may take its tensors apart in place.
    pub(super) fn update_network(&mut self, change: impl FnOnce(N, &mut Adam) -> N) {
        self.prefix = None;
        self.change_suffix(change);
    }

    /// The same where `change` moves nothing but what the plan trains: the prefix stays what it is.
    fn change_suffix(&mut self, change: impl FnOnce(N, &mut Adam) -> N) {
        self.network = self.network.take().map(|network| change(network, &mut self.optimizer));
    }

    /// Asks all observers how the phase goes on; the time they take for it is none of training.
    fn ask(&mut self, phase: &mut Running<'_>, mut event: impl FnMut(&mut dyn Observer) -> Flow) -> Flow {
        let asked = Instant::now();
        let wanted = self.tell(|observer, _| event(observer));
        let taken = asked.elapsed();
        phase.started += taken;
        phase.epoch_started += taken;
        wanted
    }

    /// Tells all observers; returns what the one wants who wants to stop most.
    pub(super) fn tell(&mut self, mut event: impl FnMut(&mut dyn Observer, &Self) -> Flow) -> Flow {
        let mut observers = std::mem::take(&mut self.observers);
        let wanted = observers.iter_mut().map(|observer| event(observer.as_mut(), self)).max();
        self.observers = observers;
        wanted.unwrap_or_default()
    }
}
