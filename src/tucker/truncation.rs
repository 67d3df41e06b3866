//! Truncation: from a spectrum to a rank.

use super::Tucker;
use super::rank_law::obey_rank_law;
use crate::error::{Error, Result};
use crate::linalg::{Precision, Route};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, check_modes};

/// How far a decomposition is truncated.
///
/// ```
/// use tenfold::Truncation;
/// assert_eq!(Truncation::from([3, 4, 2]), Truncation::Ranks(vec![3, 4, 2]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Truncation {
    /// To these ranks: one for each mode, or one for each named mode of a
    /// partial decomposition. Each is at least 1, at most its mode's extent,
    /// and at most the product of the others (a mode left alone counts with
    /// its extent): a core of other ranks does not exist.
    Ranks(Vec<usize>),
    /// To the smallest ranks found whose relative error ‖X − X̂‖/‖X‖ is at most
    /// this, 0 ≤ ε < 1. What one mode leaves unspent of ε² passes to the next.
    RelativeError(f64),
}

impl Truncation {
    /// Checks the truncation against a tensor of extents `shape` of which
    /// `modes` are to be decomposed, all for `None`: what the solvers check
    /// before they touch an entry, for a caller who has not read any yet.
    ///
    /// # Errors
    /// [`Error::Mode`], [`Error::RepeatedMode`], [`Error::NoModes`],
    /// [`Error::Empty`], [`Error::Tolerance`], and those of ranks.
    ///
    /// ```
    /// use tenfold::Truncation;
    /// let ranks = Truncation::from([2, 7]);
    /// assert!(ranks.check(&[9, 5, 9], Some(&[0, 2])).is_ok());
    /// assert!(ranks.check(&[9, 5, 9], Some(&[0, 1])).is_err());
    /// ```
    pub fn check(&self, shape: &[usize], modes: Option<&[usize]>) -> Result<()> {
        let modes = named_modes(modes, shape.len())?;
        check(self, shape, &modes)
    }
}

impl From<Vec<usize>> for Truncation {
    fn from(ranks: Vec<usize>) -> Self {
        Self::Ranks(ranks)
    }
}

impl<const N: usize> From<[usize; N]> for Truncation {
    fn from(ranks: [usize; N]) -> Self {
        Self::Ranks(ranks.to_vec())
    }
}

/// A tolerance that the precision of the scalar could not reach.
///
/// ```
/// use tenfold::{Hosvd, Tensor, Truncation};
/// let x = Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f32)?;
/// let exact = Hosvd::new(Truncation::RelativeError(0.0)).decompose(&x)?;
/// assert!(exact.shortfall().is_some_and(|s| s.requested == 0.0 && s.reached < 1e-6));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortfall {
    /// The relative error that was asked for.
    pub requested: f64,
    /// The relative error that was reached, measured.
    pub reached: f64,
}

/// The modes to decompose, in order, checked: all of them for `None`.
pub(super) fn named_modes(modes: Option<&[usize]>, order: usize) -> Result<Vec<usize>> {
    let Some(modes) = modes else {
        return Ok((0..order).collect());
    };
    if modes.is_empty() {
        return Err(Error::NoModes);
    }
    check_modes(modes, order)?;
    Ok(modes.to_vec())
}

/// Checks a truncation of the named `modes` of a tensor of extents `shape`.
pub(super) fn check(truncation: &Truncation, shape: &[usize], modes: &[usize]) -> Result<()> {
    if shape.contains(&0) {
        return Err(Error::Empty {
            shape: shape.to_vec(),
        });
    }
    match truncation {
        Truncation::Ranks(ranks) => check_ranks(ranks, shape, modes),
        Truncation::RelativeError(value) => check_tolerance("the relative error", *value),
    }
}

/// Fails unless 0 ≤ `value` < 1.
pub(super) fn check_tolerance(what: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Tolerance { what, value })
}

/// The rank law: 1 ≤ Rₙ ≤ min(Iₙ, Πₘ≠ₙ Rₘ).
fn check_ranks(ranks: &[usize], shape: &[usize], modes: &[usize]) -> Result<()> {
    if ranks.len() != modes.len() {
        return Err(Error::RankCount {
            actual: ranks.len(),
            expected: modes.len(),
            partial: modes.len() < shape.len(),
        });
    }
    let mut core = shape.to_vec();
    for (&mode, &rank) in modes.iter().zip(ranks) {
        if rank == 0 {
            return Err(Error::RankZero { mode });
        }
        if rank > shape[mode] {
            return Err(Error::RankAboveExtent {
                mode,
                rank,
                extent: shape[mode],
            });
        }
        core[mode] = rank;
    }
    for (&mode, &rank) in modes.iter().zip(ranks) {
        let product = core
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != mode)
            .fold(1usize, |product, (_, &extent)| {
                product.saturating_mul(extent)
            });
        if rank > product {
            return Err(Error::RankInfeasible {
                mode,
                rank,
                product,
            });
        }
    }
    Ok(())
}

