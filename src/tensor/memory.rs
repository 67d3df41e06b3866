//! Allocation of buffers whose sizes a caller chooses. If there is not enough memory, it returns an
//! error and does not panic.

use bytemuck::Zeroable;
use faer::Mat;

use super::Shape;
use crate::error::{Error, Result};

/// An empty vector with room for the entries of a tensor.
pub(crate) fn with_room<A>(shape: &Shape) -> Result<Vec<A>> {
    let mut entries = Vec::new();
    let reserved = entries.try_reserve_exact(shape.entries());
    reserved.map_err(|_| no_memory::<A>(shape, 1))?;
    Ok(entries)
}

/// A vector of zeros, one for each entry of a tensor. The operating system may provide a page of
/// memory only when the page is first written.
pub(crate) fn zeroed<A: Zeroable>(shape: &Shape) -> Result<Vec<A>> {
    let zeros = bytemuck::allocation::try_zeroed_vec(shape.entries());
    zeros.map_err(|()| no_memory::<A>(shape, 1))
}

/// The maximum number of columns of a matrix without rows. faer visits each column, so more columns
/// would take too long.
const EMPTY_COLUMNS: usize = 1 << 28;

/// Like [`Mat::from_fn`], but fails if there is not enough memory.
pub(crate) fn matrix<A>(
    rows: usize,
    columns: usize,
    entry: impl FnMut(usize, usize) -> A,
) -> Result<Mat<A>> {
    let shape = Shape::new(&[rows, columns])?;
    if rows == 0 && columns > EMPTY_COLUMNS {
        return Err(Error::ShapeOverflow {
            shape: shape.to_vec(),
        });
    }
    let mut matrix = Mat::new();
    let reserved = matrix.try_reserve(rows, columns);
    reserved.map_err(|_| no_memory::<A>(&shape, 1))?;
    matrix.resize_with(rows, columns, entry);
    Ok(matrix)
}

/// Fails if there is no memory for `copies` tensors of shape `shape`.
pub(crate) fn check_room<A>(shape: &Shape, copies: usize) -> Result<()> {
    let entries = shape.entries().saturating_mul(copies);
    let reserved = Vec::<A>::new().try_reserve_exact(entries);
    reserved.map_err(|_| no_memory::<A>(shape, copies))
}

/// The error for `copies` tensors of shape `shape`.
fn no_memory<A>(shape: &Shape, copies: usize) -> Error {
    let entries = shape.entries().saturating_mul(copies);
    Error::OutOfMemory {
        shape: shape.to_vec(),
        bytes: entries.saturating_mul(size_of::<A>()) as u64,
    }
}
