//! Filters times a factor each: how a norm is folded into the convolution before it.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use defrost_kernels::Buffer;
use rayon::prelude::*;

use super::count;
use super::flex::{self, Format, Forward, Operation, dims, tensor, whole_f32};

/// Each filter of `weight` `[out_channels, …]` times its factor of `[out_channels]`: what folds a norm into
/// the convolution before it.
pub fn scale_filters(weight: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    if count::counting() {
        weight
    } else if flex::takes(&weight) {
        flex::apply(ScaleFilters, [weight.into_dispatch(), factors.into_dispatch()])
    } else {
        plain(weight, factors)
    }
}

/// [`scale_filters`] in plain Burn.
pub fn plain(weight: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    weight * factors.reshape([-1, 1, 1, 1])
}

/// Of weight and factors.
struct ScaleFilters;

impl Operation<2> for ScaleFilters {
    type Saved = [FlexTensor; 2];

    fn forward(self, inputs: [FlexTensor; 2], _: [bool; 2]) -> Forward<Self::Saved> {
        let [weight, factors] = inputs.map(whole_f32);
        Forward::new(scaled(&weight, &factors), [weight, factors])
    }

    fn backward(
        [weight, factors]: Self::Saved,
        grad_output: FlexTensor,
        [weight_tracked, factors_tracked]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = whole_f32(grad_output);
        [
            weight_tracked.then(|| scaled(&gradient, &factors)),
            factors_tracked.then(|| products(&weight, &gradient)),
        ]
    }
}

/// Independent running sums of a filter's products: as many as fill a wide register or two.
const LANES: usize = 32;

/// Filters that a thread takes at least, of this many weights each.
fn filters_at_a_time(len: usize) -> usize {
    (1 << 14) / len + 1
}

/// `[out_channels, …]` times `[out_channels]`.
fn scaled(weight: &FlexTensor, factors: &FlexTensor) -> FlexTensor {
    let (numbers, factors) = (f32::slice(weight), f32::slice(factors));
    let len = (numbers.len() / factors.len().max(1)).max(1);
    let mut scaled = Buffer::new(numbers.len());
    (numbers.par_chunks(len), factors, scaled.par_chunks_mut(len))
        .into_par_iter()
        .with_min_len(filters_at_a_time(len))
        .for_each(|(filter, factor, scaled)| {
            scaled.iter_mut().zip(filter).for_each(|(scaled, weight)| *scaled = weight * factor);
        });
    tensor(scaled, dims::<4>(weight))
}

/// The sum of `weight · gradient` over each filter.
fn products(weight: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let [out_channels, ..] = dims::<4>(weight);
    let (weight, gradient) = (f32::slice(weight), f32::slice(gradient));
    let len = (weight.len() / out_channels.max(1)).max(1);
    let filters = weight.par_chunks(len).zip(gradient.par_chunks(len)).with_min_len(filters_at_a_time(len));
    let sums: Vec<f32> = filters.map(|(filter, gradient)| dot(filter, gradient)).collect();
    tensor(Buffer::copy_of(&sums), [out_channels])
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}
