//! Filters times a factor each: how a norm is folded into the convolution before it.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use rayon::prelude::*;

use defrost_kernels::Buffer;

use super::format::{Format, dims, tensor, whole_f32};

/// Independent running sums of a filter's products: as many as fill a wide register or two.
const LANES: usize = 32;

/// `[out_channels, …]` times `[out_channels]`.
pub fn scale(weight: &FlexTensor, factors: &FlexTensor) -> FlexTensor {
    let mut scaled = Buffer::new(f32::slice(weight).len());
    each_filter(weight, factors, &mut scaled, |filter, factor, scaled| {
        scaled.iter_mut().zip(filter).for_each(|(scaled, weight)| *scaled = weight * factor);
    });
    tensor(scaled, dims::<4>(weight))
}

fn each_filter(
    weight: &FlexTensor,
    factors: &FlexTensor,
    out: &mut [f32],
    work: impl Fn(&[f32], f32, &mut [f32]) + Sync,
) {
    let (weight, factors) = (f32::slice(weight), f32::slice(factors));
    let len = (weight.len() / factors.len().max(1)).max(1);
    (weight.par_chunks(len), factors, out.par_chunks_mut(len))
        .into_par_iter()
        .with_min_len((1 << 14) / len + 1)
        .for_each(|(filter, factor, out)| work(filter, *factor, out));
}

/// The operation on the gradient graph.
pub fn tracked<C: CheckpointStrategy>(
    weight: FloatTensor<Autodiff<Flex>>,
    factors: FloatTensor<Autodiff<Flex>>,
) -> FloatTensor<Autodiff<Flex>> {
    let (weight, weight_node) = weight.into_parts();
    let (factors, factors_node) = factors.into_parts();
    let (weight, factors) = (whole_f32(weight), whole_f32(factors));
    let scaled = scale(&weight, &factors);
    match ScaleBackward.prepare::<C>([weight_node, factors_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(Saved { weight, factors }, scaled),
        OpsKind::UnTracked(prepared) => prepared.finish(scaled),
    }
}

#[derive(Clone, Debug)]
struct Saved {
    weight: FlexTensor,
    factors: FlexTensor,
}

/// Of weight and factors.
#[derive(Debug)]
struct ScaleBackward;

impl Backward<Flex, 2> for ScaleBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { weight, factors } = ops.state;
        let gradient = whole_f32(grads.consume::<Flex>(&ops.node));
        let [weight_parent, factors_parent] = ops.parents;
        if let Some(parent) = weight_parent {
            grads.register::<Flex>(parent.id, scale(&gradient, &factors));
        }
        if let Some(parent) = factors_parent {
            grads.register::<Flex>(parent.id, products(&weight, &gradient));
        }
    }
}

/// The sum of `weight · gradient` over each filter.
fn products(weight: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let [out_channels, ..] = dims::<4>(weight);
    let (weight, gradient) = (f32::slice(weight), f32::slice(gradient));
    let len = (weight.len() / out_channels.max(1)).max(1);
    let sums = weight.par_chunks(len).zip(gradient.par_chunks(len)).with_min_len((1 << 14) / len + 1);
    let sums: Vec<f32> = sums.map(|(filter, gradient)| dot(filter, gradient)).collect();
    tensor(Buffer::copy_of(&sums), [out_channels])
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}
