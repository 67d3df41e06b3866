//! Factors without negative entries: non-negative parts of singular vectors, and columns of norm 1.

use faer::{Mat, MatRef};

use crate::scalar::Scalar;

/// Zeros of the start become this share of the mean of a column.
const FLOOR: f64 = 1e-2;

/// For each column, its positive part or the magnitude of its negative part, whichever has the larger
/// norm. Zeros become a small share of the mean, so that no entry is out of reach. The columns have
/// the norm 1.
pub(super) fn non_negative_parts<T: Scalar>(a: MatRef<'_, T>) -> Mat<f64> {
    let mut parts = Mat::zeros(a.nrows(), a.ncols());
    for j in 0..a.ncols() {
        let column = || (0..a.nrows()).map(|i| a[(i, j)].as_f64());
        let squares = |sign: f64| column().map(|x| (sign * x).max(0.0).powi(2)).sum::<f64>();
        let sign = if squares(1.0) >= squares(-1.0) {
            1.0
        } else {
            -1.0
        };
        let mean = column().map(|x| (sign * x).max(0.0)).sum::<f64>() / a.nrows() as f64;
        for (i, x) in column().enumerate() {
            parts[(i, j)] = (sign * x).max(FLOOR * mean);
        }
    }
    normalise(&mut parts);
    parts
}

/// Divides each column by its norm. Returns the norms; 1 for a column of zeros.
pub(super) fn normalise(a: &mut Mat<f64>) -> Vec<f64> {
    let norm = |a: &Mat<f64>, j| match a.col(j).norm_l2() {
        0.0 => 1.0,
        norm => norm,
    };
    let norms: Vec<f64> = (0..a.ncols()).map(|j| norm(a, j)).collect();
    for (j, norm) in norms.iter().enumerate() {
        a.col_mut(j).iter_mut().for_each(|entry| *entry /= norm);
    }
    norms
}
