//! A training batch to look at.

use burn::tensor::Device;

use super::{Learner, LearnerError, LearnerOptions};
use crate::batch::Batch;
use crate::data::{
    DataError, Dataset, Draws, Target, Variant, balanced_batches, classes, epoch_batches, target_rows,
};
use crate::loss::Balance;
use crate::stage::Network;

/// A batch as it enters a network.
#[derive(Clone, Debug)]
pub struct FirstBatch {
    /// The items in it.
    pub items: Vec<usize>,
    /// The input of the first stage.
    pub inputs: Batch,
    /// What a perfect network would say of each item: [rows](crate::data::target_rows) over the outputs, mixed as
    /// the inputs are.
    pub targets: Vec<Vec<f32>>,
}

impl FirstBatch {
    /// What the item at a place is labelled with, in words: names, with their fractions if they are mixed, or a number where there are no
    /// classes.
    pub fn label(&self, place: usize, classes: &[String]) -> String {
        let target = &self.targets[place];
        if classes.is_empty() {
            return target.first().map_or(String::new(), f32::to_string);
        }
        let there = classes.iter().zip(target).filter(|(_, fraction)| **fraction > 0.0);
        let mut fractions: Vec<(&String, f32)> = there.map(|(class, &fraction)| (class, fraction)).collect();
        fractions.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mixed = fractions.iter().any(|(_, fraction)| *fraction < 1.0);
        let name = |(class, fraction): (&String, f32)| match mixed {
            true => format!("{class} {:.0}%", fraction * 100.0),
            false => class.clone(),
        };
        let names: Vec<String> = fractions.into_iter().map(name).collect();
        if names.is_empty() { "no label".to_owned() } else { names.join(" ") }
    }
}

/// The first batch that a learner with these options and this many outputs would train on, mixed as where nothing
/// is frozen.
///
/// # Errors
///
/// If an item can't be read.
pub fn first_batch(
    train: &dyn Dataset,
    outputs: usize,
    options: &LearnerOptions,
    device: &Device,
) -> Result<FirstBatch, DataError> {
    let draws = Draws { seed: options.seed, epoch: 0 };
    let step = steps(train, options, draws).into_iter().next().unwrap_or_default();
    let items = step[..step.len().min(options.batch_size.max(1))].to_vec();
    let inputs = train.inputs(&items, Variant::Augmented(draws), device)?;
    let targets: Vec<Target> = items.iter().map(|&item| train.target(item)).collect();
    let targets = target_rows(&targets, outputs, device);
    let (inputs, targets) = match options.mixing.mix(&inputs, &mut draws.for_mixing(0)) {
        Some(mixed) => (mixed.inputs.clone(), mixed.targets(targets)),
        None => (inputs, targets),
    };
    let numbers: Vec<f32> = targets.into_data().iter::<f32>().collect();
    let targets = numbers.chunks(outputs.max(1)).map(<[f32]>::to_vec).collect();
    Ok(FirstBatch { items, inputs, targets })
}

impl<N: Network> Learner<N> {
    /// The [`first_batch`] of its data.
    ///
    /// # Errors
    ///
    /// If an item can't be read.
    pub fn first_batch(&self) -> Result<FirstBatch, LearnerError> {
        Ok(first_batch(&*self.train, self.outputs, &self.options, &self.device)?)
    }
}

/// The items of a training epoch's steps.
pub(super) fn steps(train: &dyn Dataset, options: &LearnerOptions, draws: Draws) -> Vec<Vec<usize>> {
    match (options.balance, classes(train)) {
        (Balance::Sample, Some(classes)) => balanced_batches(&classes, options.step_size(), draws),
        _ => {
            let sizes: Vec<usize> = (0..train.len()).map(|item| train.size(item)).collect();
            epoch_batches(&sizes, options.step_size(), draws)
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;

    #[test]
    fn labels_say_what_is_mixed() {
        let classes = ["cat", "dog"].map(str::to_owned);
        let inputs = Tensor::<2>::zeros([1, 1], &Device::flex());
        let label = |target: &[f32], classes: &[String]| {
            FirstBatch { items: vec![0], inputs: inputs.clone().into(), targets: vec![target.to_vec()] }
                .label(0, classes)
        };
        assert_eq!(label(&[0.0, 1.0], &classes), "dog");
        assert_eq!(label(&[0.3, 0.7], &classes), "dog 70% cat 30%");
        assert_eq!(label(&[1.0, 1.0], &classes), "cat dog");
        assert_eq!(label(&[0.0, 0.0], &classes), "no label");
        assert_eq!(label(&[2.5], &[]), "2.5");
    }
}
