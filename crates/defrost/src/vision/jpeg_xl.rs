//! Reading JPEG XL.

use std::io::Cursor;

use image::ImageDecoder as _;
use jxl_oxide::integration::JxlDecoder;

use super::decode::{explain, limits, read};
use super::image::{Image, ImageError};

const FORMAT: &str = "JPEG XL";

/// Decodes a file to RGB. Its codestream says how it is turned, and the decoder does that.
///
/// # Errors
/// If the file ends early, is damaged, of an unsupported kind, or too large.
pub(super) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    let mut decoder = JxlDecoder::new(Cursor::new(bytes)).map_err(|error| explain(error, FORMAT))?;
    decoder.set_limits(limits()).map_err(|error| explain(error, FORMAT))?;
    read(decoder, None, FORMAT)
}
