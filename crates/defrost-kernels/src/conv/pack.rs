//! Weights in the order the microkernel reads them.
//!
//! A panel holds one tile's columns: `[segment][tap, reduced channel][column]`, neighbours along the depth
//! interleaved as the microkernel wants them, zeros where depth or columns are padded.

use rayon::prelude::*;

use super::geometry::{Pass, Plan};
use super::kernel::{Microkernel, Work};
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
        let depth = padded_depth::<K>(plan, pass);
        let columns = K::COLUMNS.min(plan.written() - first);
        panel.fill(K::Product::default());
        for (segment, panel) in pass.segments.iter().zip(panel.chunks_exact_mut(depth * K::COLUMNS)) {
            for (place, tap) in segment.taps.iter().enumerate() {
                for channel in 0..plan.reduced() {
                    let depth = place * plan.reduced() + channel;
                    let row = &mut panel[depth / K::INTERLEAVE * K::INTERLEAVE * K::COLUMNS..]
                        [..K::INTERLEAVE * K::COLUMNS];
                    let source = &weight[channel * reduced_stride + tap + first * written_stride..];
                    let row = row[depth % K::INTERLEAVE..].iter_mut().step_by(K::INTERLEAVE).take(columns);
                    for (out, value) in row.zip(source.iter().step_by(written_stride)) {
                        *out = K::Product::from_f32(*value);
                    }
                }
            }
        }
    }
}
