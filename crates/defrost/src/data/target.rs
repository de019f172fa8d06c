//! What an item is labelled with, and a batch of such labels as the loss reads them.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::Dataset;

/// The label of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The class it is of.
    Class(usize),
    /// All labels it has; there may be none.
    Labels(Vec<usize>),
    /// A number.
    Number(f32),
}

/// What the items of a data set are labelled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetKind {
    /// One class each.
    Class,
    /// Any number of labels each.
    Labels,
    /// A number each.
    Number,
}

impl TargetKind {
    /// What the first of these items is labelled with.
    pub fn of(data: &dyn Dataset) -> Option<Self> {
        (!data.is_empty()).then(|| data.target(0).kind())
    }

    /// Whether a network with this many outputs can learn this target.
    pub fn fits(self, target: &Target, outputs: usize) -> bool {
        target.kind() == self
            && match target {
                Target::Class(class) => *class < outputs,
                Target::Labels(labels) => labels.iter().all(|&label| label < outputs),
                Target::Number(number) => number.is_finite(),
            }
    }

    /// What an item has, for messages.
    pub fn description(self) -> &'static str {
        match self {
            Self::Class => "one class",
            Self::Labels => "a set of labels",
            Self::Number => "a finite number",
        }
    }
}

impl Target {
    /// What kind of label it is.
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Class(_) => TargetKind::Class,
            Self::Labels(_) => TargetKind::Labels,
            Self::Number(_) => TargetKind::Number,
        }
    }

    /// As a cell of a table: the class, the labels with `|` between them, or the number. A class without a name is its number.
    pub fn to_cell(&self, classes: &[String]) -> String {
        let name = |&class: &usize| classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        match self {
            Self::Class(class) => name(class),
            Self::Labels(labels) => labels.iter().map(name).collect::<Vec<_>>().join("|"),
            Self::Number(number) => number.to_string(),
        }
    }

    /// The class, if the item is of exactly one.
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// What a perfect network would say, over `outputs` classes or labels: 1 for those the item has, 0 for
    /// the others; a number is itself.
    ///
    /// # Panics
    ///
    /// If a class or label is not one of `outputs`.
    pub fn row(&self, outputs: usize) -> Vec<f32> {
        let mut row = vec![0.0; outputs];
        match self {
            Self::Class(class) => row[*class] = 1.0,
            Self::Labels(labels) => labels.iter().for_each(|&label| row[label] = 1.0),
            Self::Number(number) => row.fill(*number),
        }
        row
    }
}

/// The rows of several targets, `[batch, outputs]`.
///
/// # Panics
///
/// If a class or label is not one of `outputs`.
pub fn target_rows(targets: &[Target], outputs: usize, device: &Device) -> Tensor<2> {
    let numbers: Vec<f32> = targets.iter().flat_map(|target| target.row(outputs)).collect();
    Tensor::from_data(TensorData::new(numbers, [targets.len(), outputs]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_fits_its_own_kind_only() {
        let kinds = [TargetKind::Class, TargetKind::Labels, TargetKind::Number];
        for target in [Target::Class(2), Target::Labels(vec![0, 2]), Target::Number(7.0)] {
            let fitting: Vec<_> = kinds.into_iter().filter(|kind| kind.fits(&target, 3)).collect();
            assert_eq!(fitting, [target.kind()]);
        }
        assert!(!TargetKind::Class.fits(&Target::Class(3), 3));
        assert!(!TargetKind::Labels.fits(&Target::Labels(vec![3]), 3));
        assert!(!TargetKind::Number.fits(&Target::Number(f32::NAN), 1));
    }

    #[test]
    fn rows_are_what_a_perfect_network_says() {
        assert_eq!(Target::Class(1).row(3), [0.0, 1.0, 0.0]);
        assert_eq!(Target::Labels(vec![2, 0]).row(3), [1.0, 0.0, 1.0]);
        assert_eq!(Target::Labels(vec![]).row(2), [0.0, 0.0]);
        assert_eq!(Target::Number(-1.5).row(1), [-1.5]);
    }
}
