//! Insertion and deletion curves (Petsiuk, Das & Saenko, *RISE*, BMVC 2018).
//!
//! The pixels are sorted by the saliency map, and n steps insert or delete them in this order. The
//! network classifies the picture before the first step and after each step:
//!
//! ```text
//!   map   0.1 0.9        order of the pixels   1 2 3 0       (row by row; ties by index)
//!         0.4 0.4
//!
//!   step          0      1      2         with n = 2 steps of two pixels
//!   insertion   · ·    · x    x x         x: a pixel of the image
//!               · ·    x ·    x x         ·: a removed pixel
//!   deletion    x x    x ·    · ·
//!               x x    · x    · ·
//! ```
//!
//! The metric is the area under the curve of the class probabilities. A map that finds the
//! important pixels has a large area for insertion and a small one for deletion.

use super::check::check_samples;
use crate::cam::fraction::{check_fractions, clamp};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The pixels of a saliency map from the most salient pixel to the least salient one. Pixels of
/// equal value are in the order of their indices.
///
/// ```
/// use tenfold::cam::metrics::PixelOrder;
/// let order = PixelOrder::new(&[0.1f32, 0.9, 0.4, 0.4])?;
/// assert_eq!(order.indices(), [1, 2, 3, 0]);
/// assert_eq!(order.inserted(1, 2)?, [false, true, true, false]);
/// assert_eq!(order.kept(1, 2)?, [true, false, false, true]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelOrder(Vec<usize>);

impl PixelOrder {
    /// The order of the pixels of `map`, which lists them row by row.
    ///
    /// Cost: P·log P comparisons for P pixels.
    ///
    /// # Errors
    /// [`Error::NoSamples`] for a map without pixels; [`Error::EntryOutOfRange`] or
    /// [`Error::NonFinite`] for a value outside \[0, 1\].
    ///
    /// ```
    /// use tenfold::cam::metrics::PixelOrder;
    /// assert!(PixelOrder::new(&[0.1, f64::NAN]).is_err());
    /// ```
    pub fn new<T: Scalar>(map: &[T]) -> Result<Self> {
        check_samples("the map", map.len())?;
        let what = "a value of a saliency map";
        check_fractions(what, TensorRef::new(&[map.len()], map)?)?;
        let mut indices: Vec<usize> = (0..map.len()).collect();
        // Adding 0 makes −0 to 0, so that the two are equal for `total_cmp`.
        let value = |index: usize| clamp(map[index].as_f64()) + 0.0;
        // The sort is stable: pixels of equal value keep the order of their indices.
        indices.sort_by(|&i, &j| value(j).total_cmp(&value(i)));
        Ok(Self(indices))
    }

    /// The indices of the pixels, the most salient one first.
    pub fn indices(&self) -> &[usize] {
        &self.0
    }

    /// For each pixel, whether it is visible in the insertion curve after `step` of `steps` steps.
    /// Of P pixels, ⌊P·step/steps⌋ are visible.
    ///
    /// # Errors
    /// [`Error::NotPositive`] for 0 steps, [`Error::LengthMismatch`] for a step above `steps`.
    ///
    /// ```
    /// use tenfold::cam::metrics::PixelOrder;
    /// let order = PixelOrder::new(&[0.3, 0.2, 0.5])?;
    /// assert_eq!(order.inserted(0, 2)?, [false, false, false]);
    /// assert_eq!(order.inserted(1, 2)?, [false, false, true]);
    /// assert_eq!(order.inserted(2, 2)?, [true, true, true]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn inserted(&self, step: usize, steps: usize) -> Result<Vec<bool>> {
        if steps == 0 {
            return Err(Error::NotPositive {
                what: "the number of steps",
            });
        }
        if step > steps {
            return Err(Error::LengthMismatch {
                what: "the steps of the curve",
                expected: steps,
                actual: step,
            });
        }
        let pixels = (self.0.len() as u128) * (step as u128) / (steps as u128);
        Ok(self.most_salient(pixels as usize))
    }

    /// For each pixel, whether it is visible in the deletion curve after `step` of `steps` steps:
    /// the pixels that are not [`PixelOrder::inserted`].
    ///
    /// # Errors
    /// The errors of [`PixelOrder::inserted`].
    ///
    /// ```
    /// use tenfold::cam::metrics::PixelOrder;
    /// let order = PixelOrder::new(&[0.3, 0.2, 0.5])?;
    /// assert_eq!(order.kept(1, 3)?, [true, true, false]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn kept(&self, step: usize, steps: usize) -> Result<Vec<bool>> {
        let mut pixels = self.inserted(step, steps)?;
        pixels.iter_mut().for_each(|pixel| *pixel = !*pixel);
        Ok(pixels)
    }

    /// For each pixel, whether it is in the upper half of the map: the ⌈P/2⌉ most salient of P
    /// pixels. A masked image of these pixels, at full brightness, is the variant of the masked
    /// image that Score-CAM is evaluated with.
    ///
    /// ```
    /// use tenfold::cam::metrics::PixelOrder;
    /// let order = PixelOrder::new(&[0.3, 0.2, 0.5, 0.0])?;
    /// assert_eq!(order.upper_half(), [true, false, true, false]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn upper_half(&self) -> Vec<bool> {
        self.most_salient(self.0.len().div_ceil(2))
    }

    /// For each pixel, whether it is one of the `count` most salient pixels.
    fn most_salient(&self, count: usize) -> Vec<bool> {
        let mut pixels = vec![false; self.0.len()];
        for &index in &self.0[..count] {
            pixels[index] = true;
        }
        pixels
    }
}

