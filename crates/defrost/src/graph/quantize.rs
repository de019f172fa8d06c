//! A part of a graph that computes with whole numbers of 8 bits: a quarter of the file, and on most processors less time.
//!
//! An activation is rounded to one of 256 steps over the range that it was seen to have, a weight to one of 129 steps for each output:
//! with more, sums overflow on processors that add products of bytes in pairs of 16 bits, and the same file would give other
//! answers there. What is rounded are the convolutions and the products over constant weights, and what passes between them. The
//! operations between `DequantizeLinear` and `QuantizeLinear` are those that an engine computes in 8 bits; all others stay in 32. Tables of
//! embeddings are kept in 8 bits, too, with a scale for each row.

use std::collections::{HashMap, HashSet};

use super::{Array, Attribute, Element, Graph, Node, Numbers, Port, Value};

/// The name of the output of a graph that only measures.
pub const RANGES: &str = "ranges";
/// Steps of an activation above the lowest.
const STEPS: f64 = 255.0;
/// The largest rounded weight.
const LARGEST: f64 = 64.0;
/// The largest rounded number of an embedding, which enters no product.
const LARGEST_EMBEDDING: f32 = 127.0;
/// The largest rounded bias.
const LARGEST_BIAS: f64 = (1_u64 << 30) as f64;

/// The lowest and the highest value of an activation.
pub type Range = [f32; 2];

/// How an activation is rounded: to `(step - zero) · scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rounding {
    scale: f64,
    zero: u8,
}

impl Rounding {
    /// Over this range and zero, which is exact: it is what pads an image.
    fn over([low, high]: Range) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let scale = if high > low { (high - low) / STEPS } else { 1.0 };
        Self { scale, zero: (-low / scale).round() as u8 }
    }
}

impl Graph {
    /// The values that operations from this one on have computed.
    pub fn computed_since(&self, node: usize) -> HashSet<Value> {
        self.nodes[node..].iter().flat_map(|node| node.outputs.iter().copied()).collect()
    }

    /// Multiplies each batch norm behind a convolution into its weights.
    pub fn fold_norms(&mut self) {
        for at in 0..self.nodes.len() {
            let norm = &self.nodes[at];
            if norm.operator != "BatchNormalization" || self.readers(norm.inputs[0]) != 1 {
                continue;
            }
            let before = self.nodes.iter().find(|node| node.outputs[0] == norm.inputs[0]);
            if let Some(conv) = before.filter(|node| node.operator == "Conv").cloned()
                && let Some([weight, bias]) = self.folded(&conv, norm)
            {
                let (output, x) = (norm.outputs[0], conv.inputs[0]);
                let weight = self.named_constant(&format!("{}.folded", self.name(conv.inputs[1])), weight);
                let bias = self.named_constant(&format!("{}.bias", self.name(weight)), bias);
                self.nodes[at] = Node { inputs: vec![x, weight, bias], outputs: vec![output], ..conv };
            }
        }
        self.prune();
    }

    /// Weight and bias of a convolution with the norm behind it.
    fn folded(&self, conv: &Node, norm: &Node) -> Option<[Array; 2]> {
        let weight = self.floats(conv.inputs[1])?;
        let [gain, shift, mean, variance] =
            [1, 2, 3, 4].map(|input| self.floats(norm.inputs[input]).map(|array| array.1));
        let (gain, shift, mean, variance) = (gain?, shift?, mean?, variance?);
        let Some(Attribute::Float(epsilon)) = norm.attribute("epsilon") else { return None };
        let bias = conv
            .inputs
            .get(2)
            .map_or(Some(vec![0.0; gain.len()]), |&bias| Some(self.floats(bias)?.1.to_vec()))?;
        let scale: Vec<f32> =
            gain.iter().zip(variance).map(|(gain, variance)| gain / (variance + epsilon).sqrt()).collect();
        let (shape, weight) = weight;
        let of_output = weight.len() / scale.len();
        let folded =
            weight.chunks(of_output).zip(&scale).flat_map(|(row, scale)| row.iter().map(move |w| w * scale));
        let bias =
            (0..scale.len()).map(|output| (bias[output] - mean[output]) * scale[output] + shift[output]);
        Some([Array::floats(folded.collect(), shape), Array::floats(bias.collect(), &[scale.len()])])
    }

