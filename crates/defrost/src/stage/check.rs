//! Compares a network's list of stages with its forward pass.
//!
//! Freezing needs three properties that a type can't express: every parameter is in exactly one stage; running stages one by
//! one equals running them at once; and no stage computes with parameters of a later one, since its output would count as
//! constant while they train.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::module::{Flag, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{FloatDType, Gradients, Tensor, TensorData};
use thiserror::Error;

use super::{Network, Role, Stage, is_variant};
use crate::batch::{Batch, Value};
use crate::ops::in_format;

/// A network's stages and its forward pass disagree.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StageError {
    /// There are no stages.
    #[error("the network lists no stages")]
    NoStages,
    /// Stages can't be told apart.
    #[error("two stages are called `{0}`")]
    SameStage(String),
    /// Tensors can't be told apart in files.
    #[error("two tensors are called `{name}`, in stage `{first}` and in stage `{second}`")]
    SameTensor {
        /// Their name.
        name: String,
        /// The stage of the first.
        first: String,
        /// The stage of the second.
        second: String,
    },
    /// A parameter would not be frozen, trained or saved.
    #[error("parameter `{0}` of the network is in no stage")]
    Missing(String),
    /// A training flag would not follow freezing.
    #[error("training flag `{0}` of the network is in no stage")]
    MissingFlag(String),
    /// A parameter would be frozen and trained.
    #[error("parameter `{parameter}` is in stage `{first}` and in stage `{second}`")]
    Twice {
        /// The parameter.
        parameter: String,
        /// A stage.
        first: String,
        /// Another.
        second: String,
    },
    /// A stage lists a parameter that is none of the network's.
    #[error("stage `{stage}` lists parameter `{parameter}`, which the network doesn't hold")]
    Unknown {
        /// The stage.
        stage: String,
        /// The parameter.
        parameter: String,
    },
    /// Running stages panics.
    #[error("running stages {} to {} of {count} (`{name}`, …) panics: {message}", range.start, range.end)]
    Panics {
        /// Which stages.
        range: Range<usize>,
        /// How many the network lists.
        count: usize,
        /// The first one's name.
        name: String,
        /// The panic's message.
        message: String,
    },
    /// Running nothing does something.
    #[error("running no stages changes the input")]
    NotEmpty,
    /// Running stages at once is something else than running them one by one.
    #[error("running stages {} to {} at once gives something else than running them one by one", .0.start, .0.end)]
    Differs(Range<usize>),
    /// A stage lists a parameter that it doesn't compute with.
    #[error("stage `{stage}` lists parameter `{parameter}`, and running it doesn't use it")]
    Unused {
        /// The stage.
        stage: String,
        /// The parameter.
        parameter: String,
    },
    /// A stage computes with a parameter of a stage behind it.
    #[error("running stage `{stage}` uses parameter `{parameter}`, which is in stage `{owner}` behind it")]
    Foreign {
        /// The stage that runs.
        stage: String,
        /// The parameter.
        parameter: String,
        /// The stage that lists it.
        owner: String,
    },
}

