//! Looking at an image through a map: the one resampling of a crop, a resize and every geometric augmentation.
//!
//! A map without rotation or tilt is a plain antialiased resize of a box. Any other map is read point by point, from a
//! copy of its region that is first reduced (antialiased) to about the output's resolution, so that shrinking does not
//! alias.

use serde::{Deserialize, Serialize};

use super::image::Image;
use super::projective::{Point, Projective};
use super::resize::{Filter, Region, resize};

/// What lies beyond the edges of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// The image, mirrored at its edge.
    #[default]
    Reflect,
    /// Black.
    Zeros,
}

/// How many reduced pixels lie on an output pixel's side: more is sharper, but closer to aliasing. At 1.5 photos come
/// out closest to Pillow's bicubic resize: 1.0 levels from it, where 1 gives 1.7, 2 gives 1.3 and Pillow's own bilinear
/// filter 1.4.
const OVERSAMPLING: f64 = 1.5;

/// Reads `image` through `map`, which takes output pixels to image pixels; a pixel covers [i, i+1), so its centre
/// is at i + 1/2. Returns a square image of `size`.
pub fn sample(image: &Image, map: &Projective, size: usize, padding: Padding, filter: Filter) -> Image {
    upright(image, map, size, filter).unwrap_or_else(|| {
        let (reduced, map) = reduce(image, map, size, filter);
        let read = match padding {
            Padding::Reflect => warp::<true>,
            Padding::Zeros => warp::<false>,
        };
        Image::from_rgb(size, size, read(&reduced, &map, size)).expect("warp fills the square")
    })
}

/// The resize of a box, if `map` is one and stays inside the image.
fn upright(image: &Image, map: &Projective, size: usize, filter: Filter) -> Option<Image> {
    let (sx, sy, dx, dy) = map.as_stretch()?;
    let span = |scale: f64, start: f64, side: usize| {
        let (low, high) = (start.min(start + scale * size as f64), start.max(start + scale * size as f64));
        // Rounding may carry an edge past the image's by a hair.
        let slack = 1e-9 * side as f64;
        (low >= -slack && high <= side as f64 + slack && high > low).then(|| {
            let low = low.max(0.0);
            (low, high.min(side as f64) - low)
        })
    };
    let (left, width) = span(sx, dx, image.width())?;
    let (top, height) = span(sy, dy, image.height())?;
    let mut resized = resize(image, Region { left, top, width, height }, size, size, filter);
    resized.mirror(sx < 0.0, sy < 0.0);
    Some(resized)
}

/// A copy of what `map` can see, reduced towards the resolution of the output, and the map into that copy.
fn reduce(image: &Image, map: &Projective, size: usize, filter: Filter) -> (Image, Projective) {
    let side = size as f64;
    let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]].map(|corner| map.apply(corner));
    let scale = map.local_scale([side / 2.0, side / 2.0]);
    let axis = |axis: usize, length: usize| {
        let factor = (scale[axis] / OVERSAMPLING).max(1.0);
        let low = corners.iter().map(|corner| corner[axis]).fold(f64::INFINITY, f64::min);
        let high = corners.iter().map(|corner| corner[axis]).fold(f64::NEG_INFINITY, f64::max);
        // Room for the filters; a map that looks past the edge may see any part of the image mirrored there.
        let (low, high) = ((low - 3.0 * factor).floor(), (high + 3.0 * factor).ceil());
        let inside = low >= 0.0 && high <= length as f64 && high > low;
        let (low, high) = if inside { (low, high) } else { (0.0, length as f64) };
        let reduced = ((high - low) / factor).round().max(1.0);
        (low, high - low, reduced)
    };
    let (left, width, reduced_width) = axis(0, image.width());
    let (top, height, reduced_height) = axis(1, image.height());
    let region = Region { left, top, width, height };
    let reduced = resize(image, region, reduced_width as usize, reduced_height as usize, filter);
    let (sx, sy) = (reduced_width / width, reduced_height / height);
    (reduced, Projective::stretch(sx, sy, -left * sx, -top * sy).after(*map))
}

/// Reads the square point by point, bilinearly; returns `[size, size, 3]`.
fn warp<const REFLECT: bool>(image: &Image, map: &Projective, size: usize) -> Vec<u8> {
    let mut out = vec![0; size * size * 3];
    for (y, row) in out.chunks_exact_mut(size * 3).enumerate() {
        let [u, v, w] = map.along_row(y as f64 + 0.5);
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let x = x as f64 + 0.5;
            let scale = 1.0 / (w.0 * x + w.1);
            let point = [(u.0 * x + u.1) * scale, (v.0 * x + v.1) * scale];
            pixel.copy_from_slice(&bilinear::<REFLECT>(image, point));
        }
    }
    out
}

