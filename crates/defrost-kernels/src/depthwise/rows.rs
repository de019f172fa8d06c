//! Source rows on their way into the cache: widened, spread out, padded with zeros.
//!
//! Channels are taken in groups of [`GROUP`]: a group's columns lie side by side in the cache, so that
//! every address of the inner loops is one pointer and a constant.
//!
//! Invariants: a group that ends past the channels is filled with zeros; a row has columns enough for
//! whole [`PIXELS`] blocks of output; rows of nothing but padding are known as such and cost nothing.

use crate::{Buffer, ConvShape, Element, simd::Simd};

/// Output pixels computed side by side, each weight loaded once for all of them. 7 divides the widths that
/// networks for 224-pixel images have, and leaves registers for the weights.
pub(super) const PIXELS: usize = 7;

/// Channels whose columns lie side by side: a multiple of every instruction set's lanes.
pub(super) const GROUP: usize = 16;

/// Bytes of the rows of one channel block: what stays in the first cache.
const ROWS_BYTES: usize = 1 << 15;

/// Bytes of the weights of one channel block.
const WEIGHT_BYTES: usize = 1 << 14;

/// Elements of the output that are computed as one task.
const BAND: usize = 1 << 17;

/// A correlation's geometry: `output[y][x] = Σ source[(y·stride + ky - top) / spread][…]·weight[ky][kx]`
/// over the `ky`, `kx` for which the division leaves nothing and the pixel exists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub channels: usize,
    /// Source rows and columns.
    pub source: [usize; 2],
    /// Output rows and columns.
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Distance between source pixels: the others are 0.
    pub spread: [usize; 2],
    /// Rows above and columns to the left of the source; negative where it is cropped.
    pub padding: [isize; 2],
}

impl Geometry {
    pub(super) fn forward(shape: &ConvShape) -> Self {
        Self {
            channels: shape.in_channels,
            source: [shape.height, shape.width],
            output: [shape.out_height(), shape.out_width()],
            kernel: shape.kernel,
            stride: shape.stride,
            spread: [1, 1],
            padding: [shape.padding.top as isize, shape.padding.left as isize],
        }
    }

    /// From the output's gradient to the input's, with the filter turned round.
    pub(super) fn backward(shape: &ConvShape) -> Self {
        let padding = [shape.padding.top as isize, shape.padding.left as isize];
        Self {
            channels: shape.in_channels,
            source: [shape.out_height(), shape.out_width()],
            output: [shape.height, shape.width],
            kernel: shape.kernel,
            stride: [1, 1],
            spread: shape.stride,
            padding: [0, 1].map(|axis| shape.kernel[axis] as isize - 1 - padding[axis]),
        }
    }

    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Output columns in whole blocks.
    pub(super) fn blocked_columns(&self) -> usize {
        self.output[1].next_multiple_of(PIXELS)
    }

    /// Columns of a padded row.
    fn columns(&self) -> usize {
        (self.blocked_columns() - 1) * self.stride[1] + self.kernel[1]
    }

    /// Channels computed together.
    pub(super) fn block(&self) -> usize {
        let bytes_per_channel = size_of::<f32>() * self.kernel[0] * self.columns();
        let weight_bytes = size_of::<f32>() * self.taps();
        let most = (ROWS_BYTES / bytes_per_channel).min(WEIGHT_BYTES / weight_bytes);
        let most = (most / GROUP * GROUP).max(GROUP);
        // Blocks of nearly equal size, or the last could be a sliver.
        let blocks = self.channels.div_ceil(most);
        self.channels.div_ceil(blocks).next_multiple_of(GROUP)
    }

    /// The channel blocks, as `(first channel, channels)`.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        let (channels, block) = (self.channels, self.block());
        (0..channels).step_by(block).map(move |start| (start, block.min(channels - start)))
    }

    /// Output rows of a task; a function of the shape alone, so that sums by task are too.
    pub(super) fn band(&self, batch: usize) -> usize {
        let row = self.output[1] * self.channels;
        let rows = BAND.min(batch * self.output[0] * row / 8) / row.max(1);
        rows.clamp(1, self.output[0].max(1))
    }

    /// Asks for a block's part of a row: blocks read pixels with gaps between them, which the processor
    /// does not foresee, and only the first of them finds its rows far away. So they ask together for the rows that are a
    /// band ahead.
    #[inline(always)]
    pub(super) fn prefetch<S: Simd, T: Element>(
        &self,
        s: S,
        rows: &[T],
        row: usize,
        row_len: usize,
        (start, channels): (usize, usize),
    ) {
        let start_of = |channel: usize| row * row_len + row_len * channel / self.channels;
        for at in (start_of(start)..start_of(start + channels)).step_by(64 / size_of::<T>()) {
            s.prefetch(rows.as_ptr().wrapping_add(at));
        }
    }

    /// Repacks weights `[channels, taps]` to `[groups, taps, GROUP]` per channel block.
    pub(super) fn pack_weights(&self, weight: &[f32]) -> Vec<Buffer<f32>> {
        let taps = self.taps();
        let pack = |(start, len): (usize, usize)| {
            let mut packed = Buffer::zeroed(len.next_multiple_of(GROUP) * taps);
            for (channel, filter) in weight.chunks_exact(taps).skip(start).take(len).enumerate() {
                for (tap, weight) in filter.iter().enumerate() {
                    packed[grouped(channel, tap, taps)] = *weight;
                }
            }
            packed
        };
        self.blocks().map(pack).collect()
    }
}

/// Where a channel's number of an index below `len` lies in `[groups, len, GROUP]`.
pub(super) fn grouped(channel: usize, index: usize, len: usize) -> usize {
    (channel / GROUP * len + index) * GROUP + channel % GROUP
}

