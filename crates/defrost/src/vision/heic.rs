//! Reading HEIC, the format of phones: HEVC still images, in one piece or in tiles.

use heic_decoder::{HeifError, RgbaImage};

use super::colour::to_srgb;
use super::image::{Image, ImageError, check_size, over_white};

const FORMAT: &str = "HEIC";

/// Decodes a HEIC to RGB. Its container says how it is turned, cropped and mirrored, and the decoder does that.
///
/// # Errors
/// If the file ends early, is damaged, of an unsupported kind, or too large.
pub(super) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    let info = heic_decoder::probe(bytes).map_err(explain)?;
    check_size(info.coded_width, info.coded_height, FORMAT)?;
    check_size(info.width, info.height, FORMAT)?;
    let decoded = heic_decoder::decode(bytes).map_err(explain)?;
    let (width, height, pixels) = match decoded.alpha {
        Some(_) => {
            let RgbaImage { width, height, data, premultiplied } = decoded.to_rgba8().map_err(explain)?;
            (width, height, over_white(&data, premultiplied))
        }
        None => {
            let image = decoded.to_rgb8().map_err(explain)?;
            (image.width, image.height, image.data)
        }
    };
    let mut image = Image::from_rgb(width, height, pixels).ok_or_else(|| ImageError::Damaged {
        format: FORMAT,
        detail: "unexpected number of values".to_owned(),
    })?;
    if let Some(profile) = decoded.metadata.icc_profile {
        to_srgb(&mut image, &profile);
    }
    Ok(image)
}

fn explain(error: HeifError) -> ImageError {
    match error {
        HeifError::Truncated { .. } => ImageError::EndsEarly { format: FORMAT },
        HeifError::Unsupported(detail) | HeifError::LimitExceeded(detail) => {
            ImageError::Unsupported { format: FORMAT, detail: detail.to_owned() }
        }
        other => ImageError::Damaged { format: FORMAT, detail: other.to_string() },
    }
}
