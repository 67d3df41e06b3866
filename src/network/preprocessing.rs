//! From a photograph to the input of a network, as torchvision does it.
//!
//! ```text
//!   photograph          resized               crop         tensor
//!   ┌────────────┐      ┌─────────┐         ┌──────┐
//!   │            │  →   │ ┆     ┆ │  →      │      │  →  (level · scale − mean) / std
//!   │            │      │ ┆     ┆ │ resize  │      │     for each colour
//!   └────────────┘      └─────────┘         └──────┘
//! ```
//!
//! The shorter side becomes `resize` pixels, and the centre is cut out.

use super::input::Input;
use super::preset::Preset;
use super::resample::{Window, resample};
use crate::error::{Error, Result};
use crate::io::{Element, GrayImage, RgbImage};
use crate::tensor::Tensor;

/// How a photograph becomes the input of a network.
///
/// ```
/// use tenfold::io::RgbImage;
/// use tenfold::network::Preprocessing;
/// let preprocessing = Preprocessing {
///     resize: 256,
///     crop: (224, 224),
///     mean: [0.485, 0.456, 0.406],
///     std: [0.229, 0.224, 0.225],
///     scale: 1.0 / 255.0,
/// };
/// let crop = preprocessing.crop(&RgbImage::new(640, 480))?;
/// assert_eq!(crop.dimensions(), (224, 224));
/// let tensor = preprocessing.tensor(&crop)?;
/// assert_eq!(tensor.shape(), [3, 224, 224]);
/// assert_eq!(tensor.data()[0], -0.485 / 0.229);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocessing {
    /// The shorter side of the resized photograph, in pixels. If the crop is larger than the
    /// resized photograph, the photograph is resized so that it just covers the crop.
    pub resize: usize,
    /// The height and the width of the crop.
    pub crop: (usize, usize),
    /// For each colour, the number that is subtracted after the scaling.
    pub mean: [f32; 3],
    /// For each colour, the number by which the difference is divided.
    pub std: [f32; 3],
    /// The number for one of the levels 0 to 255, usually 1/255.
    pub scale: f32,
}

impl Preprocessing {
    /// The maximum side of a crop and of `resize`. A square of this size has 800 MB as `f32`.
    pub const MAX_SIDE: usize = 1 << 13;

