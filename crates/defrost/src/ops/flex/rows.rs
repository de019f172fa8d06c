//! Operations on single elements and on rows of features: number formats, GELU, hardswish, softmax over the last dimension, layer norm.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, FloatDType, Tensor};
use defrost_kernels::Buffer;
use defrost_kernels::norm::{LayerNormGradients, layer_norm_backward, layer_norm_forward};
use defrost_kernels::{elementwise, softmax};

use super::format::{Format, by_format, tensor, whole, whole_f32};
use super::pool::{self, Pooling};
use crate::ops::isa::isa;

/// The operations on primitives, as Burn dispatches them.
#[backend_extension(Flex, Autodiff)]
trait RowKernels: Backend {
    fn row_cast(input: FloatTensor<Self>, format: FloatDType) -> FloatTensor<Self>;

    fn row_curve(input: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self>;

    fn row_softmax(input: FloatTensor<Self>) -> FloatTensor<Self>;

    fn row_norm(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

impl RowKernels for Flex {
    fn row_cast(input: FloatTensor<Self>, format: FloatDType) -> FloatTensor<Self> {
        Cast::forward(input, format.into()).1
    }

    fn row_curve(input: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        Curved::forward(input, curve).1
    }

    fn row_softmax(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Softmax::forward(input).1
    }

    fn row_norm(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Norm::new(input, scale, epsilon).forward(&whole_f32(shift))
    }
}

impl<C: CheckpointStrategy> RowKernels for Autodiff<Flex, C> {
    fn row_cast(input: FloatTensor<Self>, format: FloatDType) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, |input| Cast::forward(input, format.into()))
    }

    fn row_curve(input: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, |input| Curved::forward(input, curve))
    }

    fn row_softmax(input: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, Softmax::forward)
    }

    fn row_norm(
        input: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let [(input, of_input), (scale, of_scale), (shift, of_shift)] =
            [input, scale, shift].map(FloatTensor::<Self>::into_parts);
        let norm = Norm::new(input, scale, epsilon);
        let output = norm.forward(&whole_f32(shift));
        match NormBackward.prepare::<C>([of_input, of_scale, of_shift]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(norm, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

pub fn cast<const D: usize>(input: Tensor<D>, format: FloatDType) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::row_cast(input.into_dispatch(), format))
}

pub fn gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::row_curve(input.into_dispatch(), Curve::Gelu))
}

pub fn hardswish<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::row_curve(input.into_dispatch(), Curve::Hardswish))
}

pub fn softmax_rows<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::row_softmax(input.into_dispatch()))
}

pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let [scale, shift] = [scale, shift].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::row_norm(input.into_dispatch(), scale, shift, epsilon))
}

/// Keeps its input's format.
#[derive(Clone, Debug)]
struct Cast(DType);

impl Cast {
    fn forward(input: FlexTensor, format: DType) -> (Self, FlexTensor) {
        (Self(input.dtype()), whole(input, format))
    }
}

impl Pooling for Cast {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        whole(grad_output, self.0)
    }
}

/// A function of single elements.
#[derive(Clone, Copy, Debug)]
enum Curve {
    Gelu,
    Hardswish,
}

/// Keeps its input.
#[derive(Clone, Debug)]
struct Curved(FlexTensor, Curve);

impl Curved {
    fn forward(input: FlexTensor, curve: Curve) -> (Self, FlexTensor) {
        let format = input.dtype();
        let input = whole(input, format);
        let output = by_format!(format, curve_of(&input, curve));
        (Self(input, curve), output)
    }
}

impl Pooling for Curved {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        let format = self.0.dtype();
        by_format!(format, curve_gradient(self, &whole(grad_output, format)))
    }
}

fn curve_of<T: Format>(input: &FlexTensor, curve: Curve) -> FlexTensor {
    let numbers = T::slice(input);
    let mut output: Buffer<T> = Buffer::new(numbers.len());
    match curve {
        Curve::Gelu => elementwise::gelu(isa(), numbers, &mut output),
        Curve::Hardswish => elementwise::hardswish(isa(), numbers, &mut output),
    }
    tensor(output, input.shape())
}

