//! Decompositions of a batch within a tolerance. The ranks differ from tensor to tensor.
//!
//! The host truncates mode by mode, as for a single tensor. For each mode and each group of tensors
//! of equal shape, the device computes all singular vectors and the products with them.
//! The host reads the singular values of each tensor, chooses its rank, and keeps the leading
//! vectors and the leading slices of the product:
//!
//! ```text
//! for each mode n of the order
//!     group the tensors Y by shape
//!     device: σ, U, Y ×ₙ Uᵀ                for each group
//!     host:   r = the smallest rank for which the discarded σ² are within the budget
//!             Aₙ = U[:, ..r],  Y = (Y ×ₙ Uᵀ)[.., ..r, ..]
//! ```

use std::collections::BTreeMap;

use faer::Mat;

use super::shapes::Shapes;
use super::solver::{Decomposition, Factors, Solver, Source};
use crate::cuda::device::Device;
use crate::cuda::launch::Unfoldings;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::{LeftSingular, Route, Rung};
use crate::monitor::Cancellation;
use crate::tensor::{Tensor, TensorRef};
use crate::tucker::{Budget, Contract, Start, Truncator, Tucker, check_finite, obey_rank_law};

/// The tensors of a batch.
pub(super) struct Batch<'a, T> {
    entries: &'a [T],
    shape: &'a [usize],
}

impl<'a, T: DeviceScalar> Batch<'a, T> {
    pub(super) fn new(batch: TensorRef<'a, T>, shapes: &'a Shapes) -> Self {
        Self {
            entries: batch.data(),
            shape: &shapes.tensor,
        }
    }

    /// The entries of all tensors.
    pub(super) fn entries(&self) -> &'a [T] {
        self.entries
    }

    pub(super) fn item(&self, item: usize) -> Result<TensorRef<'a, T>> {
        TensorRef::new(self.shape, self.entries_of(item))
    }

    fn entries_of(&self, item: usize) -> &'a [T] {
        let size: usize = self.shape.iter().product();
        &self.entries[item * size..][..size]
    }
}

/// Decomposes the tensors of a batch within a tolerance.
pub(super) struct WithinTolerance<'a> {
    pub(super) device: &'a Device,
    /// The shapes with the extents as ranks.
    pub(super) shapes: &'a Shapes,
    pub(super) start: Start,
    pub(super) tolerance: f64,
    pub(super) cancellation: Cancellation<'a>,
}

impl WithinTolerance<'_> {
    /// The start of each tensor, within the tolerance or with a shortfall, as
    /// [`StHosvd::decompose`] and [`Hosvd::decompose`] compute it.
    ///
    /// [`StHosvd::decompose`]: crate::StHosvd::decompose
    /// [`Hosvd::decompose`]: crate::Hosvd::decompose
    pub(super) fn truncate<T: DeviceScalar>(&self, batch: &Batch<'_, T>) -> Result<Vec<Tucker<T>>> {
        // 1. Truncate all tensors with a share of the tolerance that leaves room for the rounding
        // of Gram matrices.
        let contract = Contract::new::<T>(self.tolerance, &self.shapes.tensor, Route::Gram);
        let all: Vec<usize> = (0..self.shapes.items).collect();
        let mut found = self.spend(contract.share, batch, &all)?;
        // 2. Find the tensors that miss the tolerance nevertheless, and truncate them again with
        // a share of 0.
        let mut missed = Vec::new();
        for (item, tucker) in found.iter().enumerate() {
            if !contract.is_met(tucker, batch.item(item)?)? {
                missed.push(item);
            }
        }
        let lossless = self.spend(0.0, batch, &missed)?;
        for (item, tucker) in missed.into_iter().zip(lossless) {
            found[item] = contract.settle(tucker, batch.item(item)?)?;
        }
        Ok(found)
    }

    /// Sweeps from `starts`. Tensors of equal ranks are decomposed together.
    pub(super) fn sweep<T: DeviceScalar>(
        &self,
        solver: &Solver<'_>,
        starts: &[Tucker<T>],
        batch: &Batch<'_, T>,
    ) -> Result<Vec<Tucker<T>>> {
        let factors = |item: usize| starts[item].factors();
        let found =
            self.by_equal_ranks(solver, starts.len(), factors, |item| batch.entries_of(item))?;
        let found = found.into_iter().enumerate();
        found
            .map(|(item, decomposition)| {
                let mut tucker = decomposition.tucker(batch.item(item)?)?;
                if let Some(reached) = tucker.estimated_error() {
                    tucker.note_shortfall(self.tolerance, reached);
                }
                Ok(tucker)
            })
            .collect()
    }

    /// Truncates the tensors `items` with a relative error of at most `share`.
    fn spend<T: DeviceScalar>(
        &self,
        share: f64,
        batch: &Batch<'_, T>,
        items: &[usize],
    ) -> Result<Vec<Tucker<T>>> {
        // 1. Copies in `f64`.
        let tensors = items.iter().map(|&item| Partial::new(batch.item(item)?));
        let mut tensors = tensors.collect::<Result<Vec<_>>>()?;
        // 2. The factors, mode by mode. ST-HOSVD goes on with the projected tensors.
        let sequential = self.start == Start::StHosvd;
        let modes = self.shapes.order.len();
        for (step, &mode) in self.shapes.order.iter().enumerate() {
            let decompositions = self.all_vectors(mode, &tensors)?;
            for (tensor, all) in tensors.iter_mut().zip(decompositions) {
                let budget = if sequential {
                    let total = Budget::Energy(share * share);
                    tensor.truncator.discarded().budget(total, modes - step)
                } else {
                    Budget::Energy(share * share / modes as f64)
                };
                let projected = tensor.truncate(mode, all, budget)?;
                if sequential {
                    tensor.y = projected;
                }
            }
        }
        // 3. For HOSVD, the cores.
        if !sequential {
            let factors = |item: usize| tensors[item].truncator.factors();
            let entries = |item: usize| tensors[item].y.data();
            let solver = Solver::without_sweeps(self.device, self.cancellation);
            let cores = self.by_equal_ranks(&solver, tensors.len(), factors, entries)?;
            for (tensor, projected) in tensors.iter_mut().zip(cores) {
                tensor.y = projected.core;
            }
        }
        // 4. The decompositions.
        let truncated = tensors.into_iter().map(Partial::tucker);
        truncated.map(|tucker| obey_rank_law(tucker?)).collect()
    }

    /// All left singular vectors U of the mode-n unfolding of each tensor Y, and Y ×ₙ Uᵀ.
    fn all_vectors(&self, mode: usize, tensors: &[Partial]) -> Result<Vec<Decomposition<f64>>> {
        let shape = |item: usize| tensors[item].y.shape().to_vec();
        by_group(tensors.len(), shape, |tensor, items| {
            let mut core = tensor.clone();
            core[mode] = Unfoldings::of(1, tensor, mode).order();
            let shapes = Shapes {
                items: items.len(),
                tensor: tensor.clone(),
                core,
                order: vec![mode],
            };
            let entries: Vec<&[f64]> = items.iter().map(|&item| tensors[item].y.data()).collect();
            let source = Source::Truncated(Start::StHosvd);
            let solver = Solver::without_sweeps(self.device, self.cancellation);
            solver.decompose(&shapes, &source, &entries.concat())
        })
    }

    /// Projects each tensor on its given factors, and sweeps as `solver` does. Tensors of equal
    /// ranks are decomposed together.
    fn by_equal_ranks<'f, T: DeviceScalar>(
        &self,
        solver: &Solver<'_>,
        tensors: usize,
        factors: impl Fn(usize) -> &'f Factors<T>,
        entries: impl Fn(usize) -> &'f [T],
    ) -> Result<Vec<Decomposition<T>>> {
        let extents = |item: usize| {
            let modes = factors(item).iter().zip(&self.shapes.tensor);
            modes
                .map(|(factor, &extent)| factor.as_ref().map_or(extent, Mat::ncols))
                .collect()
        };
        by_group(tensors, extents, |core: &Vec<usize>, items| {
            let shapes = Shapes {
                items: items.len(),
                core: core.clone(),
                ..self.shapes.clone()
            };
            let of_group: Vec<&Factors<T>> = items.iter().map(|&item| factors(item)).collect();
            let entries: Vec<&[T]> = items.iter().map(|&item| entries(item)).collect();
            let source = Source::Factors(&of_group);
            solver.decompose(&shapes, &source, &entries.concat())
        })
    }
}

