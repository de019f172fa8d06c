//! Statistics of a depthwise convolution's output, band by band.
//!
//! Invariants: the result depends neither on the number of threads nor on their timing. Sums are taken
//! around a value that occurs, so a large mean costs no digits.

use crate::{
    ChannelStatistics, Element, IsaLevel,
    channels::Period,
    simd::{self, Kernel, Simd},
};

/// Statistics of part of the pixels, which can be combined.
pub(super) struct Moments {
    pixels: usize,
    mean: Vec<f64>,
    /// Sum of the squared distances from the mean.
    squares: Vec<f64>,
}

impl Moments {
    /// Of whole pixels that are not many more than a chunk's.
    pub(super) fn of<T: Element>(isa: IsaLevel, period: &Period, x: &[T]) -> Self {
        let channels = period.channels();
        let pixels = x.len() / channels;
        let pivot: Vec<f32> = (0..channels).map(|c| x.get(c).map_or(0.0, |x| x.to_f32())).collect();
        let (mut sums, mut squares) = (period.zeros(), period.zeros());
        simd::run(
            isa,
            AroundPivot { x, pivot: &period.spread(&pivot), sums: &mut sums, squares: &mut squares },
        );
        let (sums, squares) = (period.fold(&sums), period.fold(&squares));
        let count = pixels.max(1) as f64;
        Self {
            pixels,
            mean: (0..channels).map(|c| f64::from(pivot[c]) + sums[c] / count).collect(),
            squares: (0..channels).map(|c| squares[c] - sums[c] * sums[c] / count).collect(),
        }
    }

    /// Of all parts, in their order (Chan, Golub and LeVeque 1979).
    pub(super) fn combine(channels: usize, parts: &[Self]) -> ChannelStatistics {
        let (mut mean, mut squares, mut pixels) = (vec![0.0; channels], vec![0.0; channels], 0.0);
        for part in parts {
            let added = part.pixels as f64;
            let total = pixels + added;
            let share = added / total;
            for c in 0..channels {
                let delta = part.mean[c] - mean[c];
                mean[c] += delta * share;
                squares[c] += part.squares[c] + delta * delta * pixels * share;
            }
            pixels = total;
        }
        let count = f64::max(pixels, 1.0);
        ChannelStatistics {
            mean: mean.iter().map(|mean| *mean as f32).collect(),
            variance: squares.iter().map(|squares| (squares / count) as f32).collect(),
        }
    }
}

/// `sums = Σ (x - pivot)`, `squares = Σ (x - pivot)²` over periods.
struct AroundPivot<'a, T> {
    x: &'a [T],
    pivot: &'a [f32],
    sums: &'a mut [f32],
    squares: &'a mut [f32],
}

impl<T: Element> Kernel for AroundPivot<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.pivot.len();
        let (pivot, sums, squares) = (self.pivot, &mut self.sums[..len], &mut self.squares[..len]);
        for x in self.x.chunks(len) {
            for at in (0..x.len()).step_by(S::LANES) {
                let pivot = s.load(&pivot[at..]);
                // Lanes after the end are as far from the pivot as the pivot itself: nothing.
                let value =
                    if x.len() - at >= S::LANES { s.load(&x[at..]) } else { s.load_part_or(&x[at..], pivot) };
                let distance = s.sub(value, pivot);
                let sum = s.add(s.load(&sums[at..]), distance);
                let square = s.mul_add(distance, distance, s.load(&squares[at..]));
                s.store(&mut sums[at..], sum);
                s.store(&mut squares[at..], square);
            }
        }
    }
}
