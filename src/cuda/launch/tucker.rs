//! The kernels of Tucker decompositions.

use cudarc::driver::{CudaSlice, CudaView};

use super::blocks::{int, launch};
use super::constants::THREADS;
use super::shared_memory::refine_bytes;
use super::unfoldings::Unfoldings;
use crate::cuda::buffers::Buffer;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// Mode-n products of tensors of `T` with an Iₙ×`rank` matrix U for each item: Y = X ×ₙ Uᵀ.
/// With `expanding`, U is a `rank`×Iₙ matrix and Y = X ×ₙ U. Matrices are stored column by column.
pub(in crate::cuda) struct Products<'a, T> {
    pub(in crate::cuda) tensors: &'a CudaView<'a, T>,
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) factors: &'a CudaSlice<f64>,
    pub(in crate::cuda) rank: usize,
    pub(in crate::cuda) expanding: bool,
    pub(in crate::cuda) products: &'a mut CudaSlice<f64>,
    /// The tensor for each matrix; `None` if there are as many tensors as matrices.
    pub(in crate::cuda) selected: Option<&'a CudaSlice<i32>>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// Factors from the leading `rank` eigenvectors of Gram matrices.
pub(in crate::cuda) struct LeadingVectors<'a, T> {
    pub(in crate::cuda) tensors: &'a CudaView<'a, T>,
    /// Their `items` is the number of factors.
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) rank: usize,
    /// All eigenvectors of the smaller side, column by column.
    pub(in crate::cuda) vectors: &'a CudaSlice<f64>,
    pub(in crate::cuda) factors: &'a mut CudaSlice<f64>,
    /// The tensor and the eigenvectors for each factor; `None` if there is a factor for each tensor.
    pub(in crate::cuda) selected: Option<&'a CudaSlice<i32>>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// The second pass of singular values and vectors of `items` matrices with `order` rows.
pub(in crate::cuda) struct Refinement<'a> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) order: usize,
    /// Gram matrices of the rows of VᵀM; the kernel overwrites them.
    pub(in crate::cuda) grams: &'a mut CudaSlice<f64>,
    /// Has the length of `grams`.
    pub(in crate::cuda) work: &'a mut CudaSlice<f64>,
    /// Squares of the singular values, largest first.
    pub(in crate::cuda) values: &'a mut CudaSlice<f64>,
    /// V, column by column. The result are the singular vectors, in the order of the values.
    pub(in crate::cuda) vectors: &'a mut CudaSlice<f64>,
    /// An outcome becomes `NO_CONVERGENCE` if the rotations do not converge. Otherwise it does not
    /// change.
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// When the sweeps of HOOI stop. A tensor has converged
/// - with a `tolerance` above 0, if its relative error changes by less than `tolerance`, if the
///   square of the error changes by at most `rounding`, or if the error is 0;
/// - with an `energy_tolerance` above 0, if the square of the error changes by at most
///   `energy_tolerance`.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Stopping {
    pub(in crate::cuda) tolerance: f64,
    pub(in crate::cuda) rounding: f64,
    pub(in crate::cuda) energy_tolerance: f64,
}

/// A sweep that has ended.
pub(in crate::cuda) struct SweepEnd<'a> {
    pub(in crate::cuda) items: usize,
    /// The sweep's number, counted from 1; 0 for the start.
    pub(in crate::cuda) sweep: usize,
    /// ‖X‖² of each item.
    pub(in crate::cuda) tensor_energies: &'a CudaSlice<f64>,
    /// ‖G‖² of each item.
    pub(in crate::cuda) core_energies: &'a CudaSlice<f64>,
    pub(in crate::cuda) stopping: Stopping,
}

/// The states of the items while HOOI runs.
#[derive(Debug)]
pub(in crate::cuda) struct States {
    /// The relative error of each item.
    pub(in crate::cuda) errors: Buffer<f64>,
    /// The sweeps of each item.
    pub(in crate::cuda) sweeps: Buffer<i32>,
    /// 0 for an item that has converged, otherwise 1.
    pub(in crate::cuda) active: Buffer<i32>,
}

/// The number of rows of a product that a block computes, for `rank` rows in all.
const fn reach(rank: usize) -> usize {
    match rank {
        0..=8 => 8,
        9..=12 => 12,
        13..=20 => 20,
        _ => 40,
    }
}

/// The number of columns of a product that a block computes, for blocks of `reach` rows.
const fn span(reach: usize) -> usize {
    if reach == 40 { THREADS / 2 } else { THREADS }
}

