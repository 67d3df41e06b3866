//! Permutation of modes, of a tensor or a part of it, and copies of column-major data.
//!
//! The result is written row by row. A row is a run of entries of the result along its last
//! mode; in `x` these entries are a fixed stride apart:
//!
//! ```text
//!   permutation [1, 0]       x            result
//!                            a b c        a d      row 0: from x at 0, 3
//!                            d e f        b e      row 1: from x at 1, 4
//!                                         c f      row 2: from x at 2, 5
//! ```

use std::ops::Range;

use rayon::prelude::*;

use super::memory::with_room;
use super::{Shape, Tensor, TensorRef, check_modes};
use crate::error::{Error, Result};

/// The number of entries of one task. Smaller tensors are copied by one thread.
const PARALLEL_ENTRIES: usize = if cfg!(test) { 64 } else { 1 << 16 };

/// A copy of `x` with the modes in another order: mode k of the result is mode
/// `permutation[k]` of `x` (NumPy's `transpose`).
///
/// # Errors
/// [`Error::NotAPermutation`] unless `permutation` names each mode once;
/// [`Error::OutOfMemory`].
pub(crate) fn permute<'a, T: Copy + Send + Sync + 'a>(
    x: impl Into<TensorRef<'a, T>>,
    permutation: &[usize],
) -> Result<Tensor<T>> {
    let x = x.into();
    let all: Vec<Range<usize>> = x.shape.iter().map(|&extent| 0..extent).collect();
    permute_part(x, &all, permutation)
}

/// A copy of the entries of `x` with indices in `ranges`, with the modes in another order.
/// `ranges` has one range for each mode of `x`, within its extent.
///
/// # Errors
/// Those of [`permute`].
pub(crate) fn permute_part<T: Copy + Send + Sync>(
    x: TensorRef<'_, T>,
    ranges: &[Range<usize>],
    permutation: &[usize],
) -> Result<Tensor<T>> {
    let order = x.order();
    if permutation.len() != order || check_modes(permutation, order).is_err() {
        return Err(Error::NotAPermutation {
            permutation: permutation.to_vec(),
            order,
        });
    }
    // 1. The shape of the result, the place of its first entry in `x`, and the strides in `x` along
    //    its modes.
    let extents: Vec<usize> = permutation.iter().map(|&mode| ranges[mode].len()).collect();
    let shape = Shape::new(&extents)?;
    let strides = x.shape.strides();
    let first: usize = ranges
        .iter()
        .zip(&strides)
        .map(|(range, stride)| range.start * stride)
        .sum();
    let strides: Vec<usize> = permutation.iter().map(|&mode| strides[mode]).collect();

    // 2. The entries of row r of the result. The index of the row in the leading modes determines
    //    where the row starts in `x`.
    let row = shape[order - 1].max(1);
    let stride = strides[order - 1];
    let rows = shape.entries() / row;
    let copy_row = |r: usize| {
        let mut rest = r;
        let mut start = first;
        for mode in (0..order - 1).rev() {
            start += (rest % shape[mode]) * strides[mode];
            rest /= shape[mode];
        }
        (0..row).map(move |i| x.data[start + i * stride])
    };
    // 3. Copy the rows.
    let mut data = with_room(&shape)?;
    if shape.entries() < PARALLEL_ENTRIES {
        data.extend((0..rows).flat_map(copy_row));
    } else {
        let per_task = PARALLEL_ENTRIES.div_ceil(row);
        data.resize(shape.entries(), x.data[0]);
        data.par_chunks_mut(per_task * row)
            .enumerate()
            .for_each(|(task, chunk)| {
                for (r, target) in chunk.chunks_mut(row).enumerate() {
                    for (entry, value) in target.iter_mut().zip(copy_row(task * per_task + r)) {
                        *entry = value;
                    }
                }
            });
    }
    Ok(Tensor { shape, data })
}

impl<T: Copy + Send + Sync> Tensor<T> {
    /// Copies data in column-major order: the first index runs fastest, as in Fortran and
    /// MATLAB.
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
    pub fn from_fortran(shape: &[usize], data: &[T]) -> Result<Self> {
        Shape::new(shape)?.check_length(data.len())?;
        // Column-major data of shape (I, J, …) is row-major data of shape (…, J, I).
        let reversed_shape: Vec<usize> = shape.iter().rev().copied().collect();
        let reversed_modes: Vec<usize> = (0..shape.len()).rev().collect();
        permute(TensorRef::new(&reversed_shape, data)?, &reversed_modes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;

    #[test]
    fn every_task_copies_its_own_rows() {
        for shape in [[5, 7, 6], [1, 2, 3], [2, 70, 3], [40, 1, 9]] {
            let x = Tensor::from_fn(&shape, |i| 10_000 * i[0] + 100 * i[1] + i[2]).unwrap();
            for permutation in oracle::ORDERS_OF_THREE {
                let y = permute(&x, &permutation).unwrap();
                oracle::for_each_index(&shape, |index| {
                    let moved = permutation.map(|mode| index[mode]);
                    assert_eq!(y.get(&moved), x.get(index), "{shape:?}, {permutation:?}");
                });
            }
        }
    }

    #[test]
    fn a_part_is_permuted_alone() {
        let x = Tensor::from_fn(&[6, 40, 5], |i| 10_000 * i[0] + 100 * i[1] + i[2]).unwrap();
        let ranges = [2..6, 3..40, 1..4];
        let part = [4, 37, 3];
        for permutation in oracle::ORDERS_OF_THREE {
            let y = permute_part(x.view(), &ranges, &permutation).unwrap();
            assert_eq!(y.shape(), permutation.map(|mode| part[mode]));
            oracle::for_each_index(&part, |index| {
                let moved = permutation.map(|mode| index[mode]);
                let original = [0, 1, 2].map(|mode| index[mode] + ranges[mode].start);
                assert_eq!(y.get(&moved), x.get(&original), "{permutation:?}");
            });
        }
    }
}