/// Checks that a network's stages say what its forward pass does; for tests of a [`Network`] of your own. `input` is a
/// small batch as a dataset would give it.
///
/// Every stage is run a few times, in eval mode, and once with gradients.
///
/// # Errors
///
/// If they disagree; says in what.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
/// use defrost::{Batch, Network, Stage, stage};
///
/// #[derive(Module, Debug)]
/// struct TwoLayers {
///     body: Linear,
///     head: Linear,
/// }
///
/// impl Network for TwoLayers {
///     fn stages(&self) -> Vec<Stage> {
///         vec![Stage::of("body", "body.", &self.body)] // and the head?
///     }
///
///     fn forward(&self, input: Batch, stages: std::ops::Range<usize>) -> Batch {
///         let mut x = input.single::<2>();
///         for stage in stages {
///             x = if stage == 0 { self.body.forward(x) } else { self.head.forward(x) };
///         }
///         x.into()
///     }
/// }
///
/// let device = Device::flex();
/// let layer = || LinearConfig::new(4, 4).init(&device);
/// let network = TwoLayers { body: layer(), head: layer() };
/// let error = stage::check(&network, Tensor::<2>::ones([3, 4], &device).into()).unwrap_err();
/// assert_eq!(error.to_string(), "parameter `head.weight` of the network is in no stage");
/// ```
pub fn check<N: Network>(network: &N, input: Batch) -> Result<(), StageError> {
    let stages = network.stages();
    check_lists(network, &stages)?;
    let trainable = stages.iter().flat_map(|stage| &stage.parameters).filter(|p| p.role != Role::Buffer);
    let mut observed = Observed(trainable.map(|parameter| parameter.id).collect());
    let run = Run { network: network.clone().train().map(&mut observed), stages };
    let passed = run.one_by_one(input.on_autodiff())?;
    run.check_ranges(&passed)?;
    run.check_uses(&passed)
}

/// Every parameter and flag is in one stage, and all have names of their own.
fn check_lists<N: Network>(network: &N, stages: &[Stage]) -> Result<(), StageError> {
    if stages.is_empty() {
        return Err(StageError::NoStages);
    }
    let mut held = Held::default();
    network.visit(&mut held);
    let ids: HashSet<ParamId> = held.parameters.iter().map(|(id, _)| *id).collect();
    let (mut names, mut owners, mut tensors) = (HashSet::new(), HashMap::new(), HashMap::new());
    for stage in stages {
        if !names.insert(&stage.name) {
            return Err(StageError::SameStage(stage.name.clone()));
        }
        for parameter in &stage.parameters {
            let (name, second) = (parameter.name.clone(), stage.name.clone());
            if !ids.contains(&parameter.id) {
                return Err(StageError::Unknown { stage: second, parameter: name });
            }
            if let Some(first) = owners.insert(parameter.id, second.clone()) {
                return Err(StageError::Twice { parameter: name, first, second });
            }
            if let Some(first) = tensors.insert(&parameter.name, second.clone()) {
                return Err(StageError::SameTensor { name, first, second });
            }
        }
    }
    let missing = |(id, path): (ParamId, String)| (!owners.contains_key(&id)).then_some(path);
    if let Some(path) = held.parameters.into_iter().find_map(missing) {
        return Err(StageError::Missing(path));
    }
    let flags: HashSet<ParamId> =
        stages.iter().flat_map(|stage| &stage.training_flags).map(|flag| flag.id).collect();
    match held.flags.into_iter().find(|(id, _)| !flags.contains(id)) {
        Some((_, path)) => Err(StageError::MissingFlag(path)),
        None => Ok(()),
    }
}

/// A network in eval mode whose parameters ask for gradients.
struct Run<N> {
    network: N,
    stages: Vec<Stage>,
}

