//! fastai's `fine_tune`, with its constants as fields.

use super::{Patience, Phase, Thaw};
use crate::rates::Rates;
use crate::schedule::Schedule;

/// fastai's `fine_tune`: train the head on frozen features, then everything, gently.
///
/// ```
/// use defrost::FineTune;
///
/// assert_eq!(FineTune::from(4), FineTune::new(4));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FineTune {
    /// Epochs with everything unfrozen, or what else [`thaw`](Self::thaw) says.
    pub epochs: usize,
    /// Epochs with all groups but the last frozen, before.
    pub freeze_epochs: usize,
    /// The frozen phase's rate. The unfrozen phase halves it for the last group and spreads it down to a
    /// [`rate_spread`](Self::rate_spread)th of that for the first. Rates that name the groups are taken
    /// as they are for the frozen phase, halved for the unfrozen one.
    pub rates: Rates,
    /// fastai's `lr_mult`.
    pub rate_spread: f64,
    /// The fraction of the unfrozen phase that warms up.
    pub pct_start: f64,
    /// The unfrozen phase's first rate is its highest over this.
    pub div_factor: f64,
    /// Which groups train in the second phase; all by default.
    pub thaw: Thaw,
    /// The penalty on the weights of the head that the unfrozen phase starts with, where [`Recipe::Auto`](super::Recipe::Auto)
    /// computes it. The best head fits few training items so well that the loss has nothing left to teach the body. A head
    /// under a strong penalty points the same way and leaves that.
    pub head_penalty: f64,
    /// What ends the unfrozen phase before its last epoch, if anything does; then its rates stay as they are.
    pub patience: Option<Patience>,
}

impl FineTune {
    /// The unfrozen phase's rates over those given, where these name the groups.
    pub const UNFROZEN: f64 = 0.5;

    /// fastai's defaults for this many epochs.
    pub fn new(epochs: usize) -> Self {
        Self {
            epochs,
            freeze_epochs: 1,
            rates: Rates::One(2e-3),
            rate_spread: 100.0,
            pct_start: 0.3,
            div_factor: 5.0,
            thaw: Thaw::From(0),
            head_penalty: 10.0,
            patience: None,
        }
    }

    /// What `defrost train` does with images: as fastai, but the first group trains at a third of the head's
    /// rate, not at a hundredth. With a head that has no norms, and the body's held still, that is safe, and
    /// what a few epochs reach is better (`docs/benchmarks.md`).
    pub fn brisk(epochs: usize) -> Self {
        Self { rates: Rates::Between(6e-4, 2e-3), ..Self::new(epochs) }
    }

    /// The frozen phase and the one that trains everything.
    pub(super) fn phases(&self) -> [Phase; 2] {
        let (frozen_rates, unfrozen_rates) = match &self.rates {
            Rates::One(base) => {
                let highest = base * Self::UNFROZEN;
                (Rates::UpTo(*base), Rates::Between(highest / self.rate_spread, highest))
            }
            spread => (spread.clone(), spread.scaled(Self::UNFROZEN)),
        };
        let frozen = Schedule::one_cycle(25.0, 0.99, FASTAI_MOMENTUM);
        let unfrozen = Schedule::one_cycle(self.div_factor, self.pct_start, FASTAI_MOMENTUM);
        [
            Phase::from_position(-1, self.freeze_epochs, frozen_rates, frozen),
            match &self.thaw {
                Thaw::From(position) => {
                    Phase::from_position(*position, self.epochs, unfrozen_rates, unfrozen)
                }
                Thaw::Only(groups) => Phase::only(groups.clone(), self.epochs, unfrozen_rates, unfrozen),
            }
            .with_patience(self.patience),
        ]
    }
}

/// Momentum of `fit_one_cycle` at the start, at the highest rate, at the end.
const FASTAI_MOMENTUM: [f64; 3] = [0.95, 0.85, 0.95];

impl From<usize> for FineTune {
    fn from(epochs: usize) -> Self {
        Self::new(epochs)
    }
}

impl From<&FineTune> for FineTune {
    fn from(recipe: &FineTune) -> Self {
        recipe.clone()
    }
}
