//! Pooling of whole images: `[batch, pixels, channels]` to `f32` `[batch, channels]`.

use rayon::prelude::*;

use crate::{
    Element, IsaLevel,
    channels::Period,
    simd::{self, Kernel, Simd},
};

/// The mean of each channel.
///
/// # Panics
///
/// If `input` is not `output.len() / channels` whole images.
pub fn global_average_pool<T: Element>(isa: IsaLevel, input: &[T], channels: usize, output: &mut [f32]) {
    let Some(image) = image_len(input.len(), channels, output.len()) else { return };
    let period = Period::of(channels, image);
    let pixels = (image / channels) as f64;
    output.par_chunks_mut(channels).zip(input.par_chunks(image)).for_each(|(output, input)| {
        let mut sums = period.zeros();
        simd::run(isa, Sum { input, sums: &mut sums });
        output.iter_mut().zip(period.fold(&sums)).for_each(|(to, sum)| *to = (sum / pixels) as f32);
    });
}

struct Sum<'a, T> {
    input: &'a [T],
    sums: &'a mut [f32],
}

impl<T: Element> Kernel for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for x in self.input.chunks(self.sums.len()) {
            for at in (0..x.len()).step_by(S::LANES) {
                let sum = s.add(s.load(&self.sums[at..]), s.load_up_to(&x[at..]));
                s.store(&mut self.sums[at..], sum);
            }
        }
    }
}

/// Spreads `grad_output / pixels` `[batch, channels]` over each image.
///
/// # Panics
///
/// As [`global_average_pool`].
pub fn global_average_pool_backward<T: Element>(grad_output: &[f32], channels: usize, grad_input: &mut [T]) {
    let Some(image) = image_len(grad_input.len(), channels, grad_output.len()) else { return };
    let scale = 1.0 / (image / channels) as f32;
    grad_input.par_chunks_mut(image).zip(grad_output.par_chunks(channels)).for_each(|(to, gradient)| {
        let pixel: Vec<T> = gradient.iter().map(|gradient| T::from_f32(gradient * scale)).collect();
        to.chunks_exact_mut(channels).for_each(|to| to.copy_from_slice(&pixel));
    });
}

/// The largest value of each channel, and the pixel it is at: the first of equals; NaN is larger than
/// all.
///
/// # Panics
///
/// If `input` is not `output.len() / channels` whole images, or `pixels` is not as long as `output`.
pub fn global_max_pool<T: Element>(
    isa: IsaLevel,
    input: &[T],
    channels: usize,
    output: &mut [f32],
    pixels: &mut [u32],
) {
    let Some(image) = image_len(input.len(), channels, output.len()) else { return };
    assert!(image / channels <= u32::MAX as usize, "an image of over {} pixels", u32::MAX);
    assert_eq!(pixels.len(), output.len(), "lengths differ");
    (output.par_chunks_mut(channels), pixels.par_chunks_mut(channels), input.par_chunks(image))
        .into_par_iter()
        .for_each(|(output, pixels, input)| simd::run(isa, Largest { input, output, pixels }));
}

/// Plain loops over channels: the compiler's vectors are as good as ours here.
struct Largest<'a, T> {
    input: &'a [T],
    output: &'a mut [f32],
    pixels: &'a mut [u32],
}

impl<T: Element> Kernel for Largest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let channels = self.output.len();
        let pixels = &mut self.pixels[..channels];
        self.output.fill(f32::NEG_INFINITY);
        pixels.fill(0);
        for (pixel, x) in (0u32..).zip(self.input.chunks_exact(channels)) {
            for c in 0..channels {
                let (value, best) = (x[c].to_f32(), self.output[c]);
                let larger = value > best || (value.is_nan() && !best.is_nan());
                self.output[c] = if larger { value } else { best };
                pixels[c] = if larger { pixel } else { pixels[c] };
            }
        }
    }
}

/// Sends each channel's gradient to the pixel its maximum came from; all others get 0.
///
/// # Panics
///
/// As [`global_max_pool`], and if a pixel lies outside the image.
pub fn global_max_pool_backward<T: Element>(
    grad_output: &[f32],
    pixels: &[u32],
    channels: usize,
    grad_input: &mut [T],
) {
    let Some(image) = image_len(grad_input.len(), channels, grad_output.len()) else { return };
    assert_eq!(pixels.len(), grad_output.len(), "lengths differ");
    (grad_input.par_chunks_mut(image), grad_output.par_chunks(channels), pixels.par_chunks(channels))
        .into_par_iter()
        .for_each(|(to, gradient, pixels)| {
            to.fill(T::default());
            for (c, (gradient, pixel)) in gradient.iter().zip(pixels).enumerate() {
                to[*pixel as usize * channels + c] = T::from_f32(*gradient);
            }
        });
}

/// Elements of one image; none if there are no images.
fn image_len(input: usize, channels: usize, output: usize) -> Option<usize> {
    assert!(channels > 0 && output.is_multiple_of(channels), "{output} outputs are not whole pixels");
    let batch = output / channels;
    if batch == 0 {
        assert_eq!(input, 0, "images without outputs");
        return None;
    }
    let image = input / batch;
    assert!(
        image > 0 && input.is_multiple_of(batch) && image.is_multiple_of(channels),
        "{input} elements are not {batch} images of {channels} channels"
    );
    Some(image)
}
