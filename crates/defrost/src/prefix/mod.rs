//! The frozen prefix: the stages whose output is constant, run on the plain device.

use crate::activation::Activation;
use crate::plan::FreezePlan;
use crate::stage::Network;

/// Runs the constant stages of `plan` without a gradient graph, norms and dropout at rest, and hands the
/// result to the stages behind as a constant.
pub fn run<N: Network>(network: &N, plan: &FreezePlan, input: Activation) -> Activation {
    let stages = 0..plan.constant_stages();
    if stages.is_empty() {
        return input.on_autodiff();
    }
    network.valid().forward(input, stages).without_autodiff().on_autodiff()
}
