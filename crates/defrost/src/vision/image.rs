//! An image in memory, and reading one from a file.
//!
//! The content tells the format, never the file name. Whatever the file holds (grey, palette, 16 bit, CMYK, alpha, a
//! camera held sideways) comes out as upright 8-bit RGB. Files are hostile: sizes are checked before anything of that
//! size is allocated, and an image that ends early is an error, because training on its grey half teaches nonsense.

use std::error::Error;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{
    AnimationDecoder, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
    Limits, RgbImage,
};

use super::jpeg;

/// Longest side of an image that is read, in pixels.
pub const MAX_SIDE: usize = 16_384;
/// Most pixels of an image that is read: past this Pillow, too, takes a file for a decompression bomb.
pub const MAX_PIXELS: usize = 180_000_000;
/// Longest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 512 << 20;

/// The largest single buffer a decoder may ask for: the largest image in 16-bit RGBA.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS as u64 * 8;

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
    #[error("not an image (JPEG, PNG, WebP, BMP, GIF or TIFF)")]
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
            Self::Unsupported { .. } => "unsupported",
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
    /// Alpha is dropped and the first frame of an animation is taken, as Pillow's `convert("RGB")` does: pretrained
    /// networks have seen such images that way. The orientation in the metadata is applied.
    ///
    /// # Errors
    /// If the bytes are no image, end early, are damaged, or hold more pixels than allowed.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        let format = image::guess_format(bytes).map_err(|_| ImageError::NotAnImage)?;
        let (image, orientation) = match format {
            ImageFormat::Jpeg => jpeg::decode(bytes)?,
            _ => decode_with_image(bytes, format)?,
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
    if !std::fs::metadata(path)?.is_file() {
        return Err(ImageError::NotAFile);
    }
    Ok(File::open(path)?)
}

fn decode_with_image(bytes: &[u8], format: ImageFormat) -> Result<(Image, Orientation), ImageError> {
    let name = match format {
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Tiff => "TIFF",
        _ => return Err(ImageError::NotAnImage),
    };
    if format == ImageFormat::WebP && is_cut_webp(bytes) {
        return Err(ImageError::EndsEarly { format: name });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let explain = |error| explain(error, name);

    let mut decoder = reader.into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize, name)?;
    // Metadata that can't be read is no reason to refuse the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    Ok((image.into_rgb8().into(), orientation))
}

/// Whether the bytes of an image that can be read hold more frames than one.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    let content = Cursor::new(bytes);
    match image::guess_format(bytes) {
        Ok(ImageFormat::Gif) => {
            GifDecoder::new(content).is_ok_and(|decoder| decoder.into_frames().take(2).flatten().count() == 2)
        }
        Ok(ImageFormat::WebP) => WebPDecoder::new(content).is_ok_and(|decoder| decoder.has_animation()),
        Ok(ImageFormat::Png) => {
            PngDecoder::new(content).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false))
        }
        _ => false,
    }
}

fn explain(error: image::ImageError, format: &'static str) -> ImageError {
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

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

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
        for name in
            ["scene.webp", "scene.bmp", "scene.tif", "alpha.png", "orientation-6.png", "orientation-6.webp"]
        {
            assert!(Image::open(fixture(name)).unwrap() == scene(), "{name}");
        }
    }

    #[test]
    fn grey_and_palette_expand_to_rgb() {
        let grey = grey_of(&scene());
        for name in ["grey16.png", "grey-alpha.png"] {
            // Pillow's grey is rounded from the same weights in fixed point.
            assert!(difference(&Image::open(fixture(name)).unwrap(), &grey) < 0.5, "{name}");
        }
        let expanded = Image::open(fixture("palette-expanded.png")).unwrap();
        for name in ["palette.png", "animated.gif"] {
            assert!(Image::open(fixture(name)).unwrap() == expanded, "{name}");
        }
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
        assert_eq!(reason(b"label,text\n1,hello\n"), "not an image (JPEG, PNG, WebP, BMP, GIF or TIFF)");
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
        let found = scan(&folder, &Labelling::Folders).unwrap();
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
}
