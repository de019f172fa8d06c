//! Augmentation of images: the policy, one concrete draw, and the map and colours that follow from it.
//!
//! The defaults, their distributions and their order are those of fastai's `aug_transforms`. A draw holds plain numbers
//! and uses the same count of random numbers whatever it decides; the same draw gives the same bytes.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::projective::Projective;
use super::sample::Padding;

/// Which part of an image becomes the network's square.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// The centre, as in validation.
    Center,
    /// A square of the size that validation takes, anywhere.
    Random,
    /// A box of random area and shape, stretched to the square ("random resized crop").
    Resized {
        /// Least fraction of the image's area, in 0..=1; .08 is usual when training from nothing, .35 when fine-tuning.
        min_area: f64,
        /// Largest ratio of width to height, at least 1; its inverse is the smallest.
        max_ratio: f64,
    },
}

impl Crop {
    /// Random resized crop with fastai's and torchvision's numbers: at least 8 % of the area, 3:4 to 4:3.
    pub const RESIZED: Self = Self::Resized { min_area: 0.08, max_ratio: 4.0 / 3.0 };
}

/// How strongly images are varied in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AugmentPolicy {
    /// The part that is shown [`Crop::Random`].
    pub crop: Crop,
    /// Probability of mirroring left to right [0.5].
    pub p_flip: f64,
    /// Probability of rotation, of zoom, and of tilting along either axis, each on its own [0.75].
    pub p_affine: f64,
    /// Largest rotation either way, in degrees \[10\].
    pub max_rotate: f64,
    /// Largest enlargement, at least 1 [1.1].
    pub max_zoom: f64,
    /// Largest tilt: how far corners move, where half the square's side is 1; in 0..1 [0.2].
    pub max_warp: f64,
    /// Probability of a change in brightness, and of one in contrast [0.75].
    pub p_lighting: f64,
    /// Largest change of brightness and contrast, in 0..1 [0.2].
    pub max_lighting: f64,
    /// Probability of blanking a box (arXiv 1708.04896) \[0\].
    pub p_erase: f64,
    /// The padding beyond the image's edge; [`Padding::Reflect`] by default.
    pub padding: Padding,
}

impl Default for AugmentPolicy {
    fn default() -> Self {
        Self {
            crop: Crop::Random,
            p_flip: 0.5,
            p_affine: 0.75,
            max_rotate: 10.0,
            max_zoom: 1.1,
            max_warp: 0.2,
            p_lighting: 0.75,
            max_lighting: 0.2,
            p_erase: 0.0,
            padding: Padding::Reflect,
        }
    }
}

impl AugmentPolicy {
    /// Shows every image as validation does.
    pub fn none() -> Self {
        let (max_rotate, max_zoom, max_warp, max_lighting) = (0.0, 1.0, 0.0, 0.0);
        Self {
            crop: Crop::Center,
            p_flip: 0.0,
            max_rotate,
            max_zoom,
            max_warp,
            max_lighting,
            ..Self::default()
        }
    }

    /// More of everything, for long training on few images: at least 35 % of the area, stretched, further
    /// turned and lit, and in a quarter of them a box is blanked.
    pub fn strong() -> Self {
        Self {
            crop: Crop::Resized { min_area: 0.35, max_ratio: 4.0 / 3.0 },
            max_rotate: 15.0,
            max_lighting: 0.4,
            p_erase: 0.25,
            ..Self::default()
        }
    }

