use std::path::PathBuf;

use super::super::decode::is_animated;
use super::super::labels::{Labelling, scan};
use super::*;

/// An image made by `make_fixtures.py`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images").join(name)
}

/// The scene that all fixtures show.
pub fn scene() -> Image {
    Image::open(fixture("scene.png")).unwrap()
}

/// A data set of real photos to test with, which the repository does not hold: `DEFROST_PHOTOS` names its folder.
pub fn photos() -> Option<PathBuf> {
    let folder = std::env::var_os("DEFROST_PHOTOS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: DEFROST_PHOTOS does not name a folder of photos, one folder per class");
    }
    folder
}

/// Mean absolute difference, in levels of 255.
pub fn difference(a: &Image, b: &Image) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let sum: u64 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.pixels.len() as f64
}

fn grey_of(image: &Image) -> Image {
    let luma = |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    let pixels = image.pixels.chunks_exact(3).flat_map(|p| [luma(p).round() as u8; 3]).collect();
    Image { pixels, ..*image }
}

#[test]
fn lossless_formats_agree_to_the_bit() {
    for name in ["scene.webp", "scene.bmp", "scene.tif", "orientation-6.png", "orientation-6.webp"] {
        assert!(Image::open(fixture(name)).unwrap() == scene(), "{name}");
    }
}

#[test]
fn grey_and_palette_expand_to_rgb() {
    let grey = grey_of(&scene());
    // Pillow's grey is rounded from the same weights in fixed point.
    assert!(difference(&Image::open(fixture("grey16.png")).unwrap(), &grey) < 0.5);
    let expanded = Image::open(fixture("palette-expanded.png")).unwrap();
    for name in ["palette.tif", "animated.gif"] {
        assert!(Image::open(fixture(name)).unwrap() == expanded, "{name}");
    }
}

#[test]
fn what_is_transparent_lies_on_white() {
    for name in ["alpha", "grey-alpha", "palette"] {
        let image = Image::open(fixture(&format!("{name}.png"))).unwrap();
        let pillow = Image::open(fixture(&format!("{name}-over-white.png"))).unwrap();
        let apart = image.pixels.iter().zip(&pillow.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(1), "{name}: {apart:?}");
    }
}

#[test]
fn a_png_without_its_end_has_all_its_pixels() {
    let bytes = std::fs::read(fixture("scene.png")).unwrap();
    assert!(Image::decode(&bytes[..bytes.len() - 12]).unwrap() == scene());
    assert!(Image::decode(&bytes[..bytes.len() - 5]).unwrap() == scene());
    assert_eq!(Image::decode(&bytes[..bytes.len() - 40]).unwrap_err().to_string(), "PNG ends early");
}

#[test]
fn colours_of_another_space_become_srgb() {
    let encoded = |profile: Option<moxcms::ColorProfile>| {
        let mut bytes = vec![];
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
        }
        encoder.write_image(&[200, 50, 50, 90, 90, 90], 2, 1, ExtendedColorType::Rgb8).unwrap();
        Image::decode(&bytes).unwrap().pixels
    };
    let plain = encoded(None);
    assert_eq!(plain, [200, 50, 50, 90, 90, 90]);
    assert_eq!(encoded(Some(moxcms::ColorProfile::new_srgb())), plain, "the same space in other words");
    // The red of a wider space is a stronger one in sRGB; greys are the same.
    for profile in [moxcms::ColorProfile::new_display_p3(), moxcms::ColorProfile::new_adobe_rgb()] {
        let [red, green, blue, grey @ ..] = encoded(Some(profile)).try_into().unwrap_or([0; 6]);
        assert!(red > 208 && green < 48 && blue < 52, "{red} {green} {blue}");
        assert!(grey.iter().all(|level| level.abs_diff(90) <= 2), "{grey:?}");
    }
}

#[test]
fn heic_is_read_upright() {
    for name in ["scene.heic", "orientation-6.heic"] {
        let image = Image::open(fixture(name)).unwrap();
        let lost = difference(&image, &scene());
        assert!(lost < 3.0, "{name}: {lost}");
        let bytes = std::fs::read(fixture(name)).unwrap();
        for percent in [1, 5, 25, 50, 75, 95, 99] {
            let cut = Image::decode(&bytes[..bytes.len() * percent / 100]);
            assert!(cut.is_err(), "{name} cut at {percent} %");
        }
    }
}

