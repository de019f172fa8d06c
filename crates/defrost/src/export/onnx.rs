//! A graph as the bytes of an ONNX file: the messages of `onnx.proto` that it needs, with the tags they have there.

use std::collections::BTreeMap;

use prost::{DecodeError, Message};

use super::{ExportError, LONGEST};
use crate::graph::{Array, Attribute, Dim, Graph, Node, Numbers, Port, Value};

/// The operators that are not ONNX's own but of its part for classical models, and that part.
const CLASSICAL: [&str; 1] = ["LabelEncoder"];
const CLASSICAL_DOMAIN: &str = "ai.onnx.ml";
const CLASSICAL_VERSION: i64 = 3;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetProto>,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(string, tag = "3")]
    producer_version: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<EntryProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct EntryProto {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
    #[prost(string, tag = "7")]
    domain: String,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, optional, tag = "2")]
    f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    strings: Vec<Vec<u8>>,
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(bytes = "vec", repeated, tag = "6")]
    string_data: Vec<Vec<u8>>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", optional, tag = "9")]
    raw_data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfoProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct ShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<DimensionProto>,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionProto {
    #[prost(int64, optional, tag = "1")]
    dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    dim_param: Option<String>,
}

/// The part of a file that is read again.
#[derive(Clone, PartialEq, Message)]
struct OutlineProto {
    #[prost(message, repeated, tag = "14")]
    metadata_props: Vec<EntryProto>,
}

/// The notes of a file.
pub(super) fn notes(bytes: &[u8]) -> Result<BTreeMap<String, String>, DecodeError> {
    let outline = OutlineProto::decode(bytes)?;
    Ok(outline.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

/// The file.
pub(super) fn encode(graph: &Graph, opset: u32) -> Result<Vec<u8>, ExportError> {
    let nodes = graph.nodes();
    let is_classical = nodes.iter().any(|node| CLASSICAL.contains(&node.operator));
    let own = OperatorSetProto { domain: String::new(), version: opset.into() };
    let classical = OperatorSetProto { domain: CLASSICAL_DOMAIN.to_owned(), version: CLASSICAL_VERSION };
    let model = ModelProto {
        // The version of the format that came with these operators.
        ir_version: match opset {
            ..=18 => 8,
            19 | 20 => 9,
            21.. => 10,
        },
        opset_import: [own].into_iter().chain(is_classical.then_some(classical)).collect(),
        producer_name: "defrost".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(GraphProto {
            node: nodes.iter().map(|node| of_node(graph, node)).collect(),
            name: "defrost".to_owned(),
            initializer: graph.constants().map(|(value, array)| of_constant(graph, value, array)).collect(),
            input: graph.inputs().iter().map(|port| of_port(graph, port)).collect(),
            output: graph.outputs().iter().map(|port| of_port(graph, port)).collect(),
        }),
        metadata_props: graph
            .metadata()
            .iter()
            .map(|(key, value)| EntryProto { key: key.clone(), value: value.clone() })
            .collect(),
    };
    match model.encoded_len() {
        length if length > LONGEST => Err(ExportError::TooLong(length)),
        _ => Ok(model.encode_to_vec()),
    }
}

fn of_node(graph: &Graph, node: &Node) -> NodeProto {
    let names = |values: &[Value]| values.iter().map(|&value| graph.name(value).to_owned()).collect();
    let domain = if CLASSICAL.contains(&node.operator) { CLASSICAL_DOMAIN } else { "" };
    NodeProto {
        input: names(&node.inputs),
        output: names(&node.outputs),
        name: graph.name(node.outputs[0]).to_owned(),
        op_type: node.operator.to_owned(),
        attribute: node.attributes.iter().map(|(name, attribute)| of_attribute(name, attribute)).collect(),
        domain: domain.to_owned(),
    }
}

fn of_attribute(name: &str, attribute: &Attribute) -> AttributeProto {
    let named = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match attribute {
        Attribute::Float(number) => AttributeProto { f: Some(*number), kind: 1, ..named },
        Attribute::Int(number) => AttributeProto { i: Some(*number), kind: 2, ..named },
        Attribute::Ints(numbers) => AttributeProto { ints: numbers.clone(), kind: 7, ..named },
        Attribute::Texts(texts) => AttributeProto { strings: bytes_of(texts), kind: 8, ..named },
    }
}

fn bytes_of(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.clone().into_bytes()).collect()
}

fn of_constant(graph: &Graph, value: Value, array: &Array) -> TensorProto {
    let (string_data, raw_data) = match &array.numbers {
        Numbers::Texts(texts) => (bytes_of(texts), None),
        numbers => (vec![], Some(numbers.to_bytes())),
    };
    TensorProto {
        dims: array.shape.iter().map(|&dim| dim as i64).collect(),
        data_type: array.numbers.element().code(),
        string_data,
        name: graph.name(value).to_owned(),
        raw_data,
    }
}

fn of_port(graph: &Graph, port: &Port) -> ValueInfoProto {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => DimensionProto { dim_value: Some(*size as i64), dim_param: None },
        Dim::Named(name) => DimensionProto { dim_value: None, dim_param: Some((*name).to_owned()) },
    };
    let shape = ShapeProto { dim: port.dims.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: port.element.code(), shape: Some(shape) };
    ValueInfoProto {
        name: graph.name(port.value).to_owned(),
        kind: Some(TypeProto { tensor_type: Some(tensor_type) }),
    }
}

/// `image uint8 [batch, height, width, 3]`
pub(super) fn describe(graph: &Graph, port: &Port) -> String {
    let dims = port.dims.iter().map(|dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Named(name) => (*name).to_owned(),
    });
    let dims = dims.collect::<Vec<_>>().join(", ");
    format!("{} {} [{dims}]", graph.name(port.value), port.element.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Element;

    /// Made with onnx 1.23.2: `make_model(make_graph([make_node("Flatten", ["x"], ["y"], name="y", axis=0)], "defrost", [x], [y]),
    /// producer_name="defrost", producer_version="0", opset_imports=[make_opsetid("", 18)], ir_version=8)`.
    const FLATTEN: &str = "08081207646566726f73741a01303a5e0a1f0a01781201791a01792207466c617474656e2a0b0a04617869731800a00102120764656672\
        6f73745a180a017812130a110801120d0a07120562617463680a02080362180a017912130a110801120d0a07120562617463680a02080342040a00\
        1012";

    #[test]
    fn a_file_is_as_onnx_writes_it() {
        let mut graph = Graph::new(Dim::Named("batch"));
        let dims = [Dim::Named("batch"), Dim::Fixed(3)];
        let x = graph.input("x", Element::F32, &dims);
        let y = graph.node_with("Flatten", &[x], &[("axis", Attribute::Int(0))]);
        graph.output("y", y, Element::F32, &dims);
        let ours = ModelProto::decode(encode(&graph, 18).unwrap().as_slice()).unwrap();
        let byte = |at: usize| u8::from_str_radix(&FLATTEN[at..at + 2], 16).unwrap();
        let theirs: Vec<u8> = (0..FLATTEN.len()).step_by(2).map(byte).collect();
        let theirs = ModelProto::decode(theirs.as_slice()).unwrap();
        assert_eq!(ours, ModelProto { producer_version: ours.producer_version.clone(), ..theirs });
    }
}
