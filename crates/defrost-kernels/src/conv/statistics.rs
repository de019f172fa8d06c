//! Statistics of a convolution's output, accumulated tile by tile without cancellation.
//!
//! Each unit of work sums its values' distances from a value of its own, in `f32`; units are then combined in
//! their order in `f64` (Chan, Golub, LeVeque 1979). Units depend on the shape alone, so the result does too.

use rayon::prelude::*;

use crate::ChannelStatistics;

/// One unit's sums of the distances from `shift`, and of their squares, per channel.
pub(super) struct UnitStatistics {
    /// Values seen per channel.
    pub count: usize,
    pub shift: Vec<f32>,
    pub sum: Vec<f32>,
    pub square: Vec<f32>,
}

impl UnitStatistics {
    pub(super) fn new(channels: usize) -> Self {
        Self { count: 0, shift: vec![0.0; channels], sum: vec![0.0; channels], square: vec![0.0; channels] }
    }

    /// The statistics of all units together.
    pub(super) fn combine(units: &[Self], statistics: &mut ChannelStatistics) {
        let channels = (&mut statistics.mean, &mut statistics.variance).into_par_iter().enumerate();
        channels.with_min_len(4096 / units.len().max(1) + 1).for_each(|(channel, (mean, variance))| {
            let (mut count, mut center, mut spread) = (0.0f64, 0.0f64, 0.0f64);
            for unit in units.iter().filter(|unit| unit.count > 0) {
                let unit_count = unit.count as f64;
                let sum = f64::from(unit.sum[channel]);
                let unit_spread = (f64::from(unit.square[channel]) - sum * sum / unit_count).max(0.0);
                let distance = f64::from(unit.shift[channel]) + sum / unit_count - center;
                let total = count + unit_count;
                center += distance * unit_count / total;
                spread += unit_spread + distance * distance * count * unit_count / total;
                count = total;
            }
            *mean = center as f32;
            *variance = (spread / count.max(1.0)) as f32;
        });
    }
}
