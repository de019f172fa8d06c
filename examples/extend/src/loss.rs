//! A loss: cross-entropy that looks less at items it is sure of (focal loss, arXiv 1708.02002).

use defrost::burn::tensor::Tensor;
use defrost::burn::tensor::activation::{log_softmax, softmax};
use defrost::data::TargetKind;
use defrost::graph::{self, Graph, NoGraph};
use defrost::loss::Loss;
use serde_json::{Value, json};

const NAME: &str = "focal";

/// `-(1 - p)^gamma · log p` of the probability `p` of an item's class.
#[derive(Debug)]
pub struct Focal {
    pub gamma: f64,
}

/// Makes it known, so that a run that was trained with it can be loaded.
pub fn register() {
    defrost::loss::register(NAME, |parameters| {
        let gamma = parameters["gamma"].as_f64().ok_or("it has no gamma")?;
        Ok(Focal { gamma }.into())
    });
}

impl Loss for Focal {
    fn name(&self) -> &str {
        NAME
    }

    fn kind(&self) -> TargetKind {
        TargetKind::Class
    }

    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let log = log_softmax(scores, 1);
        let doubt = (log.clone().exp().neg() + 1.0).powf_scalar(self.gamma);
        (doubt * log * targets).sum_dim(1).mean().neg()
    }

    fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        softmax(scores, 1)
    }

    fn export(&self, graph: &mut Graph, scores: graph::Value) -> Result<graph::Value, NoGraph> {
        Ok(graph.softmax(scores))
    }

    fn encode(&self, probabilities: Tensor<2>) -> Tensor<2> {
        probabilities.clamp(1e-7, 1.0).log()
    }

    fn parameters(&self) -> Value {
        json!({ "gamma": self.gamma })
    }
}
