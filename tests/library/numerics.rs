//! Accuracy, in the manner of LAPACK's own tests: each error is divided by
//! n·ε and what it is relative to, and the ratio held below a threshold.

mod errors;
mod hooi;
mod inputs;
mod invariance;
mod leading;
mod linalg;
mod range;
mod solvers;
mod tolerance;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faer::{Mat, MatRef};
use tenfold::Scalar;

use crate::common::oracle::matrix_in_f64 as in_f64;

/// What LAPACK's testers hold their ratios below.
const THRESHOLD: f64 = 30.0;

/// ‖AᵀA − I‖/(m·ε), m the rows of A.
pub(crate) fn orthonormality<T: Scalar>(a: MatRef<'_, T>) -> f64 {
    let a = in_f64(a);
    let defect = a.transpose() * &a - Mat::<f64>::identity(a.ncols(), a.ncols());
    defect.norm_max() / (a.nrows() as f64 * T::EPSILON)
}

/// Whether the entry of largest magnitude of each column is positive, the first
/// such entry on a tie.
fn follows_the_sign_rule<T: Scalar>(a: MatRef<'_, T>) -> bool {
    (0..a.ncols()).all(|j| {
        let column = (0..a.nrows()).map(|i| a[(i, j)].as_f64());
        let largest = column.fold(
            0.0f64,
            |largest, v| if v.abs() > largest.abs() { v } else { largest },
        );
        largest > 0.0
    })
}

/// The matrix over its largest magnitude, so that no square overflows.
fn normalised(a: MatRef<'_, f64>) -> Mat<f64> {
    match a.norm_max() {
        0.0 => a.to_owned(),
        largest => Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / largest),
    }
}

/// The largest ratio of a kind, and on what it was found.
type Largest = BTreeMap<(&'static str, &'static str), (f64, String)>;

static LARGEST: Mutex<Largest> = Mutex::new(BTreeMap::new());

/// Fails unless `ratio` is a number below the threshold; keeps it where it is the
/// largest of its kind in arithmetic of the `scalar`.
fn hold(kind: &'static str, scalar: &'static str, ratio: f64, what: impl Fn() -> String) {
    assert!(ratio < THRESHOLD, "{}: {kind}: ratio {ratio:.1}", what());
    let mut largest = LARGEST.lock().unwrap_or_else(PoisonError::into_inner);
    let (most, on) = largest.entry((kind, scalar)).or_default();
    if ratio > *most {
        (*most, *on) = (ratio, what());
    }
}

/// Every check that takes ratios, and then a table of the largest:
/// `cargo test --test library largest_ratios -- --ignored --nocapture`.
#[test]
#[allow(clippy::print_stdout)]
#[ignore = "repeats the other tests, to print the largest ratios"]
fn largest_ratios() {
    let checks = [
        linalg::eigenvalues_and_eigenvectors,
        linalg::tridiagonal_matrices_of_ill_repute,
        linalg::all_orders_and_large_ones,
        linalg::singular_values_and_right_singular_vectors,
        linalg::orthonormal_bases,
        linalg::triangular_factors,
        linalg::triangular_factors_of_several_parts,
        linalg::triangular_factors_keep_small_singular_values,
        linalg::gram_matrices,
        leading::leading_left_singular_vectors_in_f64,
        leading::leading_left_singular_vectors_in_f32,
        leading::leading_pairs,
        solvers::denormal_entries,
        solvers::ranks_in_f64,
        solvers::ranks_in_f32,
        tolerance::st_hosvd_in_f64,
        tolerance::st_hosvd_in_f32,
        tolerance::hosvd_in_both,
        tolerance::hooi_in_both,
    ];
    checks.iter().for_each(|check| check());
    let largest = LARGEST.lock().unwrap_or_else(PoisonError::into_inner);
    println!("largest ratios in units of n·ε, threshold {THRESHOLD}");
    for ((kind, scalar), (ratio, on)) in largest.iter() {
        println!("{kind:<42} {scalar:<8} {ratio:>6.2}   {on}");
    }
}

/// Powers of ten over the range of the type.
fn scales<T: Scalar>() -> Vec<f64> {
    let exponents = if T::EPSILON > f64::EPSILON {
        [-36, -20, -8, 0, 8, 20, 36]
    } else {
        [-300, -160, -30, 0, 30, 150, 300]
    };
    exponents.map(|exponent| 10f64.powi(exponent)).to_vec()
}
