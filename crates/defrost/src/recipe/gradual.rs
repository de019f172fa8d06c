//! ULMFiT's gradual unfreezing (arXiv 1801.06146), for any network.

use super::Phase;
use crate::rates::Rates;
use crate::schedule::Schedule;

/// One group more a phase, the rate halved from phase to phase, then everything at a twentieth of it. Within a
/// phase each group's rate is 2.6 times the one before it over four groups' distance. Momentum goes from .8 to .7
/// and back, as fastai's for texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradual {
    /// Epochs of the last phase, which trains everything.
    pub epochs: usize,
    /// Epochs of each phase before it.
    pub epochs_per_group: usize,
    /// The first phase's rate.
    pub rate: f64,
}

impl Gradual {
    /// The phases for this many groups.
    pub(super) fn phases(&self, groups: usize) -> Vec<Phase> {
        let &Self { epochs, epochs_per_group, rate } = self;
        let spread = 2.6f64.powi(4);
        let schedule = Schedule::one_cycle(25.0, 0.25, [0.8, 0.7, 0.8]);
        let partial = (1..groups as isize).map(|unfrozen| {
            let rate = rate / 2f64.powi(unfrozen as i32 - 1);
            let rates = if unfrozen == 1 { Rates::One(rate) } else { Rates::Between(rate / spread, rate) };
            Phase::from_position(-unfrozen, epochs_per_group, rates, schedule.clone())
        });
        let last = rate / 20.0;
        let whole = Phase::from_position(0, epochs, Rates::Between(last / spread, last), schedule.clone());
        partial.chain([whole]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Thaw;

    #[test]
    fn one_group_more_trains_in_each_phase() {
        let phases = Gradual { epochs: 2, epochs_per_group: 1, rate: 2e-2 }.phases(4);
        let positions: Vec<_> = phases.iter().map(|phase| phase.thaw.clone()).collect();
        assert_eq!(positions, [-1, -2, -3, 0].map(Thaw::From));
        let rates: Vec<_> = phases.iter().map(|phase| phase.rates.highest()).collect();
        assert_eq!(rates, [2e-2, 1e-2, 5e-3, 1e-3]);
        // Of fastai's recipe: slice(1e-2/(2.6**4), 1e-2) in the second phase.
        assert_eq!(phases[1].rates, Rates::Between(1e-2 / 2.6f64.powi(4), 1e-2));
        assert_eq!(
            [0.0, 0.25, 1.0].map(|position| phases[1].schedule.at(position).momentum),
            [0.8, 0.7, 0.8]
        );
    }
}