#[cfg(feature = "jpeg-xl")]
#[test]
fn jpeg_xl_is_read() {
    let lost = difference(&Image::open(fixture("scene.jxl")).unwrap(), &scene());
    assert!(lost < 6.0, "{lost}");
    let white = Image::open(fixture("alpha-over-white.png")).unwrap();
    assert!(difference(&Image::open(fixture("alpha.jxl")).unwrap(), &white) < 0.5);
    let bytes = std::fs::read(fixture("scene.jxl")).unwrap();
    for percent in [1, 5, 25, 50, 75, 95] {
        assert!(Image::decode(&bytes[..bytes.len() * percent / 100]).is_err(), "cut at {percent} %");
    }
}

#[test]
fn netpbm_is_read() {
    let image = Image::decode(b"P6\n# two\n2 1\n255\n\x01\x02\x03\xC8\x32\x00").unwrap();
    assert_eq!((image.width, image.height, &image.pixels[..]), (2, 1, &[1, 2, 3, 200, 50, 0][..]));
    assert_eq!(Image::decode(b"P5 2 1 255 \x07\x08").unwrap().pixels, [7, 7, 7, 8, 8, 8]);
    assert_eq!(Image::decode(b"P5 2 9 255 \x07\x08").unwrap_err().kind(), "truncated");
}

#[test]
fn what_a_tiff_holds_and_is_no_colours_is_said() {
    // A file of one directory with these fields of one short.
    let tiff = |fields: &[(u16, u16)]| {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((fields.len() as u16).to_le_bytes());
        for (tag, value) in fields {
            let field = [*tag, 3, 1, 0, *value, 0];
            bytes.extend(field.iter().flat_map(|part| part.to_le_bytes()));
        }
        Image::decode(&bytes).unwrap_err().to_string()
    };
    let kind = "this kind of TIFF is not supported: ";
    let cases: [(&[(u16, u16)], &str); 6] = [
        (&[(258, 32), (262, 1), (339, 3)], "its numbers are floats; scale them to whole ones of 0 to 255"),
        (
            &[(258, 16), (262, 1), (339, 2)],
            "its numbers have signs; shift and scale them to 0 to 255 or 65,535",
        ),
        (&[(258, 32), (262, 1)], "its numbers have 32 bits; scale them to 8 or 16"),
        (&[(258, 8), (262, 6)], "its colours are YCbCr; save it as RGB"),
        (&[(258, 4), (262, 3)], "its palette has indices of 4 bits; save it as RGB"),
        (
            &[(258, 16), (262, 1), (277, 13)],
            "it has 13 bands without colours; choose three and save them as RGB",
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(tiff(fields), format!("{kind}{expected}"));
    }
    let raw = tiff(&[(254, 1), (330, 8)]);
    assert!(raw.starts_with("camera raw is not read"), "{raw}");
}

#[test]
fn animations_are_told_from_images() {
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let expected = path.ends_with("animated.gif");
        assert_eq!(is_animated(&std::fs::read(&path).unwrap()), expected, "{}", path.display());
    }
}

#[test]
fn every_kind_of_jpeg_shows_the_scene() {
    // JPEG loses this much of sharp stripes and checks; inverted or mixed-up channels would lose 30 or more.
    for name in ["progressive.jpg", "restarts.jpg", "cmyk.jpg"] {
        let lost = difference(&Image::open(fixture(name)).unwrap(), &scene());
        assert!(lost < 3.0, "{name}: {lost}");
    }
    assert!(difference(&Image::open(fixture("lossy.webp")).unwrap(), &scene()) < 9.0);
    // Decoders may round differently, and each sharpens the halved colours its own way.
    let pillow = Image::open(fixture("baseline-decoded.png")).unwrap();
    let apart = difference(&Image::open(fixture("baseline.jpg")).unwrap(), &pillow);
    assert!(apart < 1.0, "{apart}");
    assert!(difference(&Image::open(fixture("grey.jpg")).unwrap(), &grey_of(&scene())) < 3.0);
}

