//! Resuming a run from its checkpoint.

use super::identity::{Identity, changes};
use super::store::{self, Entry, Manifest, Store};
use super::writer::CheckpointWriter;
use super::{CheckpointError, Checkpoints, damaged};
use crate::learner::Learner;
use crate::learner::best::{Best, Bests};
use crate::learner::phase::Start;
use crate::learner::state::State;
use crate::recipe::ResolvedPhase;
use crate::stage::Network;
use crate::weights::{self, Tensors};

impl<N: Network> Learner<N> {
    /// Reads the checkpoint of a run of these phases. Nothing of the learner changes if it can't be used.
    pub(in crate::learner) fn read_checkpoint(
        &mut self,
        phases: &[ResolvedPhase],
    ) -> Result<Start, CheckpointError> {
        let options = self.checkpoints.as_ref().map(|checkpoints| checkpoints.options.clone());
        let options = options.ok_or(CheckpointError::NoFolder)?;
        let folder = &options.folder;
        let manifest = store::read(folder)?;
        let run = Identity::of(self, phases, &weights::collect(self.network()));
        let settings = changes(&run.settings, &manifest.run.settings);
        if !settings.is_empty() {
            return Err(CheckpointError::Settings(settings));
        }
        let environment = changes(&run.environment, &manifest.run.environment);
        if !environment.is_empty() && !options.accept_changes {
            return Err(CheckpointError::Environment(environment));
        }
        let Manifest { progress, history, best, files, .. } = manifest;
        let wrong = |reason: String| damaged(folder, reason);
        let phase = match phases.get(progress.phase) {
            Some(phase) if progress.is_in(phases) => phase,
            _ => return Err(wrong("it is of a progress that the run does not have".to_owned())),
        };
        let plan = phase.plan.clone();
        let read = |entry: &Entry| store::tensors(folder, entry);
        let base = read(&files.base)?.into_network(&Tensors::new(), &plan).map_err(wrong)?;
        let state = |entry: &Entry| -> Result<State, CheckpointError> {
            let how = (&*plan, self.average_decay(phase));
            read(entry)?.into_state(&base, how, &self.stepper, &self.device).map_err(wrong)
        };
        let now = state(&files.now)?;
        let began = files.began.as_ref().map(state).transpose()?;
        let read_best =
            |epoch: Option<usize>, entry: &Option<Entry>| -> Result<Option<Best>, CheckpointError> {
                let record = epoch.and_then(|epoch| Some((epoch, history.records().get(epoch)?.clone())));
                let (Some((epoch, record)), Some(entry)) = (record, entry) else { return Ok(None) };
                let tensors = read(entry)?.into_network(&base, &plan).map_err(wrong)?;
                Ok(Some(Best { record, epoch, tensors, evaluation: None }))
            };
        let bests = Bests {
            frozen: read_best(best.frozen, &files.best.frozen)?,
            thawed: read_best(best.thawed, &files.best.thawed)?,
            kept: None,
        };
        let writer = CheckpointWriter::new(Store::reopen(folder, &files), run, &base);
        let writer = writer.after(files, history.epochs(), best);
        self.checkpoints = Some(Checkpoints { options, writer: Some(writer) });
        (self.history, self.bests, self.decision) = (history, bests, None);
        Ok(Start { progress, now: Some(now), began })
    }
}