impl Queue {
    /// Multiplies tensors with matrices.
    pub(in crate::cuda) fn product<T: DeviceScalar>(
        &self,
        products: Products<'_, T>,
    ) -> Result<()> {
        let Products {
            tensors,
            unfoldings,
            factors,
            rank,
            expanding,
            products,
            selected,
            active,
        } = products;
        let Unfoldings { items, extents } = unfoldings;
        let (left, rows, right) = (int(extents.left), int(extents.extent), int(extents.right));
        let (down, across) = if expanding { (int(rank), 1) } else { (1, rows) };
        let (columns, of_block) = (int(rank), int(reach(rank)));
        let tiles = rank.div_ceil(reach(rank)) * unfoldings.columns().div_ceil(span(reach(rank)));
        let tensors_read = if selected.is_some() { 1 } else { items };
        launch!(
            self, T::KERNELS.product,
            grid: (tiles, items), shared: 0,
            holds: [
                tensors => tensors_read * unfoldings.size(),
                factors => items * unfoldings.rows() * rank,
                products => items * unfoldings.columns() * rank,
            ],
            arguments: [
                tensors, &left, &rows, &right, factors, &columns, &down, &across, &of_block,
                products,
            ],
            selected: selected,
            active: active,
        )
    }

    /// Factors from eigenvectors of X₍ₙ₎X₍ₙ₎ᵀ: the leading vectors themselves.
    pub(in crate::cuda) fn truncate<T>(&self, leading: LeadingVectors<'_, T>) -> Result<()> {
        let LeadingVectors {
            unfoldings,
            rank,
            vectors,
            factors,
            selected,
            active,
            ..
        } = leading;
        let (items, n) = (unfoldings.items, unfoldings.rows());
        let (rows, columns) = (int(n), int(rank));
        let matrices = if selected.is_some() { 1 } else { items };
        launch!(
            self, "truncate",
            grid: (rank, items), shared: 0,
            holds: [vectors => matrices * n * n, factors => items * n * rank],
            arguments: [vectors, &rows, &columns, factors],
            selected: selected,
            active: active,
        )
    }

    /// X₍ₙ₎ V for the leading eigenvectors V of X₍ₙ₎ᵀX₍ₙ₎: singular values times left singular
    /// vectors, in place of the factors.
    pub(in crate::cuda) fn lift<T: DeviceScalar>(
        &self,
        leading: LeadingVectors<'_, T>,
    ) -> Result<()> {
        let LeadingVectors {
            tensors,
            unfoldings,
            rank,
            vectors,
            factors,
            selected,
            active,
        } = leading;
        let Unfoldings { items, extents } = unfoldings;
        let (left, rows, right) = (int(extents.left), int(extents.extent), int(extents.right));
        let columns = int(rank);
        let size = unfoldings.rows() * rank;
        let tensors_read = if selected.is_some() { 1 } else { items };
        launch!(
            self, T::KERNELS.lift,
            grid: (size.div_ceil(THREADS), items), shared: 0,
            holds: [
                tensors => tensors_read * unfoldings.size(),
                vectors => tensors_read * unfoldings.columns().pow(2),
                factors => items * size,
            ],
            arguments: [tensors, &left, &rows, &right, vectors, &columns, factors],
            selected: selected,
            active: active,
        )
    }

    /// Makes the columns of `items` matrices of `rows` rows and `rank` columns orthonormal.
    pub(in crate::cuda) fn orthonormalise(
        &self,
        [items, rows, rank]: [usize; 3],
        matrices: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (height, columns) = (int(rows), int(rank));
        launch!(
            self, "orthonormalise",
            grid: (1, items), shared: 0,
            holds: [matrices => items * rows * rank],
            arguments: [matrices, &height, &columns],
            active: active,
        )
    }

    /// Singular values and vectors with all digits, from the eigenvectors of Gram matrices.
    pub(in crate::cuda) fn refine(&self, refinement: Refinement<'_>) -> Result<()> {
        let Refinement {
            items,
            order: n,
            grams,
            work,
            values,
            vectors,
            outcomes,
            active,
        } = refinement;
        let order = int(n);
        launch!(
            self, "refine",
            grid: (1, items), shared: refine_bytes(n),
            holds: [
                grams => items * n * n, work => items * n * n, values => items * n,
                vectors => items * n * n, outcomes => items,
            ],
            arguments: [grams, &order, work, values, vectors, outcomes],
            active: active,
        )
    }

    /// Computes the relative errors after a sweep and decides which items continue.
    pub(in crate::cuda) fn settle(&self, end: SweepEnd<'_>, states: &mut States) -> Result<()> {
        let SweepEnd {
            items,
            sweep,
            tensor_energies,
            core_energies,
            stopping,
        } = end;
        let States {
            errors,
            sweeps,
            active,
        } = states;
        let (count, sweep) = (int(items), int(sweep));
        launch!(
            self, "settle",
            grid: (items.div_ceil(THREADS), 1), shared: 0,
            holds: [
                tensor_energies => items, core_energies => items,
                errors => items, sweeps => items, active => items,
            ],
            arguments: [
                tensor_energies, core_energies, &count, &sweep, &stopping.tolerance,
                &stopping.rounding, &stopping.energy_tolerance, errors, sweeps, active,
            ],
        )
    }
}
