//! The losses of a run's batches, few enough to be drawn at any time.

/// There are never more points than this.
const MOST: usize = 400;

/// Losses by their places in the run, in epochs. Each point is the mean of as many batches as the others; where there would be
/// too many, each becomes one with its neighbour.
#[derive(Clone, Debug)]
pub struct Losses {
    points: Vec<(f64, f64)>,
    /// How many batches make a point.
    each: usize,
    /// The sum of those of the next one, and how many they are.
    open: (f64, usize),
}

impl Default for Losses {
    fn default() -> Self {
        Self { points: vec![], each: 1, open: (0.0, 0) }
    }
}

impl Losses {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_batches_become_few_points_of_the_same_mean() {
        let mut losses = Losses::default();
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
}
