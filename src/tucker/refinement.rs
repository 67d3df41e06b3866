//! Lower ranks by sweeps of HOOI on the core of a first pass.
//!
//! The singular vectors of ST-HOSVD and HOSVD order each mode by its energy in the whole core, not by
//! its energy in the block that is kept. Sweeps at the ranks of the block turn the leading vectors
//! to the best ones for this block. The block then lacks less energy, and a smaller one may suffice:
//!
//! ```text
//! repeat: 1. sweeps of HOOI on G at the ranks k          G ≈ H ×ₙ Bₙ
//!         2. G in the bases [Bₙ | complement of Bₙ]      the leading block k of it is H
//!         3. the cheapest block of this core             its ranks are the next k
//! until no block stores fewer entries
//! ```
//!
//! The complement of Bₙ is ordered by its energy, so that a larger rank in one mode for a smaller
//! one in another is among the blocks. No step changes the norm of G, so the energy outside a block
//! is what the decomposition lacks.

use faer::{Mat, MatRef};

use super::budget::Discarded;
use super::computation::Computation;
use super::core_energies::Core;
use super::decomposition::Tucker;
use super::memory::Problem;
use super::rank_law::obey_rank_law;
use super::storage::Storage;
use super::sweeps::{update, update_memory};
use crate::error::Result;
use crate::linalg::{Needed, left_singular_memory, orthonormal_basis, product};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, mode_product_memory};

/// The sweeps before each search for a block.
const SWEEPS: usize = 2;

/// The maximum number of searches.
const SEARCHES: usize = 8;

/// A core G to decompose within a budget.
#[derive(Clone, Copy)]
pub(super) struct Refinement<'a, T> {
    pub(super) core: TensorRef<'a, T>,
    pub(super) storage: &'a Storage,
    /// The budget ε² of all modes together, and what G itself lacks.
    pub(super) budget: f64,
    pub(super) discarded: Discarded,
    pub(super) computation: Computation<'a>,
}

impl<T: Scalar> Refinement<'_, T> {
    /// A decomposition of G that stores fewer entries than `start`, a decomposition of G too; `start`
    /// itself if the search finds none.
    pub(super) fn of(self, start: Tucker<T>) -> Result<Tucker<T>> {
        let modes = start.decomposed_modes();
        let mut best = obey_rank_law(start)?;
        for _ in 0..SEARCHES {
            // 1. Sweeps.
            let mut swept = best.clone();
            for _ in 0..SWEEPS {
                update(&mut swept, self.core, &modes, self.computation)?;
            }
            // 2. The whole of G in these bases.
            let whole = self.in_complete_bases(&swept, &modes)?;
            // 3. The cheapest block.
            let core = Core {
                entries: whole.core().view(),
                modes: &modes,
                norm: self.discarded.norm(),
            };
            let rest = self.discarded.rest(self.budget);
            let entries = self.storage.entries(&best.ranks_of(&modes));
            match core.cheapest_block(self.storage, rest) {
                Some(block) if self.storage.entries(&block.ranks) < entries => {
                    let share = self.discarded.share() + block.outside;
                    best = whole.leading_block(&block.ranks)?;
                    best.set_estimated_error(share.sqrt());
                    best = obey_rank_law(best)?;
                }
                _ => break,
            }
        }
        Ok(best)
    }

    /// G in orthonormal bases that begin with the factors of `swept`.
    fn in_complete_bases(self, swept: &Tucker<T>, modes: &[usize]) -> Result<Tucker<T>> {
        let mut core = self.core.to_tensor();
        let mut bases = vec![None; core.order()];
        for &mode in modes {
            if let Some(leading) = swept.factor(mode) {
                let basis = self.complete(core.view(), mode, leading)?;
                let computation = self.computation;
                core = computation.mode_product(core.view(), mode, basis.transpose())?;
                bases[mode] = Some(basis);
            }
        }
        Tucker::new(core, bases)
    }

    /// The columns `leading`, and after them the left singular vectors of what the projection of
    /// `core` on these columns lacks.
    fn complete(
        self,
        core: TensorRef<'_, T>,
        mode: usize,
        leading: MatRef<'_, T>,
    ) -> Result<Mat<T>> {
        let (extent, rank) = (leading.nrows(), leading.ncols());
        if rank == extent {
            return Ok(leading.to_owned());
        }
        // 1. G ×ₙ (I − BBᵀ), and its singular vectors.
        let projector = product(leading, leading.transpose());
        let complement = Mat::<T>::identity(extent, extent) - projector;
        let lacking = self
            .computation
            .mode_product(core, mode, complement.as_ref())?;
        let all = |values: &[f64]| values.len().min(extent - rank);
        let rest =
            self.computation
                .leading(lacking.view(), mode, Needed::Rank(extent - rank), all)?;
        // 2. Orthonormal, because a vector for the singular value 0 can be any vector.
        let basis = Mat::from_fn(extent, rank + rest.vectors.ncols(), |i, j| {
            if j < rank {
                leading[(i, j)]
            } else {
                rest.vectors[(i, j - rank)]
            }
        });
        orthonormal_basis(basis.as_ref())
    }
}

/// The maximum number of bytes that [`Refinement::of`] allocates for the core of `problem` beside this
/// core: the best decomposition so far, and the larger of a sweep and a change of bases.
pub(super) fn refinement_memory(problem: &Problem) -> f64 {
    let core = problem.of_core();
    let bases: f64 = core.x.extents.iter().map(|extent| extent * extent).sum();
    let bases = 3.0 * bases * core.x.scalar;
    let singular = core.modes.iter().map(|&mode| {
        left_singular_memory(&core.x, mode, core.ranks[mode]).max(mode_product_memory(
            &core.x,
            mode,
            core.ranks[mode],
        ))
    });
    let completing = 2.0 * core.x.bytes() + bases + singular.fold(0.0, f64::max);
    let sweeping = core.result() + update_memory(&core, &core.x, &core.modes);
    core.result() + completing.max(sweeping)
}
