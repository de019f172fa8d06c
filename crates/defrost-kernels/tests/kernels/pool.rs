//! Pooling against its definition.

use defrost_kernels::pool::{
    Argmax, PoolShape, global_average_pool, global_average_pool_backward, global_max_pool,
    global_max_pool_backward, max_pool, max_pool_backward,
};
use defrost_kernels::{Element, IsaLevel, Padding};
use half::bf16;

use super::close::{assert_close, rounding};
use super::support::{Guarded, Random, levels};

fn shapes() -> Vec<PoolShape> {
    let shape = |batch, size: [usize; 2], channels, kernel, stride, padding| PoolShape {
        batch,
        height: size[0],
        width: size[1],
        channels,
        kernel,
        stride,
        padding,
    };
    let mut shapes = vec![
        shape(0, [4, 4], 3, [2, 2], [2, 2], Padding::all(0)),
        shape(1, [1, 1], 1, [3, 3], [2, 2], Padding::all(1)),
        shape(2, [16, 16], 64, [3, 3], [2, 2], Padding::all(1)),
        shape(1, [9, 7], 65, [2, 2], [2, 2], Padding::all(0)),
        shape(1, [8, 8], 63, [3, 3], [2, 2], Padding { top: 0, bottom: 1, left: 0, right: 1 }),
        shape(1, [3, 300], 2, [1, 256], [1, 3], Padding::all(0)),
        shape(1, [20, 20], 5, [17, 18], [1, 2], Padding::all(3)),
    ];
    let mut random = Random::new(5);
    while shapes.len() < 40 {
        let kernel = [1 + random.below(4), 1 + random.below(4)];
        let padding = Padding {
            top: random.below(kernel[0]),
            bottom: random.below(kernel[0]),
            left: random.below(kernel[1]),
            right: random.below(kernel[1]),
        };
        let size = [kernel[0] + random.below(9), kernel[1] + random.below(9)];
        let stride = [1 + random.below(3), 1 + random.below(3)];
        shapes.push(shape(1 + random.below(2), size, 1 + random.below(70), kernel, stride, padding));
    }
    shapes
}

/// Calls `visit(output index, input index, offset in the window)` for each pixel of each window.
fn windows(shape: &PoolShape, mut visit: impl FnMut(usize, usize, usize)) {
    for output in 0..shape.output_len() {
        let (rest, channel) = (output / shape.channels, output % shape.channels);
        let (rest, column) = (rest / shape.out_width(), rest % shape.out_width());
        let (image, row) = (rest / shape.out_height(), rest % shape.out_height());
        for offset in 0..shape.kernel[0] * shape.kernel[1] {
            let y = (row * shape.stride[0] + offset / shape.kernel[1]).wrapping_sub(shape.padding.top);
            let x = (column * shape.stride[1] + offset % shape.kernel[1]).wrapping_sub(shape.padding.left);
            if y < shape.height && x < shape.width {
                let pixel = (image * shape.height + y) * shape.width + x;
                visit(output, pixel * shape.channels + channel, offset);
            }
        }
    }
}

fn max_pool_agrees<T: Element>(isa: IsaLevel, shape: &PoolShape) {
    let mut random = Random::new(shape.input_len() as u64);
    // Few different values, so that there are ties.
    let input: Vec<T> = (0..shape.input_len()).map(|_| T::from_f32(random.below(6) as f32 - 3.0)).collect();
    let mut best: Vec<Option<(f32, usize, usize)>> = vec![None; shape.output_len()];
    windows(shape, |output, input_at, offset| {
        let value = input[input_at].to_f32();
        if best[output].is_none_or(|(largest, ..)| value > largest) {
            best[output] = Some((value, input_at, offset));
        }
    });
    let best: Vec<_> = best.into_iter().map(|best| best.expect("no window is empty")).collect();
    let context = || format!("{} {shape:?}", isa.name());
    let mut output = Guarded::<T>::new(shape.output_len());
    let argmax = max_pool(isa, shape, &input, output.slice());
    let expected: Vec<T> = best.iter().map(|(value, ..)| T::from_f32(*value)).collect();
    assert_close(output.checked(), &expected, 0.0, 0.0, context);
    let found: Vec<usize> = match &argmax {
        Argmax::Small(offsets) => offsets.iter().map(|offset| usize::from(*offset)).collect(),
        Argmax::Large(offsets) => offsets.iter().map(|offset| *offset as usize).collect(),
    };
    assert_eq!(found, best.iter().map(|(.., offset)| *offset).collect::<Vec<_>>(), "{}", context());

    let grad_output = random.elements::<T>(shape.output_len());
    let mut grad_input = Guarded::<T>::new(shape.input_len());
    max_pool_backward(isa, shape, &grad_output, &argmax, grad_input.slice());
    let mut sums = vec![0.0f32; shape.input_len()];
    best.iter().zip(&grad_output).for_each(|((_, at, _), gradient)| sums[*at] += gradient.to_f32());
    let expected: Vec<T> = sums.iter().map(|sum| T::from_f32(*sum)).collect();
    assert_close(grad_input.checked(), &expected, 0.0, 0.0, context);
}