/// The rows under the filter, as a ring: `[groups, slots, columns, GROUP]`, padded row `y` in slot
/// `y % kernel[0]`. One more slot holds a row of zeros.
///
/// One is made per thread: columns of padding are never written, so they stay 0 from task to task.
pub(super) struct Rows {
    values: Buffer<f32>,
    /// Columns of a padded row.
    columns: usize,
    /// The next padded row to be packed.
    next: usize,
    /// Source rows from a band to the next.
    ahead: usize,
    /// The filter's rows that lie over more than zeros, and their slots.
    under: Vec<(usize, usize)>,
    /// The slots under all rows of the filter.
    slots: Vec<usize>,
}

impl Rows {
    /// For bands of this many output rows.
    pub(super) fn new(geometry: &Geometry, band: usize) -> Self {
        let columns = geometry.columns();
        let slots = geometry.kernel[0];
        let values = Buffer::zeroed(geometry.block() * (slots + 1) * columns);
        let ahead = (band * geometry.stride[0]).div_ceil(geometry.spread[0]);
        Self { values, columns, next: 0, ahead, under: Vec::with_capacity(slots), slots: vec![slots; slots] }
    }

    /// Forgets all rows: another image, band or block follows.
    pub(super) fn restart(&mut self) {
        self.next = 0;
    }

    /// Brings in the rows of the first image of `source` that lie under output row `y`; called with rising `y`.
    #[inline(always)]
    pub(super) fn advance<S: Simd, T: Element>(
        &mut self,
        s: S,
        geometry: &Geometry,
        source: &[T],
        (start, channels): (usize, usize),
        y: usize,
    ) {
        let top = y * geometry.stride[0];
        let [slots, row_len] = [geometry.kernel[0], geometry.source[1] * geometry.channels];
        let spread = geometry.spread[1];
        // Source columns that lie in the padded row, and where the first of them does.
        let first = geometry.padding[1].min(0).unsigned_abs().div_ceil(spread);
        let left = (first * spread).saturating_add_signed(geometry.padding[1]);
        let inside = self.columns.saturating_sub(left).div_ceil(spread);
        let pixels = Pixels {
            count: geometry.source[1].saturating_sub(first).min(inside),
            channels,
            from_step: geometry.channels,
            to_step: spread * GROUP,
            group_step: (slots + 1) * self.columns * GROUP,
        };
        self.under.clear();
        self.slots.fill(slots);
        for ky in 0..slots {
            let padded = top + ky;
            let Some(row) = source_index(padded, geometry.padding[0], geometry.spread[0], geometry.source[0])
            else {
                continue;
            };
            let slot = padded % slots;
            self.under.push((ky, slot));
            self.slots[ky] = slot;
            if padded < self.next || pixels.count == 0 {
                continue;
            }
            geometry.prefetch(s, source, row + self.ahead, row_len, (start, channels));
            let from = &source[row * row_len..][..row_len][first * geometry.channels + start..];
            pixels.pack(s, from, &mut self.values[(slot * self.columns + left) * GROUP..]);
        }
        self.next = top + slots;
    }

    /// The filter's rows `ky` that lie over more than zeros, with their slots in [`Rows::group`].
    #[inline(always)]
    pub(super) fn under(&self) -> &[(usize, usize)] {
        &self.under
    }

    /// The slots in [`Rows::group`] under each of the filter's rows.
    #[inline(always)]
    pub(super) fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// A group's rows, `[slots, columns, GROUP]`, and the length of one.
    #[inline(always)]
    pub(super) fn group(&self, geometry: &Geometry, group: usize) -> (&[f32], usize) {
        let row_len = self.columns * GROUP;
        let len = (geometry.kernel[0] + 1) * row_len;
        (&self.values[group * len..][..len], row_len)
    }
}

/// Pixels of a row on their way into the cache.
struct Pixels {
    count: usize,
    channels: usize,
    /// Elements from a pixel to the next.
    from_step: usize,
    to_step: usize,
    /// Elements from a group to the next.
    group_step: usize,
}

impl Pixels {
    /// Widens the pixels' channels to groups, zeros after them.
    #[inline(always)]
    fn pack<S: Simd, T: Element>(&self, s: S, from: &[T], to: &mut [f32]) {
        let groups = self.channels.div_ceil(GROUP);
        let last = self.count - 1;
        assert!(last * self.from_step + self.channels <= from.len());
        assert!(last * self.to_step + (groups - 1) * self.group_step + GROUP <= to.len());
        for pixel in 0..self.count {
            for group in 0..self.channels / GROUP {
                for lane in (0..GROUP).step_by(S::LANES) {
                    // SAFETY: the last pixel's last channel lies in `from`, its last group in `to`; these are no
                    // later ones.
                    unsafe {
                        let from = from.as_ptr().add(pixel * self.from_step + group * GROUP + lane);
                        let to = to.as_mut_ptr().add(pixel * self.to_step + group * self.group_step + lane);
                        s.store_f32(to, s.load_from(from));
                    }
                }
            }
            let rest = self.channels % GROUP;
            if rest > 0 {
                let from = &from[pixel * self.from_step + self.channels - rest..][..rest];
                let to = &mut to[pixel * self.to_step + (groups - 1) * self.group_step..][..GROUP];
                to.fill(0.0);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f32());
            }
        }
    }
}

/// The source row that lies at padded row `at`.
fn source_index(at: usize, padding: isize, spread: usize, len: usize) -> Option<usize> {
    let at = usize::try_from(at as isize - padding).ok()?;
    (at.is_multiple_of(spread) && at / spread < len).then_some(at / spread)
}
