//! The factor of a mode: the leading left singular vectors of unfoldings.
//!
//! ```text
//! pairs     singular values and vectors of the smaller side: eigenpairs of a Gram matrix G,
//!           which resolve values down to √ε·σ₁
//! refine    the same with all digits, from the Gram matrix of B = VᵀM
//! leading   the factor, from the leading vectors V
//! ```

use cudarc::driver::CudaSlice;

use super::tensors::{Leading, Product, Tensors};
use crate::cuda::buffers::{Buffer, download, uninitialised, zeros};
use crate::cuda::launch::{Eigenproblems, Refinement, Unfoldings, no_convergence, outcome};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::Side;

/// Memory for singular values and vectors.
#[derive(Debug)]
pub(super) struct SingularVectors {
    grams: Buffer<f64>,
    work: Buffer<f64>,
    vectors: Buffer<f64>,
    outcomes: Buffer<i32>,
    /// For the second pass: B = VᵀM.
    projected: Option<Buffer<f64>>,
}

/// The results for a mode, and which items are computed.
pub(super) struct Mode<'a> {
    pub(super) unfoldings: Unfoldings,
    pub(super) rank: usize,
    /// Squares of the singular values, largest first.
    pub(super) squares: &'a mut CudaSlice<f64>,
    /// Iₙ×`rank` factors, column by column.
    pub(super) factors: &'a mut CudaSlice<f64>,
    /// Receives the products with the transposed factors, if they are needed.
    pub(super) products: Option<&'a mut CudaSlice<f64>>,
    /// The kernels skip the items with the number 0.
    pub(super) active: Option<&'a CudaSlice<i32>>,
}

/// Factors from leading vectors.
pub(super) struct Factors<'a> {
    /// The unfoldings of the tensors; `items` is the number of factors.
    pub(super) unfoldings: Unfoldings,
    pub(super) rank: usize,
    pub(super) factors: &'a mut CudaSlice<f64>,
    /// The tensor for each factor; all tensors for `None`.
    pub(super) selected: Option<&'a CudaSlice<i32>>,
    pub(super) active: Option<&'a CudaSlice<i32>>,
}

impl SingularVectors {
    /// Memory for `items` matrices of order at most `order`. `refined` is the number of entries of
    /// the largest unfolding of all items that gets a second pass; 0 without second passes.
    pub(super) fn new(queue: &Queue, items: usize, order: usize, refined: usize) -> Result<Self> {
        let matrices = || uninitialised(queue, items * order * order);
        Ok(Self {
            grams: matrices()?,
            work: matrices()?,
            vectors: matrices()?,
            outcomes: zeros(queue, items)?,
            projected: match refined {
                0 => None,
                len => Some(uninitialised(queue, len)?),
            },
        })
    }

    /// Computes the factors and the spectra of a mode, and the products with the factors.
    pub(super) fn update<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        mode: Mode<'_>,
    ) -> Result<()> {
        let Mode {
            unfoldings,
            rank,
            squares,
            factors,
            products,
            active,
        } = mode;
        self.pairs(queue, tensors, unfoldings, squares, active)?;
        if self.projected.is_some() {
            self.refine(queue, tensors, unfoldings, squares, active)?;
        }
        let leading = Factors {
            unfoldings,
            rank,
            factors: &mut *factors,
            selected: None,
            active,
        };
        self.leading(queue, tensors, leading)?;
        let Some(products) = products else {
            return Ok(());
        };
        let product = Product {
            unfoldings,
            matrices: factors,
            rank,
            expanding: false,
            products,
            selected: None,
            active,
        };
        tensors.product(queue, product)
    }

    /// Singular values and vectors of the smaller side of unfoldings, from Gram matrices.
    pub(super) fn pairs<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        unfoldings: Unfoldings,
        squares: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        tensors.gram(queue, unfoldings, &mut self.grams, active)?;
        queue.eigen(Eigenproblems {
            items: unfoldings.items,
            order: unfoldings.order(),
            grams: &mut self.grams,
            work: &mut self.work,
            values: squares,
            vectors: &mut self.vectors,
            outcomes: &mut self.outcomes,
            active,
        })
    }

    /// Adds the digits that Gram matrices lose to the singular values and vectors that
    /// [`SingularVectors::pairs`] has computed of the same tensors.
    pub(super) fn refine<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        unfoldings: Unfoldings,
        squares: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let items = unfoldings.items;
        let order = unfoldings.order();
        let size = items * unfoldings.size();
        if self
            .projected
            .as_ref()
            .is_none_or(|memory| memory.len() < size)
        {
            self.projected = Some(uninitialised(queue, size)?);
        }
        let Some(projected) = &mut self.projected else {
            return Ok(());
        };
        // 1. B, whose rows are the singular vectors of the longer side times singular values. For
        // vectors of the columns B has the shape `order`×Iₙ, otherwise the shape of the tensors.
        let rows = match unfoldings.side() {
            Side::Mode => {
                let product = Product {
                    unfoldings,
                    matrices: &self.vectors,
                    rank: order,
                    expanding: false,
                    products: projected,
                    selected: None,
                    active,
                };
                tensors.product(queue, product)?;
                unfoldings
            }
            Side::Rest => {
                let leading = Leading {
                    unfoldings,
                    rank: order,
                    vectors: &self.vectors,
                    factors: projected,
                    selected: None,
                    active,
                };
                tensors.lift(queue, leading)?;
                Unfoldings::of(items, &[order, unfoldings.rows()], 0)
            }
        };
        // 2. Its Gram matrix, and the vectors.
        queue.gram_in_parts(&projected.as_view(), rows, &mut self.grams, active)?;
        queue.refine(Refinement {
            items,
            order,
            grams: &mut self.grams,
            work: &mut self.work,
            values: squares,
            vectors: &mut self.vectors,
            outcomes: &mut self.outcomes,
            active,
        })
    }

    /// The factors of the `unfoldings.items` tensors `selected`, from the leading vectors. Without
    /// `selected`, the factors of all tensors.
    pub(super) fn leading<T: DeviceScalar>(
        &self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        factors: Factors<'_>,
    ) -> Result<()> {
        let Factors {
            unfoldings,
            rank,
            factors,
            selected,
            active,
        } = factors;
        let leading = Leading {
            unfoldings,
            rank,
            vectors: &self.vectors,
            factors: &mut *factors,
            selected,
            active,
        };
        match unfoldings.side() {
            Side::Mode => tensors.truncate(queue, leading),
            Side::Rest => {
                tensors.lift(queue, leading)?;
                let sizes = [unfoldings.items, unfoldings.rows(), rank];
                queue.orthonormalise(sizes, factors, active)
            }
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
