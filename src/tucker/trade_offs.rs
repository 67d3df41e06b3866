//! What other ranks than those of a decomposition would store, and with which error.

use std::ops::RangeInclusive;

use super::core_energies::Core;
use super::decomposition::Tucker;
use super::hosvd::Hosvd;
use super::storage::Storage;
use super::truncation::{self, Truncation};
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::norm;

/// Ranks, the entries that they store, and the error.
///
/// ```
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
/// let tucker = StHosvd::new([4, 4, 4]).decompose(&x)?;
/// let trade_off = tucker.trade_offs(0.0)?.at(&[1, 1, 1])?;
/// assert_eq!((trade_off.ranks, trade_off.entries), (vec![1, 1, 1], 1 + 3 * 9));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TradeOff {
    /// The extents of the core.
    pub ranks: Vec<usize>,
    /// The entries of core and factors.
    pub entries: usize,
    /// ‖X − X̂‖/‖X‖.
    pub relative_error: f64,
}

/// The leading blocks of a core: the result of [`Tucker::trade_offs`].
///
/// A leading block, with the leading columns of the factors, is a decomposition at lower ranks. Its
/// squared error is the squared error of the whole decomposition plus the energy outside the block.
#[derive(Clone, Debug)]
pub struct TradeOffs<T> {
    /// With orthonormal factors, ordered by energy.
    tucker: Tucker<T>,
    modes: Vec<usize>,
    storage: Storage,
    /// The share of ‖X‖² that the whole decomposition lacks.
    missing: f64,
}

impl<T: Scalar> Tucker<T> {
    /// The errors and sizes of decompositions with lower ranks. `relative_error` is ‖X − X̂‖/‖X‖ of this
    /// decomposition. With 0, the errors refer to X̂ in place of X.
    ///
    /// The factors become orthonormal ([`Tucker::orthonormalised`]). If they did not come from a solver,
    /// the core is decomposed by [`Hosvd`], so that its leading blocks have most of its energy.
    ///
    /// # Errors
    /// Those of [`Tucker::orthonormalised`] and [`Hosvd::decompose`].
    ///
    /// ```
    /// use tenfold::{Hosvd, Tensor};
    /// let x = Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
    /// let tucker = Hosvd::new([5, 5, 5]).decompose(&x)?;
    /// let error = tucker.relative_error(&x)?;
    /// let small = tucker.trade_offs(error)?.within(100);
    /// assert!(small.is_some_and(|small| small.entries <= 100 && small.relative_error < 0.03));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn trade_offs(self, relative_error: f64) -> Result<TradeOffs<T>> {
        let from_solver = self.spectra().next().is_some();
        let mut tucker = self.orthonormalised()?;
        let modes = tucker.decomposed_modes();
        if !from_solver && !modes.is_empty() {
            let core = tucker.core();
            let all = tucker.ranks_of(&modes);
            let hosvd = Hosvd {
                modes: Some(modes.clone()),
                ..Hosvd::new(Truncation::at_most(&all, core.shape(), Some(&modes))?)
            };
            let of_core = hosvd.decompose(core)?;
            tucker = tucker.with_decomposed_core(of_core)?;
        }
        Ok(TradeOffs {
            storage: Storage::new(tucker.shape(), &modes),
            modes,
            tucker,
            missing: relative_error.powi(2),
        })
    }
}

impl<T: Scalar> TradeOffs<T> {
    /// The entries that the smallest and the largest block store.
    #[must_use]
    pub fn entries(&self) -> RangeInclusive<usize> {
        let ones = vec![1; self.modes.len()];
        let all = self.tucker.ranks_of(&self.modes);
        self.storage.entries(&ones)..=self.storage.entries(&all)
    }

    /// The ranks with the smallest error of those that store at most this number of entries. `None` if
    /// ranks of 1 store more.
    #[must_use]
    pub fn within(&self, entries: usize) -> Option<TradeOff> {
        let norm = norm(self.tucker.core());
        if self.modes.is_empty() || norm == 0.0 {
            return (*self.entries().start() <= entries).then(|| self.trade_off(None, 0.0));
        }
        let core = Core {
            entries: self.tucker.core().view(),
            modes: &self.modes,
            norm,
        };
        let block = core.closest_block(&self.storage, entries)?;
        Some(self.trade_off(Some(&block.ranks), block.outside))
    }

