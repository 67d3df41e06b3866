//! Pictures: PNG and JPEG are read, PNG is written.

use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use ::image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageReader,
    codecs::png::PngEncoder,
};

pub use ::image::RgbImage;

use super::Problem;
use super::kind::{Expected, Kind};
use super::open::{Opened, open};
use super::write::write_file;
use crate::error::Result;

/// Reads a PNG or JPEG as 8-bit RGB. The format is recognised by the content of the file, not by
/// its name.
///
/// Transparency is dropped. A rotation in a photograph's metadata is not applied: a network
/// computes its features from the stored pixels.
///
/// # Errors
/// [`crate::Error::UnusableFile`] for a file that cannot be read, is not a PNG or JPEG, or is
/// damaged.
///
/// ```
/// use tenfold::io::read_image;
/// let error = read_image("no-such-file.png").unwrap_err();
/// assert_eq!(error.to_string(), "no-such-file.png: there is no such file");
/// ```
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    read(path).map_err(|problem| problem.at(path))
}

fn read(path: &Path) -> Result<RgbImage, Problem> {
    let Opened { file, size, kind } = open(path, Expected::Picture)?;
    let reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| Problem::io("cannot be read", error))?;
    let unreadable = |error: ImageError| {
        let error = error.to_string();
        let error = error.trim_end();
        Problem::new(match kind {
            Kind::Picture(name) => format!("this is {name} that is damaged or cut short: {error}"),
            _ => format!("this is not a PNG or JPEG: {error}"),
        })
    };
    let decoder = reader.into_decoder().map_err(unreadable)?;
    if decoder.total_bytes() > size.saturating_mul(MAX_EXPANSION).max(ALWAYS_ALLOWED) {
        let (width, height) = decoder.dimensions();
        return Err(Problem::new(format!(
            "the header claims {width}×{height} pixels, more than a file of {size} bytes holds"
        )));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Ok(image.to_rgb8())
}

/// The maximum number of bytes of a picture for each byte of its file. Photographs have far
/// fewer.
const MAX_EXPANSION: u64 = 10_000;

/// Pictures of at most this many bytes are allowed for a file of any size.
const ALWAYS_ALLOWED: u64 = 1 << 22;

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
