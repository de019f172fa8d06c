//! Weights in the order the microkernel reads them.
//!
//! A panel holds one tile's columns: `[segment][tap, reduced channel][column]`, neighbours along the depth
//! interleaved as the microkernel wants them, zeros where depth or columns are padded.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::{Pass, Plan};
use super::kernel::{Microkernel, Work};
use super::scratch::Scratch;
use crate::Element;

/// A segment's depth as the microkernel walks it.
pub(super) fn padded_depth<K: Microkernel>(plan: &Plan, pass: &Pass) -> usize {
    let taps = pass.segments.first().map_or(0, |segment| segment.taps.len());
    (taps * plan.reduced()).next_multiple_of(K::DEPTH)
}

/// Elements of one panel.
pub(super) fn panel_len<K: Microkernel>(plan: &Plan, pass: &Pass) -> usize {
    pass.segments.len() * padded_depth::<K>(plan, pass) * K::COLUMNS
}

/// Panels of one group.
pub(super) fn panels<K: Microkernel>(plan: &Plan) -> usize {
    plan.written().div_ceil(K::COLUMNS)
}

/// Elements of all panels of all groups.
pub(super) fn packed_len<K: Microkernel>(plan: &Plan, pass: &Pass) -> usize {
    plan.groups * panels::<K>(plan) * panel_len::<K>(plan, pass)
}

/// Fills `packed`, `[group][panel]`.
pub(super) fn pack<K: Microkernel>(
    kernel: K,
    plan: &Plan,
    pass: &Pass,
    weight: &[f32],
    packed: &mut [K::Product],
) {
    let panel_len = panel_len::<K>(plan, pass);
    if panel_len == 0 {
        return;
    }
    packed.par_chunks_exact_mut(panel_len).enumerate().for_each(|(index, panel)| {
        let (group, first) = (index / panels::<K>(plan), index % panels::<K>(plan) * K::COLUMNS);
        let weight = &weight[group * plan.weight_strides[0]..];
        kernel.vectorize(Panel::<K> { plan, pass, weight, first, panel });
    });
}

/// One panel, whose first column is the group's written channel `first`.
struct Panel<'a, K: Microkernel> {
    plan: &'a Plan,
    pass: &'a Pass,
    /// The group's.
    weight: &'a [f32],
    first: usize,
    panel: &'a mut [K::Product],
}

impl<K: Microkernel> Work for Panel<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { plan, pass, weight, first, panel } = self;
        let [_, reduced_stride, written_stride] = plan.weight_strides;
        let columns = K::COLUMNS.min(plan.written() - first);
        panel.fill(K::Product::default());
        // Where a column's weights are far from the next column's, lines of all columns would fight for the same
        // places in the cache: they are copied next to each other first, a few channels at a time.
        let taps = reduced_stride.min(written_stride);
        let block = if reduced_stride < written_stride { (BLOCK / taps).max(1) } else { plan.reduced() };
        let mut copy = Scratch::<f32>::new(columns * (BLOCK.max(taps) + LINE));
        for start in (0..plan.reduced()).step_by(block) {
            let channels = block.min(plan.reduced() - start);
            let source = &weight[start * reduced_stride + first * written_stride..];
            if reduced_stride < written_stride {
                let pitch = channels * taps + LINE;
                for (column, copy) in copy.chunks_exact_mut(pitch).enumerate().take(columns) {
                    copy[..channels * taps]
                        .copy_from_slice(&source[column * written_stride..][..channels * taps]);
                }
                let copy =
                    Block { source: &copy, channels: start..start + channels, reduced: taps, written: pitch };
                copy.pack::<K>(plan, pass, columns, panel);
            } else {
                let channels = start..start + channels;
                let block = Block { source, channels, reduced: reduced_stride, written: written_stride };
                block.pack::<K>(plan, pass, columns, panel);
            }
        }
    }
}

/// Weights of one column that are copied at a time.
const BLOCK: usize = 256;
/// Weights of a cache line.
const LINE: usize = 16;
/// Room for the columns of any tile.
const MOST_COLUMNS: usize = 32;

/// Some channels' weights and their strides.
struct Block<'a> {
    source: &'a [f32],
    channels: Range<usize>,
    reduced: usize,
    written: usize,
}

impl Block<'_> {
    #[inline(always)]
    fn pack<K: Microkernel>(&self, plan: &Plan, pass: &Pass, columns: usize, panel: &mut [K::Product]) {
        let depth = padded_depth::<K>(plan, pass);
        for (index, channel) in self.channels.clone().enumerate() {
            for (segment, panel) in pass.segments.iter().zip(panel.chunks_exact_mut(depth * K::COLUMNS)) {
                for (place, tap) in segment.taps.iter().enumerate() {
                    let source = &self.source[index * self.reduced + tap..];
                    let mut values = [0.0; MOST_COLUMNS];
                    for (value, weight) in
                        values[..columns].iter_mut().zip(source.iter().step_by(self.written))
                    {
                        *value = *weight;
                    }
                    let depth = place * plan.reduced() + channel;
                    let row = &mut panel[depth / K::INTERLEAVE * K::INTERLEAVE * K::COLUMNS..]
                        [..K::INTERLEAVE * K::COLUMNS];
                    for (row, value) in row.chunks_exact_mut(K::INTERLEAVE).zip(&values) {
                        row[depth % K::INTERLEAVE] = K::Product::from_f32(*value);
                    }
                }
            }
        }
    }
}