#[test]
fn max_pool_is_its_definition() {
    for isa in levels() {
        for shape in shapes() {
            max_pool_agrees::<f32>(isa, &shape);
            max_pool_agrees::<bf16>(isa, &shape);
        }
    }
}

#[test]
fn a_window_of_minus_infinity_points_into_the_image_and_nan_wins() {
    let shape = PoolShape {
        batch: 1,
        height: 2,
        width: 2,
        channels: 1,
        kernel: [3, 3],
        stride: [2, 2],
        padding: Padding { top: 1, bottom: 0, left: 1, right: 0 },
    };
    for isa in levels() {
        let mut output = [0.0f32];
        let argmax = max_pool(isa, &shape, &[f32::NEG_INFINITY; 4], &mut output);
        assert_eq!((output, argmax), ([f32::NEG_INFINITY], Argmax::Small(vec![4])), "{}", isa.name());
        let argmax = max_pool(isa, &shape, &[1.0, f32::NAN, 2.0, 9.0], &mut output);
        assert!(output[0].is_nan(), "{}", isa.name());
        assert_eq!(argmax, Argmax::Small(vec![5]), "{}", isa.name());
    }
}

fn global_pools_agree<T: Element>(isa: IsaLevel, batch: usize, pixels: usize, channels: usize) {
    let mut random = Random::new((batch * 10_000 + pixels * 100 + channels) as u64);
    let input: Vec<T> =
        (0..batch * pixels * channels).map(|_| T::from_f32(random.below(40) as f32 - 20.0)).collect();
    let context = || format!("{} {batch} images, {pixels} pixels of {channels}", isa.name());
    let len = batch * channels;
    let (mut sums, mut largest) = (vec![0.0f32; len], vec![(f32::NEG_INFINITY, 0); len]);
    for (at, value) in input.iter().enumerate() {
        let (image, pixel, channel) = (at / (pixels * channels), at / channels % pixels, at % channels);
        let (to, value) = (image * channels + channel, value.to_f32());
        sums[to] += value;
        if value > largest[to].0 {
            largest[to] = (value, pixel as u32);
        }
    }
    let mut average = Guarded::<f32>::new(len);
    global_average_pool(isa, &input, channels, average.slice());
    let expected: Vec<f32> = sums.iter().map(|sum| sum / pixels as f32).collect();
    assert_close(average.checked(), &expected, rounding::<f32>(), 0.0, context);

    let (mut values, mut at) = (Guarded::<f32>::new(len), vec![u32::MAX; len]);
    global_max_pool(isa, &input, channels, values.slice(), &mut at);
    let (expected, positions): (Vec<f32>, Vec<u32>) = largest.iter().copied().unzip();
    assert_close(values.checked(), &expected, 0.0, 0.0, context);
    assert_eq!(at, positions, "{}", context());

    let gradient = random.elements::<f32>(len);
    let (mut spread, mut sent) = (Guarded::<T>::new(input.len()), Guarded::<T>::new(input.len()));
    global_average_pool_backward(&gradient, channels, spread.slice());
    global_max_pool_backward(&gradient, &at, channels, sent.slice());
    for (index, (spread, sent)) in spread.checked().iter().zip(sent.checked()).enumerate() {
        let (image, pixel, channel) =
            (index / (pixels * channels), index / channels % pixels, index % channels);
        let from = image * channels + channel;
        assert_eq!(*spread, T::from_f32(gradient[from] * (1.0 / pixels as f32)), "{}", context());
        let expected = if positions[from] == pixel as u32 { gradient[from] } else { 0.0 };
        assert_eq!(*sent, T::from_f32(expected), "{}", context());
    }
}

#[test]
fn global_pools_are_their_definitions() {
    for isa in levels() {
        for (batch, pixels, channels) in
            [(0, 0, 3), (1, 1, 1), (3, 49, 1280), (2, 49, 17), (2, 5, 15), (1, 1000, 1), (4, 9, 64)]
        {
            global_pools_agree::<f32>(isa, batch, pixels, channels);
            global_pools_agree::<bf16>(isa, batch, pixels, channels);
        }
    }
}
