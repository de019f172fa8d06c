//! What an image's file is, told from its first bytes and never from its name.

use image::ImageFormat;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Of a format that is read.
    Read(ImageFormat),
    /// The one of phones, which is read too.
    Heic,
    /// JPEG XL, where it is read.
    #[cfg(feature = "jpeg-xl")]
    JpegXl,
    /// An image, or a page, of a format that is not.
    Unread(UnreadFormat),
}

/// A format that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadFormat {
    /// What it is called.
    pub name: &'static str,
    /// How files of it become files that are read.
    pub convert: &'static str,
}

const EXPORT: &str = "export it as PNG or JPEG with the program it was made with";

/// Formats of files that begin so, those that are read not among them.
const UNREAD: [(&[u8], UnreadFormat); 19] = [
    (b"\0\0\0\x0CjP  \r\n\x87\n", JPEG_2000),
    (b"\xFF\x4F\xFF\x51", JPEG_2000),
    (b"8BPS", UnreadFormat { name: "Photoshop", convert: EXPORT }),
    (b"gimp xcf", UnreadFormat { name: "GIMP", convert: EXPORT }),
    (
        b"%PDF-",
        UnreadFormat { name: "PDF", convert: "`pdftoppm -png in.pdf page` makes an image of each page" },
    ),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIU\0", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"FOVb", RAW),
    (b"qoif", UnreadFormat { name: "QOI", convert: MAGICK }),
    (b"DDS ", UnreadFormat { name: "DDS", convert: MAGICK }),
    (b"\x76\x2F\x31\x01", UnreadFormat { name: "OpenEXR", convert: MAGICK }),
    (b"#?RADIANCE", UnreadFormat { name: "Radiance HDR", convert: MAGICK }),
    (b"\0\0\x01\0\x01\0", UnreadFormat { name: "icon", convert: MAGICK }),
    (b"SIMPLE  =", UnreadFormat { name: "FITS", convert: "export its values as PNG, scaled to 0 to 255" }),
    (b"AT&TFORM", UnreadFormat { name: "DjVu", convert: "`ddjvu -format=tiff in.djvu out.tif` converts it" }),
    (b"P7 332", UnreadFormat { name: "XV thumbnail", convert: MAGICK }),
];

const MAGICK: &str = "ImageMagick's `magick in out.png` converts it";
#[cfg(not(feature = "jpeg-xl"))]
const JPEG_XL: UnreadFormat = UnreadFormat {
    name: "JPEG XL",
    convert: "`djxl in.jxl out.png` converts it; built with the feature `jpeg-xl`, defrost reads it",
};
const JPEG_2000: UnreadFormat =
    UnreadFormat { name: "JPEG 2000", convert: "`opj_decompress -i in.jp2 -o out.png` converts it" };
const AVIF: UnreadFormat = UnreadFormat { name: "AVIF", convert: "`avifdec in.avif out.png` converts it" };
const SVG: UnreadFormat = UnreadFormat { name: "SVG", convert: "`rsvg-convert -o out.png in.svg` draws it" };
const DICOM: UnreadFormat =
    UnreadFormat { name: "DICOM", convert: "export its slices as PNG, scaled to 0 to 255" };
pub(super) const RAW: UnreadFormat = UnreadFormat {
    name: "camera raw",
    convert: "export it as JPEG; what lies in it as a preview is too small",
};

impl Format {
    /// What a file that begins with these bytes is; nothing if it is no image.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let read = match bytes {
            [0xFF, 0xD8, 0xFF, ..] => ImageFormat::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => ImageFormat::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ImageFormat::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
            // Canon's raw files begin as a TIFF does.
            [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..] => return Some(Self::Unread(RAW)),
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => ImageFormat::Tiff,
            [b'B', b'M', ..] if is_bitmap(bytes) => ImageFormat::Bmp,
            [b'P', b'1'..=b'7', blank, rest @ ..] if is_netpbm(*blank, rest) => ImageFormat::Pnm,
            [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..] => return Some(Self::of_jpeg_xl()),
            _ if bytes.get(4..8) == Some(b"ftyp") => return boxed(bytes),
            _ => return unread(bytes).map(Self::Unread),
        };
        Some(Self::Read(read))
    }

    #[cfg(feature = "jpeg-xl")]
    fn of_jpeg_xl() -> Self {
        Self::JpegXl
    }

    #[cfg(not(feature = "jpeg-xl"))]
    fn of_jpeg_xl() -> Self {
        Self::Unread(JPEG_XL)
    }
}

