//! Metrics of the quality of saliency maps.
//!
//! A *masked image* is an image multiplied by its saliency map. If the map keeps the important
//! pixels, the network responds to the masked image as it does to the image.
//!
//! | metric | compares | better |
//! | --- | --- | --- |
//! | [`average_drop`] | class probabilities of images and of masked images | lower |
//! | [`average_increase`] | class probabilities of images and of masked images | higher |
//! | [`embedding_mse`] | embeddings of images and of masked images | lower |
//! | [`iou`], [`mean_iou`] | thresholded maps and masks of the object | higher |
//!
//! The definitions follow Bouayed et al. (section 6.1, appendix C). Other libraries define the
//! average drop differently: pytorch-grad-cam does not divide by the probability of the image, and
//! xplique adds a small constant to the divisor.
//!
//! Probabilities and the values of maps are between 0 and 1. An entry outside \[0, 1\] by at most
//! [`ROUNDING`] counts as 0 or 1. An entry farther outside is an error, which contains its index.

pub use super::fraction::{ROUNDING, check_fractions};

use super::fraction::{check_fraction, clamp};
use crate::error::{Error, Result};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{TensorRef, largest_magnitude};

/// The thresholds at which Bouayed et al. report the mean intersection over union.
///
/// ```
/// # use tenfold::cam::metrics::THRESHOLDS;
/// assert_eq!((THRESHOLDS[0], THRESHOLDS[5]), (0.4, 0.9));
/// ```
pub const THRESHOLDS: [f64; 6] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// The average drop of the class probability, in percent:
///
/// > AD = (100/N)·Σᵢ max(0, pᵢ − oᵢ)/pᵢ
///
/// pᵢ is the class probability of image i, oᵢ the class probability of masked image i, and N the
/// number of images. An image with pᵢ = 0 has a drop of 0.
///
/// # Errors
/// [`Error::NoSamples`] for N = 0, [`Error::LengthMismatch`] unless both slices have the same
/// length; [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for a probability outside \[0, 1\].
///
/// ```
/// use tenfold::cam::metrics::average_drop;
/// assert_eq!(average_drop(&[0.5, 0.4], &[0.25, 0.8])?, 25.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn average_drop(probabilities: &[f64], masked: &[f64]) -> Result<f64> {
    let pairs = checked_pairs(probabilities, masked)?;
    let drops = pairs.map(|(p, o)| if p > o { (p - o) / p } else { 0.0 });
    Ok(100.0 * drops.sum::<f64>() / probabilities.len() as f64)
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
    let pairs = checked_pairs(probabilities, masked)?;
    let increases = pairs.filter(|(p, o)| p < o).count();
    Ok(100.0 * increases as f64 / probabilities.len() as f64)
}

/// The mean squared error of embeddings:
///
/// > MSE = (1/N)·Σᵢ ‖zᵢ − z̄ᵢ‖²
///
/// zᵢ is the embedding of image i, z̄ᵢ the embedding of masked image i, and N the number of images.
/// The arrays are N×D, or N×(any trailing shape). The squares are summed over the D entries, not
/// averaged.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless both arrays have the same shape, [`Error::TooFewModes`] for an
/// array of one mode, [`Error::NoSamples`] for N = 0, [`Error::NonFinite`],
/// [`Error::ResultOutOfRange`] if the error is above the largest `f64`.
///
/// ```
/// use tenfold::{TensorRef, cam::metrics::embedding_mse};
/// let z = TensorRef::new(&[2, 2], &[0.0, 0.0, 1.0, 1.0])?;
/// let masked = TensorRef::new(&[2, 2], &[3.0, 4.0, 1.0, 2.0])?;
/// assert_eq!(embedding_mse(z, masked)?, 13.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn embedding_mse<'a, 'b, T: Scalar>(
    embeddings: impl Into<TensorRef<'a, T>>,
    masked: impl Into<TensorRef<'b, T>>,
) -> Result<f64> {
    let (embeddings, masked) = (embeddings.into(), masked.into());
    if embeddings.shape() != masked.shape() {
        return Err(Error::ShapeMismatch {
            what: "embeddings of the masked images",
            expected: embeddings.shape().to_vec(),
            actual: masked.shape().to_vec(),
        });
    }
    let &[images, _, ..] = embeddings.shape() else {
        return Err(Error::TooFewModes {
            what: "an array of embeddings",
            expected: 2,
            shape: embeddings.shape().to_vec(),
        });
    };
    if images == 0 {
        return Err(Error::NoSamples { what: "embeddings" });
    }
    // Scale the entries to magnitudes below 2, so that squares and sums stay in the range of f64.
    let largest = largest_magnitude(embeddings)?.max(largest_magnitude(masked)?);
    let exponent = binary_exponent(largest);
    let entry = |value: T| scale(value.as_f64(), -exponent);
    let pairs = embeddings.data().iter().zip(masked.data());
    let squares = pairs.map(|(&z, &o)| (entry(z) - entry(o)).powi(2));
    let mean = squares.sum::<f64>() / images as f64;
    let mse = scale(mean, 2 * exponent);
    if mse.is_infinite() {
        return Err(Error::ResultOutOfRange {
            what: "the error of the embeddings",
            exponent: binary_exponent(mean) + 2 * exponent,
            scalar: f64::NAME,
        });
    }
    Ok(mse)
}

