//! An image network: a body and a head.

use std::ops::Range;

use burn::module::Module;

use super::architecture::PretrainedConfig;
use super::body::Body;
use super::head::Head;
use crate::batch::Batch;
use crate::graph::{Graph, NoGraph, Value};
use crate::ops::in_format;
use crate::precision::Precision;
use crate::stage::{Network, Stage};

/// Images `[batch, height, width, 3]` in, scores `[batch, classes]` out.
#[derive(Module, Debug)]
pub struct VisionNetwork {
    body: Body,
    head: Head,
    #[module(skip)]
    precision: Precision,
    /// Where the default layer groups after the first begin, by stage name; the head is one of its own.
    #[module(skip)]
    group_starts: Vec<String>,
    #[module(skip)]
    pretrained: bool,
    /// The details in which trainings of the architecture differ.
    #[module(skip)]
    config: String,
}

impl VisionNetwork {
    /// Puts a head on a body. `group_starts` names the stages at which the body's layer groups after the
    /// first begin; those that a cut has thrown away are left out.
    pub fn new(
        body: Body,
        head: Head,
        precision: Precision,
        group_starts: &[&str],
        pretrained: bool,
    ) -> Self {
        let group_starts = group_starts.iter().map(|&name| name.to_owned()).collect();
        Self { body, head, precision, group_starts, pretrained, config: String::new() }
    }

    /// Notes the config that the body was built under.
    pub fn with_pretrained_config(self, config: &PretrainedConfig) -> Self {
        Self { config: format!("{config:?}"), ..self }
    }
}

impl Network for VisionNetwork {
    fn stages(&self) -> Vec<Stage> {
        let body = self.body.stages().into_iter().map(|stage| stage.with_pretrained(self.pretrained));
        body.chain(self.head.stages()).collect()
    }

    fn settings(&self) -> String {
        format!("{} {} {}", self.precision.name(), self.config, self.head.pooling())
    }

    fn group_starts(&self) -> Vec<usize> {
        let stages = self.body.stages();
        let position = |name: &String| stages.iter().position(|stage| stage.is_called(name));
        [0].into_iter().chain(self.group_starts.iter().filter_map(position)).chain([stages.len()]).collect()
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let pool = self.body.len();
        stages.fold(input, |x, stage| match stage {
            0 => self.body.forward(0, in_format::<4>(x.single(), self.precision.format())).into(),
            body if body < pool => self.body.forward(body, x.single()).into(),
            stage if stage == pool => self.head.pool(x.single()).into(),
            _ => self.head.forward(x.single()).into(),
        })
    }

    fn export(
        &self,
        graph: &mut Graph,
        input: Vec<Value>,
        stages: Range<usize>,
    ) -> Result<Vec<Value>, NoGraph> {
        let pool = self.body.len();
        stages.into_iter().try_fold(input, |x, stage| {
            let x = x[0];
            let y = match stage {
                body if body < pool => self.body.export(graph, body, x)?,
                stage if stage == pool => {
                    graph.enter("pool");
                    self.head.export_pool(graph, x)
                }
                _ => {
                    graph.enter("head");
                    self.head.export(graph, x)
                }
            };
            Ok(vec![y])
        })
    }
}