/// The colour at `point`, from the four pixel centres around it.
#[inline]
fn bilinear<const REFLECT: bool>(image: &Image, point: Point) -> [u8; 3] {
    let (width, height) = (image.width(), image.height());
    let [x, y] = point.map(|position| position - 0.5);
    // Most points lie between four pixels. Casts round towards 0, which is down here, and spare calls to `floor`.
    if x >= 0.0 && y >= 0.0 && x < (width - 1) as f64 && y < (height - 1) as f64 {
        let (left, top) = (x as usize, y as usize);
        let start = (top * width + left) * 3;
        let pixels = image.pixels();
        let (upper, lower) = (&pixels[start..start + 6], &pixels[start + width * 3..start + width * 3 + 6]);
        let corners = [&upper[..3], &upper[3..], &lower[..3], &lower[3..]];
        return blend(corners, weight(x - left as f64), weight(y - top as f64));
    }
    let ([x0, x1], fx) = taps::<REFLECT>(point[0], width);
    let ([y0, y1], fy) = taps::<REFLECT>(point[1], height);
    let at = |x: usize, y: usize| {
        if !REFLECT && (x >= width || y >= height) {
            return &[0; 3][..];
        }
        let start = (y * width + x) * 3;
        &image.pixels()[start..start + 3]
    };
    blend([at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1)], fx, fy)
}

/// The mean of upper left, upper right, lower left and lower right, weighted by the weight of right and of lower.
#[inline]
fn blend(corners: [&[u8]; 4], right: u32, lower: u32) -> [u8; 3] {
    let (left, upper) = (ONE - right, ONE - lower);
    let weights = [left * upper, right * upper, left * lower, right * lower];
    std::array::from_fn(|channel| {
        let sum: u32 =
            corners.iter().zip(weights).map(|(corner, weight)| u32::from(corner[channel]) * weight).sum();
        ((sum + ONE * ONE / 2) / (ONE * ONE)) as u8
    })
}

/// The weight 1 in fixed point: 255 times its square still fits 32 bits.
const ONE: u32 = 1 << 11;

/// `fraction` in fixed point.
#[inline]
fn weight(fraction: f64) -> u32 {
    (fraction * f64::from(ONE) + 0.5) as u32
}

/// The two pixels around `position` on an axis, and the second one's weight. Without reflection, pixels beyond
/// the edge have an index of `length` or more.
#[inline]
fn taps<const REFLECT: bool>(position: f64, length: usize) -> ([usize; 2], u32) {
    let position = if REFLECT { reflect(position, length as f64) } else { position };
    let from_first_centre = position - 0.5;
    let low = from_first_centre.floor();
    let weight = weight(from_first_centre - low);
    let low = low as isize;
    let index = |i: isize| match REFLECT {
        true => i.clamp(0, length as isize - 1) as usize,
        // -1 becomes the largest index there is, which is beyond the edge as well.
        false => i as usize,
    };
    ([index(low), index(low.saturating_add(1))], weight)
}

