//! Pooling over all pixels of an image: the average, and the maximum beside it.

use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor};
use defrost_kernels::{Buffer, elementwise, pool};

use super::flex::{self, Format, Forward, Operation, by_format, dims, tensor, whole, whole_f32};
use super::format;
use super::isa::isa;

/// Over all pixels the average of each channel: `[batch, height, width, channels]` to `[batch, channels]`
/// in f32.
pub fn average_pool(input: Tensor<4>) -> Tensor<2> {
    if flex::takes(&input) {
        flex::apply(Average, [input.into_dispatch()])
    } else {
        plain_average_pool(input)
    }
}

/// [`average_pool`] in plain Burn.
pub fn plain_average_pool(input: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = input.dims();
    let pixels = format::plain_f32(input).reshape([batch, height * width, channels]);
    pixels.mean_dim(1).reshape([batch, channels])
}

/// Over all pixels the maximum of each channel, then the average of each: `[batch, height, width,
/// channels]` to `[batch, 2 channels]` in f32 (fastai's `AdaptiveConcatPool2d`).
pub fn concat_pool(input: Tensor<4>) -> Tensor<2> {
    if flex::takes(&input) {
        flex::apply(MaxAndAverage, [input.into_dispatch()])
    } else {
        plain_concat_pool(input)
    }
}

/// [`concat_pool`] in plain Burn.
pub fn plain_concat_pool(input: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = input.dims();
    let pixels = format::plain_f32(input).reshape([batch, height * width, channels]);
    let highest = pixels.clone().max_dim(1).reshape([batch, channels]);
    Tensor::cat(vec![highest, pixels.mean_dim(1).reshape([batch, channels])], 1)
}

/// The shape of an image's pixels.
#[derive(Clone, Copy, Debug)]
struct Pixels {
    dims: [usize; 4],
    format: DType,
}

impl Pixels {
    fn of(input: &FlexTensor) -> Self {
        Self { dims: dims(input), format: input.dtype() }
    }

    fn channels(&self) -> usize {
        self.dims[3]
    }

    fn len(&self) -> usize {
        self.dims.iter().product()
    }
}

struct Average;

impl Operation<1> for Average {
    type Saved = Pixels;

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<Pixels> {
        let pixels = Pixels::of(&input);
        let average = by_format!(pixels.format, average(&whole(input, pixels.format), pixels));
        Forward::new(tensor(average, [pixels.dims[0], pixels.channels()]), pixels)
    }

    fn backward(pixels: Pixels, grad_output: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(by_format!(pixels.format, average_gradient(pixels, &whole_f32(grad_output))))]
    }
}

fn average<T: Format>(input: &FlexTensor, pixels: Pixels) -> Buffer<f32> {
    let mut average = Buffer::new(pixels.dims[0] * pixels.channels());
    pool::global_average_pool(isa(), T::slice(input), pixels.channels(), &mut average);
    average
}

fn average_gradient<T: Format>(pixels: Pixels, grad_output: &FlexTensor) -> FlexTensor {
    let mut grad_input: Buffer<T> = Buffer::new(pixels.len());
    pool::global_average_pool_backward(f32::slice(grad_output), pixels.channels(), &mut grad_input);
    tensor(grad_input, pixels.dims)
}

struct MaxAndAverage;

impl Operation<1> for MaxAndAverage {
    /// And the pixel of each maximum, `[batch, channels]`.
    type Saved = (Pixels, Vec<u32>);

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<Self::Saved> {
        let pixels = Pixels::of(&input);
        let (highest_at, output) =
            by_format!(pixels.format, max_and_average(&whole(input, pixels.format), pixels));
        Forward::new(output, (pixels, highest_at))
    }

    fn backward(
        (pixels, highest_at): Self::Saved,
        grad_output: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let grad_output = whole_f32(grad_output);
        [Some(by_format!(pixels.format, max_and_average_gradient(pixels, &highest_at, &grad_output)))]
    }
}

fn max_and_average<T: Format>(input: &FlexTensor, pixels: Pixels) -> (Vec<u32>, FlexTensor) {
    let ([batch, ..], channels) = (pixels.dims, pixels.channels());
    let (mut highest, mut highest_at) = (Buffer::new(batch * channels), vec![0; batch * channels]);
    pool::global_max_pool(isa(), T::slice(input), channels, &mut highest, &mut highest_at);
    let average = average::<T>(input, pixels);
    let rows = highest.chunks(channels).zip(average.chunks(channels));
    let output: Vec<f32> = rows.flat_map(|(highest, average)| [highest, average].concat()).collect();
    (highest_at, tensor(Buffer::copy_of(&output), [batch, 2 * channels]))
}

fn max_and_average_gradient<T: Format>(
    pixels: Pixels,
    highest_at: &[u32],
    grad_output: &FlexTensor,
) -> FlexTensor {
    let channels = pixels.channels();
    let rows = || f32::slice(grad_output).chunks(2 * channels);
    let of_highest: Vec<f32> = rows().flat_map(|row| &row[..channels]).copied().collect();
    let of_average: Vec<f32> = rows().flat_map(|row| &row[channels..]).copied().collect();
    let new = || Buffer::<T>::new(pixels.len());
    let (mut highest, mut average, mut sum) = (new(), new(), new());
    pool::global_max_pool_backward(&of_highest, highest_at, channels, &mut highest);
    pool::global_average_pool_backward(&of_average, channels, &mut average);
    elementwise::add(isa(), &highest, &average, &mut sum);
    tensor(sum, pixels.dims)
}
