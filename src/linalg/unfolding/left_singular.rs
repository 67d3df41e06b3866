//! Leading left singular vectors of an unfolding.

use faer::{Mat, MatRef};

use super::gram::{Precision, Side, gram, scaled_gram, trace};
use super::qr::{basis_of_tall, scaled_triangular_factor};
use crate::error::{Error, Result};
use crate::linalg::product::product;
use crate::linalg::sign::fix_signs;
use crate::linalg::small::{Rung, eigh_leading, rescale, right_singular};
use crate::names::named;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{TensorRef, largest_magnitude, slabs};

/// How singular vectors of an unfolding are computed.
///
/// ```
/// use tenfold::{Hosvd, Route, Tensor};
/// let x = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1e-10])?;
/// let every_digit = Hosvd { route: Route::Qr, ..Hosvd::new([1, 1]) };
/// assert_eq!(every_digit.decompose(&x)?.spectrum(0), Some(&[1.0, 1e-10][..]));
/// # Ok::<(), tenfold::Error>(())
/// ```
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

named!(Route, "route", Auto => "auto", Gram => "gram", Qr => "qr");

/// Singular values and left singular vectors of an unfolding.
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Route, left_singular}};
/// let x = Tensor::new(&[2, 3], vec![0.0, 2.0, 0.0, 1.0, 0.0, 0.0])?;
/// let leading = left_singular(&x, 0, Route::Qr, Precision::Double, |_| 1)?;
/// assert_eq!((leading.values.len(), leading.vectors.ncols()), (2, 1));
/// assert_eq!(leading.route, Route::Qr);
/// # Ok::<(), tenfold::Error>(())
/// ```
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

/// The relative tail √Σ_{i ≥ r} σᵢ²/‖X‖ down to which a Gram matrix in `f64` is
/// trusted. Its rounding, some n·ε·‖X‖², changes a tail t by the relative amount
/// n·ε/t², 1e-4 at most for n = 1000.
const DOUBLE_TAIL: f64 = 5e-5;

/// The same for products in `f32`, whose rounding averages out to some
/// 1e-7·‖X‖² in the leading subspace's energy.
const SINGLE_TAIL: f64 = 2e-2;

/// The longer side of an unfolding over the shorter, up to which the eigenproblem
/// takes the time: not to solve it twice is worth more than products in `f32`.
const SHORT: usize = 8;

/// The singular values of X₍ₙ₎ and its leading left singular vectors, as many
/// as `rank` makes of the singular values; all where it makes more than there are. A
/// tensor without entries has none.
///
/// Works on the smaller side of the unfolding, which is never formed. With
/// [`Route::Auto`], `precision` is what a Gram matrix starts with: where the
/// tail that `rank` leaves is too small for its rounding, the next one up is
/// taken, from `f32` to `f64` to QR. Of unfoldings that are nearly square it
/// starts with `f64`.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`], [`crate::Error::NonFinite`],
/// [`crate::Error::NoConvergence`]; [`crate::Error::ResultOutOfRange`] where a singular value is
/// above the largest `f64`.
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Route, left_singular}};
/// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 1.0])?;
/// let leading = left_singular(&x, 0, Route::Auto, Precision::Native, |_values| 1)?;
/// assert_eq!(leading.values, [3.0, 1.0]);
/// assert_eq!(leading.vectors, faer::mat![[1.0], [0.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn left_singular<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    route: Route,
    precision: Precision,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<LeftSingular<T>> {
    let x = x.into();
    let around = x.extents(mode)?;
    let (extent, columns) = (around.extent, around.columns());
    if x.data().is_empty() {
        return Ok(LeftSingular {
            values: Vec::new(),
            vectors: Mat::zeros(extent, 0),
            route: Route::Qr,
            rung: Rung::default(),
        });
    }
    let side = if extent <= columns {
        Side::Mode
    } else {
        Side::Rest
    };
    let finish = |basis: Basis, route| {
        Ok(LeftSingular {
            vectors: lift(x, mode, side, basis.vectors.as_ref())?,
            values: basis.values,
            route,
            rung: basis.rung,
        })
    };
    if route != Route::Qr {
        let short = extent.max(columns) <= SHORT * extent.min(columns);
        if T::EPSILON > f64::EPSILON
            && precision == Precision::Native
            && (route == Route::Gram || !short)
            && let Some(basis) = single_basis(x, mode, side, &rank)?
            && (route == Route::Gram || basis.relative_tail() > SINGLE_TAIL)
        {
            return finish(basis, Route::Gram);
        }
        let basis = double_basis(x, mode, side, &rank)?;
        // In f64 a Gram matrix resolves σᵢ down to 1e-8·σ₁, beyond the ε of f32.
        if route == Route::Gram || T::EPSILON > f64::EPSILON || basis.relative_tail() > DOUBLE_TAIL
        {
            return finish(basis, Route::Gram);
        }
    }
    let (r, exponent) = scaled_triangular_factor(x, mode, side)?;
    let mut svd = right_singular(r.as_ref())?;
    rescale_singular_values(&mut svd.values, exponent)?;
    let rank = rank(&svd.values).min(svd.values.len());
    let basis = Basis {
        values: svd.values,
        vectors: svd.vectors.get(.., ..rank).to_owned(),
        rung: svd.rung,
    };
    finish(basis, Route::Qr)
}

