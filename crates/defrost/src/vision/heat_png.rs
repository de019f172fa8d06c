//! Heat maps as images to lay over the original.

use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{ExtendedColorType, GrayImage, ImageEncoder};

use crate::interpret::HeatMap;

const COLOUR: [u8; 3] = [255, 72, 0];
/// How opaque the warmest place is, of 255.
const OPAQUE: f32 = 150.0;
/// Places that are warmer than this part of the way from the coldest to the warmest are outlined.
const WARM: f32 = 0.5;
/// The outline's inner and outer line, so that it is seen on light and on dark images.
const OUTLINE: [[u8; 4]; 2] = [[110, 20, 0, 255], [255, 255, 255, 255]];
/// The image's side, in pixels.
const SIDE: u32 = 112;

/// A map as a smooth PNG file of one colour, the more opaque the warmer, with the warm places outlined; nothing if it has no places. The
/// coldest place is transparent: what counts is where a network looked more than elsewhere.
pub fn heat_png(map: &HeatMap) -> Option<Vec<u8>> {
    let coldest = map.values.iter().copied().fold(f32::INFINITY, f32::min);
    let span = (map.values.iter().copied().fold(0.0, f32::max) - coldest).max(f32::EPSILON);
    let warmth = map.values.iter().map(|value| ((value - coldest) / span * 255.0) as u8).collect();
    let warmth = GrayImage::from_raw(map.width as u32, map.height as u32, warmth)?;
    let warmth = image::imageops::resize(&warmth, SIDE, SIDE, FilterType::CatmullRom);
    let is_warm = |x: u32, y: u32| {
        warmth.get_pixel_checked(x, y).is_some_and(|pixel| f32::from(pixel.0[0]) >= WARM * 255.0)
    };
    let pixel = |x: u32, y: u32, warmth: u8| {
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        let inside = around.iter().filter(|(x, y)| *x < SIDE && *y < SIDE);
        let meets = |warm: bool| inside.clone().any(|&(x, y)| is_warm(x, y) == warm);
        match is_warm(x, y) {
            true if meets(false) => OUTLINE[0],
            false if meets(true) => OUTLINE[1],
            _ => {
                let [red, green, blue] = COLOUR;
                // Steps of eight look the same and make the file smaller.
                [red, green, blue, (f32::from(warmth) / 255.0 * OPAQUE) as u8 & !7]
            }
        }
    };
    let pixels: Vec<u8> =
        warmth.enumerate_pixels().flat_map(|(x, y, warmth)| pixel(x, y, warmth.0[0])).collect();
    let mut bytes = vec![];
    PngEncoder::new(&mut bytes).write_image(&pixels, SIDE, SIDE, ExtendedColorType::Rgba8).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(map: &HeatMap) -> image::RgbaImage {
        image::load_from_memory(&heat_png(map).unwrap()).unwrap().to_rgba8()
    }

    #[test]
    fn what_is_warmer_than_the_rest_is_coloured_and_outlined() {
        // Nearly as warm everywhere: the difference counts.
        let found = pixels(&HeatMap { height: 2, width: 2, values: vec![1.0, 0.9, 0.9, 0.9] });
        assert_eq!((found.width(), found.height()), (SIDE, SIDE));
        assert_eq!(found.get_pixel(SIDE - 1, SIDE - 1).0[3], 0, "the coldest place is seen through");
        assert!(found.get_pixel(0, 0).0[3] > 120 && found.get_pixel(0, 0).0[..3] == COLOUR);
        for line in OUTLINE {
            let count = found.pixels().filter(|pixel| pixel.0 == line).count();
            assert!((20..400).contains(&count), "{count} pixels of {line:?}");
        }
    }

    #[test]
    fn nothing_is_shown_where_all_places_are_alike() {
        assert!(
            pixels(&HeatMap { height: 3, width: 3, values: vec![0.0; 9] })
                .pixels()
                .all(|pixel| pixel.0[3] == 0)
        );
    }
}