    /// Gives only the ranges of the activations that [`Graph::quantize`] would round, `[activations, 2]`, in its order. Returns whether
    /// there are any.
    pub fn only_ranges(&mut self, part: &HashSet<Value>) -> bool {
        let activations = self.activations(part);
        if activations.is_empty() {
            return false;
        }
        let ends: Vec<Value> = activations
            .into_iter()
            .flat_map(|value| {
                ["ReduceMin", "ReduceMax"].map(|end| {
                    let end = self.node_with(end, &[value], &[("keepdims", Attribute::Int(0))]);
                    self.reshape(end, &[1])
                })
            })
            .collect();
        let ranges = self.concat(&ends, 0);
        let ranges = self.reshape(ranges, &[-1, 2]);
        self.outputs.clear();
        self.output(RANGES, ranges, Element::F32, &[super::Dim::Named("activations"), super::Dim::Fixed(2)]);
        self.prune();
        true
    }

    /// Computes a part of the graph in 8 bits, with activations in these ranges, in the order of [`Graph::only_ranges`].
    pub fn quantize(&mut self, part: &HashSet<Value>, ranges: &[Range]) {
        let activations = self.activations(part);
        let roundings = ranges.iter().map(|&range| Rounding::over(range));
        let mut roundings: HashMap<Value, Rounding> = activations.iter().copied().zip(roundings).collect();
        for node in &self.nodes {
            // A maximum is one of the values that it is taken of.
            if node.operator == "MaxPool"
                && let Some(&rounding) = roundings.get(&node.inputs[0])
            {
                roundings.insert(node.outputs[0], rounding);
            }
        }
        let given: Vec<Value> = self.inputs.iter().map(|port| port.value).collect();
        let nodes = std::mem::take(&mut self.nodes);
        let mut rounded = HashMap::new();
        for value in given {
            self.round(value, &roundings, &mut rounded);
        }
        for mut node in nodes {
            let is_part = part.contains(&node.outputs[0]);
            if is_part && let Some(scaled) = self.round_embeddings(&node) {
                node = scaled;
            }
            if let Some(axis) = self.product(&node).filter(|_| is_part) {
                let scale = roundings[&node.inputs[0]].scale;
                self.round_weights(&mut node, axis, scale);
            }
            for input in &mut node.inputs {
                *input = rounded.get(input).copied().unwrap_or(*input);
            }
            let outputs = node.outputs.clone();
            self.nodes.push(node);
            for output in outputs {
                self.round(output, &roundings, &mut rounded);
            }
        }
        self.prune();
    }

    /// Rounds an activation, if it is to be, for all that read it from now on.
    fn round(
        &mut self,
        value: Value,
        roundings: &HashMap<Value, Rounding>,
        rounded: &mut HashMap<Value, Value>,
    ) {
        let Some(&Rounding { scale, zero }) = roundings.get(&value) else { return };
        let name = self.name(value).to_owned();
        let scale = self.named_constant(&format!("{name}.scale"), scale as f32);
        let zero = Array { shape: vec![], numbers: Numbers::U8(vec![zero]) };
        let zero = self.named_constant(&format!("{name}.zero"), zero);
        let image = self.values[value.0].image;
        let steps = self.value(&format!("{name}.steps"), image);
        self.push("QuantizeLinear", &[value, scale, zero], &[steps], &[]);
        let back = self.value(&format!("{name}.rounded"), image);
        self.push("DequantizeLinear", &[steps, scale, zero], &[back], &[]);
        rounded.insert(value, back);
    }

