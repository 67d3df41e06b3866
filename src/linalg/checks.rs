//! Checks before a matrix is formed or factorized.

use faer::MatRef;

use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Shape, check_room};

/// Fails if an entry is not finite. Reads column after column, from row `first(j)` of column j
/// on, and names the first such entry.
pub(crate) fn check_finite<T: Scalar>(
    a: MatRef<'_, T>,
    first: impl Fn(usize) -> usize,
) -> Result<()> {
    for j in 0..a.ncols() {
        for i in first(j)..a.nrows() {
            let value = a[(i, j)].as_f64();
            if !value.is_finite() {
                return Err(Error::NonFinite {
                    index: vec![i, j],
                    value,
                });
            }
        }
    }
    Ok(())
}

/// Fails unless `a` is square.
pub(super) fn check_square<T>(a: MatRef<'_, T>) -> Result<()> {
    check(a, a.nrows() == a.ncols(), "a square matrix")
}

/// Fails if `a` has fewer rows than columns.
pub(super) fn check_tall<T>(a: MatRef<'_, T>) -> Result<()> {
    let expected = "a matrix of at least as many rows as columns";
    check(a, a.nrows() >= a.ncols(), expected)
}

fn check<T>(a: MatRef<'_, T>, holds: bool, expected: &'static str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::MatrixShapeMismatch {
        expected,
        rows: a.nrows(),
        columns: a.ncols(),
    })
}

/// The maximum number of square matrices that exist at once during the computation of a Gram
/// matrix or a triangular factor, if the order is above the number of vectors.
const SQUARES: usize = 2;

/// Fails if there is no memory for a Gram matrix or a triangular factor of order `order` from
/// `depth` vectors. On the smaller side of an unfolding, the matrix has no more entries than the
/// tensor, so nothing is checked.
pub(super) fn check_order(order: usize, depth: usize) -> Result<()> {
    if order <= depth {
        return Ok(());
    }
    check_room::<f64>(&Shape::new(&[order; 2])?, SQUARES)
}
