//! Dropout whose masks follow from the position in training, not from earlier draws.

use std::cell::RefCell;

use burn::module::{Flag, Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng as _;

use crate::data::Rng;
use crate::ops::in_format_of;

thread_local! {
    static DRAWS: RefCell<Option<Rng>> = const { RefCell::new(None) };
}

/// Runs a forward pass whose dropout masks come from `draws`.
pub fn with_draws<R>(draws: Rng, forward: impl FnOnce() -> R) -> R {
    let outer = DRAWS.replace(Some(draws));
    let result = forward();
    DRAWS.set(outer);
    result
}

/// Sets a random fraction of the input to zero while training and scales the rest up by as much
/// (arXiv 1207.0580). It draws inside [`with_draws`] only; elsewhere it is in eval mode.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The fraction dropped, `0.0..1.0`.
    pub fraction: f64,
    /// Whether it drops at all.
    pub training: Param<Flag>,
}

impl Dropout {
    /// Drops this fraction, `0.0..1.0`.
    pub fn new(fraction: f64) -> Self {
        Self { fraction, training: Param::from_bool(true) }
    }

    /// Any shape; the same shape.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        match self.mask(input.dims(), &input.device()) {
            Some(mask) => input.clone() * in_format_of(mask, &input),
            None => input,
        }
    }

    /// `[batch, positions, features]`, the same shape: a feature is dropped at all positions of an item or at none
    /// (arXiv 1512.05287).
    pub fn forward_features(&self, input: Tensor<3>) -> Tensor<3> {
        let [batch, _, features] = input.dims();
        match self.mask([batch, 1, features], &input.device()) {
            Some(mask) => input.clone() * in_format_of(mask, &input),
            None => input,
        }
    }

    /// What an input of this shape is multiplied with, if anything is dropped now.
    pub fn mask<const D: usize>(&self, shape: [usize; D], device: &Device) -> Option<Tensor<D>> {
        if !self.training.is_enabled() || self.fraction == 0.0 {
            return None;
        }
        let scale = (1.0 / (1.0 - self.fraction)) as f32;
        // How many of 2³² draws are dropped.
        let dropped = (self.fraction * 2f64.powi(32)) as u32;
        let mask: Option<Vec<f32>> = DRAWS.with_borrow_mut(|draws| {
            let draws = draws.as_mut()?;
            let mut bytes = vec![0; 4 * shape.iter().product::<usize>()];
            draws.fill_bytes(&mut bytes);
            let draw = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            Some(bytes.chunks_exact(4).map(|bytes| if draw(bytes) < dropped { 0.0 } else { scale }).collect())
        });
        mask.map(|mask| Tensor::from_data(TensorData::new(mask, shape), device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Draws;

    fn dropped(epoch: u64) -> Vec<f32> {
        let input = Tensor::<2>::ones([100, 100], &Device::flex());
        let draws = Draws { seed: 1, epoch }.for_layers(0);
        with_draws(draws, || Dropout::new(0.25).forward(input)).into_data().iter::<f32>().collect()
    }

    #[test]
    fn the_fraction_is_dropped_and_the_rest_scaled() {
        let output = dropped(0);
        let zeros = output.iter().filter(|number| **number == 0.0).count();
        // 10,000 draws: four standard deviations are 173.
        assert!((2500 - 173..2500 + 173).contains(&zeros), "{zeros}");
        assert!(output.iter().all(|number| *number == 0.0 || (number - 4.0 / 3.0).abs() < 1e-6));
    }

    #[test]
    fn masks_repeat_with_their_draws() {
        assert_eq!(dropped(3), dropped(3));
        assert_ne!(dropped(3), dropped(4));
    }

    #[test]
    fn a_feature_is_dropped_at_all_positions_of_an_item() {
        let input = Tensor::<3>::ones([2, 3, 50], &Device::flex());
        let draws = Draws { seed: 1, epoch: 0 }.for_layers(0);
        let output = with_draws(draws, || Dropout::new(0.5).forward_features(input));
        let at = |position| output.clone().narrow(1, position, 1).into_data();
        assert_eq!(at(0), at(2));
        let of_item = |item| output.clone().narrow(0, item, 1).into_data();
        assert_ne!(of_item(0), of_item(1));
    }

    #[test]
    fn outside_of_training_nothing_is_dropped() {
        let input = Tensor::<1>::ones([9], &Device::flex());
        assert_eq!(Dropout::new(0.5).forward(input.clone()).into_data(), input.into_data());
    }
}
