//! Pictures: PNG, JPEG, WebP, BMP and TIFF are read, PNG is written.

mod claims;

use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use ::image::metadata::Orientation;
use ::image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageDecoder, ImageEncoder, ImageError,
    ImageReader, Limits, codecs::png::PngEncoder,
};

pub use ::image::{GrayImage, RgbImage};

use self::claims::{ALWAYS_ALLOWED, check_claim, check_claims};
use super::Problem;
use super::kind::{Expected, Kind};
use super::open::{Opened, open};
use super::write::write_file;
use crate::error::Result;

/// Reads a picture as 8-bit RGB, upright. [`Picture::read`] does the same, and also returns how the
/// picture was stored.
///
/// # Errors
/// The errors of [`Picture::read`].
///
/// ```
/// use tenfold::io::read_image;
/// let error = read_image("no-such-file.png").unwrap_err();
/// assert_eq!(error.to_string(), "no-such-file.png: there is no such file");
/// ```
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    Picture::read(path).map(Picture::into_image)
}

/// A picture that was read from a file: its pixels, and how they were stored.
///
/// ```
/// use tenfold::io::{Picture, RgbImage, write_png};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.png");
/// write_png(&path, &RgbImage::new(3, 2))?;
/// let picture = Picture::read(&path)?;
/// assert_eq!(picture.image().dimensions(), (3, 2));
/// assert_eq!(picture.orientation(), 1);
/// assert!(!picture.is_transparent());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Picture {
    image: RgbImage,
    orientation: Orientation,
    transparent: bool,
}

impl Picture {
    /// Reads a PNG, JPEG, WebP, BMP or TIFF as 8-bit RGB. The format is recognised by the content
    /// of the file, not by its name. Of a TIFF with several pages the first is read.
    ///
    /// - If the file has an EXIF orientation, the picture is turned and mirrored as it says.
    /// - A grey picture gets three equal colours.
    /// - 16-bit levels are divided by 257 and rounded. The levels of a floating-point TIFF are
    ///   clamped to \[0, 1\] and multiplied by 255.
    /// - Transparency is dropped: a pixel gets the colour that is stored for it.
    /// - Colour profiles are not applied.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] for a file that cannot be read, is not in one of these
    /// formats, or is damaged; for an animated WebP; for a TIFF with JPEG compression or with
    /// colours other than grey, RGB and CMYK; and if the header claims a picture that is much
    /// larger than the file.
    ///
    /// ```
    /// use tenfold::io::Picture;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.gif");
    /// std::fs::write(&path, "GIF89a").unwrap();
    /// let message = Picture::read(&path).unwrap_err().to_string();
    /// assert!(message.ends_with("this is a GIF, a PNG, JPEG, WebP, BMP or TIFF was expected"));
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        read(path).map_err(|problem| problem.at(path))
    }

    /// The pixels, upright.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The pixels, without the properties of the file.
    pub fn into_image(self) -> RgbImage {
        self.image
    }

    /// The EXIF orientation of the stored pixels, 1 to 8. For 1 the stored pixels are upright.
    pub fn orientation(&self) -> u8 {
        self.orientation.to_exif()
    }

    /// Whether a pixel is not fully opaque.
    pub fn is_transparent(&self) -> bool {
        self.transparent
    }
}

fn read(path: &Path) -> Result<Picture, Problem> {
    let Opened { file, size, kind } = open(path, Expected::Picture)?;
    let unreadable = |error: ImageError| {
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
    };
    // 1. Compare the sizes in the headers with the size of the file.
    let mut file = BufReader::new(file);
    check_claims(&mut file, size)?;
    let reader = ImageReader::new(file)
        .with_guessed_format()
        .map_err(|error| Problem::io("cannot be read", error))?;
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let bytes = decoder.total_bytes();
    check_claim(decoder.dimensions(), bytes, size)?;
    // 2. Decode the pixels.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes.saturating_mul(MAX_DECODER_EXPANSION) + ALWAYS_ALLOWED);
    decoder.set_limits(limits).map_err(unreadable)?;
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    // 3. Convert them.
    let transparent =
        image.color().has_alpha() && image.pixels().any(|(_, _, pixel)| pixel.0[3] < u8::MAX);
    image.apply_orientation(orientation);
    Ok(Picture {
        image: image.into_rgb8(),
        orientation,
        transparent,
    })
}

/// The maximum number of bytes that a decoder allocates for each byte of the picture: the picture,
/// a copy in another number of colours, and compressed data.
const MAX_DECODER_EXPANSION: u64 = 4;

/// Writes `image` as a PNG, as a whole or not at all.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the file cannot be written.
///
/// ```
/// use tenfold::io::{RgbImage, read_image, write_png};
/// let image = RgbImage::from_fn(3, 2, |x, y| [x as u8, y as u8, 7].into());
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.png");
/// write_png(&path, &image)?;
/// assert_eq!(read_image(&path)?, image);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_png(path: impl AsRef<Path>, image: &RgbImage) -> Result<()> {
    // The buffer may be longer than the picture.
    let samples = image.as_flat_samples();
    let pixels = samples.image_slice().unwrap_or_default();
    write_file(path.as_ref(), |file| {
        let mut writer = BufWriter::new(file);
        let encoded = PngEncoder::new(&mut writer).write_image(
            pixels,
            image.width(),
            image.height(),
            ExtendedColorType::Rgb8,
        );
        match encoded {
            Ok(()) => writer.flush(),
            Err(ImageError::IoError(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    })
}
