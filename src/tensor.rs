//! Dense tensors: shape and data, nothing of decompositions.
//!
//! A tensor is row-major and contiguous, always: the last index runs fastest,
//! as in NumPy's default and in every feature map. What arrives with other
//! strides is copied once, at the boundary ([`Tensor::from_fortran`]).
//!
//! Around mode n a tensor is a stack of matrices ([`slabs`]): that is the one
//! abstraction on which mode-n products and Gram matrices stand, and with it
//! no unfolding is ever formed.

mod crop;
mod memory;
mod permute;
mod product;
mod reduce;
mod shape;
mod sizes;
mod unfold;

pub use permute::permute;
pub use product::{mode_product, multi_mode_product};
pub(crate) use product::{mode_product_into, mode_product_memory, multi_mode_product_memory};
pub use reduce::{distance, inner, norm};
pub use shape::Shape;
pub use unfold::{ModeExtents, Slabs, fold, slabs, unfold};

pub(crate) use crop::crop;
pub(crate) use memory::{check_room, with_room};
pub(crate) use reduce::{first_non_finite, largest_magnitude};
pub(crate) use shape::{check_mode, check_modes};
pub(crate) use sizes::{Sizes, whole_bytes};

use crate::error::Result;
use crate::scalar::Scalar;

/// A dense tensor that owns its entries.
///
/// ```
/// use tenfold::Tensor;
/// let x = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(x.get(&[1, 0]), Some(4.0));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    shape: Shape,
    data: Vec<T>,
}

/// A tensor borrowed from someone's row-major data.
///
/// Functions take `impl Into<TensorRef<'_, T>>`, so that a `&Tensor` serves as
/// well as a view.
///
/// ```
/// use tenfold::{TensorRef, norm};
/// let data = [3.0, 0.0, 0.0, 4.0];
/// let x = TensorRef::new(&[2, 2], &data)?;
/// assert_eq!(norm(x), 5.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorRef<'a, T> {
    shape: Shape,
    data: &'a [T],
}

impl<'a, T> From<&'a Tensor<T>> for TensorRef<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view()
    }
}

impl<'a, T> TensorRef<'a, T> {
    /// Views `data` as a tensor of extents `shape`, row-major.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`], [`crate::Error::DataLengthMismatch`].
    ///
    /// ```
    /// # use tenfold::TensorRef;
    /// assert!(TensorRef::new(&[2, 2], &[1.0, 2.0, 3.0]).is_err());
    /// ```
    pub fn new(shape: &[usize], data: &'a [T]) -> Result<Self> {
        let shape = Shape::new(shape)?;
        shape.check_length(data.len())?;
        Ok(Self { shape, data })
    }

    /// The extents.
    ///
    /// ```
    /// # use tenfold::TensorRef;
    /// assert_eq!(TensorRef::new(&[1, 2], &[1.0, 2.0])?.shape(), [1, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of modes.
    ///
    /// ```
    /// # use tenfold::TensorRef;
    /// assert_eq!(TensorRef::new(&[1, 2], &[1.0, 2.0])?.order(), 2);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn order(&self) -> usize {
        self.shape.order()
    }

    /// The entries, row-major.
    ///
    /// ```
    /// # use tenfold::TensorRef;
    /// assert_eq!(TensorRef::new(&[1, 2], &[1.0, 2.0])?.data(), [1.0, 2.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// The extents around mode `mode`.
    ///
    /// # Errors
    /// [`crate::Error::ModeOutOfRange`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::<f64>::zeros(&[2, 3, 4, 5])?;
    /// let around = x.view().extents(2)?;
    /// assert_eq!((around.left, around.extent, around.right), (6, 4, 5));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn extents(&self, mode: usize) -> Result<ModeExtents> {
        check_mode(mode, self.order())?;
        Ok(ModeExtents::around(&self.shape, mode))
    }
}

