//! Leading left singular vectors of an unfolding M = Σ σᵢ uᵢ zᵢᵀ.
//!
//! [`singular_pairs`](mod@super::singular_pairs) computes the singular vectors of the smaller side of M:
//!
//! ```text
//!   rows ≤ columns:   uᵢ directly
//!   rows > columns:   zᵢ; then U is an orthonormal basis of the columns of M Z, since Mzᵢ = σᵢuᵢ
//! ```

use faer::{Mat, MatRef};

use super::accuracy::{Accuracy, Route};
use super::qr::basis_of_tall;
use super::singular_pairs::{Request, Wanted, rescale_singular_values, singular_pairs};
use super::vectors::Side;
use crate::error::Result;
use crate::linalg::product::product;
use crate::linalg::sign::fix_signs;
use crate::linalg::small::Rung;
use crate::monitor::Cancellation;
use crate::scalar::Scalar;
use crate::tensor::{Sizes, TensorRef, slabs};

/// Singular values and left singular vectors of an unfolding.
#[derive(Clone, Debug)]
pub struct LeftSingular<T> {
    /// All min(Iₙ, Πₘ≠ₙIₘ) singular values, largest first.
    pub values: Vec<f64>,
    /// The leading left singular vectors, one in each column. They are orthonormal, and the entry
    /// of largest magnitude in each column is positive.
    pub vectors: Mat<T>,
    /// The route that was used: Gram matrix or QR.
    pub route: Route,
    /// The computation that converged.
    pub rung: Rung,
}

/// The singular values of X₍ₙ₎, and its leading left singular vectors.
///
/// `rank` receives all singular values, largest first, and returns the number of vectors. If it
/// returns more than there are, the result has all of them. A tensor without entries has no
/// singular values.
///
/// The computation works on the smaller side of the unfolding and does not form the unfolding.
/// [`Route::Auto`] starts with a Gram matrix of products in `accuracy.precision`. If the sum
/// Σ_{i > rank} σᵢ² is too small compared with the rounding error of this matrix, the computation
/// is repeated with the next precision: `f32`, `f64`, QR. For an `f32` tensor with a nearly square
/// unfolding it starts with `f64`.
///
/// Cost, with n the order of the smaller side: |X|·n flops for a Gram matrix and at most 9·n³ for
/// its eigenvectors; 2·|X|·n for QR and 20·n³ for its singular vectors.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`], [`crate::Error::NonFinite`],
/// [`crate::Error::NoConvergence`]; [`crate::Error::ResultOutOfRange`] if a singular value is above
/// the largest `f64`.
///
/// ```
/// use tenfold::{Tensor, linalg::{Accuracy, left_singular}};
/// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 1.0])?;
/// let leading = left_singular(&x, 0, Accuracy::default(), |_values| 1)?;
/// assert_eq!(leading.values, [3.0, 1.0]);
/// assert_eq!(leading.vectors, faer::mat![[1.0], [0.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn left_singular<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    accuracy: Accuracy,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<LeftSingular<T>> {
    let request = Request {
        wanted: Wanted::Leading {
            count: &rank,
            needed: None,
        },
        accuracy,
        cancellation: Cancellation::default(),
    };
    leading_vectors(x.into(), mode, request)
}

/// [`left_singular`] with a [`Request`] for leading vectors.
pub(crate) fn leading_vectors<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    request: Request<'_>,
) -> Result<LeftSingular<T>> {
    let around = x.extents(mode)?;
    if x.data().is_empty() {
        return Ok(LeftSingular {
            values: Vec::new(),
            vectors: Mat::zeros(around.extent, 0),
            route: Route::Qr,
            rung: Rung::default(),
        });
    }
    let mut pairs = singular_pairs(x, mode, request)?;
    rescale_singular_values(&mut pairs.values, pairs.exponent)?;
    let basis = pairs.vectors.as_ref();
    let mut vectors = match pairs.side {
        Side::Mode => to_scalar(basis),
        Side::Rest => lift(x, mode, basis, request.cancellation)?,
    };
    fix_signs(vectors.as_mut());
    Ok(LeftSingular {
        values: pairs.values.to_vec(),
        vectors,
        route: pairs.route,
        rung: pairs.rung,
    })
}

/// An orthonormal basis of the columns of X₍ₙ₎ Z = Σₗ Sₗ Zₗ, where Sₗ are the slabs of X, and Zₗ
/// the rows of Z for the columns of slab l.
fn lift<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    z: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<Mat<T>> {
    let slabs = slabs(x, mode)?;
    let mut w = Mat::<f64>::zeros(x.shape()[mode], z.ncols());
    for (l, slab) in slabs.iter().enumerate() {
        cancellation.check()?;
        let slab = Mat::from_fn(slab.nrows(), slab.ncols(), |i, j| slab[(i, j)].as_f64());
        let rows = l * slabs.columns()..(l + 1) * slabs.columns();
        w += product(slab.as_ref(), z.get(rows, ..));
    }
    Ok(to_scalar(basis_of_tall(w.as_ref()).as_ref()))
}

/// The number of n×n matrices in `f64` that exist at once during an eigenproblem or an SVD.
const SQUARE_MATRICES: f64 = 8.0;

/// The number of matrices of the size of the vectors, in `f64`, that exist at once while an
/// orthonormal basis is computed.
const TALL_MATRICES: f64 = 5.0;

/// The maximum number of bytes that [`left_singular`] allocates for `rank` vectors. The vectors
/// themselves are not included:
///
/// - the Gram matrices or triangular factors of the parts: at most a byte per entry of X;
/// - the eigenproblem or SVD of order n;
/// - for vectors of the longer side, a slab in `f64` or the orthonormal basis.
pub(crate) fn left_singular_memory(x: &Sizes, mode: usize, rank: f64) -> f64 {
    let (entries, extent) = (x.entries(), x.extents[mode]);
    let columns = entries / extent;
    let order = extent.min(columns);
    let lifting = if extent > columns {
        let left: f64 = x.extents[..mode].iter().product();
        let slab = if columns == left {
            entries
        } else {
            entries / left
        };
        (8.0 * slab).max(8.0 * TALL_MATRICES * extent * rank)
    } else {
        0.0
    };
    entries + 8.0 * SQUARE_MATRICES * order * order + lifting
}

/// The matrix, rounded to the scalar of the tensor.
fn to_scalar<T: Scalar>(a: MatRef<'_, f64>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)]))
}
