//! Pooling, and its gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::DType;
use defrost_kernels::Buffer;
use defrost_kernels::elementwise;
use defrost_kernels::pool::{self, Argmax, PoolShape};

use super::format::{Format, by_format, dims, tensor, whole, whole_f32};
use crate::ops::WindowConfig;
use crate::ops::isa::isa;

/// What a pooling keeps for its gradient.
pub trait Pooling: Clone + std::fmt::Debug + Send + 'static {
    /// The input's gradient, given the output's.
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor;
}

/// A pooling on the gradient graph.
pub fn tracked<P: Pooling, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<Flex>>,
    forward: impl FnOnce(FlexTensor) -> (P, FlexTensor),
) -> FloatTensor<Autodiff<Flex>> {
    let (input, node) = input.into_parts();
    let (pooling, output) = forward(input);
    match PoolBackward(std::marker::PhantomData).prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(pooling, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}

#[derive(Debug)]
struct PoolBackward<P>(std::marker::PhantomData<P>);

impl<P: Pooling> Backward<Flex, 1> for PoolBackward<P> {
    type State = P;

    fn backward(self, ops: Ops<P, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad_output = grads.consume::<Flex>(&ops.node);
        let [input] = ops.parents;
        if let Some(input) = input {
            grads.register::<Flex>(input.id, ops.state.backward(grad_output));
        }
    }
}

/// The highest value in each window.
#[derive(Clone, Debug)]
pub struct WindowMax {
    shape: PoolShape,
    format: DType,
    argmax: Argmax,
}

impl WindowMax {
    pub fn forward(input: FlexTensor, window: WindowConfig) -> (Self, FlexTensor) {
        let [batch, height, width, channels] = dims(&input);
        let shape = PoolShape {
            batch,
            height,
            width,
            channels,
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding_for([height, width]),
        };
        let format = input.dtype();
        let (argmax, output) = by_format!(format, window_max(&shape, &whole(input, format)));
        (Self { shape, format, argmax }, output)
    }
}

impl Pooling for WindowMax {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        by_format!(self.format, window_max_backward(self, &whole(grad_output, self.format)))
    }
}

fn window_max<T: Format>(shape: &PoolShape, input: &FlexTensor) -> (Argmax, FlexTensor) {
    let mut output: Buffer<T> = Buffer::new(shape.output_len());
    let argmax = pool::max_pool(isa(), shape, T::slice(input), &mut output);
    (argmax, tensor(output, [shape.batch, shape.out_height(), shape.out_width(), shape.channels]))
}

fn window_max_backward<T: Format>(pooling: &WindowMax, grad_output: &FlexTensor) -> FlexTensor {
    let shape = &pooling.shape;
    let mut grad_input: Buffer<T> = Buffer::new(shape.input_len());
    pool::max_pool_backward(isa(), shape, T::slice(grad_output), &pooling.argmax, &mut grad_input);
    tensor(grad_input, [shape.batch, shape.height, shape.width, shape.channels])
}

/// The average over all pixels, in f32.
#[derive(Clone, Debug)]
pub struct Average {
    in_dims: [usize; 4],
    format: DType,
}

impl Average {
    pub fn forward(input: FlexTensor) -> (Self, FlexTensor) {
        let pooling = Self { in_dims: dims(&input), format: input.dtype() };
        let [batch, _, _, channels] = pooling.in_dims;
        let average = by_format!(pooling.format, average(&whole(input, pooling.format), batch, channels));
        (pooling, tensor(average, [batch, channels]))
    }
}

impl Pooling for Average {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        by_format!(self.format, average_backward(self, &whole_f32(grad_output)))
    }
}

fn average<T: Format>(input: &FlexTensor, batch: usize, channels: usize) -> Buffer<f32> {
    let mut average = Buffer::new(batch * channels);
    pool::global_average_pool(isa(), T::slice(input), channels, &mut average);
    average
}

fn average_backward<T: Format>(pooling: &Average, grad_output: &FlexTensor) -> FlexTensor {
    let mut grad_input: Buffer<T> = Buffer::new(pooling.in_dims.iter().product());
    pool::global_average_pool_backward(f32::slice(grad_output), pooling.in_dims[3], &mut grad_input);
    tensor(grad_input, pooling.in_dims)
}

/// The maximum over all pixels, then the average, in f32.
#[derive(Clone, Debug)]
pub struct MaxAndAverage {
    in_dims: [usize; 4],
    format: DType,
    /// The pixel of each maximum, `[batch, channels]`.
    pixels: Vec<u32>,
}

impl MaxAndAverage {
    pub fn forward(input: FlexTensor) -> (Self, FlexTensor) {
        let (in_dims, format) = (dims(&input), input.dtype());
        let (pixels, output) = by_format!(format, max_and_average(&whole(input, format), in_dims));
        (Self { in_dims, format, pixels }, output)
    }
}

impl Pooling for MaxAndAverage {
    fn backward(&self, grad_output: FlexTensor) -> FlexTensor {
        by_format!(self.format, max_and_average_backward(self, &whole_f32(grad_output)))
    }
}

fn max_and_average<T: Format>(input: &FlexTensor, in_dims: [usize; 4]) -> (Vec<u32>, FlexTensor) {
    let [batch, _, _, channels] = in_dims;
    let (mut highest, mut pixels) = (Buffer::new(batch * channels), vec![0; batch * channels]);
    pool::global_max_pool(isa(), T::slice(input), channels, &mut highest, &mut pixels);
    let average = average::<T>(input, batch, channels);
    let rows = highest.chunks(channels).zip(average.chunks(channels));
    let output: Vec<f32> = rows.flat_map(|(highest, average)| [highest, average].concat()).collect();
    (pixels, tensor(Buffer::copy_of(&output), [batch, 2 * channels]))
}

fn max_and_average_backward<T: Format>(pooling: &MaxAndAverage, grad_output: &FlexTensor) -> FlexTensor {
    let channels = pooling.in_dims[3];
    let rows = || f32::slice(grad_output).chunks(2 * channels);
    let of_highest: Vec<f32> = rows().flat_map(|row| &row[..channels]).copied().collect();
    let of_average: Vec<f32> = rows().flat_map(|row| &row[channels..]).copied().collect();
    let len = pooling.in_dims.iter().product();
    let (mut highest, mut average, mut sum): (Buffer<T>, Buffer<T>, Buffer<T>) =
        (Buffer::new(len), Buffer::new(len), Buffer::new(len));
    pool::global_max_pool_backward(&of_highest, &pooling.pixels, channels, &mut highest);
    pool::global_average_pool_backward(&of_average, channels, &mut average);
    elementwise::add(isa(), &highest, &average, &mut sum);
    tensor(sum, pooling.in_dims)
}
