//! The symmetric eigenproblem.

use faer::{Mat, MatRef};

use super::back_transform::back_transform;
use super::columns::Columns;
use super::householder::Reduction;
use super::jacobi::jacobi;
use super::ladder::{Rung, climb, rescaled, unscale};
use super::{divide_and_conquer, tridiagonal};
use crate::error::{Error, Result};
use crate::linalg::checks::{check_finite, check_square};
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
    /// Eigenvectors, one column each, in the order of the values: all of them,
    /// or the leading ones.
    pub vectors: Mat<f64>,
    /// The computation that converged.
    pub rung: Rung,
}

/// The eigendecomposition of the symmetric matrix `s`, of which only the lower
/// triangle is read.
///
/// Backward stable: ‖S V − V Λ‖ and ‖VᵀV − I‖ stay below 30·n·ε (times ‖S‖), for
/// entries of any size. At most 6·n³ flops: 4/3 for the tridiagonal form, 8/3 by
/// divide and conquer, 2 for the way back. Runs on one thread, since a parallel
/// reduction would make the bits depend on the number of threads. Should the
/// iteration not converge, others are tried: [`Rung`].
///
/// # Errors
/// [`Error::MatrixShapeMismatch`] unless the matrix is square, [`Error::NonFinite`];
/// [`Error::NoConvergence`] where no rung converges.
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
    let (pairs, rung) = eigh_in_scratch(s)?;
    Ok(pairs.leading(s.ncols(), rung))
}

/// Eigenvalues, largest first, and their vectors.
pub(crate) struct EigenPairs {
    pub(crate) values: Scratch<f64>,
    pub(crate) vectors: Columns,
}

impl EigenPairs {
    /// All values and the first `count` vectors, in memory of their own.
    fn leading(&self, count: usize, rung: Rung) -> Eigen {
        Eigen {
            values: self.values.to_vec(),
            vectors: self.vectors.leading(count),
            rung,
        }
    }
}

/// [`eigh`] in scratch memory.
pub(crate) fn eigh_in_scratch(s: MatRef<'_, f64>) -> Result<(EigenPairs, Rung)> {
    let (s, exponent) = scaled(s)?;
    all_pairs(s.as_ref(), exponent)
}

/// The eigenpairs of `s`·2ᵉ, the entries of `s` at most one or so.
fn all_pairs(s: MatRef<'_, f64>, exponent: i32) -> Result<(EigenPairs, Rung)> {
    let (mut pairs, rung) = all_vectors(s, &Reduction::new(s))?;
    rescale(&mut pairs.values, exponent);
    Ok((pairs, rung))
}

/// All eigenvalues of the symmetric matrix `s` and its leading eigenvectors, as
/// many as `count` makes of the eigenvalues; all where it makes more than there are.
/// Of `s` the lower triangle is read.
///
/// The bounds of [`eigh`] hold. With few vectors wanted it takes a third of the
/// time: 4/3·n³ flops for the tridiagonal form and some 4·n² for each vector. Where
/// inverse iteration cannot part a cluster, all vectors are computed instead.
///
/// # Errors
/// Those of [`eigh`].
///
/// ```
/// use tenfold::linalg::eigh_leading;
/// let s = faer::mat![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.5]];
/// let eigen = eigh_leading(s.as_ref(), |values| values.iter().filter(|&&v| v > 2.0).count())?;
/// assert_eq!((eigen.values.len(), eigen.vectors.ncols()), (3, 1));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn eigh_leading(s: MatRef<'_, f64>, count: impl FnOnce(&[f64]) -> usize) -> Result<Eigen> {
    let (s, exponent) = scaled(s)?;
    let n = s.nrows();
    if n > SMALL {
        let reduction = Reduction::new(s.as_ref());
        let (diagonal, off_diagonal) = (&reduction.diagonal, &reduction.off_diagonal);
        if let Some(values) = tridiagonal::eigenvalues(diagonal, off_diagonal) {
            let mut rescaled = values.to_vec();
            rescale(&mut rescaled, exponent);
            let count = count(&rescaled).min(n);
            if count <= n / 3
                && let Some(mut vectors) =
                    tridiagonal::leading_vectors(diagonal, off_diagonal, &values, count)
            {
                back_transform(&reduction, &mut vectors);
                return Ok(Eigen {
                    values: rescaled,
                    vectors: vectors.leading(count),
                    rung: Rung::DivideAndConquer,
                });
            }
            let (all, rung) = all_vectors(s.as_ref(), &reduction)?;
            return Ok(Eigen {
                values: rescaled,
                vectors: all.vectors.leading(count),
                rung,
            });
        }
    }
    let (pairs, rung) = all_pairs(s.as_ref(), exponent)?;
    let count = count(&pairs.values).min(n);
    Ok(pairs.leading(count, rung))
}

/// The order up to which all vectors are computed at once.
const SMALL: usize = 24;

/// The lower triangle scaled by a power of two to entries of at most 1 or so, and
/// the exponent that was taken out; fails unless the matrix is square and the triangle
/// finite.
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

/// values·2ᵉ.
pub(in crate::linalg) fn rescale(values: &mut [f64], exponent: i32) {
    for value in values {
        *value = scale(*value, exponent);
    }
}

/// The rungs of [`eigh`], in order.
pub(super) const LADDER: [Rung; 3] = [Rung::DivideAndConquer, Rung::Rescaled, Rung::Jacobi];

/// All eigenvectors of `s`, whose tridiagonal form is known.
fn all_vectors(s: MatRef<'_, f64>, reduction: &Reduction) -> Result<(EigenPairs, Rung)> {
    let attempt = |rung| on_rung(rung, s, reduction);
    climb(&LADDER, attempt).ok_or(Error::NoConvergence {
        what: "the symmetric eigenproblem",
    })
}

/// What one rung makes of `s`, whose entries are at most one or so.
pub(super) fn on_rung(rung: Rung, s: MatRef<'_, f64>, reduction: &Reduction) -> Option<EigenPairs> {
    match rung {
        Rung::DivideAndConquer => from_tridiagonal(reduction),
        Rung::Rescaled => {
            let mut pairs = from_tridiagonal(&Reduction::new(rescaled(s).as_ref()))?;
            unscale(&mut pairs.values);
            Some(pairs)
        }
        Rung::Jacobi => shifted_jacobi(s),
        Rung::Gram => None,
    }
}

fn from_tridiagonal(reduction: &Reduction) -> Option<EigenPairs> {
    let (values, mut vectors) =
        divide_and_conquer::eigenvectors(&reduction.diagonal, &reduction.off_diagonal)?;
    back_transform(reduction, &mut vectors);
    Some(EigenPairs { values, vectors })
}

/// The singular vectors of S + cI, which is positive semidefinite for c = ‖S‖∞.
fn shifted_jacobi(s: MatRef<'_, f64>) -> Option<EigenPairs> {
    let n = s.nrows();
    let mut shifted = Mat::from_fn(n, n, |i, j| s[(i.max(j), i.min(j))]);
    let rows = (0..n).map(|j| shifted.col(j).norm_l1());
    let shift = rows.fold(0.0, f64::max);
    (0..n).for_each(|i| shifted[(i, i)] += shift);
    let (values, vectors) = jacobi(shifted.as_ref())?;
    Some(EigenPairs {
        values: values.into_iter().map(|value| value - shift).collect(),
        vectors: Columns::copied(vectors.as_ref()),
    })
}
