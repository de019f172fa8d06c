//! Turning and mirroring images by the orientation in their metadata.
//!
//! Cameras store what the sensor saw and note how they were held. Every one of the eight orientations is a transposition
//! (rows become columns) or none, then a mirroring along either side or none.

use image::metadata::Orientation;

use super::image::Image;

/// Side of the tiles in which an image is transposed, in pixels: rows of source and target tile stay in the cache.
const TILE: usize = 32;

impl Image {
    /// The image as it was seen, given how it was stored.
    pub(super) fn upright(self, orientation: Orientation) -> Self {
        let (transposed, left_right, top_bottom) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, true, false),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, false, true),
        };
        let mut image = if transposed { self.transposed() } else { self };
        image.mirror(left_right, top_bottom);
        image
    }

    /// Mirrors the image, left to right and top to bottom.
    pub(super) fn mirror(&mut self, left_right: bool, top_bottom: bool) {
        let (height, row) = (self.height(), self.width() * 3);
        if left_right {
            for row in self.pixels_mut().chunks_exact_mut(row) {
                let (pixels, _) = row.as_chunks_mut::<3>();
                pixels.reverse();
            }
        }
        if top_bottom {
            let (upper, lower) = self.pixels_mut().split_at_mut(height / 2 * row);
            upper
                .chunks_exact_mut(row)
                .zip(lower.rchunks_exact_mut(row))
                .for_each(|(a, b)| a.swap_with_slice(b));
        }
    }

    /// The image with its rows as columns.
    fn transposed(&self) -> Self {
        let (width, height) = (self.width(), self.height());
        let (from, _) = self.pixels().as_chunks::<3>();
        let mut to = vec![[0; 3]; from.len()];
        for top in (0..height).step_by(TILE) {
            for left in (0..width).step_by(TILE) {
                for x in left..width.min(left + TILE) {
                    for y in top..height.min(top + TILE) {
                        to[x * height + y] = from[y * width + x];
                    }
                }
            }
        }
        Self::from_rgb(height, width, to.into_flattened()).expect("as many pixels as before")
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, RgbImage};

    use super::*;

    #[test]
    fn every_orientation_is_the_one_image_applies() {
        for (width, height) in [(1, 1), (5, 1), (3, 4), (70, 33)] {
            let pixels: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
            let image = Image::from_rgb(width, height, pixels.clone()).unwrap();
            let stored = RgbImage::from_raw(width as u32, height as u32, pixels).unwrap();
            for orientation in (1..=8).filter_map(Orientation::from_exif) {
                let mut expected = DynamicImage::ImageRgb8(stored.clone());
                expected.apply_orientation(orientation);
                let turned = image.clone().upright(orientation);
                assert!(turned == Image::from(expected.into_rgb8()), "{orientation:?} of {width}x{height}");
            }
        }
    }
}
