//! Mode-n unfoldings: as slabs without a copy, or formed for inspection.

use faer::{Mat, MatRef};

use super::memory::{matrix, with_room};
use super::{Shape, Tensor, TensorRef, check_mode};
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// A tensor's extents seen from one mode: `left × extent × right`.
///
/// In row-major order the tensor is `left` matrices of `extent` rows and
/// `right` columns, one after the other.
///
/// ```
/// use tenfold::{Tensor, tensor::ModeExtents};
/// let x = Tensor::<f64>::zeros(&[2, 3, 4, 5])?;
/// let around = ModeExtents { left: 2, extent: 3, right: 20 };
/// assert_eq!(x.view().extents(1)?, around);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeExtents {
    /// The product of the extents before the mode.
    pub left: usize,
    /// The extent of the mode.
    pub extent: usize,
    /// The product of the extents after the mode.
    pub right: usize,
}

impl ModeExtents {
    pub(crate) fn around(shape: &[usize], mode: usize) -> Self {
        Self {
            left: shape[..mode].iter().product(),
            extent: shape[mode],
            right: shape[mode + 1..].iter().product(),
        }
    }

    /// The columns of the unfolding: `left · right`, at most `usize::MAX`.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::<f32>::zeros(&[2, 3, 4])?;
    /// assert_eq!(x.view().extents(1)?.columns(), 8);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn columns(&self) -> usize {
        self.left.saturating_mul(self.right)
    }
}

/// The mode-n slabs of a tensor: matrices of Iₙ rows that, set side by side,
/// are its mode-n unfolding. See [`slabs`].
///
/// ```
/// use tenfold::{Tensor, slabs};
/// let x = Tensor::new(&[2, 1, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let slabs = slabs(&x, 1)?;
/// assert_eq!(slabs.get(0).unwrap(), faer::mat![[1.0, 2.0]]);
/// assert_eq!(slabs.get(1).unwrap(), faer::mat![[3.0, 4.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Slabs<'a, T> {
    data: &'a [T],
    count: usize,
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a, T> Slabs<'a, T> {
    /// The number of slabs.
    ///
    /// ```
    /// # use tenfold::{Tensor, slabs};
    /// assert_eq!(slabs(&Tensor::<f64>::zeros(&[2, 3, 4])?, 1)?.count(), 2);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// The columns of each slab.
    ///
    /// ```
    /// # use tenfold::{Tensor, slabs};
    /// assert_eq!(slabs(&Tensor::<f64>::zeros(&[2, 3, 4])?, 1)?.columns(), 4);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Slab `l` as a matrix of Iₙ rows; `None` where `l` is not below
    /// [`Slabs::count`].
    ///
    /// ```
    /// # use tenfold::{Tensor, slabs};
    /// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let slabs = slabs(&x, 1)?;
    /// assert_eq!(slabs.get(0).unwrap(), faer::mat![[1.0, 3.0], [2.0, 4.0]]);
    /// assert!(slabs.get(1).is_none());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn get(&self, l: usize) -> Option<MatRef<'a, T>> {
        (l < self.count).then(|| self.slab(l))
    }

    /// Slab `l`, of which there are more.
    fn slab(&self, l: usize) -> MatRef<'a, T> {
        let len = self.rows * self.columns;
        let slab = &self.data[l * len..(l + 1) * len];
        if self.transposed {
            MatRef::from_column_major_slice(slab, self.rows, self.columns)
        } else {
            MatRef::from_row_major_slice(slab, self.rows, self.columns)
        }
    }

    /// The slabs in order.
    ///
    /// ```
    /// # use tenfold::{Tensor, slabs};
    /// let x = Tensor::<f64>::zeros(&[2, 3, 4])?;
    /// assert!(slabs(&x, 1)?.iter().all(|slab| slab.nrows() == 3));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MatRef<'a, T>> + use<'_, 'a, T> {
        (0..self.count).map(|l| self.slab(l))
    }
}

