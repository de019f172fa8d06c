//! Source rows on their way into the cache: widened, spread out, padded with zeros.
//!
//! Invariants: a row in [`Rows`] has a multiple of [`LANES`] channels, the ones that do not exist 0; it
//! has columns enough for whole [`PIXELS`] blocks of output; rows of nothing but padding are known as
//! such and cost nothing.

use crate::{ConvShape, Element, simd::Simd};

/// Output pixels computed side by side, to load each weight once for all of them.
pub(super) const PIXELS: usize = 4;

/// Channels are cut at multiples of this, which is a multiple of every tier's lanes.
const LANES: usize = 16;

/// Bytes of the rows of one channel block: what stays in the first cache.
const ROWS_BYTES: usize = 1 << 16;

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
        let most = (most / LANES * LANES).max(LANES);
        // Blocks of nearly equal size, or the last could be a sliver.
        let blocks = self.channels.div_ceil(most);
        self.channels.div_ceil(blocks).next_multiple_of(LANES)
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

    /// Repacks weights `[channels, taps]` to `[taps, block]` per channel block, padded with zeros.
    pub(super) fn pack_weights(&self, weight: &[f32]) -> Vec<Vec<f32>> {
        let taps = self.taps();
        let pack = |(start, len): (usize, usize)| {
            let block = len.next_multiple_of(LANES);
            let mut packed = vec![0.0; taps * block];
            for channel in 0..len {
                for tap in 0..taps {
                    packed[tap * block + channel] = weight[(start + channel) * taps + tap];
                }
            }
            packed
        };
        self.blocks().map(pack).collect()
    }
}

/// The rows under the filter, as a ring: padded row `y` lies in slot `y % kernel[0]`.
pub(super) struct Rows {
    slots: Vec<f32>,
    /// Whether a slot holds anything but zeros.
    live: Vec<bool>,
    row_len: usize,
    block: usize,
    /// The next padded row to be packed.
    next: usize,
}

impl Rows {
    /// For one channel block of `channels`, of which nothing has been packed.
    pub(super) fn new(geometry: &Geometry, channels: usize) -> Self {
        let block = channels.next_multiple_of(LANES);
        let row_len = geometry.columns() * block;
        let slots = vec![0.0; geometry.kernel[0] * row_len];
        Self { slots, live: vec![false; geometry.kernel[0]], row_len, block, next: 0 }
    }

    /// Channels of a packed pixel.
    pub(super) fn block(&self) -> usize {
        self.block
    }

    /// Brings in the rows under output row `y`; called with rising `y`.
    #[inline(always)]
    pub(super) fn advance<S: Simd, T: Element>(
        &mut self,
        s: S,
        geometry: &Geometry,
        picture: &[T],
        (start, channels): (usize, usize),
        y: usize,
    ) {
        let top = y * geometry.stride[0];
        for padded in self.next.max(top)..top + geometry.kernel[0] {
            let slot = padded % geometry.kernel[0];
            let source = source_index(padded, geometry.padding[0], geometry.spread[0], geometry.source[0]);
            self.live[slot] = source.is_some();
            if let Some(row) = source {
                let pixel = geometry.channels;
                let row = &picture[row * geometry.source[1] * pixel..][..geometry.source[1] * pixel];
                let to = &mut self.slots[slot * self.row_len..][..self.row_len];
                for (column, from) in row.chunks_exact(pixel).enumerate() {
                    let at = (column * geometry.spread[1]) as isize + geometry.padding[1];
                    let Ok(at) = usize::try_from(at) else { continue };
                    if (at + 1) * self.block > to.len() {
                        break;
                    }
                    let to = &mut to[at * self.block..][..self.block];
                    pack(s, &from[start..start + channels], to);
                }
            }
        }
        self.next = top + geometry.kernel[0];
    }

    /// The row under the filter's row `ky` at output row `y`, if there is more than zeros in it.
    #[inline(always)]
    pub(super) fn row(&self, geometry: &Geometry, y: usize, ky: usize) -> Option<&[f32]> {
        let slot = (y * geometry.stride[0] + ky) % geometry.kernel[0];
        self.live[slot].then(|| &self.slots[slot * self.row_len..][..self.row_len])
    }
}

/// Widens one pixel's channels, zeros after them.
#[inline(always)]
pub(super) fn pack<S: Simd, T: Element>(s: S, from: &[T], to: &mut [f32]) {
    for at in (0..from.len()).step_by(S::LANES) {
        s.store(&mut to[at..], s.load_up_to(&from[at..]));
    }
}

/// The source row that lies at padded row `at`.
fn source_index(at: usize, padding: isize, spread: usize, len: usize) -> Option<usize> {
    let at = usize::try_from(at as isize - padding).ok()?;
    (at.is_multiple_of(spread) && at / spread < len).then_some(at / spread)
}
