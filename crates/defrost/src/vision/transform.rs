//! From an image to a network's input: crop, resize and augmentation in one resampling, colours and normalisation in
//! one table per channel.

use serde::{Deserialize, Serialize};

use super::augment::Draw;
use super::image::{Image, MAX_SIDE};
use super::resize::{Filter, Region, resize};
use super::sample::sample;

/// Channels of an image in colour: red, green, blue.
pub const RGB: usize = 3;
/// Channels of a grey image.
pub const GREY: usize = 1;

/// How many times the resolution of validation an image keeps for its augmentation: more than the resampling
/// reads of it, see `sample`.
pub const PRESIZE: usize = 2;

/// What a network expects of its images. It belongs to the pretrained weights and is saved with the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square the network sees, in pixels.
    pub size: usize,
    /// Length the shorter side is resized to before the square is cropped; at least `size`.
    pub resize_to: usize,
    /// The mean that is subtracted from the red, green and blue of a pixel in 0..=1.
    pub mean: [f32; 3],
    /// The standard deviation that the difference is divided by.
    pub std: [f32; 3],
    /// The resizing filter.
    pub filter: Filter,
    /// [`RGB`] or [`GREY`], which has the averages of the colours' means and deviations.
    #[serde(default = "in_colour")]
    pub channels: usize,
}

/// Bundles that do not say are of colour images.
fn in_colour() -> usize {
    RGB
}

/// Why a [`Preprocess`] can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PreprocessError {
    /// The size is 0 or absurd.
    #[error("image size {0} is not in 1 to {MAX_SIDE}")]
    Size(usize),
    /// Images have no such channels.
    #[error("images have {GREY} channel, grey, or {RGB}, red, green and blue; not {0}")]
    Channels(usize),
    /// The crop would be larger than the image.
    #[error("a shorter side of {resize_to} pixels has no room for a crop of {size}; give at least {size}")]
    ResizeTo {
        /// The shorter side.
        resize_to: usize,
        /// The crop.
        size: usize,
    },
    /// Normalising would not give finite numbers.
    #[error("mean {mean:?} and std {std:?} can't normalise; they must be finite, and each std more than 0")]
    Normalisation {
        /// The means.
        mean: [f32; 3],
        /// The standard deviations.
        std: [f32; 3],
    },
}

impl Preprocess {
    /// Mean of ImageNet's images, which most torchvision networks subtract.
    pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
    /// Standard deviation of ImageNet's images.
    pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

    /// Shows the whole shorter side, as fastai does, bicubic, normalised by ImageNet's statistics.
    pub fn imagenet(size: usize) -> Self {
        let (mean, std) = (Self::IMAGENET_MEAN, Self::IMAGENET_STD);
        Self { size, resize_to: size, mean, std, filter: Filter::Bicubic, channels: RGB }
    }

    /// How many values a prepared image has: `size * size * channels`.
    pub fn values(&self) -> usize {
        self.size * self.size * self.channels
    }

