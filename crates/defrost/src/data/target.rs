//! What an item is labelled with, and a batch of such labels as the loss reads them.

use burn::tensor::{Device, Tensor, TensorData};

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

impl Target {
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
    fn rows_are_what_a_perfect_network_says() {
        assert_eq!(Target::Class(1).row(3), [0.0, 1.0, 0.0]);
        assert_eq!(Target::Labels(vec![2, 0]).row(3), [1.0, 0.0, 1.0]);
        assert_eq!(Target::Labels(vec![]).row(2), [0.0, 0.0]);
        assert_eq!(Target::Number(-1.5).row(1), [-1.5]);
    }
}
