//! Gram matrices and triangular factors of unfoldings.

use faer::Mat;
use tenfold::linalg::{Precision, Side, gram, triangular_factor};
use tenfold::{Scalar, Tensor};

use super::inputs;
use super::{check_ratio, normalised, scales};
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

/// Both sides of an unfolding, as matrices of at most 64 rows.
fn sides<T: Scalar>(x: &Tensor<T>, mode: usize) -> Vec<(Side, Mat<f64>)> {
    let unfolding = oracle::unfold(x, mode);
    let transposed = unfolding.transpose().to_owned();
    let mut sides = vec![(Side::Mode, unfolding), (Side::Rest, transposed)];
    sides.retain(|(_, rows)| rows.nrows() <= 64);
    sides
}

fn check_triangular_factor<T: Scalar>() {
    for (name, x) in inputs::tensors::<f64>() {
        for c in scales::<T>() {
            let x: Tensor<T> = scaled(&x, c);
            for mode in 0..x.order() {
                for (side, rows) in sides(&x, mode) {
                    let what =
                        || format!("{name}, mode {mode}, {side:?}, scale {c:e}, {}", T::NAME);
                    let r = triangular_factor(&x, mode, side).unwrap();
                    assert_eq!((r.nrows(), r.ncols()), (rows.nrows(), rows.nrows()));
                    for j in 0..r.ncols() {
                        assert!((j + 1..r.nrows()).all(|i| r[(i, j)] == 0.0), "{}", what());
                    }
                    let largest = rows.norm_max();
                    if largest == 0.0 {
                        assert_eq!(r.norm_max(), 0.0);
                        continue;
                    }
                    let r = Mat::from_fn(r.nrows(), r.ncols(), |i, j| r[(i, j)] / largest);
                    let rows = normalised(rows.as_ref());
                    let (computed, exact) = (r.transpose() * &r, &rows * rows.transpose());
                    let eps = rows.ncols().max(rows.nrows()) as f64 * f64::EPSILON;
                    let ratio = (&computed - &exact).norm_l2() / (eps * exact.norm_l2());
                    check_ratio("triangular factor: RᵀR", T::NAME, ratio, what);
                }
            }
        }
    }
}

#[test]
pub(crate) fn triangular_factors() {
    check_triangular_factor::<f64>();
    check_triangular_factor::<f32>();
}

/// Unfoldings with enough vectors for several parts. Each part has a factor, and the factors are
/// merged.
#[test]
pub(crate) fn triangular_factors_of_several_parts() {
    let mut random = Random::new(16);
    for shape in [[5, 4, 2000], [7000, 3, 2], [2, 3, 7000], [5, 10_000, 1]] {
        let x: Tensor<f64> = random.tensor(&shape);
        for mode in 0..3 {
            for (side, rows) in sides(&x, mode) {
                let r = triangular_factor(&x, mode, side).unwrap();
                let (computed, exact) = (r.transpose() * &r, &rows * rows.transpose());
                let eps = rows.ncols() as f64 * f64::EPSILON;
                let ratio = (&computed - &exact).norm_l2() / (eps * exact.norm_l2());
                let what = || format!("{shape:?}, mode {mode}, {side:?}");
                check_ratio("triangular factor: RᵀR", f64::NAME, ratio, what);
            }
        }
    }
}

/// The factor keeps the small singular values, which a Gram matrix loses. The comparison of RᵀR with
/// the Gram matrix cannot check them.
#[test]
pub(crate) fn triangular_factors_keep_small_singular_values() {
    for (name, x) in inputs::tensors::<f64>() {
        for mode in 0..x.order() {
            for (side, rows) in sides(&x, mode) {
                let r = triangular_factor(&x, mode, side).unwrap();
                let computed = oracle::singular_values(r.as_ref());
                let exact = oracle::singular_values(rows.as_ref());
                let eps = rows.ncols().max(rows.nrows()) as f64 * f64::EPSILON;
                let size = exact[0].max(f64::MIN_POSITIVE);
                for (value, exact) in computed.iter().zip(&exact) {
                    let ratio = (value - exact).abs() / (eps * size);
                    let what = || format!("{name}, mode {mode}, {side:?}");
                    check_ratio("triangular factor: singular values", f64::NAME, ratio, what);
                }
            }
        }
    }
}

