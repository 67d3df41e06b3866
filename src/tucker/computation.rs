//! The steps that all solvers share, with the route and the monitor of the solver.

use faer::MatRef;

use crate::error::Result;
use crate::linalg::{Accuracy, LeftSingular, Precision, Request, Route, Wanted, leading_vectors};
use crate::monitor::Monitor;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, mode_product_until, multi_mode_product_until};

/// How a solver computes its steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computation<'a> {
    /// How singular vectors are computed.
    pub(super) route: Route,
    /// Reports each step, and cancels the solver on request.
    pub(super) monitor: &'a Monitor,
}

impl Computation<'_> {
    /// The leading left singular vectors of Y₍ₙ₎. `rank` gets all singular values and returns the
    /// number of vectors. The products of the first Gram matrix are computed in `precision`.
    pub(super) fn leading<T: Scalar>(
        self,
        y: TensorRef<'_, T>,
        mode: usize,
        precision: Precision,
        rank: impl Fn(&[f64]) -> usize,
    ) -> Result<LeftSingular<T>> {
        let request = Request {
            wanted: Wanted::Leading(&rank),
            accuracy: Accuracy {
                route: self.route,
                precision,
            },
            cancellation: self.monitor.cancellation(),
        };
        leading_vectors(y, mode, request)
    }

    /// Y ×ₙ U.
    pub(super) fn mode_product<T: Scalar>(
        self,
        y: TensorRef<'_, T>,
        mode: usize,
        u: MatRef<'_, T>,
    ) -> Result<Tensor<T>> {
        mode_product_until(y, mode, u, self.monitor.cancellation())
    }

    /// Y ×ₐ Uₐ ×ᵦ Uᵦ ….
    pub(super) fn multi_mode_product<T: Scalar>(
        self,
        y: TensorRef<'_, T>,
        matrices: &[(usize, MatRef<'_, T>)],
    ) -> Result<Tensor<T>> {
        multi_mode_product_until(y, matrices, self.monitor.cancellation())
    }
}
