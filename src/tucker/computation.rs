//! Products and singular vectors, the steps of all solvers, with the route and the monitor of the
//! solver.

use faer::MatRef;

use crate::error::Result;
use crate::linalg::{
    Accuracy, LeftSingular, Needed, Precision, Request, Route, Wanted, leading_vectors,
};
use crate::monitor::Monitor;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, mode_product_until, multi_mode_product_until};

/// How a solver computes its steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computation<'a> {
    /// How singular vectors are computed.
    pub(super) route: Route,
    /// Its cancellation flag ends a step early. The solver itself reports finished steps to it.
    pub(super) monitor: &'a Monitor,
}

impl Computation<'_> {
    /// The leading left singular vectors of Y₍ₙ₎. `rank` receives all singular values and returns
    /// the number of vectors. The tail that is `needed` determines the precision of products.
    pub(super) fn leading<T: Scalar>(
        self,
        y: TensorRef<'_, T>,
        mode: usize,
        needed: Needed,
        rank: impl Fn(&[f64]) -> usize,
    ) -> Result<LeftSingular<T>> {
        let request = Request {
            wanted: Wanted::Leading {
                count: &rank,
                needed: Some(needed),
            },
            accuracy: Accuracy {
                route: self.route,
                precision: match needed {
                    Needed::Rank(_) => Precision::Native,
                    Needed::Tail(_) => Precision::Double,
                },
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
