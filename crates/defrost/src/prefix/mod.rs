//! The frozen prefix: the stages whose output is constant. It runs on the plain device, and what it makes
//! of an item is kept.

mod cache;

pub use cache::{BoundaryCache, Part, RowKey};

use crate::activation::Activation;
use crate::plan::FreezePlan;
use crate::stage::Network;

/// Runs the constant stages of `plan` without a gradient graph, norms and dropout at rest.
pub fn run<N: Network>(network: &N, plan: &FreezePlan, input: Activation) -> Activation {
    match plan.constant_stages() {
        0 => input,
        stages => network.valid().forward(input, 0..stages).without_autodiff(),
    }
}
