//! Adam as fastai steps it: a rate per layer group, decay decoupled from the gradient, none on norms and
//! biases.
//!
//! A parameter without a gradient is not touched, so what the plan freezes cannot move here.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::ops;
use crate::plan::FreezePlan;
use crate::stage::Role;

/// What an optimizer step needs to know beyond the gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// A rate for each layer group.
    pub rates: Vec<f64>,
    /// Momentum of the running gradient average.
    pub momentum: f64,
}

/// The optimizer: its constants and, for each parameter it has stepped, the running averages.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Momentum of the running average of squares.
    pub beta2: f64,
    /// Added to the root of the average of squares.
    pub epsilon: f64,
    /// Decoupled weight decay: weights shrink by rate × this before each step.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm over all of them together, if they exceed it.
    pub max_gradient_norm: Option<f64>,
    moments: HashMap<ParamId, Moments>,
}

/// One parameter's state, flat.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Running average of the gradient.
    pub average: Tensor<1>,
    /// Running average of its square.
    pub square_average: Tensor<1>,
    /// Steps taken.
    pub steps: u32,
}

impl Adam {
    /// fastai's constants with this weight decay (fastai's own: 0.01).
    pub fn new(weight_decay: f64) -> Self {
        Self { beta2: 0.99, epsilon: 1e-5, weight_decay, max_gradient_norm: None, moments: HashMap::new() }
    }

    /// Forgets all running averages, as changing what is frozen does.
    pub fn clear(&mut self) {
        self.moments.clear();
    }

    /// The running averages of a parameter that has been stepped.
    pub fn moments(&self, id: ParamId) -> Option<&Moments> {
        self.moments.get(&id)
    }

    /// Goes on from these running averages of a parameter.
    pub(crate) fn set_moments(&mut self, id: ParamId, moments: Moments) {
        self.moments.insert(id, moments);
    }

    /// Takes one step along `gradients` on all parameters that the plan trains.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        mut gradients: GradientsParams,
        plan: &FreezePlan,
        settings: &StepOptions,
    ) -> M {
        let gradient_scale = self.max_gradient_norm.map_or(1.0, |limit| {
            let norm = gradient_norm(&module, &gradients);
            if norm > limit { limit / norm } else { 1.0 }
        });
        let targets = plan.trained_parameters().map(|(group, parameter)| {
            let decays = parameter.role == Role::Weight;
            (parameter.id, Target { rate: settings.rates[group], decays })
        });
        module.map(&mut Stepper {
            targets: targets.collect(),
            gradients: &mut gradients,
            gradient_scale,
            momentum: settings.momentum,
            adam: self,
        })
    }
}

struct Target {
    rate: f64,
    decays: bool,
}

struct Stepper<'a> {
    targets: HashMap<ParamId, Target>,
    gradients: &'a mut GradientsParams,
    gradient_scale: f64,
    momentum: f64,
    adam: &'a mut Adam,
}

impl ModuleMapper for Stepper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(target) = self.targets.get(&param.id) else { return param };
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        let moments = self.adam.moments.remove(&id).unwrap_or_else(|| Moments {
            average: Tensor::zeros([shape.num_elements()], &gradient.device()),
            square_average: Tensor::zeros([shape.num_elements()], &gradient.device()),
            steps: 0,
        });
        let steps = moments.steps + 1;
        let step = ops::AdamStep {
            rate: target.rate,
            beta1: self.momentum,
            beta2: self.adam.beta2,
            epsilon: self.adam.epsilon,
            weight_decay: if target.decays { self.adam.weight_decay } else { 0.0 },
            steps,
            gradient_scale: self.gradient_scale,
        };
        let flat = tensor.inner().reshape([-1]);
        let gradient = gradient.reshape([-1]);
        let (value, average, square_average) =
            ops::adam_step(flat, gradient, moments.average, moments.square_average, &step);
        self.adam.moments.insert(id, Moments { average, square_average, steps });
        let value = Tensor::from_inner(value.reshape(shape)).require_grad();
        Param::from_mapped_value(id, value, mapper)
    }
}

/// The norm of all gradients taken together.
fn gradient_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1 += f64::from(gradient.square().sum().into_scalar::<f32>());
            }
        }
    }
    let mut squares = Squares(gradients, 0.0);
    module.visit(&mut squares);
    squares.1.sqrt()
}
