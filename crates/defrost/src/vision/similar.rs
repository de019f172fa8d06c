//! Images that look the same though their files differ: saved again, resized, recompressed.
//!
//! An image is reduced to 256 bits, one for each step across a grid of 17 x 16 points: whether it gets darker there
//! (the "difference hash"). Copies agree in nearly all of them. Comparing each image with each other would take
//! hours for 100,000, so the bits are cut into 16 parts: two that differ in fewer than 16 bits have a part in common,
//! and only images with a common part are compared. What the bits leave open, colours decide.

use std::collections::HashMap;

use super::image::Image;
use super::resize::{Filter, Region, resize};

/// Steps across the grid, and its rows.
const SIDE: usize = 16;
/// How many parts the bits are cut into.
const PARTS: usize = 16;
/// Copies differ in at most this many bits: fewer than there are parts, so that copies always meet.
const MOST_BITS: u32 = 12;
/// Copies differ by at most this many levels of 255 on average over their colours.
const MOST_LEVELS: u32 = 4;
/// Colours are compared on a grid of this side.
const COLOURS: usize = 8;
/// A part that more images than this have in common tells nothing: later ones are not compared for it.
const MOST_IN_COMMON: usize = 64;
/// Steps of fewer levels than this are noise.
const STEP: u16 = 2;

/// The trace of an image for comparing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    bits: [u64; 4],
    colours: [u8; COLOURS * COLOURS * 3],
}

impl Trace {
    /// Of an image of any size.
    pub fn of(image: &Image) -> Self {
        let grid = resize(image, Region::whole(image), SIDE + 1, SIDE, Filter::Bilinear);
        let grey: Vec<u16> = grid
            .pixels()
            .chunks_exact(3)
            .map(|rgb| (u16::from(rgb[0]) * 2 + u16::from(rgb[1]) * 5 + u16::from(rgb[2])) / 8)
            .collect();
        let mut bits = [0; 4];
        for (row, points) in grey.chunks_exact(SIDE + 1).enumerate() {
            for (column, pair) in points.windows(2).enumerate() {
                let place = row * SIDE + column;
                bits[place / 64] |= u64::from(pair[0] >= pair[1] + STEP) << (place % 64);
            }
        }
        let small = resize(&grid, Region::whole(&grid), COLOURS, COLOURS, Filter::Bilinear);
        let mut colours = [0; COLOURS * COLOURS * 3];
        colours.copy_from_slice(small.pixels());
        Self { bits, colours }
    }

    /// Whether there is nothing to see: one colour all over.
    pub fn is_blank(&self) -> bool {
        (3..self.colours.len()).all(|at| self.colours[at].abs_diff(self.colours[at - 3]) <= 1)
    }

    /// Whether the other one looks the same.
    pub fn is_like(&self, other: &Self) -> bool {
        let bits: u32 = self.bits.iter().zip(other.bits).map(|(a, b)| (a ^ b).count_ones()).sum();
        let levels =
            || self.colours.iter().zip(other.colours).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>();
        bits <= MOST_BITS && levels() <= MOST_LEVELS * self.colours.len() as u32
    }

    /// The parts of its bits, each with its number. Neighbouring bits go to different parts: a plain background
    /// would make whole parts of zeros.
    fn parts(&self) -> impl Iterator<Item = (usize, u16)> + '_ {
        // An odd factor visits each of the 256 places once.
        let bit = |place: usize| (self.bits[place / 64] >> (place % 64)) as u16 & 1;
        (0..PARTS).map(move |part| {
            (
                part,
                (0..SIDE).fold(0, |bits, step| bits << 1 | bit((part * SIDE + step) * 167 % (SIDE * SIDE))),
            )
        })
    }
}

/// For each trace an earlier one that looks the same, as pairs of indices `(later, earlier)`.
pub fn look_alikes(traces: &[&Trace]) -> Vec<(usize, usize)> {
    let mut pairs = vec![];
    let mut by_part: HashMap<(usize, u16), Vec<usize>> = HashMap::new();
    for (index, trace) in traces.iter().enumerate() {
        let candidates = trace.parts().filter_map(|part| by_part.get(&part)).flatten();
        if let Some(&earlier) = candidates.filter(|&&earlier| trace.is_like(traces[earlier])).min() {
            pairs.push((index, earlier));
        }
        for part in trace.parts() {
            let members = by_part.entry(part).or_default();
            if members.len() < MOST_IN_COMMON {
                members.push(index);
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::image::tests::{fixture, scene};
    use super::*;

    fn resized(image: &Image, width: usize, height: usize) -> Image {
        resize(image, Region::whole(image), width, height, Filter::Bicubic)
    }

    #[test]
    fn copies_look_the_same_and_others_do_not() {
        let trace = Trace::of(&scene());
        for name in ["baseline.jpg", "progressive.jpg", "lossy.webp", "palette.png"] {
            assert!(trace.is_like(&Trace::of(&Image::open(fixture(name)).unwrap())), "{name}");
        }
        assert!(trace.is_like(&Trace::of(&resized(&scene(), 60, 60))));
        let mut mirrored = scene();
        mirrored.mirror(true, false);
        assert!(!trace.is_like(&Trace::of(&mirrored)));
    }

    #[test]
    fn the_same_shape_in_another_colour_is_another_image() {
        let stripes = |colour: [u8; 3]| {
            let pixels = (0..40 * 40).flat_map(|i| if i / 5 % 2 == 0 { colour } else { [255; 3] });
            Image::from_rgb(40, 40, pixels.collect()).unwrap()
        };
        let [red, blue] = [[200, 30, 20], [20, 40, 200]].map(|colour| Trace::of(&stripes(colour)));
        assert!(!red.is_like(&blue) && !red.is_blank());
        let plain = Image::from_rgb(5, 5, vec![90; 75]).unwrap();
        assert!(Trace::of(&plain).is_blank());
    }

    #[test]
    fn the_search_finds_what_comparing_all_would() {
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 20
        };
        let mut traces: Vec<Trace> = vec![];
        for index in 0..600 {
            let mut bits = [0; 4].map(|_: u64| random() << 24 ^ random());
            // Every third is an earlier one with up to 15 bits changed.
            if index % 3 == 2 {
                bits = traces[random() as usize % index].bits;
                for _ in 0..random() % 16 {
                    let place = random() as usize % 256;
                    bits[place / 64] ^= 1 << (place % 64);
                }
            }
            traces.push(Trace { bits, colours: [0; 192] });
        }
        let traces: Vec<&Trace> = traces.iter().collect();
        let naive = |later: usize| {
            (0..later).find(|&earlier| traces[later].is_like(traces[earlier])).map(|earlier| (later, earlier))
        };
        let expected: Vec<(usize, usize)> = (0..traces.len()).filter_map(naive).collect();
        assert!(expected.len() > 100);
        assert_eq!(look_alikes(&traces), expected);
    }
}
