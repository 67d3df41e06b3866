//! Metrics of class probabilities: how masking an image changes the probability of its class.
//!
//! p is the class probability of an image, and o the class probability of the masked image. Each
//! metric is a number for one image, and its mean over the images in percent.

use super::check::{check_length, check_samples};
use crate::cam::fraction::{check_fraction, check_fractions, clamp};
use crate::error::Result;
use crate::tensor::TensorRef;

/// The constant ε of torch-cam 0.5 for [`average_drop_with_epsilon`].
///
/// ```
/// # use tenfold::cam::metrics::{EPSILON_OF_TORCH_CAM, EPSILON_OF_XPLIQUE};
/// assert!(EPSILON_OF_XPLIQUE < EPSILON_OF_TORCH_CAM);
/// ```
pub const EPSILON_OF_TORCH_CAM: f64 = 1e-7;

/// The constant ε of xplique 2.0 for [`average_drop_with_epsilon`] and [`average_gain`].
///
/// ```
/// # use tenfold::cam::metrics::{EPSILON_OF_TORCH_CAM, EPSILON_OF_XPLIQUE};
/// assert!(EPSILON_OF_XPLIQUE < EPSILON_OF_TORCH_CAM);
/// ```
pub const EPSILON_OF_XPLIQUE: f64 = 1e-8;

/// The class probabilities of an image and of its masked image.
///
/// The methods compute the metrics of this image as fractions, not in percent. Functions such as
/// [`average_drop`] return the mean over images.
///
/// ```
/// use tenfold::cam::metrics::ProbabilityPair;
/// let pair = ProbabilityPair::new(0.5, 0.125)?;
/// assert_eq!(pair.drop(), 0.75);
/// assert_eq!(pair.absolute_drop(), 0.375);
/// assert!(!pair.increases());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityPair {
    image: f64,
    masked: f64,
}

impl ProbabilityPair {
    /// The pair of the class probability `image` of the image and the class probability `masked`
    /// of the masked image.
    ///
    /// # Errors
    /// [`crate::Error::EntryOutOfRange`] or [`crate::Error::NonFinite`] for a probability outside \[0, 1\].
    ///
    /// ```
    /// use tenfold::cam::metrics::ProbabilityPair;
    /// assert!(ProbabilityPair::new(0.5, 1.5).is_err());
    /// ```
    pub fn new(image: f64, masked: f64) -> Result<Self> {
        check_fractions("a probability", TensorRef::new(&[1], &[image])?)?;
        let what = "a probability of a masked image";
        check_fractions(what, TensorRef::new(&[1], &[masked])?)?;
        Ok(Self::clamped(image, masked))
    }

    /// The pair of two probabilities that were checked.
    fn clamped(image: f64, masked: f64) -> Self {
        Self {
            image: clamp(image),
            masked: clamp(masked),
        }
    }

    /// The relative drop max(0, p − o)/p, and 0 for p = 0. [`average_drop`] is its mean.
    pub fn drop(self) -> f64 {
        if self.image > self.masked {
            (self.image - self.masked) / self.image
        } else {
            0.0
        }
    }

    /// The relative drop max(0, p − o)/(p + ε). [`average_drop_with_epsilon`] is its mean.
    pub fn drop_with_epsilon(self, epsilon: f64) -> f64 {
        if self.image > self.masked {
            (self.image - self.masked) / (self.image + epsilon)
        } else {
            0.0
        }
    }

    /// The absolute drop max(0, p − o). [`average_absolute_drop`] is its mean.
    pub fn absolute_drop(self) -> f64 {
        (self.image - self.masked).max(0.0)
    }

    /// The relative gain max(0, o − p)/(1 − p), and 0 for p = 1. [`average_gain`] is its mean.
    pub fn gain(self) -> f64 {
        if self.masked > self.image {
            (self.masked - self.image) / (1.0 - self.image)
        } else {
            0.0
        }
    }

    /// Whether p < o. [`average_increase`] is the share of these images.
    pub fn increases(self) -> bool {
        self.image < self.masked
    }
}

