//! Resizing a box of an image, antialiased: the filter widens with the reduction, as in Pillow, so that fine patterns
//! turn into their average and not into false ones.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use super::image::Image;

/// How pixels between pixels are made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Linear between neighbours: soft.
    Bilinear,
    /// Cubic through four neighbours (a = -1/2, as in Pillow): sharp; what most pretrained networks were trained with.
    #[default]
    Bicubic,
}

/// A box of an image in pixels; edges may lie between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width, more than 0.
    pub width: f64,
    /// Height, more than 0.
    pub height: f64,
}

impl Region {
    /// The whole of `image`.
    pub fn whole(image: &Image) -> Self {
        Self { left: 0.0, top: 0.0, width: image.width() as f64, height: image.height() as f64 }
    }

    /// Whether the box lies inside `image` and is not empty.
    pub fn fits(&self, image: &Image) -> bool {
        self.left >= 0.0
            && self.top >= 0.0
            && self.width > 0.0
            && self.height > 0.0
            && self.left + self.width <= image.width() as f64
            && self.top + self.height <= image.height() as f64
    }
}

/// Resizes `region` of `image` to `width` x `height`, both at least 1.
///
/// # Panics
/// If the region does not fit the image.
pub fn resize(image: &Image, region: Region, width: usize, height: usize, filter: Filter) -> Image {
    assert!(region.fits(image), "{region:?} does not fit {image:?}");
    let algorithm = ResizeAlg::Convolution(match filter {
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
    });
    let Region { left, top, width: box_width, height: box_height } = region;
    let options = ResizeOptions::new().resize_alg(algorithm).crop(left, top, box_width, box_height);
    let [source_width, source_height, target_width, target_height] =
        [image.width(), image.height(), width, height].map(|size| size as u32);
    let mut pixels = vec![0; width * height * 3];
    // Of one kind of pixel: resizing what could be any would be compiled for each.
    let source = TypedImageRef::<U8x3>::from_buffer(source_width, source_height, image.pixels())
        .expect("an image's buffer has its size");
    let mut target = TypedImage::<U8x3>::from_buffer(target_width, target_height, &mut pixels)
        .expect("the target has the size asked for");
    Resizer::new().resize_typed(&source, &mut target, &options).expect("the region fits");
    Image::from_rgb(width, height, pixels).expect("the target has the size asked for")
}
