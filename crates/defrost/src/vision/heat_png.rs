//! Heat maps as images to lay over the original.

use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{ExtendedColorType, GrayImage, ImageEncoder};

use crate::interpret::HeatMap;

const COLOUR: [u8; 3] = [255, 72, 0];
/// How opaque the warmest place is, of 255.
const OPAQUE: f32 = 165.0;
/// The image's side, in pixels.
const SIDE: u32 = 56;

/// A map as a smooth PNG file of one colour, the more opaque the warmer; nothing if it has no places.
pub fn heat_png(map: &HeatMap) -> Option<Vec<u8>> {
    let opacity = map.values.iter().map(|value| (value * OPAQUE) as u8).collect();
    let opacity = GrayImage::from_raw(map.width as u32, map.height as u32, opacity)?;
    let opacity = image::imageops::resize(&opacity, SIDE, SIDE, FilterType::CatmullRom);
    let [red, green, blue] = COLOUR;
    let pixels: Vec<u8> = opacity.iter().flat_map(|&opacity| [red, green, blue, opacity]).collect();
    let mut bytes = vec![];
    PngEncoder::new(&mut bytes).write_image(&pixels, SIDE, SIDE, ExtendedColorType::Rgba8).ok()?;
    Some(bytes)
}
