//! Pictures: PNG, JPEG, WebP, BMP and TIFF are read, PNG is written.
//!
//! | file | subject |
//! | --- | --- |
//! | `picture` | pictures that were read |
//! | `picture_file` | pictures in open files: size and memory are known before the pixels are read |
//! | `decoder` | the checks of the header, and the decoder that is then trusted |
//! | `claims` | the sizes that headers claim |

pub(super) mod claims;
mod decoder;
mod picture;
mod picture_file;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use ::image::{ExtendedColorType, ImageEncoder, ImageError, codecs::png::PngEncoder};

pub use self::picture::Picture;
pub use self::picture_file::PictureFile;
pub use ::image::{GrayImage, RgbImage};

use super::Problem;
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
    write_file(path.as_ref(), |file| encode(file, image))
}

/// Writes `image` as a PNG to a writer, such as standard output.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the writer fails.
///
/// ```
/// use tenfold::io::{Picture, RgbImage, write_png_to};
/// let image = RgbImage::new(3, 2);
/// let mut bytes = Vec::new();
/// write_png_to(&mut bytes, &image)?;
/// assert_eq!(Picture::read_from(std::io::Cursor::new(bytes))?.image(), &image);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_png_to(writer: impl Write, image: &RgbImage) -> Result<()> {
    let written = encode(writer, image);
    written.map_err(|error| Problem::io("cannot be written", error).of_stream())
}

fn encode(writer: impl Write, image: &RgbImage) -> io::Result<()> {
    let mut writer = BufWriter::new(writer);
    // The buffer may be longer than the picture.
    let samples = image.as_flat_samples();
    let pixels = samples.image_slice().unwrap_or_default();
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
}
