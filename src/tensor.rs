//! Dense tensors: shape, entries, and the operations on them.
//!
//! A tensor is always row-major and contiguous: the last index runs fastest, as in NumPy's
//! default and in feature maps. Data in another layout is copied once, when a tensor is made
//! from it ([`Tensor::from_fortran`]).
//!
//! Seen from mode n, a tensor is a stack of matrices ([`Tensor::slabs`]). Mode-n products
//! and Gram matrices are loops over these matrices, so that no solver forms an unfolding.
//!
//! | file | subject |
//! | --- | --- |
//! | `shape` | extents with checked arithmetic |
//! | `slice` | the notation `0:10,:,3` |
//! | `methods` | the public operations, for [`Tensor`] and [`TensorRef`] |
//! | `unfold` | slabs and unfoldings |
//! | `product`, `multi_product` | mode-n products, in one mode and in several |
//! | `sketch` | products with random signs, with the norm |
//! | `reduce` | inner products, norms, checks of entries |
//! | `permute`, `crop` | copies in another order, and of a part |
//! | `ndarray` | conversions from and to arrays of the crate `ndarray` |
//! | `sizes` | estimates of memory |
//! | `memory` | allocations that return an error if there is not enough memory |

mod crop;
mod memory;
mod methods;
mod multi_product;
#[cfg(feature = "ndarray")]
pub mod ndarray;
mod permute;
mod product;
mod reduce;
mod shape;
mod sizes;
mod sketch;
mod slice;
mod unfold;

pub use shape::Shape;
pub use slice::Slice;
pub use unfold::{ModeExtents, Slabs};

pub(crate) use crop::crop;
pub(crate) use memory::{check_room, with_room};
pub(crate) use multi_product::{
    multi_mode_product, multi_mode_product_memory, multi_mode_product_until,
};
pub(crate) use permute::{permute, permute_part};
pub(crate) use product::{
    mode_product, mode_product_into, mode_product_memory, mode_product_until,
};
pub(crate) use reduce::{distance, first_non_finite, inner, largest_magnitude, norm};
pub(crate) use shape::{check_mode, check_modes};
pub(crate) use sizes::{Sizes, whole_bytes};
pub(crate) use sketch::sketch_with_norm;
pub(crate) use unfold::{fold, slabs, unfold};

use crate::error::Result;
use crate::scalar::Scalar;

/// A dense tensor that owns its entries.
///
/// ```
/// use tenfold::Tensor;
/// let x = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(x.get(&[1, 0]), Some(4.0));
/// assert_eq!(x.norm(), 91f64.sqrt());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    shape: Shape,
    data: Vec<T>,
}

/// A tensor with borrowed entries.
///
/// It has the methods of [`Tensor`] that only read. Functions take
/// `impl Into<TensorRef<'_, T>>`, so that callers pass either a `&Tensor` or a view.
///
/// ```
/// use tenfold::TensorRef;
/// let data = [3.0, 0.0, 0.0, 4.0];
/// let x = TensorRef::new(&[2, 2], &data)?;
/// assert_eq!(x.norm(), 5.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Debug, PartialEq)]
pub struct TensorRef<'a, T> {
    shape: Shape,
    data: &'a [T],
}

// Derived implementations would require `T: Copy`. A copy of a view does not copy its entries, so
// `T` needs no bound.
impl<T> Clone for TensorRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for TensorRef<'_, T> {}

impl<'a, T> From<&'a Tensor<T>> for TensorRef<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view()
    }
}

impl<'a, T> TensorRef<'a, T> {
    /// Views `data`, in row-major order, as a tensor of extents `shape`.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::DataLengthMismatch`].
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
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of modes.
    #[must_use]
    pub fn order(&self) -> usize {
        self.shape.order()
    }

    /// The entries in row-major order.
    #[must_use]
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// An owned copy.
    #[must_use]
    pub fn to_tensor(&self) -> Tensor<T>
    where
        T: Copy,
    {
        Tensor {
            shape: self.shape,
            data: self.data.to_vec(),
        }
    }
}

impl<T> Tensor<T> {
    /// Makes a tensor of extents `shape` from `data` in row-major order, without a copy.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::DataLengthMismatch`].
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
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of modes.
    #[must_use]
    pub fn order(&self) -> usize {
        self.shape.order()
    }

    /// The entries in row-major order.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The entries in row-major order, mutable.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The entries in row-major order, without the shape.
    #[must_use]
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The tensor as a view.
    #[must_use]
    pub fn view(&self) -> TensorRef<'_, T> {
        TensorRef {
            shape: self.shape,
            data: &self.data,
        }
    }

    /// The same entries in the same order with other extents.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::DataLengthMismatch`].
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

    /// Makes a tensor with the entry `entry(index)` at each index.
    ///
    /// `entry` is called in row-major order.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::OutOfMemory`].
    ///
    /// ```
    /// # use tenfold::Tensor;
    /// let x = Tensor::from_fn(&[2, 3], |index| (10 * index[0] + index[1]) as f64)?;
    /// assert_eq!(x.data(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_fn(shape: &[usize], entry: impl FnMut(&[usize]) -> T) -> Result<Self> {
        let shape = Shape::new(shape)?;
        let data = map_indices(&shape, entry)?;
        Ok(Self { shape, data })
    }
}

/// `value(index)` for each index in row-major order.
fn map_indices<T>(shape: &Shape, mut value: impl FnMut(&[usize]) -> T) -> Result<Vec<T>> {
    let mut index = vec![0; shape.order()];
    let mut values = with_room(shape)?;
    for _ in 0..shape.entries() {
        values.push(value(&index));
        for mode in (0..shape.order()).rev() {
            index[mode] += 1;
            if index[mode] < shape[mode] {
                break;
            }
            index[mode] = 0;
        }
    }
    Ok(values)
}

impl<T: Scalar> Tensor<T> {
    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`crate::Error::OrderOutOfRange`], [`crate::Error::ShapeOverflow`],
    /// [`crate::Error::OutOfMemory`].
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
