//! Householder QR: orthonormal bases, and the triangular factor of an
//! unfolding.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor;
use faer::{Conj, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::gram::{Side, Unfolding};
use super::tsqr::{PANEL_ROWS, Triangle};
use crate::error::Result;
use crate::linalg::checks::{check_finite, check_order, check_tall};
use crate::linalg::small::rescale;
use crate::scalar::{Scalar, binary_exponent, power_of_two, scale};
use crate::tensor::{TensorRef, largest_magnitude};

/// Parts whose triangular factors are merged, at most.
const MAX_PARTS: usize = 8;

/// Panels of a part per panel that merging it costs, at least.
const PANELS_PER_MERGE: usize = if cfg!(test) { 1 } else { 8 };

/// An orthonormal basis of the columns of `w`, m×n with m ≥ n: the Q of
/// W = Q R, signed so that column j points along what column j of `w` adds.
///
/// Where columns are dependent the basis is completed by some orthonormal
/// vectors. ‖QᵀQ − I‖ ≤ 30·m·ε whatever the condition of `w`. 4·m·n² flops.
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

/// [`orthonormal_basis`] of a finite matrix with at least as many rows as columns.
pub(super) fn basis_of_tall<T: Scalar>(w: MatRef<'_, T>) -> Mat<T> {
    if w.ncols() == 0 {
        return Mat::zeros(w.nrows(), 0);
    }
    let exponent = binary_exponent(w.norm_max().as_f64());
    let mut qr = Mat::from_fn(w.nrows(), w.ncols(), |i, j| {
        scale(w[(i, j)].as_f64(), -exponent)
    });
    let coefficients = householder_qr(qr.as_mut());
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
    Mat::from_fn(m, n, |i, j| {
        let sign = if qr[(j, j)] < 0.0 { -1.0 } else { 1.0 };
        T::from_f64(sign * q[(i, j)])
    })
}

/// Packs the Householder QR of `a` into its place; gives the block coefficients.
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

/// The triangular factor R of the mode-n unfolding, without its square: with
/// [`Side::Mode`] RᵀR = X₍ₙ₎X₍ₙ₎ᵀ (the L of an LQ factorization, transposed), with
/// [`Side::Rest`] RᵀR = X₍ₙ₎ᵀX₍ₙ₎.
///
/// Parts take in one panel after the other, in parallel, and are merged pairwise
/// (TSQR: Demmel, Grigori, Hoemmen & Langou, SIAM J. Sci. Comput. 2012), so the
/// unfolding is never formed and the bits do not depend on the threads. Entries
/// are scaled by a power of two. Backward error p(n)·ε·‖X‖; about 2·|X|·n flops,
/// n the order of R.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`], [`crate::Error::NonFinite`];
/// [`crate::Error::ShapeOverflow`] and [`crate::Error::OutOfMemory`] where n×n entries are
/// too many.
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

/// The [`triangular_factor`] of X·2⁻ᵉ, whose entries do not overflow, and e.
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
    let [first, second] = power_of_two(-exponent);
    let merge_panels = order.div_ceil(PANEL_ROWS);
    let parts = depth / (PANEL_ROWS * PANELS_PER_MERGE * merge_panels.max(1));
    let parts = parts.clamp(1, MAX_PARTS);
    let mut triangles: Vec<Triangle> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let mut triangle = Triangle::new(order);
            let range = part * depth / parts..(part + 1) * depth / parts;
            for start in range.clone().step_by(PANEL_ROWS) {
                if unfolding.cancellation.is_requested() {
                    break;
                }
                let rows = PANEL_ROWS.min(range.end - start);
                triangle.append(rows, |panel, stride| {
                    let scaled = |entry: T| entry.as_f64() * first * second;
                    unfolding.copy_vectors(start, rows, panel, stride, scaled);
                });
            }
            triangle
        })
        .collect();
    unfolding.cancellation.check()?;
    while triangles.len() > 1 {
        let upper = triangles.len().div_ceil(2);
        let lower = triangles.split_off(upper);
        let pairs = triangles.par_iter_mut().zip(&lower);
        pairs.for_each(|(upper, lower)| upper.merge(lower));
    }
    let r = triangles.pop().unwrap_or_else(|| Triangle::new(order));
    Ok((r.into_matrix(), exponent))
}
