//! Stages: the interface through which a network is frozen, cached and unfrozen.
//!
//! A stage is the smallest part that can be frozen alone. The core learns everything about a network
//! from here: the stages' names, which parameters each one holds by exact id, and how to run a range of
//! them. It never asks what kind of network it is.

mod check;

use std::ops::Range;

use burn::module::{Flag, Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use crate::batch::{Batch, Value};
use crate::graph::{self, Graph, NoGraph};

pub use check::{StageError, check};

/// A network cut into stages.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, activation::relu};
/// use defrost::{Batch, Network, Stage};
///
/// #[derive(Module, Debug)]
/// struct TwoLayers {
///     body: Linear,
///     head: Linear,
/// }
///
/// impl Network for TwoLayers {
///     fn stages(&self) -> Vec<Stage> {
///         vec![Stage::of("body", "body.", &self.body), Stage::of("head", "head.", &self.head)]
///     }
///
///     fn forward(&self, input: Batch, stages: std::ops::Range<usize>) -> Batch {
///         let mut x = input.single::<2>();
///         for stage in stages {
///             x = if stage == 0 { relu(self.body.forward(x)) } else { self.head.forward(x) };
///         }
///         x.into()
///     }
/// }
///
/// let device = Device::flex();
/// let network = TwoLayers {
///     body: LinearConfig::new(4, 8).init(&device),
///     head: LinearConfig::new(8, 2).init(&device),
/// };
/// assert_eq!(network.stages()[0].parameter_count(), 4 * 8 + 8);
/// ```
pub trait Network: Module {
    /// The stages, input first. The last one is the head.
    fn stages(&self) -> Vec<Stage>;

    /// Runs `stages` on a batch: stage `stages.start` receives `input`, the result is what stage
    /// `stages.end - 1` gives. An empty range returns `input`.
    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch;

    /// Describes `stages` in a graph: stage `stages.start` receives `input`, given is what stage `stages.end - 1` gives. The
    /// values are those of the [batch](Batch) in [`Network::forward`], but images have their channels first. A network that does
    /// not say can't be exported.
    ///
    /// # Errors
    ///
    /// If a stage has no graph.
    fn export(
        &self,
        _graph: &mut Graph,
        _input: Vec<graph::Value>,
        _stages: Range<usize>,
    ) -> Result<Vec<graph::Value>, NoGraph> {
        Err(NoGraph::of::<Self>("Network::export"))
    }

    /// What the output depends on beside the tensors: number formats, paddings, epsilons. Rows that earlier
    /// runs have kept differ by it.
    fn settings(&self) -> String {
        std::any::type_name::<Self>().to_owned()
    }

    /// The output of a stage before the head as one row of features per item, `[batch, features]` in f32: what can be learned about
    /// items at that depth. Unless a network knows better, the mean over all positions; none where there are no numbers.
    fn pooled(&self, output: Batch) -> Option<Tensor<2>> {
        output.into_values().into_iter().find_map(Value::pooled)
    }

    /// The first stage of each default layer group. Unless a network knows better: body and head.
    fn group_starts(&self) -> Vec<usize> {
        match self.stages().len() {
            0 | 1 => vec![0],
            stages => vec![0, stages - 1],
        }
    }
}

/// The role of a parameter in freezing and weight decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A weight: decays, trains with its group.
    Weight,
    /// An additive term: does not decay.
    Bias,
    /// Scale or shift of a norm: does not decay, trains in frozen groups too under
    /// [`NormMode::Adapt`](crate::NormMode::Adapt).
    Norm,
    /// A running statistic of a norm: moved by forward passes, never by a gradient.
    Buffer,
}

/// One tensor of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The id Burn knows it by; unlike a path it matches nothing else.
    pub id: ParamId,
    /// Its name in weight files.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its role.
    pub role: Role,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A layer's training flag: a norm that may use batch statistics, a dropout that may drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingFlag {
    /// The id Burn knows it by.
    pub id: ParamId,
    /// Whether it belongs to a norm.
    pub of_norm: bool,
}