    /// Checks numbers that came from outside.
    ///
    /// # Errors
    /// If sizes are out of range or the normalisation would not give finite numbers.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let &Self { size, resize_to, mean, std, channels, .. } = self;
        if !(1..=MAX_SIDE).contains(&size) || resize_to > MAX_SIDE {
            return Err(PreprocessError::Size(if resize_to > MAX_SIDE { resize_to } else { size }));
        }
        if ![GREY, RGB].contains(&channels) {
            return Err(PreprocessError::Channels(channels));
        }
        if resize_to < size {
            return Err(PreprocessError::ResizeTo { resize_to, size });
        }
        if !mean.iter().all(|m| m.is_finite()) || !std.iter().all(|s| s.is_normal() && *s > 0.0) {
            return Err(PreprocessError::Normalisation { mean, std });
        }
        Ok(())
    }

    /// Prepares `image` as `draw` says ([`Draw::default`] for validation) and writes it to `out`, normalised,
    /// `[size, size, channels]`.
    ///
    /// # Panics
    /// If `out` does not hold [`Preprocess::values`].
    pub fn apply(&self, image: &Image, draw: &Draw, out: &mut [f32]) {
        self.normalise(&self.square(image, draw), draw, out);
    }

    /// Writes the square that `draw` has cut out to `out`, in its colours and normalised.
    ///
    /// # Panics
    /// If `out` does not hold [`Preprocess::values`].
    pub fn normalise(&self, square: &Image, draw: &Draw, out: &mut [f32]) {
        assert_eq!(out.len(), self.values(), "one image of {} pixels a side", self.size);
        let (pixels, _) = square.pixels().as_chunks::<RGB>();
        if self.channels == GREY {
            let table = self.table(0, draw);
            out.iter_mut().zip(pixels).for_each(|(to, &from)| *to = table[usize::from(luma(from))]);
        } else {
            let tables = [0, 1, 2].map(|channel| self.table(channel, draw));
            for (to, from) in out.chunks_exact_mut(RGB).zip(pixels) {
                for channel in 0..RGB {
                    to[channel] = tables[channel][usize::from(from[channel])];
                }
            }
        }
        if let Some(fractions) = draw.erase {
            let [left, top, width, height] =
                fractions.map(|fraction| (fraction * self.size as f64).round() as usize);
            for row in out.chunks_exact_mut(self.channels * self.size).skip(top).take(height) {
                let right = (left + width).min(self.size);
                // The mean of all images, once normalised.
                row[self.channels * left.min(right)..self.channels * right].fill(0.0);
            }
        }
    }

    /// The image that these values are of: the reverse of [`Preprocess::normalise`], grey ones as images in colour.
    ///
    /// # Panics
    /// If there are not [`Preprocess::values`] of them.
    pub fn denormalise(&self, values: &[f32]) -> Image {
        let bytes = |(index, value): (usize, &f32)| {
            let (mean, std) = self.statistics(index % self.channels);
            let byte = ((value * std + mean) * 255.0).round().clamp(0.0, 255.0) as u8;
            std::iter::repeat_n(byte, RGB / self.channels)
        };
        let pixels = values.iter().enumerate().flat_map(bytes).collect();
        Image::from_rgb(self.size, self.size, pixels).expect("one image's values")
    }

    /// An image no larger than augmentation needs it: a shorter side beyond [`PRESIZE`] times `resize_to` is
    /// reduced to that (fastai's presizing). `None` if it is small enough.
    pub fn presized(&self, image: &Image) -> Option<Image> {
        let (width, height) = (image.width(), image.height());
        let (shorter, wanted) = (width.min(height), self.resize_to * PRESIZE);
        let scaled = |side: usize| (side * wanted / shorter).max(1);
        (shorter > wanted)
            .then(|| resize(image, Region::whole(image), scaled(width), scaled(height), self.filter))
    }

    /// The square that [`Preprocess::apply`] normalises, before its colours change: to look at.
    pub fn square(&self, image: &Image, draw: &Draw) -> Image {
        let map = draw.map(image, self.size, self.resize_to);
        sample(image, &map, self.size, draw.padding, self.filter)
    }

    /// The mean and standard deviation of a channel.
    pub(super) fn statistics(&self, channel: usize) -> (f32, f32) {
        let average = |of: [f32; RGB]| of.iter().sum::<f32>() / RGB as f32;
        match self.channels {
            GREY => (average(self.mean), average(self.std)),
            _ => (self.mean[channel], self.std[channel]),
        }
    }

    /// The value of each byte of a channel.
    fn table(&self, channel: usize, draw: &Draw) -> [f32; 256] {
        let (mean, std) = self.statistics(channel);
        let (mean, std) = (f64::from(mean), f64::from(std));
        std::array::from_fn(|byte| ((draw.light(byte as f64 / 255.0) - mean) / std) as f32)
    }
}

