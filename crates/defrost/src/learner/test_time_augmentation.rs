//! Test-time augmentation: predictions averaged over variants of an item.

use burn::tensor::Tensor;

use crate::data::{Draws, Variant};
use crate::loss::AnyLoss;

/// How many variants of an item are predicted: the original, and some as training augments it. Their predictions are averaged
/// (fastai's `tta`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestTimeAugmentation {
    /// How many augmented variants there are.
    pub variants: u64,
    /// How much the original counts, `0.0..=1.0`; the augmented variants share the rest.
    pub original_weight: f64,
}

impl TestTimeAugmentation {
    /// The original alone.
    pub const NONE: Self = Self { variants: 0, original_weight: 1.0 };
    /// Test-time augmentation as fastai does it: four augmented variants count three quarters.
    pub const FASTAI: Self = Self { variants: 4, original_weight: 0.25 };

    /// The variants, the original first. The augmented ones are the same in every run.
    pub fn all_variants(self) -> impl Iterator<Item = Variant> {
        let augmented = (0..self.variants).map(|epoch| Variant::Augmented(Draws { seed: 0, epoch }));
        std::iter::once(Variant::Original).chain(augmented)
    }

    /// Scores that mean the average of what the scores of each variant mean, `[batch, outputs]`; `scores` gives them
    /// in the order of [`TestTimeAugmentation::all_variants`].
    ///
    /// # Errors
    ///
    /// Those of `scores`.
    pub fn scores<E>(
        self,
        loss: &AnyLoss,
        mut scores: impl FnMut(Variant) -> Result<Tensor<2>, E>,
    ) -> Result<Tensor<2>, E> {
        let plain = scores(Variant::Original)?;
        if self.variants == 0 {
            return Ok(plain);
        }
        let fraction = (1.0 - self.original_weight) / self.variants as f64;
        let mut average = loss.decode(plain) * self.original_weight;
        for variant in self.all_variants().skip(1) {
            average = average + loss.decode(scores(variant)?) * fraction;
        }
        Ok(loss.encode(average))
    }
}

impl Default for TestTimeAugmentation {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use burn::tensor::Device;

    use super::*;
    use crate::loss::{BinaryCrossEntropy, SquaredError, TargetScaler};

    #[test]
    fn answers_are_averaged_not_scores() {
        let scores = |variant: Variant| {
            let score = match variant {
                Variant::Original => 3.0,
                Variant::Augmented(draws) => draws.epoch as f32 - 1.0,
            };
            Ok::<_, Infallible>(Tensor::<2>::from_floats([[score, 0.0]], &Device::flex()))
        };
        for loss in [
            AnyLoss::default(),
            BinaryCrossEntropy.into(),
            SquaredError(TargetScaler { mean: 5.0, std: 2.0 }).into(),
        ] {
            let of =
                |variant| loss.decode(scores(variant).unwrap()).into_data().iter::<f32>().next().unwrap();
            let varied: f32 = (0..4).map(|epoch| of(Variant::Augmented(Draws { seed: 0, epoch }))).sum();
            let expected = 0.25 * of(Variant::Original) + 0.75 * varied / 4.0;
            let found = loss.decode(TestTimeAugmentation::FASTAI.scores(&loss, scores).unwrap());
            let found = found.into_data().iter::<f32>().next().unwrap();
            // Through a logarithm and back in f32.
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found} and not {expected}");
            let plain = TestTimeAugmentation::NONE.scores(&loss, scores).unwrap().into_data();
            assert_eq!(plain, scores(Variant::Original).unwrap().into_data());
        }
    }
}
