//! Parts of tensors: a range of indices in each mode.

use std::ops::Range;

use super::memory::with_room;
use super::{Shape, Tensor, TensorRef};
use crate::error::Result;

/// A copy of the entries of `x` with indices in `ranges`: one range for each mode, within its
/// extent.
pub(crate) fn crop<T: Copy>(x: TensorRef<'_, T>, ranges: &[Range<usize>]) -> Result<Tensor<T>> {
    let extents: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
    let shape = Shape::new(&extents)?;
    let strides = x.shape.strides();
    let mut data = with_room(&shape)?;
    let last = shape.order() - 1;
    // Row by row along the last mode, where a range is contiguous.
    for row in 0..shape.entries() / extents[last].max(1) {
        let (mut rest, mut start) = (row, ranges[last].start);
        for mode in (0..last).rev() {
            start += (ranges[mode].start + rest % extents[mode]) * strides[mode];
            rest /= extents[mode];
        }
        data.extend_from_slice(&x.data[start..start + extents[last]]);
    }
    Ok(Tensor { shape, data })
}
