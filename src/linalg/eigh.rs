//! The symmetric eigenproblem.

use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::{Mat, MatRef, Par};

use crate::error::{Error, Result};

/// The eigendecomposition S = V Λ Vᵀ of a symmetric matrix.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// The eigenvalues, largest first.
    pub values: Vec<f64>,
    /// The eigenvectors, one column each, in the order of the values.
    pub vectors: Mat<f64>,
}

/// The eigendecomposition of the symmetric matrix `s`, of which only the lower
/// triangle is read.
///
/// Backward stable: ‖S V − V Λ‖ and ‖VᵀV − I‖ stay below 30·n·ε (times ‖S‖).
/// Some 9·n³ flops. Runs on one thread, since a parallel reduction would make
/// the bits depend on the number of threads.
///
/// # Errors
/// [`Error::NoConvergence`].
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
    let n = s.nrows();
    let mut ascending = vec![0.0; n];
    let mut vectors = Mat::zeros(n, n);
    let params = Default::default();
    let scratch =
        evd::self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, params);
    evd::self_adjoint_evd(
        s,
        DiagMut::from_slice_mut(&mut ascending),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .map_err(|_| Error::NoConvergence {
        what: "the symmetric eigenproblem",
    })?;
    ascending.reverse();
    Ok(Eigen {
        values: ascending,
        vectors: vectors.reverse_cols().to_owned(),
    })
}
