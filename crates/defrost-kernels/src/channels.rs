//! Passes over memory in which every channel has its own numbers.
//!
//! Channels are innermost, but their number need not fill vectors. Repeating the per-channel numbers
//! until they do (a [`Period`]) leaves one loop for every number of channels, without a rest per pixel.
//!
//! Invariant: chunks depend on sizes alone, and sums of chunks are added in their order, so results do
//! not depend on the number of threads.

use crate::{Buffer, Element};

/// Elements a thread takes at a time: small enough for its cache, large enough to be worth it.
const CHUNK: usize = 1 << 15;

/// A multiple of every instruction set's lanes.
const GROUP: usize = 16;

/// As many elements as are taken at a time. Slices of groups, cut to the same length, are indexed without a check.
pub(crate) type Group<T> = [T; GROUP];

/// Elements in groups; the last one, where it is not whole, is filled up with zeros.
pub(crate) fn last_group<T: Element>(rest: &[T]) -> [Group<T>; 1] {
    let mut group = [T::default(); GROUP];
    group[..rest.len()].copy_from_slice(rest);
    [group]
}

/// The smallest period: shorter ones would be loops that hardly turn.
const SHORTEST: usize = 64;

/// Whole pixels, repeated until they fill whole vectors.
pub(crate) struct Period {
    channels: usize,
    len: usize,
}

impl Period {
    /// For `len` elements of whole pixels.
    pub(crate) fn of(channels: usize, len: usize) -> Self {
        assert!(channels > 0 && len.is_multiple_of(channels), "{len} elements are not pixels of {channels}");
        let mut period = channels * (GROUP >> channels.trailing_zeros().min(GROUP.trailing_zeros()));
        while period < SHORTEST {
            period *= 2;
        }
        Self { channels, len: period }
    }

    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Elements of a chunk: whole periods.
    pub(crate) fn chunk_len(&self) -> usize {
        self.len * (CHUNK / self.len).max(1)
    }

    /// Repeats one number per channel over the period, aligned as vectors are.
    pub(crate) fn spread(&self, per_channel: &[f32]) -> Buffer<f32> {
        assert_eq!(per_channel.len(), self.channels, "one number per channel");
        let mut spread = Buffer::new(self.len);
        spread.chunks_exact_mut(self.channels).for_each(|pixel| pixel.copy_from_slice(per_channel));
        spread
    }

    /// Sums over a period before anything was added, aligned as vectors are.
    pub(crate) fn zeros(&self) -> Buffer<f32> {
        Buffer::zeroed(self.len)
    }

    /// Adds up what a period has gathered for each channel.
    pub(crate) fn fold(&self, sums: &[f32]) -> Vec<f64> {
        let mut folded = vec![0.0; self.channels];
        for pixel in sums.chunks_exact(self.channels) {
            add_to(&mut folded, pixel.iter().map(|sum| f64::from(*sum)));
        }
        folded
    }
}

/// `total += part`, element by element.
pub(crate) fn add_to(total: &mut [f64], part: impl IntoIterator<Item = f64>) {
    total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
}

/// The sum of equally long parts, in their order.
pub(crate) fn sum_parts(len: usize, parts: &[Vec<f64>]) -> Vec<f64> {
    let mut total = vec![0.0; len];
    parts.iter().for_each(|part| add_to(&mut total, part.iter().copied()));
    total
}

/// Rounds sums to `f32`.
pub(crate) fn round_to(to: &mut [f32], sums: &[f64]) {
    assert_eq!(to.len(), sums.len(), "one number per channel");
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = *sum as f32);
}
