//! Householder QR: orthonormal bases of matrices, and triangular factors of unfoldings.
//!
//! The vectors of an unfolding ([`vectors`](super::vectors)) are the rows of a tall matrix A, and
//! the triangular factor R with RᵀR = AᵀA is the R of A = Q R. Q is never formed (TSQR: Demmel,
//! Grigori, Hoemmen & Langou, SIAM J. Sci. Comput. 2012):
//!
//! ```text
//!   1. split A into at most 8 parts of rows
//!   2. in parallel, for each part: append its rows panel by panel to a triangle
//!   3. merge the triangles in pairs until one remains
//!
//!   part 0 ── R₀ ─┐
//!   part 2 ── R₂ ─┴─ R₀₂ ─┐
//!   part 1 ── R₁ ─┐       ├─ R
//!   part 3 ── R₃ ─┴─ R₁₃ ─┘
//! ```
//!
//! [`tsqr`](super::tsqr) appends and merges. The number of parts depends on the shape alone, so R
//! has the same bits on any number of threads.

use std::ops::Range;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor;
use faer::{Conj, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::convert::ScaledToDouble;
use super::tsqr::{PANEL_ROWS, Triangle};
use super::vectors::{Side, Unfolding};
use crate::error::Result;
use crate::linalg::checks::{check_finite, check_order, check_tall};
use crate::linalg::small::rescale;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{TensorRef, largest_magnitude};

/// The maximum number of parts.
const MAX_PARTS: usize = 8;

/// The minimum number of panels in a part for each panel that a merge appends.
const PANELS_PER_MERGE: usize = if cfg!(test) { 1 } else { 8 };

/// An orthonormal basis Q of the columns of `w`, m×n with m ≥ n: W = Q R, with the signs chosen
/// so that the diagonal of R is not negative.
///
/// If columns of `w` are linearly dependent, arbitrary orthonormal vectors complete the basis.
/// ‖QᵀQ − I‖ ≤ 30·m·ε for any condition number of `w`. Cost: 4·m·n² flops.
///
/// # Errors
/// [`crate::Error::MatrixShapeMismatch`] for m < n, [`crate::Error::NonFinite`].
///
/// ```
/// use tenfold::linalg::orthonormal_basis;
/// let w = faer::mat![[3.0, 1.0], [4.0, 1.0], [0.0, 5.0]];
/// let q = orthonormal_basis(w.as_ref())?;
/// assert!((q[(0, 0)] - 0.6_f64).abs() < 1e-15);
/// assert!((q.transpose() * &q - faer::Mat::<f64>::identity(2, 2)).norm_max() < 1e-15);
/// assert!(orthonormal_basis(w.transpose()).is_err());
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn orthonormal_basis<T: Scalar>(w: MatRef<'_, T>) -> Result<Mat<T>> {
    check_tall(w)?;
    check_finite(w, |_| 0)?;
    Ok(basis_of_tall(w))
}

/// [`orthonormal_basis`] without the checks: `w` is finite and has at least as many rows as
/// columns.
pub(super) fn basis_of_tall<T: Scalar>(w: MatRef<'_, T>) -> Mat<T> {
    if w.ncols() == 0 {
        return Mat::zeros(w.nrows(), 0);
    }
    // 1. Scale to entries of at most about one, and factorize.
    let exponent = binary_exponent(w.norm_max().as_f64());
    let mut qr = Mat::from_fn(w.nrows(), w.ncols(), |i, j| {
        scale(w[(i, j)].as_f64(), -exponent)
    });
    let coefficients = householder_qr(qr.as_mut());
    // 2. Q = the reflectors applied to the first columns of the identity.
    let (m, n) = (qr.nrows(), qr.ncols());
    let mut q: Mat<f64> = Mat::identity(m, n);
    let block = coefficients.nrows();
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        qr.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(
            householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
                m, block, n,
            ),
        )),
    );
    // 3. Fix the signs by the diagonal of R.
    Mat::from_fn(m, n, |i, j| {
        let sign = if qr[(j, j)] < 0.0 { -1.0 } else { 1.0 };
        T::from_f64(sign * q[(i, j)])
    })
}