/// The slabs of mode `mode`, borrowed.
///
/// With L, Iₙ, R the extents around the mode ([`TensorRef::extents`]): L
/// row-major matrices Iₙ×R where R > 1, and one Iₙ×L matrix, stored by
/// columns, where R = 1. No entry moves.
///
/// # Errors
/// [`Error::ModeOutOfRange`].
///
/// ```
/// use tenfold::{Tensor, slabs};
/// let x = Tensor::from_fn(&[2, 3, 2], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
/// let middle = slabs(&x, 1)?;
/// assert_eq!((middle.count(), middle.columns()), (2, 2));
/// assert_eq!(middle.get(1).unwrap()[(2, 0)], 120.0);
/// let last = slabs(&x, 2)?;
/// assert_eq!((last.count(), last.columns()), (1, 6));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn slabs<'a, T: 'a>(x: impl Into<TensorRef<'a, T>>, mode: usize) -> Result<Slabs<'a, T>> {
    let x = x.into();
    let ModeExtents {
        left,
        extent,
        right,
    } = x.extents(mode)?;
    let transposed = right == 1;
    Ok(Slabs {
        data: x.data,
        count: if transposed { 1 } else { left },
        rows: extent,
        columns: if transposed { left } else { right },
        transposed,
    })
}

/// The mode-n unfolding X₍ₙ₎, formed: an Iₙ × Πₘ≠ₙIₘ matrix whose columns are
/// the mode-n fibres, the remaining indices in their order, the last fastest
/// (TensorLy's order; Kolda & Bader run through the same columns first index
/// fastest).
///
/// It copies the tensor. Solvers use [`slabs`] instead.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::OutOfMemory`], [`Error::ShapeOverflow`] where there are no rows
/// and more than 2²⁸ columns.
///
/// ```
/// use tenfold::{Tensor, unfold};
/// let x = Tensor::from_fn(&[2, 2, 2], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
/// let x1 = unfold(&x, 1)?;
/// assert_eq!(x1, faer::mat![[0.0, 1.0, 100.0, 101.0], [10.0, 11.0, 110.0, 111.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn unfold<'a, T: Scalar>(x: impl Into<TensorRef<'a, T>>, mode: usize) -> Result<Mat<T>> {
    let x = x.into();
    let slabs = slabs(x, mode)?;
    matrix(x.shape[mode], slabs.count * slabs.columns, |i, j| {
        slabs.slab(j / slabs.columns)[(i, j % slabs.columns)]
    })
}

/// The tensor of extents `shape` whose mode-n unfolding is `unfolding`: undoes
/// [`unfold`].
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`], [`Error::OutOfMemory`], and
/// [`Error::ShapeMismatch`] where the matrix is not Iₙ × Πₘ≠ₙIₘ.
///
/// ```
/// use tenfold::{Tensor, fold, unfold};
/// let x = Tensor::from_fn(&[2, 3, 4], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
/// assert_eq!(fold(unfold(&x, 1)?.as_ref(), 1, x.shape())?, x);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn fold<T: Scalar>(
    unfolding: MatRef<'_, T>,
    mode: usize,
    shape: &[usize],
) -> Result<Tensor<T>> {
    let shape = Shape::new(shape)?;
    check_mode(mode, shape.order())?;
    let around = ModeExtents::around(&shape, mode);
    let expected = vec![around.extent, around.columns()];
    let actual = vec![unfolding.nrows(), unfolding.ncols()];
    if actual != expected {
        return Err(Error::ShapeMismatch {
            what: "unfolding",
            expected,
            actual,
        });
    }
    let mut data = with_room(&shape)?;
    if shape.contains(&0) {
        return Ok(Tensor { shape, data });
    }
    for l in 0..around.left {
        for i in 0..around.extent {
            data.extend((0..around.right).map(|r| unfolding[(i, l * around.right + r)]));
        }
    }
    Ok(Tensor { shape, data })
}