/// Mirrors `position` at 0 and `length` until it lies between.
#[inline]
fn reflect(position: f64, length: f64) -> f64 {
    if (0.0..=length).contains(&position) {
        return position;
    }
    let position = position.rem_euclid(2.0 * length);
    if position > length { 2.0 * length - position } else { position }
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::{difference, fixture, scene};
    use super::*;

    /// A smooth image of any size: no detail that resampling could lose.
    fn smooth(width: usize, height: usize) -> Image {
        let pixels = (0..width * height).flat_map(|i| {
            let (x, y) = ((i % width) as f64 / width as f64, (i / width) as f64 / height as f64);
            [x * 200.0 + 20.0, y * 200.0 + 20.0, (x + y) * 100.0].map(|value| value as u8)
        });
        Image::from_rgb(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn resizes_as_pillow_does() {
        for (name, filter) in [("bilinear", Filter::Bilinear), ("bicubic", Filter::Bicubic)] {
            for (to, size) in [(37, 32), (100, 80)] {
                let golden = Image::open(fixture(&format!("golden-{name}-{to}-{size}.png"))).unwrap();
                let draw = super::super::augment::Draw::default();
                let map = draw.map(&scene(), size, to);
                let ours = sample(&scene(), &map, size, Padding::Reflect, filter);
                let apart = difference(&ours, &golden);
                // Both round and clip to 8 bits between the passes, but Pillow goes across first. With the order
                // swapped, Pillow differs from itself as much.
                assert!(apart < 0.3, "{name} {to}: {apart}");
                let worst = ours.pixels().iter().zip(golden.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(8), "{name} {to}: {worst:?}");
            }
        }
    }

    #[test]
    fn identity_changes_nothing() {
        let image = smooth(32, 32);
        assert!(sample(&image, &Projective::IDENTITY, 32, Padding::Reflect, Filter::Bicubic) == image);
        // A quarter turn about the centre is read point by point, exactly at pixel centres.
        let center = Projective::stretch(1.0, 1.0, 16.0, 16.0);
        let turn = center.after(Projective::rotation(90.0)).after(center.inverse().unwrap());
        let turned = sample(&image, &turn, 32, Padding::Reflect, Filter::Bicubic);
        let pixel = |p: &Image, x: usize, y: usize| p.pixels()[(y * 32 + x) * 3..][..3].to_vec();
        for (x, y) in [(0, 0), (5, 9), (31, 0), (17, 30)] {
            assert_eq!(pixel(&turned, x, y), pixel(&image, 31 - y, x));
        }
    }

    #[test]
    fn flips_are_mirrors() {
        let image = smooth(40, 30);
        let mut expected =
            sample(&image, &Projective::stretch(1.0, 1.0, 5.0, 2.0), 24, Padding::Reflect, Filter::Bicubic);
        expected.mirror(true, true);
        let flipped = Projective::stretch(-1.0, -1.0, 29.0, 26.0);
        assert!(sample(&image, &flipped, 24, Padding::Reflect, Filter::Bicubic) == expected);
    }

    #[test]
    fn fine_patterns_average_out_when_shrunk() {
        // A checkerboard of single pixels is grey from afar; without antialiasing it comes out as stripes.
        let pixels = (0..400 * 400).flat_map(|i| [if (i % 400 + i / 400) % 2 == 0 { 0 } else { 255 }; 3]);
        let board = Image::from_rgb(400, 400, pixels.collect()).unwrap();
        let center = |s: f64, at: f64| Projective::stretch(s, s, at, at);
        let turned = center(4.0, 200.0).after(Projective::rotation(7.0)).after(center(1.0, -40.0));
        let shrunk = sample(&board, &turned, 80, Padding::Reflect, Filter::Bicubic);
        assert!(shrunk.pixels().iter().all(|&value| value.abs_diff(127) < 8));
    }

    #[test]
    fn reading_point_by_point_is_close_to_resizing() {
        // A turn too small to see keeps the map from being a plain resize.
        let map = Projective::stretch(1.9, 1.9, 0.7, 0.4);
        let resized = sample(&scene(), &map, 34, Padding::Reflect, Filter::Bicubic);
        let read =
            sample(&scene(), &map.after(Projective::rotation(1e-7)), 34, Padding::Reflect, Filter::Bicubic);
        let soft = sample(&scene(), &map, 34, Padding::Reflect, Filter::Bilinear);
        let apart = difference(&read, &resized);
        assert!(apart < difference(&soft, &resized), "{apart}: closer than the next softer filter");
    }

    #[test]
    fn reflection_mirrors_at_the_edge_and_zeros_are_black() {
        let image = smooth(20, 20);
        let beyond = Projective::stretch(1.0, 1.0, -8.0, 0.0);
        let reflected = sample(&image, &beyond, 16, Padding::Reflect, Filter::Bilinear);
        let black = sample(&image, &beyond, 16, Padding::Zeros, Filter::Bilinear);
        let red = |p: &Image, x: usize| p.pixels()[(4 * 16 + x) * 3];
        for x in 0..8 {
            assert_eq!(red(&reflected, 7 - x), red(&reflected, 8 + x));
            assert_eq!((red(&black, x), red(&black, 8 + x)), (0, red(&reflected, 8 + x)));
        }
        assert_eq!([-0.5, -20.5, 20.5, 59.0].map(|x| reflect(x, 20.0)), [0.5, 19.5, 19.5, 19.0]);
    }

    #[test]
    fn a_turned_region_of_a_large_image_matches_the_turned_whole() {
        // Read from the reduced region only; the smooth image has the same colours everywhere.
        let (large, small) = (smooth(1500, 1000), smooth(150, 100));
        let map = |scale: f64| {
            Projective::stretch(10.0 * scale, 10.0 * scale, 90.0 * scale, 40.0 * scale)
                .after(Projective::rotation(8.0))
                .after(Projective::stretch(0.1, 0.1, -2.4, -2.4))
        };
        let read =
            |image: &Image, scale: f64| sample(image, &map(scale), 48, Padding::Reflect, Filter::Bicubic);
        // Colours are cut to whole levels before and after.
        assert!(difference(&read(&large, 10.0), &read(&small, 1.0)) < 1.0);
    }

    #[test]
    fn maps_to_nowhere_do_not_panic() {
        let image = smooth(7, 5);
        for map in [
            Projective::stretch(1e12, 1e12, -1e14, 1e14),
            Projective::stretch(1e-12, 1e-12, 0.0, 0.0),
            Projective::stretch(f64::NAN, 1.0, 0.0, 0.0).after(Projective::rotation(3.0)),
            Projective::stretch(1e9, 1e9, 0.0, 0.0).after(Projective::rotation(3.0)),
        ] {
            for padding in [Padding::Reflect, Padding::Zeros] {
                assert_eq!(sample(&image, &map, 6, padding, Filter::Bicubic).width(), 6);
            }
        }
    }
}
