//! Leading singular vectors of unfoldings, leading eigenpairs of Gram matrices, and the choice of
//! route and precision.

use faer::Mat;
use tenfold::linalg::{Accuracy, LeftSingular, Precision, Route, leading_pair, left_singular};
use tenfold::{Scalar, Tensor};

use super::inputs::{self, symmetric};
use super::{check_ratio, follows_the_sign_rule, in_f64, orthonormality, scales};
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

/// Compares singular values and vectors of each unfolding with those of Jacobi rotations.
fn check_left_singular<T: Scalar>(x: &Tensor<T>, what: &str) {
    for mode in 0..x.order() {
        let unfolding = oracle::unfold(x, mode);
        let exact = oracle::singular_values(unfolding.as_ref());
        for route in [Route::Auto, Route::Gram, Route::Qr] {
            for precision in [Precision::Native, Precision::Double] {
                for rank in [1, exact.len().div_ceil(2), exact.len()] {
                    let leading =
                        left_singular(x, mode, Accuracy { route, precision }, |_| rank).unwrap();
                    assert_eq!(leading.vectors.ncols(), rank, "{what}, mode {mode}");
                    let what = format!(
                        "{what}, mode {mode}, rank {rank}, {route:?}, {precision:?}, {}",
                        T::NAME
                    );
                    check_leading(&unfolding, &exact, &leading, (route, precision), &what);
                }
            }
        }
    }
}

/// Checks the leading vectors of one unfolding with the `exact` singular values.
fn check_leading<T: Scalar>(
    unfolding: &Mat<f64>,
    exact: &[f64],
    leading: &LeftSingular<T>,
    (route, precision): (Route, Precision),
    what: &str,
) {
    let (values, vectors) = (&leading.values, leading.vectors.as_ref());
    assert_eq!(values.len(), exact.len(), "{what}");
    assert_eq!(vectors.nrows(), unfolding.nrows(), "{what}");
    assert!(
        values.is_sorted_by(|a, b| a >= b && *b >= 0.0),
        "{what}: {values:?}"
    );
    check_ratio(
        "left singular vectors: orthonormality",
        T::NAME,
        orthonormality(vectors),
        || what.into(),
    );
    assert!(follows_the_sign_rule(vectors), "{what}: sign");
    let largest = exact[0];
    if largest == 0.0 {
        assert!(values.iter().all(|&value| value == 0.0), "{what}");
        return;
    }
    // The error of QR is n·ε in σ, the error of a Gram matrix n·ε in σ².
    let depth = unfolding.nrows().max(unfolding.ncols()) as f64;
    let gram_eps = match precision {
        Precision::Native => depth * T::EPSILON,
        Precision::Double => depth * f64::EPSILON,
    };
    for (value, exact) in values.iter().zip(exact) {
        let (value, exact) = (value / largest, exact / largest);
        let ratio = match leading.route {
            Route::Qr => (value - exact).abs() / (depth * f64::EPSILON),
            _ => (value.powi(2) - exact.powi(2)).abs() / gram_eps,
        };
        check_ratio("unfolding: singular values", T::NAME, ratio, || what.into());
    }
    let (m, n) = (unfolding.nrows(), unfolding.ncols());
    let a = Mat::from_fn(m, n, |i, j| unfolding[(i, j)] / largest);
    let v = in_f64(vectors);
    let missed = (&a - &v * (v.transpose() * &a)).norm_l2();
    let tail = oracle::tail(exact, v.ncols(), largest);
    let rounding = 30.0 * depth * T::EPSILON * a.norm_l2();
    let allowed = match route {
        Route::Gram => tail.hypot((30.0 * gram_eps).sqrt() * a.norm_l2()) + rounding,
        // Auto promises that rounding adds at most a thousandth of the tail.
        _ => tail * (1.0 + 1e-3) + rounding,
    };
    assert!(
        missed <= allowed,
        "{what}: the vectors miss {missed:e}, the tail is {tail:e}"
    );
}

fn check_left_singular_everywhere<T: Scalar>() {
    for (name, x) in inputs::tensors::<f64>() {
        for c in scales::<T>() {
            let x: Tensor<T> = scaled(&x, c);
            check_left_singular(&x, &format!("{name}, scale {c:e}"));
        }
    }
}

#[test]
pub(crate) fn leading_left_singular_vectors_in_f64() {
    check_left_singular_everywhere::<f64>();
}

#[test]
pub(crate) fn leading_left_singular_vectors_in_f32() {
    check_left_singular_everywhere::<f32>();
}

/// A tensor with an unfolding of mode 1 of eight rows. Three singular values are large. The
/// relative tail of the others is `tail`.
fn with_tail(random: &mut Random, columns: [usize; 2], tail: f64) -> Tensor<f64> {
    let large = [1.0f64, 0.6, 0.3];
    let energy: f64 = large.iter().map(|value| value.powi(2)).sum();
    let small = tail * (energy / (2.0 * (1.0 - tail * tail))).sqrt();
    let values = [large[0], large[1], large[2], small, small];
    let unfolding = random.with_spectrum(8, columns[0] * columns[1], &values);
    Tensor::from_unfolding(unfolding.as_ref(), 1, &[columns[0], 8, columns[1]]).unwrap()
}

