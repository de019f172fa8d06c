//! Seeded draws: every random number belongs to a purpose, an epoch and an item.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng};

/// The generator of one item's draws.
pub type Rng = ChaCha8Rng;

/// What is drawn for; draws for different purposes are independent.
#[derive(Clone, Copy)]
enum Purpose {
    Augmentation = 1,
    Order = 2,
    Layers = 3,
    Split = 4,
    Weights = 5,
    Mixing = 6,
    Resample = 7,
    Folds = 8,
    Part = 9,
}

/// The draws of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draws {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, counted over all phases.
    pub epoch: u64,
}

impl Draws {
    /// The draws of one of `variants` epochs, which take turns.
    pub fn among(self, variants: u64) -> Self {
        Self { epoch: self.epoch % variants.max(1), ..self }
    }

    /// Draws that change one item.
    pub fn for_item(self, item: usize) -> Rng {
        self.generator(Purpose::Augmentation, item as u64)
    }

    /// Draws that order the epoch's items.
    pub fn for_order(self) -> Rng {
        self.generator(Purpose::Order, 0)
    }

    /// What layers draw in one batch, such as dropout.
    pub fn for_layers(self, batch: usize) -> Rng {
        self.generator(Purpose::Layers, batch as u64)
    }

    /// Draws that mix the items of one batch.
    pub fn for_mixing(self, batch: usize) -> Rng {
        self.generator(Purpose::Mixing, batch as u64)
    }

    /// Draws that split the items of a class into training and validation; items without classes are one class, 0.
    pub fn for_split(seed: u64, class: usize) -> Rng {
        Self { seed, epoch: 0 }.generator(Purpose::Split, class as u64)
    }

    /// Draws that deal the items of a class to the folds of a cross-validation.
    pub fn for_folds(seed: u64, class: usize) -> Rng {
        Self { seed, epoch: 0 }.generator(Purpose::Folds, class as u64)
    }

    /// Draws that order the items of a class, of which a part is taken.
    pub fn for_part(seed: u64, class: usize) -> Rng {
        Self { seed, epoch: 0 }.generator(Purpose::Part, class as u64)
    }

    /// A seed for new weights.
    pub fn weight_seed(seed: u64) -> u64 {
        Self { seed, epoch: 0 }.generator(Purpose::Weights, 0).next_u64()
    }

    /// Draws of items with repetition, to see how much a measure of them varies: those of one round.
    pub fn for_resample(seed: u64, round: usize) -> Rng {
        Self { seed, epoch: 0 }.generator(Purpose::Resample, round as u64)
    }

    /// The four numbers are the cipher's key: different draws can't collide.
    fn generator(self, purpose: Purpose, item: u64) -> Rng {
        let mut key = [0; 32];
        for (bytes, number) in key.chunks_exact_mut(8).zip([self.seed, self.epoch, item, purpose as u64]) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}