    /// Draws the numbers for one image.
    pub fn draw(&self, rng: &mut impl Rng) -> Draw {
        let crop = self.crop.draw(rng);
        let mut with = |probability: f64, neutral: f64, low: f64, high: f64| {
            let (hit, value) = (unit(rng) < probability, between(rng, low, high));
            if hit { value } else { neutral }
        };
        let flip = with(self.p_flip, 0.0, 1.0, 1.0) == 1.0;
        let warp = [with(self.p_affine, 0.0, -self.max_warp, self.max_warp), {
            with(self.p_affine, 0.0, -self.max_warp, self.max_warp)
        }];
        let rotate = with(self.p_affine, 0.0, -self.max_rotate, self.max_rotate);
        let zoom = with(self.p_affine, 1.0, 1.0, self.max_zoom);
        let zoom_center = [with(1.0, 0.0, -1.0, 1.0), with(1.0, 0.0, -1.0, 1.0)];
        let light = self.max_lighting;
        let brightness = with(self.p_lighting, 0.5, 0.5 * (1.0 - light), 0.5 * (1.0 + light));
        let contrast = with(self.p_lighting, 0.0, (1.0 - light).ln(), -(1.0 - light).ln()).exp();
        let erases = with(self.p_erase, 0.0, 1.0, 1.0) == 1.0;
        // fastai's RandomErasing: up to 30 % of the area, sides up to 1 : 0.3.
        let [area, ratio, x, y] = [(0.0, 0.3), (0.3f64.ln(), -(0.3f64.ln())), (0.0, 1.0), (0.0, 1.0)]
            .map(|(low, high)| with(1.0, 0.0, low, high));
        let [across, down] = [ratio, -ratio].map(|ratio| (area * ratio.exp()).sqrt().min(1.0));
        let erase = erases.then_some([x * (1.0 - across), y * (1.0 - down), across, down]);
        let padding = self.padding;
        Draw { crop, flip, warp, rotate, zoom, zoom_center, brightness, contrast, erase, padding }
    }
}

/// Where a crop fell. Positions are fractions of the room there is: 0 is left or top, 1 right or bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CropDraw {
    /// The square that validation takes, at this position.
    Square {
        /// Across and down.
        position: [f64; 2],
    },
    /// The first of these boxes that fits the image, at this position; else the largest of an allowed shape, centred.
    Box {
        /// Fraction of the area, and ratio of width to height.
        candidates: [(f64, f64); 10],
        /// Largest ratio of width to height.
        max_ratio: f64,
        /// Across and down.
        position: [f64; 2],
    },
}

impl Crop {
    fn draw(&self, rng: &mut impl Rng) -> CropDraw {
        match *self {
            Self::Center => CropDraw::Square { position: [0.5, 0.5] },
            Self::Random => CropDraw::Square { position: [unit(rng), unit(rng)] },
            Self::Resized { min_area, max_ratio } => {
                let shape = max_ratio.ln();
                let candidates =
                    [(); 10].map(|()| (between(rng, min_area, 1.0), between(rng, -shape, shape).exp()));
                CropDraw::Box { candidates, max_ratio, position: [unit(rng), unit(rng)] }
            }
        }
    }
}

/// The numbers of one image, drawn from a policy; [`Draw::default`] varies nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The part that is shown.
    pub crop: CropDraw,
    /// Whether the image is mirrored left to right.
    pub flip: bool,
    /// Tilt along x and y; 0 is none.
    pub warp: [f64; 2],
    /// Counter-clockwise rotation in degrees.
    pub rotate: f64,
    /// Enlargement; 1 is none.
    pub zoom: f64,
    /// The point that stays in place when zooming, the square's corners being at -1 and 1.
    pub zoom_center: [f64; 2],
    /// Brightness in 0..1; 0.5 changes nothing.
    pub brightness: f64,
    /// Contrast, more than 0; 1 changes nothing.
    pub contrast: f64,
    /// The box that is blanked, if any: left, top, width and height as fractions of the square.
    pub erase: Option<[f64; 4]>,
    /// The padding beyond the edge.
    pub padding: Padding,
}

impl Default for Draw {
    fn default() -> Self {
        Self {
            crop: CropDraw::Square { position: [0.5, 0.5] },
            flip: false,
            warp: [0.0, 0.0],
            rotate: 0.0,
            zoom: 1.0,
            zoom_center: [0.0, 0.0],
            brightness: 0.5,
            contrast: 1.0,
            erase: None,
            padding: Padding::Reflect,
        }
    }
}

impl Draw {
    /// The map from pixels of the output, a square of `size`, to those of `image`; `resize_to` is the shorter side
    /// to which validation resizes before it crops.
    pub fn map(&self, image: &Image, size: usize, resize_to: usize) -> Projective {
        let to_unit = 2.0 / size as f64;
        let shrink = 1.0 / self.zoom;
        let [zoom_x, zoom_y] = self.zoom_center.map(|center| (1.0 - shrink) * center);
        let mut map = self.crop.map(image, size, resize_to);
        // Parts that do nothing are left out, so that a plain crop stays exactly one.
        if self.warp != [0.0, 0.0] {
            map = map.after(self.tilt());
        }
        if self.flip {
            map = map.after(Projective::stretch(-1.0, 1.0, 0.0, 0.0));
        }
        if self.rotate != 0.0 {
            map = map.after(Projective::rotation(self.rotate));
        }
        map.after(Projective::stretch(shrink, shrink, zoom_x, zoom_y))
            .after(Projective::stretch(to_unit, to_unit, -1.0, -1.0))
    }

