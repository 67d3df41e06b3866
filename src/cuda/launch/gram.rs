//! Gram matrices of unfoldings, and their eigenproblems.

use cudarc::driver::{CudaSlice, CudaView};

use super::blocks::{int, launch};
use super::constants::TILE;
use super::gram_tiles::{Depth, Tiles};
use super::shared_memory::{eigen_bytes, rotation_bytes};
use super::unfoldings::Unfoldings;
use crate::cuda::buffers::uninitialised;
use crate::cuda::library::{Ascending, Workspace};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::linalg::Side;

/// The least order for which cuSOLVER is faster than the kernels of this library, measured on an
/// H100: a matrix of order 256 takes 2.1 ms by cuSOLVER and 1.9 ms by the kernels, one of order 400
/// takes 3.9 ms and 5.2 ms.
const LEAST_LIBRARY_ORDER: usize = 300;

/// Symmetric eigenproblems G = V diag(values) Vᵀ, one for each item.
pub(in crate::cuda) struct Eigenproblems<'a> {
    pub(in crate::cuda) items: usize,
    /// The order of each matrix.
    pub(in crate::cuda) order: usize,
    /// The matrices; the kernel overwrites them.
    pub(in crate::cuda) grams: &'a mut CudaSlice<f64>,
    /// Has the length of `grams` if [`Queue::eigen_fits_block`] is false. Otherwise it is unused.
    pub(in crate::cuda) work: &'a mut CudaSlice<f64>,
    /// Eigenvalues, largest first.
    pub(in crate::cuda) values: &'a mut CudaSlice<f64>,
    /// Eigenvectors in the order of the values, column by column.
    pub(in crate::cuda) vectors: &'a mut CudaSlice<f64>,
    /// An outcome becomes `NO_CONVERGENCE` if the iteration does not converge. Otherwise it does
    /// not change.
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
    pub(in crate::cuda) active: Option<&'a CudaSlice<i32>>,
}

/// The error for an eigenproblem that did not converge.
pub(in crate::cuda) fn no_convergence() -> Error {
    Error::NoConvergence {
        what: "the symmetric eigenproblem on the device",
    }
}

impl Queue {
    /// Gram matrices of the smaller side of unfoldings, each sum in one piece: for batches.
    pub(in crate::cuda) fn gram<T: DeviceScalar>(
        &self,
        tensors: &CudaView<'_, T>,
        unfoldings: Unfoldings,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let tiles = Tiles::of(unfoldings, Depth::Whole);
        self.gram_as(tiles, tensors, grams, active)
    }

    /// The same, with deep sums in parts, so that one tensor keeps the whole device busy. The parts
    /// depend on the shape of a tensor alone.
    pub(in crate::cuda) fn gram_in_parts<T: DeviceScalar>(
        &self,
        tensors: &CudaView<'_, T>,
        unfoldings: Unfoldings,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let tiles = Tiles::of(unfoldings, Depth::Parts);
        self.gram_as(tiles, tensors, grams, active)
    }

    /// On tensor cores if the device has them for doubles.
    fn gram_as<T: DeviceScalar>(
        &self,
        tiles: Tiles,
        tensors: &CudaView<'_, T>,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        if let Some(kernels) = self.tile_kernels()? {
            return self.gram_tiles(&kernels, tiles, tensors, (grams, active));
        }
        let unfoldings = tiles.unfoldings;
        let Unfoldings { items, extents } = unfoldings;
        let (left, rows, right) = (int(extents.left), int(extents.extent), int(extents.right));
        let of_columns = i32::from(unfoldings.side() == Side::Rest);
        let tiles = unfoldings.order().div_ceil(TILE);
        launch!(
            self, T::KERNELS.gram,
            grid: (tiles * (tiles + 1) / 2, items), shared: 0,
            holds: [
                tensors => items * unfoldings.size(),
                grams => items * unfoldings.order().pow(2),
            ],
            arguments: [tensors, &left, &rows, &right, &of_columns, grams],
            active: active,
        )
    }

    /// Solves eigenproblems by cuSOLVER.
    fn eigen_by_library(&self, problems: Eigenproblems<'_>) -> Result<()> {
        let Eigenproblems {
            items,
            order: n,
            grams,
            values,
            vectors,
            outcomes,
            active,
            ..
        } = problems;
        let mut ascending = uninitialised::<f64>(self, items * n)?;
        let mut failures = uninitialised::<i32>(self, items)?;
        let library = self.program().library();
        let Workspace { on_device, on_host } = library.workspace(self.stream(), n)?;
        let mut on_device = uninitialised::<u8>(self, on_device)?;
        let mut on_host = vec![0; on_host];
        let ascending_problems = Ascending {
            items,
            order: n,
            matrices: grams,
            values: &mut ascending,
            failures: &mut failures,
            on_device: &mut on_device,
            on_host: &mut on_host,
        };
        library.eigen(self.stream(), ascending_problems)?;
        if !on_host.is_empty() {
            // The library may use this memory until the stream is done.
            self.wait()?;
        }
        let order = int(n);
        launch!(
            self, "largest_first",
            grid: (n, items), shared: 0,
            holds: [
                ascending => items * n, grams => items * n * n, failures => items,
                values => items * n, vectors => items * n * n, outcomes => items,
            ],
            arguments: [&*ascending, &*grams, &*failures, &order, values, vectors, outcomes],
            active: active,
        )
    }

    /// Solves eigenproblems of positive semidefinite matrices: by cuSOLVER for large orders if it is
    /// installed, in registers if there is a sized kernel, in shared memory if they fit there, or
    /// else in global memory. The choice depends on the order alone, so that the
    /// bits of an item do not depend on the batch.
    pub(in crate::cuda) fn eigen(&self, problems: Eigenproblems<'_>) -> Result<()> {
        if problems.order >= LEAST_LIBRARY_ORDER && self.program().library().is_present() {
            return self.eigen_by_library(problems);
        }
        if let Some(solver) = self.solver(problems.order, problems.items)? {
            return self.eigen_by(&solver, problems);
        }
        let Eigenproblems {
            items,
            order: n,
            grams,
            work,
            values,
            vectors,
            outcomes,
            active,
        } = problems;
        let order = int(n);
        if self.eigen_fits_block(n) {
            return launch!(
                self, "eigen_shared",
                grid: (1, items), shared: eigen_bytes(n),
                holds: [
                    grams => items * n * n, values => items * n,
                    vectors => items * n * n, outcomes => items,
                ],
                arguments: [&*grams, &order, values, vectors, outcomes],
                active: active,
            );
        }
        launch!(
            self, "eigen_global",
            grid: (1, items), shared: rotation_bytes(n),
            holds: [
                grams => items * n * n, work => items * n * n, values => items * n,
                vectors => items * n * n, outcomes => items,
            ],
            arguments: [grams, &order, work, values, vectors, outcomes],
            active: active,
        )
    }
}