/// The intersection over union of a mask and a thresholded map:
///
/// > IoU = |B ∩ M| / |B ∪ M|,   B = {pixels with map ≥ T}
///
/// M is the set of pixels in the mask, and T the threshold. If B and M are both empty, the result
/// is 1.
///
/// # Errors
/// [`Error::LengthMismatch`] unless map and mask have the same number of pixels,
/// [`Error::NoSamples`] for a map without pixels; [`Error::EntryOutOfRange`] or
/// [`Error::NonFinite`] for a value of the map outside \[0, 1\], [`Error::FractionOutOfRange`] for
/// a threshold outside \[0, 1\].
///
/// ```
/// use tenfold::cam::metrics::iou;
/// let map = [0.9f32, 0.5, 0.2, 0.0];
/// let mask = [true, false, true, false];
/// assert_eq!(iou(&map, &mask, 0.5)?, 1.0 / 3.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn iou<T: Scalar>(map: &[T], mask: &[bool], threshold: f64) -> Result<f64> {
    check_length("the mask", map.len(), mask.len())?;
    if map.is_empty() {
        return Err(Error::NoSamples { what: "the map" });
    }
    check_maps(map, threshold)?;
    Ok(unchecked_iou(map, mask, threshold))
}

/// Fails if a value of a map or the threshold is outside \[0, 1\].
fn check_maps<T: Scalar>(maps: &[T], threshold: f64) -> Result<()> {
    check_fraction("the threshold", threshold)?;
    check_fractions(
        "a value of a saliency map",
        TensorRef::new(&[maps.len()], maps)?,
    )
}

/// [`iou`] without the checks.
fn unchecked_iou<T: Scalar>(map: &[T], mask: &[bool], threshold: f64) -> f64 {
    let (mut both, mut either) = (0usize, 0usize);
    for (value, &inside) in map.iter().zip(mask) {
        let salient = clamp(value.as_f64()) >= threshold;
        both += usize::from(salient && inside);
        either += usize::from(salient || inside);
    }
    if either == 0 {
        1.0
    } else {
        both as f64 / either as f64
    }
}

/// The mean [`iou`] of several images:
///
/// > mIoU = (1/N)·Σᵢ IoUᵢ
///
/// `maps` and `masks` have N·`pixels` entries, image after image.
///
/// # Errors
/// The errors of [`iou`], with an index into `maps`; [`Error::LengthMismatch`] if the length of
/// `maps` is not a multiple of `pixels`.
///
/// ```
/// use tenfold::cam::metrics::{THRESHOLDS, mean_iou};
/// let maps = [1.0, 0.0, 0.6, 0.3];
/// let masks = [true, false, true, true];
/// assert_eq!(mean_iou(&maps, &masks, 2, 0.5)?, 0.75);
///
/// let sweep: Vec<f64> = THRESHOLDS
///     .iter()
///     .map(|&threshold| mean_iou(&maps, &masks, 2, threshold))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(sweep, [0.75, 0.75, 0.75, 0.5, 0.5, 0.5]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn mean_iou<T: Scalar>(
    maps: &[T],
    masks: &[bool],
    pixels: usize,
    threshold: f64,
) -> Result<f64> {
    check_length("the masks", maps.len(), masks.len())?;
    if maps.is_empty() || pixels == 0 {
        return Err(Error::NoSamples { what: "the maps" });
    }
    let images = maps.len().div_ceil(pixels);
    check_length("the maps", images * pixels, maps.len())?;
    check_maps(maps, threshold)?;
    let pairs = maps.chunks(pixels).zip(masks.chunks(pixels));
    let ious = pairs.map(|(map, mask)| unchecked_iou(map, mask, threshold));
    Ok(ious.sum::<f64>() / images as f64)
}

