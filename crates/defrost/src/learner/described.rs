//! A learner's description of its network: how the model is built and fed again, the names of its
//! classes, notes from reading its data, and the phases that it ran.

use std::any::Any;
use std::path::Path;

use thiserror::Error;

use super::{Learner, LearnerError};
use crate::files::FileError;
use crate::recipe::{FineTune, Recipe, ResolvedPhase};
use crate::remedy::Note;
use crate::stage::Network;
use crate::summary::PlanSummary;
use crate::weights::safetensors::SafetensorsError;

/// A model as a learner holds it, whatever domain it is of: every
/// [`ModelConfig`](crate::bundle::ModelConfig) is one.
pub(crate) trait Model<N>: Send {
    /// The network's name.
    fn name(&self) -> &str;

    /// How such a network is tuned where nothing else is said.
    fn recipe(&self, epochs: usize) -> FineTune;

    /// The same where nothing is said of epochs either.
    fn usual_recipe(&self) -> FineTune;

    /// Stages of the body that were thrown away, by name.
    fn cut_stages(&self) -> Vec<String>;

    /// Writes the learner's network and what is needed to use it into a folder that is there; returns the thresholds of labels.
    fn save(&self, learner: &mut Learner<N>, folder: &Path) -> Result<Vec<f32>, SaveError>;

    /// The config itself.
    fn as_any(&self) -> &dyn Any;
}

/// A learner's network can't be saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// Nobody has said how to build and feed the network again.
    #[error(
        "the learner does not know how its network is built and fed again; say so with Learner::with_model, or save its tensors \
         with weights::collect and safetensors::write"
    )]
    NoModel,
    /// There is another number of names than of scores.
    #[error(
        "the network gives {outputs} scores for an item, and there are {classes} names; give as many with Learner::with_classes"
    )]
    Classes {
        /// How many scores.
        outputs: usize,
        /// How many names.
        classes: usize,
    },
    /// A file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights can't be written.
    #[error(transparent)]
    Weights(#[from] SafetensorsError),
    /// The network gives no scores for the item that it is tested with when it is loaded.
    #[error("the network can't be saved: {0}")]
    SelfTest(String),
    /// What was written can't be loaded again.
    #[error("the network was written, but can't be loaded again: {0}")]
    Unusable(Box<dyn std::error::Error + Send + Sync>),
    /// The plan or the thresholds of labels can't be found.
    #[error(transparent)]
    Learner(#[from] LearnerError),
}

/// A learner's knowledge besides its network.
pub(crate) struct Described<N> {
    pub model: Option<Box<dyn Model<N>>>,
    pub classes: Option<Vec<String>>,
    pub notes: Vec<Note>,
    /// Those that have run or are running.
    pub phases: Vec<ResolvedPhase>,
}

impl<N> Default for Described<N> {
    fn default() -> Self {
        Self { model: None, classes: None, notes: vec![], phases: vec![] }
    }
}

/// Epochs with everything unfrozen in [`Learner::train`], unless the model has an opinion.
pub const EPOCHS: usize = 4;

impl<N: Network> Learner<N> {
    /// With these names of its classes, or of its labels. Without, they are called by their numbers.
    #[must_use]
    pub fn with_classes(mut self, classes: impl Into<Vec<String>>) -> Self {
        self.described.classes = Some(classes.into());
        self
    }

    /// With more that a person should know of how its data was read.
    #[must_use]
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = impl Into<Note>>) -> Self {
        self.described.notes.extend(notes.into_iter().map(Into::into));
        self
    }

    /// The names of its classes or labels; none where it gives a number.
    pub fn classes(&self) -> Vec<String> {
        let is_number = !self.train.is_empty() && self.train.target(0).number().is_some();
        match &self.described.classes {
            Some(classes) => classes.clone(),
            None if is_number => vec![],
            None => (0..self.outputs).map(|class| class.to_string()).collect(),
        }
    }

    /// What a person should know of how its data was read: what is left out, which weights were taken.
    pub fn notes(&self) -> &[Note] {
        &self.described.notes
    }

    /// Trains as `defrost train` does where nothing else is said: by the automatic [recipe](Recipe::Auto) at the model's rates.
    /// [`decision`](Self::decision) says whether thawing paid. A network of which nothing is pretrained trains as a whole from
    /// the start.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn train(&mut self) -> Result<(), LearnerError> {
        self.train_by(self.usual_recipe(None))
    }

    /// As [`train`](Self::train), with this many epochs thawed.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn train_for(&mut self, epochs: usize) -> Result<(), LearnerError> {
        self.train_by(self.usual_recipe(Some(epochs)))
    }

    /// How its model is tuned where nothing else is said, with this many epochs thawed; without, with the model's own number of
    /// them.
    pub fn usual_recipe(&self, epochs: Option<usize>) -> FineTune {
        match (&self.described.model, epochs) {
            (Some(model), Some(epochs)) => model.recipe(epochs),
            (Some(model), None) => model.usual_recipe(),
            (None, epochs) => FineTune::new(epochs.unwrap_or(EPOCHS)),
        }
    }

    fn train_by(&mut self, recipe: FineTune) -> Result<(), LearnerError> {
        let phases = self.resolve(Recipe::Auto(recipe))?;
        self.run(&phases)
    }

    /// The plan, and the phases that have run under it.
    pub fn summary(&self) -> PlanSummary {
        let model = self.described.model.as_deref();
        let name = model.map_or("network", Model::name);
        let phases = &self.described.phases;
        let summary = PlanSummary::new(name, &self.plan, phases, self.batches_per_epoch(), false);
        PlanSummary { cut: model.map_or(vec![], Model::cut_stages), ..summary }
    }

    /// The phases that have run or are running.
    pub fn phases(&self) -> &[ResolvedPhase] {
        &self.described.phases
    }

    /// How many scores its network gives for an item.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub(crate) fn set_model(&mut self, model: Box<dyn Model<N>>) {
        self.described.model = Some(model);
    }

    pub(crate) fn take_model(&mut self) -> Option<Box<dyn Model<N>>> {
        self.described.model.take()
    }

    /// Its network's description, if it is of this kind.
    pub fn model<C: 'static>(&self) -> Option<&C> {
        self.described.model.as_ref()?.as_any().downcast_ref()
    }
}
