//! How often items are looked at to say what they are.

use burn::tensor::Tensor;

use crate::data::{Draws, View};
use crate::loss::Loss;

/// Looks at each item: as it is, and as training varies it. Their answers are averaged (fastai's `tta`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Looks {
    /// How many varied looks there are.
    pub varied: u64,
    /// How much the plain look counts, `0.0..=1.0`; the varied ones share the rest.
    pub plain: f64,
}

impl Looks {
    /// One look at each item as it is.
    pub const PLAIN: Self = Self { varied: 0, plain: 1.0 };
    /// Test-time augmentation as fastai does it: four varied looks count three quarters.
    pub const SEVERAL: Self = Self { varied: 4, plain: 0.25 };

    /// The views that are looked at, the plain one first. The varied ones are the same in every run.
    pub fn views(self) -> impl Iterator<Item = View> {
        let varied = (0..self.varied).map(|epoch| View::Augmented(Draws { seed: 0, epoch }));
        std::iter::once(View::Plain).chain(varied)
    }

    /// Scores that mean the average of what the scores of each look mean, `[batch, outputs]`; `scores` is asked for them
    /// in the order of [`Looks::views`].
    ///
    /// # Errors
    ///
    /// Those of `scores`.
    pub fn scores<E>(
        self,
        loss: &Loss,
        mut scores: impl FnMut(View) -> Result<Tensor<2>, E>,
    ) -> Result<Tensor<2>, E> {
        let plain = scores(View::Plain)?;
        if self.varied == 0 {
            return Ok(plain);
        }
        let share = (1.0 - self.plain) / self.varied as f64;
        let mut average = loss.activate(plain) * self.plain;
        for view in self.views().skip(1) {
            average = average + loss.activate(scores(view)?) * share;
        }
        Ok(loss.deactivate(average))
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self::PLAIN
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use burn::tensor::Device;

    use super::*;
    use crate::loss::Scale;

    #[test]
    fn answers_are_averaged_not_scores() {
        let scores = |view: View| {
            let score = match view {
                View::Plain => 3.0,
                View::Augmented(draws) => draws.epoch as f32 - 1.0,
            };
            Ok::<_, Infallible>(Tensor::<2>::from_floats([[score, 0.0]], &Device::flex()))
        };
        for loss in
            [Loss::default(), Loss::BinaryCrossEntropy, Loss::SquaredError(Scale { mean: 5.0, std: 2.0 })]
        {
            let of = |view| loss.activate(scores(view).unwrap()).into_data().iter::<f32>().next().unwrap();
            let varied: f32 = (0..4).map(|epoch| of(View::Augmented(Draws { seed: 0, epoch }))).sum();
            let expected = 0.25 * of(View::Plain) + 0.75 * varied / 4.0;
            let found = loss.activate(Looks::SEVERAL.scores(&loss, scores).unwrap());
            let found = found.into_data().iter::<f32>().next().unwrap();
            // Through a logarithm and back in f32.
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found} and not {expected}");
            let plain = Looks::PLAIN.scores(&loss, scores).unwrap().into_data();
            assert_eq!(plain, scores(View::Plain).unwrap().into_data());
        }
    }
}
