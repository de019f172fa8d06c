//! The preparation of images as a graph: resize, crop and normalise, bit by bit as [`Preprocess`](super::transform::Preprocess)
//! does it for validation.
//!
//! The weights of the resize are computed in the graph and applied as two products of whole numbers, rounded to whole levels after
//! each, as `fast_image_resize` does. ONNX's own `Resize` would be one operation, but runtimes and libraries differ in it: in what
//! they do at edges, whether they widen the filter, and when they round. Whole numbers are the same everywhere.

use super::resize::Filter;
use super::transform::{GREY, Preprocess, RGB};
use crate::graph::{Array, Attribute, Dim, Element, Graph, ImageShape, Numbers, Value};

/// The input's name, for images and for prepared tensors.
pub(super) const IMAGE: &str = "image";
pub(super) const TENSOR: &str = "tensor";

/// Weights are whole numbers of this many bits and a sign, over a power of two that is at most this.
const BITS: i32 = 15;
const MOST_SHIFT: f64 = 21.0;

/// Weights `[size, length]` as whole numbers over a power of two, taken apart into two bytes, which products of whole numbers
/// read: `256 · (high - 128) + low`.
struct Weights {
    high: Value,
    low: Value,
    /// The power of two.
    unit: Value,
}

impl Preprocess {
    /// Images `[batch, height, width, 3]` of any one size in, prepared ones with channels first out.
    pub(super) fn export(&self, graph: &mut Graph) -> Value {
        graph.enter("prepare");
        let dims = [graph.batch(), Dim::Named("height"), Dim::Named("width"), Dim::Fixed(RGB)];
        let image = graph.input(IMAGE, Element::U8, &dims);
        let shape = graph.node("Shape", &[image]);
        let [height, width] = [1, 2].map(|axis| graph.slice(shape, 0, axis, axis + 1));
        let shorter = graph.node("Min", &[height, width]);
        let [down, across] = [height, width].map(|length| self.weights(graph, length, shorter));

        let (size, channels) = (self.size as i64, RGB as i64);
        let rows = graph.reshape(image, &[0, 0, -1]); // [batch, height, 3 width]
        let rows = down.applied(graph, rows);
        let rows = graph.reshape(rows, &[0, size, -1, channels]);
        let columns = graph.transpose(rows, &[0, 2, 1, 3]);
        let columns = graph.reshape(columns, &[0, -1, size * channels]); // [batch, width, 3 size]
        let columns = across.applied(graph, columns);
        let columns = graph.reshape(columns, &[0, size, size, channels]);
        let square = graph.transpose(columns, &[0, 3, 2, 1]);
        let square = graph.cast(square, Element::F32);
        self.export_normalise(graph, square)
    }

    /// Prepared images, channels first.
    pub(super) fn export_prepared(&self, graph: &mut Graph) -> Value {
        let dims = [self.channels, self.size, self.size].map(Dim::Fixed);
        let dims: Vec<Dim> = [graph.batch()].into_iter().chain(dims).collect();
        let tensor = graph.input(TENSOR, Element::F32, &dims);
        self.as_image(graph, tensor)
    }

    fn as_image(&self, graph: &mut Graph, value: Value) -> Value {
        let &Self { channels, size, .. } = self;
        graph.with_image(value, ImageShape { channels, height: size, width: size })
    }

