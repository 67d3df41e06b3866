//! Leading left singular vectors of an unfolding, on whichever side they are found.

use faer::{Mat, MatRef};

use super::gram::Side;
use super::qr::basis_of_tall;
use super::singular_pairs::{
    Accuracy, Request, Route, Wanted, rescale_singular_values, singular_pairs,
};
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
    /// The leading left singular vectors, one column each, orthonormal, the
    /// entry of largest magnitude positive.
    pub vectors: Mat<T>,
    /// The route that was taken.
    pub route: Route,
    /// The computation that converged.
    pub rung: Rung,
}

/// The singular values of X₍ₙ₎ and its leading left singular vectors, as many
/// as `rank` makes of the singular values; all where it makes more than there are. A
/// tensor without entries has none.
///
/// Works on the smaller side of the unfolding, which is never formed. With
/// [`Route::Auto`], a Gram matrix starts with products in `accuracy.precision`. Where the
/// tail Σ_{i ≥ rank} σᵢ² is too small for its rounding, the computation continues with the
/// next precision, from `f32` to `f64` to QR. For unfoldings that are nearly square it starts
/// with `f64`.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`], [`crate::Error::NonFinite`],
/// [`crate::Error::NoConvergence`]; [`crate::Error::ResultOutOfRange`] where a singular value is
/// above the largest `f64`.
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
        wanted: Wanted::Leading(&rank),
        accuracy,
        cancellation: Cancellation::default(),
    };
    leading_vectors(x.into(), mode, request)
}

/// [`left_singular`] for a request of leading vectors.
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
        Side::Rest => lifted(x, mode, basis, request.cancellation)?,
    };
    fix_signs(vectors.as_mut());
    Ok(LeftSingular {
        values: pairs.values.to_vec(),
        vectors,
        route: pairs.route,
        rung: pairs.rung,
    })
}

/// An orthonormal basis of the columns of X₍ₙ₎ Z, which is the sum over slabs Sₗ Zₗ, Zₗ the
/// rows of Z that belong to the columns of slab l.
fn lifted<T: Scalar>(
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

/// Square matrices of order n in `f64` that an eigenproblem or an SVD holds at once.
const SQUARES: f64 = 8.0;

/// Matrices of the size of the vectors, in `f64`, that an orthonormal basis holds.
const TALL: f64 = 5.0;

/// The maximum number of bytes that [`left_singular`] allocates for `rank` vectors, the result
/// not included: Gram matrices or triangular factors, which take at most a byte per entry
/// of X, and their eigenproblem; for vectors of the longer side a slab in `f64` and the basis.
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
        (8.0 * slab).max(8.0 * TALL * extent * rank)
    } else {
        0.0
    };
    entries + 8.0 * SQUARES * order * order + lifting
}

/// The matrix rounded to the tensor's own scalar.
fn to_scalar<T: Scalar>(a: MatRef<'_, f64>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)]))
}
