//! Weights in the order the microkernel reads them.
//!
//! A panel holds one tile's columns: `[segment][tap, reduced channel][column]`, neighbours along the depth
//! interleaved as the microkernel wants them, zeros where depth or columns are padded.

use rayon::prelude::*;

use super::geometry::{Pass, Plan};
use super::kernel::{MOST_COLUMNS, Microkernel, SIDE, Work};
use super::stage::convert;
use crate::Buffer;

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
        pack_panel(kernel, plan, pass, weight, index, panel);
    });
}

/// Fills one panel; they are counted through all groups.
pub(super) fn pack_panel<K: Microkernel>(
    kernel: K,
    plan: &Plan,
    pass: &Pass,
    weight: &[f32],
    index: usize,
    panel: &mut [K::Product],
) {
    let (group, first) = (index / panels::<K>(plan), index % panels::<K>(plan) * K::COLUMNS);
    let weight = &weight[group * plan.weight_strides[0]..];
    kernel.vectorize(Panel { kernel, plan, pass, weight, first, panel });
}

/// One panel, whose first column is the group's written channel `first`.
struct Panel<'a, K: Microkernel> {
    kernel: K,
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
        let Self { kernel, plan, pass, weight, first, panel } = self;
        let [_, reduced_stride, written_stride] = plan.weight_strides;
        let columns = K::COLUMNS.min(plan.written() - first);
        let weight = &weight[first * written_stride..];
        panel.fill(K::Product::default());
        // Weights of one channel (of one column, if that is the wider step) are neighbours in `weight`.
        let taps = reduced_stride.min(written_stride);
        let block = (BLOCK / taps).max(1).next_multiple_of(2);
        // `[channel][tap][column]`, of a few channels at a time: what the cache holds.
        let mut rows = Buffer::<K::Product>::new((block * taps).next_multiple_of(SIDE) * K::COLUMNS);
        for start in (0..plan.reduced()).step_by(block) {
            let channels = block.min(plan.reduced() - start);
            if reduced_stride < written_stride {
                let len = channels * taps;
                for (group, first) in (0..columns).step_by(SIDE).enumerate() {
                    for at in (0..len).step_by(SIDE) {
                        let mut square = [[K::Product::default(); SIDE]; SIDE];
                        let width = SIDE.min(len - at);
                        for (column, row) in square.iter_mut().enumerate().take(columns - first) {
                            let source = &weight[(first + column) * written_stride + start * taps + at..];
                            convert(&source[..width], &mut row[..width]);
                        }
                        let square = kernel.transpose(&square);
                        let side = SIDE.min(K::COLUMNS);
                        for (row, values) in rows[at * K::COLUMNS..].chunks_exact_mut(K::COLUMNS).zip(&square)
                        {
                            row[group * SIDE..][..side].copy_from_slice(&values[..side]);
                        }
                    }
                }
            } else {
                for channel in 0..channels {
                    let source = &weight[(start + channel) * reduced_stride..];
                    for tap in 0..taps {
                        let mut values = [0.0; MOST_COLUMNS];
                        let picked = source[tap..].iter().step_by(taps);
                        values[..columns].iter_mut().zip(picked).for_each(|(value, weight)| *value = *weight);
                        let row = &mut rows[(channel * taps + tap) * K::COLUMNS..][..K::COLUMNS];
                        convert(&values[..K::COLUMNS], row);
                    }
                }
            }
            let row = |channel: usize, tap: usize| &rows[(channel * taps + tap) * K::COLUMNS..][..K::COLUMNS];
            let depth = padded_depth::<K>(plan, pass);
            for (segment, panel) in pass.segments.iter().zip(panel.chunks_exact_mut(depth * K::COLUMNS)) {
                for (place, &tap) in segment.taps.iter().enumerate() {
                    let mut channel = 0;
                    while channel < channels {
                        let depth = place * plan.reduced() + start + channel;
                        let out = &mut panel[depth / K::INTERLEAVE * K::INTERLEAVE * K::COLUMNS..]
                            [..K::INTERLEAVE * K::COLUMNS];
                        let pair = K::INTERLEAVE == 2 && depth.is_multiple_of(2) && channel + 1 < channels;
                        if pair {
                            let (a, b) = (row(channel, tap), row(channel + 1, tap));
                            for ((out, a), b) in out.chunks_exact_mut(2).zip(a).zip(b) {
                                (out[0], out[1]) = (*a, *b);
                            }
                        } else {
                            for (out, value) in out.chunks_exact_mut(K::INTERLEAVE).zip(row(channel, tap)) {
                                out[depth % K::INTERLEAVE] = *value;
                            }
                        }
                        channel += if pair { 2 } else { 1 };
                    }
                }
            }
        }
    }
}

/// Weights of one column that are rearranged at a time.
const BLOCK: usize = 256;
