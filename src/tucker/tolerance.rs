//! Tolerances: what a decomposition may spend of one, and whether it has held it.

use super::decomposition::Tucker;
use super::memory::Problem;
use super::rank_law::obey_rank_law;
use super::truncation::Truncation;
use crate::error::Result;
use crate::linalg::Route;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// A tolerance ε, and what holds a decomposition to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract {
    tolerance: f64,
    /// The relative error to truncate by. Rounding in the products, and in the spectra,
    /// takes its share of ε first.
    pub(crate) share: f64,
    /// Above this the spectra tell the error well enough.
    known: f64,
}

impl Contract {
    /// For tensors of extents `shape`, decomposed by `route`.
    pub(crate) fn new<T: Scalar>(tolerance: f64, shape: &[usize], route: Route) -> Self {
        let floor = 8.0 * shape.len() as f64 * T::EPSILON;
        // Gram matrices know ε² to n·ε of `f64` only.
        let known = match route {
            Route::Gram => {
                let extents: usize = shape.iter().sum();
                (1e3 * floor).max(1e2 * (extents as f64 * f64::EPSILON).sqrt())
            }
            Route::Auto | Route::Qr => 1e3 * floor,
        };
        Self {
            tolerance,
            share: (tolerance * (1.0 - 1e-4) - floor).max(tolerance / 2.0),
            known,
        }
    }

    /// Whether a decomposition of `x` by the share has an error of at most ε.
    pub(crate) fn is_met<T: Scalar>(self, tucker: &Tucker<T>, x: TensorRef<'_, T>) -> Result<bool> {
        Ok(self.tolerance > self.known || tucker.relative_error(x)? <= self.tolerance)
    }

    /// Notes the error of the decomposition that nothing was cut from, and the shortfall
    /// if even that is above ε.
    pub(crate) fn settle<T: Scalar>(
        self,
        mut lossless: Tucker<T>,
        x: TensorRef<'_, T>,
    ) -> Result<Tucker<T>> {
        let reached = lossless.relative_error(x)?;
        lossless.set_estimated_error(reached);
        lossless.note_shortfall(self.tolerance, reached);
        Ok(lossless)
    }
}

/// The bytes of the first result of [`within_tolerance`], which is kept until the second
/// has been measured.
pub(super) fn first_attempt_memory(truncation: &Truncation, problem: &Problem) -> f64 {
    match truncation {
        Truncation::Ranks(_) => 0.0,
        Truncation::RelativeError(_) => problem.result(),
    }
}

/// Has `decompose` truncate by a share of `tolerance`, so that the true error is
/// at most `tolerance`, or as near to it as the precision and the route come;
/// then the shortfall is noted.
pub(super) fn within_tolerance<T: Scalar>(
    x: TensorRef<'_, T>,
    tolerance: f64,
    route: Route,
    decompose: impl Fn(f64) -> Result<Tucker<T>>,
) -> Result<Tucker<T>> {
    let contract = Contract::new::<T>(tolerance, x.shape(), route);
    let tucker = obey_rank_law(decompose(contract.share)?)?;
    if contract.is_met(&tucker, x)? {
        return Ok(tucker);
    }
    contract.settle(obey_rank_law(decompose(0.0)?)?, x)
}
