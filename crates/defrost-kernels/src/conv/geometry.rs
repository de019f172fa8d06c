//! How an output pixel finds the input pixels it sums, for the forward pass and for the input's gradient.
//!
//! Both are [`Pass`]es over a grid of pixels. A grid pixel reads a few [`Segment`]s of the *stage*, the
//! zero-bordered copy of the source; a segment is a run of adjacent stage pixels, so all its channels are contiguous.
//! The forward pass is one pass with a segment per kernel row. The input's gradient is one pass for each phase of
//! the stride, because the pixels of one phase all meet the same taps.

use crate::ConvShape;

/// A run of adjacent stage pixels, and the taps they meet.
pub(super) struct Segment {
    /// Stage row below the grid pixel's.
    pub row: usize,
    /// First stage column right of the grid pixel's.
    pub column: usize,
    /// Which tap (`kernel row * kernel width + kernel column`) each pixel of the run meets.
    pub taps: Vec<usize>,
}

/// A grid of output pixels that all read the same segments. They are all of the same length.
pub(super) struct Pass {
    /// The first pixel's place in the output, `[row, column]`.
    pub offset: [usize; 2],
    /// Pixels, `[rows, columns]`.
    pub grid: [usize; 2],
    pub segments: Vec<Segment>,
}

/// Everything that depends on the shape alone.
pub(super) struct Plan {
    pub images: usize,
    /// `[rows, columns]` of what is read.
    pub source: [usize; 2],
    pub source_channels: usize,
    /// `[rows, columns]` of what is written.
    pub target: [usize; 2],
    pub target_channels: usize,
    pub groups: usize,
    /// Source pixels per grid pixel.
    pub step: [usize; 2],
    /// Target pixels per grid pixel.
    pub spread: [usize; 2],
    /// The source pixel under the first stage pixel of grid pixel `[0, 0]`; negative in the border.
    pub origin: [isize; 2],
    /// Stage pixels that one grid pixel's segments lie in.
    pub span: [usize; 2],
    /// The largest pass's grid.
    pub grid: [usize; 2],
    pub passes: Vec<Pass>,
    /// Where weights of (group, reduced channel, written channel, tap) lie: the stride of each but the tap.
    pub weight_strides: [usize; 3],
    /// Whether each output pixel reads just the input pixel at its own place. Then rows and images mean nothing,
    /// all pixels form one row, and the source can be read without a stage.
    pub pointwise: bool,
}

impl Plan {
    pub(super) fn forward(shape: &ConvShape) -> Self {
        let [kernel_height, kernel_width] = shape.kernel;
        let taps = kernel_height * kernel_width;
        let group_in = shape.in_channels / shape.groups;
        let group_out = shape.out_channels / shape.groups;
        let segments = (0..kernel_height)
            .map(|row| Segment {
                row,
                column: 0,
                taps: (row * kernel_width..(row + 1) * kernel_width).collect(),
            })
            .collect();
        let grid = [shape.out_height(), shape.out_width()];
        let mut plan = Self {
            images: shape.batch,
            source: [shape.height, shape.width],
            source_channels: shape.in_channels,
            target: grid,
            target_channels: shape.out_channels,
            groups: shape.groups,
            step: shape.stride,
            spread: [1, 1],
            origin: [-(shape.padding.top as isize), -(shape.padding.left as isize)],
            span: shape.kernel,
            grid,
            passes: vec![Pass { offset: [0, 0], grid, segments }],
            weight_strides: [group_out * group_in * taps, taps, group_in * taps],
            pointwise: false,
        };
        plan.flatten_pointwise();
        plan
    }

    /// An output pixel `o` meets tap `k` of input pixel `i` where `i = o * stride + k - padding`. So for the input
    /// pixels of phase `p`, `i = grid * stride + p`, the taps are those with `(p + padding - k) % stride == 0`,
    /// and the output pixel lies `(p + padding - k) / stride` beyond the grid's.
    pub(super) fn backward_input(shape: &ConvShape) -> Self {
        let [_, kernel_width] = shape.kernel;
        let taps = shape.kernel[0] * kernel_width;
        let group_in = shape.in_channels / shape.groups;
        let group_out = shape.out_channels / shape.groups;
        let source = [shape.out_height(), shape.out_width()];
        let target = [shape.height, shape.width];
        let padding = [shape.padding.top as isize, shape.padding.left as isize];
        // For one axis and phase: (distance to the output pixel, tap), by rising distance.
        let meetings = |axis: usize, phase: usize| -> Vec<(isize, usize)> {
            let stride = shape.stride[axis] as isize;
            (0..shape.kernel[axis])
                .rev()
                .map(|tap| (phase as isize + padding[axis] - tap as isize, tap))
                .filter(|(distance, _)| distance.rem_euclid(stride) == 0)
                .map(|(distance, tap)| (distance.div_euclid(stride), tap))
                .collect()
        };
        let phases = [shape.stride[0].min(shape.height), shape.stride[1].min(shape.width)];
        let mut origin = [0; 2];
        let mut span = [1; 2];
        for axis in 0..2 {
            let distances: Vec<isize> = (0..phases[axis])
                .flat_map(|phase| meetings(axis, phase))
                .map(|(distance, _)| distance)
                .collect();
            let low = distances.iter().copied().min().unwrap_or(0);
            let high = distances.iter().copied().max().unwrap_or(0);
            (origin[axis], span[axis]) = (low, (high - low + 1) as usize);
        }
        let mut passes = Vec::new();
        for phase_row in 0..phases[0] {
            for phase_column in 0..phases[1] {
                let columns = meetings(1, phase_column);
                let segments = meetings(0, phase_row)
                    .iter()
                    .filter(|_| !columns.is_empty())
                    .map(|&(distance, row)| Segment {
                        row: (distance - origin[0]) as usize,
                        column: (columns[0].0 - origin[1]) as usize,
                        taps: columns.iter().map(|(_, column)| row * kernel_width + column).collect(),
                    })
                    .collect();
                let grid = [
                    (target[0] - phase_row).div_ceil(shape.stride[0]),
                    (target[1] - phase_column).div_ceil(shape.stride[1]),
                ];
                passes.push(Pass { offset: [phase_row, phase_column], grid, segments });
            }
        }
        let mut plan = Self {
            images: shape.batch,
            source,
            source_channels: shape.out_channels,
            target,
            target_channels: shape.in_channels,
            groups: shape.groups,
            step: [1, 1],
            spread: shape.stride,
            origin,
            span,
            grid: [target[0].div_ceil(shape.stride[0]), target[1].div_ceil(shape.stride[1])],
            passes,
            weight_strides: [group_out * group_in * taps, group_in * taps, taps],
            pointwise: false,
        };
        plan.flatten_pointwise();
        plan
    }

    fn flatten_pointwise(&mut self) {
        self.pointwise = self.span == [1, 1]
            && self.step == [1, 1]
            && self.spread == [1, 1]
            && self.origin == [0, 0]
            && self.source == self.target;
        if self.pointwise {
            let all = [1, self.images * self.source[0] * self.source[1]];
            self.images = 1;
            (self.source, self.target, self.grid) = (all, all, all);
            self.passes[0].grid = all;
        }
    }

    /// Source channels that one group reduces.
    #[inline(always)]
    pub(super) fn reduced(&self) -> usize {
        self.source_channels / self.groups
    }

    /// Target channels that one group writes.
    #[inline(always)]
    pub(super) fn written(&self) -> usize {
        self.target_channels / self.groups
    }
}
