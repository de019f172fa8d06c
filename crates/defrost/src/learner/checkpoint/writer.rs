//! Writing checkpoints: when, and which of the files anew.

use std::collections::BTreeMap;
use std::time::Duration;

use burn::tensor::TensorData;

use super::Checkpoints;
use super::identity::Identity;
use super::saved::Saved;
use super::store::{Entry, Files, Manifest, PerKind, Store};
use crate::data::Fingerprint;
use crate::files::FileError;
use crate::learner::best::Best;
use crate::learner::phase::Running;
use crate::learner::state::State;
use crate::learner::{Flow, Learner, LearnerError};
use crate::platform::Instant;
use crate::stage::Network;
use crate::weights::Tensors;

/// How long at least between the checkpoints of short epochs.
const BETWEEN_EPOCHS: Duration = Duration::from_secs(5);
/// How many times as long as writing one takes training goes on without.
const COST: u32 = 50;

/// When a checkpoint may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::learner) enum CheckpointTrigger {
    /// Between two batches.
    Batch,
    /// Between two epochs.
    Epoch,
    /// Now: a run begins, a phase ends.
    Now,
}

/// The checkpoints of a run.
pub(super) struct CheckpointWriter {
    store: Store,
    run: Identity,
    /// Hashes of the tensors as the run began.
    base: BTreeMap<String, Fingerprint>,
    /// The files of the last checkpoint, and which epochs those belong to that outlast it, counted over all
    /// phases from 0.
    files: Option<Files>,
    began: Option<usize>,
    best: PerKind<usize>,
    /// When it was written, and how long that took.
    last: Instant,
    cost: Duration,
}

impl CheckpointWriter {
    /// Those of a run that begins with these tensors.
    pub fn new(store: Store, run: Identity, base: &Tensors) -> Self {
        let base = base.iter().map(|(name, data)| (name.clone(), print(data))).collect();
        let (last, cost) = (Instant::now(), Duration::ZERO);
        let best = PerKind { frozen: None, thawed: None };
        Self { store, run, base, files: None, began: None, best, last, cost }
    }

    /// Goes on after the checkpoint in these files, which is of an epoch and has these best epochs.
    pub fn after(self, files: Files, epoch: usize, best: PerKind<usize>) -> Self {
        let began = files.began.as_ref().map(|_| epoch);
        Self { files: Some(files), began, best, ..self }
    }
}

fn print(data: &TensorData) -> Fingerprint {
    Fingerprint::of(&[data.as_bytes()])
}

impl Checkpoints {
    /// Whether one should be written.
    fn is_due(&self, trigger: CheckpointTrigger) -> bool {
        let Some(CheckpointWriter { files, last, cost, .. }) = &self.writer else { return false };
        let usual = match trigger {
            CheckpointTrigger::Now => return true,
            CheckpointTrigger::Epoch => self.options.every.min(BETWEEN_EPOCHS),
            CheckpointTrigger::Batch => self.options.every,
        };
        let wait = if self.options.every.is_zero() { Duration::ZERO } else { usual.max(*cost * COST) };
        files.is_none() || last.elapsed() >= wait
    }
}

impl<N: Network> Learner<N> {
    /// Writes a checkpoint if it is time to, and stops if that was requested, or rests.
    pub(in crate::learner) fn pause(
        &mut self,
        phase: &Running,
        trigger: CheckpointTrigger,
    ) -> Result<(), LearnerError> {
        let stops = self.is_asked_to_stop();
        let trigger = if stops { CheckpointTrigger::Now } else { trigger };
        if let Some(mut checkpoints) = self.checkpoints.take_if(|checkpoints| checkpoints.is_due(trigger)) {
            if let Some(mut writer) = checkpoints.writer.take() {
                match self.write_checkpoint(phase, &checkpoints.options.note, &mut writer) {
                    Ok(()) => checkpoints.writer = Some(writer),
                    Err(error) => {
                        writer.store.abandon(writer.files.as_ref());
                        self.tell(|observer, _| {
                            observer.checkpoint_failed(&error.to_string());
                            Flow::Continue
                        });
                    }
                }
            }
            self.checkpoints = Some(checkpoints);
        }
        if stops { Err(LearnerError::Interrupted) } else { self.check_rest() }
    }

    fn write_checkpoint(
        &self,
        phase: &Running,
        note: &str,
        writer: &mut CheckpointWriter,
    ) -> Result<(), FileError> {
        let started = Instant::now();
        let CheckpointWriter { store, base: hashes, files: earlier, .. } = writer;
        let is_unmoved = |name: &str, data: &TensorData| hashes.get(name) == Some(&print(data));
        let saved = |state: &State| Saved::state(state, &self.plan, is_unmoved);
        let now = self.state(phase.average.as_ref());
        let base = match earlier {
            Some(files) => files.base.clone(),
            None => store.put("base", Saved::network(&now.tensors, |_, _| false))?,
        };
        let began = match &phase.began {
            None => None,
            Some(_) if writer.began == Some(self.history.epochs()) => {
                earlier.as_ref().and_then(|files| files.began.clone())
            }
            Some(began) => Some(store.put("began", saved(began))?),
        };
        let mut put_best =
            |what: &str, best: &Option<Best>, written: Option<usize>, file: Option<Entry>| match best {
                None => Ok(None),
                Some(best) if written == Some(best.epoch) => Ok(file),
                Some(best) => store.put(what, Saved::network(&best.tensors, is_unmoved)).map(Some),
            };
        let PerKind { frozen, thawed } = match earlier {
            Some(files) => files.best.clone(),
            None => PerKind { frozen: None, thawed: None },
        };
        let best = PerKind {
            frozen: put_best("frozen", &self.bests.frozen, writer.best.frozen, frozen)?,
            thawed: put_best("thawed", &self.bests.thawed, writer.best.thawed, thawed)?,
        };
        let now = store.put("now", saved(&now))?;
        let epoch = |best: &Option<Best>| best.as_ref().map(|best| best.epoch);
        let best_epochs = PerKind { frozen: epoch(&self.bests.frozen), thawed: epoch(&self.bests.thawed) };
        let manifest = Manifest {
            run: writer.run.clone(),
            note: note.to_owned(),
            progress: phase.progress_now(),
            history: self.history.clone(),
            best: best_epochs.clone(),
            files: Files { base, now, began, best },
        };
        writer.store.commit(&manifest)?;
        writer.began = phase.began.as_ref().map(|_| self.history.epochs());
        writer.best = best_epochs;
        writer.files = Some(manifest.files);
        (writer.last, writer.cost) = (Instant::now(), started.elapsed());
        Ok(())
    }
}