/// The average drop of the class probability, in percent:
///
/// > AD = (100/N)·Σᵢ max(0, pᵢ − oᵢ)/pᵢ
///
/// pᵢ is the class probability of image i, oᵢ the class probability of masked image i, and N the
/// number of images. An image with pᵢ = 0 has a drop of 0.
///
/// # Errors
/// [`crate::Error::NoSamples`] for N = 0, [`crate::Error::LengthMismatch`] unless both slices have the same
/// length; [`crate::Error::EntryOutOfRange`] or [`crate::Error::NonFinite`] for a probability outside \[0, 1\].
///
/// ```
/// use tenfold::cam::metrics::average_drop;
/// assert_eq!(average_drop(&[0.5, 0.4], &[0.25, 0.8])?, 25.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_drop(probabilities: &[f64], masked: &[f64]) -> Result<f64> {
    percent(probabilities, masked, ProbabilityPair::drop)
}

/// The average increase, in percent: the share of images for which masking increases the class
/// probability.
///
/// > AI = (100/N)·#{i : pᵢ < oᵢ}
///
/// pᵢ, oᵢ and N are defined as in [`average_drop`].
///
/// # Errors
/// The errors of [`average_drop`].
///
/// ```
/// use tenfold::cam::metrics::average_increase;
/// assert_eq!(average_increase(&[0.5, 0.4], &[0.25, 0.8])?, 50.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_increase(probabilities: &[f64], masked: &[f64]) -> Result<f64> {
    percent(probabilities, masked, |pair| {
        f64::from(u8::from(pair.increases()))
    })
}

/// The average drop with a small constant ε in the divisor, in percent:
///
/// > (100/N)·Σᵢ max(0, pᵢ − oᵢ)/(pᵢ + ε)
///
/// torch-cam and xplique define the average drop in this way, as a fraction, with
/// [`EPSILON_OF_TORCH_CAM`] and [`EPSILON_OF_XPLIQUE`]. It differs from [`average_drop`] where pᵢ
/// is as small as ε.
///
/// # Errors
/// The errors of [`average_drop`]; [`crate::Error::FractionOutOfRange`] for ε outside \[0, 1\].
///
/// ```
/// use tenfold::cam::metrics::{EPSILON_OF_XPLIQUE, average_drop_with_epsilon};
/// let drop = average_drop_with_epsilon(&[1e-8, 0.4], &[0.0, 0.8], EPSILON_OF_XPLIQUE)?;
/// assert_eq!(drop, 25.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_drop_with_epsilon(
    probabilities: &[f64],
    masked: &[f64],
    epsilon: f64,
) -> Result<f64> {
    check_fraction("epsilon", epsilon)?;
    percent(probabilities, masked, |pair| {
        pair.drop_with_epsilon(epsilon)
    })
}

/// The average absolute drop of the class probability, in percentage points:
///
/// > (100/N)·Σᵢ max(0, pᵢ − oᵢ)
///
/// It is 100 times the mean of the `DropInConfidence` of pytorch-grad-cam, which does not divide by
/// the probability of the image. An image with a small pᵢ thus counts less than in
/// [`average_drop`].
///
/// # Errors
/// The errors of [`average_drop`].
///
/// ```
/// use tenfold::cam::metrics::average_absolute_drop;
/// assert_eq!(average_absolute_drop(&[0.5, 0.4], &[0.25, 0.8])?, 12.5);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_absolute_drop(probabilities: &[f64], masked: &[f64]) -> Result<f64> {
    percent(probabilities, masked, ProbabilityPair::absolute_drop)
}

/// The average gain of the class probability, in percent:
///
/// > AG = (100/N)·Σᵢ max(0, oᵢ − pᵢ)/(1 − pᵢ)
///
/// This is the complement of [`average_drop`]: the gain as a share of the largest possible gain
/// (Zhang et al., *Opti-CAM*, CVIU 2024). An image with pᵢ = 1 has a gain of 0. xplique adds
/// [`EPSILON_OF_XPLIQUE`] to the divisor and returns a fraction.
///
/// # Errors
/// The errors of [`average_drop`].
///
/// ```
/// use tenfold::cam::metrics::average_gain;
/// assert_eq!(average_gain(&[0.5, 0.5], &[0.25, 0.75])?, 25.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_gain(probabilities: &[f64], masked: &[f64]) -> Result<f64> {
    percent(probabilities, masked, ProbabilityPair::gain)
}

