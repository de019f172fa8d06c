//! From scores to answers in a graph.

use super::Exportable;
use crate::bundle::ModelConfig;
use crate::data::TargetKind;
use crate::graph::{Array, Attribute, Dim, Element, Graph, NoGraph, Value};
use crate::metrics::Temperature;

impl<C: ModelConfig> Exportable<'_, C> {
    /// Outputs: `probabilities` and `label` of classes, `probabilities` and `labels` of labels, or a `number`; and
    /// `familiarity` where it is known.
    pub(super) fn export_answers(
        &self,
        graph: &mut Graph,
        features: &[Value],
        scores: &[Value],
    ) -> Result<(), NoGraph> {
        let &[scores] = scores else { return Err(not_single("the network's last stage")) };
        graph.enter("answer");
        let batch = graph.batch();
        let decoded = self.loss.export(graph, scores)?;
        let dims = [batch, Dim::Fixed(self.classes.len())];
        match self.loss.kind() {
            TargetKind::Class => {
                let probabilities = calibrated(graph, decoded, self.reliability.temperature);
                let [axis, keep] = [("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))];
                let highest = graph.node_with("ArgMax", &[probabilities], &[axis, keep]);
                let names = graph.constant(Array::texts(self.classes));
                let label = graph.node("Gather", &[names, highest]);
                graph.output("probabilities", probabilities, Element::F32, &dims);
                graph.output("label", label, Element::Text, &[batch]);
            }
            TargetKind::Labels => {
                let thresholds =
                    graph.constant(Array::floats(self.thresholds.to_vec(), &[1, self.thresholds.len()]));
                let there = graph.node("GreaterOrEqual", &[decoded, thresholds]);
                graph.output("probabilities", decoded, Element::F32, &dims);
                graph.output("labels", there, Element::Bool, &dims);
            }
            TargetKind::Number => {
                let number = graph.reshape(decoded, &[-1]);
                graph.output("number", number, Element::F32, &[batch]);
            }
        }
        if let (Some(known), &[features]) = (&self.reliability.familiarity, features) {
            graph.enter("familiarity");
            let share = known.export(graph, features);
            graph.output("familiarity", share, Element::F32, &[batch]);
        }
        Ok(())
    }

    /// The input of the last stage as the only output.
    pub(super) fn export_features(&self, graph: &mut Graph, features: &[Value]) -> Result<(), NoGraph> {
        let &[features] = features else { return Err(not_single("the stage before the last")) };
        let dims = [graph.batch(), Dim::Named("features")];
        graph.output("features", features, Element::F32, &dims);
        Ok(())
    }
}

fn not_single(what: &str) -> NoGraph {
    NoGraph::new(what, "it gives several values")
}

/// Dividing scores by a temperature raises probabilities to a power, whatever made them.
fn calibrated(graph: &mut Graph, probabilities: Value, temperature: Temperature) -> Value {
    if temperature == Temperature::ONE {
        return probabilities;
    }
    let power = graph.constant(temperature.value().recip() as f32);
    let raised = graph.node("Pow", &[probabilities, power]);
    let sum = graph.sum(raised, 1, true);
    graph.node("Div", &[raised, sum])
}
