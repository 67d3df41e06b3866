//! Pictures: photographs in, PNG out.

use std::io::BufWriter;
use std::path::Path;

use ::image::{ExtendedColorType, ImageEncoder, ImageReader, codecs::png::PngEncoder};

pub use ::image::RgbImage;

use super::Problem;
use super::write::write_file;
use crate::error::Result;

/// Reads a PNG or JPEG as 8-bit RGB; the format is told from the content.
///
/// Transparency is dropped. The pixels come as they are stored: a rotation
/// noted in a photograph's metadata is not applied, as networks are fed too.
///
/// # Errors
/// [`crate::Error::File`] for what cannot be read or is no such picture.
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    read(path).map_err(|problem| problem.at(path))
}

fn read(path: &Path) -> Result<RgbImage, Problem> {
    if path.is_dir() {
        return Err(Problem::new(
            "this is a directory, a PNG or JPEG was expected",
        ));
    }
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| Problem::io("cannot be read", error))?;
    match reader.decode() {
        Ok(image) => Ok(image.to_rgb8()),
        Err(error) => Err(Problem::new(format!(
            "this is no PNG or JPEG that can be read: {error}"
        ))),
    }
}

/// Writes `image` as a PNG, whole or not at all.
///
/// # Errors
/// [`crate::Error::File`].
pub fn write_png(path: impl AsRef<Path>, image: &RgbImage) -> Result<()> {
    write_file(path.as_ref(), |file| {
        PngEncoder::new(BufWriter::new(file))
            .write_image(
                image.as_raw(),
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(std::io::Error::other)
    })
}
