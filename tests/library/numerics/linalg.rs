//! The factorizations beneath the solvers.

use faer::{Mat, MatRef};
use tenfold::linalg::{
    Precision, Side, eigh, eigh_leading, gram, leading_pair, orthonormal_basis, right_singular,
    triangular_factor,
};
use tenfold::{Error, Scalar, Tensor};

use super::inputs::{self, scaled, spectra, symmetric};
use super::{hold, in_f64, normalised, orthonormality, scales};
use crate::common::oracle;
use crate::common::random::Random;
use crate::common::troublesome;

const ORDERS: &[usize] = &[1, 2, 3, 5, 8, 17, 24, 25, 26, 40, 64, 97];

/// Residual, orthonormality and eigenvalues of S·c against those of S.
fn check_eigen(
    s: MatRef<'_, f64>,
    c: f64,
    values: &[f64],
    vectors: MatRef<'_, f64>,
    known: &[f64],
    what: &str,
) {
    let n = s.nrows() as f64;
    let eps = n * f64::EPSILON;
    let size = s.norm_l2().max(f64::MIN_POSITIVE);
    assert_eq!(values.len(), s.nrows(), "{what}");
    assert!(values.is_sorted_by(|a, b| a >= b), "{what}: not sorted");
    hold(
        "eigenvectors: orthonormality",
        f64::NAME,
        orthonormality(vectors),
        || what.into(),
    );
    let unscaled: Vec<f64> = values.iter().map(|value| value / c).collect();
    let images = s * vectors;
    let residual = Mat::from_fn(s.nrows(), vectors.ncols(), |i, j| {
        images[(i, j)] - unscaled[j] * vectors[(i, j)]
    });
    let ratio = residual.norm_l2() / (eps * size);
    hold("eigenpairs: residual", f64::NAME, ratio, || what.into());
    for (ours, known) in unscaled.iter().zip(known) {
        let ratio = (ours - known).abs() / (eps * size);
        hold("eigenvalues: backward error", f64::NAME, ratio, || {
            what.into()
        });
    }
}

#[test]
pub(crate) fn eigenvalues_and_eigenvectors() {
    let mut random = Random::new(1);
    for &n in ORDERS {
        let mut inputs = Vec::new();
        for (name, values) in spectra(n) {
            inputs.push((name, symmetric(&mut random, &values), values.clone()));
            // Both signs, out of order.
            let signed: Vec<f64> = values
                .iter()
                .enumerate()
                .map(|(i, v)| if i % 3 == 1 { -v } else { *v })
                .collect();
            let s = symmetric(&mut random, &signed);
            let mut sorted = signed;
            sorted.sort_by(|a, b| b.total_cmp(a));
            inputs.push((name, s, sorted));
            let diagonal = Mat::from_fn(n, n, |i, j| if i == j { values[n - 1 - i] } else { 0.0 });
            inputs.push((name, diagonal, values));
        }
        for (name, s, known) in inputs {
            // Scaling does not know the order.
            let scales = if n <= 26 {
                scales::<f64>()
            } else {
                vec![1e-300, 1.0, 1e300]
            };
            for c in scales {
                let what = format!("{name}, order {n}, scale {c:e}");
                let cs = Mat::from_fn(n, n, |i, j| s[(i, j)] * c);
                let eigen = eigh(cs.as_ref()).unwrap();
                check_eigen(
                    s.as_ref(),
                    c,
                    &eigen.values,
                    eigen.vectors.as_ref(),
                    &known,
                    &what,
                );
                for count in [0, 1, n / 4, n.div_ceil(3), n] {
                    let what = format!("{what}, {count} leading");
                    let leading = eigh_leading(cs.as_ref(), |_| count).unwrap();
                    assert_eq!(leading.vectors.ncols(), count);
                    check_eigen(
                        s.as_ref(),
                        c,
                        &leading.values,
                        leading.vectors.as_ref(),
                        &known,
                        &what,
                    );
                }
            }
        }
    }
}

