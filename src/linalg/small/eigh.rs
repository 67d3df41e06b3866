//! The symmetric eigenproblem, S V = V Λ: all eigenvectors, or the leading ones.
//!
//! The documentation of [`super`] shows the steps. This file scales the matrix, chooses between all
//! vectors and the leading ones, and tries one rung of the ladder after the other.

use faer::{Mat, MatRef};

use super::back_transform::back_transform;
use super::columns::Columns;
use super::householder::Reduction;
use super::jacobi::jacobi;
use super::ladder::{Rung, climb, rescaled, unscale};
use super::{divide_and_conquer, tridiagonal};
use crate::error::Result;
use crate::linalg::checks::{check_finite, check_square};
use crate::monitor::Cancellation;
use crate::scalar::{binary_exponent, power_of_two, scale};
use crate::simd::Scratch;

/// Eigenvalues and eigenvectors of a symmetric matrix, S V = V Λ.
///
/// ```
/// use tenfold::linalg::eigh;
/// let eigen = eigh(faer::mat![[4.0, 0.0], [0.0, 9.0]].as_ref())?;
/// assert_eq!(eigen.values, [9.0, 4.0]);
/// assert_eq!(eigen.vectors.ncols(), 2);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Eigen {
    /// All eigenvalues, largest first.
    pub values: Vec<f64>,
    /// Eigenvectors, one column each, in the order of the values: all or the leading ones.
    pub vectors: Mat<f64>,
    /// The computation that converged.
    pub rung: Rung,
}

/// The eigendecomposition of the symmetric matrix `s`. Only its lower triangle is read.
///
/// Backward stable: ‖S V − V Λ‖ is below 30·n·ε·‖S‖ and ‖VᵀV − I‖ below 30·n·ε, for entries of any
/// size. At most 6·n³ flops: 4/3 for the tridiagonal form, 8/3 for divide and conquer, 2 for the
/// transformation back. Runs on one thread, so the bits do not depend on the number of threads. If
/// the iteration does not converge, slower ones are tried: [`Rung`].
///
/// # Errors
/// [`MatrixShapeMismatch`](crate::Error::MatrixShapeMismatch) unless the matrix is square,
/// [`NonFinite`](crate::Error::NonFinite); [`NoConvergence`](crate::Error::NoConvergence) if no
/// rung converges.
///
/// ```
/// use tenfold::linalg::eigh;
/// let s = faer::mat![[2.0, 1.0], [1.0, 2.0]];
/// let eigen = eigh(s.as_ref())?;
/// assert!((eigen.values[0] - 3.0).abs() < 1e-14);
/// assert!((eigen.values[1] - 1.0).abs() < 1e-14);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn eigh(s: MatRef<'_, f64>) -> Result<Eigen> {
    eigh_until(s, Cancellation::default())
}

/// Like [`eigh`]. Returns [`Error::Cancelled`](crate::Error::Cancelled) soon after the flag is set.
pub(crate) fn eigh_until(s: MatRef<'_, f64>, cancellation: Cancellation<'_>) -> Result<Eigen> {
    let (pairs, rung) = eigh_in_scratch_until(s, cancellation)?;
    Ok(pairs.leading(s.ncols(), rung))
}

/// Eigenvalues, largest first, and their vectors.
pub(crate) struct EigenPairs {
    pub(crate) values: Scratch<f64>,
    pub(crate) vectors: Columns,
}

impl EigenPairs {
    /// A copy of all values and the first `count` vectors.
    fn leading(&self, count: usize, rung: Rung) -> Eigen {
        Eigen {
            values: self.values.to_vec(),
            vectors: self.vectors.leading(count),
            rung,
        }
    }
}

/// Like [`eigh_until`], with the result in scratch memory.
pub(crate) fn eigh_in_scratch_until(
    s: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<(EigenPairs, Rung)> {
    let (s, exponent) = scaled(s)?;
    all_pairs(s.as_ref(), exponent, cancellation)
}

/// The eigenpairs of `s`·2ᵉ, for `s` with entries of at most about one.
fn all_pairs(
    s: MatRef<'_, f64>,
    exponent: i32,
    cancellation: Cancellation<'_>,
) -> Result<(EigenPairs, Rung)> {
    let reduction = Reduction::new(s, cancellation)?;
    let (mut pairs, rung) = all_vectors(s, &reduction, cancellation)?;
    rescale(&mut pairs.values, exponent);
    Ok((pairs, rung))
}

/// All eigenvalues of the symmetric matrix `s`, and its first `count(eigenvalues)` eigenvectors, or
/// all of them if `count` returns a larger number. Only the lower triangle of `s` is read.
///
/// The bounds of [`eigh`] hold. Few vectors of a large matrix take less time than all vectors:
/// 4/3·n³ flops for the tridiagonal form, and about 4·n² for each vector. Below n = 400, the
/// leading tenth of the vectors takes as long as all of them. If inverse iteration does not
/// separate a cluster of eigenvalues, all vectors are computed.
///
/// # Errors
/// The errors of [`eigh`].
///
/// ```
/// use tenfold::linalg::eigh_leading;
/// let s = faer::mat![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.5]];
/// let eigen = eigh_leading(s.as_ref(), |values| values.iter().filter(|&&v| v > 2.0).count())?;
/// assert_eq!((eigen.values.len(), eigen.vectors.ncols()), (3, 1));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn eigh_leading(s: MatRef<'_, f64>, count: impl FnOnce(&[f64]) -> usize) -> Result<Eigen> {
    eigh_leading_until(s, count, Cancellation::default())
}

