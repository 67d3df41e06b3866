//! The factor of a mode: the leading left singular vectors of unfoldings, from the Gram
//! matrices of their smaller side.

use cudarc::driver::CudaSlice;

use crate::cuda::buffers::{Buffer, download, zeros};
use crate::cuda::launch::{Eigenproblems, LeadingVectors, Unfoldings, no_convergence, outcome};
use crate::cuda::queue::Queue;
use crate::error::Result;
use crate::linalg::Side;

/// Memory for Gram matrices and their eigenproblems.
#[derive(Debug)]
pub(super) struct GramRoute {
    grams: Buffer<f64>,
    work: Buffer<f64>,
    vectors: Buffer<f64>,
    outcomes: Buffer<i32>,
}

/// The results for a mode, and which items are computed.
pub(super) struct Mode<'a> {
    pub(super) rank: usize,
    /// Squares of the singular values, largest first.
    pub(super) squares: &'a mut CudaSlice<f64>,
    /// Iₙ×`rank` factors, column by column.
    pub(super) factors: &'a mut CudaSlice<f64>,
    /// The kernels skip the items with the number 0.
    pub(super) active: Option<&'a CudaSlice<i32>>,
}

impl GramRoute {
    /// Memory for `items` Gram matrices of order at most `order`.
    pub(super) fn new(queue: &Queue, items: usize, order: usize) -> Result<Self> {
        let matrices = || zeros(queue, items * order * order);
        Ok(Self {
            grams: matrices()?,
            work: matrices()?,
            vectors: matrices()?,
            outcomes: zeros(queue, items)?,
        })
    }

    /// Computes the factors and the spectra of a mode.
    pub(super) fn factor(
        &mut self,
        queue: &Queue,
        tensors: &CudaSlice<f64>,
        unfoldings: Unfoldings,
        mode: Mode<'_>,
    ) -> Result<()> {
        let Mode {
            rank,
            squares,
            factors,
            active,
        } = mode;
        queue.gram_in_parts(&tensors.as_view(), unfoldings, &mut self.grams, active)?;
        queue.eigen(Eigenproblems {
            items: unfoldings.items,
            order: unfoldings.order(),
            grams: &mut self.grams,
            work: &mut self.work,
            values: squares,
            vectors: &mut self.vectors,
            outcomes: &mut self.outcomes,
            active,
        })?;
        let leading = LeadingVectors {
            unfoldings,
            rank,
            vectors: &self.vectors,
            factors,
            active,
        };
        match unfoldings.side() {
            Side::Mode => queue.truncate(leading),
            Side::Rest => queue.lift(tensors, leading),
        }
    }

    /// Fails if an eigenproblem of any item did not converge. Waits for the device.
    pub(super) fn check_convergence(&self, queue: &Queue) -> Result<()> {
        let outcomes = download(queue, &self.outcomes)?;
        if outcomes.iter().any(|&code| code != outcome::FINE) {
            return Err(no_convergence());
        }
        Ok(())
    }
}
