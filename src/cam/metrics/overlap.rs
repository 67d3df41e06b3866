//! The intersection over union of thresholded maps and masks of the object.

use super::check::{check_length, check_samples};
use crate::cam::fraction::{check_fraction, check_fractions, clamp};
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The thresholds at which Bouayed et al. report the mean intersection over union.
///
/// ```
/// # use tenfold::cam::metrics::THRESHOLDS;
/// assert_eq!((THRESHOLDS[0], THRESHOLDS[5]), (0.4, 0.9));
/// ```
pub const THRESHOLDS: [f64; 6] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// The intersection over union of a mask and a thresholded map:
///
/// > IoU = |B ∩ M| / |B ∪ M|,   B = {pixels with map ≥ T}
///
/// M is the set of pixels in the mask, and T the threshold. If B and M are both empty, the result
/// is 1.
///
/// # Errors
/// [`crate::Error::LengthMismatch`] unless map and mask have the same number of pixels,
/// [`crate::Error::NoSamples`] for a map without pixels; [`crate::Error::EntryOutOfRange`] or
/// [`crate::Error::NonFinite`] for a value of the map outside \[0, 1\], [`crate::Error::FractionOutOfRange`] for
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
    check_samples("the map", map.len())?;
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
    let pixels = map.iter().zip(mask);
    overlap(
        pixels.map(|(value, &inside)| (value.as_f64(), inside)),
        threshold,
    )
}

/// |B ∩ M| / |B ∪ M| for pixels, each with the value of the map and whether it is in the mask.
fn overlap(pixels: impl Iterator<Item = (f64, bool)>, threshold: f64) -> f64 {
    let (mut both, mut either) = (0usize, 0usize);
    for (value, inside) in pixels {
        let salient = clamp(value) >= threshold;
        both += usize::from(salient && inside);
        either += usize::from(salient || inside);
    }
    if either == 0 {
        1.0
    } else {
        both as f64 / either as f64
    }
}

/// A pixel of a mask that also marks pixels without a label.
///
/// ```
/// use tenfold::cam::metrics::Region;
/// assert_eq!([0, 15, 255].map(Region::from_voc), [Region::Outside, Region::Inside, Region::Void]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The pixel is not in the object.
    Outside,
    /// The pixel is in the object.
    Inside,
    /// It is unknown whether the pixel is in the object.
    Void,
}

impl Region {
    /// The region of an index in a mask of Pascal VOC: 0 is the background, 255 is void, and each
    /// other index is a class of objects.
    pub fn from_voc(index: u8) -> Self {
        match index {
            0 => Self::Outside,
            255 => Self::Void,
            _ => Self::Inside,
        }
    }
}

/// The [`iou`] over the pixels that are not void:
///
/// > IoU = |B ∩ M| / |B ∪ M|,   B = {pixels outside V with map ≥ T}
///
/// V is the set of void pixels. If B and M are both empty, the result is 1.
///
/// # Errors
/// The errors of [`iou`].
///
/// ```
/// use tenfold::cam::metrics::{Region, iou_of_regions};
/// let map = [0.9f32, 0.5, 0.7, 0.0];
/// let mask = [Region::Inside, Region::Outside, Region::Void, Region::Inside];
/// assert_eq!(iou_of_regions(&map, &mask, 0.5)?, 1.0 / 3.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn iou_of_regions<T: Scalar>(map: &[T], mask: &[Region], threshold: f64) -> Result<f64> {
    check_length("the mask", map.len(), mask.len())?;
    check_samples("the map", map.len())?;
    check_maps(map, threshold)?;
    let labelled = map.iter().zip(mask).filter_map(|(value, region)| {
        let inside = match region {
            Region::Inside => true,
            Region::Outside => false,
            Region::Void => return None,
        };
        Some((value.as_f64(), inside))
    });
    Ok(overlap(labelled, threshold))
}

/// The mean [`iou`] of several images:
///
/// > mIoU = (1/N)·Σᵢ IoUᵢ
///
/// `maps` and `masks` have N·`pixels` entries, image after image.
///
/// # Errors
/// The errors of [`iou`], with an index into `maps`; [`crate::Error::LengthMismatch`] if the length of
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
    check_samples("the maps", maps.len().min(pixels))?;
    let images = maps.len().div_ceil(pixels);
    check_length("the maps", images * pixels, maps.len())?;
    check_maps(maps, threshold)?;
    let pairs = maps.chunks(pixels).zip(masks.chunks(pixels));
    let ious = pairs.map(|(map, mask)| unchecked_iou(map, mask, threshold));
    Ok(ious.sum::<f64>() / images as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn the_iou_of_two_empty_sets_is_one() {
        assert_eq!(iou(&[0.1, 0.2], &[false, false], 0.5).unwrap(), 1.0);
        let void = [Region::Void, Region::Outside];
        assert_eq!(iou_of_regions(&[0.9, 0.2], &void, 0.5).unwrap(), 1.0);
    }

    #[test]
    fn entries_outside_by_rounding_count_as_zero_or_one() {
        assert_eq!(iou(&[-1e-7, 1.0 + 1e-7], &[true; 2], 0.0).unwrap(), 1.0);
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

    /// Without void pixels both functions agree, and void pixels could as well be cut out.
    #[test]
    fn void_pixels_do_not_count() {
        let map: Vec<f64> = (0..30).map(|i| f64::from((7 * i) % 10) / 9.0).collect();
        let index = |i: usize| [0, 255, 3, 0, 20][i % 5];
        let regions: Vec<Region> = (0..30).map(|i| Region::from_voc(index(i))).collect();
        let labelled = (0..30).filter(|&i| regions[i] != Region::Void);
        let (values, mask): (Vec<f64>, Vec<bool>) = labelled
            .map(|i| (map[i], regions[i] == Region::Inside))
            .unzip();
        for threshold in THRESHOLDS {
            let expected = iou(&values, &mask, threshold).unwrap();
            let actual = iou_of_regions(&map, &regions, threshold).unwrap();
            assert_eq!(actual, expected, "{threshold}");
        }
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(matches!(
            iou(&[0.5], &[true], f64::NAN),
            Err(Error::FractionOutOfRange { .. })
        ));
        assert!(matches!(
            iou(&[0.5, f32::NAN], &[true; 2], 0.5),
            Err(Error::NonFinite { .. })
        ));
        assert!(matches!(
            iou_of_regions(&[0.5, 2.0], &[Region::Void; 2], 0.5),
            Err(Error::EntryOutOfRange { .. })
        ));
        assert!(matches!(
            iou_of_regions(&[0.5], &[Region::Void; 2], 0.5),
            Err(Error::LengthMismatch { .. })
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