    /// What a channel's value in 0..=1 becomes: brightness shifts, contrast stretches its logit.
    pub fn light(&self, value: f64) -> f64 {
        if self.brightness == 0.5 && self.contrast == 1.0 {
            return value;
        }
        let logit = |p: f64| (p / (1.0 - p)).ln();
        // Black and white have no logit; fastai's bound.
        let shifted = logit(value.clamp(1e-7, 1.0 - 1e-7)) + logit(self.brightness);
        1.0 / (1.0 + (-shifted * self.contrast).exp())
    }

    /// The perspective that carries the image's corners in or out; strong tilts that would fold it are left out.
    fn tilt(&self) -> Projective {
        let [x, y] = self.warp;
        let corners = [[-1.0 - y, -1.0 - x], [1.0 + y, -1.0 + x], [1.0 - y, 1.0 - x], [-1.0 + y, 1.0 + x]];
        Projective::square_to(corners).and_then(Projective::inverse).unwrap_or(Projective::IDENTITY)
    }
}

impl CropDraw {
    /// The map from the square with corners at -1 and 1 to the part of `image` that is shown.
    fn map(&self, image: &Image, size: usize, resize_to: usize) -> Projective {
        let [width, height] = [image.width() as f64, image.height() as f64];
        let (left, top, box_width, box_height) = match *self {
            Self::Square { position } => square(image, size, resize_to, position),
            Self::Box { candidates, max_ratio, position } => {
                let sides = |(area, ratio): (f64, f64)| {
                    let (across, down) =
                        ((area * width * height * ratio).sqrt(), (area * width * height / ratio).sqrt());
                    (across <= width && down <= height).then_some((across, down, position))
                };
                let largest = || (width.min(height * max_ratio), height.min(width * max_ratio), [0.5, 0.5]);
                let (across, down, [x, y]) = candidates.into_iter().find_map(sides).unwrap_or_else(largest);
                (x * (width - across), y * (height - down), across, down)
            }
        };
        let (half_width, half_height) = (box_width / 2.0, box_height / 2.0);
        Projective::stretch(half_width, half_height, left + half_width, top + half_height)
    }
}

/// The box (left, top, width, height) of `image` that a crop of `size` shows after the shorter side was resized to
/// `resize_to`. The centre is rounded to whole pixels of the resized image, as torchvision and timm do.
fn square(image: &Image, size: usize, resize_to: usize, position: [f64; 2]) -> (f64, f64, f64, f64) {
    let (width, height) = (image.width(), image.height());
    let shorter = width.min(height);
    let axis = |length: usize, position: f64| {
        let resized = resize_to * length / shorter;
        let room = resized.saturating_sub(size) as f64;
        let scale = length as f64 / resized as f64;
        ((room * position).round_ties_even() * scale, size as f64 * scale)
    };
    let (left, box_width) = axis(width, position[0]);
    let (top, box_height) = axis(height, position[1]);
    (left, top, box_width, box_height)
}

/// Uniform in 0..1.
fn unit(rng: &mut impl Rng) -> f64 {
    rng.random()
}

