//! The singular value decomposition of a small matrix.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Mat, MatRef, Par};

use super::eigh::{eigh, rescale};
use super::jacobi::jacobi;
use super::ladder::{Decomposed, Rung, climb, rescaled, unscale};
use crate::error::{Error, Result};
use crate::linalg::checks::{check_finite, check_tall};
use crate::scalar::{binary_exponent, scale};

/// Singular values and right singular vectors of a matrix.
///
/// ```
/// use tenfold::linalg::right_singular;
/// let svd = right_singular(faer::mat![[0.0, 2.0], [0.0, 0.0]].as_ref())?;
/// assert_eq!(svd.values, [2.0, 0.0]);
/// assert_eq!(svd.vectors[(1, 0)].abs(), 1.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RightSingular {
    /// The singular values, largest first.
    pub values: Vec<f64>,
    /// The right singular vectors, one column each, in the order of the values.
    pub vectors: Mat<f64>,
    /// The computation that converged.
    pub rung: Rung,
}

/// Singular values and right singular vectors of the matrix `r`, m×n with m ≥ n: n of
/// each.
///
/// The matrix is scaled by a power of two first, so that entries of any size
/// are safe. Some 20·n³ flops on one thread for a square matrix. Should the iteration
/// not converge, others are tried: [`Rung`].
///
/// # Errors
/// [`Error::MatrixShapeMismatch`] for m < n, [`Error::NonFinite`]; [`Error::NoConvergence`]
/// where no rung converges.
///
/// ```
/// use tenfold::linalg::right_singular;
/// let r = faer::mat![[0.0, 2.0], [1.0, 0.0]];
/// let svd = right_singular(r.as_ref())?;
/// assert_eq!(svd.values, [2.0, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn right_singular(r: MatRef<'_, f64>) -> Result<RightSingular> {
    check_tall(r)?;
    check_finite(r, |_| 0)?;
    let n = r.ncols();
    if n == 0 {
        return Ok(RightSingular {
            values: Vec::new(),
            vectors: Mat::new(),
            rung: Rung::default(),
        });
    }
    let exponent = binary_exponent(r.norm_max());
    let scaled = Mat::from_fn(r.nrows(), n, |i, j| scale(r[(i, j)], -exponent));
    let attempt = |rung| on_rung(rung, scaled.as_ref());
    let ((mut values, vectors), rung) = climb(&LADDER, attempt).ok_or(Error::NoConvergence {
        what: "the singular value decomposition",
    })?;
    rescale(&mut values, exponent);
    Ok(RightSingular {
        values,
        vectors,
        rung,
    })
}

/// The rungs of [`right_singular`], in order.
pub(super) const LADDER: [Rung; 4] = [
    Rung::DivideAndConquer,
    Rung::Rescaled,
    Rung::Jacobi,
    Rung::Gram,
];

/// What one rung makes of `r`, whose entries are at most one or so.
pub(super) fn on_rung(rung: Rung, r: MatRef<'_, f64>) -> Option<Decomposed> {
    match rung {
        Rung::DivideAndConquer => divide_and_conquer(r),
        Rung::Rescaled => {
            let (mut values, vectors) = divide_and_conquer(rescaled(r).as_ref())?;
            unscale(&mut values);
            Some((values, vectors))
        }
        Rung::Jacobi => jacobi(r),
        Rung::Gram => {
            let eigen = eigh((r.transpose() * r).as_ref()).ok()?;
            let roots = eigen.values.iter().map(|value| value.max(0.0).sqrt());
            Some((roots.collect(), eigen.vectors))
        }
    }
}

/// faer's bidiagonal divide and conquer; nothing where it does not converge.
fn divide_and_conquer(r: MatRef<'_, f64>) -> Option<Decomposed> {
    let n = r.ncols();
    let mut values = vec![0.0; n];
    let mut vectors = Mat::zeros(n, n);
    let params = Default::default();
    let scratch = svd::svd_scratch::<f64>(
        r.nrows(),
        n,
        ComputeSvdVectors::No,
        ComputeSvdVectors::Thin,
        Par::Seq,
        params,
    );
    svd::svd(
        r,
        DiagMut::from_slice_mut(&mut values),
        None,
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .ok()?;
    let converged = values.iter().all(|value| value.is_finite());
    converged.then_some((values, vectors))
}
