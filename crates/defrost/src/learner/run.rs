//! The training loop.

use burn::optim::{GradientsAccumulator, GradientsParams};
use rand::Rng as _;

use super::average::Average;
use super::checkpoint::{CheckpointTrigger, Progress};
use super::evaluate::rows;
use super::features::Part;
use super::head::HeadSolver;
use super::phase::{Running, Start};
use super::state::State;
use super::{
    BatchReport, EarlyStopping, EpochRecord, Flow, Learner, LearnerError, Mixing, Observer, Position,
    Resumed, RolledBack,
};
use crate::data::{Draws, Variant};
use crate::layers::with_draws;
use crate::metrics::Reliability;
use crate::optim::{StepOptions, Stepper};
use crate::platform::Instant;
use crate::recipe::{Method, ResolvedPhase};
use crate::stage::Network;
use crate::weights;

/// How often an epoch is tried again at half the rate after its loss was NaN.
const RETRIES: u32 = 2;
/// This many training items tell the loss that a network begins with.
pub(super) const MEASURED: usize = 256;

/// An epoch whose loss is NaN.
struct Diverged {
    loss: f64,
    position: Position,
}

impl<N: Network> Learner<N> {
    /// Trains a phase, which the network is frozen for.
    pub(super) fn run_phase(&mut self, phase: &ResolvedPhase, start: Start) -> Result<Flow, LearnerError> {
        let mut running = self.begin_phase(phase, start);
        self.pause(&running, CheckpointTrigger::Now)?;
        self.finish_phase(&mut running)
    }

    /// Begins a phase, which the network is frozen for, or goes on with it.
    pub(super) fn begin_phase(
        &mut self,
        phase: &ResolvedPhase,
        Start { progress, now, began }: Start,
    ) -> Running {
        self.reliability = Reliability::default();
        let (name, epochs) = (&phase.name, phase.epochs);
        let mut phase = phase.clone();
        phase.rates.iter_mut().for_each(|rate| *rate *= progress.rate_factor);
        let average = self.average_decay(&phase).map(|decay| Average::new(decay, &self.plan));
        let (started, epoch_started) = (Instant::now(), Instant::now());
        let mut phase = Running { phase, average, progress, began, started, epoch_started };
        if now.is_none() {
            self.history.begin_phase();
        }
        tracing::info!(phase = name, epochs, epoch = progress.epoch, rates = ?phase.phase.rates, "phase begins");
        self.tell(|observer, _| {
            observer.phase_started(&phase.phase);
            Flow::Continue
        });
        if let Some(now) = now {
            self.take_up(&mut phase, now);
        }
        phase
    }

    /// Trains the rest of a phase. An epoch whose loss is NaN is taken back and tried again at half the rates. After an
    /// interruption this goes on where it was.
    pub(super) fn finish_phase(&mut self, phase: &mut Running) -> Result<Flow, LearnerError> {
        let (name, epochs) = (phase.phase.name.clone(), phase.phase.epochs);
        while phase.progress.epoch < epochs && phase.progress.flow == Flow::Continue {
            let began = phase.began.take().unwrap_or_else(|| self.state(phase.average.as_ref()));
            phase.began = Some(began);
            match self.run_epoch(phase)? {
                Ok(flow) => {
                    tracing::debug!(phase = name, epoch = phase.progress.epoch, "epoch ended");
                    phase.progress = phase.progress.after_epoch(flow);
                    phase.began = None;
                    let ends = phase.progress.epoch == epochs || flow != Flow::Continue;
                    self.pause(phase, if ends { CheckpointTrigger::Now } else { CheckpointTrigger::Epoch })?;
                }
                Err(diverged) => self.take_back(phase, &diverged)?,
            }
        }
        if let Some(average) = &phase.average {
            self.update_network(|network, _| average.applied(network));
        }
        // An estimate is one of a whole phase.
        if phase.progress.flow == Flow::Continue {
            self.history.end_phase(&name, phase.seconds());
        }
        self.tell(|observer, _| {
            observer.phase_ended(&name);
            Flow::Continue
        });
        Ok(if phase.progress.flow == Flow::EndPhase { Flow::Continue } else { phase.progress.flow })
    }

