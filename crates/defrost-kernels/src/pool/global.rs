//! Pooling of whole pictures: `[batch, pixels, channels]` to `f32` `[batch, channels]`.

use rayon::prelude::*;

use crate::{
    Element, Tier,
    channels::Period,
    simd::{self, Kernel, Simd},
};

/// The mean of each channel.
///
/// # Panics
///
/// If `input` is not `output.len() / channels` whole pictures.
pub fn global_average_pool<T: Element>(tier: Tier, input: &[T], channels: usize, output: &mut [f32]) {
    let Some(picture) = picture_len(input.len(), channels, output.len()) else { return };
    let period = Period::of(channels, picture);
    let pixels = (picture / channels) as f64;
    output.par_chunks_mut(channels).zip(input.par_chunks(picture)).for_each(|(output, input)| {
        let mut sums = period.zeros();
        simd::run(tier, Sum { input, sums: &mut sums });
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

/// Spreads `grad_output / pixels` `[batch, channels]` over each picture.
///
/// # Panics
///
/// As [`global_average_pool`].
pub fn global_average_pool_backward<T: Element>(grad_output: &[f32], channels: usize, grad_input: &mut [T]) {
    let Some(picture) = picture_len(grad_input.len(), channels, grad_output.len()) else { return };
    let scale = 1.0 / (picture / channels) as f32;
    grad_input.par_chunks_mut(picture).zip(grad_output.par_chunks(channels)).for_each(|(to, gradient)| {
        let pixel: Vec<T> = gradient.iter().map(|gradient| T::from_f32(gradient * scale)).collect();
        to.chunks_exact_mut(channels).for_each(|to| to.copy_from_slice(&pixel));
    });
}

/// The largest value of each channel, and the pixel it is at: the first of equals; NaN is larger than
/// all.
///
/// # Panics
///
/// If `input` is not `output.len() / channels` whole pictures, or `pixels` is not as long as `output`.
pub fn global_max_pool<T: Element>(
    tier: Tier,
    input: &[T],
    channels: usize,
    output: &mut [f32],
    pixels: &mut [u32],
) {
    let Some(picture) = picture_len(input.len(), channels, output.len()) else { return };
    assert!(picture / channels <= u32::MAX as usize, "a picture of over {} pixels", u32::MAX);
    assert_eq!(pixels.len(), output.len(), "lengths differ");
    (output.par_chunks_mut(channels), pixels.par_chunks_mut(channels), input.par_chunks(picture))
        .into_par_iter()
        .for_each(|(output, pixels, input)| simd::run(tier, Largest { input, output, pixels }));
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
/// As [`global_max_pool`], and if a pixel lies outside the picture.
pub fn global_max_pool_backward<T: Element>(
    grad_output: &[f32],
    pixels: &[u32],
    channels: usize,
    grad_input: &mut [T],
) {
    let Some(picture) = picture_len(grad_input.len(), channels, grad_output.len()) else { return };
    assert_eq!(pixels.len(), grad_output.len(), "lengths differ");
    (grad_input.par_chunks_mut(picture), grad_output.par_chunks(channels), pixels.par_chunks(channels))
        .into_par_iter()
        .for_each(|(to, gradient, pixels)| {
            to.fill(T::default());
            for (c, (gradient, pixel)) in gradient.iter().zip(pixels).enumerate() {
                to[*pixel as usize * channels + c] = T::from_f32(*gradient);
            }
        });
}

/// Elements of one picture; none if there are no pictures.
fn picture_len(input: usize, channels: usize, output: usize) -> Option<usize> {
    assert!(channels > 0 && output.is_multiple_of(channels), "{output} outputs are not whole pixels");
    let batch = output / channels;
    if batch == 0 {
        assert_eq!(input, 0, "pictures without outputs");
        return None;
    }
    let picture = input / batch;
    assert!(
        picture > 0 && input.is_multiple_of(batch) && picture.is_multiple_of(channels),
        "{input} elements are not {batch} pictures of {channels} channels"
    );
    Some(picture)
}
