//! The pictures of the report: photographs as the network sees them, overlays, masks and
//! binarised maps, each as a data URI.
//!
//! The network sees a crop from the middle of the resized photograph. The report cuts the same part
//! from the photograph first and resizes it once, so that a photograph of extreme proportions needs
//! no large buffer:
//!
//! ```text
//!   ┌───────┬───────────┬───────┐
//!   │       │   part    │       │  photograph        part ──► picture of at most 320×320 pixels
//!   └───────┴───────────┴───────┘
//! ```

use std::path::Path;

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, Luma, Pixel};
use tenfold::cam::{Overlay, colorize, resize};
use tenfold::io::{RgbImage, read_image, read_mask};
use tenfold::{Result, Tensor};

use crate::failure::{Failure, Outcome};
use crate::records::{MapRecord, Settings};

/// The maximum side of a picture in the report, in pixels.
const MAX_SIDE: usize = 320;

/// The quality of JPEG pictures, from 1 to 100.
const QUALITY: u8 = 85;

/// The size of the pictures of a run, and the part of a photograph that they show.
#[derive(Clone, Copy)]
pub(super) struct Crop {
    /// The height and the width of a picture.
    pub(super) size: (usize, usize),
    /// The length of the photograph's shorter side in pixels of the picture.
    shorter: f64,
}

impl Crop {
    pub(super) fn new(settings: &Settings) -> Self {
        let [height, width] = settings.input.map(|side| side.max(1));
        let factor = (MAX_SIDE as f64 / height.max(width) as f64).min(1.0);
        let scaled = |side: usize| ((side as f64 * factor).round() as usize).max(1);
        Self {
            size: (scaled(height), scaled(width)),
            shorter: (settings.resize as f64 * factor).max(1.0),
        }
    }

    /// Reads a photograph.
    pub(super) fn photograph(&self, path: &Path) -> Result<RgbImage> {
        // The filter is linear interpolation, and averages where it reduces.
        Ok(self.cut(&read_image(path)?, FilterType::Triangle))
    }

    /// Reads a mask: white inside the object, black outside, and grey where it is void.
    pub(super) fn mask(&self, path: &Path) -> Result<GrayImage> {
        let mut mask = self.cut(&read_mask(path)?, FilterType::Nearest);
        for pixel in mask.pixels_mut() {
            pixel.0 = match pixel.0 {
                [0] => [0],
                [255] => [128],
                _ => [255],
            };
        }
        Ok(mask)
    }

    /// The part of a picture that the network sees.
    fn cut<P>(
        &self,
        picture: &ImageBuffer<P, Vec<u8>>,
        filter: FilterType,
    ) -> ImageBuffer<P, Vec<u8>>
    where
        P: Pixel<Subpixel = u8> + 'static,
    {
        let (width, height) = picture.dimensions();
        // The picture covers the crop, also where `resize` is smaller than the crop.
        let covers = |side: u32, size: usize| size as f64 / f64::from(side);
        let scale = (self.shorter / f64::from(width.min(height)))
            .max(covers(width, self.size.1))
            .max(covers(height, self.size.0));
        let (left, columns) = middle(width, self.size.1, scale);
        let (top, rows) = middle(height, self.size.0, scale);
        let part = imageops::crop_imm(picture, left, top, columns, rows).to_image();
        imageops::resize(&part, self.size.1 as u32, self.size.0 as u32, filter)
    }

    /// The overlay of a map on a photograph; the map alone without one.
    pub(super) fn overlay(
        &self,
        map: &MapRecord,
        photograph: Option<&RgbImage>,
    ) -> Result<RgbImage> {
        let overlay = Overlay::default();
        match photograph {
            Some(photograph) => overlay.draw(&values(map)?, photograph),
            None => colorize(&self.resized(map)?, overlay.colormap),
        }
    }

    /// White where the map is at least `threshold`, else black.
    pub(super) fn binarised(&self, map: &MapRecord, threshold: f64) -> Result<GrayImage> {
        let resized = self.resized(map)?;
        let (height, width) = self.size;
        let level = |x: u32, y: u32| {
            let value = resized.data()[y as usize * width + x as usize];
            255 * u8::from(f64::from(value) >= threshold)
        };
        Ok(GrayImage::from_fn(width as u32, height as u32, |x, y| {
            Luma([level(x, y)])
        }))
    }

