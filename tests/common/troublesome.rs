//! Symmetric matrices on which eigensolvers have failed before.

use faer::Mat;

/// The matrix with diagonal `d` and off-diagonal `e`.
fn tridiagonal(n: usize, d: &dyn Fn(usize) -> f64, e: &dyn Fn(usize) -> f64) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => d(i),
        1 => e(i.min(j)),
        _ => 0.0,
    })
}

/// The matrices with a name each: Wilkinson's W⁺, which has pairs of eigenvalues that agree to many
/// digits; copies of it that are glued by small entries; the second difference; clusters;
/// off-diagonals of every size; entries graded over the range of `f64`; a single eigenvalue; zero.
pub(crate) fn symmetric_matrices() -> Vec<(&'static str, Mat<f64>)> {
    let wilkinson = |i: usize| (10 - (i % 21) as i32).abs() as f64;
    let glue = |size: f64| move |i: usize| if i % 21 == 20 { size } else { 1.0 };
    vec![
        ("Wilkinson 21", tridiagonal(21, &wilkinson, &|_| 1.0)),
        (
            "Wilkinson glued by 1e-8",
            tridiagonal(84, &wilkinson, &glue(1e-8)),
        ),
        (
            "Wilkinson glued by 1e-14",
            tridiagonal(105, &wilkinson, &glue(1e-14)),
        ),
        (
            "Wilkinson glued by 1e-4",
            tridiagonal(168, &wilkinson, &glue(1e-4)),
        ),
        (
            "Wilkinson glued",
            tridiagonal(147, &wilkinson, &glue(1e-11)),
        ),
        (
            "Wilkinson 121",
            tridiagonal(121, &|i| (60 - i as i32).abs() as f64, &|_| 1.0),
        ),
        ("Toeplitz 1 2 1", tridiagonal(190, &|_| 2.0, &|_| 1.0)),
        (
            "Legendre",
            tridiagonal(150, &|_| 0.0, &|i| {
                let k = (i + 1) as f64;
                k / (4.0 * k * k - 1.0).sqrt()
            }),
        ),
        (
            "Clement",
            tridiagonal(99, &|_| 0.0, &|i| ((i + 1) as f64 * (98 - i) as f64).sqrt()),
        ),
        (
            "nearly a multiple of one",
            tridiagonal(70, &|_| 1.0, &|_| 1e-15),
        ),
        (
            "tiny beside large",
            tridiagonal(90, &|i| if i < 45 { 1.0 } else { 1e-250 }, &|i| {
                if i < 45 { 0.3 } else { 1e-251 }
            }),
        ),
        ("Wilkinson apart", tridiagonal(63, &wilkinson, &glue(0.0))),
        ("second difference", tridiagonal(80, &|_| 2.0, &|_| -1.0)),
        ("zero diagonal", tridiagonal(60, &|_| 0.0, &|_| 1.0)),
        (
            "graded up",
            tridiagonal(40, &|i| 10f64.powi(i as i32 / 2 - 10), &|i| {
                10f64.powi(i as i32 / 2 - 10)
            }),
        ),
        (
            "graded down",
            tridiagonal(40, &|i| 10f64.powi(10 - i as i32 / 2), &|i| {
                10f64.powi(9 - i as i32 / 2)
            }),
        ),
        (
            "tiny off-diagonal",
            tridiagonal(50, &|i| (i % 5) as f64, &|i| 10f64.powi(-(i as i32))),
        ),
        ("ones", Mat::from_fn(48, 48, |_, _| 1.0)),
        (
            "arrow",
            Mat::from_fn(45, 45, |i, j| {
                if i == j || i == 44 || j == 44 {
                    1.0
                } else {
                    0.0
                }
            }),
        ),
        (
            "graded over the range",
            tridiagonal(40, &|i| 10f64.powi(-8 * i as i32), &|i| {
                10f64.powi(-8 * i as i32 - 4)
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
