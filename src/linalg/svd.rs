//! The singular value decomposition of a small square matrix.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Mat, MatRef, Par};

use crate::error::{Error, Result};
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
}

/// Singular values and right singular vectors of the square matrix `r`.
///
/// The matrix is scaled by a power of two first, so that entries of any size
/// are safe. Some 20·n³ flops on one thread.
///
/// # Errors
/// [`Error::NoConvergence`].
///
/// ```
/// use tenfold::linalg::right_singular;
/// let r = faer::mat![[0.0, 2.0], [1.0, 0.0]];
/// let svd = right_singular(r.as_ref())?;
/// assert_eq!(svd.values, [2.0, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn right_singular(r: MatRef<'_, f64>) -> Result<RightSingular> {
    let n = r.ncols();
    let exponent = binary_exponent(r.norm_max());
    let scaled = Mat::from_fn(r.nrows(), n, |i, j| scale(r[(i, j)], -exponent));
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
        scaled.as_ref(),
        DiagMut::from_slice_mut(&mut values),
        None,
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .map_err(|_| Error::NoConvergence {
        what: "the singular value decomposition",
    })?;
    for value in &mut values {
        *value = scale(*value, exponent);
    }
    Ok(RightSingular { values, vectors })
}