    /// Rounds weights and bias of a product, whose outputs are along an axis of its weights.
    fn round_weights(&mut self, node: &mut Node, axis: usize, scale: f64) {
        // A product has constant weights.
        let Some((shape, weights)) = self.floats(node.inputs[1]) else { return };
        let bias = node.inputs.get(2).and_then(|&bias| self.floats(bias)).map(|(_, bias)| bias.to_vec());
        let stride: usize = shape[axis + 1..].iter().product();
        let output = |place: usize| place / stride % shape[axis];
        let mut scales = vec![0.0_f64; shape[axis]];
        for (place, &weight) in weights.iter().enumerate() {
            let scale = &mut scales[output(place)];
            *scale = scale.max(f64::from(weight.abs()) / LARGEST);
        }
        for (output, scale_of_weights) in scales.iter_mut().enumerate() {
            let of_bias =
                bias.as_ref().map_or(0.0, |bias| f64::from(bias[output].abs()) / (scale * LARGEST_BIAS));
            *scale_of_weights = scale_of_weights.max(of_bias);
            if *scale_of_weights == 0.0 {
                *scale_of_weights = 1.0;
            }
        }
        let steps = weights
            .iter()
            .enumerate()
            .map(|(place, &weight)| (f64::from(weight) / scales[output(place)]).round() as i8);
        let steps = Array { shape: shape.to_vec(), numbers: Numbers::I8(steps.collect()) };
        let of_bias = bias.map(|bias| {
            let scales: Vec<f64> = scales.iter().map(|of_weights| of_weights * scale).collect();
            let steps =
                bias.iter().zip(&scales).map(|(&bias, scale)| (f64::from(bias) / scale).round() as i32);
            (Array { shape: vec![scales.len()], numbers: Numbers::I32(steps.collect()) }, scales)
        });
        node.inputs[1] = self.dequantized(node.inputs[1], steps, &scales, axis);
        if let Some((steps, scales)) = of_bias {
            node.inputs[2] = self.dequantized(node.inputs[2], steps, &scales, 0);
        }
    }

    /// Rounds the table that rows are taken from: the operation that scales the rows instead.
    fn round_embeddings(&mut self, node: &Node) -> Option<Node> {
        let &[table, ids] = node.inputs.as_slice() else { return None };
        let (shape, rows) =
            self.floats(table).filter(|(shape, _)| node.operator == "Gather" && shape.len() == 2)?;
        let [count, width] = [shape[0], shape[1]];
        let largest = |row: &[f32]| row.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        let scale = |row: &[f32]| match largest(row) {
            0.0 => 1.0,
            largest => largest / LARGEST_EMBEDDING,
        };
        let scales: Vec<f32> = rows.chunks(width).map(scale).collect();
        let steps =
            rows.iter().enumerate().map(|(place, number)| (number / scales[place / width]).round() as i8);
        let steps = Array { shape: vec![count, width], numbers: Numbers::I8(steps.collect()) };
        let name = self.name(table).to_owned();
        let steps = self.named_constant(&format!("{name}.steps"), steps);
        let scales = self.named_constant(&format!("{name}.scale"), Array::floats(scales, &[count, 1]));
        let rows = self.node("Gather", &[steps, ids]);
        let rows = self.cast(rows, Element::F32);
        let scales = self.node("Gather", &[scales, ids]);
        Some(Node {
            operator: "Mul",
            inputs: vec![rows, scales],
            outputs: node.outputs.clone(),
            attributes: vec![],
        })
    }