impl<N: Network> Run<N> {
    fn forward(&self, input: &Batch, range: Range<usize>) -> Result<Batch, StageError> {
        let run = AssertUnwindSafe(|| self.network.forward(input.clone(), range.clone()));
        catch_unwind(run).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            let name = self.stages[range.start].name.clone();
            StageError::Panics { range: range.clone(), count: self.stages.len(), name, message }
        })
    }

    /// The input, and what each stage gives.
    fn one_by_one(&self, input: Batch) -> Result<Vec<Batch>, StageError> {
        let mut passed = vec![input];
        for stage in 0..self.stages.len() {
            passed.push(self.forward(&passed[stage], stage..stage + 1)?);
        }
        Ok(passed)
    }

    /// None, two neighbours, all.
    fn check_ranges(&self, passed: &[Batch]) -> Result<(), StageError> {
        if data(&self.forward(&passed[0], 0..0)?) != data(&passed[0]) {
            return Err(StageError::NotEmpty);
        }
        let count = self.stages.len();
        let pairs = (2..=count).map(|end| end - 2..end);
        for range in pairs.chain(std::iter::once(0..count)) {
            let at_once = self.forward(&passed[range.start], range.clone())?;
            if data(&at_once) != data(&passed[range.end]) {
                return Err(StageError::Differs(range));
            }
        }
        Ok(())
    }

    /// A stage's gradients are those of its own parameters, or of ones before it.
    fn check_uses(&self, passed: &[Batch]) -> Result<(), StageError> {
        for (index, stage) in self.stages.iter().enumerate() {
            let input = passed[index].clone().without_autodiff().on_autodiff();
            let output = self.forward(&input, index..index + 1)?;
            let mut used = Used { gradients: gradients(output), ids: HashSet::new() };
            self.network.visit(&mut used);
            let is_unused = |id: &ParamId| !used.ids.contains(id);
            let own = stage.parameters.iter().filter(|parameter| parameter.role != Role::Buffer);
            if let Some(parameter) = own.into_iter().find(|parameter| is_unused(&parameter.id)) {
                let (stage, parameter) = (stage.name.clone(), parameter.name.clone());
                return Err(StageError::Unused { stage, parameter });
            }
            for owner in &self.stages[index + 1..] {
                if let Some(parameter) = owner.parameters.iter().find(|p| used.ids.contains(&p.id)) {
                    let (stage, parameter) = (stage.name.clone(), parameter.name.clone());
                    return Err(StageError::Foreign { stage, parameter, owner: owner.name.clone() });
                }
            }
        }
        Ok(())
    }
}

/// The numbers of a batch, to be compared bit by bit.
fn data(batch: &Batch) -> Vec<TensorData> {
    let data = |value: &Value| match value.clone() {
        Value::Rank2(tensor) => tensor.into_data(),
        Value::Rank3(tensor) => tensor.into_data(),
        Value::Rank4(tensor) => tensor.into_data(),
        Value::Ids(tensor) => tensor.into_data(),
    };
    batch.values().iter().map(data).collect()
}

/// Of the sum of all numbers in a batch; `None` if there are none that carry gradients.
fn gradients(batch: Batch) -> Option<Gradients> {
    let sums = batch.into_values().into_iter().filter_map(|value| match value {
        Value::Rank2(tensor) => Some(in_format(tensor, FloatDType::F32).sum()),
        Value::Rank3(tensor) => Some(in_format(tensor, FloatDType::F32).sum()),
        Value::Rank4(tensor) => Some(in_format(tensor, FloatDType::F32).sum()),
        Value::Ids(_) => None,
    });
    let sum = sums.reduce(|total, sum| total + sum)?;
    // A stage without parameters has no graph: this gives it one.
    let anchor = Tensor::<1>::zeros([1], &sum.device()).require_grad();
    Some((sum + anchor).backward())
}

/// A module's parameters and flags with the paths of fields that lead to them.
#[derive(Default)]
struct Held {
    path: Vec<String>,
    parameters: Vec<(ParamId, String)>,
    flags: Vec<(ParamId, String)>,
}

impl ModuleVisitor for Held {
    fn enter_module(&mut self, name: &str, container: &str) {
        if !is_variant(container) {
            self.path.push(name.to_owned());
        }
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        if !is_variant(container) {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.parameters.push((param.id, self.path.join(".")));
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.flags.push((flag.id, self.path.join(".")));
    }
}

/// Makes these parameters ask for gradients, and norms and dropout behave as in validation.
struct Observed(HashSet<ParamId>);

impl ModuleMapper for Observed {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let asks = self.0.contains(&param.id);
        param.set_require_grad(asks)
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        flag.with_value(false)
    }
}

/// Collects the parameters that have gradients.
struct Used {
    gradients: Option<Gradients>,
    ids: HashSet<ParamId>,
}

impl ModuleVisitor for Used {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradients) = &self.gradients
            && param.val().grad(gradients).is_some()
        {
            self.ids.insert(param.id);
        }
    }
}
