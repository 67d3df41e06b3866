//! Matrices in any memory layout.

use faer::{Mat, MatRef};
use tenfold::Scalar;

use super::random::Random;

/// A matrix in some memory layout: by columns, by rows, or a strided part of a
/// larger one, turned about.
pub(crate) struct Laid<T> {
    memory: Mat<T>,
    layout: usize,
}

const LAYOUTS: usize = 4;

impl<T: Scalar> Laid<T> {
    /// A copy of `a`. What lies between and around its entries is NaN.
    pub(crate) fn new(random: &mut Random, a: &Mat<T>) -> Self {
        let layout = random.below(LAYOUTS);
        let (m, n) = (a.nrows(), a.ncols());
        let entry = |i: usize, j: usize| a[(i, j)];
        let gap = T::from_f64(f64::NAN);
        let memory = match layout {
            0 => a.clone(),
            1 => a.transpose().to_owned(),
            2 => Mat::from_fn(m + 3, n + 2, |i, j| {
                let within = i >= 3 && (1..=n).contains(&j);
                if within { entry(m + 2 - i, j - 1) } else { gap }
            }),
            _ => Mat::from_fn(n + 1, m + 2, |i, j| {
                let within = i >= 1 && j < m;
                if within { entry(j, n - i) } else { gap }
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