/// The lower triangle of A Aᵀ, row by row: each entry, and the sum of the magnitudes of its
/// products.
fn products_of_rows(a: &Mat<f64>) -> Vec<Vec<(f64, f64)>> {
    let row = |i| (0..a.ncols()).map(|k| a[(i, k)]).collect();
    let rows: Vec<Vec<f64>> = (0..a.nrows()).map(row).collect();
    let sums = |x: &[f64], y: &[f64]| {
        let products = x.iter().zip(y).map(|(x, y)| x * y);
        products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
    };
    (0..rows.len())
        .map(|i| (0..=i).map(|j| sums(&rows[i], &rows[j])).collect())
        .collect()
}

/// Checks |G − A Aᵀ| ≤ k·ε·|A| |A|ᵀ entry by entry, where k is the number of products in each sum.
fn check_gram<T: Scalar>(x: &Tensor<T>, what: &str) {
    for mode in 0..x.order() {
        for (side, rows) in sides(x, mode) {
            let expected = products_of_rows(&rows);
            let depth = rows.ncols().max(1) as f64;
            for precision in [Precision::Native, Precision::Double] {
                let eps = match precision {
                    Precision::Native => T::EPSILON,
                    Precision::Double => f64::EPSILON,
                };
                let g = gram(x, mode, side, precision).unwrap();
                assert_eq!((g.nrows(), g.ncols()), (rows.nrows(), rows.nrows()));
                let what = || format!("{what}, mode {mode}, {side:?}, {precision:?}, {}", T::NAME);
                for (i, row) in expected.iter().enumerate() {
                    for (j, &(exact, size)) in row.iter().enumerate() {
                        let bound = depth * eps * size;
                        let error = (g[(i, j)] - exact).abs();
                        assert!(error <= bound, "{}: ({i}, {j})", what());
                        if error > 0.0 {
                            check_ratio("Gram matrix: entries", T::NAME, error / bound, what);
                        }
                        assert_eq!(g[(i, j)], g[(j, i)], "{}: asymmetric", what());
                    }
                }
            }
        }
    }
}

#[test]
pub(crate) fn gram_matrices() {
    for (name, x) in inputs::tensors::<f64>() {
        check_gram::<f64>(&x, &name);
        check_gram::<f32>(&scaled(&x, 1.0), &name);
    }
    // At and around the block sizes of the kernels.
    let mut random = Random::new(6);
    let extents = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49, 63];
    for (k, &n) in extents.iter().enumerate() {
        for others in [
            [1, 1],
            [1, extents[(k * 7 + 3) % 15]],
            [extents[(k * 4 + 5) % 15], 1],
            [3, 5],
            [9, 33],
            [2, 129],
        ] {
            let x: Tensor<f64> = random.tensor(&[others[0], n, others[1]]);
            let what = format!("{:?}", x.shape());
            check_gram::<f64>(&x, &what);
            check_gram::<f32>(&scaled(&x, 1.0), &what);
        }
    }
    // Several blocks of vectors. The sums of the last two shapes have several parts.
    for shape in [
        [1300, 21, 1],
        [1, 21, 1300],
        [60, 10, 70],
        [3000, 5, 2],
        [63, 67, 65],
        [1, 60, 6000],
    ] {
        let x: Tensor<f64> = random.tensor(&shape);
        check_gram::<f64>(&x, &format!("{shape:?}"));
        check_gram::<f32>(&scaled(&x, 1.0), &format!("{shape:?}"));
    }
}
