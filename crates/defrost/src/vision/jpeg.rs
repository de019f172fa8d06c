//! Reading JPEG: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK.
//!
//! Decoders fill what a cut-off file lacks with grey and call it a success. Here the file is walked marker by marker
//! first: a JPEG without its end marker ends early, even if the decoder would accept it.

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::colour::to_srgb;
use super::image::{Image, ImageError, check_size};

const FORMAT: &str = "JPEG";

/// Decodes a JPEG to RGB, as it lies in the file, and tells how to turn it upright.
///
/// # Errors
/// If the file ends early, is damaged, of an unsupported kind, or too large.
pub(super) fn decode(bytes: &[u8]) -> Result<(Image, Orientation), ImageError> {
    if !is_complete(bytes) {
        return Err(ImageError::EndsEarly { format: FORMAT });
    }
    // Strict: damaged data is an error, not an image with a grey rest. CMYK is taken as Adobe writes it, inverted,
    // as everyone does.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(explain)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("no frame header"))?;
    check_size(width, height, FORMAT)?;

    let pixels = decoder.decode().map_err(explain)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let mut image =
        Image::from_rgb(width, height, pixels).ok_or_else(|| damaged("unexpected number of channels"))?;
    if let Some(profile) = decoder.icc_profile() {
        to_srgb(&mut image, &profile);
    }
    Ok((image, orientation.unwrap_or(Orientation::NoTransforms)))
}

/// Whether a walk over the markers reaches the end-of-image marker.
///
/// Looking for the two bytes alone would find the end of an embedded thumbnail.
fn is_complete(bytes: &[u8]) -> bool {
    const RESTART_0: u8 = 0xD0;
    const START_OF_IMAGE: u8 = 0xD8;
    const END_OF_IMAGE: u8 = 0xD9;
    const TEMPORARY: u8 = 0x01;

    let mut rest = bytes;
    // Bytes that belong to no marker are entropy-coded data, in which 0xFF is followed by 0.
    while let Some(at) = rest.iter().position(|&byte| byte == 0xFF) {
        rest = &rest[at + 1..];
        match rest.first() {
            None => return false,
            Some(&END_OF_IMAGE) => return true,
            // A fill byte: the next 0xFF may start the marker.
            Some(0xFF) => {}
            Some(&(0 | TEMPORARY | RESTART_0..=START_OF_IMAGE)) => rest = &rest[1..],
            Some(_) => {
                let Some(&[high, low]) = rest.get(1..3) else { return false };
                let Some(after) = rest.get(1 + usize::from(u16::from_be_bytes([high, low]))..) else {
                    return false;
                };
                rest = after;
            }
        }
    }
    false
}

fn damaged(detail: &str) -> ImageError {
    ImageError::Damaged { format: FORMAT, detail: detail.to_owned() }
}

fn explain(error: DecodeErrors) -> ImageError {
    match error {
        DecodeErrors::ExhaustedData => ImageError::EndsEarly { format: FORMAT },
        DecodeErrors::Unsupported(_) => ImageError::Unsupported { format: FORMAT, detail: error.to_string() },
        DecodeErrors::Format(detail) => damaged(&detail),
        DecodeErrors::FormatStatic(detail) => damaged(detail),
        other => damaged(&other.to_string()),
    }
}
