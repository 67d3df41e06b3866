//! Eigenvalues and eigenvectors of symmetric matrices.

use faer::{Mat, MatRef};
use tenfold::linalg::{Eigen, eigh, eigh_leading, leading_pair, right_singular};
use tenfold::{Error, Scalar};

use super::inputs::{spectra, symmetric};
use super::{check_ratio, orthonormality, scales};
use crate::common::oracle;
use crate::common::random::Random;
use crate::common::troublesome;

const ORDERS: &[usize] = &[1, 2, 3, 5, 8, 17, 24, 25, 26, 40, 64, 97];

/// Checks residual and orthonormality of eigenpairs of c·S, and the eigenvalues against the
/// `exact` ones of S.
fn check_eigenpairs(s: MatRef<'_, f64>, (c, pairs): (f64, &Eigen), exact: &[f64], what: &str) {
    let (values, vectors) = (&pairs.values, pairs.vectors.as_ref());
    let n = s.nrows() as f64;
    let eps = n * f64::EPSILON;
    let size = s.norm_l2().max(f64::MIN_POSITIVE);
    assert_eq!(values.len(), s.nrows(), "{what}");
    assert!(values.is_sorted_by(|a, b| a >= b), "{what}: not sorted");
    check_ratio(
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
    check_ratio("eigenpairs: residual", f64::NAME, ratio, || what.into());
    for (value, exact) in unscaled.iter().zip(exact) {
        let ratio = (value - exact).abs() / (eps * size);
        check_ratio("eigenvalues: backward error", f64::NAME, ratio, || {
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
            // Eigenvalues of both signs.
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
        for (name, s, exact) in inputs {
            // The scaling code is the same for all orders: small orders get all scales.
            let scales = if n <= 26 {
                scales::<f64>()
            } else {
                vec![1e-300, 1.0, 1e300]
            };
            for c in scales {
                let what = format!("{name}, order {n}, scale {c:e}");
                let cs = Mat::from_fn(n, n, |i, j| s[(i, j)] * c);
                let all = eigh(cs.as_ref()).unwrap();
                check_eigenpairs(s.as_ref(), (c, &all), &exact, &what);
                for count in [0, 1, n / 4, n.div_ceil(3), n] {
                    let what = format!("{what}, {count} leading");
                    let leading = eigh_leading(cs.as_ref(), |_| count).unwrap();
                    assert_eq!(leading.vectors.ncols(), count);
                    check_eigenpairs(s.as_ref(), (c, &leading), &exact, &what);
                }
            }
        }
    }
}

/// Matrices on which eigensolvers have failed before, and a large one.
#[test]
pub(crate) fn troublesome_matrices() {
    let spectrum: Vec<f64> = (0..270).map(|i| 0.97f64.powi(i)).collect();
    let large = ("large", symmetric(&mut Random::new(8), &spectrum));
    let inputs = troublesome::symmetric_matrices().into_iter().chain([large]);
    for (name, s) in inputs {
        let n = s.nrows();
        let all = eigh(s.as_ref()).unwrap();
        check_eigenpairs(s.as_ref(), (1.0, &all), &all.values, name);
        // The magnitudes of the eigenvalues are the singular values, which Jacobi rotations find.
        if n < 200 {
            let mut magnitudes: Vec<f64> = all.values.iter().map(|v| v.abs()).collect();
            magnitudes.sort_by(|a, b| b.total_cmp(a));
            for (value, exact) in magnitudes.iter().zip(oracle::singular_values(s.as_ref())) {
                let ratio = (value - exact).abs()
                    / (n as f64 * f64::EPSILON * s.norm_l2().max(f64::MIN_POSITIVE));
                check_ratio("eigenvalues: backward error", f64::NAME, ratio, || {
                    name.into()
                });
            }
        }
        for count in [1, 2, n / 10 + 1, n / 3] {
            let leading = eigh_leading(s.as_ref(), |_| count).unwrap();
            let what = format!("{name}, {count} leading");
            check_eigenpairs(s.as_ref(), (1.0, &leading), &all.values, &what);
        }
    }
}

/// Every order around those at which the computation changes its method, and large orders.
#[test]
pub(crate) fn every_order_from_24_to_72_and_large_orders() {
    let mut random = Random::new(3);
    for n in (24..=72).chain([95, 104, 129, 196, 256, 300]) {
        // Large orders get every fourth spectrum.
        let step = if n < 150 { 1 } else { 4 };
        for (name, values) in spectra(n).into_iter().step_by(step) {
            let s = symmetric(&mut random, &values);
            let eigen = eigh(s.as_ref()).unwrap();
            let what = format!("{name}, order {n}");
            check_eigenpairs(s.as_ref(), (1.0, &eigen), &values, &what);
        }
    }
}

#[test]
fn a_zero_matrix_has_zeros_as_eigenvalues_and_orthonormal_vectors() {
    for n in [0, 1, 2, 30, 200] {
        let eigen = eigh(Mat::<f64>::zeros(n, n).as_ref()).unwrap();
        assert_eq!(eigen.values, vec![0.0; n]);
        let identity = eigen.vectors.transpose() * &eigen.vectors;
        assert_eq!(identity, Mat::<f64>::identity(n, n));
    }
}

#[test]
fn only_the_lower_triangle_is_read() {
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
