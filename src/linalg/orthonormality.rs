//! Whether the columns of a matrix are orthonormal.

use faer::{Mat, MatRef};

use super::product::product;
use crate::scalar::Scalar;

/// The rows and columns of a block of [`is_orthonormal`].
const ROWS: usize = if cfg!(test) { 8 } else { 256 };
const COLUMNS: usize = if cfg!(test) { 3 } else { 64 };

/// Whether ‖AᵀA − I‖ ≤ min(30·I·ε, √ε) in the Frobenius norm, for `a` with I rows. The products are
/// computed in `f64`, block by block, so that no copy of `a` is needed.
pub(crate) fn is_orthonormal<T: Scalar>(a: MatRef<'_, T>) -> bool {
    let (rows, columns) = (a.nrows(), a.ncols());
    if columns > rows {
        return false;
    }
    let bound = (30.0 * rows as f64 * T::EPSILON).min(T::EPSILON.sqrt());
    let mut squares = 0.0;
    for start in (0..columns).step_by(COLUMNS) {
        let width = COLUMNS.min(columns - start);
        // The columns from `start` on of AᵀA.
        let mut gram = Mat::<f64>::zeros(columns, width);
        for top in (0..rows).step_by(ROWS) {
            let height = ROWS.min(rows - top);
            let part = Mat::from_fn(height, columns, |i, j| a[(top + i, j)].as_f64());
            gram += product(part.transpose(), part.get(.., start..start + width));
        }
        for j in 0..width {
            for i in 0..columns {
                let expected = if i == start + j { 1.0 } else { 0.0 };
                squares += (gram[(i, j)] - expected).powi(2);
            }
        }
    }
    squares.sqrt() <= bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::random::Random;

    #[test]
    fn factors_are_orthonormal_within_the_bound() {
        let mut random = Random::new(8);
        for (rows, columns) in [(9, 4), (30, 7), (8, 8), (1, 1)] {
            let q = random.orthonormal(rows, columns);
            assert!(is_orthonormal(q.as_ref()));
            assert!(!is_orthonormal(q.transpose()) || rows == columns);
            let single = Mat::from_fn(rows, columns, |i, j| q[(i, j)] as f32);
            assert!(is_orthonormal(single.as_ref()));
            // Each entry of A and of AᵀA counts.
            for (i, j) in [(0, 0), (rows - 1, columns - 1), (rows / 2, columns / 2)] {
                let mut changed = q.clone();
                changed[(i, j)] += 1e-3;
                assert!(
                    !is_orthonormal(changed.as_ref()),
                    "{rows}×{columns}, {i}, {j}"
                );
                changed[(i, j)] = f64::NAN;
                assert!(!is_orthonormal(changed.as_ref()));
            }
        }
    }
}
