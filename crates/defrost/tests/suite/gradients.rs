//! Gradients of a network as numbers to compare.

use std::collections::HashMap;

use burn::module::{ModuleVisitor, Param, ParamId};
use burn::tensor::{Gradients, Tensor};
use defrost::Network;

/// The norm of each parameter's gradient, by its name in the checkpoint.
pub fn gradient_norms<N: Network>(network: &N, gradients: Gradients) -> HashMap<String, f64> {
    struct Norms<'a>(&'a Gradients, HashMap<ParamId, f64>);
    impl ModuleVisitor for Norms<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad(self.0) {
                let squares: f64 = gradient.into_data().iter::<f64>().map(|number| number * number).sum();
                self.1.insert(param.id, squares.sqrt());
            }
        }
    }
    let mut norms = Norms(&gradients, HashMap::new());
    network.visit(&mut norms);
    let parameters = network.stages().into_iter().flat_map(|stage| stage.parameters);
    let named = parameters.filter_map(|parameter| {
        let name = parameter.name.strip_prefix("body.").unwrap_or(&parameter.name).to_owned();
        Some((name, norms.1.get(&parameter.id).copied()?))
    });
    named.collect()
}