    fn resized(&self, map: &MapRecord) -> Result<Tensor<f32>> {
        resize(&values(map)?, self.size.0, self.size.1)
    }
}

/// The start and the length of the middle of `side` pixels that becomes `size` pixels when it is
/// multiplied by `scale`.
fn middle(side: u32, size: usize, scale: f64) -> (u32, u32) {
    let length = (size as f64 / scale).round() as u32;
    let length = length.clamp(1, side);
    ((side - length) / 2, length)
}

/// The values of a map, H×W.
fn values(map: &MapRecord) -> Result<Tensor<f32>> {
    Tensor::new(&map.shape, map.values.clone())
}

/// A photograph or an overlay as a data URI, in JPEG.
pub(super) fn jpeg(picture: &RgbImage) -> Outcome<String> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let (width, height) = picture.dimensions();
    encoder
        .write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(not_encoded)?;
    Ok(format!("data:image/jpeg;base64,{}", base64(&bytes)))
}

/// A picture with few levels as a data URI, in PNG.
pub(super) fn png(picture: &GrayImage) -> Outcome<String> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    let (width, height) = picture.dimensions();
    encoder
        .write_image(picture.as_raw(), width, height, ExtendedColorType::L8)
        .map_err(not_encoded)?;
    Ok(format!("data:image/png;base64,{}", base64(&bytes)))
}

fn not_encoded(error: image::ImageError) -> Failure {
    Failure::other(format!("a picture cannot be encoded: {error}"))
}

/// The text of `bytes` in base 64 (RFC 4648): four letters for three bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(4 * bytes.len().div_ceil(3));
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { letter.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_examples_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    fn crop(height: usize, width: usize, shorter: f64) -> Crop {
        Crop {
            size: (height, width),
            shorter,
        }
    }

    #[test]
    fn the_middle_of_the_photograph_is_shown() {
        let photograph = RgbImage::from_fn(9, 3, |x, y| [x as u8, y as u8, 0].into());
        let part = crop(3, 3, 3.0).cut(&photograph, FilterType::Triangle);
        assert_eq!(part.get_pixel(0, 0).0, [3, 0, 0]);
        assert_eq!(part.get_pixel(2, 2).0, [5, 2, 0]);
        // The photograph is resized to 4 pixels, and 2 of them are shown.
        let part = crop(2, 2, 4.0).cut(&RgbImage::new(8, 8), FilterType::Nearest);
        assert_eq!(part.dimensions(), (2, 2));
    }

    #[test]
    fn the_void_pixels_of_a_mask_are_grey() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/evaluation");
        let mask = crop(40, 40, 40.0)
            .mask(&data.join("masks/disc.png"))
            .unwrap();
        // Along the middle row: background, void ring, object.
        let levels = [8, 12, 20].map(|x| mask.get_pixel(x, 20).0[0]);
        assert_eq!(levels, [0, 128, 255]);
    }

    #[test]
    fn a_small_photograph_covers_the_crop() {
        let white = RgbImage::from_pixel(4, 4, [255; 3].into());
        let part = crop(6, 9, 4.0).cut(&white, FilterType::Triangle);
        assert!(part.pixels().all(|pixel| pixel.0 == [255; 3]));
    }

    #[test]
    fn extreme_proportions_need_no_large_buffer() {
        for (width, height) in [(1, 60_000), (60_000, 1)] {
            let part = crop(7, 5, 7.0).cut(&RgbImage::new(width, height), FilterType::Triangle);
            assert_eq!(part.dimensions(), (5, 7));
        }
    }

    #[test]
    fn binarised_maps_are_white_from_the_threshold_on() {
        let map = MapRecord {
            method: "tsm".into(),
            shape: [1, 2],
            values: vec![0.0, 0.5],
            seconds: 0.0,
            masked_probability: None,
            embedding_error: None,
            iou: Vec::new(),
            insertion: Vec::new(),
            deletion: Vec::new(),
        };
        let binarised = crop(1, 2, 1.0).binarised(&map, 0.5).unwrap();
        assert_eq!(binarised.into_raw(), [0, 255]);
    }
}
