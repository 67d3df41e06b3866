//! First eigenvectors with a certificate (`kernels/sized/first_block.cu`).

use cudarc::driver::CudaSlice;

use super::blocks::{int, launch};
use super::gram::Eigenproblems;
use super::unfoldings::Unfoldings;
use crate::cuda::program::families::FIRST_BLOCK;
use crate::cuda::queue::Queue;
use crate::error::Result;

/// The least order. Up to 54, `eigen_lane` solves the whole problem in fewer launches.
const LEAST_ORDER: usize = 55;

/// The largest order: the order of the family, and the threads of a block.
const LARGEST_ORDER: usize = 512;

/// The threads of a block of `take_first`.
const COPY_THREADS: usize = 256;

/// The most Lanczos steps.
const MOST_STEPS: usize = 32;

/// The first eigenvectors of positive semidefinite matrices, one for each item.
pub(in crate::cuda) struct FirstVectors<'a> {
    pub(in crate::cuda) items: usize,
    /// The order n of each matrix.
    pub(in crate::cuda) order: usize,
    /// The matrices; overwritten.
    pub(in crate::cuda) grams: &'a mut CudaSlice<f64>,
    /// Has the length of `grams`.
    pub(in crate::cuda) work: &'a mut CudaSlice<f64>,
    /// Has the length of `grams`.
    pub(in crate::cuda) vectors: &'a mut CudaSlice<f64>,
    /// n values for each item: the largest eigenvalue, and n - 1 values of which the first is below
    /// 0.998 times the largest, unless it is the second eigenvalue.
    pub(in crate::cuda) values: &'a mut CudaSlice<f64>,
    /// The vectors, n entries for each item.
    pub(in crate::cuda) firsts: &'a mut CudaSlice<f64>,
    /// One number for each item: 0 if the vector is certain.
    pub(in crate::cuda) unsure: &'a mut CudaSlice<i32>,
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
}

/// Bytes of shared memory of `first_block`: vectors | tridiagonal matrix | sums | parts.
fn first_bytes(n: usize) -> usize {
    let threads = if n.is_multiple_of(2) { n / 2 } else { n };
    let parts = LARGEST_ORDER / threads;
    8 * (MOST_STEPS * (n + 3) + LARGEST_ORDER / 16 + parts * n)
}

impl Queue {
    /// Whether [`first_vectors`](Self::first_vectors) solves problems of order `n`.
    pub(in crate::cuda) fn has_first_vectors(&self, n: usize) -> Result<bool> {
        Ok((LEAST_ORDER..=LARGEST_ORDER).contains(&n)
            && first_bytes(n) <= self.program().shared_limit()
            && self.sized(&FIRST_BLOCK, LARGEST_ORDER)?.is_some()
            && self.tile_kernels()?.is_some())
    }

    /// Computes first vectors. Solves the full eigenproblem of the items without a certificate that
    /// the second value is smaller: their flags stay on the device.
    pub(in crate::cuda) fn first_vectors(&self, problems: FirstVectors<'_>) -> Result<()> {
        let FirstVectors {
            items,
            order: n,
            grams,
            work,
            vectors,
            values,
            firsts,
            unsure,
            outcomes,
        } = problems;
        let Some(kernels) = self.sized(&FIRST_BLOCK, LARGEST_ORDER)? else {
            // `has_first_vectors` has found the kernels.
            return Ok(());
        };
        let order = int(n);
        // 1. The vectors, and the first certificate.
        launch!(
            self, function: kernels.function("first_block"), threads: LARGEST_ORDER,
            grid: (1, items), shared: first_bytes(n),
            holds: [
                grams => items * n * n, values => items * n, firsts => items * n, unsure => items,
            ],
            arguments: [&*grams, &order, &mut *values, &mut *firsts, &mut *unsure],
        )?;
        // 2. The second certificate, from the eighth power.
        let powers = Unfoldings::of(items, &[n, n], 0);
        self.gram(&grams.as_view(), powers, work, Some(&*unsure))?;
        self.gram(&work.as_view(), powers, vectors, Some(&*unsure))?;
        self.gram(&vectors.as_view(), powers, work, Some(&*unsure))?;
        launch!(
            self, function: kernels.function("second_bound"), threads: LARGEST_ORDER,
            grid: (1, items), shared: 0,
            holds: [work => items * n * n, values => items * n, unsure => items],
            arguments: [&*work, &order, &*values, &mut *unsure],
        )?;
        // 3. All vectors, where neither certificate holds.
        self.eigen(Eigenproblems {
            items,
            order: n,
            grams,
            work,
            values,
            vectors: &mut *vectors,
            outcomes,
            active: Some(&*unsure),
        })?;
        launch!(
            self, function: kernels.function("take_first"), threads: COPY_THREADS,
            grid: (1, items), shared: 0,
            holds: [vectors => items * n * n, firsts => items * n, unsure => items],
            arguments: [&*vectors, &order, firsts],
            active: Some(&*unsure),
        )
    }
}
