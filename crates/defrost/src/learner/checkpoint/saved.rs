//! A state as tensors by name and counts, as files hold it.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use crate::learner::average::Average;
use crate::learner::state::State;
use crate::optim::{Adam, Moments};
use crate::plan::FreezePlan;
use crate::stage::Parameter;
use crate::weights::{Tensors, check_fit};

const NETWORK: &str = "network:";
const GRADIENT: &str = "gradient:";
const SQUARE: &str = "square:";
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
            if let Some(moments) = state.optimizer.moments(*id) {
                saved.tensors.insert(format!("{GRADIENT}{name}"), moments.average.clone().into_data());
                saved.tensors.insert(format!("{SQUARE}{name}"), moments.square_average.clone().into_data());
                saved.steps.insert(name.clone(), moments.steps);
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

    /// The state, for an optimizer with the settings of `optimizer`.
    pub fn into_state(
        mut self,
        base: &Tensors,
        (plan, decay): (&FreezePlan, Option<f64>),
        optimizer: &Adam,
        device: &Device,
    ) -> Result<State, String> {
        let mut optimizer = optimizer.clone();
        optimizer.clear();
        let mut average = decay.map(|decay| Average::new(decay, plan));
        for parameter in parameters(plan) {
            let name = &parameter.name;
            let mut flat = |kind: &str| match self.tensors.remove(&format!("{kind}{name}")) {
                Some(data) if data.num_elements() == parameter.len() => {
                    let data = TensorData::new(data.iter::<f32>().collect(), [parameter.len()]);
                    Ok(Some(Tensor::<1>::from_data(data, device)))
                }
                Some(data) => {
                    Err(format!("`{kind}{name}` is {:?} and `{name}` {:?}", data.shape(), parameter.shape))
                }
                None => Ok(None),
            };
            match (flat(GRADIENT)?, flat(SQUARE)?, self.steps.remove(name)) {
                (Some(average), Some(square_average), Some(steps @ 1..)) => {
                    optimizer.set_moments(parameter.id, Moments { average, square_average, steps });
                }
                (None, None, None) => {}
                _ => return Err(format!("the optimizer's averages of `{name}` are incomplete")),
            }
            if let Some(found) = flat(AVERAGE)? {
                let Some(average) = &mut average else { return Err(format!("`{AVERAGE}{name}` is unknown")) };
                average.set(parameter.id, found);
            }
        }
        if let Some(average) = &mut average {
            average.set_steps(self.average_steps);
        }
        Ok(State { tensors: self.into_network(base, plan)?, optimizer, average })
    }
}

fn parameters(plan: &FreezePlan) -> impl Iterator<Item = &Parameter> {
    plan.groups().stages().iter().flat_map(|stage| &stage.parameters)
}
