//! Leading left singular vectors of an unfolding.

use faer::{Mat, MatRef};

use super::eigh::eigh;
use super::gram::{Side, gram};
use super::qr::{orthonormal_basis, triangular_factor};
use super::sign::fix_signs;
use super::svd::right_singular;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, first_non_finite, slabs};

/// How singular vectors of an unfolding are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Gram where its rounding cannot be seen in the result, QR elsewhere.
    #[default]
    Auto,
    /// Eigenvectors of the Gram matrix: fastest. Singular values below
    /// √ε·σ₁ drown in rounding, ε that of `f64`.
    Gram,
    /// Singular vectors of the triangular factor: every digit.
    Qr,
}

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
}

/// The relative tail below which the rounding of a Gram matrix shows: with
/// rounding errors of c·ε·‖X‖² in the Gram matrix, the energy that a computed
/// subspace misses beyond the best one is some ε/tail² of the tail.
const GRAM_TAIL: f64 = 1e-6;

/// The singular values of X₍ₙ₎ and its leading left singular vectors, as many
/// as `rank` makes of the singular values.
///
/// Works on the smaller side of the unfolding, which is never formed.
///
/// # Errors
/// [`crate::Error::Mode`], [`crate::Error::NonFinite`],
/// [`crate::Error::NoConvergence`].
///
/// ```
/// use tenfold::{Tensor, linalg::{Route, left_singular}};
/// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 1.0])?;
/// let leading = left_singular(&x, 0, Route::Auto, |_values| 1)?;
/// assert_eq!(leading.values, [3.0, 1.0]);
/// assert_eq!(leading.vectors, faer::mat![[1.0], [0.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn left_singular<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    route: Route,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<LeftSingular<T>> {
    let x = x.into();
    let around = x.extents(mode)?;
    let side = if around.extent <= around.columns() {
        Side::Mode
    } else {
        Side::Rest
    };
    if route != Route::Qr
        && let Some((values, basis)) = gram_basis(x, mode, side)?
    {
        let rank = rank(&values);
        if route == Route::Gram || relative_tail(&values, rank) > GRAM_TAIL {
            return Ok(LeftSingular {
                vectors: lift(x, mode, side, basis.get(.., ..rank))?,
                values,
                route: Route::Gram,
            });
        }
    }
    let svd = right_singular(triangular_factor(x, mode, side)?.as_ref())?;
    let rank = rank(&svd.values);
    Ok(LeftSingular {
        vectors: lift(x, mode, side, svd.vectors.get(.., ..rank))?,
        values: svd.values,
        route: Route::Qr,
    })
}

/// Square roots of the eigenvalues, and the eigenvectors, of the Gram matrix;
/// nothing where squares would leave the range of `f64`.
fn gram_basis<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    side: Side,
) -> Result<Option<(Vec<f64>, Mat<f64>)>> {
    let gram = gram(x, mode, side)?;
    let trace: f64 = (0..gram.nrows()).map(|i| gram[(i, i)]).sum();
    if !trace.is_finite() {
        return first_non_finite(x).map_or(Ok(None), Err);
    }
    if !(1e-250..1e250).contains(&trace) {
        return Ok(None);
    }
    let eigen = eigh(gram.as_ref())?;
    let values = eigen.values.iter().map(|&value| value.max(0.0).sqrt());
    Ok(Some((values.collect(), eigen.vectors)))
}

/// √Σ_{i ≥ rank} σᵢ² relative to √Σ σᵢ².
fn relative_tail(values: &[f64], rank: usize) -> f64 {
    let energy = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    (energy(&values[rank..]) / energy(values)).sqrt()
}

/// Left singular vectors from a basis of the smaller side: the basis itself on
/// the side of the mode; otherwise an orthonormal basis of X₍ₙ₎ Z.
fn lift<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    side: Side,
    basis: MatRef<'_, f64>,
) -> Result<Mat<T>> {
    let mut vectors = match side {
        Side::Mode => to_scalar(basis),
        Side::Rest => {
            let slabs = slabs(x, mode)?;
            let mut w = Mat::<f64>::zeros(x.shape()[mode], basis.ncols());
            for (l, slab) in slabs.iter().enumerate() {
                let slab = Mat::from_fn(slab.nrows(), slab.ncols(), |i, j| slab[(i, j)].as_f64());
                let rows = l * slabs.columns()..(l + 1) * slabs.columns();
                w += &slab * basis.get(rows, ..);
            }
            let q = orthonormal_basis(w.as_ref());
            to_scalar(q.as_ref())
        }
    };
    fix_signs(vectors.as_mut());
    Ok(vectors)
}

/// The matrix rounded to the tensor's own scalar.
fn to_scalar<T: Scalar>(a: MatRef<'_, f64>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)]))
}
