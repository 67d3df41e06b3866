//! The operations on tensors, as methods.
//!
//! Each operation is written once, for the view. The methods of [`Tensor`] call the methods of
//! the view, and carry the documentation.

use faer::{Mat, MatRef};

use super::{
    ModeExtents, Slabs, Tensor, TensorRef, check_mode, distance, fold, inner, mode_product,
    multi_mode_product, norm, permute, slabs, unfold,
};
use crate::error::Result;
use crate::scalar::Scalar;

impl<T> Tensor<T> {
    /// The entries in row-major order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.view().iter()
    }

    /// The entry at `index`; `None` for an index outside the tensor.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::new(&[2, 2], vec![1, 2, 3, 4])?;
    /// assert_eq!((x.get(&[0, 1]), x.get(&[2, 0])), (Some(2), None));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, index: &[usize]) -> Option<T>
    where
        T: Copy,
    {
        self.view().get(index)
    }

    /// The extent of mode `mode`, and the products of the extents before and after it.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::<f64>::zeros(&[2, 3, 4, 5])?;
    /// let around = x.extents(2)?;
    /// assert_eq!((around.left, around.extent, around.right), (6, 4, 5));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn extents(&self, mode: usize) -> Result<ModeExtents> {
        self.view().extents(mode)
    }

    /// The slabs of mode n: matrices of Iₙ rows that, side by side, are the mode-n
    /// unfolding. They borrow the entries.
    ///
    /// With L × Iₙ × R the extents around the mode ([`Tensor::extents`]), there are
    ///
    /// - L slabs Iₙ × R, stored row by row, where R > 1;
    /// - one slab Iₙ × L, stored column by column, where R = 1.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 3, 2], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
    /// let middle = x.slabs(1)?;
    /// assert_eq!((middle.count(), middle.columns()), (2, 2));
    /// assert_eq!(middle.get(1).unwrap()[(2, 0)], 120.0);
    /// let last = x.slabs(2)?;
    /// assert_eq!((last.count(), last.columns()), (1, 6));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn slabs(&self, mode: usize) -> Result<Slabs<'_, T>> {
        self.view().slabs(mode)
    }

    /// A copy with permuted modes: mode k of the result is mode `permutation[k]` of the tensor, as
    /// with NumPy's `transpose`.
    ///
    /// # Errors
    /// [`crate::Error::NotAPermutation`] unless each mode is named once;
    /// [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 3], |i| (10 * i[0] + i[1]) as f64)?;
    /// let transposed = x.permute(&[1, 0])?;
    /// assert_eq!(transposed.shape(), [3, 2]);
    /// assert_eq!(transposed.data(), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn permute(&self, permutation: &[usize]) -> Result<Tensor<T>>
    where
        T: Copy + Send + Sync,
    {
        self.view().permute(permutation)
    }
}

