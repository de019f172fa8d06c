//! A running average of the weights, which is often better than the weights of any single step.

use std::collections::HashMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use crate::plan::FreezePlan;
use crate::stage::Network;

/// The exponential moving average of what a plan trains.
#[derive(Clone)]
pub(super) struct Average {
    decay: f64,
    steps: u32,
    /// Flat, on the plain device; filled by the first step.
    tensors: HashMap<ParamId, Option<Tensor<1>>>,
}

impl Average {
    /// An average that keeps `decay` of itself in each step, `0.0..1.0`; less in the first ones, so that
    /// where training began is soon forgotten.
    pub(super) fn new(decay: f64, plan: &FreezePlan) -> Self {
        let tensors = plan.trained_parameters().map(|(_, parameter)| (parameter.id, None)).collect();
        Self { decay, steps: 0, tensors }
    }

    /// Steps it has followed.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    /// The average of a parameter, flat; none before the first step.
    pub(super) fn of(&self, id: ParamId) -> Option<&Tensor<1>> {
        self.tensors.get(&id)?.as_ref()
    }

    /// Continues after this many steps.
    pub(super) fn set_steps(&mut self, steps: u32) {
        self.steps = steps;
    }

    /// Goes on from this average of a parameter, if the plan trains it.
    pub(super) fn set(&mut self, id: ParamId, average: Tensor<1>) {
        if let Some(tensor) = self.tensors.get_mut(&id) {
            *tensor = Some(average);
        }
    }

    /// Takes the weights after a step into the average.
    pub(super) fn follow<N: Network>(&mut self, network: &N) {
        self.steps += 1;
        let steps = f64::from(self.steps);
        let decay = self.decay.min((1.0 + steps) / (10.0 + steps));
        network.visit(&mut Follow { decay, tensors: &mut self.tensors });
    }

    /// The network with the average in place of its weights.
    pub(super) fn applied<N: Network>(&self, network: N) -> N {
        network.map(&mut Apply { tensors: &self.tensors })
    }
}

struct Follow<'a> {
    decay: f64,
    tensors: &'a mut HashMap<ParamId, Option<Tensor<1>>>,
}

impl ModuleVisitor for Follow<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(average) = self.tensors.get_mut(&param.id) else { return };
        let weights = param.val().inner().reshape([-1]);
        *average = Some(match average.take() {
            Some(average) => average * self.decay + weights * (1.0 - self.decay),
            None => weights,
        });
    }
}

struct Apply<'a> {
    tensors: &'a HashMap<ParamId, Option<Tensor<1>>>,
}

impl ModuleMapper for Apply<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Some(average)) = self.tensors.get(&param.id) else { return param };
        let average = average.clone();
        param.map(|weights| Tensor::from_inner(average.reshape(weights.shape())).require_grad())
    }
}
