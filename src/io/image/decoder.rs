//! The decoder of a picture, once its header was checked.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::claims::{ALWAYS_ALLOWED, Claims, check_claim};
use crate::io::Problem;
use crate::io::kind::{Expected, Kind, TIFF};
use crate::io::open::{Opened, open, recognise};

/// The maximum number of bytes that a decoder allocates for each byte of the picture: the picture,
/// a copy in another number of colours, and compressed data.
const MAX_DECODER_EXPANSION: u64 = 4;

/// The bytes of a pixel in RGB.
const RGB: u64 = 3;

/// A decoder with a checked header. No pixels have been decoded.
pub(super) struct Decoder<'a> {
    inner: Box<dyn ImageDecoder + 'a>,
    kind: Kind,
    /// The bytes of the file.
    size: u64,
    orientation: Orientation,
    has_more_pages: bool,
}

impl Decoder<'static> {
    /// The decoder of the picture in a file.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let Opened { file, size, kind } = open(path, Expected::Picture)?;
        Self::new(file, kind, size)
    }
}

impl<'a> Decoder<'a> {
    /// The decoder of the picture in a reader.
    pub(super) fn of(mut reader: impl Read + Seek + 'a) -> Result<Self, Problem> {
        let (kind, size) = recognise(&mut reader, Expected::Picture)?;
        Self::new(reader, kind, size)
    }

    /// The decoder of the picture in a reader with data of a kind and a size.
    fn new(reader: impl Read + Seek + 'a, kind: Kind, size: u64) -> Result<Self, Problem> {
        // 1. Compare the sizes in the headers with the size of the file.
        let mut reader = BufReader::new(reader);
        let claims = Claims::check(&mut reader, size)?;
        let reader = match kind {
            // The crate does not recognise BigTIFF.
            Kind::Picture(TIFF) => ImageReader::with_format(reader, ImageFormat::Tiff),
            _ => ImageReader::new(reader)
                .with_guessed_format()
                .map_err(|error| Problem::io("cannot be read", error))?,
        };
        let unreadable = |error| unreadable(error, kind);
        let mut inner = reader.into_decoder().map_err(unreadable)?;
        let bytes = inner.total_bytes();
        check_claim(inner.dimensions(), bytes, size)?;
        // 2. Limit the memory of the decoder, before it reads metadata.
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(bytes.saturating_mul(MAX_DECODER_EXPANSION) + ALWAYS_ALLOWED);
        inner.set_limits(limits).map_err(unreadable)?;
        let orientation = inner.orientation().map_err(unreadable)?;
        Ok(Self {
            inner: Box::new(inner),
            kind,
            size,
            orientation,
            has_more_pages: claims.has_more_pages,
        })
    }

    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    pub(super) fn has_more_pages(&self) -> bool {
        self.has_more_pages
    }

    /// The width and the height of the upright picture.
    pub(super) fn dimensions(&self) -> (u32, u32) {
        let (width, height) = self.inner.dimensions();
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }

    /// The maximum number of bytes that decoding allocates, with the file, which some decoders read
    /// as a whole. Afterwards the pixels are copied when they are turned, and converted to RGB.
    pub(super) fn memory(&self) -> u64 {
        let (width, height) = self.inner.dimensions();
        let pixels = u64::from(width).saturating_mul(height.into());
        let bytes = self.inner.total_bytes();
        let decoding = bytes.saturating_mul(MAX_DECODER_EXPANSION);
        let converting = bytes
            .saturating_mul(2)
            .saturating_add(pixels.saturating_mul(RGB));
        self.size.saturating_add(decoding.max(converting))
    }

    /// Decodes the pixels, in their own number of colours and not turned.
    pub(super) fn decode(self) -> Result<DynamicImage, Problem> {
        let kind = self.kind;
        DynamicImage::from_decoder(self.inner).map_err(|error| unreadable(error, kind))
    }
}

/// The problem that the decoder of a picture of this kind reports.
fn unreadable(error: ImageError, kind: Kind) -> Problem {
    let text = error.to_string();
    let text = text.trim_end();
    Problem::new(match (kind, &error) {
        (Kind::Picture(name), ImageError::Unsupported(_)) => {
            format!("this is {name} that cannot be read: {text}")
        }
        (Kind::Picture(name), _) => {
            format!("this is {name} that is damaged or cut short: {text}")
        }
        _ => format!("this is not {}: {text}", Expected::Picture.name()),
    })
}
