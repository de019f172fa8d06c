//! What inside a network spoke for an output: the values between two stages, and how the output's score follows them.

use burn::tensor::{FloatDType, Tensor};

use crate::batch::{Batch, Value};
use crate::groups::LayerGroups;
use crate::ops::in_format;
use crate::plan::{FreezePlan, NormMode};
use crate::stage::Network;

/// Given what stage `boundary` receives, `between`: its first tensor, and the gradient with respect to it of the scores of the output
/// given for each item, both in f32. The network is in eval mode, so items do not meet. Nothing if the tensor has another rank or the network can't be
/// frozen.
///
/// # Panics
///
/// If there is not one output for each item.
pub fn values_and_gradients<N: Network, const D: usize>(
    network: &N,
    between: Batch,
    boundary: usize,
    outputs: &[usize],
) -> Option<(Tensor<D>, Tensor<D>)>
where
    Tensor<D>: TryFrom<Value> + Into<Value>,
{
    let mut values = between.without_autodiff().into_values();
    let first = Tensor::<D>::try_from(values.remove(0)).ok()?;
    let first = in_format(first, FloatDType::F32).autodiff().require_grad();
    assert_eq!(first.dims()[0], outputs.len(), "one output for each item");
    let others = Batch::new(values).on_autodiff().into_values();
    let between = Batch::new([first.clone().into()].into_iter().chain(others).collect());
    let scores = at_rest(network)?.forward(between, boundary..network.stages().len()).single::<2>();
    let of_item =
        |(item, &output): (usize, &usize)| scores.clone().slice([item..item + 1, output..output + 1]);
    let chosen = outputs.iter().enumerate().map(of_item).collect();
    let gradients = Tensor::cat(chosen, 0).sum().backward();
    let gradient = in_format(first.grad(&gradients)?, FloatDType::F32);
    Some((first.inner(), gradient))
}

/// The network on the device for gradients, with nothing that drops or follows the batch, and nothing to train.
fn at_rest<N: Network>(network: &N) -> Option<N> {
    let groups = LayerGroups::of(network).ok()?;
    let frozen = FreezePlan::unfrozen(groups, NormMode::Keep);
    let count = frozen.groups().count() as isize;
    Some(frozen.freeze_to(count).ok()?.apply(network.valid().train()))
}
