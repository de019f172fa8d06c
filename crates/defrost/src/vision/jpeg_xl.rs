//! Reading JPEG XL.

use std::error::Error;
use std::io::{self, Cursor};

use image::ImageDecoder as _;
use jxl_oxide::integration::JxlDecoder;
use jxl_oxide::{AllocTracker, JxlImage};

use super::decode::{MAX_DECODER_BYTES, explain, limits, read};
use super::image::{Image, ImageError};

const FORMAT: &str = "JPEG XL";

/// Decodes a file to RGB. Its codestream says how it is turned, and the decoder does that.
///
/// # Errors
/// If the file ends early, is damaged, of an unsupported kind, or too large.
pub(super) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    if !is_whole(bytes)? {
        return Err(ImageError::EndsEarly { format: FORMAT });
    }
    let mut decoder = JxlDecoder::new(Cursor::new(bytes)).map_err(|error| explain(error, FORMAT))?;
    decoder.set_limits(limits()).map_err(|error| explain(error, FORMAT))?;
    read(decoder, None, FORMAT)
}

/// Whether the file has all of its image. The decoder would show what is there, grey where nothing is.
fn is_whole(bytes: &[u8]) -> Result<bool, ImageError> {
    let memory = AllocTracker::with_limit(MAX_DECODER_BYTES as usize);
    let image = JxlImage::builder().alloc_tracker(memory).read(Cursor::new(bytes));
    image.map(|image| image.is_loading_done()).map_err(|error| damaged(&*error))
}

fn damaged(error: &(dyn Error + 'static)) -> ImageError {
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ImageError::EndsEarly { format: FORMAT }
        }
        _ => ImageError::Damaged { format: FORMAT, detail: error.to_string() },
    }
}
