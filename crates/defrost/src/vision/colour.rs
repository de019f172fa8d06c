//! Colours as networks have learned them, in sRGB: pixels of another colour space are converted.
//!
//! Phones write Display P3, cameras may write Adobe RGB; the file's ICC profile says so. Read as sRGB, such colours are pale.

use std::sync::{Arc, Mutex, PoisonError};

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use super::image::Image;

/// Makes sRGB of rows of pixels.
type Transform = Arc<Transform8BitExecutor>;

/// At most this many profiles are remembered; the photos of a folder come from a few cameras.
const REMEMBERED: usize = 16;
/// Profiles of more bytes than this are not: a hostile one may be as long as its file.
const LONGEST_REMEMBERED: usize = 1 << 20;

/// Profiles that were met last, with what makes sRGB of their colours: to work that out takes longer than to decode a small photo.
static KNOWN: Mutex<Vec<(Vec<u8>, Option<Transform>)>> = Mutex::new(vec![]);

/// Colours that move by no more than this, in levels of 255, are those of another writing of sRGB.
const SAME: u8 = 3;

/// Converts an image's colours from those of its file's ICC profile. Profiles that can't be read, and those that are not of
/// RGB, are left aside, as a viewer without colour management does.
pub(super) fn to_srgb(image: &mut Image, profile: &[u8]) {
    let Some(transform) = known_transform(profile) else { return };
    let mut converted = vec![0; image.width() * 3];
    for row in image.pixels_mut().chunks_exact_mut(converted.len()) {
        if transform.transform(row, &mut converted).is_err() {
            return;
        }
        row.copy_from_slice(&converted);
    }
}

fn known_transform(profile: &[u8]) -> Option<Transform> {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let met = known().iter().find(|(met, _)| met == profile).map(|(_, transform)| transform.clone());
    met.unwrap_or_else(|| {
        let transform = transform(profile);
        if profile.len() <= LONGEST_REMEMBERED {
            let mut known = known();
            known.truncate(REMEMBERED - 1);
            known.insert(0, (profile.to_vec(), transform.clone()));
        }
        transform
    })
}

/// What makes sRGB of a profile's colours, if they are not the same anyway.
fn transform(profile: &[u8]) -> Option<Transform> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    if profile.color_space != DataColorSpace::Rgb {
        return None;
    }
    let options = TransformOptions::default();
    let transform =
        profile.create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;
    let level = |step: usize| (step % 6 * 51) as u8;
    let probe: Vec<u8> = (0..6 * 6 * 6).flat_map(|at| [level(at / 36), level(at / 6), level(at)]).collect();
    let mut converted = vec![0; probe.len()];
    transform.transform(&probe, &mut converted).ok()?;
    let moved = probe.iter().zip(&converted).map(|(before, after)| before.abs_diff(*after)).max();
    moved.is_some_and(|moved| moved > SAME).then_some(transform)
}
