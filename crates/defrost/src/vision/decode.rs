//! Decoding the formats that the `image` crate reads, all but JPEG.

use std::error::Error;
use std::io::{self, Cursor};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::colour::to_srgb;
use super::format::Format;
use super::image::{Image, ImageError, MAX_PIXELS, check_size, over_white};
use super::tiff::{self, Palette};

/// The largest single buffer a decoder may ask for: the largest image in 16-bit RGBA.
pub(super) const MAX_DECODER_BYTES: u64 = MAX_PIXELS as u64 * 8;

/// The chunk that ends a PNG.
const PNG_END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// Decodes a file to RGB, as it lies in it, and tells how to turn it upright.
///
/// # Errors
/// If the file ends early, is damaged, of an unsupported kind, or too large.
pub(super) fn decode(bytes: &[u8], format: ImageFormat) -> Result<(Image, Orientation), ImageError> {
    let name = match format {
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Pnm => "PNM",
        _ => return Err(ImageError::NotAnImage),
    };
    if format == ImageFormat::WebP && is_cut_webp(bytes) {
        return Err(ImageError::EndsEarly { format: name });
    }
    match decode_as(bytes, format, name) {
        // All pixels may be there, and only the chunk that ends the file is missing.
        Err(ImageError::EndsEarly { format: early }) if format == ImageFormat::Png => {
            decode_as(&[bytes, PNG_END].concat(), format, name)
                .map_err(|_| ImageError::EndsEarly { format: early })
        }
        decoded => decoded,
    }
}

fn decode_as(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
) -> Result<(Image, Orientation), ImageError> {
    let palette = if format == ImageFormat::Tiff { tiff::inspect(bytes)? } else { None };
    let bytes = palette.as_ref().map_or(bytes, |palette| &palette.indices);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(|error| explain(error, name))?;
    // Metadata that can't be read is no reason to refuse the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((read(decoder, palette.as_ref(), name)?, orientation))
}

/// What a decoder may allocate.
pub(super) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    limits
}

/// Reads the pixels of an image whose header has been read, and gives those of a palette their colours.
pub(super) fn read(
    mut decoder: impl ImageDecoder,
    palette: Option<&Palette>,
    name: &'static str,
) -> Result<Image, ImageError> {
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize, name)?;
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| explain(error, name))?;
    if tiff::is_out_of_range(&image) {
        let detail = "its floats are not between 0 and 1; scale them".to_owned();
        return Err(ImageError::Unsupported { format: name, detail });
    }
    let mut image = Image::from(opaque(image));
    if let Some(palette) = palette {
        palette.colour(&mut image);
    }
    if let Some(profile) = profile {
        to_srgb(&mut image, &profile);
    }
    Ok(image)
}

/// The colours of an image; what is transparent lies on white.
fn opaque(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    RgbImage::from_raw(width, height, over_white(image.as_raw(), false)).expect("three values for each pixel")
}

/// Whether the bytes of an image that can be read hold more frames than one.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    let content = Cursor::new(bytes);
    match Format::of(bytes) {
        Some(Format::Read(ImageFormat::Gif)) => {
            GifDecoder::new(content).is_ok_and(|decoder| decoder.into_frames().take(2).flatten().count() == 2)
        }
        Some(Format::Read(ImageFormat::WebP)) => {
            WebPDecoder::new(content).is_ok_and(|decoder| decoder.has_animation())
        }
        Some(Format::Read(ImageFormat::Png)) => {
            PngDecoder::new(content).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false))
        }
        _ => false,
    }
}

/// What the decoder of a format complains of.
pub(super) fn explain(error: image::ImageError, format: &'static str) -> ImageError {
    let detail = match &error {
        image::ImageError::IoError(reason) if reason.kind() == io::ErrorKind::UnexpectedEof => {
            return ImageError::EndsEarly { format };
        }
        image::ImageError::Unsupported(reason) => {
            return ImageError::Unsupported { format, detail: reason.to_string() };
        }
        // The decoder's own words, without the wrapping.
        image::ImageError::Decoding(reason) => {
            reason.source().map_or_else(|| reason.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    };
    ImageError::Damaged { format, detail }
}

/// Whether a WebP is shorter than its header says. Its decoder calls that a damaged stream.
fn is_cut_webp(bytes: &[u8]) -> bool {
    const HEADER: usize = 8;
    bytes[4..].first_chunk().is_none_or(|length| bytes.len() - HEADER < u32::from_le_bytes(*length) as usize)
}
