//! Mode-n products.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{ModeExtents, Tensor, TensorRef, check_modes};
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// The mode-n product Y = X ×ₙ U, that is Y₍ₙ₎ = U X₍ₙ₎ (Kolda & Bader, §2.5).
///
/// `u` is J×Iₙ; the result has extent J in mode n. A transposed factor costs
/// nothing: pass `u.transpose()`. No unfolding is formed: the product is one
/// small matrix product per slab. 2·J·|X| flops; memory for the result.
///
/// # Errors
/// [`Error::Mode`], [`Error::ProductExtent`], [`Error::ShapeOverflow`].
///
/// ```
/// use tenfold::{Tensor, mode_product};
/// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let u = faer::mat![[1.0, 1.0]];
/// assert_eq!(mode_product(&x, 0, u.as_ref())?.data(), [4.0, 6.0]);
/// assert_eq!(mode_product(&x, 1, u.as_ref())?.data(), [3.0, 7.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    u: MatRef<'_, T>,
) -> Result<Tensor<T>> {
    let x = x.into();
    let around = x.extents(mode)?;
    if u.ncols() != around.extent {
        return Err(Error::ProductExtent {
            mode,
            columns: u.ncols(),
            extent: around.extent,
        });
    }
    let shape = x.shape.with(mode, u.nrows())?;
    let mut y = Tensor::zeros(&shape)?;
    if shape.len() > 0 && around.extent > 0 {
        product_into(x.data, around, u, y.data_mut());
    }
    Ok(y)
}

/// Writes `u` times every slab of `x` to the slabs of `y`.
fn product_into<T: Scalar>(x: &[T], around: ModeExtents, u: MatRef<'_, T>, y: &mut [T]) {
    let ModeExtents {
        left,
        extent,
        right,
    } = around;
    let rows = u.nrows();
    let one = <T as num_traits::One>::one();
    if right == 1 {
        let rows_per_task = 4096usize.div_ceil(extent).max(64);
        x.par_chunks(rows_per_task * extent)
            .zip(y.par_chunks_mut(rows_per_task * rows))
            .for_each(|(x, y)| {
                let count = x.len() / extent;
                matmul(
                    MatMut::from_row_major_slice_mut(y, count, rows),
                    Accum::Replace,
                    MatRef::from_row_major_slice(x, count, extent),
                    u.transpose(),
                    one,
                    Par::Seq,
                );
            });
        return;
    }
    debug_assert_eq!(x.len(), left * extent * right);
    x.par_chunks(extent * right)
        .zip(y.par_chunks_mut(rows * right))
        .for_each(|(x, y)| {
            matmul(
                MatMut::from_row_major_slice_mut(y, rows, right),
                Accum::Replace,
                u,
                MatRef::from_row_major_slice(x, extent, right),
                one,
                Par::Seq,
            );
        });
}

/// X ×ₐ Uₐ ×ᵦ Uᵦ …: the product with one matrix for each named mode, modes not
/// named left as they are.
///
/// The order of the products does not change the result beyond rounding. They
/// are taken in the order of fewest flops: with J×I matrices an exchange of
/// neighbours pays where 1/J − 1/I is larger for the second.
///
/// # Errors
/// Those of [`mode_product`], and [`Error::RepeatedMode`].
///
/// ```
/// use tenfold::{Tensor, multi_mode_product};
/// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let u = faer::mat![[1.0, 1.0]];
/// let y = multi_mode_product(&x, &[(0, u.as_ref()), (1, u.as_ref())])?;
/// assert_eq!(y.data(), [10.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn multi_mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    matrices: &[(usize, MatRef<'_, T>)],
) -> Result<Tensor<T>> {
    let x = x.into();
    let modes: Vec<usize> = matrices.iter().map(|&(mode, _)| mode).collect();
    check_modes(&modes, x.order())?;
    let gain = |u: MatRef<'_, T>| 1.0 / u.nrows() as f64 - 1.0 / u.ncols() as f64;
    let mut ordered = matrices.to_vec();
    ordered.sort_by(|a, b| gain(b.1).total_cmp(&gain(a.1)));

    let Some((&(mode, u), rest)) = ordered.split_first() else {
        return Ok(x.to_tensor());
    };
    rest.iter()
        .try_fold(mode_product(x, mode, u)?, |y, &(mode, u)| {
            mode_product(&y, mode, u)
        })
}