/// Solves items 0 to `count` in groups of equal keys. Returns the results in the order of
/// the items.
fn by_group<K: Ord, R>(
    count: usize,
    key: impl Fn(usize) -> K,
    solve: impl Fn(&K, &[usize]) -> Result<Vec<R>>,
) -> Result<Vec<R>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for item in 0..count {
        groups.entry(key(item)).or_default().push(item);
    }
    let mut solved = Vec::with_capacity(count);
    for (key, items) in groups {
        let of_group = solve(&key, &items)?;
        solved.extend(items.into_iter().zip(of_group));
    }
    solved.sort_by_key(|&(item, _)| item);
    Ok(solved.into_iter().map(|(_, result)| result).collect())
}

/// A tensor with some of its modes truncated.
struct Partial {
    /// In ST-HOSVD the tensor projected on the factors so far; at the end the core.
    y: Tensor<f64>,
    truncator: Truncator<f64>,
}

impl Partial {
    fn new<T: DeviceScalar>(x: TensorRef<'_, T>) -> Result<Self> {
        let entries = x.data().iter().map(|entry| entry.as_f64());
        Ok(Self {
            y: Tensor::new(x.shape(), entries.collect())?,
            truncator: Truncator::new(x.order()),
        })
    }

    /// Chooses the rank r of a mode by the budget, and keeps the leading r vectors. `all` holds
    /// all vectors and the product with them. Returns the product with the kept vectors.
    fn truncate(
        &mut self,
        mode: usize,
        mut all: Decomposition<f64>,
        budget: Budget,
    ) -> Result<Tensor<f64>> {
        let mut shape = all.core.shape().to_vec();
        let values = all.spectra[mode].take().unwrap_or_default();
        let rank = self.truncator.discarded().rank(budget, &values);
        if let Some(vectors) = all.factors[mode].take() {
            let leading = vectors.get(.., ..rank).to_owned();
            let leading = LeftSingular {
                values,
                vectors: leading,
                route: Route::Gram,
                rung: Rung::default(),
            };
            self.truncator.keep(mode, leading);
        }
        let right: usize = shape[mode + 1..].iter().product();
        let slabs = all.core.data().chunks(shape[mode] * right);
        let leading = slabs.flat_map(|slab| &slab[..rank * right]).copied();
        let leading = leading.collect();
        shape[mode] = rank;
        Tensor::new(&shape, leading)
    }

    /// The decomposition, rounded to the scalar.
    fn tucker<T: DeviceScalar>(self) -> Result<Tucker<T>> {
        let core = self.y.data().iter().map(|&entry| T::from_f64(entry));
        let core = Tensor::new(self.y.shape(), core.collect())?;
        check_finite(&core, "the core")?;
        self.truncator.rounded().finish(core)
    }
}
