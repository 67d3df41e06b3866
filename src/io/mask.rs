//! Masks of objects: which pixels of a photograph are in the object.
//!
//! Data sets store masks in two ways. An indexed PNG, as in Pascal VOC, has an index for each pixel:
//! 0 is the background, 255 is void, each other index is an object. The colours of the palette do
//! not matter. In any other picture each pixel that is not black is in the object:
//!
//! ```text
//!   indexed PNG     0  0 15 255      grey PNG     0  0 255 255
//!   result          0  0 15 255      result       0  0  1   1
//! ```

use std::io::{BufReader, Seek};
use std::path::Path;

use png::{ColorType, Decoder, DecodingError, Transformations};

use super::Problem;
use super::image::claims::{ALWAYS_ALLOWED, check_claim};
use super::image::{GrayImage, read_image};
use super::kind::Expected;
use super::open::{Opened, open};
use crate::error::Result;

/// Reads a mask. A pixel is 0 outside the object, 255 if it is void, and has any other value inside
/// the object. Only an indexed PNG has void pixels; in any other picture the pixels that are not
/// black are inside.
///
/// # Errors
/// The errors of [`super::read_image`].
///
/// ```
/// use tenfold::io::{RgbImage, read_mask, write_png};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("mask.png");
/// let white = |x, _| [if x == 1 { 255 } else { 0 }; 3].into();
/// write_png(&path, &RgbImage::from_fn(3, 1, white))?;
/// assert_eq!(read_mask(&path)?.as_raw(), &[0, 1, 0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn read_mask(path: impl AsRef<Path>) -> Result<GrayImage> {
    let path = path.as_ref();
    if let Some(mask) = indexed(path).map_err(|problem| problem.at(path))? {
        return Ok(mask);
    }
    let picture = read_image(path)?;
    let mask = GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let is_black = picture.get_pixel(x, y).0 == [0; 3];
        [u8::from(!is_black)].into()
    });
    Ok(mask)
}

/// The indices of an indexed PNG. `None` for any other picture.
fn indexed(path: &Path) -> Result<Option<GrayImage>, Problem> {
    let Opened { file, size, .. } = open(path, Expected::Picture)?;
    let mut file = BufReader::new(file);
    // 1. The header.
    let mut decoder = Decoder::new(&mut file);
    let Ok(header) = decoder.read_header_info() else {
        // Not a PNG, or a damaged one, which the reader of pictures reports.
        return Ok(None);
    };
    if header.color_type != ColorType::Indexed {
        return Ok(None);
    }
    let (width, height) = (header.width, header.height);
    let bytes = u64::from(width) * u64::from(height);
    check_claim((width, height), bytes, size)?;
    // 2. The packed indices.
    file.rewind()
        .map_err(|error| Problem::io("cannot be read", error))?;
    let limits = png::Limits {
        bytes: usize::try_from(2 * bytes + ALWAYS_ALLOWED).unwrap_or(usize::MAX),
    };
    let mut decoder = Decoder::new_with_limits(file, limits);
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let Some(length) = reader.output_buffer_size() else {
        return Err(Problem::new(
            "the picture is too large to address".to_owned(),
        ));
    };
    let mut packed = vec![0; length];
    let frame = reader.next_frame(&mut packed).map_err(damaged)?;
    // 3. One byte for each index. A row starts at a whole byte, and the first index of a byte is in
    //    its highest bits.
    let bits = frame.bit_depth as usize;
    let per_byte = 8 / bits;
    let mask = u8::MAX >> (8 - bits);
    let index = |row: &[u8], x: usize| {
        let shift = 8 - bits * (x % per_byte + 1);
        (row[x / per_byte] >> shift) & mask
    };
    let rows = packed.chunks(frame.line_size.max(1));
    let indices = rows.take(height as usize);
    let indices = indices.flat_map(|row| (0..width as usize).map(move |x| index(row, x)));
    Ok(GrayImage::from_raw(width, height, indices.collect()))
}

fn damaged(error: DecodingError) -> Problem {
    Problem::new(format!(
        "this is a PNG that is damaged or cut short: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An indexed PNG of 5×2 pixels.
    fn write(path: &Path, depth: png::BitDepth, packed: &[u8]) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, 5, 2);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(depth);
        // Equal colours: the palette does not matter.
        encoder.set_palette(vec![7; 3 << (depth as usize)]);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(packed).unwrap();
    }

    #[test]
    fn indices_are_read_at_every_depth() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let bytes = [0, 1, 255, 20, 0, 3, 0, 0, 0, 255];
        write(&path, png::BitDepth::Eight, &bytes);
        assert_eq!(read_mask(&path).unwrap().into_raw(), bytes);
        write(
            &path,
            png::BitDepth::Four,
            &[0x0f, 0x21, 0xe0, 0x00, 0x00, 0x30],
        );
        let expected = [0, 15, 2, 1, 14, 0, 0, 0, 0, 3];
        assert_eq!(read_mask(&path).unwrap().into_raw(), expected);
        write(
            &path,
            png::BitDepth::Two,
            &[0b0001_1011, 0b0100_0000, 0, 0b1000_0000],
        );
        let expected = [0, 1, 2, 3, 1, 0, 0, 0, 0, 2];
        assert_eq!(read_mask(&path).unwrap().into_raw(), expected);
        write(&path, png::BitDepth::One, &[0b0101_1000, 0b1000_0000]);
        let expected = [0, 1, 0, 1, 1, 1, 0, 0, 0, 0];
        assert_eq!(read_mask(&path).unwrap().into_raw(), expected);
    }

    #[test]
    fn damaged_masks_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        write(&path, png::BitDepth::Eight, &[9; 10]);
        let whole = std::fs::read(&path).unwrap();
        for end in 0..whole.len() - 12 {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert!(read_mask(&path).is_err(), "{end}");
        }
        // A header that claims 60,000 × 60,000 pixels.
        let mut large = whole;
        large[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        std::fs::write(&path, &large).unwrap();
        assert!(read_mask(&path).is_err());
    }
}
