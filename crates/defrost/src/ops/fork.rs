//! One tensor that is used twice, and the sum of its gradients.
//!
//! Burn adds gradients on one thread and, in bf16, slowly. Here both ways lead back to one node of the graph, the
//! [`Join`]: the gradient that arrives there first stays, the second is added to it by the kernels. The sum does not
//! depend on which was first, and a way that does not lead to the loss adds nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor};
use defrost_kernels::{Buffer, elementwise};

use super::flex::{self, Format, by_format, tensor, whole};
use super::isa::isa;

/// The same tensor twice, for a block and the shortcut around it: as two clones, but the gradients that come
/// back are added faster.
pub fn fork(input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    if !flex::takes(&input) {
        return (input.clone(), input);
    }
    let (first, second) = Dispatch::two_ways(input.into_dispatch());
    (Tensor::from_dispatch(first), Tensor::from_dispatch(second))
}

/// As [`fork`] where a block has a shortcut; where it has none, the tensor alone.
pub fn fork_if(shortcut: bool, input: Tensor<4>) -> (Tensor<4>, Option<Tensor<4>>) {
    if !shortcut {
        return (input, None);
    }
    let (block, around) = fork(input);
    (block, Some(around))
}

/// The operation on primitives, as Burn dispatches it.
#[backend_extension(Flex, Autodiff)]
trait Fork: Backend {
    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl Fork for Flex {
    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        (input.clone(), input)
    }
}

impl<C: CheckpointStrategy> Fork for Autodiff<Flex, C> {
    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let format = input.dtype();
        let (tensor, node) = input.into_parts();
        let join = match Join.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((), tensor),
            OpsKind::UnTracked(prepared) => prepared.finish(tensor),
        };
        let way = Way { format, met: Arc::default() };
        let nodes = [join.node(), join.node()];
        let tensor = join.into_primitive();
        let [first, second] = nodes.map(|node| way.clone().leave::<C>(tensor.clone(), node));
        (first, second)
    }
}

/// Where both ways come back. No tensor of it is given out, so that its gradients are theirs alone.
#[derive(Debug)]
struct Join;

impl Backward<Flex, 1> for Join {
    type State = ();

    fn backward(self, ops: Ops<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        if let [Some(input)] = ops.parents {
            grads.register::<Flex>(input.id, gradient);
        }
    }
}

/// One of the two.
#[derive(Clone, Debug)]
struct Way {
    format: DType,
    /// Whether the other's gradient is at the join.
    met: Arc<AtomicBool>,
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
        let Way { format, met } = ops.state;
        let mut gradient = whole(grads.consume::<Flex>(&ops.node), format);
        let [Some(join)] = ops.parents else { return };
        if met.swap(true, Ordering::Relaxed) {
            // Taken away: what an operation gives is no leaf.
            let other = grads.consume::<Flex>(&join);
            gradient = by_format!(format, sum(&other, &gradient));
        }
        grads.register::<Flex>(join.id, gradient);
    }
}

fn sum<T: Format>(a: &FlexTensor, b: &FlexTensor) -> FlexTensor {
    let mut sum: Buffer<T> = Buffer::new(T::slice(a).len());
    elementwise::add(isa(), T::slice(a), T::slice(b), &mut sum);
    tensor(sum, a.shape())
}
