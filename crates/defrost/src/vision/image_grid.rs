//! A training batch as one image to look at: tiles in rows, each above its label.
//!
//! The letters are those of the font8x8 crate (MIT; the font itself is in the public domain), drawn twice as high as
//! wide. Characters it does not have are shown as question marks.

use font8x8::{BASIC_FONTS, GREEK_FONTS, LATIN_FONTS, UnicodeFonts};

use super::image::Image;
use super::transform::Preprocess;
use crate::batch::Value;
use crate::learner::FirstBatch;

/// Images of a batch that are shown at most.
const MOST: usize = 64;
/// Around each tile, in pixels.
const MARGIN: usize = 4;
/// Side of a letter's grid.
const LETTER: usize = 8;
/// Height of a line of letters.
const LINE: usize = 2 * LETTER;
/// Smallest width of a tile: room for a few letters.
const NARROWEST: usize = 12 * LETTER;

/// Draws a batch of images with their labels; `None` if it holds no images. Without classes labels are numbers.
pub fn image_grid(batch: &FirstBatch, classes: &[String], preprocess: &Preprocess) -> Option<Image> {
    let count = batch.items.len().min(MOST);
    let [Value::Rank4(inputs)] = batch.inputs.values() else { return None };
    let values: Vec<f32> = inputs.to_data().iter::<f32>().take(count * preprocess.values()).collect();
    if count == 0 || values.len() != count * preprocess.values() {
        return None;
    }
    let columns = (1..).find(|columns| columns * columns >= count)?;
    let tile = [preprocess.size.max(NARROWEST) + 2 * MARGIN, preprocess.size + LINE + 3 * MARGIN];
    let mut grid = Grid::white(columns * tile[0], count.div_ceil(columns) * tile[1])?;
    for (place, values) in values.chunks(preprocess.values()).enumerate() {
        let (left, top) = (place % columns * tile[0] + MARGIN, place / columns * tile[1] + MARGIN);
        grid.paste(&preprocess.denormalise(values), left, top);
        let letters = (tile[0] - 2 * MARGIN) / LETTER;
        grid.write(&shortened(&batch.label(place, classes), letters), left, top + preprocess.size + MARGIN);
    }
    Image::from_rgb(grid.width, grid.height, grid.pixels)
}

/// The text with dots for what does not fit.
fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(2)).chain("..".chars()).collect()
}

struct Grid {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grid {
    fn white(width: usize, height: usize) -> Option<Self> {
        let bytes = width.checked_mul(height)?.checked_mul(3)?;
        Some(Self { width, height, pixels: vec![255; bytes] })
    }

    fn paste(&mut self, image: &Image, left: usize, top: usize) {
        let row = 3 * image.width();
        for (y, pixels) in image.pixels().chunks_exact(row).enumerate() {
            let start = ((top + y) * self.width + left) * 3;
            self.pixels[start..start + row].copy_from_slice(pixels);
        }
    }

    /// Writes a line in black.
    fn write(&mut self, text: &str, left: usize, top: usize) {
        for (place, letter) in text.chars().enumerate() {
            let rows = glyph(letter);
            for y in 0..LINE {
                for x in (0..LETTER).filter(|x| rows[y * LETTER / LINE] >> x & 1 == 1) {
                    let start = ((top + y) * self.width + left + place * LETTER + x) * 3;
                    self.pixels[start..start + 3].fill(0);
                }
            }
        }
    }
}

/// The rows of a letter; the lowest bit is on the left.
fn glyph(letter: char) -> [u8; 8] {
    let find = |letter| {
        BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter)).or_else(|| GREEK_FONTS.get(letter))
    };
    find(letter).or_else(|| find('?')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;

    fn names() -> Vec<String> {
        ["cat", "dog"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_long_label_ends_in_dots() {
        assert_eq!(shortened("a long name", 6), "a lo..");
    }

    #[test]
    fn every_image_of_a_batch_is_shown_with_its_label() {
        let preprocess = Preprocess { size: 20, resize_to: 20, ..Preprocess::imagenet(224) };
        // The mean of all images, a dark grey.
        let inputs = Tensor::<4>::zeros([5, 20, 20, 3], &Device::flex()).into();
        let batch = FirstBatch { items: vec![0, 1, 2, 3, 4], inputs, targets: vec![vec![1.0, 0.0]; 5] };
        let grid = image_grid(&batch, &names(), &preprocess).unwrap();
        let (tile_width, tile_height) = (NARROWEST + 2 * MARGIN, 20 + LINE + 3 * MARGIN);
        assert_eq!((grid.width(), grid.height()), (3 * tile_width, 2 * tile_height));
        let count = |colour: [u8; 3]| grid.pixels().chunks_exact(3).filter(|pixel| *pixel == colour).count();
        assert_eq!(count([124, 116, 104]), 5 * 20 * 20);
        let ink: u32 = "cat".chars().flat_map(glyph).map(u8::count_ones).sum();
        assert_eq!(count([0, 0, 0]), 5 * 2 * ink as usize);
        assert_ne!(glyph('é'), glyph('?'));
        assert_eq!(glyph('語'), glyph('?'));
    }
}