/// The smallest part of a network that can be frozen alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name in plans and options, such as `layer1.0`.
    pub name: String,
    /// Its tensors.
    pub parameters: Vec<Parameter>,
    /// Its training flags.
    pub training_flags: Vec<TrainingFlag>,
    /// Whether its weights come from an earlier task. The norms of a stage that is new always work
    /// the usual way, whatever the [`NormMode`](crate::NormMode).
    pub pretrained: bool,
    /// Whether all it does in eval mode is `input · weightᵀ + bias`, with a weight `[outputs, inputs]` and a bias
    /// `[outputs]` as its only parameters. Such a head can be solved for on frozen features.
    pub dense: bool,
}

impl Stage {
    /// Reads a stage off a Burn module. Tensor names are `prefix` and the path of fields inside the
    /// module. A struct that is called a norm (`LayerNorm`, `BatchNorm2d`) or has running statistics is one.
    ///
    /// The stage counts as pretrained; see [`Stage::untrained`].
    pub fn of<M: Module>(name: &str, prefix: &str, module: &M) -> Self {
        Self::renamed::<M, &str>(name, prefix, module, &[])
    }

    /// The same, where weight files call some tensors otherwise than the module's fields: see [`called`] for `names`.
    pub fn renamed<M: Module, N: AsRef<str>>(
        name: &str,
        prefix: &str,
        module: &M,
        names: &[(&str, N)],
    ) -> Self {
        let mut reader = StageReader::default();
        module.visit(&mut reader);
        let (mut parameters, training_flags) = reader.finish();
        for parameter in &mut parameters {
            parameter.name = format!("{prefix}{}", called(&parameter.name, names));
        }
        Self { name: name.to_owned(), parameters, training_flags, pretrained: true, dense: false }
    }

    /// The same stage with new weights.
    pub fn untrained(self) -> Self {
        Self { pretrained: false, ..self }
    }

    /// The same stage, which is one [dense](Stage::dense) layer.
    pub fn dense(self) -> Self {
        Self { dense: true, ..self }
    }

    /// A stage without parameters, such as pooling.
    pub fn without_parameters(name: &str) -> Self {
        let (parameters, training_flags) = (vec![], vec![]);
        Self { name: name.to_owned(), parameters, training_flags, pretrained: false, dense: false }
    }

    /// The same stage, pretrained or not.
    pub fn with_pretrained(self, pretrained: bool) -> Self {
        Self { pretrained, ..self }
    }

    /// Elements of all parameters that a gradient could move: statistics do not count.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().filter(|parameter| parameter.role != Role::Buffer).map(Parameter::len).sum()
    }

    /// Whether there is anything in it to freeze or train. A stage without parameters, such as pooling, goes
    /// with the stage behind it and is constant as soon as all before it is.
    pub fn has_parameters(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// The name up to its last dot: stages of one family (`layer1` for `layer1.0`, `layer1.1`) are often
    /// named together.
    pub fn family(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(family, _)| family)
    }

    /// Whether this name means the stage, or a family it belongs to.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// A tensor's name elsewhere: `names` lists beginnings of paths, in whole parts, and their replacements. The
/// first that fits counts; a path that none fits stays as it is.
///
/// ```
/// use defrost::stage::called;
///
/// let names = [("conv", "0"), ("norm", "1")];
/// assert_eq!(called("conv.weight", &names), "0.weight");
/// assert_eq!(called("conv2.weight", &names), "conv2.weight");
/// ```
pub fn called<N: AsRef<str>>(path: &str, names: &[(&str, N)]) -> String {
    let found = names.iter().find_map(|(ours, theirs)| {
        let rest = path.strip_prefix(ours).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
        Some(format!("{}{rest}", theirs.as_ref()))
    });
    found.unwrap_or_else(|| path.to_owned())
}

/// Collects a module's tensors and flags along with the path that leads to them.
#[derive(Default)]
struct StageReader {
    /// Field names from the module to the tensor; a variant's name is no part of a tensor's name.
    path: Vec<String>,
    /// For each open container, whether its name is a norm's.
    norms: Vec<bool>,
    parameters: Vec<Read<Parameter>>,
    training_flags: Vec<Read<TrainingFlag>>,
}