/// What a mode may discard.
#[derive(Clone, Copy, Debug)]
pub(super) enum Budget {
    /// Keep this rank.
    Rank(usize),
    /// Discard at most this share of ‖X‖².
    Energy(f64),
}

impl Budget {
    /// The precision that the decision needs: a tail is a sum of small values.
    pub(super) fn precision(self) -> Precision {
        match self {
            Self::Rank(_) => Precision::Native,
            Self::Energy(_) => Precision::Double,
        }
    }

    /// The number of singular values to keep, at least 1, where ‖X‖ is `norm`.
    pub(super) fn rank(self, values: &[f64], norm: f64) -> usize {
        match self {
            Self::Rank(rank) => rank.min(values.len()),
            Self::Energy(budget) => {
                let mut discarded = 0.0;
                let small = values.iter().rev();
                let count = small
                    .take_while(|&&value| {
                        discarded += share(value, norm);
                        discarded <= budget
                    })
                    .count();
                (values.len() - count).max(1)
            }
        }
    }
}

/// σ²/‖X‖²; zero where both are.
fn share(value: f64, norm: f64) -> f64 {
    if value == 0.0 {
        0.0
    } else {
        (value / norm).powi(2)
    }
}

/// Σ σᵢ²/‖X‖² over `values`, the smallest first.
pub(super) fn energy(values: &[f64], norm: f64) -> f64 {
    values.iter().rev().map(|&value| share(value, norm)).sum()
}

/// √Σ σᵢ², whatever the scale.
pub(super) fn spectral_norm(values: &[f64]) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0);
    largest * energy(values, largest).sqrt()
}

/// Has `decompose` truncate by a share of `tolerance`, so that the true error is
/// at most `tolerance`, or as near to it as the precision and the route come;
/// then the shortfall is noted.
pub(super) fn within_tolerance<T: Scalar>(
    x: TensorRef<'_, T>,
    tolerance: f64,
    route: Route,
    decompose: impl Fn(f64) -> Result<Tucker<T>>,
) -> Result<Tucker<T>> {
    let decompose = |share| obey_rank_law(decompose(share)?);
    // Rounding in the products, and in the spectra, takes its share of ε first.
    let floor = 8.0 * x.order() as f64 * T::EPSILON;
    let share = (tolerance * (1.0 - 1e-4) - floor).max(tolerance / 2.0);
    let tucker = decompose(share)?;
    // Gram matrices know ε² to n·ε of `f64` only.
    let known = match route {
        Route::Gram => {
            let extents: usize = x.shape().iter().sum();
            (1e3 * floor).max(1e2 * (extents as f64 * f64::EPSILON).sqrt())
        }
        Route::Auto | Route::Qr => 1e3 * floor,
    };
    if tolerance > known || tucker.relative_error(x)? <= tolerance {
        return Ok(tucker);
    }
    let mut lossless = decompose(0.0)?;
    let reached = lossless.relative_error(x)?;
    lossless.estimated_error = Some(reached);
    lossless.shortfall = (reached > tolerance).then_some(Shortfall {
        requested: tolerance,
        reached,
    });
    Ok(lossless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_budget_keeps_the_fewest_that_fit() {
        let values = [3.0, 2.0, 1.0, 0.5];
        assert_eq!(Budget::Energy(0.2).rank(&values, 1.0), 4);
        assert_eq!(Budget::Energy(0.25).rank(&values, 1.0), 3);
        assert_eq!(Budget::Energy(1.25).rank(&values, 1.0), 2);
        assert_eq!(Budget::Energy(100.0).rank(&values, 1.0), 1);
        assert_eq!(Budget::Energy(0.0).rank(&[1.0, 0.0, 0.0], 1.0), 1);
        assert_eq!(Budget::Energy(0.0).rank(&[0.0, 0.0], 0.0), 1);
    }

    #[test]
    fn the_rank_law() {
        let shape = [4, 5, 6];
        let all = [0, 1, 2];
        assert!(check_ranks(&[4, 5, 6], &shape, &all).is_ok());
        assert!(check_ranks(&[1, 2, 2], &shape, &all).is_ok());
        assert!(matches!(
            check_ranks(&[1, 2, 3], &shape, &all),
            Err(Error::RankInfeasible {
                mode: 2,
                rank: 3,
                product: 2
            })
        ));
        assert!(check_ranks(&[1, 3], &shape, &[0, 2]).is_ok());
        assert!(matches!(
            check_ranks(&[1, 7], &shape, &[0, 2]),
            Err(Error::RankAboveExtent { .. })
        ));
        assert!(matches!(
            check_ranks(&[0, 1, 1], &shape, &all),
            Err(Error::RankZero { mode: 0 })
        ));
    }

    #[test]
    fn tolerances_lie_in_0_to_1() {
        for bad in [-1e-9, 1.0, f64::NAN, f64::INFINITY] {
            assert!(check_tolerance("t", bad).is_err());
        }
        assert!(check_tolerance("t", 0.0).is_ok());
    }
}
