//! Pictures of saliency maps, alone and side by side.

use tenfold::cam::{Overlay, colorize, resize};
use tenfold::io::RgbImage;
use tenfold::{Result, Tensor};

use super::Args;
use super::photograph::size_of;
use crate::failure::{Failure, Outcome};

/// The minimum length of the longer side of a picture, unless a size is given.
pub(super) const MIN_SIDE: usize = 224;

/// The number of pixels between pictures side by side.
const GAP: u32 = 4;

/// The maximum number of pixels of a picture.
pub(super) const MAX_PICTURE_PIXELS: u64 = 1 << 28;

/// Draws a map over the photograph, or by itself if there is none.
///
/// Without a photograph and `--size` the map is enlarged by a whole number, with bilinear
/// interpolation.
pub(super) fn draw(
    args: &Args,
    map: &Tensor<f32>,
    photograph: Option<&RgbImage>,
) -> Result<RgbImage> {
    let mut map = args.resized(map, photograph)?;
    let Some(photograph) = photograph else {
        if args.size.is_none() {
            let (height, width) = (map.shape()[0], map.shape()[1]);
            let factor = MIN_SIDE.div_ceil(height.max(width));
            map = resize(&map, factor * height, factor * width)?;
        }
        return colorize(&map, args.colormap);
    };
    let overlay = Overlay {
        colormap: args.colormap,
        alpha: args.alpha,
    };
    if let Some((height, width)) = args.size
        && size_of(photograph) != (height, width)
    {
        return overlay.draw(&map, &fitted(photograph, height, width)?);
    }
    overlay.draw(&map, photograph)
}

/// The photograph resized to a height and a width.
fn fitted(photograph: &RgbImage, height: usize, width: usize) -> Result<RgbImage> {
    let (old_height, old_width) = size_of(photograph);
    let planes = (0..3).flat_map(|channel| {
        photograph
            .pixels()
            .map(move |pixel| f32::from(pixel.0[channel]))
    });
    let planes = Tensor::new(&[3, old_height, old_width], planes.collect())?;
    let planes = resize(&planes, height, width)?;
    let pixels = height * width;
    let mut fitted = RgbImage::new(width as u32, height as u32);
    for (position, pixel) in fitted.pixels_mut().enumerate() {
        for (channel, level) in pixel.0.iter_mut().enumerate() {
            *level = planes.data()[channel * pixels + position].round() as u8;
        }
    }
    Ok(fitted)
}

/// One picture of all pictures, in rows and columns with white gaps.
pub(super) fn side_by_side(rows: &[Vec<RgbImage>]) -> Outcome<RgbImage> {
    if let [row] = rows
        && let [picture] = row.as_slice()
    {
        return Ok(picture.clone());
    }
    let pictures = || rows.iter().flatten();
    let cell_height = pictures().map(RgbImage::height).max().unwrap_or(1) + GAP;
    let cell_width = pictures().map(RgbImage::width).max().unwrap_or(1) + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1);
    let height = u64::from(cell_height) * rows.len() as u64 - u64::from(GAP);
    let width = u64::from(cell_width) * columns as u64 - u64::from(GAP);
    if height.saturating_mul(width) > MAX_PICTURE_PIXELS {
        return Err(too_many());
    }
    let mut canvas = RgbImage::from_pixel(width as u32, height as u32, [255; 3].into());
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            let (left, top) = (column as u32 * cell_width, row as u32 * cell_height);
            for (x, y, pixel) in picture.enumerate_pixels() {
                canvas.put_pixel(left + x, top + y, *pixel);
            }
        }
    }
    Ok(canvas)
}

/// The failure that the maps do not fit into one picture.
pub(super) fn too_many() -> Failure {
    Failure::usage("there are too many maps for one picture: -o FOLDER draws each into its own")
}
