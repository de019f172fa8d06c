//! Colours as networks have learned them, in sRGB: pixels of another colour space are converted.
//!
//! Phones write Display P3, cameras may write Adobe RGB; the file's ICC profile says so. Read as sRGB, such colours are pale.

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use super::image::Image;

/// Colours that move by no more than this, in levels of 255, are those of another writing of sRGB.
const SAME: u8 = 3;

/// Converts an image's colours from those of its file's ICC profile. Profiles that can't be read, and those that are not of
/// RGB, are left aside, as a viewer without colour management does.
pub(super) fn to_srgb(image: &mut Image, profile: &[u8]) {
    let Some(transform) = transform(profile) else { return };
    let mut converted = vec![0; image.width() * 3];
    for row in image.pixels_mut().chunks_exact_mut(converted.len()) {
        if transform.transform(row, &mut converted).is_err() {
            return;
        }
        row.copy_from_slice(&converted);
    }
}

/// What makes sRGB of a profile's colours, if they are not the same anyway.
fn transform(profile: &[u8]) -> Option<std::sync::Arc<Transform8BitExecutor>> {
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
