//! What is asked of a feature map, and the sum of the projected maps that come of
//! it, with an estimate of how far the rounding of `f32` moves the sum.

use super::normalize::MinMax;
use super::weighting::{Sign, Vectors};
use crate::linalg::Precision;
use crate::monitor::Cancellation;
use crate::simd::Scratch;

/// What is asked of a feature map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Which vectors.
    pub(super) vectors: Vectors,
    /// Whether each channel's mean is subtracted first.
    pub(super) centring: bool,
    /// The ranks of a truncated Tucker decomposition; without them the
    /// singular value decomposition of the unfolding.
    pub(super) ranks: Option<&'a [usize]>,
    /// The precision of products of `f32` entries.
    pub(super) precision: Precision,
    /// Ends the computation on request.
    pub(super) cancellation: Cancellation<'a>,
}

/// A projected map Σ_c vᵢ[c]·F[c].
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection<'a> {
    /// σᵢ/σ₁.
    pub(super) weight: f64,
    /// One value for each position.
    pub(super) values: &'a [f64],
    /// An estimate from above of the error that products in `f32` leave in each
    /// value; 0 where all products are in `f64`.
    pub(super) error: f64,
}

/// The error of a map in `f32` that is estimated beforehand is at most this; beyond,
/// the map is made again from products in `f64`. Half the bound that [`Cam`](super::Cam)
/// promises.
pub(crate) const MAP_TOLERANCE: f64 = 5e-5;

/// Magnitudes that differ by no more than this, relatively, count as tied.
const TIE_TOLERANCE: f64 = 1e-12;

/// Σᵢ (σᵢ/σ₁)·φ(projected mapᵢ), φ as `sign` says.
pub(super) struct ProjectionSum {
    pub(super) map: Scratch<f64>,
    /// An estimate from above of the error in each entry of the sum.
    error: f64,
    sign: Sign,
}

impl ProjectionSum {
    pub(super) fn new(positions: usize, sign: Sign) -> Self {
        Self {
            map: Scratch::zeroed(positions),
            error: 0.0,
            sign,
        }
    }

    pub(super) fn clear(&mut self) {
        self.map.fill(0.0);
        self.error = 0.0;
    }

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
                let flip = points_down(values) != (self.sign == Sign::Negative);
                let signed = if flip { -weight } else { weight };
                entries.for_each(|(map, p)| *map += (signed * p).max(0.0));
                if error > 0.0 {
                    self.error += weight * undecided(values, error);
                }
            }
        }
    }

    /// Whether the error moves no entry of the map, stretched from `range` to \[0, 1\],
    /// by more than [`MAP_TOLERANCE`].
    pub(super) fn is_resolved(&self, range: Option<MinMax>) -> bool {
        // An error in the entry, and one in the smallest or the largest of the map.
        let tolerance = 0.5 * MAP_TOLERANCE;
        let width = range.map_or(0.0, |range| range.width());
        self.error == 0.0 || self.error <= tolerance * width
    }
}

/// The largest magnitude of a projected map where entries of both signs tie for it
/// up to `error`, so that its sign is undecided; 0 elsewhere.
fn undecided(projected: &[f64], error: f64) -> f64 {
    let min = projected.iter().copied().fold(f64::INFINITY, f64::min);
    let max = projected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if (max + min).abs() > 2.0 * error {
        0.0
    } else {
        max.max(-min)
    }
}

/// Whether the entry of largest magnitude is negative; of entries tied up to
/// rounding the first counts.
fn points_down(projected: &[f64]) -> bool {
    let largest = projected.iter().fold(0.0, |m: f64, p| m.max(p.abs()));
    let tied = largest * (1.0 - TIE_TOLERANCE);
    let first = projected.iter().find(|p| p.abs() >= tied);
    first.is_some_and(|&p| p < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_magnitudes_tied_up_to_rounding_the_first_decides() {
        let near = |difference: f64| 1.0 - difference * TIE_TOLERANCE;
        assert!(points_down(&[0.1, -near(0.5), 1.0]));
        assert!(!points_down(&[0.1, -near(2.0), 1.0]));
        assert!(!points_down(&[near(0.5), -1.0]));
        assert!(points_down(&[near(2.0), -1.0]));
        assert!(!points_down(&[0.0, 0.0]));
    }

    #[test]
    fn a_sign_is_undecided_where_both_ends_may_be_equal() {
        // 1 and 0.75, each in error by an eighth, may be equal.
        for (values, largest) in [([1.0, -0.75], 1.0), ([0.75, -1.0], 1.0)] {
            assert_eq!(undecided(&values, 0.125), largest);
            assert_eq!(undecided(&values, 0.1249), 0.0);
        }
    }

    #[test]
    fn a_map_is_resolved_up_to_its_tolerance() {
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
        // Half of it counts: the range of the map is 1.
        assert!(resolves(0.0) && resolves(0.999 * MAP_TOLERANCE));
        assert!(!resolves(1.001 * MAP_TOLERANCE));
    }
}
