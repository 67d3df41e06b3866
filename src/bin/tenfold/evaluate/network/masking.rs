//! Masked images, and images with some pixels removed.
//!
//! The network reads an image whose levels were shifted and scaled (mean and standard deviation). A
//! pixel is removed by the entry 0 in this array, which is the mean colour of the data that the
//! network was trained with.

use clap::ValueEnum;
use tenfold::cam::metrics::PixelOrder;
use tenfold::{Result, Tensor};

/// The value of `--masking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Masking {
    /// Each pixel is multiplied by the map
    Map,
    /// The pixels of the map's upper half are kept, the others are removed
    UpperHalf,
}

impl Masking {
    /// The name in the settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::UpperHalf => "upper-half",
        }
    }

    /// The masked image of `image`, 3×H×W. `map` has a value for each of the H·W pixels.
    pub(super) fn apply(self, image: &Tensor<f32>, map: &[f32]) -> Result<Tensor<f32>> {
        match self {
            Self::Map => multiplied(image, |pixel| map[pixel]),
            Self::UpperHalf => with_pixels(image, &PixelOrder::new(map)?.upper_half()),
        }
    }
}

/// The image with the pixels that are `visible`.
pub(super) fn with_pixels(image: &Tensor<f32>, visible: &[bool]) -> Result<Tensor<f32>> {
    multiplied(image, |pixel| if visible[pixel] { 1.0 } else { 0.0 })
}

/// The image with each pixel multiplied by its factor, in all colours.
fn multiplied(image: &Tensor<f32>, factor: impl Fn(usize) -> f32) -> Result<Tensor<f32>> {
    let pixels = image.data().len() / image.shape()[0].max(1);
    let entries = image.data().chunks(pixels.max(1)).flat_map(|colour| {
        let entries = colour.iter().enumerate();
        entries.map(|(pixel, entry)| entry * factor(pixel))
    });
    Tensor::new(image.shape(), entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_colours_of_a_pixel_are_masked_alike() {
        let image = Tensor::from_fn(&[3, 1, 4], |i| (10 * i[0] + i[2] + 1) as f32).unwrap();
        let map = [0.0, 0.5, 1.0, 0.25];
        let masked = Masking::Map.apply(&image, &map).unwrap();
        let expected = [
            0.0, 1.0, 3.0, 1.0, 0.0, 6.0, 13.0, 3.5, 0.0, 11.0, 23.0, 6.0,
        ];
        assert_eq!(masked.data(), expected);
        let half = Masking::UpperHalf.apply(&image, &map).unwrap();
        assert_eq!(half.data()[..4], [0.0, 2.0, 3.0, 0.0]);
        assert_eq!(half.data()[8..], [0.0, 22.0, 23.0, 0.0]);
    }
}