/// The mean of `metric` over the images, in percent.
fn percent(
    probabilities: &[f64],
    masked: &[f64],
    metric: impl Fn(ProbabilityPair) -> f64,
) -> Result<f64> {
    let what = "the probabilities of the masked images";
    check_length(what, probabilities.len(), masked.len())?;
    check_samples("probabilities", probabilities.len())?;
    for (what, entries) in [
        ("a probability", probabilities),
        ("a probability of a masked image", masked),
    ] {
        check_fractions(what, TensorRef::new(&[entries.len()], entries)?)?;
    }
    let pairs = probabilities.iter().zip(masked);
    let values = pairs.map(|(&p, &o)| metric(ProbabilityPair::clamped(p, o)));
    Ok(100.0 * values.sum::<f64>() / probabilities.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn an_image_of_probability_zero_has_no_drop() {
        assert_eq!(average_drop(&[0.0], &[0.0]).unwrap(), 0.0);
        assert_eq!(average_drop_with_epsilon(&[0.0], &[0.0], 0.0).unwrap(), 0.0);
        assert_eq!(average_gain(&[1.0], &[1.0]).unwrap(), 0.0);
    }

    #[test]
    fn entries_outside_by_rounding_count_as_zero_or_one() {
        assert_eq!(average_drop(&[1.0 + 1e-7], &[0.5]).unwrap(), 50.0);
        assert_eq!(average_drop(&[1.0], &[-1e-7]).unwrap(), 100.0);
        // Both probabilities count as 1.
        assert_eq!(average_increase(&[1.0], &[1.0 + 1e-7]).unwrap(), 0.0);
        assert_eq!(average_gain(&[1.0], &[1.0 + 1e-7]).unwrap(), 0.0);
    }

    #[test]
    fn equal_probabilities_neither_drop_nor_increase() {
        let (p, above, below) = (0.5, f64::next_up(0.5), f64::next_down(0.5));
        assert_eq!(average_drop(&[p], &[p]).unwrap(), 0.0);
        assert_eq!(average_increase(&[p], &[p]).unwrap(), 0.0);
        assert_eq!(average_increase(&[p], &[above]).unwrap(), 100.0);
        assert_eq!(average_drop(&[p], &[above]).unwrap(), 0.0);
        assert_eq!(average_increase(&[p], &[below]).unwrap(), 0.0);
        assert!(average_drop(&[p], &[below]).unwrap() > 0.0);
    }

    /// The formulas of the sources of pytorch-grad-cam 1.5.7, torch-cam 0.5.0 and xplique 2.0.2,
    /// evaluated with NumPy in f64 on these probabilities.
    #[test]
    fn the_variants_agree_with_their_peers() {
        let p = [
            0.384_632_825_851,
            0.939_835_309_983,
            1e-6,
            0.197_326_153_517,
        ];
        let o = [0.428_793_221_712, 0.694_139_182_568, 0.0, 0.006_565_204_822];
        let agrees = |value: f64, expected: f64| {
            assert!((value - expected).abs() < 1e-9, "{value} {expected}");
        };
        agrees(average_absolute_drop(&p, &o).unwrap(), DROP_IN_CONFIDENCE);
        let with = |epsilon| average_drop_with_epsilon(&p, &o, epsilon).unwrap();
        agrees(with(EPSILON_OF_TORCH_CAM), DROP_OF_TORCH_CAM);
        agrees(with(EPSILON_OF_XPLIQUE), DROP_OF_XPLIQUE);
        // xplique's ε changes the gain by less than 1e-7.
        let gain = average_gain(&p, &o).unwrap();
        assert!((gain - GAIN_OF_XPLIQUE).abs() < 1e-7, "{gain}");
        assert_eq!(with(0.0), average_drop(&p, &o).unwrap());
    }
    const DROP_IN_CONFIDENCE: f64 = 10.91145190275;
    const DROP_OF_TORCH_CAM: f64 = 53.43110557278563;
    const DROP_OF_XPLIQUE: f64 = 55.45631974196481;
    const GAIN_OF_XPLIQUE: f64 = 1.794066900157751;

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(
            average_drop(&[], &[]),
            Err(Error::NoSamples { .. })
        ));
        assert!(matches!(
            average_drop(&[0.5], &[0.5, 0.1]),
            Err(Error::LengthMismatch { .. })
        ));
        assert!(matches!(
            average_increase(&[1.5], &[0.5]),
            Err(Error::EntryOutOfRange { .. })
        ));
        assert!(matches!(
            average_drop(&[0.5, 0.5], &[0.5, -0.1]),
            Err(Error::EntryOutOfRange { what: "a probability of a masked image", index, .. })
                if index == [1]
        ));
        for epsilon in [-1e-9, 1.5, f64::NAN] {
            assert!(matches!(
                average_drop_with_epsilon(&[0.5], &[0.5], epsilon),
                Err(Error::FractionOutOfRange { .. })
            ));
        }
    }
}
