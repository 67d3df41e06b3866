//! How far a decomposition is truncated: ranks, or a relative error.

use super::storage::Storage;
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
    /// To at most this number of entries in core and factors, with the ranks of the smallest error, as
    /// far as the solver finds them.
    MaxEntries(usize),
}

impl Truncation {
    /// Checks the truncation of `modes` (`None` for all modes) of a tensor of extents `shape`, as
    /// the solvers do before they read an entry. A caller can check before it loads the tensor.
    ///
    /// # Errors
    /// [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`], [`Error::ModeOutOfRange`],
    /// [`Error::RepeatedMode`], [`Error::NoModes`], [`Error::Empty`],
    /// [`Error::ToleranceOutOfRange`]; [`Error::TooFewEntries`] if ranks of 1 store more than
    /// [`Truncation::MaxEntries`]; [`Error::RankCountMismatch`], [`Error::ZeroRank`],
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
    /// The largest ranks that are at most `ranks`, for `modes` (`None` for all modes) of a tensor of
    /// extents `shape`. A rank above the extent of its mode, or above the product of the other ranks,
    /// is lowered to it, because no core has a larger rank. The result passes
    /// [`Truncation::check`].
    ///
    /// # Errors
    /// Those of [`Truncation::check`], except for ranks that are too large.
    ///
    /// ```
    /// use tenfold::Truncation;
    /// let at_most = Truncation::at_most(&[2, 3, 1], &[3, 4, 3], None)?;
    /// assert_eq!(at_most, Truncation::Ranks(vec![2, 2, 1]));
    /// assert_eq!(Truncation::at_most(&[6, 7], &[6, 7], None)?, Truncation::from([6, 6]));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn at_most(ranks: &[usize], shape: &[usize], modes: Option<&[usize]>) -> Result<Self> {
        let shape = Shape::new(shape)?;
        let modes = named_modes(modes, shape.order())?;
        if ranks.len() != modes.len() {
            return Err(wrong_count(ranks.len(), &modes, &shape));
        }
        let mut core = shape.to_vec();
        for (&mode, &rank) in modes.iter().zip(ranks) {
            if rank == 0 {
                return Err(Error::ZeroRank { mode });
            }
            core[mode] = rank.min(shape[mode]);
        }
        // Only the largest rank can be above the product of the others. Once it is lowered, no other
        // rank is above the product of the others.
        for &mode in &modes {
            core[mode] = core[mode].min(product_of_others(&core, mode));
        }
        let lowered = Self::Ranks(modes.iter().map(|&mode| core[mode]).collect());
        check(&lowered, &shape, &modes)?;
        Ok(lowered)
    }

    /// The tolerance, if there is one.
    pub(super) fn tolerance(&self) -> Option<f64> {
        match self {
            Self::RelativeError(tolerance) => Some(*tolerance),
            Self::Ranks(_) | Self::MaxEntries(_) => None,
        }
    }

    /// The ranks, if they are given.
    pub(super) fn ranks(&self) -> Option<&[usize]> {
        match self {
            Self::Ranks(ranks) => Some(ranks),
            Self::RelativeError(_) | Self::MaxEntries(_) => None,
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
        Truncation::MaxEntries(limit) => {
            let least = Storage::new(shape, modes).entries(&vec![1; modes.len()]);
            if least <= *limit {
                return Ok(());
            }
            Err(Error::TooFewEntries {
                limit: *limit,
                least,
            })
        }
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
        return Err(wrong_count(ranks.len(), modes, shape));
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
        let product = product_of_others(&core, mode);
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

fn wrong_count(actual: usize, modes: &[usize], shape: &[usize]) -> Error {
    Error::RankCountMismatch {
        actual,
        expected: modes.len(),
        partial: modes.len() < shape.len(),
    }
}

/// Πₘ≠ₙ Rₘ for the extents `core` of a core.
fn product_of_others(core: &[usize], mode: usize) -> usize {
    let others = core.iter().enumerate().filter(|&(other, _)| other != mode);
    others.fold(1, |product, (_, &rank)| product.saturating_mul(rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle::for_each_index;

    /// Compares with the largest of all lawful ranks.
    #[test]
    fn ranks_are_lowered_no_further_than_the_law_requires() {
        for (shape, modes) in [
            (&[3, 4, 3][..], &[0, 1, 2][..]),
            (&[2, 5], &[0, 1]),
            (&[5, 2, 3], &[2, 0]),
            (&[1, 1, 4], &[0, 1, 2]),
            (&[4], &[0]),
        ] {
            for_each_index(&vec![6; modes.len()], |asked| {
                let asked: Vec<usize> = asked.iter().map(|rank| rank + 1).collect();
                let mut largest = vec![0; asked.len()];
                for_each_index(&asked, |ranks| {
                    let ranks: Vec<usize> = ranks.iter().map(|rank| rank + 1).collect();
                    if check_ranks(&ranks, shape, modes).is_ok() {
                        for (largest, rank) in largest.iter_mut().zip(ranks) {
                            *largest = rank.max(*largest);
                        }
                    }
                });
                let lowered = Truncation::at_most(&asked, shape, Some(modes)).unwrap();
                assert_eq!(lowered, Truncation::Ranks(largest), "{asked:?} {shape:?}");
            });
        }
        let zero = Truncation::at_most(&[2, 0], &[3, 3], None);
        assert!(matches!(zero, Err(Error::ZeroRank { mode: 1 })));
        let count = Truncation::at_most(&[2], &[3, 3], None);
        assert!(matches!(count, Err(Error::RankCountMismatch { .. })));
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
