//! Steps of all parameters that a plan trains, and what the optimizer remembers of them.

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::{Optimizer, ParameterState, ParameterStep, StepOptions};
use crate::plan::FreezePlan;
use crate::stage::Role;

/// An optimizer at work on a network.
#[derive(Clone, Debug)]
pub struct Stepper {
    optimizer: Arc<dyn Optimizer>,
    /// Decoupled weight decay: weights shrink by rate × this before each step.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm over all of them together, if they exceed it.
    pub max_gradient_norm: Option<f64>,
    states: HashMap<ParamId, ParameterState>,
}

impl Stepper {
    /// Before the first step, with this weight decay (fastai's: 0.01) and no limit to gradients.
    pub fn new(optimizer: Arc<dyn Optimizer>, weight_decay: f64) -> Self {
        Self { optimizer, weight_decay, max_gradient_norm: None, states: HashMap::new() }
    }

    /// Forgets all parameters, as changing what is frozen does.
    pub fn clear(&mut self) {
        self.states.clear();
    }

    /// The optimizer's state of a parameter after its first step.
    pub fn state(&self, id: ParamId) -> Option<&ParameterState> {
        self.states.get(&id)
    }

    /// Goes on from this state of a parameter.
    pub(crate) fn set_state(&mut self, id: ParamId, state: ParameterState) {
        self.states.insert(id, state);
    }

    /// Takes one step along `gradients` on all parameters that the plan trains.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        mut gradients: GradientsParams,
        plan: &FreezePlan,
        options: &StepOptions,
    ) -> M {
        let gradient_scale = self.max_gradient_norm.map_or(1.0, |limit| {
            let norm = gradient_norm(&module, &gradients);
            if norm > limit { limit / norm } else { 1.0 }
        });
        let steps = plan.trained_parameters().map(|(group, parameter)| {
            let weight_decay = if parameter.role == Role::Weight { self.weight_decay } else { 0.0 };
            let (rate, momentum) = (options.rates[group], options.momentum);
            (parameter.id, ParameterStep { rate, momentum, weight_decay, gradient_scale })
        });
        let steps = steps.collect();
        module.map(&mut Step { steps, gradients: &mut gradients, stepper: self })
    }
}

/// One step.
struct Step<'a> {
    steps: HashMap<ParamId, ParameterStep>,
    gradients: &'a mut GradientsParams,
    stepper: &'a mut Stepper,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(step) = self.steps.get(&param.id) else { return param };
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.shape();
        let state = self.stepper.states.entry(id).or_default();
        state.steps += 1;
        let (value, gradient) = (tensor.inner().reshape([-1]), gradient.reshape([-1]));
        let value = self.stepper.optimizer.step(value, gradient, state, step);
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Compares ten steps of a parameter of one number with a formula in plain f64.
    pub fn assert_formula(
        optimizer: &dyn Optimizer,
        mut formula: impl FnMut(f64, f64, &ParameterStep) -> f64,
    ) {
        let one = |number: f64| Tensor::<1>::from_floats([number as f32], &Device::flex());
        let (mut state, mut value) = (ParameterState::default(), one(1.5));
        let mut expected = 1.5;
        for count in 0..10 {
            let gradient = (f64::from(count) * 1.3).sin() + 0.1;
            let step = ParameterStep {
                rate: 0.1 / f64::from(count + 1),
                momentum: 0.9 - 0.02 * f64::from(count),
                weight_decay: 0.05,
                gradient_scale: if count % 2 == 0 { 1.0 } else { 0.5 },
            };
            state.steps += 1;
            value = optimizer.step(value, one(gradient), &mut state, &step);
            expected = formula(expected, gradient, &step);
            let found = f64::from(value.clone().into_scalar::<f32>());
            // Rounding of f32 in ten steps.
            assert!((found - expected).abs() < 1e-6, "step {count}: {found} and not {expected}");
        }
    }
}