/// Whether a file that begins with these bytes is an image, of whatever format.
pub(super) fn is_image(bytes: &[u8]) -> bool {
    Format::of(bytes).is_some()
}

/// Two letters alone are the beginning of many a text: the length of the second header tells.
fn is_bitmap(bytes: &[u8]) -> bool {
    let length =
        bytes.get(14..18).and_then(|length| length.first_chunk()).map(|length| u32::from_le_bytes(*length));
    length.is_some_and(|length| matches!(length, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// Whether what follows on `P5` or so is the header of a Netpbm file: a number, a comment or a word of the kind with words.
fn is_netpbm(blank: u8, rest: &[u8]) -> bool {
    let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    blank.is_ascii_whitespace()
        && (next.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'#') || rest.starts_with(b"WIDTH"))
}

fn unread(bytes: &[u8]) -> Option<UnreadFormat> {
    if bytes.get(128..132) == Some(b"DICM") {
        return Some(DICOM);
    }
    let begins = UNREAD.iter().find(|(start, _)| bytes.starts_with(start));
    begins.map(|(_, format)| *format).or_else(|| is_svg(bytes).then_some(SVG))
}

/// The format of a file of boxes, as MP4 is: its brands tell, the major one first.
fn boxed(bytes: &[u8]) -> Option<Format> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let brands = bytes.get(8..length.min(bytes.len()))?;
    brands.as_chunks::<4>().0.iter().find_map(|brand| match brand {
        b"avif" | b"avis" => Some(Format::Unread(AVIF)),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Some(Format::Heic),
        b"crx " => Some(Format::Unread(RAW)),
        _ => None,
    })
}

fn is_svg(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<svg")
        || text.starts_with("<!doctype svg")
        || text.starts_with("<?xml") && text.contains("<svg")
        || text.starts_with("<?xml") && text.contains("<!doctype svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> Option<&'static str> {
        match Format::of(bytes)? {
            Format::Read(_) => Some("read"),
            Format::Heic => Some("HEIC"),
            #[cfg(feature = "jpeg-xl")]
            Format::JpegXl => Some("JPEG XL"),
            Format::Unread(format) => Some(format.name),
        }
    }

    #[test]
    fn content_tells_what_a_file_is() {
        let cases: [(&[u8], Option<&str>); 18] = [
            (b"\xFF\xD8\xFF\xE0", Some("read")),
            (b"P5\n# a comment\n8 8\n255\n", Some("read")),
            (b"P6 8 8 255 ", Some("read")),
            (b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Some("read")),
            (b"II+\0\x08\0\0\0", Some("read")),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some("HEIC")),
            (b"\0\0\0\x1Cftypmif1\0\0\0\0avifmif1miaf", Some("AVIF")),
            (b"\0\0\0\x18ftypisom\0\0\0\0mp41avc1", None),
            (b"\xFF\x0A\xFA\x7F", Some("JPEG XL")),
            (b"\0\0\0\x0CjP  \r\n\x87\n", Some("JPEG 2000")),
            (b"II*\0\x10\0\0\0CR\x02\0", Some("camera raw")),
            (b"%PDF-1.7", Some("PDF")),
            (b"<?xml version='1.0'?>\n<svg xmlns='x'>", Some("SVG")),
            (b"<!DOCTYPE html><html>", None),
            (b"BMW drivers are", None),
            (b"P5 is a road", None),
            (b"notes", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(name(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
