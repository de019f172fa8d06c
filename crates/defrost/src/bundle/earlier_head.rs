//! The head of a finished run, for a network that goes on from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use thiserror::Error;

use super::{BundleError, ModelConfig, read};
use crate::data::{Dataset, TargetKind};
use crate::remedy::{Note, Remedy};
use crate::split_data::SplitData;
use crate::stage::{Network, Stage};
use crate::weights::{Tensors, collect, load};

/// The head that a run ended with.
#[derive(Clone, Debug)]
pub struct EarlierHead {
    run: PathBuf,
    classes: Vec<String>,
    kind: TargetKind,
    tensors: Tensors,
}

/// A network with the head of an earlier run.
#[derive(Debug)]
pub struct Continued<N> {
    /// The network.
    pub network: N,
    /// Whether the run knew all classes, so that nothing of the network is new: see
    /// [`LearnerOptions::is_trained`](crate::LearnerOptions::is_trained).
    pub is_trained: bool,
    /// A note about the head; none where it is new.
    pub note: Option<Note>,
}

impl<N: Network> Continued<N> {
    /// A network with the head of this run, if there is one to go on from.
    ///
    /// # Errors
    ///
    /// If the run can't be read, or can't go on with this data.
    pub fn of<M: ModelConfig, D: Dataset>(
        run: Option<&Path>,
        network: N,
        data: &SplitData<D>,
    ) -> Result<Self, ContinueError> {
        match run {
            Some(run) => EarlierHead::open::<M>(run)?.put_into(network, data),
            None => Ok(Self { network, is_trained: false, note: None }),
        }
    }
}

/// A run can't go on with other data.
#[derive(Debug, Error)]
pub enum ContinueError {
    /// It can't be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its items have other labels.
    #[error("{}: this run predicts {}, and the items have {} each", run.display(), was.description(), is.description())]
    OtherKind {
        /// The run.
        run: PathBuf,
        /// What it predicts.
        was: TargetKind,
        /// What the items have.
        is: TargetKind,
    },
    /// Classes would be unlearned.
    #[error("{}: this run knows classes that the data lacks, and would unlearn them: {lost}", run.display())]
    Lost {
        /// The run.
        run: PathBuf,
        /// Their names.
        lost: String,
    },
    /// Its classes stand in another order than the data's.
    #[error("{}: the classes of this run are not sorted as the data's are", run.display())]
    Order {
        /// The run.
        run: PathBuf,
    },
    /// Its head is none of this network.
    #[error("{}: the head of this run does not fit the network: `{tensor}`", run.display())]
    Misfit {
        /// The run.
        run: PathBuf,
        /// A tensor that is missing or differs.
        tensor: String,
    },
}

impl ContinueError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::OtherKind { .. } | Self::Lost { .. } | Self::Order { .. } => Some(Remedy::StartNewHead),
            Self::Bundle(_) | Self::Misfit { .. } => None,
        }
    }
}

impl EarlierHead {
    /// Reads the head of a finished run.
    ///
    /// # Errors
    ///
    /// If there is no run, or one of another kind of data.
    pub fn open<M: ModelConfig>(run: &Path) -> Result<Self, ContinueError> {
        let (manifest, tensors) = read::<M>(run)?;
        let kind = manifest.loss.kind();
        Ok(Self { run: run.to_owned(), classes: manifest.classes, kind, tensors })
    }

    /// Whether it has weights for all of these classes.
    pub fn knows(&self, classes: &[String]) -> bool {
        classes.iter().all(|name| self.classes.contains(name))
    }