    /// How much each pixel along an axis of this `length` is part of each of the square's.
    ///
    /// With the axis resized to `resized` pixels and the square beginning at pixel `first` of these, the centre of its pixel
    /// `i` is `(first + i + 1/2) · length / resized`. Distances from it are fractions of whole numbers, which are computed as
    /// such: nothing is lost, however long the axis is.
    fn weights(&self, graph: &mut Graph, length: Value, shorter: Value) -> Weights {
        let size = self.size as i64;
        let [one, two] = [1, 2].map(|number| graph.constant(Array::ints(&[number])));
        let shorter_to = graph.constant(Array::ints(&[self.resize_to as i64]));
        let longer = graph.node("Mul", &[shorter_to, length]);
        let resized = graph.node("Div", &[longer, shorter]);
        // Half of the room, rounded to even.
        let square = graph.constant(Array::ints(&[size]));
        let room = graph.node("Sub", &[resized, square]);
        let half = graph.node("Div", &[room, two]);
        let [room_odd, half_odd] = [room, half].map(|number| graph.node("Mod", &[number, two]));
        let up = graph.node("Mul", &[room_odd, half_odd]);
        let first = graph.node("Add", &[half, up]);
        // Twice the centres, in units of 1 / resized.
        let pixels = graph.constant(Array::ints(&(0..size).collect::<Vec<_>>()));
        let pixels = graph.node("Add", &[pixels, first]);
        let centres = doubled(graph, pixels, one, two);
        let centres = graph.node("Mul", &[centres, length]);
        let centres = graph.unsqueeze(centres, 1); // [size, 1]
        let (start, step) = (graph.constant(0i64), graph.constant(1i64));
        let end = graph.reshape(length, &[]);
        let places = graph.node("Range", &[start, end, step]);
        let places = doubled(graph, places, one, two);
        let places = graph.node("Mul", &[places, resized]); // [length]
        let apart = graph.node("Sub", &[places, centres]); // [size, length]
        let apart = graph.cast(apart, Element::F64);
        // The filter widens with the reduction.
        let unit = graph.node("Max", &[length, resized]);
        let unit = graph.node("Mul", &[unit, two]);
        let unit = graph.cast(unit, Element::F64);
        let apart = graph.node("Div", &[apart, unit]);
        let apart = graph.node("Abs", &[apart]);
        let weights = self.filter.export(graph, apart);
        let sum = graph.sum(weights, 1, true);
        let weights = graph.node("Div", &[weights, sum]);
        Weights::of(graph, weights)
    }

    fn export_normalise(&self, graph: &mut Graph, square: Value) -> Value {
        let mut levels = square;
        if self.channels == GREY {
            let parts = graph.constant(Array::floats(vec![19_595.0, 38_470.0, 7_471.0], &[1, RGB, 1, 1]));
            let parts = graph.node("Mul", &[levels, parts]);
            // Whole numbers below 2²⁴, which 32 bits hold.
            let luma = graph.sum(parts, 1, true);
            let luma = graph.plus(luma, 32_768.0);
            let luma = graph.scaled(luma, 1.0 / 65_536.0);
            levels = graph.node("Floor", &[luma]);
        }
        let statistics: Vec<(f64, f64)> = (0..self.channels)
            .map(|channel| self.statistics(channel))
            .map(|(mean, std)| (f64::from(mean), f64::from(std)))
            .collect();
        let per_channel = |of: fn(&(f64, f64)) -> f64| {
            let numbers = statistics.iter().map(|statistics| of(statistics) as f32).collect();
            Array::floats(numbers, &[1, self.channels, 1, 1])
        };
        let scale = graph.constant(per_channel(|(_, std)| 1.0 / (255.0 * std)));
        let shift = graph.constant(per_channel(|(mean, std)| -mean / std));
        let scaled = graph.node("Mul", &[levels, scale]);
        let prepared = graph.node("Add", &[scaled, shift]);
        self.as_image(graph, prepared)
    }
}

/// `2 x + 1`
fn doubled(graph: &mut Graph, x: Value, one: Value, two: Value) -> Value {
    let twice = graph.node("Mul", &[x, two]);
    graph.node("Add", &[twice, one])
}

