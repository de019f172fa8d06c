//! An image in memory, and reading one from a file.
//!
//! The content tells the format, never the file name. Whatever the file holds (grey, palette, 16 bit, CMYK, alpha, a
//! camera held sideways) comes out as upright 8-bit sRGB. Files are hostile: sizes are checked before anything of that
//! size is allocated, and an image that ends early is an error, because training on its grey half teaches nonsense.

use std::io::{self, Read};
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{ExtendedColorType, ImageEncoder, ImageFormat, RgbImage};

use super::decode;
use super::format::{Format, UnreadFormat};
use super::heic;
use super::jpeg;
#[cfg(feature = "jpeg-xl")]
use super::jpeg_xl;
use crate::platform::fs::{self, File};

/// Longest side of an image that is read, in pixels.
pub const MAX_SIDE: usize = 16_384;
/// Most pixels of an image that is read: past this Pillow, too, takes a file for a decompression bomb.
pub const MAX_PIXELS: usize = 180_000_000;
/// Longest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 512 << 20;

/// An upright 8-bit RGB image.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Why an image can't be read. The texts are short, to stand after the file's name.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file can't be opened or read.
    #[error("can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Not a regular file: a folder, a pipe, a device.
    #[error("not a file")]
    NotAFile,
    /// The file has no bytes.
    #[error("empty file")]
    Empty,
    /// The content is none of the formats that are read.
    #[error("not an image (JPEG, PNG, WebP, BMP, GIF, TIFF, HEIC or PNM)")]
    NotAnImage,
    /// The file is cut off.
    #[error("{format} ends early")]
    EndsEarly {
        /// Name of the format, such as "JPEG".
        format: &'static str,
    },
    /// The content contradicts its format.
    #[error("damaged {format}: {detail}")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the decoder found.
        detail: String,
    },
    /// A valid file of a kind that is not read, such as an arithmetic-coded JPEG.
    #[error("this kind of {format} is not supported: {detail}")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// What the decoder lacks.
        detail: String,
    },
    /// An image of a format that is not read.
    #[error("{} is not read; {}", .0.name, .0.convert)]
    Unread(UnreadFormat),
    /// More pixels than [`MAX_SIDE`] or [`MAX_PIXELS`] allow.
    #[error("{width}x{height} pixels is more than {MAX_SIDE} a side or {} million in all", MAX_PIXELS / 1_000_000)]
    TooManyPixels {
        /// Width the file claims.
        width: usize,
        /// Height the file claims.
        height: usize,
    },
    /// More bytes than [`MAX_FILE_BYTES`].
    #[error("a file of {} MB is more than {} MB", .bytes >> 20, MAX_FILE_BYTES >> 20)]
    FileTooLarge {
        /// Length of the file.
        bytes: u64,
    },
}

impl ImageError {
    /// A word for the kind of problem, stable for machines: `unreadable`, `empty`, `not-an-image`, `truncated`,
    /// `damaged`, `unsupported` or `too-large`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::NotAFile => "unreadable",
            Self::Empty => "empty",
            Self::NotAnImage => "not-an-image",
            Self::EndsEarly { .. } => "truncated",
            Self::Damaged { .. } => "damaged",
            Self::Unsupported { .. } | Self::Unread(_) => "unsupported",
            Self::TooManyPixels { .. } | Self::FileTooLarge { .. } => "too-large",
        }
    }
}

impl Image {
    /// Takes `pixels`, RGB in rows: `[height, width, 3]`. `None` unless both sides are at least 1 and the length fits.
    pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let bytes = width.checked_mul(height)?.checked_mul(3)?;
        (bytes > 0 && pixels.len() == bytes).then_some(Self { width, height, pixels })
    }

    /// Reads an image from a file.
    ///
    /// # Errors
    /// If the file can't be read or [`Image::decode`] refuses its content.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ImageError> {
        Self::decode(&read_file(path.as_ref())?)
    }

    /// Reads an image from the bytes of a file.
    ///
    /// Transparent pixels are composed over white, the first frame of an animation is taken, colours of another space become
    /// sRGB, and the orientation in the metadata is applied.
    ///
    /// # Errors
    /// If the bytes are no image, end early, are damaged, or hold more pixels than allowed.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        let (image, orientation) = match Format::of(bytes).ok_or(ImageError::NotAnImage)? {
            Format::Read(ImageFormat::Jpeg) => jpeg::decode(bytes)?,
            Format::Read(format) => decode::decode(bytes, format)?,
            Format::Heic => (heic::decode(bytes)?, Orientation::NoTransforms),
            #[cfg(feature = "jpeg-xl")]
            Format::JpegXl => (jpeg_xl::decode(bytes)?, Orientation::NoTransforms),
            Format::Unread(format) => return Err(ImageError::Unread(format)),
        };
        Ok(image.upright(orientation))
    }

    /// The bytes of a PNG file with this image.
    ///
    /// # Errors
    /// If it is too large for the format.
    pub fn to_png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![];
        let (width, height) = (self.width as u32, self.height as u32);
        let encoder = PngEncoder::new(&mut bytes);
        encoder
            .write_image(&self.pixels, width, height, ExtendedColorType::Rgb8)
            .map_err(io::Error::other)?;
        Ok(bytes)
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(super) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }
}

impl From<RgbImage> for Image {
    fn from(image: RgbImage) -> Self {
        let (width, height) = image.dimensions();
        Self { width: width as usize, height: height as usize, pixels: image.into_raw() }
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}x{})", self.width, self.height)
    }
}

/// The colours of RGBA pixels as they look on white paper: what lies under transparency is chance, and many a drawing is in the
/// alpha channel alone. Colours may be multiplied by alpha already.
pub(super) fn over_white(rgba: &[u8], premultiplied: bool) -> Vec<u8> {
    let composed = |[red, green, blue, alpha]: &[u8; 4]| {
        let over = |level: u8| {
            let (level, alpha) = (u32::from(level), u32::from(*alpha));
            let level = if premultiplied { level * 255 } else { level * alpha };
            ((level + 255 * (255 - alpha) + 127) / 255).min(255) as u8
        };
        [*red, *green, *blue].map(over)
    };
    rgba.as_chunks::<4>().0.iter().flat_map(composed).collect()
}

/// Refuses an image of more pixels than are read, or of none.
pub(super) fn check_size(width: usize, height: usize, format: &'static str) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        let detail = format!("{width}x{height} pixels");
        return Err(ImageError::Damaged { format, detail });
    }
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
        return Err(ImageError::TooManyPixels { width, height });
    }
    Ok(())
}

/// The bytes of an image's file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ImageError> {
    let file = open_regular(path)?;
    let bytes = file.metadata()?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(ImageError::FileTooLarge { bytes });
    }
    // The file may grow between the two calls: `take` keeps the bound.
    let mut content = Vec::with_capacity(bytes as usize);
    file.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// Opens a regular file only: opening a pipe would wait for its writer.
fn open_regular(path: &Path) -> Result<File, ImageError> {
    if !fs::metadata(path)?.is_file() {
        return Err(ImageError::NotAFile);
    }
    Ok(File::open(path)?)
}

#[cfg(test)]
pub(super) mod tests;