/// The pairs (pᵢ, oᵢ), checked and clamped to \[0, 1\].
fn checked_pairs(
    probabilities: &[f64],
    masked: &[f64],
) -> Result<impl Iterator<Item = (f64, f64)>> {
    let what = "the probabilities of the masked images";
    check_length(what, probabilities.len(), masked.len())?;
    if probabilities.is_empty() {
        return Err(Error::NoSamples {
            what: "probabilities",
        });
    }
    for (what, entries) in [
        ("a probability", probabilities),
        ("a probability of a masked image", masked),
    ] {
        check_fractions(what, TensorRef::new(&[entries.len()], entries)?)?;
    }
    let pairs = probabilities.iter().zip(masked);
    Ok(pairs.map(|(&p, &o)| (clamp(p), clamp(o))))
}

fn check_length(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        what,
        expected,
        actual,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_probability_zero_has_no_drop() {
        assert_eq!(average_drop(&[0.0], &[0.0]).unwrap(), 0.0);
    }

    #[test]
    fn the_iou_of_two_empty_sets_is_one() {
        assert_eq!(iou(&[0.1, 0.2], &[false, false], 0.5).unwrap(), 1.0);
    }

    #[test]
    fn entries_outside_by_rounding_count_as_zero_or_one() {
        assert_eq!(average_drop(&[1.0 + 1e-7], &[0.5]).unwrap(), 50.0);
        assert_eq!(average_drop(&[1.0], &[-1e-7]).unwrap(), 100.0);
        // Both probabilities count as 1.
        assert_eq!(average_increase(&[1.0], &[1.0 + 1e-7]).unwrap(), 0.0);
        assert_eq!(iou(&[-1e-7, 1.0 + 1e-7], &[true; 2], 0.0).unwrap(), 1.0);
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

    #[test]
    fn a_position_at_the_threshold_is_salient() {
        for threshold in THRESHOLDS {
            let (below, above) = (f64::next_down(threshold), f64::next_up(threshold));
            let map = [below, threshold, above, 0.0];
            // Two of the three pixels in the mask are salient, and none outside.
            let mask = [true, true, true, false];
            assert_eq!(iou(&map, &mask, threshold).unwrap(), 2.0 / 3.0);
            let outside = [false, true, false, false];
            assert_eq!(iou(&map, &outside, threshold).unwrap(), 0.5);
            assert_eq!(iou(&map, &mask, below).unwrap(), 1.0);
            assert_eq!(iou(&map, &mask, above).unwrap(), 1.0 / 3.0);
        }
        // The smallest and the largest threshold.
        assert_eq!(iou(&[0.0, 1.0], &[true, true], 0.0).unwrap(), 1.0);
        assert_eq!(iou(&[0.0, 1.0], &[true, true], 1.0).unwrap(), 0.5);
        assert!(iou(&[0.0, 1.0], &[true, true], f64::next_up(1.0)).is_err());
        assert!(iou(&[0.0, 1.0], &[true, true], -f64::from_bits(1)).is_err());
    }

    #[test]
    fn the_error_of_large_embeddings_is_finite_or_out_of_range() {
        let column = |rows: usize, entry: f64| {
            crate::tensor::Tensor::from_fn(&[rows, 1], |_| entry).unwrap()
        };
        // The sum of the squares is above the largest f64, but not their mean.
        let mse = embedding_mse(&column(100, 1.3e154), &column(100, 0.0)).unwrap();
        assert!((mse / 1.69e308 - 1.0).abs() < 1e-14, "{mse:e}");
        let mse = embedding_mse(&column(3, 1e-160), &column(3, 0.0)).unwrap();
        assert!((mse / 1e-320 - 1.0).abs() < 1e-3, "{mse:e}");
        let refused = embedding_mse(&column(2, 1e308), &column(2, -1e308));
        assert!(
            matches!(refused, Err(Error::ResultOutOfRange { .. })),
            "{refused:?}"
        );
    }

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
        assert!(matches!(
            iou(&[0.5], &[true], f64::NAN),
            Err(Error::FractionOutOfRange { .. })
        ));
        assert!(matches!(
            iou(&[0.5, f32::NAN], &[true; 2], 0.5),
            Err(Error::NonFinite { .. })
        ));
        assert!(matches!(
            mean_iou(&[0.5, 0.5, 0.5, 255.0], &[true; 4], 2, 0.5),
            Err(Error::EntryOutOfRange { index, .. }) if index == [3]
        ));
        assert!(matches!(
            mean_iou(&[0.5; 3], &[true; 3], 2, 0.5),
            Err(Error::LengthMismatch {
                expected: 4,
                actual: 3,
                ..
            })
        ));
    }
}
