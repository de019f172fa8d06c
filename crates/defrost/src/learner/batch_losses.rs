//! The losses of a run's batches, few enough to be drawn at any time.

use serde::{Deserialize, Serialize};

/// There are never more points than this.
const MOST: usize = 400;
/// How much of the smoothed loss stays from batch to batch (fastai's `Recorder`).
const KEPT: f64 = 0.98;

/// Losses by their places in the run, in epochs. Each point is the mean of as many batches as the others; where there would be
/// too many, each becomes one with its neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchLosses {
    points: Vec<(f64, f64)>,
    /// How many batches make a point.
    each: usize,
    /// The sum of those of the next one, and how many they are.
    open: (f64, usize),
}

impl Default for BatchLosses {
    fn default() -> Self {
        Self { points: vec![], each: 1, open: (0.0, 0) }
    }
}

impl BatchLosses {
    /// Adds the loss of a batch that ended at this place.
    pub fn push(&mut self, place: f64, loss: f64) {
        let (sum, count) = (self.open.0 + loss, self.open.1 + 1);
        self.open = (sum, count);
        if count < self.each {
            return;
        }
        self.open = (0.0, 0);
        self.points.push((place, sum / count as f64));
        if self.points.len() >= MOST {
            let pair = |pair: &[(f64, f64)]| {
                let (first, last) = (pair[0], pair[pair.len() - 1]);
                (last.0, f64::midpoint(first.1, last.1))
            };
            self.points = self.points.chunks(2).map(pair).collect();
            self.each *= 2;
        }
    }

    /// Forgets what came after this place.
    pub fn forget_after(&mut self, place: f64) {
        self.points.retain(|point| point.0 <= place);
        self.open = (0.0, 0);
    }

    /// The places and losses.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// The same as a running average over batches, as fastai shows it: .98 of it stays from batch to batch, and the beginning is
    /// corrected for having nothing before it.
    pub fn smoothed(&self) -> Vec<(f64, f64)> {
        let kept = KEPT.powf(self.each as f64);
        let (mut average, mut weight) = (0.0, 0.0);
        let smooth = |&(place, loss): &(f64, f64)| {
            average = kept * average + (1.0 - kept) * loss;
            weight = kept * weight + (1.0 - kept);
            (place, average / weight)
        };
        self.points.iter().map(smooth).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_batches_become_few_points_of_the_same_mean() {
        let mut losses = BatchLosses::default();
        let batches = 4 * MOST;
        (0..batches).for_each(|batch| losses.push(batch as f64 + 1.0, batch as f64));
        let points = losses.points();
        assert!((MOST / 2..MOST).contains(&points.len()), "{}", points.len());
        assert!(points.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(points[points.len() - 1].0, batches as f64);
        let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
        assert_eq!(mean, (batches - 1) as f64 / 2.0);
        losses.forget_after(100.0);
        assert!(losses.points().iter().all(|point| point.0 <= 100.0) && !losses.points().is_empty());
    }

    #[test]
    fn the_smoothed_loss_is_fastais() {
        let mut losses = BatchLosses::default();
        [4.0, 2.0, 3.0].into_iter().enumerate().for_each(|(batch, loss)| losses.push(batch as f64, loss));
        let smoothed: Vec<f64> = losses.smoothed().iter().map(|point| point.1).collect();
        // `AvgSmoothLoss`: val = torch.lerp(loss, val, 0.98), shown as val / (1 - 0.98 ** count).
        let second = (0.98 * 0.02 * 4.0 + 0.02 * 2.0) / (1.0 - 0.98f64.powi(2));
        assert!((smoothed[0] - 4.0).abs() < 1e-12 && (smoothed[1] - second).abs() < 1e-12, "{smoothed:?}");
        assert!(BatchLosses::default().smoothed().is_empty());
        // Equal losses stay what they are, however many batches a point holds.
        let mut equal = BatchLosses::default();
        (0..3 * MOST).for_each(|batch| equal.push(batch as f64, 0.5));
        assert!(equal.smoothed().iter().all(|point| (point.1 - 0.5).abs() < 1e-12));
    }
}
