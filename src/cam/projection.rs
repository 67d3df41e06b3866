//! The sum of the projected maps of a feature map, and an estimate of its rounding error.
//!
//! ```text
//! s = Σᵢ wᵢ·φ(pᵢ),   pᵢ = Σ_c vᵢ[c]·F[c],   wᵢ = σᵢ/σ₁
//!
//! φ(p) = |p|           absolute value
//!        max(0, ±p)    the sign chosen by the entry of largest magnitude in p
//!
//! error of s ≤ Σᵢ wᵢ·(error of pᵢ + error of the sign)
//! ```
//!
//! The saliency map is (s − min s)/(max s − min s), so an error of s counts relative to
//! max s − min s.

use super::normalize::MinMax;
use super::weighting::{Sign, Vectors};
use crate::linalg::Precision;
use crate::monitor::Cancellation;
use crate::simd::Scratch;

/// How to compute the projected maps of a feature map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// The first vector or all vectors.
    pub(super) vectors: Vectors,
    /// Whether the mean of each channel is subtracted first.
    pub(super) centring: bool,
    /// The ranks of a Tucker decomposition. `None` means the singular value decomposition of the
    /// channel unfolding.
    pub(super) ranks: Option<&'a [usize]>,
    /// The precision of products of `f32` entries.
    pub(super) precision: Precision,
    /// If it is set, the computation ends with an error.
    pub(super) cancellation: Cancellation<'a>,
}

/// A projected map pᵢ = Σ_c vᵢ\[c\]·F\[c\].
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection<'a> {
    /// The weight σᵢ/σ₁.
    pub(super) weight: f64,
    /// One value for each position.
    pub(super) values: &'a [f64],
    /// An estimated bound on the error of each value because of products in `f32`. It is 0 if all
    /// products are in `f64`.
    pub(super) error: f64,
}

/// The maximum of the estimated error of a saliency map from products in `f32`. If the estimate is
/// larger, the map is recomputed with products in `f64`. This number is half of the bound in the
/// docs of [`Cam`](super::Cam).
pub(crate) const MAP_TOLERANCE: f64 = 5e-5;

/// Two magnitudes count as equal if their relative difference is at most this number.
const TIE_TOLERANCE: f64 = 1e-12;

/// The sum s = Σᵢ wᵢ·φ(pᵢ) of the projected maps that were added.
pub(super) struct ProjectionSum {
    /// One value for each position.
    pub(super) map: Scratch<f64>,
    /// An estimated bound on the error of each entry of the sum.
    error: f64,
    /// The choice of φ.
    sign: Sign,
}

impl ProjectionSum {
    /// The sum of no maps.
    pub(super) fn new(positions: usize, sign: Sign) -> Self {
        Self {
            map: Scratch::zeroed(positions),
            error: 0.0,
            sign,
        }
    }

    /// Removes all maps from the sum.
    pub(super) fn clear(&mut self) {
        self.map.fill(0.0);
        self.error = 0.0;
    }

    /// Adds w·φ(p).
    pub(super) fn add(&mut self, projection: Projection<'_>) {
        let Projection {
            weight,
            values,
            error,
        } = projection;
        self.error += weight * error;
        let entries = self.map.iter_mut().zip(values);
        match self.sign {
            Sign::Absolute => entries.for_each(|(map, p)| *map += weight * p.abs()),
            Sign::Positive | Sign::Negative => {
                let flip = largest_is_negative(values) != (self.sign == Sign::Negative);
                let signed = if flip { -weight } else { weight };
                entries.for_each(|(map, p)| *map += (signed * p).max(0.0));
                if error > 0.0 {
                    self.error += weight * sign_error(values, error);
                }
            }
        }
    }

    /// Whether rounding changes each entry of the normalised map by at most [`MAP_TOLERANCE`].
    /// `range` is the range of the sum.
    pub(super) fn is_resolved(&self, range: Option<MinMax>) -> bool {
        // An entry (s − min s)/(max s − min s) has the error of s, and the error of min s or max s.
        let tolerance = 0.5 * MAP_TOLERANCE;
        let width = range.map_or(0.0, |range| range.width());
        self.error == 0.0 || self.error <= tolerance * width
    }
}

/// The additional error of max(0, ±p) if errors of the entries can change the choice of the sign.
/// They can if an error of at most `error` in each entry makes the magnitudes of the minimum and
/// the maximum equal. Then the additional error is the largest magnitude. Otherwise the sign is
/// certain, and the additional error is 0.
fn sign_error(projected: &[f64], error: f64) -> f64 {
    let min = projected.iter().copied().fold(f64::INFINITY, f64::min);
    let max = projected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if (max + min).abs() > 2.0 * error {
        0.0
    } else {
        max.max(-min)
    }
}

/// Whether the entry of largest magnitude is negative. Of entries with equal magnitudes up to
/// [`TIE_TOLERANCE`], the first counts.
fn largest_is_negative(projected: &[f64]) -> bool {
    let largest = projected.iter().fold(0.0, |m: f64, p| m.max(p.abs()));
    let tied = largest * (1.0 - TIE_TOLERANCE);
    let first = projected.iter().find(|p| p.abs() >= tied);
    first.is_some_and(|&p| p < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_magnitudes_decides() {
        let near = |difference: f64| 1.0 - difference * TIE_TOLERANCE;
        assert!(largest_is_negative(&[0.1, -near(0.5), 1.0]));
        assert!(!largest_is_negative(&[0.1, -near(2.0), 1.0]));
        assert!(!largest_is_negative(&[near(0.5), -1.0]));
        assert!(largest_is_negative(&[near(2.0), -1.0]));
        assert!(!largest_is_negative(&[0.0, 0.0]));
    }

    #[test]
    fn the_sign_is_uncertain_if_errors_can_make_two_magnitudes_equal() {
        // 1 and 0.75 can be equal if each has an error of an eighth.
        for (values, largest) in [([1.0, -0.75], 1.0), ([0.75, -1.0], 1.0)] {
            assert_eq!(sign_error(&values, 0.125), largest);
            assert_eq!(sign_error(&values, 0.1249), 0.0);
        }
    }

    #[test]
    fn a_map_is_resolved_if_its_error_is_below_the_tolerance() {
        let resolves = |error: f64| {
            let mut sum = ProjectionSum::new(2, Sign::Absolute);
            let values = &[0.0, -2.0];
            sum.add(Projection {
                weight: 0.5,
                values,
                error,
            });
            assert_eq!(*sum.map, [0.0, 1.0]);
            assert_eq!(sum.is_resolved(None), error == 0.0);
            sum.is_resolved(MinMax::of(&sum.map, 0.0))
        };
        // The weight halves the error, and the range of the map is 1.
        assert!(resolves(0.0) && resolves(0.999 * MAP_TOLERANCE));
        assert!(!resolves(1.001 * MAP_TOLERANCE));
    }
}
