//! Checkpoints: while a run is unfinished, a folder holds everything needed to resume it, with the same bytes at the end.
//!
//! Training changes weights, statistics and averages; everything else follows from the progress in the run,
//! since all draws do. A tensor that has not changed since the start is written once.

mod identity;
mod progress;
mod read;
mod saved;
mod store;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

pub(super) use progress::Progress;
pub(super) use writer::CheckpointTrigger;

use super::{Learner, LearnerError};
use crate::files::FileError;
use crate::platform::fs;
use crate::recipe::ResolvedPhase;
use crate::remedy::Remedy;
use crate::stage::Network;
use crate::weights;
use identity::Identity;
use store::Store;
use writer::CheckpointWriter;

/// Where and how often a run's checkpoint is written.
#[derive(Clone, Debug)]
pub struct CheckpointOptions {
    /// A folder for it alone, which is created.
    pub folder: PathBuf,
    /// How long training goes on without one. They are rarer where writing takes long, so that no more than a
    /// fiftieth of the time goes to them; zero writes one after every batch, whatever it takes.
    pub every: Duration,
    /// A text of the caller's that [`checkpoint_note`] reads back.
    pub note: String,
    /// Go on although items, pretrained weights or the machine are others than the run began with: it then ends
    /// with other bytes.
    pub accept_changes: bool,
}

impl CheckpointOptions {
    /// One a minute in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every: Duration::from_secs(60),
            note: String::new(),
            accept_changes: false,
        }
    }
}

/// A checkpoint can't be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The learner was not told where it is.
    #[error("no folder was named to keep checkpoints in; call Learner::checkpoint first")]
    NoFolder,
    /// There is none.
    #[error("{}: there is no checkpoint in it, so no run can go on from there", .0.display())]
    Missing(PathBuf),
    /// It is not what was written.
    #[error("{}: the checkpoint is damaged: {reason}; the run has to be started again", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// It is of another version.
    #[error("{}: a checkpoint of format {found}, and this version reads {known}; go on with the version that wrote it", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format that can be read.
        known: u64,
    },
    /// The learner is not set up as the run's was.
    #[error("the run began with other settings: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The data, the weights or the machine of the run have changed.
    #[error("the run began otherwise and would end with other weights: {}", .0.join("; "))]
    Environment(Vec<String>),
}

impl CheckpointError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Environment(_) => Some(Remedy::GoOnDespiteChanges),
            _ => None,
        }
    }
}

fn damaged(path: &Path, reason: impl Into<String>) -> CheckpointError {
    CheckpointError::Damaged { path: path.to_owned(), reason: reason.into() }
}

/// The caller's text that was kept with a checkpoint.
///
/// # Errors
///
/// If there is none in the folder, or it is damaged.
pub fn checkpoint_note(folder: &Path) -> Result<String, CheckpointError> {
    Ok(store::read(folder)?.note)
}

/// The checkpoints of a learner.
pub(super) struct Checkpoints {
    options: CheckpointOptions,
    /// While a run is under way and nothing has gone wrong.
    writer: Option<CheckpointWriter>,
}

impl Checkpoints {
    pub(super) fn new(options: CheckpointOptions) -> Self {
        Self { options, writer: None }
    }
}

impl<N: Network> Learner<N> {
    /// Keeps a checkpoint of every run of phases from now on, from which [`resume`](Self::resume) goes on. It
    /// stays when the run has ended, until [`discard_checkpoint`](Self::discard_checkpoint): save the
    /// result of the run before that. `None` keeps none from now on.
    ///
    /// ```no_run
    /// # use defrost::{Learner, LearnerError, Network, ResolvedPhase};
    /// # use defrost::learner::CheckpointOptions;
    /// # fn train<N: Network>(mut learner: Learner<N>, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
    /// let folder = std::path::Path::new("runs/flowers/checkpoint");
    /// learner.checkpoint(CheckpointOptions::new(folder));
    /// match folder.join("checkpoint.json").exists() {
    ///     true => learner.resume(phases)?,
    ///     false => learner.run(phases)?,
    /// }
    /// // Save the network here.
    /// learner.discard_checkpoint()
    /// # }
    /// ```
    pub fn checkpoint(&mut self, options: impl Into<Option<CheckpointOptions>>) {
        self.checkpoints = options.into().map(Checkpoints::new);
    }

    /// The most bytes that checkpoints of a run of these phases take on the disk, where nothing else is in their folder.
    pub fn checkpoint_bytes(&self, phases: &[ResolvedPhase]) -> u64 {
        let bytes = |numbers: usize| 4 * numbers as u64;
        let network =
            weights::collect(self.network()).values().map(|data| bytes(data.num_elements())).sum::<u64>();
        let moved = phases.iter().map(|phase| bytes(phase.plan.trainable_count())).max().unwrap_or(0);
        // A weight, two numbers of the optimizer's and an average: now and as the epoch began, of this checkpoint and of the
        // one before, which goes when this one is complete. And the best networks of two kinds.
        let (numbers, states, checkpoints, best) = (4, 2, 2, 2);
        network + moved * (numbers * states * checkpoints + best)
    }

    /// The least memory that a run of these phases takes besides the network and its items: a gradient, two numbers of the
    /// optimizer's and an average for each weight that trains. Bytes; activations are not counted.
    pub fn least_memory(&self, phases: &[ResolvedPhase]) -> u64 {
        let trained = phases.iter().map(|phase| phase.plan.trainable_count()).max().unwrap_or(0);
        4 * 4 * trained as u64
    }

    /// Removes the checkpoint, and its folder if there is nothing else in it.
    ///
    /// # Errors
    ///
    /// If the system can't.
    pub fn discard_checkpoint(&mut self) -> Result<(), LearnerError> {
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        checkpoints.writer = None;
        let folder = &checkpoints.options.folder;
        if fs::is_dir(folder) {
            store::clear(folder).map_err(CheckpointError::File)?;
            // Somebody else's files keep it.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    /// No further ones: the run is over.
    pub(super) fn end_checkpoints(&mut self) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.writer = None;
        }
    }

    /// Makes the folder ready for a run of these phases.
    pub(super) fn begin_checkpoints(&mut self, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
        let Some(options) = self.checkpoints.as_ref().map(|checkpoints| checkpoints.options.clone()) else {
            return Ok(());
        };
        let base = weights::collect(self.network());
        let run = Identity::of(self, phases, &base);
        let store = Store::create(&options.folder).map_err(CheckpointError::File)?;
        let writer = Some(CheckpointWriter::new(store, run, &base));
        self.checkpoints = Some(Checkpoints { options, writer });
        Ok(())
    }
}