#[test]
fn every_orientation_comes_out_upright() {
    for orientation in 1..=8 {
        let image = Image::open(fixture(&format!("orientation-{orientation}.jpg"))).unwrap();
        let lost = difference(&image, &scene());
        assert!(lost < 3.0, "orientation {orientation}: {lost}");
    }
}

#[test]
fn content_tells_the_format_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let misnamed = folder.path().join("scene.jpg");
    std::fs::copy(fixture("scene.png"), &misnamed).unwrap();
    assert!(Image::open(misnamed).unwrap() == scene());
}

#[test]
fn what_is_no_image_says_why() {
    let reason = |bytes: &[u8]| Image::decode(bytes).unwrap_err().to_string();
    assert_eq!(reason(b""), "empty file");
    assert_eq!(
        reason(b"label,text\n1,hello\n"),
        "not an image (JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or PNM)"
    );
    assert_eq!(reason(b"\xFF\xD8\xFF"), "JPEG ends early");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Image::open(folder.path()).unwrap_err().to_string(), "not a file");
    let missing = Image::open(folder.path().join("none.jpg")).unwrap_err();
    assert_eq!(missing.kind(), "unreadable");
}

#[test]
fn claimed_sizes_are_refused_before_they_are_allocated() {
    let mut png = std::fs::read(fixture("scene.png")).unwrap();
    png[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let crc = png_crc(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let reason = Image::decode(&png).unwrap_err();
    assert_eq!(reason.to_string(), "60000x60000 pixels is more than 16384 a side or 180 million in all");

    let mut jpeg = std::fs::read(fixture("baseline.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(Image::decode(&jpeg).unwrap_err().kind(), "too-large");
}

fn png_crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn every_cut_of_a_jpeg_ends_early() {
    for name in ["baseline.jpg", "progressive.jpg", "restarts.jpg", "cmyk.jpg", "orientation-6.jpg"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for end in 3..bytes.len() {
            let reason = Image::decode(&bytes[..end]).unwrap_err();
            assert!(matches!(reason, ImageError::EndsEarly { .. }), "{name} cut at {end}: {reason}");
        }
    }
}

#[test]
fn photos_are_read_and_their_halves_are_not() {
    let Some(folder) = photos() else { return };
    let found = scan(&folder, &Labelling::Folders).unwrap().folder;
    for item in found.valid.unwrap_or(found.train).items {
        let bytes = std::fs::read(folder.join(&item.path)).unwrap();
        Image::decode(&bytes).unwrap_or_else(|reason| panic!("{}: {reason}", item.path.display()));
        let reason = Image::decode(&bytes[..bytes.len() / 2]).unwrap_err();
        assert_eq!(reason.kind(), "truncated", "{}: {reason}", item.path.display());
    }
}

#[test]
fn every_other_format_notices_its_end() {
    for name in ["scene.png", "grey16.png", "scene.webp", "lossy.webp", "scene.bmp", "scene.tif"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for percent in [1, 5, 25, 50, 75, 95] {
            let reason = Image::decode(&bytes[..bytes.len() * percent / 100]).unwrap_err();
            // So little of a file may be too little to tell its format.
            let early = matches!(reason, ImageError::EndsEarly { .. }) || percent == 1;
            assert!(early, "{name} cut at {percent} %: {reason}");
        }
    }
    // The first frame is most of this animation, and all that is needed.
    let bytes = std::fs::read(fixture("animated.gif")).unwrap();
    assert!(Image::decode(&bytes[..bytes.len() / 2]).is_err());
}

#[test]
fn damaged_bytes_never_panic() {
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let original = std::fs::read(entry.unwrap().path()).unwrap();
        for _ in 0..60 {
            let mut bytes = original.clone();
            for _ in 0..=random(8) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            if let Ok(image) = Image::decode(&bytes) {
                assert_eq!(image.pixels.len(), image.width * image.height * 3);
            }
        }
    }
}
