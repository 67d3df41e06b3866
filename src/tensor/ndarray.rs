//! Conversions from and to arrays of the crate `ndarray` (feature `ndarray`).
//!
//! | from | to | cost |
//! | --- | --- | --- |
//! | `Array` in row-major order | [`Tensor`] | moved |
//! | `Array` in another layout | [`Tensor`] | copied once |
//! | `ArrayView` or `&Array` in row-major order | [`TensorRef`] | borrowed |
//! | [`Tensor`] | `ArrayD` | moved |
//! | [`TensorRef`] or `&Tensor` | `ArrayViewD` | borrowed |
//!
//! ```
//! use ndarray::{Array3, ArrayD};
//! use tenfold::{StHosvd, Tensor, TensorRef};
//!
//! let array = Array3::from_shape_fn((4, 5, 6), |(i, j, k)| (1 + i * j + k) as f64);
//! let tucker = StHosvd::new([2, 2, 2]).decompose(TensorRef::try_from(&array)?)?;
//! let approximation = ArrayD::from(tucker.reconstruct()?);
//! assert_eq!(approximation.shape(), array.shape());
//!
//! // A transposed array is not in row-major order: a tensor is a copy of it.
//! let transposed = array.reversed_axes();
//! assert!(TensorRef::try_from(transposed.view()).is_err());
//! assert_eq!(Tensor::try_from(transposed)?.shape(), [6, 5, 4]);
//! # Ok::<(), tenfold::Error>(())
//! ```

use ndarray::{Array, ArrayBase, ArrayD, ArrayView, ArrayViewD, Data, Dimension};

use super::memory::with_room;
use super::{Shape, Tensor, TensorRef};
use crate::error::{Error, Result};

/// Moves the entries of an array in row-major order, and copies the entries of any other array.
///
/// # Errors
/// [`Error::OrderOutOfRange`] for an array without axes or with more than 16,
/// [`Error::ShapeOverflow`], [`Error::OutOfMemory`].
impl<T, D: Dimension> TryFrom<Array<T, D>> for Tensor<T> {
    type Error = Error;

    fn try_from(array: Array<T, D>) -> Result<Self> {
        let shape = Shape::new(array.shape())?;
        let data = if array.is_standard_layout() {
            // If the array is a slice of a larger one, the vector holds more entries than the
            // array.
            let (mut data, start) = array.into_raw_vec_and_offset();
            let start = start.unwrap_or(0);
            data.truncate(start + shape.entries());
            data.drain(..start);
            data
        } else {
            let mut data = with_room(&shape)?;
            data.extend(array);
            data
        };
        Ok(Self { shape, data })
    }
}

/// Borrows the entries of a view in row-major order.
///
/// # Errors
/// [`Error::NotRowMajor`] for a view in another layout, [`Error::OrderOutOfRange`] for a
/// view without axes or with more than 16, [`Error::ShapeOverflow`].
impl<'a, T, D: Dimension> TryFrom<ArrayView<'a, T, D>> for TensorRef<'a, T> {
    type Error = Error;

    fn try_from(array: ArrayView<'a, T, D>) -> Result<Self> {
        let not_row_major = || Error::NotRowMajor {
            shape: array.shape().to_vec(),
            strides: array.strides().to_vec(),
        };
        let data = array.to_slice().ok_or_else(not_row_major)?;
        Self::new(array.shape(), data)
    }
}

/// Borrows the entries of an array in row-major order.
///
/// # Errors
/// Those of the conversion from a view.
impl<'a, T, S, D> TryFrom<&'a ArrayBase<S, D>> for TensorRef<'a, T>
where
    S: Data<Elem = T>,
    D: Dimension,
{
    type Error = Error;

    fn try_from(array: &'a ArrayBase<S, D>) -> Result<Self> {
        Self::try_from(array.view())
    }
}

/// Moves the entries.
impl<T> From<Tensor<T>> for ArrayD<T> {
    fn from(tensor: Tensor<T>) -> Self {
        let Tensor { shape, data } = tensor;
        Self::from_shape_vec(&shape[..], data).expect("a tensor has the entries of its shape")
    }
}

/// Borrows the entries.
impl<'a, T> From<TensorRef<'a, T>> for ArrayViewD<'a, T> {
    fn from(tensor: TensorRef<'a, T>) -> Self {
        let TensorRef { shape, data } = tensor;
        Self::from_shape(&shape[..], data).expect("a tensor has the entries of its shape")
    }
}

