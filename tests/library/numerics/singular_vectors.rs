//! Singular values and right singular vectors of small matrices, and orthonormal bases.

use faer::Mat;
use tenfold::Scalar;
use tenfold::linalg::{orthonormal_basis, right_singular};

use super::inputs::spectra;
use super::{check_ratio, in_f64, normalised, orthonormality, scales};
use crate::common::random::Random;

#[test]
pub(crate) fn singular_values_and_right_singular_vectors() {
    let mut random = Random::new(4);
    for &n in &[1, 2, 3, 5, 8, 17, 40, 64] {
        for (name, exact) in spectra(n) {
            let r = random.with_spectrum(n, n, &exact);
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
                check_ratio(
                    "right singular vectors: orthonormality",
                    f64::NAME,
                    ratio,
                    what,
                );
                // The columns of R·V must have the lengths σ and be orthogonal.
                let images = &r * &svd.vectors;
                let size = if exact[0] == 0.0 { 1.0 } else { exact[0] };
                for (j, (value, exact)) in svd.values.iter().zip(&exact).enumerate() {
                    let ratio = (value / c - exact).abs() / (eps * size);
                    check_ratio("singular values: backward error", f64::NAME, ratio, what);
                    let length = images.col(j).norm_l2();
                    let ratio = (value / c - length).abs() / (eps * size);
                    check_ratio("right singular vectors: residual", f64::NAME, ratio, what);
                    for i in 0..j {
                        let product: f64 = (0..n).map(|k| images[(k, i)] * images[(k, j)]).sum();
                        let lengths = (svd.values[i] / c).max(length);
                        let ratio = product.abs() / (eps * size * lengths.max(f64::MIN_POSITIVE));
                        check_ratio("right singular vectors: residual", f64::NAME, ratio, what);
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
                check_ratio("orthonormal basis: orthonormality", T::NAME, ratio, what);
                let (w, q) = (normalised(in_f64(w.as_ref()).as_ref()), in_f64(q.as_ref()));
                let r = q.transpose() * &w;
                let rounding = m as f64 * T::EPSILON * w.norm_l2().max(f64::MIN_POSITIVE);
                let ratio = (&w - &q * &r).norm_l2() / rounding;
                check_ratio("orthonormal basis: residual", T::NAME, ratio, what);
                for j in 0..n {
                    check_ratio(
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