    /// The trade-off at given ranks, one for each mode with a factor.
    ///
    /// # Errors
    /// Those of [`Truncation::check`] for ranks, with the ranks of the whole decomposition as extents.
    pub fn at(&self, ranks: &[usize]) -> Result<TradeOff> {
        let core = self.tucker.core();
        let named = Truncation::Ranks(ranks.to_vec());
        truncation::check(&named, core.shape(), &self.modes)?;
        let mut block = core.shape().to_vec();
        for (&mode, &rank) in self.modes.iter().zip(ranks) {
            block[mode] = rank;
        }
        // The energy outside, as a share of ‖G‖².
        let norm = norm(core);
        let mut outside = 0.0;
        let mut index = vec![0; block.len()];
        for entry in core.data() {
            if index.iter().zip(&block).any(|(i, rank)| i >= rank) {
                outside += (entry.as_f64() / norm).powi(2);
            }
            advance(&mut index, core.shape());
        }
        Ok(self.trade_off(Some(ranks), outside))
    }

    /// The trade-off at `ranks` of the modes with a factor, 1 for `None`, with the share `outside` of
    /// ‖G‖² outside the block.
    fn trade_off(&self, ranks: Option<&[usize]>, outside: f64) -> TradeOff {
        let ones = vec![1; self.modes.len()];
        let ranks = ranks.unwrap_or(&ones);
        let mut core = self.tucker.ranks().to_vec();
        for (&mode, &rank) in self.modes.iter().zip(ranks) {
            core[mode] = rank;
        }
        // ‖G‖² is the share 1 − missing of ‖X‖².
        let kept = (1.0 - self.missing).max(0.0);
        TradeOff {
            ranks: core,
            entries: self.storage.entries(ranks),
            relative_error: (self.missing + kept * outside).sqrt(),
        }
    }
}

/// The next index in row-major order.
fn advance(index: &mut [usize], shape: &[usize]) {
    for (i, &extent) in index.iter_mut().zip(shape).rev() {
        *i += 1;
        if *i < extent {
            return;
        }
        *i = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    fn check<T: Scalar>(tucker: Tucker<T>, x: &Tensor<T>, bound: f64) {
        let error = tucker.relative_error(x).unwrap();
        let trade_offs = tucker.trade_offs(error).unwrap();
        let entries = trade_offs.entries();
        assert_eq!(trade_offs.within(entries.start() - 1), None);
        let mut previous = f64::INFINITY;
        for limit in entries.clone().step_by(7) {
            let found = trade_offs.within(limit).unwrap();
            assert!(found.entries <= limit && found.relative_error <= previous);
            previous = found.relative_error;
            // The block is a decomposition with this size and error.
            let modes = trade_offs.modes.clone();
            let ranks: Vec<usize> = modes.iter().map(|&mode| found.ranks[mode]).collect();
            let block = trade_offs.tucker.clone().leading_block(&ranks).unwrap();
            let measured = block.relative_error(x).unwrap();
            assert!(
                (measured - found.relative_error).abs() <= bound,
                "{found:?}, {measured}"
            );
            if let Ok(at) = trade_offs.at(&ranks) {
                assert!((at.relative_error - found.relative_error).abs() <= bound);
                assert_eq!((at.ranks, at.entries), (found.ranks, found.entries));
            }
        }
        let whole = trade_offs.within(*entries.end()).unwrap();
        assert!((whole.relative_error - error).abs() <= bound);
    }

    #[test]
    fn blocks_have_the_stated_errors() {
        let mut random = Random::new(12);
        let x: Tensor<f64> = random.low_rank(&[7, 8, 6], &[3, 4, 2], 0.1);
        check(Hosvd::new([5, 6, 4]).decompose(&x).unwrap(), &x, 1e-13);
        let partial = Hosvd {
            modes: Some(vec![2, 0]),
            ..Hosvd::new([4, 5])
        };
        check(partial.decompose(&x).unwrap(), &x, 1e-13);
        // Factors of unknown origin, mixed by an invertible matrix.
        let (core, mut factors) = Hosvd::new([5, 6, 4]).decompose(&x).unwrap().into_parts();
        let mixing = random.matrix::<f64>(5, 5);
        let inverse = {
            use faer::prelude::Solve;
            mixing
                .partial_piv_lu()
                .solve(faer::Mat::<f64>::identity(5, 5))
        };
        let core = core.mode_product(0, inverse.as_ref()).unwrap();
        factors[0] = factors[0].take().map(|a| a * &mixing);
        check(Tucker::new(core, factors).unwrap(), &x, 1e-10);
        let zero = Tensor::<f64>::zeros(&[3, 4]).unwrap();
        let zero = Hosvd::new([1, 1]).decompose(&zero).unwrap();
        assert_eq!(
            zero.trade_offs(0.0)
                .unwrap()
                .within(99)
                .unwrap()
                .relative_error,
            0.0
        );
    }
}
