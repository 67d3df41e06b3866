//! The sign rule of singular vectors.

use faer::MatMut;

use crate::scalar::Scalar;

/// Changes the signs of columns so that the entry of largest magnitude of each column is
/// positive. On a tie the first such entry decides. Returns −1 for each column that changed its
/// sign, and 1 for each other column.
///
/// ```
/// use tenfold::linalg::fix_signs;
/// let mut factor = faer::mat![[0.6, -0.6], [-0.8, 0.8]];
/// assert_eq!(fix_signs(factor.as_mut()), [-1.0, 1.0]);
/// assert_eq!(factor, faer::mat![[-0.6, -0.6], [0.8, 0.8]]);
/// ```
pub fn fix_signs<T: Scalar>(mut factor: MatMut<'_, T>) -> Vec<T> {
    (0..factor.ncols())
        .map(|j| {
            let mut column = factor.as_mut().col_mut(j);
            let mut largest = T::zero();
            for i in 0..column.nrows() {
                if column[i].abs() > largest.abs() {
                    largest = column[i];
                }
            }
            if largest < T::zero() {
                for i in 0..column.nrows() {
                    column[i] = -column[i];
                }
                return -T::one();
            }
            T::one()
        })
        .collect()
}
