//! The kernels of Tucker decompositions.

use cudarc::driver::CudaSlice;

use super::blocks::{int, launch};
use super::constants::THREADS;
use super::unfoldings::Unfoldings;
use crate::cuda::buffers::Buffer;
use crate::cuda::queue::Queue;
use crate::error::Result;

/// Mode-n products Y = X ×ₙ Uᵀ, with an Iₙ×`rank` matrix U for each item.
pub(in crate::cuda) struct Products<'a> {
    pub(in crate::cuda) tensors: &'a CudaSlice<f64>,
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) factors: &'a CudaSlice<f64>,
    pub(in crate::cuda) rank: usize,
    pub(in crate::cuda) products: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// Factors from the leading `rank` eigenvectors of Gram matrices.
pub(in crate::cuda) struct LeadingVectors<'a> {
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) rank: usize,
    /// All eigenvectors of the smaller side, column by column.
    pub(in crate::cuda) vectors: &'a CudaSlice<f64>,
    pub(in crate::cuda) factors: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// Tensors in slices: `slices` slices of `size` entries for each item.
pub(in crate::cuda) struct Slices<'a> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) slices: usize,
    pub(in crate::cuda) size: usize,
    pub(in crate::cuda) tensors: &'a CudaSlice<f64>,
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

impl Queue {
    /// Multiplies tensors with the transposes of factors.
    pub(in crate::cuda) fn product(&self, products: Products<'_>) -> Result<()> {
        let Products {
            tensors,
            unfoldings,
            factors,
            rank,
            products,
            active,
        } = products;
        let Unfoldings { items, extents } = unfoldings;
        let (left, rows, right) = (int(extents.left), int(extents.extent), int(extents.right));
        let columns = int(rank);
        let size = unfoldings.columns() * rank;
        launch!(
            self, "product",
            grid: (size.div_ceil(THREADS), items), shared: 0,
            holds: [
                tensors => items * unfoldings.size(),
                factors => items * unfoldings.rows() * rank,
                products => items * size,
            ],
            arguments: [tensors, &left, &rows, &right, factors, &columns, products],
            active: active,
        )
    }

    /// Factors from eigenvectors of X₍ₙ₎X₍ₙ₎ᵀ: the leading vectors themselves.
    pub(in crate::cuda) fn truncate(&self, leading: LeadingVectors<'_>) -> Result<()> {
        let LeadingVectors {
            unfoldings,
            rank,
            vectors,
            factors,
            active,
        } = leading;
        let (items, n) = (unfoldings.items, unfoldings.rows());
        let (rows, columns) = (int(n), int(rank));
        launch!(
            self, "truncate",
            grid: (rank, items), shared: 0,
            holds: [vectors => items * n * n, factors => items * n * rank],
            arguments: [vectors, &rows, &columns, factors],
            active: active,
        )
    }

    /// Factors from eigenvectors of X₍ₙ₎ᵀX₍ₙ₎: the products of the unfoldings with the leading
    /// vectors, made orthonormal.
    pub(in crate::cuda) fn lift(
        &self,
        tensors: &CudaSlice<f64>,
        leading: LeadingVectors<'_>,
    ) -> Result<()> {
        let LeadingVectors {
            unfoldings,
            rank,
            vectors,
            factors,
            active,
        } = leading;
        let Unfoldings { items, extents } = unfoldings;
        let (left, rows, right) = (int(extents.left), int(extents.extent), int(extents.right));
        let columns = int(rank);
        let size = unfoldings.rows() * rank;
        let lifted: Result<()> = launch!(
            self, "lift",
            grid: (size.div_ceil(THREADS), items), shared: 0,
            holds: [
                tensors => items * unfoldings.size(),
                vectors => items * unfoldings.columns().pow(2),
                factors => items * size,
            ],
            arguments: [tensors, &left, &rows, &right, vectors, &columns, &mut *factors],
            active: active,
        );
        lifted?;
        launch!(
            self, "orthonormalise",
            grid: (1, items), shared: 0,
            holds: [factors => items * size],
            arguments: [factors, &rows, &columns],
            active: active,
        )
    }

    /// The sum of squares of each slice.
    pub(in crate::cuda) fn energy(
        &self,
        slices: Slices<'_>,
        energies: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let Slices {
            items,
            slices,
            size,
            tensors,
        } = slices;
        let entries = size as i64;
        launch!(
            self, "energy",
            grid: (slices, items), shared: 0,
            holds: [tensors => items * slices * size, energies => items * slices],
            arguments: [tensors, &entries, energies],
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
