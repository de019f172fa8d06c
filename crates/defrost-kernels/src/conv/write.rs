//! How a tile's sums become output: bias, residual, activation; or statistics.
//!
//! A vector of channels at a time goes down the pixels of a line, so that the channels' numbers stay in
//! registers.

use std::ops::Range;

use super::statistics::UnitStatistics;
use crate::{Element, Epilogue, simd::Simd};

/// Pixels of a tile that lie evenly spaced in the target.
pub(super) struct Line<'a> {
    /// The first pixel's sums, and after `columns` elements the next one's.
    pub sums: &'a [f32],
    pub columns: usize,
    /// How many pixels.
    pub count: usize,
    /// Where the first pixel begins in the target.
    pub start: usize,
    /// Elements from a pixel to the next in the target.
    pub step: usize,
    /// The channels.
    pub channels: Range<usize>,
}

impl Line<'_> {
    /// Writes `activation(sums + bias + residual)`; the residual lies as the target does.
    #[inline(always)]
    pub(super) fn finish<S: Simd, T: Element>(&self, s: S, epilogue: &Epilogue<T>, target: &mut [T]) {
        for at in (0..self.channels.len()).step_by(S::LANES) {
            match (at + S::LANES <= self.channels.len(), epilogue.residual.is_some()) {
                (true, false) => self.finish_vector::<S, T, true, false>(s, at, epilogue, target),
                (true, true) => self.finish_vector::<S, T, true, true>(s, at, epilogue, target),
                (false, false) => self.finish_vector::<S, T, false, false>(s, at, epilogue, target),
                (false, true) => self.finish_vector::<S, T, false, true>(s, at, epilogue, target),
            }
        }
    }

    #[inline(always)]
    fn finish_vector<S: Simd, T: Element, const WHOLE: bool, const RESIDUAL: bool>(
        &self,
        s: S,
        at: usize,
        epilogue: &Epilogue<T>,
        target: &mut [T],
    ) {
        let channels = self.channels.start + at..self.channels.end;
        let bias = epilogue.bias.map_or(s.splat(0.0), |bias| load::<_, _, WHOLE>(s, &bias[channels]));
        let (lowest, highest) = epilogue.activation.range();
        let (lowest, highest) = (s.splat(lowest), s.splat(highest));
        let lanes = self.channels.len() - at;
        let sums = self.sums[at..].chunks(self.columns);
        let outs = target[self.start + at..].chunks_mut(self.step);
        let mut residuals = epilogue.residual.unwrap_or_default()
            [if RESIDUAL { self.start + at } else { 0 }..]
            .chunks(self.step);
        for (sums, out) in sums.zip(outs).take(self.count) {
            let mut value = s.add(s.load(sums), bias);
            if RESIDUAL {
                let residual = residuals.next().unwrap_or_default();
                value = s.add(value, load::<_, _, WHOLE>(s, &residual[..lanes]));
            }
            store::<_, _, WHOLE>(s, &mut out[..lanes], s.min(highest, s.max(lowest, value)));
        }
    }

    /// Writes the sums, and adds what was written, after rounding, to the statistics. `first` are the unit's first
    /// pixels.
    #[inline(always)]
    pub(super) fn gather<S: Simd, T: Element>(
        &self,
        s: S,
        first: bool,
        target: &mut [T],
        statistics: &mut UnitStatistics,
    ) {
        for at in (0..self.channels.len()).step_by(S::LANES) {
            if at + S::LANES <= self.channels.len() {
                self.gather_vector::<S, T, true>(s, at, first, target, statistics);
            } else {
                self.gather_vector::<S, T, false>(s, at, first, target, statistics);
            }
        }
    }

    #[inline(always)]
    fn gather_vector<S: Simd, T: Element, const WHOLE: bool>(
        &self,
        s: S,
        at: usize,
        first: bool,
        target: &mut [T],
        statistics: &mut UnitStatistics,
    ) {
        let channels = self.channels.start + at..self.channels.end;
        let lanes = channels.len();
        if first {
            let out = &mut target[self.start + at..][..lanes];
            store::<_, _, WHOLE>(s, out, s.load(&self.sums[at..]));
            let written = load::<_, _, WHOLE>(s, out);
            store::<_, _, WHOLE>(s, &mut statistics.shift[channels.clone()], written);
        }
        let shift = load::<_, _, WHOLE>(s, &statistics.shift[channels.clone()]);
        let mut sum = load::<_, _, WHOLE>(s, &statistics.sum[channels.clone()]);
        let mut square = load::<_, _, WHOLE>(s, &statistics.square[channels.clone()]);
        let sums = self.sums[at..].chunks(self.columns);
        for (sums, out) in sums.zip(target[self.start + at..].chunks_mut(self.step)).take(self.count) {
            store::<_, _, WHOLE>(s, &mut out[..lanes], s.load(sums));
            let distance = s.sub(load::<_, _, WHOLE>(s, &out[..lanes]), shift);
            sum = s.add(sum, distance);
            square = s.mul_add(distance, distance, square);
        }
        store::<_, _, WHOLE>(s, &mut statistics.sum[channels.clone()], sum);
        store::<_, _, WHOLE>(s, &mut statistics.square[channels], square);
    }
}

/// A vector of a slice that has one, or all of one that has not.
#[inline(always)]
fn load<S: Simd, T: Element, const WHOLE: bool>(s: S, from: &[T]) -> S::V {
    if WHOLE { s.load(from) } else { s.load_part(from) }
}

/// The reverse of [`load`].
#[inline(always)]
fn store<S: Simd, T: Element, const WHOLE: bool>(s: S, to: &mut [T], value: S::V) {
    if WHOLE { s.store(to, value) } else { s.store_part(to, value) }
}