    /// Goes on from a state of this phase.
    fn take_up(&mut self, phase: &mut Running, now: State) {
        self.go_back(&now);
        phase.average = now.average;
        let position = phase.position(self.batches_per_epoch());
        let records = self.history.records().to_vec();
        let (earlier, epochs) = records.split_at(records.len().saturating_sub(phase.progress.epoch));
        self.tell(|observer, _| {
            observer.resumed(&Resumed { position, earlier, epochs });
            Flow::Continue
        });
    }

    /// Goes back to where the epoch began, at half the rates, unless that has been tried often enough.
    fn take_back(&mut self, phase: &mut Running, diverged: &Diverged) -> Result<(), LearnerError> {
        let &Diverged { loss, position } = diverged;
        if phase.progress.rate_factor <= 0.5f64.powi(RETRIES as i32) {
            let Position { epoch, batch, .. } = position;
            return Err(LearnerError::NotFinite { loss, phase: phase.phase.name.clone(), epoch, batch });
        }
        if let Some(began) = &phase.began {
            self.go_back(began);
            phase.average = began.average.clone();
        }
        phase.progress = phase.progress.at_start_of_epoch();
        self.history.forget_losses();
        phase.progress.rate_factor /= 2.0;
        phase.phase.rates.iter_mut().for_each(|rate| *rate /= 2.0);
        tracing::warn!(phase = phase.phase.name, %loss, "the loss is not finite; the epoch restarts at half the rates");
        let event = RolledBack { position, rate_factor: phase.progress.rate_factor };
        self.tell(|observer, _| {
            observer.rolled_back(&event);
            Flow::Continue
        });
        Ok(())
    }

    /// Trains and evaluates an epoch, or the rest of one.
    fn run_epoch(&mut self, phase: &mut Running) -> Result<Result<Flow, Diverged>, LearnerError> {
        phase.epoch_started = Instant::now();
        let epoch = phase.progress.epoch + 1;
        self.tell(|observer, _| {
            observer.epoch_started(epoch, phase.phase.epochs);
            Flow::Continue
        });
        let trained = match phase.phase.method {
            Method::Steps => self.train_epoch(phase)?,
            Method::SolveHead => self.solve_epoch(phase)?,
            Method::Measure => self.measure_epoch(phase)?,
        };
        let flow = match trained {
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
            let position = Position { epoch, epochs: phase.phase.epochs, batch: batches, batches };
            return Ok(Err(Diverged { loss: evaluation.loss, position }));
        }
        let record = EpochRecord {
            phase: phase.phase.name.clone(),
            epoch,
            train_loss: phase.progress.mean_loss(),
            valid_loss: evaluation.loss,
            metrics: evaluation.metrics.clone(),
            seconds: phase.progress_now().epoch_seconds,
        };
        self.ask(phase, |observer| {
            observer.evaluated(&record, &evaluation);
            Flow::Continue
        });
        self.cache.publish();
        self.reliability.temperature = evaluation.temperature();
        self.keep_if_best(&record, evaluation);
        if let Some(own) = own {
            self.load_tensors(&own);
        }
        let wanted = self.ask(phase, |observer| observer.epoch_ended(&record));
        self.history.push(record);
        let patience = self.patience_left(phase);
        Ok(Ok(flow.max(wanted).max(patience)))
    }

    /// Whether the phase's patience is at its end, as far as the epochs it has had tell.
    fn patience_left(&self, phase: &Running) -> Flow {
        let Some(patience) = phase.phase.patience else { return Flow::Continue };
        let records = self.history.records();
        let epochs = &records[records.len() - (phase.progress.epoch + 1)..];
        EarlyStopping::new(patience.epochs, self.monitored_metric()).after(epochs)
    }

    /// Decay of the average of weights that a phase measures and keeps.
    pub(super) fn average_decay(&self, phase: &ResolvedPhase) -> Option<f64> {
        self.options.average.or(phase.patience.map(|patience| patience.average))
    }

    /// Solves for the head; its loss counts as that of one batch.
    fn solve_epoch(&mut self, phase: &mut Running) -> Result<Result<Flow, Diverged>, LearnerError> {
        let loss = self.solve_head(&HeadSolver::for_items(self.train.len()))?;
        phase.progress = phase.progress.after_batch(loss);
        Ok(Ok(Flow::Continue))
    }

