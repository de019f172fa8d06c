//! A state as named tensors and counts, for files.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Tensor, TensorData};

use crate::learner::average::Average;
use crate::learner::state::State;
use crate::optim::{ParameterState, Stepper};
use crate::plan::FreezePlan;
use crate::stage::Parameter;
use crate::weights::{Tensors, check_fit};

const NETWORK: &str = "network:";
const OPTIMIZER: &str = "optimizer:";
const AVERAGE: &str = "average:";

/// Tensors whose names say what they are, and the steps behind them.
#[derive(Default)]
pub(super) struct Saved {
    pub tensors: Tensors,
    /// Steps the optimizer has taken, by parameter.
    pub steps: BTreeMap<String, u32>,
    /// Steps the running average has taken.
    pub average_steps: u32,
}

impl Saved {
    /// A network's tensors, as far as they are not those of the network the run began with.
    pub fn network(tensors: &Tensors, is_unmoved: impl Fn(&str, &TensorData) -> bool) -> Self {
        let moved = tensors.iter().filter(|(name, data)| !is_unmoved(name, data));
        let tensors = moved.map(|(name, data)| (format!("{NETWORK}{name}"), data.clone())).collect();
        Self { tensors, ..Self::default() }
    }

    /// All that training moves.
    pub fn state(state: &State, plan: &FreezePlan, is_unmoved: impl Fn(&str, &TensorData) -> bool) -> Self {
        let mut saved = Self::network(&state.tensors, is_unmoved);
        for Parameter { id, name, .. } in parameters(plan) {
            if let Some(ParameterState { tensors, steps }) = state.stepper.state(*id) {
                for (kind, tensor) in tensors {
                    saved.tensors.insert(format!("{OPTIMIZER}{kind}:{name}"), tensor.clone().into_data());
                }
                saved.steps.insert(name.clone(), *steps);
            }
            if let Some(average) = state.average.as_ref().and_then(|average| average.of(*id)) {
                saved.tensors.insert(format!("{AVERAGE}{name}"), average.clone().into_data());
            }
        }
        saved.average_steps = state.average.as_ref().map_or(0, Average::steps);
        saved
    }

    /// The network's tensors, those that had not moved taken from `base`.
    pub fn into_network(self, base: &Tensors, plan: &FreezePlan) -> Result<Tensors, String> {
        let mut tensors = base.clone();
        for (key, data) in self.tensors {
            match key.strip_prefix(NETWORK) {
                Some(name) => tensors.insert(name.to_owned(), data),
                None => return Err(format!("`{key}` is no tensor of a network")),
            };
        }
        check_fit("it", "the network", plan.groups().stages(), &tensors)
            .map_err(|error| error.to_string())?;
        Ok(tensors)
    }

    /// The state, for a stepper with the settings of `stepper`.
    pub fn into_state(
        mut self,
        base: &Tensors,
        (plan, decay): (&FreezePlan, Option<f64>),
        stepper: &Stepper,
        device: &Device,
    ) -> Result<State, String> {
        let mut stepper = stepper.clone();
        stepper.clear();
        let mut average = decay.map(|decay| Average::new(decay, plan));
        let known: HashMap<&str, &Parameter> =
            parameters(plan).map(|parameter| (parameter.name.as_str(), parameter)).collect();
        let mut states: BTreeMap<&str, ParameterState> = BTreeMap::new();
        for (key, data) in self.tensors.extract_if(.., |key, _| !key.starts_with(NETWORK)) {
            let unknown = || format!("`{key}` is unknown");
            let (kind, name) = match key.strip_prefix(OPTIMIZER) {
                Some(rest) => rest.split_once(':').ok_or_else(unknown)?,
                None => ("", key.strip_prefix(AVERAGE).ok_or_else(unknown)?),
            };
            let parameter = *known.get(name).ok_or_else(unknown)?;
            if data.num_elements() != parameter.len() {
                return Err(format!("`{key}` is {:?} and `{name}` {:?}", data.shape(), parameter.shape));
            }
            let data = TensorData::new(data.iter::<f32>().collect(), [parameter.len()]);
            let tensor = Tensor::<1>::from_data(data, device);
            match (kind, &mut average) {
                ("", Some(average)) => average.set(parameter.id, tensor),
                ("", None) => return Err(unknown()),
                (kind, _) => states.entry(&parameter.name).or_default().keep(kind, tensor),
            }
        }
        for (name, steps) in self.steps {
            let parameter = *known.get(name.as_str()).ok_or_else(|| format!("`{name}` is unknown"))?;
            let state = states.remove(name.as_str()).unwrap_or_default();
            stepper.set_state(parameter.id, ParameterState { steps, ..state });
        }
        if let Some(name) = states.keys().next() {
            return Err(format!("what the optimizer remembers of `{name}` is incomplete"));
        }
        if let Some(average) = &mut average {
            average.set_steps(self.average_steps);
        }
        let tensors = Self { tensors: self.tensors, ..Self::default() }.into_network(base, plan)?;
        Ok(State { tensors, stepper, average })
    }
}

fn parameters(plan: &FreezePlan) -> impl Iterator<Item = &Parameter> {
    plan.groups().stages().iter().flat_map(|stage| &stage.parameters)
}
