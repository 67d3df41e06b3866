//! Metrics of the quality of saliency maps.
//!
//! A *masked image* is an image multiplied by its saliency map. If the map keeps the important
//! pixels, the network responds to the masked image as it does to the image.
//!
//! | metric | of one image | compares | better |
//! | --- | --- | --- | --- |
//! | [`average_drop`] | [`ProbabilityPair::drop`] | class probabilities of images and of masked images | lower |
//! | [`average_increase`] | [`ProbabilityPair::increases`] | the same | higher |
//! | [`average_gain`] | [`ProbabilityPair::gain`] | the same | higher |
//! | [`embedding_mse`] | [`embedding_error`] | embeddings of images and of masked images | lower |
//! | [`mean_iou`] | [`iou`], [`iou_of_regions`] | thresholded maps and masks of the object | higher |
//! | insertion: [`PixelOrder`], [`area_under_curve`] | the same | class probabilities while salient pixels are inserted | higher |
//! | deletion: [`PixelOrder`], [`area_under_curve`] | the same | class probabilities while salient pixels are deleted | lower |
//!
//! The definitions follow Bouayed et al. (section 6.1, appendix C); insertion and deletion follow
//! Petsiuk, Das & Saenko (*RISE*, BMVC 2018). Other libraries define some metrics differently, and
//! their variants have names of their own:
//!
//! | variant | used by |
//! | --- | --- |
//! | [`average_absolute_drop`]: no division by the probability of the image | pytorch-grad-cam |
//! | [`average_drop_with_epsilon`]: a small constant in the divisor | torch-cam, xplique |
//! | [`PixelOrder::upper_half`]: the masked image keeps half of the pixels | Wang et al., *Score-CAM*, CVPR workshops 2020 |
//!
//! [`Bootstrap`] computes how far the mean over a sample of images may be from the mean over all
//! images.
//!
//! Probabilities and the values of maps are between 0 and 1. An entry outside \[0, 1\] by at most
//! [`ROUNDING`] counts as 0 or 1. An entry farther outside is an error, which contains its index.

mod bootstrap;
mod check;
mod curves;
mod embeddings;
mod overlap;
mod probabilities;

pub use super::fraction::{ROUNDING, check_fractions};
pub use bootstrap::{Bootstrap, Interval};
pub use curves::{PixelOrder, area_under_curve};
pub use embeddings::{embedding_error, embedding_mse};
pub use overlap::{Region, THRESHOLDS, iou, iou_of_regions, mean_iou};
pub use probabilities::{
    EPSILON_OF_TORCH_CAM, EPSILON_OF_XPLIQUE, ProbabilityPair, average_absolute_drop, average_drop,
    average_drop_with_epsilon, average_gain, average_increase,
};
