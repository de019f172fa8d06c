//! What a network computes, as data: operations, their constants, and what goes in and out, in ONNX's words.
//!
//! A layer has an `export` beside its `forward` that mirrors it line by line, so a block, a network, a loss and a domain's
//! preprocessing are described where they are written. Nothing here knows files; [`crate::export`] writes a graph.
//!
//! Images are channels first in a graph, `[batch, channels, height, width]`, as ONNX's operators have them. A block takes
//! and gives them so; inside, [`Graph::channels_last`] and [`Graph::channels_first`] turn them, and two turns that undo each
//! other leave nothing behind.

mod array;
mod error;
mod operators;
mod quantize;

use std::collections::{BTreeMap, HashMap, HashSet};

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;

pub use array::{Array, Element, Numbers};
pub use error::NoGraph;
pub use quantize::{RANGES, Range};

/// Something a graph computes, is given or holds: the handle by which operations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(usize);

/// The size of an image in a graph; how many there are in a batch is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Channels.
    pub channels: usize,
    /// Pixels down.
    pub height: usize,
    /// Pixels across.
    pub width: usize,
}

/// A dimension of what goes in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// Always this.
    Fixed(usize),
    /// Open, under this name.
    Named(&'static str),
}

/// An attribute of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name in ONNX.
    pub operator: &'static str,
    /// Its inputs.
    pub inputs: Vec<Value>,
    /// Its outputs.
    pub outputs: Vec<Value>,
    /// Its attributes.
    pub attributes: Vec<(&'static str, Attribute)>,
}

impl Node {
    /// An attribute.
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, attribute)| attribute)
    }
}

/// What goes in or out.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// The value.
    pub value: Value,
    /// The kind of its elements.
    pub element: Element,
    /// Its dimensions.
    pub dims: Vec<Dim>,
}

/// What is known of a value.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    /// If it is an image, whichever way it is turned.
    image: Option<ImageShape>,
}

/// A computation.
///
/// ```
/// use defrost::graph::{Dim, Element, Graph};
///
/// let mut graph = Graph::new(Dim::Named("batch"));
/// let batch = graph.batch();
/// let x = graph.input("x", Element::F32, &[batch, Dim::Fixed(3)]);
/// let y = graph.node("Relu", &[x]);
/// graph.output("y", y, Element::F32, &[batch, Dim::Fixed(3)]);
/// assert_eq!((graph.nodes().len(), graph.name(y)), (1, "y"));
/// ```
#[derive(Debug)]
pub struct Graph {
    values: Vec<Known>,
    nodes: Vec<Node>,
    constants: BTreeMap<Value, Array>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    metadata: BTreeMap<String, String>,
    parameters: HashMap<ParamId, String>,
    taken: HashSet<String>,
    stage: String,
    batch: Dim,
}

impl Graph {
    /// Nothing yet, over batches of this size.
    pub fn new(batch: Dim) -> Self {
        Self {
            values: vec![],
            nodes: vec![],
            constants: BTreeMap::new(),
            inputs: vec![],
            outputs: vec![],
            metadata: BTreeMap::new(),
            parameters: HashMap::new(),
            taken: HashSet::new(),
            stage: String::new(),
            batch,
        }
    }

    /// How many items there are in a batch.
    pub fn batch(&self) -> Dim {
        self.batch
    }

    /// Says what a parameter is called, for [`Graph::parameter`].
    pub fn name_parameter(&mut self, id: ParamId, name: &str) {
        self.parameters.insert(id, name.to_owned());
    }

    /// Begins a stage: what is computed from now on carries its name.
    pub fn enter(&mut self, stage: &str) {
        stage.clone_into(&mut self.stage);
    }

    /// A note for people and programs.
    pub fn note(&mut self, key: &str, text: impl Into<String>) {
        self.metadata.insert(key.to_owned(), text.into());
    }

    /// Something that is given.
    pub fn input(&mut self, name: &str, element: Element, dims: &[Dim]) -> Value {
        let value = self.value(name, None);
        self.inputs.push(Port { value, element, dims: dims.to_vec() });
        value
    }

