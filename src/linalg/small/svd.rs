//! The singular value decomposition of a small matrix, for the triangular factors of
//! unfoldings.
//!
//! The first rung is faer's bidiagonal divide and conquer: triangular factors are decomposed
//! only where a Gram matrix would lose digits, so a faster solver would gain little.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Mat, MatRef, Par};

use super::eigh::{eigh_until, rescale};
use super::jacobi::jacobi;
use super::ladder::{Decomposed, Rung, climb, rescaled, unscale};
use crate::error::{Error, Result};
use crate::linalg::checks::{check_finite, check_tall};
use crate::monitor::Cancellation;
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

/// The n singular values and right singular vectors of the matrix `r`, m×n with m ≥ n.
///
/// The matrix is first scaled by a power of two, so that entries of any size are safe. About 20·n³
/// flops on one thread for a square matrix. If the iteration does not converge, slower ones are
/// tried: [`Rung`].
///
/// # Errors
/// [`Error::MatrixShapeMismatch`] for m < n, [`Error::NonFinite`]; [`Error::NoConvergence`] if no
/// rung converges.
///
/// ```
/// use tenfold::linalg::right_singular;
/// let r = faer::mat![[0.0, 2.0], [1.0, 0.0]];
/// let svd = right_singular(r.as_ref())?;
/// assert_eq!(svd.values, [2.0, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn right_singular(r: MatRef<'_, f64>) -> Result<RightSingular> {
    right_singular_until(r, Cancellation::default())
}

/// Like [`right_singular`]. Returns [`Error::Cancelled`] if the flag is set before a rung starts,
/// and soon after it is set during the Jacobi and Gram rungs. faer's divide and conquer is not
/// interrupted.
pub(crate) fn right_singular_until(
    r: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<RightSingular> {
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
    let what = "the singular value decomposition";
    let attempt = |rung| on_rung(rung, scaled.as_ref(), cancellation);
    let ((mut values, vectors), rung) = climb(&LADDER, what, attempt)?;
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

/// The decomposition of `r`, which has entries of at most about one, by one rung. `None` if the
/// rung does not converge.
pub(super) fn on_rung(
    rung: Rung,
    r: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<Option<Decomposed>> {
    cancellation.check()?;
    Ok(match rung {
        Rung::DivideAndConquer => divide_and_conquer(r),
        Rung::Rescaled => divide_and_conquer(rescaled(r).as_ref()).map(|(mut values, vectors)| {
            unscale(&mut values);
            (values, vectors)
        }),
        Rung::Jacobi => jacobi(r, cancellation)?,
        Rung::Gram => match eigh_until((r.transpose() * r).as_ref(), cancellation) {
            Ok(eigen) => {
                let roots = eigen.values.iter().map(|value| value.max(0.0).sqrt());
                Some((roots.collect(), eigen.vectors))
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(_) => None,
        },
    })
}

/// faer's bidiagonal divide and conquer. `None` if it does not converge.
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
