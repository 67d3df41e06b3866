//! How far a decomposition is truncated: ranks, or a relative error.

use crate::error::{Error, Result};
use crate::tensor::{Shape, check_modes};

/// How far a decomposition is truncated.
///
/// ```
/// use tenfold::Truncation;
/// assert_eq!(Truncation::from([3, 4, 2]), Truncation::Ranks(vec![3, 4, 2]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Truncation {
    /// To these ranks: one for each mode, or one for each named mode of a partial decomposition.
    /// A rank is at least 1, at most the extent of its mode, and at most the product of the
    /// other ranks, where a mode without a factor counts with its extent.
    Ranks(Vec<usize>),
    /// To a relative error ‖X − X̂‖/‖X‖ of at most this ε, 0 ≤ ε < 1, with the ranks that store the
    /// fewest entries in core and factors, as far as the solver finds them. The modes need not use
    /// equal parts of ε². [`Hooi`](crate::Hooi) finds the fewest entries and ends at ranks of which
    /// none can be lowered alone, [`StHosvd`](crate::StHosvd) is the fastest.
    RelativeError(f64),
}

impl Truncation {
    /// Checks the truncation of `modes` (`None` for all modes) of a tensor of extents `shape`, as
    /// the solvers do before they read an entry. A caller can check before it loads the tensor.
    ///
    /// # Errors
    /// [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`], [`Error::ModeOutOfRange`],
    /// [`Error::RepeatedMode`], [`Error::NoModes`], [`Error::Empty`],
    /// [`Error::ToleranceOutOfRange`]; [`Error::RankCountMismatch`], [`Error::ZeroRank`],
    /// [`Error::RankAboveExtent`] and [`Error::RankAboveProduct`] for ranks.
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

impl Truncation {
    /// The tolerance, if there is one.
    pub(super) fn tolerance(&self) -> Option<f64> {
        match self {
            Self::Ranks(_) => None,
            Self::RelativeError(tolerance) => Some(*tolerance),
        }
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

/// The modes to decompose, checked; all modes for `None`.
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

#[cfg(test)]
mod tests {
    use super::*;

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