impl<T: Scalar> Tensor<T> {
    /// The Frobenius norm ‖X‖ = √Σ xᵢ², computed in `f64`.
    ///
    /// Squares neither overflow nor underflow: if they would, the entries are scaled by a power of
    /// two first. A norm above the largest `f64` is infinite. Cost: 2·|X| flops.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::new(&[2], vec![3e200, 4e200])?;
    /// assert!((x.norm() / 5e200 - 1.0).abs() < 1e-15);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.view().norm()
    }

    /// The inner product ⟨X, Y⟩ = Σ xᵢ yᵢ over all entries (Kolda & Bader, §2), computed in `f64`.
    /// Cost: 2·|X| flops.
    ///
    /// # Errors
    /// [`crate::Error::ShapeMismatch`] unless the shapes are equal.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::new(&[3], vec![1.0f32, 2.0, 3.0])?;
    /// assert_eq!(x.inner(&x)?, 14.0);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn inner<'b>(&self, other: impl Into<TensorRef<'b, T>>) -> Result<f64> {
        self.view().inner(other)
    }

    /// The distance ‖X − Y‖ in the Frobenius norm, computed in `f64`. Cost: 3·|X| flops.
    ///
    /// # Errors
    /// [`crate::Error::ShapeMismatch`] unless the shapes are equal.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::new(&[2], vec![3.0, 0.0])?;
    /// let y = Tensor::new(&[2], vec![0.0, 4.0])?;
    /// assert_eq!(x.distance(&y)?, 5.0);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn distance<'b>(&self, other: impl Into<TensorRef<'b, T>>) -> Result<f64> {
        self.view().distance(other)
    }

    /// The mode-n product Y = X ×ₙ U, that is Y₍ₙ₎ = U X₍ₙ₎ (Kolda & Bader, §2.5).
    ///
    /// `u` is J × Iₙ, and the result has extent J in mode n. Pass `u.transpose()` to multiply by a
    /// transposed matrix: nothing is copied. Cost: 2·J·|X| flops; memory for the result, for a
    /// packed copy of `u`, and for a few packed columns of X in each thread.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`], [`crate::Error::ProductMismatch`],
    /// [`crate::Error::ShapeOverflow`], [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let u = faer::mat![[1.0, 1.0]];
    /// assert_eq!(x.mode_product(0, u.as_ref())?.data(), [4.0, 6.0]);
    /// assert_eq!(x.mode_product(1, u.as_ref())?.data(), [3.0, 7.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn mode_product(&self, mode: usize, u: MatRef<'_, T>) -> Result<Tensor<T>> {
        self.view().mode_product(mode, u)
    }

    /// X ×ₐ Uₐ ×ᵦ Uᵦ …: the product with one matrix for each named mode.
    ///
    /// The products are computed in the order of fewest flops, whatever the order of `matrices`.
    ///
    /// # Errors
    /// Those of [`Tensor::mode_product`], and [`crate::Error::RepeatedMode`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let u = faer::mat![[1.0, 1.0]];
    /// let y = x.multi_mode_product(&[(0, u.as_ref()), (1, u.as_ref())])?;
    /// assert_eq!(y.data(), [10.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn multi_mode_product(&self, matrices: &[(usize, MatRef<'_, T>)]) -> Result<Tensor<T>> {
        self.view().multi_mode_product(matrices)
    }

    /// The mode-n unfolding X₍ₙ₎ as a matrix Iₙ × Πₘ≠ₙIₘ: its columns are the mode-n fibres.
    ///
    /// The columns are in row-major order of the remaining indices, as in TensorLy. Kolda &
    /// Bader list the same columns with the first index fastest.
    ///
    /// This copies the tensor. [`Tensor::slabs`] gives the same columns without a copy.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`], [`crate::Error::OutOfMemory`];
    /// [`crate::Error::ShapeOverflow`] for a matrix without rows and more than 2²⁸ columns.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 2, 2], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
    /// let x1 = x.unfold(1)?;
    /// assert_eq!(x1, faer::mat![[0.0, 1.0, 100.0, 101.0], [10.0, 11.0, 110.0, 111.0]]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn unfold(&self, mode: usize) -> Result<Mat<T>> {
        self.view().unfold(mode)
    }

    /// The tensor of extents `shape` with the mode-n unfolding `unfolding`: the inverse of
    /// [`Tensor::unfold`].
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`], [`crate::Error::OrderOutOfRange`],
    /// [`crate::Error::ShapeOverflow`], [`crate::Error::OutOfMemory`];
    /// [`crate::Error::ShapeMismatch`] unless the matrix is Iₙ × Πₘ≠ₙIₘ.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 3, 4], |i| (100 * i[0] + 10 * i[1] + i[2]) as f64)?;
    /// assert_eq!(Tensor::from_unfolding(x.unfold(1)?.as_ref(), 1, x.shape())?, x);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_unfolding(unfolding: MatRef<'_, T>, mode: usize, shape: &[usize]) -> Result<Self> {
        fold(unfolding, mode, shape)
    }
}

impl<'a, T> TensorRef<'a, T> {
    /// [`Tensor::iter`] of a view.
    pub fn iter(&self) -> std::slice::Iter<'a, T> {
        self.data.iter()
    }

    /// [`Tensor::get`] of a view.
    #[must_use]
    pub fn get(&self, index: &[usize]) -> Option<T>
    where
        T: Copy,
    {
        self.shape.offset(index).map(|offset| self.data[offset])
    }

    /// [`Tensor::extents`] of a view.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`].
    pub fn extents(&self, mode: usize) -> Result<ModeExtents> {
        check_mode(mode, self.order())?;
        Ok(ModeExtents::around(&self.shape, mode))
    }

    /// [`Tensor::slabs`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::slabs`].
    pub fn slabs(&self, mode: usize) -> Result<Slabs<'a, T>> {
        slabs(*self, mode)
    }

    /// [`Tensor::permute`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::permute`].
    pub fn permute(&self, permutation: &[usize]) -> Result<Tensor<T>>
    where
        T: Copy + Send + Sync,
    {
        permute(*self, permutation)
    }
}

impl<T: Scalar> TensorRef<'_, T> {
    /// [`Tensor::norm`] of a view.
    #[must_use]
    pub fn norm(&self) -> f64 {
        norm(*self)
    }

    /// [`Tensor::inner`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::inner`].
    pub fn inner<'b>(&self, other: impl Into<TensorRef<'b, T>>) -> Result<f64> {
        inner(*self, other)
    }

    /// [`Tensor::distance`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::distance`].
    pub fn distance<'b>(&self, other: impl Into<TensorRef<'b, T>>) -> Result<f64> {
        distance(*self, other)
    }

    /// [`Tensor::mode_product`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::mode_product`].
    pub fn mode_product(&self, mode: usize, u: MatRef<'_, T>) -> Result<Tensor<T>> {
        mode_product(*self, mode, u)
    }

    /// [`Tensor::multi_mode_product`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::multi_mode_product`].
    pub fn multi_mode_product(&self, matrices: &[(usize, MatRef<'_, T>)]) -> Result<Tensor<T>> {
        multi_mode_product(*self, matrices)
    }

    /// [`Tensor::unfold`] of a view.
    ///
    /// # Errors
    /// Those of [`Tensor::unfold`].
    pub fn unfold(&self, mode: usize) -> Result<Mat<T>> {
        unfold(*self, mode)
    }
}

/// The entries in row-major order.
impl<'a, T> IntoIterator for &'a Tensor<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The entries in row-major order.
impl<'a, T> IntoIterator for TensorRef<'a, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
