//! Min-max normalisation.

use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, first_non_finite};

/// Stretches a map to \[0, 1\]: (x − min)/(max − min) for each entry x.
///
/// The result does not depend on the scale of the map. In libraries that divide by `max + 1e-7`,
/// the result depends on the scale. A constant map gives zeros.
///
/// # Errors
/// [`crate::Error::NonFinite`] for the first entry that is not finite.
///
/// ```
/// use tenfold::{Tensor, cam::normalize};
/// let map = Tensor::new(&[3], vec![2.0, 6.0, 4.0])?;
/// assert_eq!(normalize(&map)?.data(), [0.0, 1.0, 0.5]);
/// let constant = Tensor::new(&[2], vec![7.0f32, 7.0])?;
/// assert_eq!(normalize(&constant)?.data(), [0.0, 0.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn normalize<'a, T: Scalar>(map: impl Into<TensorRef<'a, T>>) -> Result<Tensor<T>> {
    let map = map.into();
    if let Some(error) = first_non_finite(map) {
        return Err(error);
    }
    let range = MinMax::of(map.data(), 0.0);
    let values = map.data().iter().map(|value| {
        let position = range
            .as_ref()
            .map_or(0.0, |range| range.position(value.as_f64()));
        T::from_f64(position)
    });
    Tensor::new(map.shape(), values.collect())
}

/// The range of a map that is not constant. The fields are halves, because max − min can overflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinMax {
    /// min/2.
    half_min: f64,
    /// (max − min)/2.
    half_range: f64,
}

impl MinMax {
    /// The range of `values`. `None` if max − min is at most `tolerance` times the largest
    /// magnitude.
    pub(super) fn of<T: Scalar>(values: &[T], tolerance: f64) -> Option<Self> {
        let half = |value: &T| 0.5 * value.as_f64();
        let half_min = values.iter().map(half).fold(f64::INFINITY, f64::min);
        let half_max = values.iter().map(half).fold(f64::NEG_INFINITY, f64::max);
        let half_range = half_max - half_min;
        let magnitude = half_min.abs().max(half_max.abs());
        (half_range > tolerance * magnitude).then_some(Self {
            half_min,
            half_range,
        })
    }

    /// max − min. Infinite if it is above the largest `f64`.
    pub(super) fn width(&self) -> f64 {
        2.0 * self.half_range
    }

    /// (value − min)/(max − min).
    pub(super) fn position(&self, value: f64) -> f64 {
        (0.5 * value - self.half_min) / self.half_range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_with_a_range_up_to_the_tolerance_is_constant() {
        let tolerance = 2f64.powi(-20);
        for largest in [1.0, -3.0, 2f64.powi(1000), -(2f64.powi(-1000))] {
            let map = |difference: f64| [largest, largest * (1.0 - difference), largest];
            assert!(MinMax::of(&map(tolerance / 2.0), tolerance).is_none());
            assert!(MinMax::of(&map(tolerance), tolerance).is_none());
            assert!(MinMax::of(&map(1.5 * tolerance), tolerance).is_some());
        }
        // With a tolerance of 0, and for values of both signs, every difference counts.
        assert!(MinMax::of(&[1.0, f64::next_up(1.0)], 0.0).is_some());
        assert!(MinMax::of(&[-1e-30, 1e-30], tolerance).is_some());
    }

    #[test]
    fn the_widest_range_does_not_overflow() {
        let map = Tensor::new(&[3], vec![f64::MIN, 0.0, f64::MAX]).unwrap();
        assert_eq!(normalize(&map).unwrap().data(), [0.0, 0.5, 1.0]);
    }
}