    /// A constant as steps, with a scale for each place along an axis.
    fn dequantized(&mut self, constant: Value, steps: Array, scales: &[f64], axis: usize) -> Value {
        let name = self.name(constant).to_owned();
        let steps = self.named_constant(&format!("{name}.steps"), steps);
        let scales = scales.iter().map(|&scale| scale as f32).collect::<Vec<f32>>();
        let scale = Array::floats(scales.clone(), &[scales.len()]);
        let scale = self.named_constant(&format!("{name}.scale"), scale);
        let back = self.value(&format!("{name}.rounded"), None);
        self.push("DequantizeLinear", &[steps, scale], &[back], &[("axis", Attribute::Int(axis as i64))]);
        back
    }

    /// What is rounded: what products receive, what convolutions give, and what is added, pooled and concatenated of that.
    fn activations(&self, part: &HashSet<Value>) -> Vec<Value> {
        let mut found: Vec<Value> = vec![];
        for node in self.nodes.iter().filter(|node| part.contains(&node.outputs[0])) {
            let is_rounded = |value: &Value| found.contains(value);
            let gives = match node.operator {
                "Conv" => self.product(node).is_some(),
                "Add" | "Concat" | "MaxPool" | "AveragePool" | "GlobalAveragePool" => {
                    node.inputs.iter().all(is_rounded)
                }
                _ => false,
            };
            let received = self.product(node).map(|_| node.inputs[0]);
            let given = gives.then(|| self.behind_activation(node.outputs[0]));
            for value in received.into_iter().chain(given) {
                if !found.contains(&value) {
                    found.push(value);
                }
            }
        }
        found
    }

    /// A value behind the bounds that only it is put into: an engine makes them one with the rounding.
    fn behind_activation(&self, value: Value) -> Value {
        let bounds = self.nodes.iter().find(|node| node.inputs.first() == Some(&value));
        match bounds.filter(|node| ["Relu", "Clip"].contains(&node.operator) && self.readers(value) == 1) {
            Some(bounds) => bounds.outputs[0],
            None => value,
        }
    }

    /// The axis of the outputs in the weights of a product over constant weights.
    fn product(&self, node: &Node) -> Option<usize> {
        let axis = match node.operator {
            "Conv" => 0,
            "MatMul" => 1,
            _ => return None,
        };
        let (shape, _) = self.floats(node.inputs[1])?;
        let has_constant_bias = node.inputs.get(2).is_none_or(|&bias| self.floats(bias).is_some());
        let is_one_matrix = node.operator == "Conv" || shape.len() == 2;
        (is_one_matrix && has_constant_bias).then_some(axis)
    }

    /// Shape and numbers of a constant.
    fn floats(&self, value: Value) -> Option<(&[usize], &[f32])> {
        match self.constants.get(&value)? {
            Array { shape, numbers: Numbers::F32(numbers) } => Some((shape, numbers)),
            _ => None,
        }
    }

