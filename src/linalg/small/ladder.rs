//! The ladder that a factorization climbs where an iteration does not converge.

use faer::{Mat, MatRef, Scale};

use crate::names::named;

/// The computation that gave a factorization: the first on the ladder that
/// converged.
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
    /// The same on the matrix times a constant that is no power of two, by which
    /// everything is rounded otherwise.
    Rescaled,
    /// One-sided Jacobi rotations: slower by an order of magnitude, and certain.
    Jacobi,
    /// Eigenvectors of the Gram matrix: singular values below √ε·σ₁ drown in
    /// rounding.
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

/// What the matrix is multiplied by on [`Rung::Rescaled`].
const RESCALED: f64 = 0.7;

/// The matrix of [`Rung::Rescaled`].
pub(super) fn rescaled(a: MatRef<'_, f64>) -> Mat<f64> {
    Scale(RESCALED) * a
}

/// From the values of [`rescaled`] to those of the matrix.
pub(super) fn unscale(values: &mut [f64]) {
    values.iter_mut().for_each(|value| *value /= RESCALED);
}

/// The outcome of the first of `rungs` on which `attempt` converges.
pub(super) fn climb<R>(rungs: &[Rung], attempt: impl Fn(Rung) -> Option<R>) -> Option<(R, Rung)> {
    let mut rungs = rungs.iter();
    rungs.find_map(|&rung| attempt(rung).map(|outcome| (outcome, rung)))
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
        let from = |first: Rung| move |rung: Rung| (rung >= first).then_some(rung.name());
        for rung in ladder {
            assert_eq!(climb(&ladder, from(rung)), Some((rung.name(), rung)));
        }
        assert_eq!(climb(&ladder[..3], from(Rung::Gram)), None);
    }
}
