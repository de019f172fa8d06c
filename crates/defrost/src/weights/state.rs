//! Moving tensors between a network and named data.

use std::collections::HashMap;

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use super::Tensors;
use crate::stage::Network;

/// All tensors of a network, statistics included.
pub fn collect<N: Network>(network: &N) -> Tensors {
    settle(network);
    let mut collector = Collector { names: names(network), tensors: Tensors::new() };
    network.visit(&mut collector);
    collector.tensors
}

/// The network with these tensors in place of its own; what has no counterpart stays as it is. Shapes
/// must agree but for ones at the end: see [`check_fit`](super::check_fit).
pub fn load<N: Network>(network: N, tensors: &Tensors) -> N {
    settle(&network);
    let names = names(&network);
    network.map(&mut Loader { names, tensors })
}

/// Lets running statistics take in what a forward pass has left pending: Burn's own norms put an update in place only
/// when the next one comes, and a pending one would outlast what is loaded. Its `valid` settles the original too.
///
/// A network of which a tensor has yet to be drawn has seen no batch, and `valid` would draw it out of its turn.
fn settle<N: Network>(network: &N) {
    struct AllDrawn(bool);
    impl ModuleVisitor for AllDrawn {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 &= param.is_initialized();
        }
    }
    let mut drawn = AllDrawn(true);
    network.visit(&mut drawn);
    if drawn.0 {
        drop(network.valid());
    }
}

fn names<N: Network>(network: &N) -> HashMap<ParamId, String> {
    let parameters = network.stages().into_iter().flat_map(|stage| stage.parameters);
    parameters.map(|parameter| (parameter.id, parameter.name)).collect()
}

struct Collector {
    names: HashMap<ParamId, String>,
    tensors: Tensors,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(name) = self.names.remove(&param.id) {
            self.tensors.insert(name, param.val().into_data());
        }
    }
}

struct Loader<'a> {
    names: HashMap<ParamId, String>,
    tensors: &'a Tensors,
}

impl Loader<'_> {
    fn data(&self, id: ParamId) -> Option<&TensorData> {
        self.tensors.get(self.names.get(&id)?)
    }
}

impl ModuleMapper for Loader<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        match self.data(id) {
            Some(data) => {
                // Files may have more or fewer dimensions of one.
                let (bytes, _, format) = data.clone().into_parts();
                let data = TensorData::from_bytes(bytes, param.lazy_shape(), format);
                let tensor = Tensor::from_data(data, &param.lazy_device());
                param.transform_for_load(tensor, id)
            }
            None => param,
        }
    }
}
