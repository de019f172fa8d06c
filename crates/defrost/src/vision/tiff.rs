//! What a TIFF holds, read from its first directory before it is decoded.
//!
//! TIFF is a box for many things. Palettes are read here, since the decoder does not; files without sensible colours get an
//! error that says why; and a camera's raw file, which is a TIFF with a small preview in front, is named as one.

use image::DynamicImage;

use super::format::RAW;
use super::image::{Image, ImageError};

const NEW_SUBFILE_TYPE: u16 = 254;
const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const COLOUR_MAP: u16 = 320;
const SUBDIRECTORIES: u16 = 330;
const SAMPLE_FORMAT: u16 = 339;
const SAMPLES_PER_PIXEL: u16 = 277;
const DNG_VERSION: u16 = 50706;

/// A palette, and the file with its indices as levels of grey.
pub(super) struct Palette {
    /// The file.
    pub indices: Vec<u8>,
    colours: Vec<[u8; 3]>,
}

impl Palette {
    /// Puts the colours in the places of their indices.
    pub fn colour(&self, image: &mut Image) {
        for pixel in image.pixels_mut().as_chunks_mut::<3>().0 {
            *pixel = self.colours[usize::from(pixel[0])];
        }
    }
}

/// Looks at the first directory: an error if its pixels can't be decoded, a palette if they are indices into one.
pub(super) fn inspect(bytes: &[u8]) -> Result<Option<Palette>, ImageError> {
    // The decoder explains what is damaged, and reads files of more than 4 GB, which this does not.
    let Some(directory) = Directory::of(bytes) else { return Ok(None) };
    let value = |tag: u16| directory.values(tag).and_then(|values| values.first().copied());
    let is_preview = value(NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1);
    if directory.field(DNG_VERSION).is_some() || is_preview && directory.field(SUBDIRECTORIES).is_some() {
        return Err(ImageError::Unread(RAW));
    }
    let unsupported = |detail: String| Err(ImageError::Unsupported { format: "TIFF", detail });
    let (bits, samples) = (value(BITS_PER_SAMPLE).unwrap_or(1), value(SAMPLES_PER_PIXEL).unwrap_or(1));
    let format = value(SAMPLE_FORMAT).unwrap_or(1);
    match (value(PHOTOMETRIC).unwrap_or(1), format) {
        (3, 1) if bits == 8 => Ok(directory.palette()),
        (3, _) => unsupported(format!("its palette has indices of {bits} bits; save it as RGB")),
        (6, _) => unsupported("its colours are YCbCr; save it as RGB".to_owned()),
        (8..=10, _) => unsupported("its colours are Lab; save it as RGB".to_owned()),
        (_, 2) => {
            unsupported("its numbers have signs; shift and scale them to 0 to 255 or 65,535".to_owned())
        }
        (0 | 1, 3) => unsupported("its numbers are floats; scale them to whole ones of 0 to 255".to_owned()),
        (0 | 1, _) if samples > 2 => {
            unsupported(format!("it has {samples} bands without colours; choose three and save them as RGB"))
        }
        (_, 1) if bits > 16 => unsupported(format!("its numbers have {bits} bits; scale them to 8 or 16")),
        _ => Ok(None),
    }
}

/// Whether an image of floats is not of those between 0 and 1, which are read.
pub(super) fn is_out_of_range(image: &DynamicImage) -> bool {
    let is_out = |values: &[f32]| values.iter().any(|value| !(-0.01..=1.01).contains(value));
    match image {
        DynamicImage::ImageRgb32F(image) => is_out(image),
        DynamicImage::ImageRgba32F(image) => is_out(image),
        _ => false,
    }
}

/// The first directory of a TIFF of up to 4 GB.
struct Directory<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    /// Where its fields begin, and how many there are.
    fields: (usize, usize),
}

impl<'a> Directory<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let is_big_endian = match bytes.first_chunk()? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        let mut directory = Self { bytes, is_big_endian, fields: (0, 0) };
        let at = directory.long(4)? as usize;
        directory.fields = (at.checked_add(2)?, usize::from(directory.short(at)?));
        Some(directory)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Where the field with this tag stands.
    fn field(&self, tag: u16) -> Option<usize> {
        let (first, count) = self.fields;
        let places = (0..count).map(|index| first + index * 12);
        places.take_while(|at| at + 12 <= self.bytes.len()).find(|at| self.short(*at) == Some(tag))
    }

    /// The numbers of a field of shorts or longs, at most as many as a palette has.
    fn values(&self, tag: u16) -> Option<Vec<u32>> {
        let at = self.field(tag)?;
        let (kind, count) = (self.short(at + 2)?, self.long(at + 4)?.min(3 * 256) as usize);
        let size = match kind {
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let start = if count * size <= 4 { at + 8 } else { self.long(at + 8)? as usize };
        let value = |index: usize| {
            let at = start.checked_add(index * size)?;
            if size == 2 { self.short(at).map(u32::from) } else { self.long(at) }
        };
        (0..count).map(value).collect()
    }

    /// The palette of 256 colours, all red levels first, in 16 bits.
    fn palette(&self) -> Option<Palette> {
        let levels = self.values(COLOUR_MAP).filter(|levels| levels.len() == 3 * 256)?;
        let colour = |index: usize| [0, 256, 512].map(|channel| (levels[channel + index] >> 8) as u8);
        let mut indices = self.bytes.to_vec();
        // The value stands at the front of its place, whichever the byte order.
        let at = self.field(PHOTOMETRIC)? + 8;
        let black_is_zero: u16 = 1;
        let bytes =
            if self.is_big_endian { black_is_zero.to_be_bytes() } else { black_is_zero.to_le_bytes() };
        indices.get_mut(at..at + 2)?.copy_from_slice(&bytes);
        Some(Palette { indices, colours: (0..256).map(colour).collect() })
    }
}
