//! Counting what a forward pass multiplies, without multiplying.

use std::cell::Cell;

use burn::tensor::{DType, Tensor};

use super::window::WindowConfig;

thread_local! {
    /// Multiply-adds so far, while they are counted.
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The multiply-adds of the convolutions, dense layers and products of attention in `forward`. They are counted by
/// their shapes and not carried out: what they would give is 0.
pub fn count_multiply_adds(forward: impl FnOnce()) -> u64 {
    let outer = COUNTED.replace(Some(0));
    forward();
    COUNTED.replace(outer).unwrap_or_default()
}

/// Whether they are being counted.
pub(super) fn counting() -> bool {
    COUNTED.get().is_some()
}

fn count(multiply_adds: usize) {
    COUNTED.set(COUNTED.get().map(|counted| counted + multiply_adds as u64));
}

/// A convolution's output, if it is only counted.
pub(super) fn conv2d(input: &Tensor<4>, weight: &Tensor<4>, window: WindowConfig) -> Option<Tensor<4>> {
    counting().then(|| {
        let ([batch, height, width, _], [outputs, inputs, rows, columns]) = (input.dims(), weight.dims());
        let [out_height, out_width] = window.output_size([height, width]);
        let output = zeros([batch, out_height, out_width, outputs], input);
        count(output.shape().num_elements() * inputs * rows * columns);
        output
    })
}

/// Attention's output, if it is only counted: each position meets each, for scores and for sums.
pub(super) fn attention(query: &Tensor<3>) -> Option<Tensor<3>> {
    counting().then(|| {
        let [batch, positions, features] = query.dims();
        count(2 * batch * positions * positions * features);
        zeros([batch, positions, features], query)
    })
}

fn zeros<const D: usize>(shape: [usize; D], like: &Tensor<D>) -> Tensor<D> {
    let zeros = Tensor::zeros(shape, &like.device());
    if like.dtype() == DType::F32 { zeros } else { zeros.cast(like.dtype()) }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::ops::{self, Conv2dOptions};

    #[test]
    fn products_are_counted_by_their_shapes() {
        let device = Device::flex();
        let ones = |shape| Tensor::<4>::ones(shape, &device);
        let conv = |inputs, weight, window| {
            let outputs = Tensor::dims(&weight)[0];
            let bias = Tensor::zeros([outputs], &device);
            ops::conv2d(ones([2, 8, 8, inputs]), weight, bias, Conv2dOptions::new(window))
        };
        let counted = count_multiply_adds(|| {
            assert_eq!(conv(3, ones([5, 3, 3, 3]), WindowConfig::centered(3, 2)).dims(), [2, 4, 4, 5]);
        });
        assert_eq!(counted, 2 * 4 * 4 * 5 * 3 * 3 * 3);
        // A depthwise one has a filter for each channel.
        let counted = count_multiply_adds(|| {
            conv(6, ones([6, 1, 5, 5]), WindowConfig::centered(5, 1));
        });
        assert_eq!(counted, 2 * 8 * 8 * 6 * 5 * 5);
        let counted = count_multiply_adds(|| {
            let x = || Tensor::zeros([2, 7, 4], &device);
            ops::attention(x(), x(), x(), Tensor::ones([2, 7], &device), 2);
        });
        assert_eq!(counted, 2 * 2 * 7 * 7 * 4);
        let computed = conv(1, ones([1, 1, 1, 1]), WindowConfig::centered(1, 1)).into_data();
        assert!(computed.iter::<f32>().all(|one| one == 1.0), "nothing is counted any more");
    }
}