/// The area under an insertion or deletion curve by the trapezoid rule:
///
/// > AUC = (1/n)·Σₖ (cₖ₋₁ + cₖ)/2,   k = 1 … n
///
/// c₀ is the class probability before the first step, and cₖ the class probability after step k.
/// The steps have the same width, and the area of the constant curve 1 is 1.
///
/// # Errors
/// [`Error::NoSamples`] for an empty curve, [`Error::LengthMismatch`] for a curve of one point;
/// [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for a probability outside \[0, 1\].
///
/// ```
/// use tenfold::cam::metrics::area_under_curve;
/// assert_eq!(area_under_curve(&[0.0, 0.5, 1.0])?, 0.5);
/// assert_eq!(area_under_curve(&[0.0, 1.0, 1.0])?, 0.75);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn area_under_curve(probabilities: &[f64]) -> Result<f64> {
    check_samples("a curve", probabilities.len())?;
    if probabilities.len() == 1 {
        return Err(Error::LengthMismatch {
            what: "a curve",
            expected: 2,
            actual: 1,
        });
    }
    let what = "a probability of a curve";
    check_fractions(what, TensorRef::new(&[probabilities.len()], probabilities)?)?;
    let pairs = probabilities.windows(2);
    let sum: f64 = pairs.map(|pair| clamp(pair[0]) + clamp(pair[1])).sum();
    Ok(sum / 2.0 / (probabilities.len() - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_inserts_pixels_that_are_at_most_as_salient() {
        let map: Vec<f32> = (0..35).map(|i| ((i * 13) % 10) as f32 / 10.0).collect();
        let order = PixelOrder::new(&map).unwrap();
        for steps in [1, 2, 7, 34, 35, 100] {
            let mut before = vec![false; 35];
            for step in 0..=steps {
                let after = order.inserted(step, steps).unwrap();
                let count = after.iter().filter(|&&pixel| pixel).count();
                assert_eq!(count, 35 * step / steps);
                // A visible pixel stays visible.
                assert!(before.iter().zip(&after).all(|(b, a)| a >= b));
                let least = (0..35).filter(|&i| after[i]).map(|i| map[i]);
                let most = (0..35).filter(|&i| !after[i]).map(|i| map[i]);
                let least = least.fold(1.0, f32::min);
                assert!(most.fold(0.0, f32::max) <= least);
                before = after;
            }
            assert!(before.iter().all(|&pixel| pixel));
        }
    }

    #[test]
    fn pixels_of_equal_value_are_in_the_order_of_their_indices() {
        let order = PixelOrder::new(&[0.0, -0.0, 0.5, -1e-7, 0.5]).unwrap();
        assert_eq!(order.indices(), [2, 4, 0, 1, 3]);
        let constant = PixelOrder::new(&[0.25f32; 5]).unwrap();
        assert_eq!(constant.indices(), [0, 1, 2, 3, 4]);
        assert_eq!(constant.upper_half(), [true, true, true, false, false]);
    }

    /// The area of a curve with unequal probabilities, by `numpy.trapezoid(c, dx=1/4)`.
    #[test]
    fn the_area_agrees_with_numpy() {
        let area = area_under_curve(&[0.1, 0.7, 0.2, 0.9, 0.4]).unwrap();
        assert!((area - 0.5125).abs() < 1e-15, "{area}");
    }

    #[test]
    fn bad_input_is_an_error() {
        let order = PixelOrder::new(&[0.5]).unwrap();
        assert!(matches!(
            order.inserted(0, 0),
            Err(Error::NotPositive { .. })
        ));
        assert!(matches!(
            order.kept(3, 2),
            Err(Error::LengthMismatch { .. })
        ));
        assert!(matches!(
            PixelOrder::new::<f64>(&[]),
            Err(Error::NoSamples { .. })
        ));
        assert!(matches!(
            area_under_curve(&[0.5]),
            Err(Error::LengthMismatch { .. })
        ));
        assert!(matches!(
            area_under_curve(&[0.5, f64::NAN]),
            Err(Error::NonFinite { .. })
        ));
    }
}