    /// The preprocessing for a network. The crop is the input of the network, and the shorter side is
    /// resized to the shorter side of the input. A photograph of the input's size does not change.
    /// torchvision evaluates its networks for 224×224 pixels with `resize: 256`.
    ///
    /// An input of the type `u8` gets the levels of the photograph, whatever `preset` is.
    ///
    /// # Errors
    /// [`crate::NetworkError::UnknownInputSize`] if the height or the width of the input is open.
    pub fn of(preset: Preset, input: &Input) -> Result<Self> {
        let (height, width) = input.size()?;
        let preset = match input.element() {
            Element::U8 => Preset::Levels,
            _ => preset,
        };
        let (mean, std, scale) = match preset {
            Preset::Imagenet => ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1.0 / 255.0),
            Preset::Unit => ([0.0; 3], [1.0; 3], 1.0 / 255.0),
            Preset::Tf => ([0.5; 3], [0.5; 3], 1.0 / 255.0),
            Preset::Levels => ([0.0; 3], [1.0; 3], 1.0),
        };
        Ok(Self {
            resize: height.min(width),
            crop: (height, width),
            mean,
            std,
            scale,
        })
    }

    /// Resizes a photograph and cuts out its centre. The result equals the result of
    /// `torchvision.transforms.Resize` and `CenterCrop` on a picture of Pillow, which resizes with a
    /// triangle filter.
    ///
    /// Only the pixels of the crop are computed, so that a very long picture needs no more memory.
    ///
    /// # Errors
    /// [`Error::NotPositive`] for an empty photograph, and for a crop or `resize` of 0;
    /// [`Error::ShapeOverflow`] for a side above [`Preprocessing::MAX_SIDE`].
    pub fn crop(&self, photograph: &RgbImage) -> Result<RgbImage> {
        let (width, height) = photograph.dimensions();
        let [rows, columns] = self.windows(height as usize, width as usize)?;
        let cropped = resample(photograph.as_raw(), width as usize, rows, columns);
        let image = RgbImage::from_raw(columns.count as u32, rows.count as u32, cropped);
        image.ok_or_else(|| self.overflow())
    }

    /// [`Preprocessing::crop`] for a mask: the same pixels are cut out, and each takes the value of the
    /// nearest pixel of the mask.
    ///
    /// # Errors
    /// The errors of [`Preprocessing::crop`].
    pub fn crop_mask(&self, mask: &GrayImage) -> Result<GrayImage> {
        let (width, height) = mask.dimensions();
        let [rows, columns] = self.windows(height as usize, width as usize)?;
        let crop = GrayImage::from_fn(columns.count as u32, rows.count as u32, |x, y| {
            let x = columns.nearest(x as usize).min(width as usize - 1);
            let y = rows.nearest(y as usize).min(height as usize - 1);
            *mask.get_pixel(x as u32, y as u32)
        });
        Ok(crop)
    }

    /// The tensor 3×H×W of an image: `(level · scale − mean) / std` for each colour.
    ///
    /// # Errors
    /// [`Error::Empty`] for an empty image.
    pub fn tensor(&self, image: &RgbImage) -> Result<Tensor<f32>> {
        let (width, height) = image.dimensions();
        let mut entries = Vec::with_capacity(3 * width as usize * height as usize);
        for colour in 0..3 {
            let (mean, std) = (self.mean[colour], self.std[colour]);
            let number = |level: u8| (f32::from(level) * self.scale - mean) / std;
            entries.extend(image.pixels().map(|pixel| number(pixel.0[colour])));
        }
        let shape = [3, height as usize, width as usize];
        if entries.is_empty() {
            return Err(Error::Empty {
                shape: shape.to_vec(),
            });
        }
        Tensor::new(&shape, entries)
    }

    /// The rows and the columns of the resized photograph that the crop holds.
    fn windows(&self, height: usize, width: usize) -> Result<[Window; 2]> {
        let (crop_height, crop_width) = self.crop;
        for (what, value) in [
            ("the height of the photograph", height),
            ("the width of the photograph", width),
            ("the height of the crop", crop_height),
            ("the width of the crop", crop_width),
            ("the resized side", self.resize),
        ] {
            if value == 0 {
                return Err(Error::NotPositive { what });
            }
        }
        if crop_height.max(crop_width).max(self.resize) > Self::MAX_SIDE {
            return Err(self.overflow());
        }
        // 1. The size after resizing: the shorter side becomes `resize`, the other is rounded down.
        let (short, long) = (height.min(width), height.max(width));
        let resized = |short_side: usize| {
            let long_side = short_side as u128 * long as u128 / short as u128;
            (short_side, usize::try_from(long_side).unwrap_or(usize::MAX))
        };
        let (short_crop, long_crop) = if height <= width {
            (crop_height, crop_width)
        } else {
            (crop_width, crop_height)
        };
        let covering = (long_crop as u128 * short as u128).div_ceil(long as u128) as usize;
        let short_side = self.resize.max(short_crop).max(covering);
        let (short_side, long_side) = resized(short_side);
        let (full_height, full_width) = if height <= width {
            (short_side, long_side)
        } else {
            (long_side, short_side)
        };
        // 2. The centre. Halves are rounded to the nearest even number, as Python does.
        let window = |source: usize, full: usize, count: usize| Window {
            source,
            full,
            first: half_to_even(full - count),
            count,
        };
        Ok([
            window(height, full_height, crop_height),
            window(width, full_width, crop_width),
        ])
    }

    fn overflow(&self) -> Error {
        Error::ShapeOverflow {
            shape: vec![self.crop.0, self.crop.1],
        }
    }
}

/// n/2, rounded to the nearest even number if n is odd.
fn half_to_even(n: usize) -> usize {
    let half = n / 2;
    if n % 2 == 1 && half % 2 == 1 {
        half + 1
    } else {
        half
    }
}