/// All singular values and some leading singular vectors of the smaller side.
struct Basis {
    values: Vec<f64>,
    vectors: Mat<f64>,
    rung: Rung,
}

impl Basis {
    /// √Σσᵢ² of what is left out, relative to that of all.
    fn relative_tail(&self) -> f64 {
        let largest = self.values.first().copied().unwrap_or(0.0);
        let energy = |values: &[f64]| {
            let squares = values.iter().map(|value| (value / largest).powi(2));
            squares.sum::<f64>()
        };
        (energy(&self.values[self.vectors.ncols()..]) / energy(&self.values)).sqrt()
    }
}

/// Singular values and a leading basis of the smaller side from a Gram matrix of
/// products in `f32`; nothing where squares come near the ends of its range.
fn single_basis<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    side: Side,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<Option<Basis>> {
    let gram = gram(x, mode, side, Precision::Native)?;
    if !(1e-20..1e30).contains(&trace(gram.as_ref())) {
        return Ok(None);
    }
    singular_basis(gram.as_ref(), 0, rank).map(Some)
}

/// Singular values and a leading basis of the smaller side from a Gram matrix in `f64`.
fn double_basis<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    side: Side,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<Basis> {
    let g = gram(x, mode, side, Precision::Double)?;
    let trace = trace(g.as_ref());
    if (1e-200..1e250).contains(&trace) {
        return singular_basis(g.as_ref(), 0, rank);
    }
    let exponent = binary_exponent(largest_magnitude(x)?);
    let g = scaled_gram(x, mode, side, exponent)?;
    singular_basis(g.as_ref(), exponent, rank)
}

/// Square roots of the eigenvalues of a Gram matrix of X·2⁻ᵉ, scaled back, and
/// its leading eigenvectors.
fn singular_basis(
    gram: MatRef<'_, f64>,
    exponent: i32,
    rank: impl Fn(&[f64]) -> usize,
) -> Result<Basis> {
    let singular = |eigenvalues: &[f64]| -> Vec<f64> {
        let roots = eigenvalues.iter().map(|value| value.max(0.0).sqrt());
        roots.map(|root| scale(root, exponent)).collect()
    };
    let eigen = eigh_leading(gram, |values| rank(&singular(values)))?;
    let largest = eigen
        .values
        .first()
        .map_or(0.0, |value| value.max(0.0).sqrt());
    check_range(largest, exponent)?;
    Ok(Basis {
        values: singular(&eigen.values),
        vectors: eigen.vectors,
        rung: eigen.rung,
    })
}

/// σᵢ·2ᵉ for singular values, largest first.
///
/// # Errors
/// [`Error::ResultOutOfRange`] where the largest is then above the largest `f64`.
pub(crate) fn rescale_singular_values(values: &mut [f64], exponent: i32) -> Result<()> {
    check_range(values.first().copied().unwrap_or(0.0), exponent)?;
    rescale(values, exponent);
    Ok(())
}

/// Fails where the singular value `largest`·2ᵉ is above the largest `f64`.
fn check_range(largest: f64, exponent: i32) -> Result<()> {
    if scale(largest, exponent).is_infinite() {
        return Err(Error::ResultOutOfRange {
            what: "a singular value",
            exponent: binary_exponent(largest) + exponent,
            scalar: f64::NAME,
        });
    }
    Ok(())
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
                w += product(slab.as_ref(), basis.get(rows, ..));
            }
            let q = basis_of_tall(w.as_ref());
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
