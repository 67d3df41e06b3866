//! Slabs, which are views, and unfoldings, which are copies.
//!
//! In row-major order, the entries of a tensor with extents L × Iₙ × R around mode n lie in memory
//! like this (2 × 3 × 2 here, each entry named by its three indices):
//!
//! ```text
//! entries   000 001 010 011 020 021   100 101 110 111 120 121
//!
//!           slab 0     slab 1                unfolding = the slabs side by side
//!           000 001    100 101               000 001 100 101
//!           010 011    110 111               010 011 110 111
//!           020 021    120 121               020 021 120 121
//! ```
//!
//! For the last mode, R is 1 and each of these slabs is a single column. The columns lie one after
//! the other, so together they are one matrix stored by columns.

use faer::{Mat, MatRef};

use super::memory::{matrix, with_room};
use super::{Shape, Tensor, TensorRef, check_mode};
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// The extents of a tensor around one mode: `left × extent × right`.
///
/// In row-major order the tensor is `left` matrices of `extent` rows and `right` columns,
/// one after the other.
///
/// ```
/// use tenfold::{Tensor, tensor::ModeExtents};
/// let x = Tensor::<f64>::zeros(&[2, 3, 4, 5])?;
/// let around = ModeExtents { left: 2, extent: 3, right: 20 };
/// assert_eq!(x.extents(1)?, around);
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

    /// The number of columns of the unfolding: `left · right`, or `usize::MAX` if the
    /// product is larger.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.left.saturating_mul(self.right)
    }
}

/// The mode-n slabs of a tensor ([`Tensor::slabs`]): matrices of Iₙ rows that, side by side,
/// are the mode-n unfolding.
///
/// ```
/// use tenfold::Tensor;
/// let x = Tensor::new(&[2, 1, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let slabs = x.slabs(1)?;
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
    /// Whether a slab is stored by columns.
    transposed: bool,
}

impl<'a, T> Slabs<'a, T> {
    /// The number of slabs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of columns of each slab.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Slab `l` as a matrix of Iₙ rows; `None` unless `l` is below [`Slabs::count`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let slabs = x.slabs(1)?;
    /// assert_eq!(slabs.get(0).unwrap(), faer::mat![[1.0, 3.0], [2.0, 4.0]]);
    /// assert!(slabs.get(1).is_none());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, l: usize) -> Option<MatRef<'a, T>> {
        (l < self.count).then(|| self.slab(l))
    }

    /// Slab `l`, which must exist.
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MatRef<'a, T>> + use<'_, 'a, T> {
        (0..self.count).map(|l| self.slab(l))
    }
}

/// [`Tensor::slabs`].
pub(crate) fn slabs<'a, T: 'a>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
) -> Result<Slabs<'a, T>> {
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

/// [`Tensor::unfold`].
pub(crate) fn unfold<'a, T: Scalar>(x: impl Into<TensorRef<'a, T>>, mode: usize) -> Result<Mat<T>> {
    let x = x.into();
    let slabs = slabs(x, mode)?;
    matrix(x.shape[mode], slabs.count * slabs.columns, |i, j| {
        slabs.slab(j / slabs.columns)[(i, j % slabs.columns)]
    })
}

/// [`Tensor::from_unfolding`].
pub(crate) fn fold<T: Scalar>(
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