/// In `f64` a Gram matrix is accurate enough down to a relative tail of 5e-5. For smaller tails the
/// route is QR. By both routes the tail is accurate to a relative error of 1e-4.
#[test]
fn the_route_is_chosen_by_the_tail() {
    let mut random = Random::new(17);
    for (tail, route) in [
        (0.3, Route::Gram),
        (1e-3, Route::Gram),
        (1e-4, Route::Gram),
        (5.1e-5, Route::Gram),
        (4.9e-5, Route::Qr),
        (1e-5, Route::Qr),
        (1e-6, Route::Qr),
        (1e-7, Route::Qr),
        (1e-8, Route::Qr),
        (1e-10, Route::Qr),
    ] {
        let x = with_tail(&mut random, [5, 8], tail);
        for precision in [Precision::Native, Precision::Double] {
            let leading = left_singular(
                &x,
                1,
                Accuracy {
                    precision,
                    ..Accuracy::default()
                },
                |_| 3,
            )
            .unwrap();
            assert_eq!(leading.route, route, "{tail:e}");
            let computed = oracle::tail(&leading.values, 3, oracle::norm(&x));
            assert!(
                (computed / tail - 1.0).abs() < 1e-4,
                "tail {tail:e}: {computed:e}"
            );
            let a = oracle::unfold(&x, 1);
            let v = leading.vectors.as_ref();
            let missed = (&a - v * (v.transpose() * &a)).norm_l2() / oracle::norm(&x);
            assert!(
                (missed / tail - 1.0).abs() < 1e-4,
                "tail {tail:e}: the vectors miss {missed:e}"
            );
        }
    }
}

/// Products in `f32` are accurate enough down to a relative tail of 2e-2. They are used for
/// unfoldings with more than eight times as many columns as rows.
#[test]
fn the_precision_is_chosen_by_the_tail_and_the_shape() {
    let mut random = Random::new(18);
    for (columns, tail, precision) in [
        ([5, 20], 0.3, Precision::Native),
        ([5, 20], 2.1e-2, Precision::Native),
        ([5, 20], 1.9e-2, Precision::Double),
        ([5, 20], 1e-4, Precision::Double),
        ([5, 13], 0.3, Precision::Native),
        ([8, 8], 0.3, Precision::Double),
    ] {
        let x: Tensor<f32> = scaled(&with_tail(&mut random, columns, tail), 1.0);
        let values = |route, precision| {
            left_singular(&x, 1, Accuracy { route, precision }, |_| 3)
                .unwrap()
                .values
        };
        let [single, double] =
            [Precision::Native, Precision::Double].map(|precision| values(Route::Gram, precision));
        assert_ne!(single, double);
        let expected = if precision == Precision::Native {
            single
        } else {
            double.clone()
        };
        let what = format!("{columns:?}, tail {tail:e}");
        assert_eq!(values(Route::Auto, Precision::Native), expected, "{what}");
        assert_eq!(values(Route::Auto, Precision::Double), double, "{what}");
    }
}

/// The second eigenvalue on both sides of the required gap.
#[test]
pub(crate) fn leading_pairs() {
    let mut random = Random::new(19);
    for n in [1, 2, 3, 8, 9, 30, 77, 150] {
        for gap in [1e-3, 0.1, 0.9] {
            for (second, is_separated) in [
                (0.0, true),
                (1.0 - 1.02 * gap, true),
                (1.0 - 0.98 * gap, n == 1),
                (1.0, n == 1),
            ] {
                let value = |i: usize| {
                    if i == 0 {
                        1.0
                    } else {
                        second * 0.9f64.powi(i as i32 - 1)
                    }
                };
                let values: Vec<f64> = (0..n).map(value).collect();
                let s = symmetric(&mut random, &values);
                for c in [1e-250, 1.0, 1e250] {
                    let what = || format!("order {n}, gap {gap}, second {second}, scale {c:e}");
                    let cs = Mat::from_fn(n, n, |i, j| s[(i, j)] * c);
                    let Some(pair) = leading_pair(cs.as_ref(), gap).unwrap() else {
                        // If the second eigenvalue is close, the iteration may take too long.
                        assert!(!is_separated || (gap < 0.1 && second > 0.5), "{}", what());
                        continue;
                    };
                    assert!(is_separated, "{}", what());
                    let eps = n as f64 * f64::EPSILON;
                    let ratio = (pair.value / c - 1.0).abs() / eps;
                    check_ratio("leading pair: value", f64::NAME, ratio, what);
                    let v = Mat::from_fn(n, 1, |i, _| pair.vector[i]);
                    check_ratio(
                        "leading pair: length",
                        f64::NAME,
                        orthonormality(v.as_ref()),
                        what,
                    );
                    let residual = &s * &v - faer::Scale(pair.value / c) * &v;
                    check_ratio(
                        "leading pair: residual",
                        f64::NAME,
                        residual.norm_l2() / eps,
                        what,
                    );
                }
            }
        }
    }
}