    /// How many operations and outputs read a value.
    fn readers(&self, value: Value) -> usize {
        let is_it = |read: &&Value| **read == value;
        let read = self.nodes.iter().flat_map(|node| &node.inputs).filter(is_it).count();
        read + self.outputs.iter().map(|Port { value, .. }| value).filter(is_it).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Dim;
    use crate::ops::WindowConfig;

    /// A convolution of one pixel with its norm and its bounds, twice, and their sum.
    fn block() -> (Graph, HashSet<Value>) {
        let mut graph = Graph::new(Dim::Named("batch"));
        let dims = [Dim::Named("batch"), Dim::Fixed(1), Dim::Fixed(4), Dim::Fixed(4)];
        let x = graph.input("x", Element::F32, &dims);
        let shape = super::super::ImageShape { channels: 1, height: 4, width: 4 };
        let mut y = graph.with_image(x, shape);
        let before = graph.nodes().len();
        for gain in [2.0, 4.0] {
            let weight = graph.named_constant("weight", Array::floats(vec![0.5], &[1, 1, 1, 1]));
            y = graph.conv(y, weight, None, WindowConfig::centered(1, 1));
            let norm = [gain, 1.0, 3.0, 0.25].map(|number| Array::floats(vec![number], &[1]));
            let norm = norm.map(|array| graph.constant(array));
            let inputs = [y, norm[0], norm[1], norm[2], norm[3]];
            y = graph.node_with("BatchNormalization", &inputs, &[("epsilon", Attribute::Float(0.0))]);
            y = graph.node("Relu", &[y]);
        }
        let sum = graph.node("Add", &[y, x]);
        let body = graph.computed_since(before);
        graph.output("y", sum, Element::F32, &dims);
        (graph, body)
    }

    fn operators(graph: &Graph) -> Vec<&str> {
        graph.nodes().iter().map(|node| node.operator).collect()
    }

    #[test]
    fn a_norm_becomes_weight_and_bias() {
        let (mut graph, _) = block();
        graph.fold_norms();
        assert_eq!(operators(&graph), ["Conv", "Relu", "Conv", "Relu", "Add"]);
        let of_first = &graph.nodes()[0].inputs[1..];
        let numbers: Vec<f32> = of_first.iter().map(|&value| graph.floats(value).unwrap().1[0]).collect();
        // (0.5 x - 3) / 0.5 · 2 + 1
        assert_eq!(numbers, [2.0, -11.0]);
    }

    #[test]
    fn ranges_are_given_in_the_order_in_which_they_are_taken() {
        let (mut graph, body) = block();
        graph.fold_norms();
        let activations = graph.activations(&body);
        let names: Vec<&str> = activations.iter().map(|&value| graph.name(value)).collect();
        assert_eq!(names, ["x", "Relu", "Relu_1", "y"]);
        graph.only_ranges(&body);
        assert_eq!(graph.outputs().len(), 1);
        assert_eq!(operators(&graph).iter().filter(|&&operator| operator == "ReduceMax").count(), 4);
    }

    #[test]
    fn what_is_between_roundings_computes_in_8_bits() {
        let (mut graph, body) = block();
        graph.fold_norms();
        graph.quantize(&body, &[[-1.0, 1.0], [0.0, 2.0], [0.0, 6.0], [-1.0, 7.0]]);
        let round = ["QuantizeLinear", "DequantizeLinear"];
        let conv = ["DequantizeLinear", "DequantizeLinear", "Conv", "Relu"];
        let expected = [&round[..], &conv, &round, &conv, &round, &["Add"], &round].concat();
        assert_eq!(operators(&graph)[..expected.len() - 2], expected[..expected.len() - 2]);
        let inputs = &graph.nodes().iter().find(|node| node.operator == "Conv").unwrap().inputs;
        let steps = |input: usize| {
            let node = graph.nodes().iter().find(|node| node.outputs[0] == inputs[input]).unwrap();
            let scale = graph.floats(node.inputs[1]).unwrap().1[0];
            match &graph.constants[&node.inputs[0]].numbers {
                Numbers::I8(steps) => f32::from(steps[0]) * scale,
                Numbers::I32(steps) => steps[0] as f32 * scale,
                numbers => panic!("{numbers:?}"),
            }
        };
        let near = |found: f32, exact: f32, step: f32| (found - exact).abs() <= step / 2.0;
        assert!(near(steps(1), 2.0, 2.0 / 64.0), "{}", steps(1));
        assert!(near(steps(2), -11.0, 2.0 / 255.0 * 2.0 / 64.0), "{}", steps(2));
    }

    #[test]
    fn zero_is_exact() {
        for range in [[-1.0, 3.0], [0.5, 2.0], [-2.0, -1.0], [0.0, 0.0]] {
            let Rounding { scale, zero } = Rounding::over(range);
            let [low, high] = [range[0].min(0.0), range[1].max(0.0)].map(f64::from);
            assert!((low..=high).contains(&0.0) && scale > 0.0);
            assert!((f64::from(zero) * scale + low).abs() <= scale / 2.0, "{range:?}: {zero} of {scale}");
        }
    }
}