    /// Puts it into a network for this data, which has a new head of the same kind. The weights of classes that the run knew
    /// are the run's, those of other classes stay new.
    ///
    /// # Errors
    ///
    /// If the data lacks classes that the run knew, or has another kind of labels.
    pub fn put_into<N: Network, D: Dataset>(
        &self,
        network: N,
        data: &SplitData<D>,
    ) -> Result<Continued<N>, ContinueError> {
        let run = || self.run.clone();
        match TargetKind::of(&data.train) {
            Some(is) if is != self.kind => {
                return Err(ContinueError::OtherKind { run: run(), was: self.kind, is });
            }
            _ => {}
        }
        let listed = |names: Vec<&String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let missing = |known: &[String], from: &[String]| {
            listed(from.iter().filter(|name| !known.contains(name)).collect()).join(", ")
        };
        let (lost, new) = (missing(&data.classes, &self.classes), missing(&self.classes, &data.classes));
        if !lost.is_empty() {
            return Err(ContinueError::Lost { run: run(), lost });
        }
        let places: HashMap<&str, usize> =
            data.classes.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let places: Vec<usize> = self.classes.iter().map(|name| places[name.as_str()]).collect();
        // Rows of equal heads can't be told apart by their shapes, so both orders must be the same.
        if !places.is_sorted() {
            return Err(ContinueError::Order { run: run() });
        }
        let fresh = collect(&network);
        let mut tensors = Tensors::new();
        for name in network.stages().iter().filter(|stage| !stage.pretrained).flat_map(names_of) {
            let misfit = || ContinueError::Misfit { run: run(), tensor: name.clone() };
            let (fresh, earlier) = fresh.get(&name).zip(self.tensors.get(&name)).ok_or_else(misfit)?;
            let head = with_rows(fresh, earlier, &places).ok_or_else(misfit)?;
            tensors.insert(name, head);
        }
        let (is_trained, shown) = (self.knows(&data.classes), self.run.display());
        let text = match is_trained {
            true => format!("the head of {shown} is kept"),
            false => format!("the head of {shown} is kept; these classes are new: {new}"),
        };
        Ok(Continued { network: load(network, &tensors), is_trained, note: Some(text.into()) })
    }
}

fn names_of(stage: &Stage) -> Vec<String> {
    stage.parameters.iter().map(|parameter| parameter.name.clone()).collect()
}

/// An earlier tensor, or a new one with the rows of the earlier in these places: where there are more classes, the tensors
/// of the last layer have more rows, and no other tensors differ. None if it is of neither shape.
fn with_rows(fresh: &TensorData, earlier: &TensorData, places: &[usize]) -> Option<TensorData> {
    let (shape, before) = (fresh.shape(), earlier.shape());
    if shape == before {
        return Some(earlier.clone());
    }
    let width: usize = shape.iter().skip(1).product();
    if before[..1] != [places.len()] || before[1..] != shape[1..] {
        return None;
    }
    let mut values: Vec<f32> = fresh.iter::<f32>().collect();
    let known: Vec<f32> = earlier.iter::<f32>().collect();
    for (row, &place) in known.chunks(width).zip(places) {
        values[place * width..(place + 1) * width].copy_from_slice(row);
    }
    Some(TensorData::new(values, shape.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_known_classes_are_kept() {
        let fresh = TensorData::new(vec![0f32; 6], [3, 2]);
        let earlier = TensorData::new(vec![1f32, 2.0, 3.0, 4.0], [2, 2]);
        let rows = with_rows(&fresh, &earlier, &[0, 2]).unwrap();
        assert_eq!(rows.iter::<f32>().collect::<Vec<_>>(), [1.0, 2.0, 0.0, 0.0, 3.0, 4.0]);
        let bias =
            with_rows(&TensorData::new(vec![0f32; 3], [3]), &TensorData::new(vec![1f32, 2.0], [2]), &[1, 2]);
        assert_eq!(bias.unwrap().iter::<f32>().collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
        assert_eq!(with_rows(&fresh, &fresh, &[0, 1, 2]), Some(fresh.clone()));
        assert_eq!(with_rows(&fresh, &TensorData::new(vec![0f32; 6], [2, 3]), &[0, 1]), None);
    }
}
