//! The sign rule of singular vectors.

use faer::MatMut;

use crate::scalar::Scalar;

/// Makes the entry of largest magnitude in each column of `factor` positive, by changing the sign
/// of the column where necessary. On a tie, the first such entry counts. Returns −1 for each
/// column with a changed sign, and 1 for each other column.
///
/// ```
/// use tenfold::linalg::fix_signs;
/// let mut factor = faer::mat![[0.6, -0.6], [-0.8, 0.8]];
/// assert_eq!(fix_signs(factor.as_mut()), [-1.0, 1.0]);
/// assert_eq!(factor, faer::mat![[-0.6, -0.6], [0.8, 0.8]]);
/// ```
pub fn fix_signs<T: Scalar>(mut factor: MatMut<'_, T>) -> Vec<T> {
    let one = T::one();
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
                return -one;
            }
            one
        })
        .collect()
}