fn curve_gradient<T: Format>(Curved(input, curve): &Curved, grad_output: &FlexTensor) -> FlexTensor {
    let (numbers, above) = (T::slice(input), T::slice(grad_output));
    let mut gradient: Buffer<T> = Buffer::new(numbers.len());
    match curve {
        Curve::Gelu => elementwise::gelu_backward(isa(), numbers, above, &mut gradient),
        Curve::Hardswish => elementwise::hardswish_backward(isa(), numbers, above, &mut gradient),
    }
    tensor(gradient, input.shape())
}

/// Keeps its output.
#[derive(Clone, Debug)]
struct Softmax(FlexTensor);

impl Softmax {
    fn forward(input: FlexTensor) -> (Self, FlexTensor) {
        let format = input.dtype();
        let output = by_format!(format, softmax_of(&whole(input, format)));
        (Self(output.clone()), output)
    }
}

impl Pooling for Softmax {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        let format = self.0.dtype();
        by_format!(format, softmax_gradient(&self.0, &whole(grad_output, format)))
    }
}

/// Features in a row.
fn width(tensor: &FlexTensor) -> usize {
    tensor.shape().as_slice().last().copied().unwrap_or(1)
}

fn softmax_of<T: Format>(input: &FlexTensor) -> FlexTensor {
    let mut output: Buffer<T> = Buffer::new(T::slice(input).len());
    softmax::softmax(isa(), T::slice(input), width(input), &mut output);
    tensor(output, input.shape())
}

fn softmax_gradient<T: Format>(output: &FlexTensor, grad_output: &FlexTensor) -> FlexTensor {
    let mut gradient: Buffer<T> = Buffer::new(T::slice(output).len());
    softmax::softmax_backward(isa(), T::slice(output), T::slice(grad_output), width(output), &mut gradient);
    tensor(gradient, output.shape())
}

/// Keeps its input and scale.
#[derive(Clone, Debug)]
struct Norm {
    input: FlexTensor,
    scale: FlexTensor,
    epsilon: f32,
}

impl Norm {
    fn new(input: FlexTensor, scale: FlexTensor, epsilon: f64) -> Self {
        let format = input.dtype();
        Self { input: whole(input, format), scale: whole_f32(scale), epsilon: epsilon as f32 }
    }

    fn forward(&self, shift: &FlexTensor) -> FlexTensor {
        by_format!(self.input.dtype(), norm_of(self, shift))
    }
}

fn norm_of<T: Format>(norm: &Norm, shift: &FlexTensor) -> FlexTensor {
    let Norm { input, scale, epsilon } = norm;
    let mut output: Buffer<T> = Buffer::new(T::slice(input).len());
    layer_norm_forward(isa(), T::slice(input), f32::slice(scale), f32::slice(shift), *epsilon, &mut output);
    tensor(output, input.shape())
}

/// The gradients of input, scale and shift.
fn norm_gradients<T: Format>(norm: &Norm, grad_output: &FlexTensor) -> [FlexTensor; 3] {
    let Norm { input, scale, epsilon } = norm;
    let features = width(input);
    let mut of_input: Buffer<T> = Buffer::new(T::slice(input).len());
    let (mut of_scale, mut of_shift) = (Buffer::new(features), Buffer::new(features));
    layer_norm_backward(
        isa(),
        T::slice(input),
        f32::slice(scale),
        *epsilon,
        T::slice(grad_output),
        LayerNormGradients { x: &mut of_input, gamma: &mut of_scale, beta: &mut of_shift },
    );
    [tensor(of_input, input.shape()), tensor(of_scale, [features]), tensor(of_shift, [features])]
}

/// Of input, scale and shift.
#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    type State = Norm;

    fn backward(self, ops: Ops<Norm, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let norm = ops.state;
        let format = norm.input.dtype();
        let gradient = whole(grads.consume::<Flex>(&ops.node), format);
        let gradients = by_format!(format, norm_gradients(&norm, &gradient));
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
