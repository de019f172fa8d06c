//! The highest value in each window.

use burn::backend::flex::FlexTensor;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{DType, Tensor, module};
use defrost_kernels::Buffer;
use defrost_kernels::pool::{self, Argmax, PoolShape};

use super::flex::{self, Format, Forward, Operation, by_format, dims, tensor, whole};
use super::isa::isa;
use super::window::{WindowConfig, pad};

/// The highest value in each window, channel by channel: `[batch, height, width, channels]` to
/// `[batch, out height, out width, channels]`. Padding never wins.
pub fn max_pool2d(input: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    if flex::takes(&input) {
        flex::apply(MaxPool { window }, [input.into_dispatch()])
    } else {
        plain(input, window)
    }
}

/// [`max_pool2d`] in plain Burn.
pub fn plain(input: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    let padded = pad(input, window, f32::NEG_INFINITY);
    let options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
    module::max_pool2d(padded.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

struct MaxPool {
    window: WindowConfig,
}

#[derive(Clone, Debug)]
struct Saved {
    shape: PoolShape,
    format: DType,
    argmax: Argmax,
}

impl Operation<1> for MaxPool {
    type Saved = Saved;

    fn forward(self, [input]: [FlexTensor; 1], _: [bool; 1]) -> Forward<Saved> {
        let [batch, height, width, channels] = dims(&input);
        let shape = PoolShape {
            batch,
            height,
            width,
            channels,
            kernel: self.window.kernel,
            stride: self.window.stride,
            padding: self.window.padding_for([height, width]),
        };
        let format = input.dtype();
        let (argmax, output) = by_format!(format, value(&shape, &whole(input, format)));
        Forward::new(output, Saved { shape, format, argmax })
    }

    fn backward(saved: Saved, grad_output: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(by_format!(saved.format, gradient(&saved, &whole(grad_output, saved.format))))]
    }
}

fn value<T: Format>(shape: &PoolShape, input: &FlexTensor) -> (Argmax, FlexTensor) {
    let mut output: Buffer<T> = Buffer::new(shape.output_len());
    let argmax = pool::max_pool(isa(), shape, T::slice(input), &mut output);
    (argmax, tensor(output, [shape.batch, shape.out_height(), shape.out_width(), shape.channels]))
}

fn gradient<T: Format>(saved: &Saved, grad_output: &FlexTensor) -> FlexTensor {
    let shape = &saved.shape;
    let mut grad_input: Buffer<T> = Buffer::new(shape.input_len());
    pool::max_pool_backward(isa(), shape, T::slice(grad_output), &saved.argmax, &mut grad_input);
    tensor(grad_input, [shape.batch, shape.height, shape.width, shape.channels])
}
