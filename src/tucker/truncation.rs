//! Truncation: from a spectrum to a rank.

use crate::error::{Error, Result};
use crate::linalg::Precision;
use crate::tensor::{Shape, check_modes};

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
    /// [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`], [`Error::ModeOutOfRange`],
    /// [`Error::RepeatedMode`], [`Error::NoModes`], [`Error::Empty`],
    /// [`Error::ToleranceOutOfRange`], and those of ranks.
    ///
    /// ```
    /// use tenfold::Truncation;
    /// let ranks = Truncation::from([2, 7]);
    /// assert!(ranks.check(&[9, 5, 9], Some(&[0, 2])).is_ok());
    /// assert!(ranks.check(&[9, 5, 9], Some(&[0, 1])).is_err());
    /// ```
    pub fn check(&self, shape: &[usize], modes: Option<&[usize]>) -> Result<()> {
        let shape = Shape::new(shape)?;
        let modes = named_modes(modes, shape.order())?;
        check(self, &shape, &modes)
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
    Err(Error::ToleranceOutOfRange { what, value })
}

/// The rank law: 1 ≤ Rₙ ≤ min(Iₙ, Πₘ≠ₙ Rₘ).
fn check_ranks(ranks: &[usize], shape: &[usize], modes: &[usize]) -> Result<()> {
    if ranks.len() != modes.len() {
        return Err(Error::RankCountMismatch {
            actual: ranks.len(),
            expected: modes.len(),
            partial: modes.len() < shape.len(),
        });
    }
    let mut core = shape.to_vec();
    for (&mode, &rank) in modes.iter().zip(ranks) {
        if rank == 0 {
            return Err(Error::ZeroRank { mode });
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
            return Err(Error::RankAboveProduct {
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
pub(crate) enum Budget {
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
    fn rank(self, values: &[f64], norm: f64) -> usize {
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
fn energy(values: &[f64], norm: f64) -> f64 {
    values.iter().rev().map(|&value| share(value, norm)).sum()
}

/// √Σ σᵢ², whatever the scale.
pub(super) fn spectral_norm(values: &[f64]) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0);
    largest * energy(values, largest).sqrt()
}

/// What has been discarded of ‖X‖² in the modes so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Discarded {
    share: f64,
    norm: Option<f64>,
}

impl Discarded {
    /// What the next mode may discard where `left` modes, it among them, are left: an
    /// energy is for all modes together, and each takes an even share of its rest.
    pub(crate) fn budget(self, budget: Budget, left: usize) -> Budget {
        match budget {
            Budget::Energy(total) => Budget::Energy((total - self.share).max(0.0) / left as f64),
            rank => rank,
        }
    }

    /// The number of singular values to keep. The first spectrum tells ‖X‖.
    pub(crate) fn rank(self, budget: Budget, values: &[f64]) -> usize {
        budget.rank(values, self.norm.unwrap_or_else(|| spectral_norm(values)))
    }

    /// Counts what a mode discards that keeps the first `rank` of its singular values.
    pub(crate) fn add(&mut self, values: &[f64], rank: usize) {
        let norm = *self.norm.get_or_insert_with(|| spectral_norm(values));
        self.share += energy(&values[rank..], norm);
    }

    /// The relative error that it makes.
    pub(crate) fn relative_error(self) -> f64 {
        self.share.sqrt()
    }
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
    fn an_energy_budget_is_spent_to_its_last_bit() {
        let values = [3.0, 2.0, 1.0, 0.5];
        for (tail, rank) in [(0.25, 3), (1.25, 2), (5.25, 1)] {
            let rank_for = |budget: f64| Budget::Energy(budget).rank(&values, 1.0);
            assert_eq!(rank_for(f64::next_down(tail)), rank + 1);
            assert_eq!(rank_for(tail), rank);
            assert_eq!(rank_for(f64::next_up(tail)), rank);
        }
    }

    #[test]
    fn each_mode_may_discard_an_even_share_of_what_is_left() {
        let mut discarded = Discarded::default();
        let share = |discarded: Discarded, left| match discarded.budget(Budget::Energy(0.3), left) {
            Budget::Energy(share) => share,
            Budget::Rank(_) => panic!("an energy stays an energy"),
        };
        assert_eq!(share(discarded, 3), 0.3 / 3.0);
        // Of ‖X‖² = 25 the 9 is discarded: more than the budget.
        assert_eq!(discarded.rank(Budget::Energy(0.36), &[4.0, 3.0]), 1);
        assert_eq!(discarded.rank(Budget::Energy(0.35), &[4.0, 3.0]), 2);
        discarded.add(&[4.0, 3.0, 0.0], 2);
        assert_eq!(
            (discarded.relative_error(), share(discarded, 2)),
            (0.0, 0.15)
        );
        discarded.add(&[5.0, 2.5], 1);
        assert_eq!(discarded.relative_error(), 0.5);
        assert_eq!(share(discarded, 1), 0.3 - 0.25);
        // ‖X‖ stays that of the first spectrum.
        discarded.add(&[100.0, 5.0], 1);
        assert_eq!(discarded.relative_error(), 1.25f64.sqrt());
        assert_eq!(share(discarded, 1), 0.0);
    }

    #[test]
    fn the_rank_law() {
        let shape = [4, 5, 6];
        let all = [0, 1, 2];
        assert!(check_ranks(&[4, 5, 6], &shape, &all).is_ok());
        assert!(check_ranks(&[1, 2, 2], &shape, &all).is_ok());
        assert!(matches!(
            check_ranks(&[1, 2, 3], &shape, &all),
            Err(Error::RankAboveProduct {
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
            Err(Error::ZeroRank { mode: 0 })
        ));
    }

    #[test]
    fn tolerances_lie_in_0_to_1() {
        for bad in [-1e-9, -f64::from_bits(1), 1.0, f64::NAN, f64::INFINITY] {
            assert!(check_tolerance("t", bad).is_err());
        }
        for good in [0.0, f64::from_bits(1), f64::next_down(1.0)] {
            assert!(check_tolerance("t", good).is_ok());
        }
    }
}