/// How light a pixel is, as Pillow's `convert("L")` says (ITU-R 601-2).
fn luma([red, green, blue]: [u8; RGB]) -> u8 {
    let [red, green, blue] = [red, green, blue].map(u32::from);
    ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::super::augment::AugmentPolicy;
    use super::super::image::tests::scene;
    use super::*;

    #[test]
    fn normalises_each_channel() {
        let preprocess = Preprocess { size: 2, resize_to: 2, ..Preprocess::imagenet(224) };
        let grey = Image::from_rgb(4, 4, [0, 51, 255].repeat(16)).unwrap();
        let mut out = vec![0.0; preprocess.values()];
        preprocess.apply(&grey, &Draw::default(), &mut out);
        for pixel in out.chunks_exact(3) {
            let expected = [(0.0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1.0 - 0.406) / 0.225];
            assert!(pixel.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{pixel:?}");
        }
    }

    #[test]
    fn grey_is_pillow_s_and_has_the_colours_average_statistics() {
        let preprocess = Preprocess { size: 1, resize_to: 1, channels: GREY, ..Preprocess::imagenet(224) };
        assert_eq!(preprocess.check(), Ok(()));
        // Made with Pillow 13.0.0: Image.new("RGB", (1, 1), colour).convert("L").
        for (colour, luma) in
            [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([12, 200, 77], 130), ([9; 3], 9)]
        {
            let image = Image::from_rgb(1, 1, colour.to_vec()).unwrap();
            let mut out = vec![0.0; preprocess.values()];
            preprocess.apply(&image, &Draw::default(), &mut out);
            let expected = (luma as f32 / 255.0 - 0.449) / 0.226;
            assert!(
                out.len() == 1 && (out[0] - expected).abs() < 1e-5,
                "{colour:?}: {out:?} and not {expected}"
            );
            assert_eq!(preprocess.denormalise(&out).pixels(), [luma; 3]);
        }
        let other = Preprocess { channels: 4, ..preprocess }.check().unwrap_err().to_string();
        assert_eq!(other, "images have 1 channel, grey, or 3, red, green and blue; not 4");
    }

    #[test]
    fn normalised_images_come_back() {
        let preprocess = Preprocess { size: 64, resize_to: 64, ..Preprocess::imagenet(224) };
        let mut out = vec![0.0; preprocess.values()];
        preprocess.apply(&scene(), &Draw::default(), &mut out);
        assert!(preprocess.denormalise(&out) == preprocess.square(&scene(), &Draw::default()));
    }

    #[test]
    fn a_blanked_box_is_the_mean() {
        let preprocess = Preprocess { size: 8, resize_to: 8, ..Preprocess::imagenet(224) };
        let black = Image::from_rgb(8, 8, vec![0; 192]).unwrap();
        let blank = |erase| {
            let mut out = vec![0.0; preprocess.values()];
            preprocess.apply(&black, &Draw { erase, ..Draw::default() }, &mut out);
            out.iter().filter(|&&value| value == 0.0).count()
        };
        assert_eq!(blank(None), 0);
        assert_eq!(blank(Some([0.25, 0.5, 0.5, 0.25])), 3 * 4 * 2);
        assert_eq!(blank(Some([0.0, 0.0, 1.0, 1.0])), 192);
        assert_eq!(blank(Some([0.9, 0.9, 0.4, 0.4])), 3, "what lies beyond the edge is not there");
        let policy = AugmentPolicy { p_erase: 1.0, ..AugmentPolicy::none() };
        for item in 0..500 {
            let [left, top, width, height] = policy.draw(&mut ChaCha8Rng::seed_from_u64(item)).erase.unwrap();
            assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.0 + 1e-9 && top + height <= 1.0 + 1e-9);
            assert!(width * height <= 0.3 + 1e-9);
        }
    }

    #[test]
    fn same_draw_same_bytes() {
        let preprocess = Preprocess::imagenet(64);
        let prepare = |item| {
            let draw = AugmentPolicy::default().draw(&mut ChaCha8Rng::seed_from_u64(item));
            let mut out = vec![0.0; preprocess.values()];
            preprocess.apply(&scene(), &draw, &mut out);
            out.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(prepare(1), prepare(1));
        assert_ne!(prepare(1), prepare(2));
    }

    #[test]
    fn numbers_from_outside_are_checked() {
        let good = Preprocess::imagenet(224);
        assert_eq!((good.resize_to, good.check()), (224, Ok(())));
        let text = |bad: Preprocess| bad.check().unwrap_err().to_string();
        assert_eq!(text(Preprocess { size: 0, ..good }), "image size 0 is not in 1 to 16384");
        assert_eq!(
            text(Preprocess { resize_to: 200, ..good }),
            "a shorter side of 200 pixels has no room for a crop of 224; give at least 224"
        );
        assert!(Preprocess { std: [0.2, 0.0, 0.2], ..good }.check().is_err());
        assert!(Preprocess { mean: [f32::NAN; 3], ..good }.check().is_err());
    }
}