/// Replaces `a` by its Householder QR: R in the upper triangle, the reflectors below. Returns the
/// block coefficients.
fn householder_qr(a: MatMut<'_, f64>) -> Mat<f64> {
    let (m, n) = (a.nrows(), a.ncols());
    let block = factor::recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, m.min(n));
    let params = Default::default();
    factor::qr_in_place(
        a,
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(factor::qr_in_place_scratch::<f64>(
            m,
            n,
            block,
            Par::Seq,
            params,
        ))),
        params,
    );
    coefficients
}

/// The triangular factor R of the mode-n unfolding, computed without the Gram matrix: RᵀR =
/// X₍ₙ₎X₍ₙ₎ᵀ for [`Side::Mode`] (R is the transposed L of an LQ factorization), and RᵀR =
/// X₍ₙ₎ᵀX₍ₙ₎ for [`Side::Rest`].
///
/// The unfolding is not formed. Its entries are scaled by a power of two, so that entries of any
/// size are safe. The bits do not depend on the number of threads.
///
/// Backward error: p(n)·ε·‖X‖. Cost: about 2·|X|·n flops, with n the order of R.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`], [`crate::Error::NonFinite`];
/// [`crate::Error::ShapeOverflow`] or [`crate::Error::OutOfMemory`] if there is no memory for an
/// n×n matrix.
///
/// ```
/// use tenfold::{Tensor, linalg::{Side, triangular_factor}};
/// let x = Tensor::new(&[1, 4], vec![1.0, 1.0, 1.0, 1.0])?;
/// let r = triangular_factor(&x, 0, Side::Mode)?;
/// assert!((r[(0, 0)].abs() - 2.0).abs() < 1e-15);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn triangular_factor<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    side: Side,
) -> Result<Mat<f64>> {
    let x = x.into();
    let unfolding = Unfolding::new(x, x.extents(mode)?, side);
    let (mut r, exponent) = scaled_triangular_factor(x, unfolding)?;
    for j in 0..r.ncols() {
        rescale(r.col_as_slice_mut(j), exponent);
    }
    Ok(r)
}

/// The [`triangular_factor`] of X·2⁻ᵉ, with the largest entry near one, and e.
pub(super) fn scaled_triangular_factor<T: Scalar>(
    x: TensorRef<'_, T>,
    unfolding: Unfolding<'_, T>,
) -> Result<(Mat<f64>, i32)> {
    let (order, depth) = (unfolding.order, unfolding.depth);
    check_order(order, depth)?;
    if order == 0 {
        return Ok((Mat::new(), 0));
    }
    let exponent = binary_exponent(largest_magnitude(x)?);
    let scaling = ScaledToDouble::by_exponent(exponent);
    // 1. Parts of rows.
    let panels_per_merge = order.div_ceil(PANEL_ROWS);
    let parts = depth / (PANEL_ROWS * PANELS_PER_MERGE * panels_per_merge.max(1));
    let parts = parts.clamp(1, MAX_PARTS);
    // 2. A triangle for each part.
    let mut triangles: Vec<Triangle> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let range = part * depth / parts..(part + 1) * depth / parts;
            triangle_of(unfolding, range, scaling)
        })
        .collect();
    unfolding.cancellation.check()?;
    // 3. Merge the second half of the triangles into the first, until one remains.
    while triangles.len() > 1 {
        let half = triangles.len().div_ceil(2);
        let second = triangles.split_off(half);
        let pairs = triangles.par_iter_mut().zip(&second);
        pairs.for_each(|(first, second)| first.merge(second));
    }
    let r = triangles.pop().unwrap_or_else(|| Triangle::new(order));
    Ok((r.into_matrix(), exponent))
}

/// The triangle of the vectors `range`, scaled.
fn triangle_of<T: Scalar>(
    unfolding: Unfolding<'_, T>,
    range: Range<usize>,
    scaling: ScaledToDouble,
) -> Triangle {
    let mut triangle = Triangle::new(unfolding.order);
    for start in range.clone().step_by(PANEL_ROWS) {
        if unfolding.cancellation.is_requested() {
            break;
        }
        let end = range.end.min(start + PANEL_ROWS);
        triangle.append(end - start, |panel| {
            unfolding.copy_vectors(start..end, panel, scaling);
        });
    }
    triangle
}
