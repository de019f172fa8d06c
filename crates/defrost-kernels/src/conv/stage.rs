//! The stage: the part of the source that a unit of work reads, zero-bordered, in the format that is multiplied.
//!
//! `[row phase][image][row of that phase][column][channel]`. Rows a stride apart are neighbours, and a row is as
//! wide as `grid width * step` pixels, so grid pixels lie evenly spaced **across** rows, too: a tile may run over the
//! end of a row into the next. A row's right border is the next row's left border where it can be.

use std::any::TypeId;

use super::geometry::Plan;
use crate::Element;
use crate::Plain;

/// Zeros after the last pixel: the widest reach of a padded depth.
const SLACK: usize = 64;

/// A stage's measures, in pixels unless said otherwise.
pub(super) struct Stage {
    /// Grid pixels from a row to the next.
    pub flat_width: usize,
    /// Stage pixels from a row to the next.
    width: usize,
    /// Rows that each image has in each phase.
    rows: usize,
    /// Which row phases are read, and where they are kept.
    slots: Vec<Option<usize>>,
}

impl Stage {
    /// For units of that many grid rows and columns.
    pub(super) fn new(plan: &Plan, grid_rows: usize, grid_columns: usize) -> Self {
        let needed = (grid_columns - 1) * plan.step[1] + plan.span[1];
        let left = plan.origin[1].min(0).unsigned_abs();
        // What runs over the end of a row must be zero there, and it must find zeros: the next row's left border.
        let shared = (plan.source[1] + left).max(needed.saturating_sub(left));
        let width = if plan.origin[1] <= 0 { needed.min(shared) } else { needed };
        let flat_width = width.div_ceil(plan.step[1]).max(grid_columns);
        let phases = plan.step[0];
        let mut used = vec![false; phases];
        plan.passes
            .iter()
            .flat_map(|pass| &pass.segments)
            .for_each(|segment| used[segment.row % phases] = true);
        let mut next = 0..;
        let slots = used.iter().map(|&used| if used { next.next() } else { None }).collect();
        Self {
            flat_width,
            width: flat_width * plan.step[1],
            rows: grid_rows + (plan.span[0] - 1) / phases,
            slots,
        }
    }

    /// Elements of the stage of that many images.
    pub(super) fn len(&self, plan: &Plan, images: usize) -> usize {
        let phases = self.slots.iter().flatten().count();
        (phases * images * self.rows * self.width + plan.span[1]) * plan.reduced() + SLACK
    }

    /// Where an image begins in each phase, in elements.
    pub(super) fn image(&self, plan: &Plan, image: usize) -> usize {
        image * self.rows * self.width * plan.reduced()
    }

    /// Where a segment begins for the first grid pixel, in elements.
    pub(super) fn segment(&self, plan: &Plan, images: usize, row: usize, column: usize) -> usize {
        let phases = plan.step[0];
        let slot = self.slots[row % phases].expect("segments use their own rows");
        ((slot * images * self.rows + row / phases) * self.width + column) * plan.reduced()
    }

    /// Copies what grid pixels from the first row and column on read of `images`, channels of `group`.
    #[inline(always)]
    pub(super) fn fill<T: Element, P: Element + Plain>(
        &self,
        plan: &Plan,
        source: &[T],
        images: std::ops::Range<usize>,
        [first_row, first_column]: [usize; 2],
        group: usize,
        stage: &mut [P],
    ) {
        let channels = plan.reduced();
        let [source_height, source_width] = plan.source;
        // Columns of the stage that hold source pixels, and the first of those.
        let left = plan.origin[1].min(0).unsigned_abs().min(self.width);
        let skipped = plan.origin[1].max(0) as usize + first_column;
        let copied = source_width.saturating_sub(skipped).min(self.width - left);
        let row_len = self.width * channels;
        let mut end = 0;
        for (phase, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            for (index, image) in images.clone().enumerate() {
                for row in 0..self.rows {
                    let start = ((slot * images.len() + index) * self.rows + row) * row_len;
                    let stage = &mut stage[start..start + row_len];
                    end = end.max(start + row_len);
                    let source_row = ((first_row + row) * plan.step[0] + phase) as isize + plan.origin[0];
                    if source_row < 0 || source_row as usize >= source_height {
                        stage.fill(P::default());
                        continue;
                    }
                    stage[..left * channels].fill(P::default());
                    stage[(left + copied) * channels..].fill(P::default());
                    let stage = &mut stage[left * channels..(left + copied) * channels];
                    let first = (image * source_height + source_row as usize) * source_width + skipped;
                    if plan.groups == 1 {
                        convert(&source[first * channels..(first + copied) * channels], stage);
                        continue;
                    }
                    for (pixel, stage) in stage.chunks_exact_mut(channels).enumerate() {
                        let start = (first + pixel) * plan.source_channels + group * channels;
                        convert(&source[start..start + channels], stage);
                    }
                }
            }
        }
        stage[end..].fill(P::default());
    }
}

/// The source itself, where it is in the format that is multiplied.
#[inline(always)]
pub(super) fn in_place<T: Element, P: Element>(source: &[T]) -> Option<&[P]> {
    // SAFETY: T and P are the same type.
    (TypeId::of::<T>() == TypeId::of::<P>())
        .then(|| unsafe { std::slice::from_raw_parts(source.as_ptr().cast::<P>(), source.len()) })
}

/// Copies from one format to another.
#[inline(always)]
pub(super) fn convert<T: Element, P: Element>(source: &[T], target: &mut [P]) {
    if let Some(source) = in_place::<T, P>(source) {
        target.copy_from_slice(source);
        return;
    }
    for (target, source) in target.iter_mut().zip(source) {
        *target = P::from_f32(source.to_f32());
    }
}
