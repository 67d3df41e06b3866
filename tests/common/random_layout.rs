//! Matrices in a random memory layout.

use faer::{Mat, MatRef};
use tenfold::Scalar;

use super::random::Random;

/// A matrix in one of four memory layouts:
///
/// ```text
/// 0  column-major
/// 1  row-major
/// 2  part of a larger column-major matrix, rows in reverse
/// 3  part of a larger row-major matrix, columns in reverse
/// ```
pub(crate) struct RandomLayout<T> {
    memory: Mat<T>,
    layout: usize,
}

const LAYOUTS: usize = 4;

impl<T: Scalar> RandomLayout<T> {
    /// A copy of `a`. The memory between and around its entries is filled with NaN.
    pub(crate) fn new(random: &mut Random, a: &Mat<T>) -> Self {
        let layout = random.below(LAYOUTS);
        let (m, n) = (a.nrows(), a.ncols());
        let entry = |i: usize, j: usize| a[(i, j)];
        let gap = T::from_f64(f64::NAN);
        let memory = match layout {
            0 => a.clone(),
            1 => a.transpose().to_owned(),
            2 => Mat::from_fn(m + 3, n + 2, |i, j| {
                let is_within = i >= 3 && (1..=n).contains(&j);
                if is_within {
                    entry(m + 2 - i, j - 1)
                } else {
                    gap
                }
            }),
            _ => Mat::from_fn(n + 1, m + 2, |i, j| {
                let is_within = i >= 1 && j < m;
                if is_within { entry(j, n - i) } else { gap }
            }),
        };
        Self { memory, layout }
    }

    pub(crate) fn as_ref(&self) -> MatRef<'_, T> {
        let m = self.memory.as_ref();
        match self.layout {
            0 => m,
            1 => m.transpose(),
            2 => m.get(3.., 1..m.ncols() - 1).reverse_rows(),
            _ => m.get(1.., ..m.ncols() - 2).transpose().reverse_cols(),
        }
    }
}