/// Like [`eigh_leading`]. Returns [`Error::Cancelled`](crate::Error::Cancelled) soon after the flag
/// is set.
pub(crate) fn eigh_leading_until(
    s: MatRef<'_, f64>,
    count: impl FnOnce(&[f64]) -> usize,
    cancellation: Cancellation<'_>,
) -> Result<Eigen> {
    let (s, exponent) = scaled(s)?;
    let n = s.nrows();
    if n > SMALL {
        let reduction = Reduction::new(s.as_ref(), cancellation)?;
        let t = reduction.tridiagonal();
        if let Some(values) = tridiagonal::eigenvalues(t, cancellation)? {
            let mut rescaled = values.to_vec();
            rescale(&mut rescaled, exponent);
            let count = count(&rescaled).min(n);
            // 1. A few vectors, by inverse iteration.
            if count <= n / 3
                && let Some(mut vectors) =
                    tridiagonal::leading_vectors(t, &values[..count], cancellation)?
            {
                back_transform(&reduction, &mut vectors, cancellation)?;
                return Ok(Eigen {
                    values: rescaled,
                    vectors: vectors.leading(count),
                    rung: Rung::DivideAndConquer,
                });
            }
            // 2. Many vectors, or a cluster that is not separated.
            let (all, rung) = all_vectors(s.as_ref(), &reduction, cancellation)?;
            return Ok(Eigen {
                values: rescaled,
                vectors: all.vectors.leading(count),
                rung,
            });
        }
    }
    // 3. A small matrix, or eigenvalues that did not converge.
    let (pairs, rung) = all_pairs(s.as_ref(), exponent, cancellation)?;
    let count = count(&pairs.values).min(n);
    Ok(pairs.leading(count, rung))
}

/// The largest order for which [`eigh_leading`] always computes all vectors.
const SMALL: usize = 24;

/// The lower triangle of `s`·2⁻ᵉ, with entries of at most about one, and e. Fails unless `s` is
/// square and its lower triangle finite.
pub(super) fn scaled(s: MatRef<'_, f64>) -> Result<(Columns, i32)> {
    check_square(s)?;
    let n = s.nrows();
    check_finite(s, |j| j)?;
    let lower = (0..n).flat_map(|j| (j..n).map(move |i| s[(i, j)].abs()));
    let exponent = binary_exponent(lower.fold(0.0, f64::max));
    let [first, second] = power_of_two(-exponent);
    let mut scaled = Columns::zeros(n, n);
    for j in 0..n {
        let column = scaled.col_mut(j);
        for i in j..n {
            column[i] = s[(i, j)] * first * second;
        }
    }
    Ok((scaled, exponent))
}

/// values ← values·2ᵉ.
pub(in crate::linalg) fn rescale(values: &mut [f64], exponent: i32) {
    for value in values {
        *value = scale(*value, exponent);
    }
}

/// The rungs of [`eigh`], in order.
pub(super) const LADDER: [Rung; 3] = [Rung::DivideAndConquer, Rung::Rescaled, Rung::Jacobi];

/// All eigenvectors of `s`, given its tridiagonal form.
fn all_vectors(
    s: MatRef<'_, f64>,
    reduction: &Reduction,
    cancellation: Cancellation<'_>,
) -> Result<(EigenPairs, Rung)> {
    let attempt = |rung| on_rung(rung, s, reduction, cancellation);
    climb(&LADDER, "the symmetric eigenproblem", attempt)
}

/// The eigenpairs of `s`, which has entries of at most about one, by one rung. `None` if the rung
/// does not converge.
pub(super) fn on_rung(
    rung: Rung,
    s: MatRef<'_, f64>,
    reduction: &Reduction,
    cancellation: Cancellation<'_>,
) -> Result<Option<EigenPairs>> {
    match rung {
        Rung::DivideAndConquer => from_tridiagonal(reduction, cancellation),
        Rung::Rescaled => {
            let reduction = Reduction::new(rescaled(s).as_ref(), cancellation)?;
            let mut pairs = from_tridiagonal(&reduction, cancellation)?;
            if let Some(pairs) = &mut pairs {
                unscale(&mut pairs.values);
            }
            Ok(pairs)
        }
        Rung::Jacobi => shifted_jacobi(s, cancellation),
        Rung::Gram => Ok(None),
    }
}

/// The eigenpairs of T by divide and conquer, with the vectors transformed to those of S.
fn from_tridiagonal(
    reduction: &Reduction,
    cancellation: Cancellation<'_>,
) -> Result<Option<EigenPairs>> {
    let Some((values, mut vectors)) =
        divide_and_conquer::eigenvectors(reduction.tridiagonal(), cancellation)?
    else {
        return Ok(None);
    };
    back_transform(reduction, &mut vectors, cancellation)?;
    Ok(Some(EigenPairs { values, vectors }))
}

/// The eigenpairs of S from the singular vectors of S + cI with c = ‖S‖∞. S + cI is positive
/// semidefinite, so its singular values are its eigenvalues.
fn shifted_jacobi(
    s: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<Option<EigenPairs>> {
    let n = s.nrows();
    let mut shifted = Mat::from_fn(n, n, |i, j| s[(i.max(j), i.min(j))]);
    let rows = (0..n).map(|j| shifted.col(j).norm_l1());
    let shift = rows.fold(0.0, f64::max);
    (0..n).for_each(|i| shifted[(i, i)] += shift);
    let singular = jacobi(shifted.as_ref(), cancellation)?;
    Ok(singular.map(|(values, vectors)| EigenPairs {
        values: values.into_iter().map(|value| value - shift).collect(),
        vectors: Columns::copied(vectors.as_ref()),
    }))
}
