//! The sign rule of singular vectors.

use faer::MatMut;

use crate::scalar::Scalar;

/// Flips columns of `factor` so that the entry of largest magnitude of each
/// (the first such entry on a tie) is positive.
///
/// ```
/// use tenfold::linalg::fix_signs;
/// let mut factor = faer::mat![[0.6, -0.8], [-0.8, 0.6]];
/// fix_signs(factor.as_mut());
/// assert_eq!(factor, faer::mat![[-0.6, 0.8], [0.8, -0.6]]);
/// ```
pub fn fix_signs<T: Scalar>(mut factor: MatMut<'_, T>) {
    for j in 0..factor.ncols() {
        let mut column = factor.as_mut().col_mut(j);
        let mut largest = <T as num_traits::Zero>::zero();
        for i in 0..column.nrows() {
            if num_traits::Float::abs(column[i]) > num_traits::Float::abs(largest) {
                largest = column[i];
            }
        }
        if largest < <T as num_traits::Zero>::zero() {
            for i in 0..column.nrows() {
                column[i] = -column[i];
            }
        }
    }
}