/// Borrows the entries.
impl<'a, T> From<&'a Tensor<T>> for ArrayViewD<'a, T> {
    fn from(tensor: &'a Tensor<T>) -> Self {
        tensor.view().into()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array0, Array1, Array2, Axis, IxDyn, ShapeBuilder, Slice, s};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    /// What is done to an array along an axis.
    #[derive(Clone, Copy, Debug)]
    enum Change {
        Keep,
        Reverse,
        /// Every second entry, from the second on.
        Skip,
        /// All entries but the first.
        CutFirst,
        /// All entries but the last.
        CutLast,
        SwapWithFirst,
    }

    fn changed(mut array: ArrayD<u32>, changes: &[Change]) -> ArrayD<u32> {
        for (axis, change) in changes.iter().take(array.ndim()).enumerate() {
            let len = array.len_of(Axis(axis)) as isize;
            let slice = match change {
                Change::Keep => continue,
                Change::SwapWithFirst => {
                    array.swap_axes(0, axis);
                    continue;
                }
                Change::Reverse => Slice::new(0, None, -1),
                Change::Skip => Slice::new(1.min(len), None, 2),
                Change::CutFirst => Slice::new(1.min(len), None, 1),
                Change::CutLast => Slice::new(0, Some((len - 1).max(0)), 1),
            };
            array.slice_axis_inplace(Axis(axis), slice);
        }
        array
    }

    /// Every entry is at its index, and the conversion of a view succeeds where the array is
    /// in row-major order.
    fn check(array: ArrayD<u32>) {
        let view = TensorRef::try_from(array.view());
        match &view {
            Ok(view) => assert_eq!(ArrayViewD::from(*view), array),
            Err(Error::NotRowMajor { shape, strides }) => {
                assert_eq!((&shape[..], &strides[..]), (array.shape(), array.strides()));
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(view.is_ok(), array.is_standard_layout());
        assert_eq!(TensorRef::try_from(&array).is_ok(), view.is_ok());
        let tensor = Tensor::try_from(array.clone()).unwrap();
        assert_eq!(tensor.shape(), array.shape());
        for (index, &entry) in array.indexed_iter() {
            assert_eq!(tensor.get(index.slice()), Some(entry), "{index:?}");
        }
        assert_eq!(ArrayViewD::from(&tensor), array);
        assert_eq!(ArrayD::from(tensor), array);
    }

    fn change() -> impl Strategy<Value = Change> {
        prop::sample::select(vec![
            Change::Keep,
            Change::Reverse,
            Change::Skip,
            Change::CutFirst,
            Change::CutLast,
            Change::SwapWithFirst,
        ])
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(15),
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn arrays_of_every_layout_keep_their_entries(
            shape in prop::collection::vec(0usize..5, 1..=5),
            changes in prop::collection::vec(change(), 5),
            fortran: bool,
        ) {
            let entries = shape.iter().product::<usize>() as u32;
            let shape = IxDyn(&shape).set_f(fortran);
            let array = ArrayD::from_shape_vec(shape, (0..entries).collect()).unwrap();
            check(array.clone());
            check(changed(array, &changes));
        }
    }

    #[test]
    fn arrays_in_row_major_order_are_moved() {
        let array = Array2::from_shape_fn((300, 20), |(i, j)| i * j);
        let start = array.as_ptr();
        let tensor = Tensor::try_from(array).unwrap();
        assert_eq!(tensor.data().as_ptr(), start);
        let array = ArrayD::from(tensor);
        assert_eq!(array.as_ptr(), start);
        // A slice without gaps leaves the rest of the vector out.
        let tensor = Tensor::try_from(array.slice_move(s![100..200, ..])).unwrap();
        assert_eq!(
            (tensor.shape(), tensor.get(&[1, 3])),
            (&[100, 20][..], Some(303))
        );
    }

    #[test]
    fn orders_beyond_16_and_below_1_are_refused() {
        let order = |result: Result<Tensor<u8>>| match result {
            Err(Error::OrderOutOfRange { order }) => Some(order),
            _ => None,
        };
        assert_eq!(order(Array0::from_elem((), 7).try_into()), Some(0));
        let deep = ArrayD::from_elem(IxDyn(&[1; 17]), 7);
        assert_eq!(order(deep.clone().try_into()), Some(17));
        assert!(TensorRef::try_from(&deep).is_err());
        let deepest = ArrayD::from_elem(IxDyn(&[1; 16]), 7);
        assert!(Tensor::try_from(deepest).is_ok());
    }

    #[test]
    fn the_message_names_the_layout() {
        let array = Array1::from_vec(vec![1, 2, 3]);
        let error = TensorRef::try_from(array.slice(s![..;2])).unwrap_err();
        let expected = "the array of shape 2 has strides [2], row-major order without gaps was \
            expected: convert an owned copy to a Tensor";
        assert_eq!(error.to_string(), expected);
    }
}
