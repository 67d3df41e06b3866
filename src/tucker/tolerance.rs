//! How a decomposition meets a tolerance.
//!
//! A solver truncates by a relative error a little smaller than the tolerance, because rounding in
//! products and spectra adds to the error. Where the tolerance is so small that the spectra
//! cannot show the error, it is measured. If it exceeds the tolerance, the solver runs again with an
//! even split of the budget, and then without truncating. The result notes a shortfall if even that
//! error is too large.

use super::decomposition::Tucker;
use super::rank_law::obey_rank_law;
use super::truncation::Truncation;
use crate::error::Result;
use crate::linalg::Route;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// A tolerance ε, and the numbers by which it is met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract {
    tolerance: f64,
    /// The relative error to truncate by: ε less the rounding error of products and spectra.
    pub(crate) share: f64,
    /// Above this tolerance the error from the spectra is accurate enough.
    known: f64,
}

impl Contract {
    /// The contract for tensors of extents `shape`, decomposed by `route`.
    pub(crate) fn new<T: Scalar>(tolerance: f64, shape: &[usize], route: Route) -> Self {
        let floor = 8.0 * shape.len() as f64 * T::EPSILON;
        // The squared error from a Gram matrix has a rounding error of n·ε, ε of `f64`.
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

    /// Whether the singular values show that the tolerance is met. Otherwise the error of a
    /// decomposition must be measured.
    pub(crate) fn is_met_unmeasured(self) -> bool {
        self.tolerance > self.known
    }

    /// Whether a decomposition of `x`, truncated by [`Contract::share`], has an error of at most ε.
    pub(super) fn is_met<T: Scalar>(self, tucker: &Tucker<T>, x: TensorRef<'_, T>) -> Result<bool> {
        Ok(self.is_met_unmeasured() || tucker.relative_error(x)? <= self.tolerance)
    }

    /// Measures the error of a decomposition without truncation, and records a shortfall if the
    /// error is above ε.
    pub(super) fn settle<T: Scalar>(
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

/// How the ranks for a tolerance are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RankChoice {
    /// The fewest entries in core and factors.
    FewestEntries,
    /// The same, and sweeps of HOOI on the core of the first pass lower the ranks further.
    Refined,
    /// An equal share of the budget for each mode.
    EvenSplit,
}

impl RankChoice {
    /// Whether the core of a first pass is searched.
    pub(crate) fn searches(self) -> bool {
        self != Self::EvenSplit
    }
}

/// How a solver meets a tolerance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// How the ranks are chosen.
    pub(super) choice: RankChoice,
    /// How singular vectors are computed.
    pub(super) route: Route,
}

/// Calls `truncate` once for given ranks. For a tolerance, calls `truncate` with the relative error
/// to truncate by: with the rank choice of `rule`, and if the result misses the tolerance, with an
/// even split, and then with 0. The ranks obey the rank law. The error of the result is at most the
/// tolerance, or the smallest that precision and route can reach, with a shortfall noted.
pub(super) fn within_tolerance<T: Scalar>(
    x: TensorRef<'_, T>,
    truncation: &Truncation,
    rule: Rule,
    truncate: impl Fn(&Truncation, RankChoice) -> Result<Tucker<T>>,
) -> Result<Tucker<T>> {
    let &Truncation::RelativeError(tolerance) = truncation else {
        return truncate(truncation, RankChoice::EvenSplit);
    };
    let contract = Contract::new::<T>(tolerance, x.shape(), rule.route);
    let to_error = |error: f64, choice: RankChoice| {
        obey_rank_law(truncate(&Truncation::RelativeError(error), choice)?)
    };
    if contract.share > 0.0 {
        for choice in [rule.choice, RankChoice::EvenSplit] {
            let tucker = to_error(contract.share, choice)?;
            if contract.is_met(&tucker, x)? {
                return Ok(tucker);
            }
        }
    }
    contract.settle(to_error(0.0, RankChoice::EvenSplit)?, x)
}
