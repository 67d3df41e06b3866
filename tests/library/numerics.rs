//! Accuracy, as LAPACK's test programs check it: each error is divided by n·ε times the size of the
//! exact result, and this ratio must stay below a threshold.

#[cfg(feature = "io")]
mod completion;
mod eigenproblems;
mod entries;
mod errors;
mod even_split;
mod hooi;
mod inputs;
mod interpolatory;
mod invariance;
mod leading;
#[cfg(feature = "io")]
mod non_negative;
mod randomized;
mod range;
mod ranks;
#[path = "../../benches/data/realistic.rs"]
mod realistic;
mod reconstruction;
mod singular_vectors;
mod small_tails;
mod solvers;
#[cfg(feature = "io")]
mod starts;
mod tolerance;
mod unfoldings;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faer::{Mat, MatRef};
use tenfold::Scalar;

use crate::common::oracle::matrix_in_f64 as in_f64;

/// The threshold of LAPACK's test programs.
pub(crate) const THRESHOLD: f64 = 30.0;

/// ‖AᵀA − I‖/(m·ε), where m is the number of rows of A.
pub(crate) fn orthonormality<T: Scalar>(a: MatRef<'_, T>) -> f64 {
    let a = in_f64(a);
    let defect = a.transpose() * &a - Mat::<f64>::identity(a.ncols(), a.ncols());
    defect.norm_max() / (a.nrows() as f64 * T::EPSILON)
}

/// Whether the entry of largest magnitude in each column is positive. If several entries have this
/// magnitude, the first one counts.
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

/// The matrix divided by its largest magnitude, so that no square overflows.
fn normalised(a: MatRef<'_, f64>) -> Mat<f64> {
    match a.norm_max() {
        0.0 => a.to_owned(),
        largest => Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / largest),
    }
}

/// For each kind and scalar the largest ratio, and the input that has it.
type Largest = BTreeMap<(&'static str, &'static str), (f64, String)>;

static LARGEST: Mutex<Largest> = Mutex::new(BTreeMap::new());

/// Fails unless `ratio` is below the threshold. Records it if it is the largest of its kind for
/// this scalar.
fn check_ratio(kind: &'static str, scalar: &'static str, ratio: f64, what: impl Fn() -> String) {
    assert!(ratio < THRESHOLD, "{}: {kind}: ratio {ratio:.1}", what());
    let mut largest = LARGEST.lock().unwrap_or_else(PoisonError::into_inner);
    let (largest_so_far, input) = largest.entry((kind, scalar)).or_default();
    if ratio > *largest_so_far {
        (*largest_so_far, *input) = (ratio, what());
    }
}

/// Runs every check of ratios and prints a table of the largest:
/// `cargo test --test library largest_ratios -- --ignored --nocapture`.
#[test]
#[allow(clippy::print_stdout)]
#[ignore = "repeats the other tests, to print the largest ratios"]
fn largest_ratios() {
    let checks = [
        eigenproblems::eigenvalues_and_eigenvectors,
        eigenproblems::troublesome_matrices,
        eigenproblems::every_order_from_24_to_72_and_large_orders,
        singular_vectors::singular_values_and_right_singular_vectors,
        singular_vectors::orthonormal_bases,
        unfoldings::triangular_factors,
        unfoldings::triangular_factors_of_several_parts,
        unfoldings::triangular_factors_keep_small_singular_values,
        unfoldings::gram_matrices,
        leading::leading_left_singular_vectors_in_f64,
        leading::leading_left_singular_vectors_in_f32,
        leading::leading_pairs,
        solvers::subnormal_entries,
        solvers::errors_at_given_ranks_in_f64,
        solvers::errors_at_given_ranks_in_f32,
        tolerance::st_hosvd_in_f64,
        tolerance::st_hosvd_in_f32,
        tolerance::hosvd_in_f64_and_f32,
        tolerance::hooi_in_f64_and_f32,
    ];
    checks.iter().for_each(|check| check());
    let largest = LARGEST.lock().unwrap_or_else(PoisonError::into_inner);
    println!("largest ratios in units of n·ε, threshold {THRESHOLD}");
    for ((kind, scalar), (ratio, input)) in largest.iter() {
        println!("{kind:<42} {scalar:<8} {ratio:>6.2}   {input}");
    }
}

/// Powers of ten over the range of the scalar.
fn scales<T: Scalar>() -> Vec<f64> {
    let exponents = if T::EPSILON > f64::EPSILON {
        [-36, -20, -8, 0, 8, 20, 36]
    } else {
        [-300, -160, -30, 0, 30, 150, 300]
    };
    exponents.map(|exponent| 10f64.powi(exponent)).to_vec()
}
