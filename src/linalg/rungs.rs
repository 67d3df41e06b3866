//! Every rung of the ladders on matrices that have troubled divide and conquer.

use faer::{Mat, MatRef};

use super::ladder::Rung;
use super::{eigh, svd};

/// What LAPACK's testers hold their ratios below.
const THRESHOLD: f64 = 30.0;

fn tridiagonal(n: usize, d: impl Fn(usize) -> f64, e: impl Fn(usize) -> f64) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => d(i),
        1 => e(i.min(j)),
        _ => 0.0,
    })
}

/// Pairs that agree to many digits, whole spectra repeated, clusters, entries
/// graded over the range of `f64`, one eigenvalue for all, nothing at all; with
/// entries of at most one, as the rungs get them.
fn troublesome() -> Vec<(&'static str, Mat<f64>)> {
    let wilkinson = |i: usize| (10 - (i % 21) as i32).abs() as f64 / 11.0;
    let glued = |glue: f64| move |i: usize| if i % 21 == 20 { glue } else { 1.0 / 11.0 };
    vec![
        ("Wilkinson", tridiagonal(21, wilkinson, |_| 1.0 / 11.0)),
        ("glued by 1e-4", tridiagonal(63, wilkinson, glued(1e-4))),
        ("glued by 1e-8", tridiagonal(84, wilkinson, glued(1e-8))),
        ("glued by 1e-14", tridiagonal(105, wilkinson, glued(1e-14))),
        ("apart", tridiagonal(63, wilkinson, glued(0.0))),
        ("second difference", tridiagonal(70, |_| 1.0, |_| -0.5)),
        ("zero diagonal", tridiagonal(50, |_| 0.0, |_| 1.0)),
        ("clustered", tridiagonal(60, |_| 1.0, |_| 1e-15)),
        (
            "graded",
            tridiagonal(
                40,
                |i| 10f64.powi(-8 * i as i32),
                |i| 10f64.powi(-8 * i as i32 - 4),
            ),
        ),
        (
            "tiny beside large",
            tridiagonal(
                60,
                |i| if i < 30 { 1.0 } else { 1e-250 },
                |i| {
                    if i < 30 { 0.3 } else { 1e-251 }
                },
            ),
        ),
        (
            "off-diagonal of every size",
            tridiagonal(50, |i| (i % 5) as f64 / 5.0, |i| 10f64.powi(-(i as i32))),
        ),
        ("ones", Mat::from_fn(48, 48, |_, _| 1.0)),
        (
            "arrow",
            Mat::from_fn(45, 45, |i, j| {
                f64::from(u8::from(i == j || i == 44 || j == 44))
            }),
        ),
        (
            "Hilbert",
            Mat::from_fn(30, 30, |i, j| 1.0 / (1 + i + j) as f64),
        ),
        ("identity", Mat::identity(37, 37)),
        ("zero", Mat::zeros(33, 33)),
        ("one by one", Mat::from_fn(1, 1, |_, _| -0.5)),
    ]
}

fn hold(ratio: f64, what: &str) {
    assert!(ratio < THRESHOLD, "{what}: ratio {ratio:.1}");
}

fn orthonormality(v: MatRef<'_, f64>) -> f64 {
    let defect = v.transpose() * v - Mat::<f64>::identity(v.ncols(), v.ncols());
    defect.norm_max() / (v.nrows() as f64 * f64::EPSILON)
}

#[test]
fn eigenproblems_on_every_rung() {
    for (name, s) in troublesome() {
        let n = s.nrows() as f64;
        let unit = n * f64::EPSILON * s.norm_l2().max(f64::MIN_POSITIVE);
        for rung in eigh::LADDER {
            let what = format!("{name}, {rung:?}");
            let (values, vectors) =
                eigh::on_rung(rung, s.as_ref()).unwrap_or_else(|| panic!("{what}"));
            assert!(values.is_sorted_by(|a, b| a >= b), "{what}");
            hold(orthonormality(vectors.as_ref()), &what);
            let images = &s * &vectors;
            for (j, &value) in values.iter().enumerate() {
                let residual = (0..s.nrows()).map(|i| images[(i, j)] - value * vectors[(i, j)]);
                hold(residual.map(f64::abs).fold(0.0, f64::max) / unit, &what);
            }
        }
    }
}

#[test]
fn singular_values_on_every_rung() {
    for (name, r) in troublesome() {
        let n = r.nrows() as f64;
        for rung in svd::LADDER {
            let what = format!("{name}, {rung:?}");
            // A Gram matrix knows squares to ε.
            let epsilon = match rung {
                Rung::Gram => f64::EPSILON.sqrt(),
                _ => f64::EPSILON,
            };
            let size = r.norm_l2().max(f64::MIN_POSITIVE.sqrt());
            let unit = n * epsilon * size;
            let (values, vectors) = svd::on_rung(rung, r.as_ref()).expect("convergence");
            assert!(values.is_sorted_by(|a, b| a >= b && *b >= 0.0), "{what}");
            hold(orthonormality(vectors.as_ref()), &what);
            let images = &r * &vectors;
            for (j, &value) in values.iter().enumerate() {
                hold((images.col(j).norm_l2() - value).abs() / unit, &what);
                for i in 0..j {
                    let angle = images.col(i).transpose() * images.col(j);
                    hold(angle.abs() / (n * f64::EPSILON * size * size), &what);
                }
            }
        }
    }
}

#[test]
fn entries_that_are_not_finite_converge_on_no_rung() {
    let mut bad = Mat::<f64>::identity(20, 20);
    bad[(7, 3)] = f64::NAN;
    for rung in eigh::LADDER {
        assert!(eigh::on_rung(rung, bad.as_ref()).is_none(), "{rung:?}");
    }
    for rung in svd::LADDER {
        assert!(svd::on_rung(rung, bad.as_ref()).is_none(), "{rung:?}");
    }
}
