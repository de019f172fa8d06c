//! Optimizers: a rate per layer group, decay decoupled from the gradient, none on norms and biases.
//!
//! An [`Optimizer`] says how one parameter moves, and what it remembers of it; it holds no state itself. The
//! [`Stepper`] holds that for all parameters, so that going back, clearing and checkpoints are the same for every
//! optimizer. A parameter without a gradient is not touched, so what the plan freezes cannot move here.

mod adam;
mod lbfgs;
mod lion;
mod sgd;
mod stepper;

use std::collections::BTreeMap;
use std::fmt;

use burn::tensor::Tensor;

pub use adam::AdamW;
pub use lbfgs::{Lbfgs, Minimum};
pub use lion::Lion;
pub use sgd::Sgd;
pub use stepper::Stepper;

/// The inputs of an optimizer step besides the gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// A rate for each layer group.
    pub rates: Vec<f64>,
    /// How much of the previous updates carries over: Adam's `beta1`, the momentum of SGD.
    pub momentum: f64,
}

/// The numbers of one step of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterStep {
    /// The rate of the parameter's layer group.
    pub rate: f64,
    /// How much of the previous updates carries over.
    pub momentum: f64,
    /// Decoupled weight decay: weights shrink by rate × this; 0 for norms and biases.
    pub weight_decay: f64,
    /// The gradient counts times this.
    pub gradient_scale: f64,
}

/// What an optimizer remembers of a parameter: tensors of its length, by name. Names have no colon.
#[derive(Clone, Debug, Default)]
pub struct ParameterState {
    /// The tensors, flat; none before the first step.
    pub tensors: BTreeMap<String, Tensor<1>>,
    /// Steps taken, this one included.
    pub steps: u32,
}

impl ParameterState {
    /// Takes a tensor out, to put it back changed; zeros like `parameter` before the first step.
    pub fn take(&mut self, name: &str, parameter: &Tensor<1>) -> Tensor<1> {
        self.tensors.remove(name).unwrap_or_else(|| parameter.zeros_like())
    }

    /// Keeps a tensor for the next step.
    pub fn keep(&mut self, name: &str, tensor: Tensor<1>) {
        self.tensors.insert(name.to_owned(), tensor);
    }
}

/// How a parameter moves along its gradient.
///
/// ```
/// use burn::tensor::Tensor;
/// use defrost::optim::{Optimizer, ParameterState, ParameterStep};
///
/// /// Steps of the same length, whatever the gradient.
/// #[derive(Debug)]
/// struct SignDescent;
///
/// impl Optimizer for SignDescent {
///     fn step(
///         &self,
///         value: Tensor<1>,
///         gradient: Tensor<1>,
///         _state: &mut ParameterState,
///         step: &ParameterStep,
///     ) -> Tensor<1> {
///         value - gradient.sign() * step.rate
///     }
/// }
/// ```
///
/// Its `Debug` text names its constants: a checkpoint is refused where the text is another.
pub trait Optimizer: fmt::Debug + Send + Sync {
    /// The parameter after a step. What it has to remember is in `state`, whose steps are counted already.
    ///
    /// # Shapes
    ///
    /// `value`, `gradient` and the result: `[elements]` of one parameter, without autodiff.
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1>;
}
