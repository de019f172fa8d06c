//! The operations that layers are made of. Each is named and shaped as the one in `ops` that it mirrors, but for images being
//! channels first.

use super::{Array, Attribute, Element, Graph, ImageShape, Value};
use crate::ops::{ActivationFn, Padding, WindowConfig};

use Attribute::{Float, Int, Ints};

/// From channels first to channels last, and back.
const LAST: [i64; 4] = [0, 2, 3, 1];
const FIRST: [i64; 4] = [0, 3, 1, 2];

/// What is added to the score of a position that is not there.
const ABSENT: f32 = 1e9;

fn ints(numbers: impl IntoIterator<Item = usize>) -> Attribute {
    Ints(numbers.into_iter().map(|number| number as i64).collect())
}

impl Graph {
    /// A convolution over an image, and a bias for each channel; `weight` `[out_channels, in_channels / groups, kernel height,
    /// kernel width]` and `bias` `[out_channels]` are constants.
    pub fn conv(&mut self, x: Value, weight: Value, bias: Option<Value>, window: WindowConfig) -> Value {
        let ImageShape { channels, height, width } = self.image(x);
        let (outputs, group_channels) = (self.dims(weight)[0], self.dims(weight)[1]);
        let attributes = [
            ("group", Int((channels / group_channels) as i64)),
            ("kernel_shape", ints(window.kernel)),
            ("strides", ints(window.stride)),
            ("pads", pads(window, [height, width])),
        ];
        let inputs: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        let y = self.node_with("Conv", &inputs, &attributes);
        let [height, width] = window.output_size([height, width]);
        self.with_image(y, ImageShape { channels: outputs, height, width })
    }

    /// The highest value in each window of an image.
    pub fn max_pool2d(&mut self, x: Value, window: WindowConfig) -> Value {
        let ImageShape { channels, height, width } = self.image(x);
        let attributes = [
            ("kernel_shape", ints(window.kernel)),
            ("strides", ints(window.stride)),
            ("pads", pads(window, [height, width])),
        ];
        let y = self.node_with("MaxPool", &[x], &attributes);
        let [height, width] = window.output_size([height, width]);
        self.with_image(y, ImageShape { channels, height, width })
    }

    /// The averages of tiles of this side.
    pub fn average_tiles(&mut self, x: Value, side: usize) -> Value {
        let ImageShape { channels, height, width } = self.image(x);
        let attributes = [("kernel_shape", ints([side; 2])), ("strides", ints([side; 2]))];
        let y = self.node_with("AveragePool", &[x], &attributes);
        self.with_image(y, ImageShape { channels, height: height / side, width: width / side })
    }

    /// The average of each channel, an image of one pixel.
    pub fn one_pixel(&mut self, x: Value) -> Value {
        self.over_all("GlobalAveragePool", x)
    }

    /// The average of each channel, `[batch, channels]`.
    pub fn average_pool(&mut self, x: Value) -> Value {
        let y = self.one_pixel(x);
        self.node_with("Flatten", &[y], &[("axis", Int(1))])
    }

    /// The maximum of each channel, then the average of each, `[batch, 2 channels]`.
    pub fn concat_pool(&mut self, x: Value) -> Value {
        let highest = self.over_all("GlobalMaxPool", x);
        let highest = self.node_with("Flatten", &[highest], &[("axis", Int(1))]);
        let average = self.average_pool(x);
        self.concat(&[highest, average], 1)
    }

    fn over_all(&mut self, operator: &'static str, x: Value) -> Value {
        let y = self.node(operator, &[x]);
        let shape = ImageShape { height: 1, width: 1, ..self.image(x) };
        self.with_image(y, shape)
    }

    /// The function at the end of a convolution.
    pub fn activation(&mut self, x: Value, function: ActivationFn) -> Value {
        match function {
            ActivationFn::Identity => x,
            ActivationFn::Relu => self.node("Relu", &[x]),
            ActivationFn::Relu6 => self.clamp(x, 0.0, 6.0),
        }
    }