impl<T: Copy> TensorRef<'_, T> {
    /// An owned copy.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::<f64>::zeros(&[2, 3])?;
    /// assert_eq!(x.view().to_tensor(), x);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn to_tensor(&self) -> Tensor<T> {
        Tensor {
            shape: self.shape,
            data: self.data.to_vec(),
        }
    }
}

impl<T> Tensor<T> {
    /// Takes `data` as a tensor of extents `shape`, row-major.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`], [`crate::Error::DataLengthMismatch`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::new(&[2, 2], vec![1, 2, 3, 4])?.data(), [1, 2, 3, 4]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn new(shape: &[usize], data: Vec<T>) -> Result<Self> {
        let shape = Shape::new(shape)?;
        shape.check_length(data.len())?;
        Ok(Self { shape, data })
    }

    /// The extents.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros(&[4, 2])?.shape(), [4, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of modes.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros(&[4, 2])?.order(), 2);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn order(&self) -> usize {
        self.shape.order()
    }

    /// The entries, row-major.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros(&[2])?.data(), [0.0, 0.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The entries, row-major, to write to.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let mut x = Tensor::<f32>::zeros(&[2])?;
    /// x.data_mut()[1] = 3.0;
    /// assert_eq!(x.data(), [0.0, 3.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The entries, row-major, without the shape.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros(&[2])?.into_data(), vec![0.0, 0.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The tensor as a view.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros(&[2, 5])?.view().order(), 2);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn view(&self) -> TensorRef<'_, T> {
        TensorRef {
            shape: self.shape,
            data: &self.data,
        }
    }

    /// The same entries in the same order under other extents.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`], [`crate::Error::DataLengthMismatch`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::<f32>::zeros(&[2, 6])?.reshape(&[3, 4])?;
    /// assert_eq!(x.shape(), [3, 4]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reshape(self, shape: &[usize]) -> Result<Self> {
        Self::new(shape, self.data)
    }
}

impl<T: Copy> Tensor<T> {
    /// The entry at `index`; `None` outside the tensor.
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::new(&[2, 2], vec![1, 2, 3, 4])?;
    /// assert_eq!((x.get(&[0, 1]), x.get(&[2, 0])), (Some(2), None));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn get(&self, index: &[usize]) -> Option<T> {
        self.shape.offset(index).map(|offset| self.data[offset])
    }

    /// The tensor whose entry at each index is `entry(index)`.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`], [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 3], |index| (10 * index[0] + index[1]) as f64)?;
    /// assert_eq!(x.data(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_fn(shape: &[usize], mut entry: impl FnMut(&[usize]) -> T) -> Result<Self> {
        let shape = Shape::new(shape)?;
        let data = shape.indices(|index| entry(index))?;
        Ok(Self { shape, data })
    }

    /// Copies column-major data (the first index runs fastest), as Fortran
    /// and MATLAB lay it out.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::DataLengthMismatch`], [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::from_fortran(&[2, 3], &[1, 4, 2, 5, 3, 6])?;
    /// assert_eq!(x.data(), [1, 2, 3, 4, 5, 6]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_fortran(shape: &[usize], data: &[T]) -> Result<Self>
    where
        T: Send + Sync,
    {
        Shape::new(shape)?.check_length(data.len())?;
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let transposed = TensorRef::new(&reversed, data)?;
        let backwards: Vec<usize> = (0..shape.len()).rev().collect();
        permute(transposed, &backwards)
    }
}

impl<T: Scalar> Tensor<T> {
    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`], [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// assert_eq!(Tensor::<f64>::zeros(&[1, 0, 3])?.data().len(), 0);
    /// assert!(Tensor::<f64>::zeros(&[1 << 20, 1 << 20, 1 << 18]).is_err());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn zeros(shape: &[usize]) -> Result<Self> {
        let shape = Shape::new(shape)?;
        let data = memory::zeroed(&shape)?;
        Ok(Self { shape, data })
    }
}