/// Matrices on which eigensolvers have failed before, and a large one.
#[test]
pub(crate) fn tridiagonal_matrices_of_ill_repute() {
    let spectrum: Vec<f64> = (0..270).map(|i| 0.97f64.powi(i)).collect();
    let large = ("large", symmetric(&mut Random::new(8), &spectrum));
    let inputs = troublesome::symmetric_matrices().into_iter().chain([large]);
    for (name, s) in inputs {
        let n = s.nrows();
        // Singular values are the magnitudes of eigenvalues.
        let all = eigh(s.as_ref()).unwrap();
        check_eigen(
            s.as_ref(),
            1.0,
            &all.values,
            all.vectors.as_ref(),
            &all.values,
            name,
        );
        if n < 200 {
            let mut magnitudes: Vec<f64> = all.values.iter().map(|v| v.abs()).collect();
            magnitudes.sort_by(|a, b| b.total_cmp(a));
            for (ours, known) in magnitudes.iter().zip(oracle::singular_values(s.as_ref())) {
                let ratio = (ours - known).abs()
                    / (n as f64 * f64::EPSILON * s.norm_l2().max(f64::MIN_POSITIVE));
                hold("eigenvalues: backward error", f64::NAME, ratio, || {
                    name.into()
                });
            }
        }
        for count in [1, 2, n / 10 + 1, n / 3] {
            let leading = eigh_leading(s.as_ref(), |_| count).unwrap();
            let what = format!("{name}, {count} leading");
            check_eigen(
                s.as_ref(),
                1.0,
                &leading.values,
                leading.vectors.as_ref(),
                &all.values,
                &what,
            );
        }
    }
}

/// Orders about which the computation changes its ways, and large ones.
#[test]
pub(crate) fn all_orders_and_large_ones() {
    let mut random = Random::new(3);
    for n in (24..=72).chain([95, 104, 129, 196, 256, 300]) {
        // Of the large ones a few spectra.
        let step = if n < 150 { 1 } else { 4 };
        for (name, values) in spectra(n).into_iter().step_by(step) {
            let s = symmetric(&mut random, &values);
            let eigen = eigh(s.as_ref()).unwrap();
            let what = format!("{name}, order {n}");
            let vectors = eigen.vectors.as_ref();
            check_eigen(s.as_ref(), 1.0, &eigen.values, vectors, &values, &what);
        }
    }
}

#[test]
pub(crate) fn eigh_of_zeros_and_of_nothing() {
    for n in [0, 1, 2, 30, 200] {
        let eigen = eigh(Mat::<f64>::zeros(n, n).as_ref()).unwrap();
        assert_eq!(eigen.values, vec![0.0; n]);
        let identity = eigen.vectors.transpose() * &eigen.vectors;
        assert_eq!(identity, Mat::<f64>::identity(n, n));
    }
}

#[test]
pub(crate) fn eigh_reads_the_lower_triangle_alone() {
    let mut s = symmetric(&mut Random::new(3), &[3.0, 2.0, 1.0, 0.5]);
    let values = eigh(s.as_ref()).unwrap().values;
    for j in 0..4 {
        (0..j).for_each(|i| s[(i, j)] = f64::NAN);
    }
    assert_eq!(eigh(s.as_ref()).unwrap().values, values);
    assert_eq!(eigh_leading(s.as_ref(), |_| 2).unwrap().values, values);
}

#[test]
fn entries_that_are_not_finite_are_named() {
    let mut s = Mat::<f64>::identity(9, 9);
    s[(7, 3)] = f64::NAN;
    let at = |error: Error| matches!(error, Error::NonFinite { index, .. } if index == [7, 3]);
    assert!(at(eigh(s.as_ref()).unwrap_err()));
    assert!(at(eigh_leading(s.as_ref(), |_| 1).unwrap_err()));
    assert!(at(right_singular(s.as_ref()).unwrap_err()));
    assert!(at(leading_pair(s.as_ref(), 1e-3).unwrap_err()));
}

#[test]
pub(crate) fn singular_values_and_right_singular_vectors() {
    let mut random = Random::new(4);
    for &n in &[1, 2, 3, 5, 8, 17, 40, 64] {
        for (name, known) in spectra(n) {
            let r = random.with_spectrum(n, n, &known);
            for c in scales::<f64>() {
                let what = || format!("{name}, order {n}, scale {c:e}");
                let cr = Mat::from_fn(n, n, |i, j| r[(i, j)] * c);
                let svd = right_singular(cr.as_ref()).unwrap();
                let eps = n as f64 * f64::EPSILON;
                assert!(
                    svd.values.is_sorted_by(|a, b| a >= b && *b >= 0.0),
                    "{}",
                    what()
                );
                let ratio = orthonormality(svd.vectors.as_ref());
                hold(
                    "right singular vectors: orthonormality",
                    f64::NAME,
                    ratio,
                    what,
                );
                // ‖(R V)ᵀ(R V) − Σ²‖, by the lengths and angles of R's images.
                let images = &r * &svd.vectors;
                let size = if known[0] == 0.0 { 1.0 } else { known[0] };
                for (j, (value, known)) in svd.values.iter().zip(&known).enumerate() {
                    let ratio = (value / c - known).abs() / (eps * size);
                    hold("singular values: backward error", f64::NAME, ratio, what);
                    let length = images.col(j).norm_l2();
                    let ratio = (value / c - length).abs() / (eps * size);
                    hold("right singular vectors: residual", f64::NAME, ratio, what);
                    for i in 0..j {
                        let angle: f64 = (0..n).map(|k| images[(k, i)] * images[(k, j)]).sum();
                        let lengths = (svd.values[i] / c).max(length);
                        let ratio = angle.abs() / (eps * size * lengths.max(f64::MIN_POSITIVE));
                        hold("right singular vectors: residual", f64::NAME, ratio, what);
                    }
                }
            }
        }
    }
}