/// Uniform between `low` and `high`, which may be equal.
fn between(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(rng)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    use super::*;

    fn draws(policy: AugmentPolicy, count: u64) -> Vec<Draw> {
        (0..count).map(|item| policy.draw(&mut ChaCha8Rng::seed_from_u64(item))).collect()
    }

    fn blank(width: usize, height: usize) -> Image {
        Image::from_rgb(width, height, vec![0; width * height * 3]).unwrap()
    }

    #[test]
    fn the_seed_decides() {
        let policy = AugmentPolicy::default();
        assert_eq!(draws(policy, 5), draws(policy, 5));
        assert_ne!(draws(policy, 2)[0], draws(policy, 2)[1]);
    }

    #[test]
    fn no_augmentation_is_validation() {
        assert!(
            draws(AugmentPolicy::none(), 50)
                .iter()
                .all(|draw| Draw { zoom_center: [0.0; 2], ..*draw } == Draw::default())
        );
        let map = |draw: &Draw| draw.map(&blank(60, 40), 28, 32);
        assert!(draws(AugmentPolicy::none(), 50).iter().all(|draw| map(draw) == map(&Draw::default())));
    }

    #[test]
    fn strengths_and_probabilities_are_kept() {
        let draws = draws(AugmentPolicy::default(), 4000);
        let fraction =
            |hit: &dyn Fn(&Draw) -> bool| draws.iter().filter(|draw| hit(draw)).count() as f64 / 4000.0;
        // Four standard deviations of a fraction of 4000 draws are at most .032.
        for (expected, hit) in [
            (0.5, (&|d: &Draw| d.flip) as &dyn Fn(&Draw) -> bool),
            (0.75, &|d| d.rotate != 0.0),
            (0.75, &|d| d.zoom != 1.0),
            (0.75, &|d| d.warp[0] != 0.0),
            (0.75, &|d| d.warp[1] != 0.0),
            (0.75, &|d| d.brightness != 0.5),
            (0.75, &|d| d.contrast != 1.0),
            (0.375, &|d| d.rotate > 0.0),
            (0.375, &|d| d.contrast > 1.0),
        ] {
            assert!((fraction(hit) - expected).abs() < 0.032, "{} instead of {expected}", fraction(hit));
        }
        assert!(draws.iter().all(|d| d.rotate.abs() <= 10.0 && (1.0..=1.1).contains(&d.zoom)));
        assert!(draws.iter().all(|d| d.warp.iter().all(|w| w.abs() <= 0.2)));
        assert!(
            draws.iter().all(|d| (0.4..=0.6).contains(&d.brightness) && (0.8..=1.25).contains(&d.contrast))
        );
    }

    #[test]
    fn tilt_carries_corners_where_fastai_does() {
        let draw = Draw { warp: [0.1, 0.2], ..Draw::default() };
        let map = draw.map(&blank(100, 100), 100, 100);
        // The image's upper left corner lands at (-1.2, -1.1), where the square's corners are at -1 and 1.
        let [x, y] = map.apply([50.0 * (1.0 - 1.2), 50.0 * (1.0 - 1.1)]);
        assert!(x.abs() < 1e-9 && y.abs() < 1e-9, "{x} {y}");
        let [x, y] = map.apply([50.0 * (1.0 + 0.8), 50.0 * (1.0 + 0.9)]);
        assert!((x - 100.0).abs() < 1e-9 && (y - 100.0).abs() < 1e-9, "{x} {y}");
    }

    #[test]
    fn crops_stay_inside_the_image() {
        let images =
            [blank(400, 533), blank(533, 400), blank(100, 100), blank(1000, 10), blank(3, 2), blank(1, 400)];
        for crop in
            [Crop::Center, Crop::Random, Crop::RESIZED, Crop::Resized { min_area: 0.35, max_ratio: 1.0 }]
        {
            for draw in draws(AugmentPolicy { crop, ..AugmentPolicy::none() }, 200) {
                for image in &images {
                    let map = draw.map(image, 224, 256);
                    for corner in [[0.0, 0.0], [224.0, 224.0]] {
                        let [x, y] = map.apply(corner);
                        assert!(x > -1e-9 && x < image.width() as f64 + 1e-9, "{crop:?} {image:?} {x}");
                        assert!(y > -1e-9 && y < image.height() as f64 + 1e-9, "{crop:?} {image:?} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn resized_crops_keep_area_and_shape() {
        let image = blank(400, 300);
        for draw in draws(AugmentPolicy { crop: Crop::RESIZED, ..AugmentPolicy::none() }, 500) {
            let (sx, sy, ..) = draw.map(&image, 100, 100).as_stretch().unwrap();
            let (area, shape) = (sx * sy * 1e4 / 120_000.0, sx / sy);
            assert!((0.08..1.0).contains(&area) && (0.74..1.34).contains(&shape), "{area} {shape}");
        }
    }

    #[test]
    fn light_is_fastai_s() {
        let neutral = Draw::default();
        assert_eq!(neutral.light(0.3), 0.3);
        // sigmoid((logit(.3) + logit(.6)) * 1.2), worked out by hand.
        let draw = Draw { brightness: 0.6, contrast: 1.2, ..neutral };
        assert!((draw.light(0.3) - 0.370_5).abs() < 1e-4, "{}", draw.light(0.3));
        assert!(draw.light(0.0) < 1e-6 && draw.light(1.0) > 1.0 - 1e-6);
    }
}
