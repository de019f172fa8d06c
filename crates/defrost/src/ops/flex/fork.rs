//! One tensor that goes two ways, and the sum of the gradients that come back.
//!
//! Burn adds gradients on one thread and, in bf16, slowly. Here the way back that arrives first leaves its
//! gradient for the second, which adds both. The sum does not depend on which was first.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::DType;
use defrost_kernels::Buffer;
use defrost_kernels::elementwise;

use super::format::{Format, by_format, tensor, whole};
use crate::ops::isa::isa;

type Waiting = Arc<Mutex<Option<FlexTensor>>>;

/// The operation on the gradient graph.
pub fn tracked<C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<Flex>>,
) -> (FloatTensor<Autodiff<Flex>>, FloatTensor<Autodiff<Flex>>) {
    let way = Way { format: input.dtype(), waiting: Waiting::default() };
    let nodes = [input.node(), input.node()];
    let tensor = input.into_primitive();
    let [first, second] = nodes.map(|node| way.clone().leave::<C>(tensor.clone(), node));
    (first, second)
}

#[derive(Clone, Debug)]
struct Way {
    format: DType,
    waiting: Waiting,
}

impl Way {
    fn leave<C: CheckpointStrategy>(
        self,
        tensor: FlexTensor,
        node: NodeGuard,
    ) -> FloatTensor<Autodiff<Flex>> {
        match WayBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(self, tensor),
            OpsKind::UnTracked(prepared) => prepared.finish(tensor),
        }
    }
}

#[derive(Debug)]
struct WayBackward;

impl Backward<Flex, 1> for WayBackward {
    type State = Way;

    fn backward(self, ops: Ops<Way, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Way { format, waiting } = ops.state;
        let gradient = whole(grads.consume::<Flex>(&ops.node), format);
        let [Some(input)] = ops.parents else { return };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.take() {
            None => *waiting = Some(gradient),
            Some(other) => grads.register::<Flex>(input.id, by_format!(format, sum(&other, &gradient))),
        }
    }
}

fn sum<T: Format>(a: &FlexTensor, b: &FlexTensor) -> FlexTensor {
    let mut sum: Buffer<T> = Buffer::new(T::slice(a).len());
    elementwise::add(isa(), T::slice(a), T::slice(b), &mut sum);
    tensor(sum, a.shape())
}