    /// Gives this value under a name.
    pub fn output(&mut self, name: &str, value: Value, element: Element, dims: &[Dim]) {
        let is_computed = self.nodes.iter().any(|node| node.outputs.contains(&value));
        let is_given = self.outputs.iter().any(|port| port.value == value);
        let value = if is_computed && !is_given { value } else { self.node("Identity", &[value]) };
        self.values[value.0].name = self.free(name);
        self.outputs.push(Port { value, element, dims: dims.to_vec() });
    }

    /// A constant.
    pub fn constant(&mut self, array: impl Into<Array>) -> Value {
        self.named_constant("constant", array)
    }

    fn named_constant(&mut self, name: &str, array: impl Into<Array>) -> Value {
        let name = if name == "constant" { self.local("constant") } else { name.to_owned() };
        let value = self.value(&name, None);
        self.constants.insert(value, array.into());
        value
    }

    /// A layer's parameter, under its name in weight files.
    pub fn parameter<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) -> Value {
        let name = self.name_of(parameter);
        self.tensor(&name, parameter.val())
    }

    /// What a parameter is called.
    pub fn name_of<const D: usize>(&self, parameter: &Param<Tensor<D>>) -> String {
        self.parameters.get(&parameter.id).cloned().unwrap_or_else(|| self.local("parameter"))
    }

    /// A tensor as a constant of this name.
    pub fn tensor<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Value {
        let shape = tensor.dims().to_vec();
        let numbers = tensor.into_data().iter::<f32>().collect();
        self.named_constant(name, Array { shape, numbers: Numbers::F32(numbers) })
    }

    /// An operation with one output and no attributes.
    pub fn node(&mut self, operator: &'static str, inputs: &[Value]) -> Value {
        self.node_with(operator, inputs, &[])
    }

    /// An operation with one output. It is an image of the first input's shape, if that is one.
    pub fn node_with(
        &mut self,
        operator: &'static str,
        inputs: &[Value],
        attributes: &[(&'static str, Attribute)],
    ) -> Value {
        let image = inputs.first().and_then(|input| self.values[input.0].image);
        let output = self.value(&self.local(operator), image);
        self.push(operator, inputs, &[output], attributes);
        output
    }

    /// The first of the outputs of an operation that has this many.
    pub fn first_of(
        &mut self,
        outputs: usize,
        operator: &'static str,
        inputs: &[Value],
        attributes: &[(&'static str, Attribute)],
    ) -> Value {
        let outputs: Vec<Value> = (0..outputs).map(|_| self.value(&self.local(operator), None)).collect();
        self.push(operator, inputs, &outputs, attributes);
        outputs[0]
    }

    fn push(
        &mut self,
        operator: &'static str,
        inputs: &[Value],
        outputs: &[Value],
        attributes: &[(&'static str, Attribute)],
    ) {
        let (inputs, outputs) = (inputs.to_vec(), outputs.to_vec());
        self.nodes.push(Node { operator, inputs, outputs, attributes: attributes.to_vec() });
    }

    /// The same value, which is an image of this shape.
    pub fn with_image(&mut self, value: Value, image: ImageShape) -> Value {
        self.values[value.0].image = Some(image);
        value
    }

    /// The shape of an image.
    ///
    /// # Panics
    ///
    /// If it is none: a block is given images.
    pub fn image(&self, value: Value) -> ImageShape {
        self.values[value.0].image.expect("a block is given images")
    }

    /// The dimensions of a constant; none of what is computed.
    pub fn dims(&self, constant: Value) -> &[usize] {
        self.constants.get(&constant).map_or(&[], |array| &array.shape)
    }

    /// A value's name.
    pub fn name(&self, value: Value) -> &str {
        &self.values[value.0].name
    }

    /// The operations, each behind those it reads from.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The constants.
    pub fn constants(&self) -> impl Iterator<Item = (Value, &Array)> {
        self.constants.iter().map(|(&value, array)| (value, array))
    }

    /// What goes in.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What comes out.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The notes, by key.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Removes what no output depends on.
    pub fn prune(&mut self) {
        let mut needed: HashSet<Value> = self.outputs.iter().map(|port| port.value).collect();
        for node in self.nodes.iter().rev() {
            if node.outputs.iter().any(|output| needed.contains(output)) {
                needed.extend(&node.inputs);
            }
        }
        self.nodes.retain(|node| node.outputs.iter().any(|output| needed.contains(output)));
        self.constants.retain(|value, _| needed.contains(value));
    }

    /// Keeps large constants in 16 bits and computes with them in 32, which halves a file; those that are out of the range
    /// of 16 bits stay as they are.
    pub fn halve(&mut self) {
        let halved: Vec<(Value, Array)> =
            self.constants.iter().filter_map(|(&value, array)| Some((value, array.halved()?))).collect();
        let mut casts = vec![];
        for (value, array) in halved {
            let name = self.values[value.0].name.clone();
            self.values[value.0].name = self.free(&format!("{name}.f32"));
            let half = Value(self.values.len());
            self.values.push(Known { name, image: None });
            self.constants.remove(&value);
            self.constants.insert(half, array);
            let to = ("to", Attribute::Int(Element::F32.code().into()));
            let (inputs, outputs) = (vec![half], vec![value]);
            casts.push(Node { operator: "Cast", inputs, outputs, attributes: vec![to] });
        }
        self.nodes.splice(0..0, casts);
    }

    fn value(&mut self, name: &str, image: Option<ImageShape>) -> Value {
        let name = self.free(name);
        self.values.push(Known { name, image });
        Value(self.values.len() - 1)
    }

    /// The name of what is computed in the present stage.
    fn local(&self, what: &str) -> String {
        format!("{}{}{what}", self.stage, if self.stage.is_empty() { "" } else { "/" })
    }

    /// This name, numbered if it is taken.
    fn free(&mut self, name: &str) -> String {
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        // There is an endless number of them.
        let free = names.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> (Graph, Value) {
        let mut graph = Graph::new(Dim::Named("batch"));
        let x = graph.input("x", Element::F32, &[Dim::Named("batch"), Dim::Fixed(2)]);
        (graph, x)
    }

    #[test]
    fn names_are_given_once() {
        let (mut graph, x) = scores();
        graph.enter("head");
        let names =
            [graph.node("Relu", &[x]), graph.node("Relu", &[x])].map(|value| graph.name(value).to_owned());
        assert_eq!(names, ["head/Relu", "head/Relu_1"]);
        graph.output("y", x, Element::F32, &[]);
        assert_eq!(graph.nodes().last().map(|node| node.operator), Some("Identity"), "an input is no output");
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        let (mut graph, x) = scores();
        let unused = graph.constant(1.0);
        graph.node("Add", &[x, unused]);
        let y = graph.node("Neg", &[x]);
        graph.output("y", y, Element::F32, &[]);
        graph.prune();
        assert_eq!((graph.nodes().len(), graph.constants().count()), (1, 0));
    }

    #[test]
    fn turns_that_undo_each_other_are_none() {
        let (mut graph, x) = scores();
        let turned = graph.channels_last(x);
        assert_eq!(graph.channels_first(turned), x);
        assert_ne!(graph.channels_last(turned), x);
    }

    #[test]
    fn weights_are_kept_in_sixteen_bits_where_they_fit() {
        let (mut graph, x) = scores();
        let weights = graph.named_constant("weight", Array::floats(vec![0.5; 512], &[512]));
        let wide = graph.named_constant("wide", Array::floats(vec![1e6; 512], &[512]));
        let sum = graph.node("Sum", &[x, weights, wide]);
        graph.output("y", sum, Element::F32, &[]);
        graph.halve();
        let kinds: Vec<(&str, Element)> =
            graph.constants().map(|(value, array)| (graph.name(value), array.numbers.element())).collect();
        assert_eq!(kinds, [("wide", Element::F32), ("weight", Element::F16)]);
        assert_eq!((graph.nodes()[0].operator, graph.name(weights)), ("Cast", "weight.f32"));
    }
}
