//! The ladder: the computations that a factorization tries in turn until one converges.
//!
//! ```text
//!   divide and conquer  →  the same, rescaled  →  Jacobi  →  Gram (singular values only)
//!        fast                                     slow        loses half of the digits
//! ```

use faer::{Mat, MatRef, Scale};

use crate::error::{Error, Result};
use crate::names::named;

/// The computation that gave a factorization. Computations are tried in this order until one
/// converges.
///
/// ```
/// use tenfold::linalg::{Rung, eigh};
/// assert_eq!(eigh(faer::mat![[2.0, 1.0], [1.0, 2.0]].as_ref())?.rung, Rung::DivideAndConquer);
/// assert!(Rung::DivideAndConquer < Rung::Jacobi);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Divide and conquer, or another fast iteration.
    #[default]
    DivideAndConquer,
    /// The same computation, on the matrix times a constant that is not a power of two, so that all
    /// rounding errors differ.
    Rescaled,
    /// One-sided Jacobi rotations: slower by an order of magnitude, but they converge more
    /// reliably.
    Jacobi,
    /// Eigenvectors of the Gram matrix: singular values below √ε·σ₁ are lost in rounding.
    Gram,
}

named!(Rung, "rung",
    DivideAndConquer => "divide and conquer",
    Rescaled => "divide and conquer, rescaled",
    Jacobi => "Jacobi",
    Gram => "Gram",
);

/// Singular values, largest first, and right singular vectors.
pub(super) type Decomposed = (Vec<f64>, Mat<f64>);

/// The factor of the matrix on [`Rung::Rescaled`].
const RESCALED: f64 = 0.7;

/// The matrix of [`Rung::Rescaled`].
pub(super) fn rescaled(a: MatRef<'_, f64>) -> Mat<f64> {
    Scale(RESCALED) * a
}

/// Divides the values of the [`rescaled`] matrix by its factor.
pub(super) fn unscale(values: &mut [f64]) {
    values.iter_mut().for_each(|value| *value /= RESCALED);
}

/// The result of the first of `rungs` on which `attempt` converges, and the rung.
///
/// [`Error::NoConvergence`] of `what` if no rung converges; errors of `attempt`.
pub(super) fn climb<R>(
    rungs: &[Rung],
    what: &'static str,
    attempt: impl Fn(Rung) -> Result<Option<R>>,
) -> Result<(R, Rung)> {
    for &rung in rungs {
        if let Some(result) = attempt(rung)? {
            return Ok((result, rung));
        }
    }
    Err(Error::NoConvergence { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rung_that_converges_counts() {
        let ladder = [
            Rung::DivideAndConquer,
            Rung::Rescaled,
            Rung::Jacobi,
            Rung::Gram,
        ];
        let from = |first: Rung| move |rung: Rung| Ok((rung >= first).then_some(rung.name()));
        for rung in ladder {
            let result = climb(&ladder, "a test", from(rung)).unwrap();
            assert_eq!(result, (rung.name(), rung));
        }
        let result = climb(&ladder[..3], "a test", from(Rung::Gram));
        assert!(matches!(
            result,
            Err(Error::NoConvergence { what: "a test" })
        ));
    }

    #[test]
    fn an_error_ends_the_climb() {
        let ladder = [Rung::DivideAndConquer, Rung::Jacobi];
        let result = climb::<()>(&ladder, "a test", |_| Err(Error::Cancelled));
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}
