//! Pictures that were read.

use std::io::{Read, Seek};
use std::path::Path;

use ::image::metadata::Orientation;
use ::image::{GenericImageView, RgbImage};

use super::decoder::Decoder;
use crate::error::Result;
use crate::io::Problem;

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
    has_more_pages: bool,
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
        let picture = Decoder::open(path).and_then(Self::decode);
        picture.map_err(|problem| problem.at(path))
    }

    /// Reads a picture from the start of a reader: [`Picture::read`] for a reader.
    ///
    /// # Errors
    /// As [`Picture::read`].
    ///
    /// ```
    /// use tenfold::io::Picture;
    /// let message = Picture::read_from(std::io::Cursor::new(b"GIF89a")).unwrap_err().to_string();
    /// assert_eq!(message, "this is a GIF, a PNG, JPEG, WebP, BMP or TIFF was expected");
    /// ```
    pub fn read_from(reader: impl Read + Seek) -> Result<Self> {
        let picture = Decoder::of(reader).and_then(Self::decode);
        picture.map_err(Problem::of_stream)
    }

    /// Decodes the pixels and converts them.
    pub(super) fn decode(decoder: Decoder<'_>) -> Result<Self, Problem> {
        let (orientation, has_more_pages) = (decoder.orientation(), decoder.has_more_pages());
        let mut image = decoder.decode()?;
        let transparent =
            image.color().has_alpha() && image.pixels().any(|(_, _, pixel)| pixel.0[3] < u8::MAX);
        image.apply_orientation(orientation);
        Ok(Self {
            image: image.into_rgb8(),
            orientation,
            transparent,
            has_more_pages,
        })
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
    /// Whether the file has further pages, which are not read. Only a TIFF can have several.
    pub fn has_more_pages(&self) -> bool {
        self.has_more_pages
    }
}
