//! The randomized solver for a tolerance: the number of columns of each basis is chosen from the
//! spectrum of the sketch, and the energy that the compressed tensor Z lacks is computed exactly.
//!
//! ```text
//! repeat: 1. S = X ×ₛ Ω                 its spectra estimate the spectra of X
//!         2. Qₙ, as many columns as the tolerance needs by these estimates
//!         3. Z = X ×ₙ≠ₛ Qₙᵀ             lacks ‖X‖² − ‖Z‖², no estimate
//! until this is within ε²‖X‖²
//!         4. ST-HOSVD of Z and the choice of ranks, with what is left of ε²
//! ```
//!
//! A basis with more columns costs flops, but leaves more of ε² for the choice of ranks. The first
//! bases therefore discard a small part of ε² where that takes few additional columns. The spectrum of
//! noise just below the tolerance never falls to a small part of ε². There the bases discard nearly all
//! of it. If the bases are not good enough, the next ones are larger, and come from more rows of Ω. If
//! larger bases would cost more than the Gram matrix of ST-HOSVD, the search gives up.

use super::super::budget::{Budget, Discarded, budgets};
use super::super::decomposition::Tucker;
use super::super::rank_choice::FirstPass;
use super::super::rank_law::obey_rank_law;
use super::super::relative_error::{error_of_projection, is_known_from_norms};
use super::super::st_hosvd::StHosvd;
use super::super::tolerance::{Contract, RankChoice};
use super::super::truncation::Truncation;
use super::sketching::{Compressed, SKETCH_COLUMNS, Sketching};
use crate::error::Result;
use crate::linalg::Needed;
use crate::scalar::Scalar;
use crate::simd::MIXED_ROWS;
use crate::tensor::{Tensor, norm};

/// The part of ε² that a basis may discard at most, by the estimate of the sketch.
const MOST: f64 = 0.9;

/// The part of ε² that a basis discards where a few additional columns suffice.
const FEW: f64 = 0.1;

/// The maximum number of columns for [`FEW`], relative to the number for [`MOST`].
const ADDITIONAL: f64 = 1.5;

/// The maximum number of sketches.
const SKETCHES: usize = 3;

/// The factor by which the number of rows of Ω grows.
const GROWTH: usize = 4;

/// The search for a decomposition within a tolerance.
pub(super) struct Adaptive<'a, T> {
    pub(super) sketching: Sketching<'a, T>,
    /// All modes to decompose.
    pub(super) modes: &'a [usize],
    pub(super) contract: Contract,
    pub(super) tolerance: f64,
    /// ‖X‖.
    pub(super) norm: f64,
    pub(super) oversampling: usize,
    pub(super) seed: u64,
}

impl<T: Scalar> Adaptive<'_, T> {
    /// A decomposition within the tolerance, from the first sketch of X. `None` if ST-HOSVD is
    /// expected to be cheaper.
    pub(super) fn decompose(&self, mut sketch: Tensor<T>) -> Result<Option<Tucker<T>>> {
        let mut few = FEW;
        for attempt in 0..SKETCHES {
            // 1. The bases.
            let rows = sketch.shape()[self.sketching.sketched];
            let bases = self.sketching.of_others(|n| {
                let columns = sketch.data().len() / sketch.shape()[n];
                let rank = |values: &[f64]| self.columns(values, few).min(columns);
                let computation = self.sketching.computation;
                let leading =
                    computation.leading(sketch.view(), n, Needed::Tail(self.tolerance), rank)?;
                Ok(leading.vectors)
            })?;
            let sizes = self.sketching.others.iter().map(|&n| {
                let columns = bases[n].as_ref().map_or(0, |basis| basis.ncols());
                (self.sketching.x.shape()[n], columns)
            });
            let sizes: Vec<(usize, usize)> = sizes.collect();
            if !sizes
                .iter()
                .all(|&(extent, columns)| is_cheaper(extent, columns, rows))
            {
                return Ok(None);
            }
            // 2. The compressed tensor, unless its bases come from too few columns of the sketch.
            let per_vector =
                |&(extent, columns): &(usize, usize)| sketch.data().len() / extent / columns.max(1);
            let enough = sizes.iter().map(per_vector).min().unwrap_or(0) >= SKETCH_COLUMNS / 2;
            if enough
                && let Some(tucker) = self.decompose_compressed(self.sketching.compress(bases)?)?
            {
                return Ok(Some(tucker));
            }
            // 3. A larger sketch.
            let larger = rows * GROWTH;
            if attempt + 1 == SKETCHES
                || 2 * larger > self.sketching.x.shape()[self.sketching.sketched]
            {
                return Ok(None);
            }
            few /= 4.0;
            sketch = self.sketching.sketch(larger, self.seed)?.0;
        }
        Ok(None)
    }

    /// The number of columns of a basis, from the singular values of the sketched unfolding.
    fn columns(&self, values: &[f64], few: f64) -> usize {
        let nothing = Discarded::default();
        let budget = self.contract.share * self.contract.share;
        let least = nothing.rank(Budget::Energy(MOST * budget), values);
        let wanted = nothing.rank(Budget::Energy(few * budget), values);
        let affordable = (ADDITIONAL * least as f64) as usize + self.oversampling;
        let columns = if wanted <= affordable { wanted } else { least };
        columns.saturating_add(self.oversampling)
    }

    /// The decomposition within the tolerance that stores the fewest entries, from a compressed
    /// tensor. `None` if that lacks too much.
    fn decompose_compressed(&self, compressed: Compressed<T>) -> Result<Option<Tucker<T>>> {
        let Compressed { z, bases } = compressed;
        // 1. What Z lacks.
        let budget = self.contract.share * self.contract.share;
        let lacking = error_of_projection(self.norm, norm(&z)).powi(2);
        if lacking > budget {
            return Ok(None);
        }
        // 2. A first pass on Z, and the ranks with the fewest entries.
        let solver = StHosvd {
            modes: Some(self.modes.to_vec()),
            monitor: self.sketching.computation.monitor.without_reports(),
            ..StHosvd::new(Truncation::RelativeError(self.contract.share))
        };
        let order = solver.order(z.shape(), self.modes)?;
        let budgets = budgets(&solver.truncation, self.modes, &order, |_| budget);
        let mut first_pass = FirstPass::new(budget, RankChoice::FewestEntries);
        let discarded = Discarded::of_compressed(lacking, self.norm);
        let (first, discarded) =
            solver.truncate(z.view(), &budgets, discarded, Some(&mut first_pass))?;
        let first = first.lift(&bases)?;
        let mut tucker =
            obey_rank_law(solver.choose_from(first, discarded, first_pass, &budgets)?)?;
        // 3. The contract. ‖X‖² − ‖Z‖² lacks digits where the tolerance is small.
        if !is_known_from_norms::<T>(self.tolerance) {
            let measured = tucker.relative_error(self.sketching.x)?;
            tucker.set_estimated_error(measured);
            return Ok((measured <= self.tolerance).then_some(tucker));
        }
        Ok(Some(tucker))
    }
}

/// Whether a sketch of `rows` rows and a product with a basis of `columns` columns, twice if the error
/// is measured, need fewer flops than a Gram matrix of order `extent` and one product.
fn is_cheaper(extent: usize, columns: usize, rows: usize) -> bool {
    let sketch = if rows == MIXED_ROWS { 3 } else { rows };
    2 * (sketch + columns) < extent
}