/// Something that was read, and the path of what holds it.
struct Read<T> {
    holder: Vec<String>,
    value: T,
}

/// A norm's statistics; what has them is a norm, whatever it is called.
const STATISTICS: [&str; 2] = ["running_mean", "running_var"];

impl StageReader {
    fn in_norm(&self) -> bool {
        self.norms.last().copied().unwrap_or(false)
    }

    fn holder(&self) -> Vec<String> {
        self.path[..self.path.len().saturating_sub(1)].to_vec()
    }

    fn role(&self) -> Role {
        match self.path.last().map(String::as_str) {
            Some(name) if STATISTICS.contains(&name) => Role::Buffer,
            _ if self.in_norm() => Role::Norm,
            Some("bias") => Role::Bias,
            _ => Role::Weight,
        }
    }

    /// What was read, with the holder of a statistic counted as a norm.
    fn finish(self) -> (Vec<Parameter>, Vec<TrainingFlag>) {
        let statistics = self.parameters.iter().filter(|read| read.value.role == Role::Buffer);
        let norms: Vec<Vec<String>> = statistics.map(|read| read.holder.clone()).collect();
        let parameter = |Read { holder, value }: Read<Parameter>| match value.role {
            Role::Weight | Role::Bias if norms.contains(&holder) => Parameter { role: Role::Norm, ..value },
            _ => value,
        };
        let flag = |Read { holder, value }: Read<TrainingFlag>| TrainingFlag {
            of_norm: value.of_norm || norms.contains(&holder),
            ..value
        };
        let flags = self.training_flags.into_iter().map(flag).collect();
        (self.parameters.into_iter().map(parameter).collect(), flags)
    }
}

fn is_variant(container: &str) -> bool {
    container.starts_with("Enum:")
}

/// Whether a container is called a norm: `LayerNorm`, `BatchNorm2d`.
fn is_norm(container: &str) -> bool {
    container.trim_end_matches('d').trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("Norm")
}

impl ModuleVisitor for StageReader {
    fn enter_module(&mut self, name: &str, container: &str) {
        if !is_variant(container) {
            self.path.push(name.to_owned());
        }
        self.norms.push(is_norm(container));
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        if !is_variant(container) {
            self.path.pop();
        }
        self.norms.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = Parameter {
            id: param.id,
            name: self.path.join("."),
            shape: param.lazy_shape().to_vec(),
            role: self.role(),
        };
        self.parameters.push(Read { holder: self.holder(), value });
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        let value = TrainingFlag { id: flag.id, of_norm: self.in_norm() };
        self.training_flags.push(Read { holder: self.holder(), value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// A norm with another name and a norm's fields.
    #[derive(Module, Debug)]
    struct Whitening {
        scale: Param<Tensor<1>>,
        bias: Param<Tensor<1>>,
        running_mean: Param<Tensor<1>>,
    }

    /// Called a norm for images.
    #[derive(Module, Debug)]
    struct BatchNorm2d {
        gain: Param<Tensor<1>>,
    }

    #[derive(Module, Debug)]
    struct Body {
        first: Whitening,
        second: BatchNorm2d,
        bias: Param<Tensor<1>>,
    }

    #[test]
    fn norms_are_known_by_their_statistics_or_their_name() {
        let one = || Param::from_tensor(Tensor::<1>::zeros([2], &Device::flex()));
        let body = Body {
            first: Whitening { scale: one(), bias: one(), running_mean: one() },
            second: BatchNorm2d { gain: one() },
            bias: one(),
        };
        let roles = |stage: Stage| stage.parameters.into_iter().map(|p| p.role).collect::<Vec<_>>();
        let expected = [Role::Norm, Role::Norm, Role::Buffer, Role::Norm, Role::Bias];
        assert_eq!(roles(Stage::of("body", "", &body)), expected);
        let norm = burn::nn::BatchNormConfig::new(2).init(&Device::flex());
        assert_eq!(roles(Stage::of("norm", "", &norm)), [Role::Norm, Role::Norm, Role::Buffer, Role::Buffer]);
    }
}
