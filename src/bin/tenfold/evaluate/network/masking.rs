//! Masked images, and images with some pixels removed.
//!
//! The paper multiplies the pixels by the map. The network reads an array x = (level·s − mean)/std of
//! scaled and shifted levels, in which a black pixel is b = −mean/std. So a pixel that is multiplied by
//! the factor f becomes
//!
//! > (f·level·s − mean)/std = f·x + (1 − f)·b
//!
//! Some libraries multiply x instead. A removed pixel then is 0 in the array, the mean colour of the
//! photographs that the network was trained with. This is the same formula with b = 0.

use clap::ValueEnum;
use tenfold::cam::metrics::PixelOrder;
use tenfold::network::Preprocessing;
use tenfold::{Result, Tensor};

/// The value of `--masking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Masking {
    /// Each pixel is multiplied by the map; removed pixels are black
    Map,
    /// The normalised input is multiplied by the map, as pytorch-grad-cam, torch-cam and xplique do;
    /// removed pixels have the mean colour
    Normalised,
    /// The pixels of the map's upper half are kept, the others are black
    UpperHalf,
}

impl Masking {
    /// The name in the settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Normalised => "normalised",
            Self::UpperHalf => "upper-half",
        }
    }
}

/// Masks the images of one run.
pub(super) struct Masker {
    masking: Masking,
    /// The entry of a removed pixel, for each colour.
    removed: [f32; 3],
}

impl Masker {
    pub(super) fn new(masking: Masking, preprocessing: &Preprocessing) -> Self {
        let Preprocessing { mean, std, .. } = preprocessing;
        let removed = match masking {
            Masking::Map | Masking::UpperHalf => {
                [0, 1, 2].map(|colour| -mean[colour] / std[colour])
            }
            Masking::Normalised => [0.0; 3],
        };
        Self { masking, removed }
    }

    /// The masked image of `image`, 3×H×W. `map` has a value for each of the H·W pixels.
    pub(super) fn masked(&self, image: &Tensor<f32>, map: &[f32]) -> Result<Tensor<f32>> {
        match self.masking {
            Masking::Map | Masking::Normalised => self.multiplied(image, |pixel| map[pixel]),
            Masking::UpperHalf => self.visible(image, &PixelOrder::new(map)?.upper_half()),
        }
    }

    /// The image with the pixels that are `visible`. The others are removed.
    pub(super) fn visible(&self, image: &Tensor<f32>, visible: &[bool]) -> Result<Tensor<f32>> {
        self.multiplied(image, |pixel| if visible[pixel] { 1.0 } else { 0.0 })
    }

    /// The image with each pixel multiplied by its factor, in all colours.
    fn multiplied(
        &self,
        image: &Tensor<f32>,
        factor: impl Fn(usize) -> f32,
    ) -> Result<Tensor<f32>> {
        let pixels = image.data().len() / image.shape()[0].max(1);
        let colours = image.data().chunks(pixels.max(1)).zip(self.removed);
        let entries = colours.flat_map(|(entries, removed)| {
            let entries = entries.iter().enumerate();
            let factor = &factor;
            entries.map(move |(pixel, entry)| {
                let factor = factor(pixel);
                factor * entry + (1.0 - factor) * removed
            })
        });
        Tensor::new(image.shape(), entries.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(masking: Masking) -> Vec<f32> {
        let preprocessing = Preprocessing {
            resize: 1,
            crop: (1, 4),
            mean: [0.5, 0.25, 0.0],
            std: [0.5, 0.25, 1.0],
            scale: 1.0,
        };
        let image = Tensor::from_fn(&[3, 1, 4], |i| (10 * i[0] + i[2] + 1) as f32).unwrap();
        let masker = Masker::new(masking, &preprocessing);
        let masked = masker.masked(&image, &[0.0, 0.5, 1.0, 0.25]).unwrap();
        masked.into_data()
    }

    #[test]
    fn all_colours_of_a_pixel_are_masked_alike() {
        let expected = [
            0.0, 1.0, 3.0, 1.0, 0.0, 6.0, 13.0, 3.5, 0.0, 11.0, 23.0, 6.0,
        ];
        assert_eq!(masked(Masking::Normalised), expected);
        // A black pixel is −1, −1 and 0 in the three colours.
        let expected = [
            -1.0, 0.5, 3.0, 0.25, -1.0, 5.5, 13.0, 2.75, 0.0, 11.0, 23.0, 6.0,
        ];
        assert_eq!(masked(Masking::Map), expected);
        let expected = [
            -1.0, 2.0, 3.0, -1.0, -1.0, 12.0, 13.0, -1.0, 0.0, 22.0, 23.0, 0.0,
        ];
        assert_eq!(masked(Masking::UpperHalf), expected);
    }
}
