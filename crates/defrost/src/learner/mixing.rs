//! Mixing the items of a batch: MixUp (arXiv 1710.09412) and CutMix (arXiv 1905.04899), drawn as fastai does.
//!
//! Mixing blends the input of the first stage. Behind a frozen prefix items are not mixed, because the cache
//! holds the features of single items.

use burn::tensor::{Int, Tensor, TensorData};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::batch::{Batch, Value};
use crate::data::Rng;
use crate::recipe::ResolvedPhase;

/// How the items of a training batch are mixed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mixing {
    /// Not at all.
    #[default]
    None,
    /// Each item is blended with another; `alpha` [0.4] shapes how evenly.
    MixUp {
        /// Of the beta distribution the shares are drawn from.
        alpha: f64,
    },
    /// Each image has a box of another pasted in, the same box for the whole batch; `alpha` \[1\] shapes
    /// its size.
    CutMix {
        /// Of the beta distribution the box's fraction is drawn from.
        alpha: f64,
    },
}

/// A batch that has been mixed, and what its targets must be mixed by.
pub(super) struct Mixed {
    pub(super) inputs: Batch,
    /// Which other item each has something of.
    order: Vec<i64>,
    /// How much of each item is its own.
    fractions: Vec<f32>,
}

impl Mixing {
    /// Whether items are mixed in this phase: nothing may be frozen in front of them.
    pub fn acts_in(self, phase: &ResolvedPhase) -> bool {
        self != Self::None && phase.plan.constant_stages() == 0
    }

    /// Mixes a batch; `None` where there is nothing to mix, or no way to.
    pub(super) fn mix(self, inputs: &Batch, random: &mut Rng) -> Option<Mixed> {
        let [value] = inputs.values() else { return None };
        let items = match value {
            Value::Rank2(tensor) => tensor.dims()[0],
            Value::Rank3(tensor) => tensor.dims()[0],
            Value::Rank4(tensor) => tensor.dims()[0],
            Value::Ids(_) => return None,
        };
        let mut order: Vec<i64> = (0..items as i64).collect();
        order.shuffle(random);
        match (self, value) {
            (Self::None, _) => None,
            (Self::MixUp { alpha }, value) => {
                let fraction = |_| {
                    let fraction = beta(alpha, random);
                    fraction.max(1.0 - fraction) as f32
                };
                let fractions: Vec<f32> = (0..items).map(fraction).collect();
                let inputs = match value.clone() {
                    Value::Rank2(x) => blend(x, &order, &fractions).into(),
                    Value::Rank3(x) => blend(x, &order, &fractions).into(),
                    Value::Rank4(x) => blend(x, &order, &fractions).into(),
                    Value::Ids(_) => return None,
                };
                Some(Mixed { inputs, order, fractions })
            }
            (Self::CutMix { alpha }, Value::Rank4(images)) => {
                let [_, height, width, channels] = images.dims();
                let side = (1.0 - beta(alpha, random)).sqrt();
                let mut span = |length: usize| {
                    let (centre, half) = (random.random::<f64>() * length as f64, side * length as f64 / 2.0);
                    (centre - half).round().max(0.0) as usize..((centre + half).round() as usize).min(length)
                };
                let (down, across) = (span(height), span(width));
                let own = 1.0 - (down.len() * across.len()) as f32 / (height * width) as f32;
                let boxed = [0..items, down, across, 0..channels];
                let inputs = match boxed.iter().any(std::ops::Range::is_empty) {
                    true => images.clone(),
                    false => {
                        let others = images.clone().select(0, index(&order, &images.device()));
                        images.clone().slice_assign(boxed.clone(), others.slice(boxed))
                    }
                };
                Some(Mixed { inputs: inputs.into(), order, fractions: vec![own; items] })
            }
            (Self::CutMix { .. }, _) => None,
        }
    }
}

impl Mixed {
    /// The targets of the mixed batch, `[batch, outputs]`.
    pub(super) fn targets(&self, rows: Tensor<2>) -> Tensor<2> {
        blend(rows, &self.order, &self.fractions)
    }
}

/// Each row with its fraction of itself and the rest of another.
fn blend<const D: usize>(x: Tensor<D>, order: &[i64], fractions: &[f32]) -> Tensor<D> {
    let device = x.device();
    let mut shape = [1; D];
    shape[0] = fractions.len();
    let own = Tensor::<1>::from_floats(fractions, &device).reshape(shape);
    let others = x.clone().select(0, index(order, &device));
    others.clone() + (x - others) * own
}

fn index(order: &[i64], device: &burn::tensor::Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(order.to_vec(), [order.len()]), device)
}

/// A draw from the beta distribution with both parameters `alpha`, in 0..=1 (Jöhnk's method).
fn beta(alpha: f64, random: &mut Rng) -> f64 {
    // A pair is accepted with probability 1/2 at alpha 1 and more below it; this many in vain do not happen.
    for _ in 0..1000 {
        let [x, y] = [(); 2].map(|()| random.random::<f64>().powf(1.0 / alpha));
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
    0.5
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::data::{Draws, Target, target_rows};

    fn random(item: usize) -> Rng {
        Draws { seed: 3, epoch: 0 }.for_mixing(item)
    }

    fn images() -> Tensor<4> {
        // Each image is its number.
        Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0], &Device::flex())
            .reshape([4, 1, 1, 1])
            .expand([4, 8, 8, 3])
    }

    #[test]
    fn targets_are_mixed_as_images_are() {
        let rows = || target_rows(&[0, 1, 2, 3].map(Target::Class), 4, &Device::flex());
        for mixing in [Mixing::MixUp { alpha: 0.4 }, Mixing::CutMix { alpha: 1.0 }] {
            for draw in 0..20 {
                let mixed = mixing.mix(&images().into(), &mut random(draw)).unwrap();
                let rows = mixed.targets(rows());
                // The mean of an image is the mean of what is in it.
                let values = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0], &Device::flex());
                let expected = (rows * values.unsqueeze()).sum_dim(1).into_data();
                let found = mixed.inputs.single::<4>().reshape([4, -1]).mean_dim(1).into_data();
                for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
                    // Sums of 192 numbers in f32.
                    assert!((found - expected).abs() < 1e-4, "{mixing:?}: {found} and not {expected}");
                }
            }
        }
    }

    #[test]
    fn shares_are_those_of_the_beta_distribution() {
        for (alpha, variance) in [(0.4, 0.25 / 1.8), (1.0, 1.0 / 12.0)] {
            let mut random = random(0);
            let draws: Vec<f64> = (0..4000).map(|_| beta(alpha, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 4000.0;
            let spread = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0;
            // Four standard deviations of the mean of 4000 draws are at most .024; of their variance, less.
            assert!((mean - 0.5).abs() < 0.024 && (spread - variance).abs() < 0.01, "{mean} {spread}");
        }
    }

    #[test]
    fn what_stands_for_something_is_not_mixed() {
        let ids = Tensor::<2, Int>::from_data([[1, 2]], &Device::flex());
        let inputs = Batch::new(vec![Value::Ids(ids)]);
        assert!(Mixing::MixUp { alpha: 0.4 }.mix(&inputs, &mut random(0)).is_none());
        assert!(Mixing::None.mix(&images().into(), &mut random(0)).is_none());
    }
}