fn check_orthonormal_basis<T: Scalar>() {
    let mut random = Random::new(5);
    for (m, n) in [
        (1, 1),
        (5, 1),
        (5, 5),
        (40, 7),
        (33, 33),
        (200, 12),
        (90, 60),
    ] {
        for (name, values) in spectra(n) {
            let w = random.with_spectrum(m, n, &values);
            for c in scales::<T>() {
                let what = || format!("{name}, {m}×{n}, scale {c:e}, {}", T::NAME);
                let w: Mat<T> = Mat::from_fn(m, n, |i, j| T::from_f64(w[(i, j)] * c));
                let q = orthonormal_basis(w.as_ref()).unwrap();
                assert_eq!((q.nrows(), q.ncols()), (m, n));
                let ratio = orthonormality(q.as_ref());
                hold("orthonormal basis: orthonormality", T::NAME, ratio, what);
                let (w, q) = (normalised(in_f64(w.as_ref()).as_ref()), in_f64(q.as_ref()));
                let r = q.transpose() * &w;
                let rounding = m as f64 * T::EPSILON * w.norm_l2().max(f64::MIN_POSITIVE);
                let ratio = (&w - &q * &r).norm_l2() / rounding;
                hold("orthonormal basis: residual", T::NAME, ratio, what);
                for j in 0..n {
                    hold(
                        "orthonormal basis: sign",
                        T::NAME,
                        -r[(j, j)] / rounding,
                        what,
                    );
                }
            }
        }
    }
}

#[test]
pub(crate) fn orthonormal_bases() {
    check_orthonormal_basis::<f64>();
    check_orthonormal_basis::<f32>();
}

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
                    let (ours, exact) = (r.transpose() * &r, &rows * rows.transpose());
                    let eps = rows.ncols().max(rows.nrows()) as f64 * f64::EPSILON;
                    let ratio = (&ours - &exact).norm_l2() / (eps * exact.norm_l2());
                    hold("triangular factor: RᵀR", T::NAME, ratio, what);
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

/// Vectors enough for several parts, whose factors are merged, on both sides of
/// unfoldings that are contiguous and that are not.
#[test]
pub(crate) fn triangular_factors_of_several_parts() {
    let mut random = Random::new(16);
    for shape in [[5, 4, 2000], [7000, 3, 2], [2, 3, 7000], [5, 10_000, 1]] {
        let x: Tensor<f64> = random.tensor(&shape);
        for mode in 0..3 {
            for (side, rows) in sides(&x, mode) {
                let r = triangular_factor(&x, mode, side).unwrap();
                let (ours, exact) = (r.transpose() * &r, &rows * rows.transpose());
                let eps = rows.ncols() as f64 * f64::EPSILON;
                let ratio = (&ours - &exact).norm_l2() / (eps * exact.norm_l2());
                let what = || format!("{shape:?}, mode {mode}, {side:?}");
                hold("triangular factor: RᵀR", f64::NAME, ratio, what);
            }
        }
    }
}

/// RᵀR hides what a Gram matrix would have lost: the small singular values.
#[test]
pub(crate) fn triangular_factors_keep_small_singular_values() {
    for (name, x) in inputs::tensors::<f64>() {
        for mode in 0..x.order() {
            for (side, rows) in sides(&x, mode) {
                let r = triangular_factor(&x, mode, side).unwrap();
                let ours = oracle::singular_values(r.as_ref());
                let exact = oracle::singular_values(rows.as_ref());
                let eps = rows.ncols().max(rows.nrows()) as f64 * f64::EPSILON;
                for (ours, exact_i) in ours.iter().zip(&exact) {
                    let size = exact[0].max(f64::MIN_POSITIVE);
                    let ratio = (ours - exact_i).abs() / (eps * size);
                    let what = || format!("{name}, mode {mode}, {side:?}");
                    hold("triangular factor: singular values", f64::NAME, ratio, what);
                }
            }
        }
    }
}

/// The lower triangle of A Aᵀ, row by row: each entry, and the sum of the magnitudes that
/// went into it.
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

/// |G − exact| ≤ k·ε·Σ|x||x| entry by entry, k the number of products summed.
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
                            hold("Gram matrix: entries", T::NAME, error / bound, what);
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
    // At and around the sizes at which kernels change their course.
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
    // Several blocks of vectors, and of the last two several parts of the sum.
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
