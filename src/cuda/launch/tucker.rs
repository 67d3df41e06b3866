//! The kernels of Tucker decompositions.

use cudarc::driver::CudaSlice;

use super::{Around, Queue, THREADS, int};
use crate::error::Result;

/// When HOOI's sweeps end.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Stopping {
    /// The change of the relative error below which a sweep is the last.
    pub(in crate::cuda) tolerance: f64,
    /// The change of its square that rounding hides.
    pub(in crate::cuda) rounding: f64,
    /// The change of the captured share at which a sweep is the last.
    pub(in crate::cuda) energy_tolerance: f64,
}

/// The states of the items while HOOI runs.
#[derive(Debug)]
pub(in crate::cuda) struct States {
    pub(in crate::cuda) errors: CudaSlice<f64>,
    pub(in crate::cuda) sweeps: CudaSlice<i32>,
    pub(in crate::cuda) active: CudaSlice<i32>,
}

impl Queue {
    /// Products with the transposes of Iₙ×J matrices in mode n.
    pub(in crate::cuda) fn product(
        &self,
        tensors: &CudaSlice<f64>,
        around: Around,
        (factors, rank): (&CudaSlice<f64>, usize),
        products: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let columns = int(rank);
        let size = around.columns() * rank;
        launch!(
            self, "product",
            grid: (size.div_ceil(THREADS), around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                factors => around.items * around.rows * rank,
                products => around.items * size,
            ],
            arguments: [tensors, &left, &rows, &right, factors, &columns, products],
            active: active,
        )
    }

    /// Factors: the leading `rank` eigenvectors of Gram matrices of the mode itself.
    pub(in crate::cuda) fn truncate(
        &self,
        (items, rows, rank): (usize, usize, usize),
        vectors: &CudaSlice<f64>,
        factors: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (extent, columns) = (int(rows), int(rank));
        launch!(
            self, "truncate",
            grid: (rank, items), shared: 0,
            holds: [vectors => items * rows * rows, factors => items * rows * rank],
            arguments: [vectors, &extent, &columns, factors],
            active: active,
        )
    }

    /// Factors from the leading `rank` eigenvectors of Gram matrices of the columns.
    pub(in crate::cuda) fn lift(
        &self,
        tensors: &CudaSlice<f64>,
        around: Around,
        (vectors, rank): (&CudaSlice<f64>, usize),
        factors: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let columns = int(rank);
        let size = around.rows * rank;
        let lifted: Result<()> = launch!(
            self, "lift",
            grid: (size.div_ceil(THREADS), around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                vectors => around.items * around.columns().pow(2),
                factors => around.items * size,
            ],
            arguments: [tensors, &left, &rows, &right, vectors, &columns, &mut *factors],
            active: active,
        );
        lifted?;
        launch!(
            self, "orthonormalise",
            grid: (1, around.items), shared: 0,
            holds: [factors => around.items * size],
            arguments: [factors, &rows, &columns],
            active: active,
        )
    }

    /// Σ of squares of each of `slices` slices of an item, of `size` entries.
    pub(in crate::cuda) fn energy(
        &self,
        (items, slices, size): (usize, usize, usize),
        tensors: &CudaSlice<f64>,
        energies: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let entries = size as i64;
        launch!(
            self, "energy",
            grid: (slices, items), shared: 0,
            holds: [tensors => items * slices * size, energies => items * slices],
            arguments: [tensors, &entries, energies],
        )
    }

    /// The errors after sweep `sweep`, and which items go on.
    pub(in crate::cuda) fn settle(
        &self,
        items: usize,
        sweep: usize,
        (norms, cores): (&CudaSlice<f64>, &CudaSlice<f64>),
        stopping: Stopping,
        states: &mut States,
    ) -> Result<()> {
        let (count, made) = (int(items), int(sweep));
        let States {
            errors,
            sweeps,
            active,
        } = states;
        launch!(
            self, "settle",
            grid: (items.div_ceil(THREADS), 1), shared: 0,
            holds: [
                norms => items, cores => items,
                errors => items, sweeps => items, active => items,
            ],
            arguments: [
                norms, cores, &count, &made, &stopping.tolerance, &stopping.rounding,
                &stopping.energy_tolerance, errors, sweeps, active,
            ],
        )
    }
}