    /// Numbers between two bounds.
    pub fn clamp(&mut self, x: Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.constant(low), self.constant(high));
        self.node("Clip", &[x, low, high])
    }

    /// `x · Φ(x)`.
    pub fn gelu(&mut self, x: Value) -> Value {
        let scaled = self.scaled(x, std::f32::consts::FRAC_1_SQRT_2);
        let erf = self.node("Erf", &[scaled]);
        let twice = self.plus(erf, 1.0);
        let product = self.node("Mul", &[x, twice]);
        self.scaled(product, 0.5)
    }

    /// `x · min(max(x + 3, 0), 6) / 6`.
    pub fn hardswish(&mut self, x: Value) -> Value {
        self.node("HardSwish", &[x])
    }

    /// `min(max(x / 6 + 1/2, 0), 1)`.
    pub fn hardsigmoid(&mut self, x: Value) -> Value {
        self.node_with("HardSigmoid", &[x], &[("alpha", Float(1.0 / 6.0)), ("beta", Float(0.5))])
    }

    /// A constant of 64 bits.
    pub fn double(&mut self, number: f64) -> Value {
        self.constant(Array::doubles(vec![number], &[]))
    }

    /// Times a number.
    pub fn scaled(&mut self, x: Value, factor: f32) -> Value {
        let factor = self.constant(factor);
        self.node("Mul", &[x, factor])
    }

    /// Plus a number.
    pub fn plus(&mut self, x: Value, addend: f32) -> Value {
        let addend = self.constant(addend);
        self.node("Add", &[x, addend])
    }

    /// Side by side along an axis; images along their channels, which are axis 1.
    pub fn concat(&mut self, parts: &[Value], axis: i64) -> Value {
        let y = self.node_with("Concat", parts, &[("axis", Int(axis))]);
        let images: Option<Vec<ImageShape>> = parts.iter().map(|part| self.values[part.0].image).collect();
        match images {
            Some(images) if axis == 1 => {
                let channels = images.iter().map(|image| image.channels).sum();
                self.with_image(y, ImageShape { channels, ..images[0] })
            }
            _ => y,
        }
    }

    /// From `[batch, channels, height, width]` to `[batch, height, width, channels]`.
    pub fn channels_last(&mut self, x: Value) -> Value {
        self.turned(x, &LAST, &FIRST)
    }

    /// From `[batch, height, width, channels]` to `[batch, channels, height, width]`.
    pub fn channels_first(&mut self, x: Value) -> Value {
        self.turned(x, &FIRST, &LAST)
    }

    fn turned(&mut self, x: Value, by: &[i64], back: &[i64]) -> Value {
        let undone = self.nodes.iter().rev().find(|node| node.outputs.contains(&x)).filter(|node| {
            node.operator == "Transpose" && node.attributes == [("perm", Ints(back.to_vec()))]
        });
        let Some(before) = undone.map(|node| node.inputs[0]) else { return self.transpose(x, by) };
        self.values[before.0].image = self.values[before.0].image.or(self.values[x.0].image);
        before
    }

    /// The axes in another order.
    pub fn transpose(&mut self, x: Value, order: &[i64]) -> Value {
        self.node_with("Transpose", &[x], &[("perm", Ints(order.to_vec()))])
    }

    /// Another shape: 0 stays as it is, -1 takes what is left.
    pub fn reshape(&mut self, x: Value, shape: &[i64]) -> Value {
        let shape = self.constant(Array::ints(shape));
        self.node("Reshape", &[x, shape])
    }

    /// With a dimension of 1 at this place.
    pub fn unsqueeze(&mut self, x: Value, axis: i64) -> Value {
        let axes = self.constant(Array::ints(&[axis]));
        self.node("Unsqueeze", &[x, axes])
    }

    /// A part along an axis, from one place to another; `i64::MAX` is the end.
    pub fn slice(&mut self, x: Value, axis: i64, from: i64, to: i64) -> Value {
        let inputs = [from, to, axis].map(|number| self.constant(Array::ints(&[number])));
        self.node("Slice", &[x, inputs[0], inputs[1], inputs[2]])
    }

    /// The sum along an axis, which stays as 1 if `keep`.
    pub fn sum(&mut self, x: Value, axis: i64, keep: bool) -> Value {
        let axes = self.constant(Array::ints(&[axis]));
        self.node_with("ReduceSum", &[x, axes], &[("keepdims", Int(keep.into()))])
    }

    /// Elements of another kind.
    pub fn cast(&mut self, x: Value, to: Element) -> Value {
        self.node_with("Cast", &[x], &[("to", Int(to.code().into()))])
    }

    /// Probabilities over the last axis.
    pub fn softmax(&mut self, x: Value) -> Value {
        self.node_with("Softmax", &[x], &[("axis", Int(-1))])
    }

    /// What is added to the scores of positions: nothing where `mask` `[batch, positions]` is 1, very little room where it
    /// is 0.
    pub fn absent(&mut self, mask: Value) -> Value {
        let below = self.plus(mask, -1.0);
        self.scaled(below, ABSENT)
    }

    /// `softmax(query · keyᵀ / √width) · value` in each of `heads` heads, which share the features evenly: `[batch, …,
    /// positions, features]` three times, with one dimension of 1 at most between, to `[batch, positions, features]`. What
    /// `absent` has, `[batch, positions]`, is added to the scores.
    pub fn attention(
        &mut self,
        [query, key, value]: [Value; 3],
        absent: Option<Value>,
        heads: usize,
        features: usize,
    ) -> Value {
        let width = features / heads;
        let mut in_heads = |x: Value, order: &[i64]| {
            let x = self.reshape(x, &[0, -1, heads as i64, width as i64]); // [batch, positions, heads, width]
            self.transpose(x, order)
        };
        let (query, value) = (in_heads(query, &[0, 2, 1, 3]), in_heads(value, &[0, 2, 1, 3]));
        let key = in_heads(key, &[0, 2, 3, 1]); // [batch, heads, width, positions]
        let products = self.node("MatMul", &[query, key]);
        let mut scores = self.scaled(products, 1.0 / (width as f32).sqrt());
        if let Some(absent) = absent {
            let absent = self.reshape(absent, &[0, 1, 1, -1]);
            scores = self.node("Add", &[scores, absent]);
        }
        let weights = self.softmax(scores);
        let attended = self.node("MatMul", &[weights, value]);
        let attended = self.transpose(attended, &[0, 2, 1, 3]);
        self.reshape(attended, &[0, -1, features as i64])
    }
}

fn pads(window: WindowConfig, size: [usize; 2]) -> Attribute {
    let Padding { top, bottom, left, right } = window.padding_for(size);
    ints([top, left, bottom, right])
}