impl Weights {
    /// The largest power of two under which the largest weight fits, and the weights over it.
    fn of(graph: &mut Graph, weights: Value) -> Self {
        let [most, log, limit, two, half] =
            [f64::from(1 << BITS) - 0.5, std::f64::consts::LOG2_E, MOST_SHIFT, 2.0, 0.5]
                .map(|number| graph.double(number));
        let [one, byte, middle] = [1.0, 256.0, 128.0].map(|number| graph.double(number));
        let largest = graph.node_with("ReduceMax", &[weights], &[("keepdims", Attribute::Int(0))]);
        let room = graph.node("Div", &[most, largest]);
        let room = graph.node("Log", &[room]);
        let bits = graph.node("Mul", &[room, log]);
        let bits = graph.node("Ceil", &[bits]);
        let bits = graph.node("Sub", &[bits, one]);
        let bits = graph.node("Min", &[bits, limit]);
        let unit = graph.node("Pow", &[two, bits]);
        // Rounded, halves away from zero.
        let scaled = graph.node("Mul", &[weights, unit]);
        let (sign, size) = (graph.node("Sign", &[scaled]), graph.node("Abs", &[scaled]));
        let above = graph.node("Add", &[size, half]);
        let size = graph.node("Floor", &[above]);
        let whole = graph.node("Mul", &[size, sign]);

        let bytes = graph.node("Div", &[whole, byte]);
        let bytes = graph.node("Floor", &[bytes]);
        let high = graph.node("Mul", &[bytes, byte]);
        let low = graph.node("Sub", &[whole, high]);
        let high = graph.node("Add", &[bytes, middle]);
        let [high, low] = [high, low].map(|bytes| graph.cast(bytes, Element::U8));
        Self { high, low, unit: graph.cast(unit, Element::I32) }
    }

    /// The weighted sums of rows, `[batch, length, any]` to `[batch, size, any]`, as whole levels from 0 to 255.
    fn applied(&self, graph: &mut Graph, rows: Value) -> Value {
        let &Self { high, low, unit } = self;
        let middle = graph.constant(Array { shape: vec![], numbers: Numbers::U8(vec![128]) });
        let [byte, two, none, white] = [256, 2, 0, 255]
            .map(|number| graph.constant(Array { shape: vec![], numbers: Numbers::I32(vec![number]) }));
        let high = graph.node("MatMulInteger", &[high, rows, middle]);
        let high = graph.node("Mul", &[high, byte]);
        let low = graph.node("MatMulInteger", &[low, rows]);
        let sum = graph.node("Add", &[high, low]);
        let half = graph.node("Div", &[unit, two]);
        let sum = graph.node("Add", &[sum, half]);
        let sum = graph.node("Max", &[sum, none]);
        let levels = graph.node("Div", &[sum, unit]);
        let levels = graph.node("Min", &[levels, white]);
        graph.cast(levels, Element::U8)
    }
}

impl Filter {
    /// The filter at a distance, at least 0, in a graph.
    fn export(self, graph: &mut Graph, apart: Value) -> Value {
        match self {
            Self::Bilinear => {
                let [none, one] = [0.0, 1.0].map(|number| graph.double(number));
                let near = graph.node("Sub", &[one, apart]);
                graph.node("Max", &[near, none])
            }
            Self::Bicubic => {
                // a = -1/2. The outer part is 0 at two pixels, and beyond.
                let inner = polynomial(graph, apart, &[1.5, -2.5, 0.0, 1.0]);
                let two = graph.double(2.0);
                let near = graph.node("Min", &[apart, two]);
                let outer = polynomial(graph, near, &[-0.5, 2.5, -4.0, 2.0]);
                let one = graph.double(1.0);
                let is_inner = graph.node("Less", &[apart, one]);
                graph.node("Where", &[is_inner, inner, outer])
            }
        }
    }
}

/// A polynomial, its highest power first.
fn polynomial(graph: &mut Graph, x: Value, factors: &[f64]) -> Value {
    let (first, others) = factors.split_at(1);
    let mut sum = graph.double(first[0]);
    for &factor in others {
        let product = graph.node("Mul", &[sum, x]);
        let factor = graph.double(factor);
        sum = graph.node("Add", &[product, factor]);
    }
    sum
}
