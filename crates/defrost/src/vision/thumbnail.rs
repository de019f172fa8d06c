//! Small images for reports, as files in text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::image::Image;
use super::resize::{Filter, Region, resize};
use crate::data::Preview;

/// The longer side, in pixels.
const SIDE: usize = 176;
/// Of a JPEG file, in 1..=100.
const QUALITY: u8 = 80;

/// An image, made small if it is not.
pub fn thumbnail(image: &Image) -> Option<Preview> {
    let longer = image.width().max(image.height());
    let scaled = |side: usize| (side * SIDE / longer).max(1);
    let (width, height) = (scaled(image.width()), scaled(image.height()));
    let small = (longer > SIDE).then(|| resize(image, Region::whole(image), width, height, Filter::Bicubic));
    let small = small.as_ref().unwrap_or(image);
    let mut bytes = vec![];
    let (width, height) = (small.width(), small.height());
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.write_image(small.pixels(), width as u32, height as u32, ExtendedColorType::Rgb8).ok()?;
    Some(Preview::Image { width, height, jpeg: BASE64_STANDARD.encode(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_image_becomes_small_and_keeps_its_shape() {
        let image = |width: usize, height: usize| {
            Image::from_rgb(width, height, vec![90; width * height * 3]).unwrap()
        };
        for (sides, expected) in [((880, 440), (176, 88)), ((40, 30), (40, 30)), ((16_000, 1), (176, 1))] {
            let Some(Preview::Image { width, height, jpeg }) = thumbnail(&image(sides.0, sides.1)) else {
                panic!()
            };
            assert_eq!((width, height), expected);
            let read = Image::decode(&BASE64_STANDARD.decode(jpeg).unwrap()).unwrap();
            assert_eq!((read.width(), read.height()), expected);
        }
    }
}
