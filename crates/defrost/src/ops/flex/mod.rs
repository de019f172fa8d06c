//! The operations on Burn's CPU backend `flex`, made of `defrost-kernels`.
//!
//! Activations keep their number format, f32 or bf16, and so do their gradients; weights, norms, statistics
//! and their gradients are f32. A gradient is computed only for a parent that wants one, and an operation
//! keeps for its backward pass only what those gradients read.

mod adam;
mod attention;
mod conv;
mod filters;
mod fork;
mod format;
mod lstm;
mod norm;
mod pool;
mod rows;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, ExtensionType, Flex, backend_extension};
use burn::tensor::{DType, Tensor};

pub use attention::attention;
pub use lstm::lstm;
pub use rows::{cast, gelu, hardswish, layer_norm, softmax_rows};

use super::{ActivationFn, AdamStep, Affine, BatchNormed, WindowConfig};

/// Whether the kernels can take this tensor: it lives on flex, with or without autodiff, in a format they
/// know.
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    let device = tensor.device();
    let on_flex = match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        DispatchDevice::Autodiff(device) => matches!(**device, DispatchDevice::Flex(_)),
        #[allow(unreachable_patterns, reason = "which backends there are is decided by Burn's features")]
        _ => false,
    };
    on_flex && matches!(tensor.dtype(), DType::F32 | DType::BF16)
}

/// What a convolution's output is added to, if anything: an `Option` that Burn can dispatch.
#[derive(ExtensionType)]
enum Residual<B: Backend> {
    Added(FloatTensor<B>),
    Absent,
}

impl<B: Backend> Residual<B> {
    fn of(residual: Option<FloatTensor<B>>) -> Self {
        residual.map_or(Self::Absent, Self::Added)
    }

    fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Added(residual) => Some(residual),
            Self::Absent => None,
        }
    }
}

/// The operations on primitives, as Burn dispatches them.
#[backend_extension(Flex, Autodiff)]
trait Kernels: Backend {
    fn fused_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> FloatTensor<Self>;

    #[allow(
        clippy::too_many_arguments,
        reason = "Burn maps tensors one by one, and copies this to where it holds no more"
    )]
    fn fused_conv2d_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        epsilon: f64,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn times_factors(weight: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self>;

    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);

    fn window_max(input: FloatTensor<Self>, window: WindowConfig) -> FloatTensor<Self>;

    fn max_and_average(input: FloatTensor<Self>) -> FloatTensor<Self>;

    fn average(input: FloatTensor<Self>) -> FloatTensor<Self>;

    fn step_adam(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        average: FloatTensor<Self>,
        square_average: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl Kernels for Flex {
    fn fused_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Residual<Self>,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> FloatTensor<Self> {
        conv::Conv::new(input, weight, window).forward(bias, residual.into_option(), nonlinearity)
    }

    fn fused_conv2d_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: Residual<Self>,
        epsilon: f64,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let conv = conv::Conv::new(input, weight, window);
        let (norm, normed) = norm::Norm::forward(
            conv.with_statistics(),
            [scale, shift],
            residual.into_option(),
            epsilon,
            nonlinearity,
        );
        let [mean, variance] = norm.statistics();
        (normed, mean, variance)
    }

    fn times_factors(weight: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self> {
        filters::scale(&format::whole_f32(weight), &format::whole_f32(factors))
    }

    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        (input.clone(), input)
    }

    fn window_max(input: FloatTensor<Self>, window: WindowConfig) -> FloatTensor<Self> {
        pool::WindowMax::forward(input, window).1
    }

    fn max_and_average(input: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::MaxAndAverage::forward(input).1
    }

    fn average(input: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::Average::forward(input).1
    }

    fn step_adam(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        average: FloatTensor<Self>,
        square_average: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        adam::step(value, gradient, average, square_average, &step)
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn fused_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Residual<Self>,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> FloatTensor<Self> {
        conv::tracked::<C>(input, weight, bias, residual.into_option(), window, nonlinearity)
    }

    fn fused_conv2d_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: Residual<Self>,
        epsilon: f64,
        window: WindowConfig,
        nonlinearity: ActivationFn,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        norm::tracked::<C>(
            input,
            weight,
            [scale, shift],
            residual.into_option(),
            epsilon,
            window,
            nonlinearity,
        )
    }

    fn times_factors(weight: FloatTensor<Self>, factors: FloatTensor<Self>) -> FloatTensor<Self> {
        filters::tracked::<C>(weight, factors)
    }

    fn two_ways(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fork::tracked::<C>(input)
    }

    fn window_max(input: FloatTensor<Self>, window: WindowConfig) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, |input| pool::WindowMax::forward(input, window))
    }

    fn max_and_average(input: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, pool::MaxAndAverage::forward)
    }

    fn average(input: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::tracked::<_, C>(input, pool::Average::forward)
    }

    /// A step has no gradient of its own.
    fn step_adam(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        average: FloatTensor<Self>,
        square_average: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [value, gradient, average, square_average] =
            [value, gradient, average, square_average].map(FloatTensor::<Self>::into_primitive);
        let (value, average, square_average) = adam::step(value, gradient, average, square_average, &step);
        let constant = FloatTensor::<Self>::new;
        (constant(value), constant(average), constant(square_average))
    }
}

pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> Tensor<4> {
    let [input, weight] = [input, weight].map(Tensor::into_dispatch);
    let residual = Residual::of(residual.map(Tensor::into_dispatch));
    Tensor::from_dispatch(Dispatch::fused_conv2d(
        input,
        weight,
        bias.into_dispatch(),
        residual,
        window,
        nonlinearity,
    ))
}

pub fn conv2d_batch_norm(
    input: Tensor<4>,
    weight: Tensor<4>,
    affine: Affine,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> BatchNormed {
    let (output, mean, variance) = Dispatch::fused_conv2d_batch_norm(
        input.into_dispatch(),
        weight.into_dispatch(),
        affine.scale.into_dispatch(),
        affine.shift.into_dispatch(),
        Residual::of(residual.map(Tensor::into_dispatch)),
        affine.epsilon,
        window,
        nonlinearity,
    );
    BatchNormed {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

pub fn scale_filters(weight: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::times_factors(weight.into_dispatch(), factors.into_dispatch()))
}

pub fn fork(input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    let (first, second) = Dispatch::two_ways(input.into_dispatch());
    (Tensor::from_dispatch(first), Tensor::from_dispatch(second))
}

pub fn max_pool2d(input: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::window_max(input.into_dispatch(), window))
}

pub fn concat_pool(input: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::max_and_average(input.into_dispatch()))
}

pub fn average_pool(input: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::average(input.into_dispatch()))
}

pub fn adam_step(
    value: Tensor<1>,
    gradient: Tensor<1>,
    average: Tensor<1>,
    square_average: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let [value, gradient, average, square_average] =
        [value, gradient, average, square_average].map(Tensor::into_dispatch);
    let (value, average, square_average) =
        Dispatch::step_adam(value, gradient, average, square_average, step.clone());
    (Tensor::from_dispatch(value), Tensor::from_dispatch(average), Tensor::from_dispatch(square_average))
}
