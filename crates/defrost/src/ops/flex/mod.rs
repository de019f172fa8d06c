//! The common part of the operations on Burn's CPU backend `flex`: from tensors to the kernels' slices and back ([`tensor`]), and
//! the gradient graph.
//!
//! An operation says what it computes and what its gradients are ([`Operation`]); how Burn dispatches it, which of its
//! inputs have gradients, and what the backward pass needs: this is written once, here.
//!
//! Invariants: activations keep their number format, f32 or bf16, and so do their gradients; weights, norms, statistics
//! and their gradients are f32. A gradient is registered only for an input that wants one, and an operation keeps for its
//! backward pass only what those gradients read.

mod tensor;

use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchDevice, DispatchTensor,
    DispatchTensorKind, ExtensionType, Flex, backend_extension,
};
use burn::tensor::{DType, Tensor};

pub(super) use tensor::{Format, by_format, dims, last_dim, tensor, whole, whole_f32};

/// Whether the kernels can take this tensor: it lives on flex, with or without autodiff, in a format they
/// know.
pub(super) fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    let device = tensor.device();
    let on_flex = match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(device) => matches!(**device, DispatchDevice::Flex(_)),
        #[allow(unreachable_patterns, reason = "which backends there are is decided by Burn's features")]
        _ => false,
    };
    on_flex && matches!(tensor.dtype(), DType::F32 | DType::BF16)
}

/// A computation over `N` tensors and its gradients.
pub(super) trait Operation<const N: usize>: 'static {
    /// The tensors that the backward pass reads.
    type Saved: Clone + Debug + Send + 'static;

    /// The output, and what the gradients of the tracked inputs will read.
    fn forward(self, inputs: [FlexTensor; N], tracked: [bool; N]) -> Forward<Self::Saved>;

    /// The inputs' gradients, given the output's; those of inputs that aren't tracked may be left out.
    fn backward(saved: Self::Saved, grad_output: FlexTensor, tracked: [bool; N]) -> [Option<FlexTensor>; N];
}

/// The result of an [`Operation`].
pub(super) struct Forward<S> {
    pub output: FlexTensor,
    /// Further outputs, without gradients.
    pub constants: Vec<FlexTensor>,
    pub saved: S,
}

impl<S> Forward<S> {
    /// Of one output.
    pub(super) fn new(output: FlexTensor, saved: S) -> Self {
        Self { output, constants: vec![], saved }
    }
}

/// The operation's output.
pub(super) fn apply<const N: usize, const D: usize>(
    operation: impl Operation<N>,
    inputs: [DispatchTensor; N],
) -> Tensor<D> {
    let [output] = apply_with_constants(operation, inputs);
    Tensor::from_dispatch(output)
}

/// The operation's output, then those without gradients.
pub(super) fn apply_with_constants<const N: usize, const M: usize>(
    operation: impl Operation<N>,
    inputs: [DispatchTensor; N],
) -> [DispatchTensor; M] {
    exactly(Dispatch::operation(operation, Tensors(inputs.into())))
}

/// The result of `compute`, without gradients: its inputs' are not tracked.
pub(super) fn compute<const N: usize, const M: usize>(
    compute: impl FnOnce([FlexTensor; N]) -> [FlexTensor; M],
    inputs: [DispatchTensor; N],
) -> [DispatchTensor; M] {
    exactly(Dispatch::computation(compute, Tensors(inputs.into())))
}

/// Tensors that Burn dispatches together.
struct Tensors<B: Backend>(Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Tensors<B> {
    type Target = Tensors<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Self::Target
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let to_dispatch = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Tensors(self.0.into_iter().map(to_dispatch).collect())
    }

    fn map_from_dispatch<F>(target: Self::Target, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Self(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Self::Target) -> DispatchAutodiffContext {
        target.0.iter().fold(DispatchAutodiffContext::Disabled, |all, tensor| all.merge(tensor.autodiff))
    }
}

/// As Burn dispatches them.
#[backend_extension(Flex, Autodiff)]
trait Kernels: Backend {
    fn operation<const N: usize, O: Operation<N>>(
        operation: O,
        #[extension_type] inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>>;

    fn computation<const N: usize, const M: usize, F: FnOnce([FlexTensor; N]) -> [FlexTensor; M]>(
        compute: F,
        #[extension_type] inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>>;
}

impl Kernels for Flex {
    fn operation<const N: usize, O: Operation<N>>(
        operation: O,
        inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>> {
        let Forward { output, constants, .. } = operation.forward(exactly(inputs.0), [false; N]);
        [vec![output], constants].concat()
    }

    fn computation<const N: usize, const M: usize, F: FnOnce([FlexTensor; N]) -> [FlexTensor; M]>(
        compute: F,
        inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>> {
        compute(exactly(inputs.0)).into()
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn operation<const N: usize, O: Operation<N>>(
        operation: O,
        inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>> {
        let inputs: [FloatTensor<Self>; N] = exactly(inputs.0);
        let tracked = inputs.each_ref().map(|input| input.is_tracked());
        let (inputs, nodes): (Vec<_>, Vec<_>) =
            inputs.into_iter().map(FloatTensor::<Self>::into_parts).unzip();
        let Forward { output, constants, saved } = operation.forward(exactly(inputs), tracked);
        let prepared = Gradient::<O>(PhantomData).prepare::<C>(exactly(nodes));
        let output = match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(saved, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        [output].into_iter().chain(constants.into_iter().map(FloatTensor::<Self>::new)).collect()
    }

    fn computation<const N: usize, const M: usize, F: FnOnce([FlexTensor; N]) -> [FlexTensor; M]>(
        compute: F,
        inputs: Tensors<Self>,
    ) -> Vec<FloatTensor<Self>> {
        let inputs: Vec<_> = inputs.0.into_iter().map(FloatTensor::<Self>::into_primitive).collect();
        compute(exactly(inputs)).into_iter().map(FloatTensor::<Self>::new).collect()
    }
}

/// An operation's step of the backward pass.
struct Gradient<O>(PhantomData<fn() -> O>);

impl<O> Debug for Gradient<O> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<O>())
    }
}

impl<const N: usize, O: Operation<N>> Backward<Flex, N> for Gradient<O> {
    type State = O::Saved;

    fn backward(self, ops: Ops<O::Saved, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad_output = grads.consume::<Flex>(&ops.node);
        let tracked = ops.parents.each_ref().map(Option::is_some);
        let gradients = O::backward(ops.state, grad_output, tracked);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// As many as an operation has.
///
/// # Panics
///
/// If there are more or fewer: the operation is written wrongly.
fn exactly<T, const N: usize>(items: Vec<T>) -> [T; N] {
    let count = items.len();
    items.try_into().unwrap_or_else(|_| panic!("{count} tensors where an operation has {N}"))
}