    /// Measures the loss on some of the training items, and trains nothing.
    fn measure_epoch(&mut self, phase: &mut Running) -> Result<Result<Flow, Diverged>, LearnerError> {
        // Interrupted, it begins anew: what it has computed is cached.
        phase.progress = Progress { batch: 0, losses: 0.0, ..phase.progress };
        let step = self.train.len().div_ceil(MEASURED).max(1);
        let items: Vec<usize> = (0..self.train.len()).step_by(step).collect();
        for items in items.chunks(self.options.batch_size.max(1)) {
            self.check_stop()?;
            let features = self.features_before_rest(items, Variant::Original)?;
            let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
            let scores = self.network().valid().forward(features, stages).single::<2>();
            let targets = rows(&*self.train, items, &scores);
            let loss = f64::from(self.loss.forward(scores, targets).into_scalar::<f32>());
            phase.progress = phase.progress.after_batch(loss);
        }
        Ok(Ok(Flow::Continue))
    }

    /// One pass over the training items, or the rest of one.
    fn train_epoch(&mut self, phase: &mut Running) -> Result<Result<Flow, Diverged>, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch: self.history.epochs() as u64 };
        let batches = self.steps(draws);
        if batches.is_empty() {
            return Err(LearnerError::NoItems);
        }
        for (batch, items) in batches.iter().enumerate().skip(phase.progress.batch) {
            let done = phase.progress.epoch * batches.len() + batch;
            let mut settings = phase.phase.step(done, phase.phase.epochs * batches.len());
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
            phase.progress = phase.progress.after_batch(loss);
            self.history.push_loss(&position, loss);
            let flow = self.ask(phase, |observer| observer.batch_ended(&BatchReport { position, loss }));
            if flow != Flow::Continue {
                return Ok(Ok(flow));
            }
            self.pause(phase, CheckpointTrigger::Batch)?;
        }
        if phase.progress.epoch + 1 < phase.phase.epochs {
            self.cache_left_out(&batches, draws)?;
        }
        Ok(Ok(Flow::Continue))
    }

    /// Forward and backward, in parts if gradients are accumulated, then a step; returns the loss. A loss
    /// that is NaN takes no step.
    pub(super) fn train_batch(
        &mut self,
        items: &[usize],
        draws: Draws,
        batch: usize,
        settings: &StepOptions,
    ) -> Result<f64, LearnerError> {
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        let mut gradients = GradientsAccumulator::new();
        let mut loss = 0.0;
        for (part, some) in items.chunks(self.options.batch_size.max(1)).enumerate() {
            let progress = batch * self.options.accumulate.max(1) + part;
            let features = self.features(Part::Train, some, Some(draws))?;
            let mixing = if stages.start == 0 { self.options.mixing } else { Mixing::None };
            let mixed = mixing.mix(&features, &mut draws.for_mixing(progress));
            let features = mixed.as_ref().map_or(features, |mixed| mixed.inputs.clone()).on_autodiff();
            // Layers of other makers draw from the device.
            self.device.seed(draws.for_layers(progress).next_u64());
            let forward = || self.network().forward(features, stages.clone());
            let scores = with_draws(draws.for_layers(progress), forward).single::<2>();
            let targets = rows(&*self.train, some, &scores);
            let targets = mixed.map_or(targets.clone(), |mixed| mixed.targets(targets));
            // Parts weigh by their items, so that the sum is the mean over all of them.
            let fraction = some.len() as f64 / items.len() as f64;
            let part = self.loss.forward(scores, targets) * fraction;
            let value = f64::from(part.clone().into_scalar::<f32>());
            loss += value;
            if !loss.is_finite() {
                return Ok(loss);
            }
            let found = GradientsParams::from_grads(part.backward(), self.network());
            gradients.accumulate(self.network(), found);
        }
        let plan = self.plan.clone();
        self.change_suffix(|network, stepper| stepper.step(network, gradients.grads(), &plan, settings));
        Ok(loss)
    }

    /// Replaces the network by the result of `change`, which may take its tensors apart in progress.
    pub(super) fn update_network(&mut self, change: impl FnOnce(N, &mut Stepper) -> N) {
        self.prefix = None;
        self.change_suffix(change);
    }

    /// The same where `change` moves nothing but what the plan trains: the prefix stays what it is.
    fn change_suffix(&mut self, change: impl FnOnce(N, &mut Stepper) -> N) {
        self.network = self.network.take().map(|network| change(network, &mut self.stepper));
    }

    /// Asks all observers how the phase goes on; the time they take for it is none of training.
    fn ask(&mut self, phase: &mut Running, mut event: impl FnMut(&mut dyn Observer) -> Flow) -> Flow {
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
