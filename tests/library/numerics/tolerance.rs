//! The promise of a tolerance: the true relative error is at most the tolerance, or the shortfall
//! has the error that was reached.

use tenfold::{Hooi, Hosvd, Route, Scalar, Solver, StHosvd, Start, Tensor, Truncation, Tucker};

use super::inputs;
use super::scales;
use super::solvers::{check_projection, rounding};
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

const TOLERANCES: [f64; 12] = [
    0.0, 1e-15, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 0.9,
];

/// The difference between the errors that two orders of multiplying the factors give.
fn slack<T: Scalar>(x: &Tensor<T>) -> f64 {
    8.0 * x.order() as f64 * T::EPSILON
}

/// Checks the promise for one decomposition.
fn check<T: Scalar>(x: &Tensor<T>, tucker: &Tucker<T>, tolerance: f64, what: &str) {
    let error = check_projection(x, tucker, what);
    let slack = slack(x);
    let measured = tucker.relative_error(x).unwrap();
    match tucker.shortfall() {
        None => {
            assert!(error <= tolerance + slack, "{what}: true error {error:e}");
            assert!(
                measured <= tolerance + slack,
                "{what}: measured error {measured:e}"
            );
            // For a tolerance near the precision the solver measured the error with the same
            // function.
            assert!(
                tolerance > slack || measured <= tolerance,
                "{what}: measured error {measured:e} without a shortfall"
            );
            let estimate = tucker.estimated_error().unwrap();
            assert!(
                estimate <= tolerance,
                "{what}: estimated error {estimate:e}"
            );
        }
        Some(shortfall) => {
            assert_eq!(shortfall.requested, tolerance, "{what}");
            assert!(shortfall.reached > tolerance, "{what}: {shortfall:?}");
            assert!(
                (shortfall.reached - error).abs() <= slack,
                "{what}: {shortfall:?}, true error {error:e}"
            );
            assert_eq!(tucker.estimated_error(), Some(shortfall.reached), "{what}");
            // A shortfall is allowed only for a tolerance below rounding.
            let reachable = rounding(x);
            assert!(
                tolerance <= reachable,
                "{what}: {shortfall:?}, although {reachable:e} can be reached"
            );
        }
    }
}

/// A solver for a given tolerance, with a name.
type Named<T> = (String, Box<dyn Solver<T>>);

/// Checks the promise for all inputs at all tolerances.
fn check_everywhere<T: Scalar>(solver: impl Fn(f64) -> Named<T>, scales: &[f64]) {
    for (name, x) in inputs::tensors::<f64>() {
        for &c in scales {
            let x: Tensor<T> = scaled(&x, c);
            for tolerance in TOLERANCES {
                let (solver_name, solver) = solver(tolerance);
                let what = format!(
                    "{solver_name} of {name} to {tolerance:e}, scale {c:e}, {}",
                    T::NAME
                );
                let tucker = solver.decompose(x.view()).unwrap();
                check(&x, &tucker, tolerance, &what);
            }
        }
    }
}

fn st_hosvd<T: Scalar>(route: Route) -> impl Fn(f64) -> Named<T> {
    move |tolerance| {
        let st_hosvd = StHosvd {
            route,
            ..StHosvd::new(Truncation::RelativeError(tolerance))
        };
        (format!("ST-HOSVD, {route:?}"), Box::new(st_hosvd))
    }
}

fn hosvd<T: Scalar>(route: Route) -> impl Fn(f64) -> Named<T> {
    move |tolerance| {
        let hosvd = Hosvd {
            route,
            ..Hosvd::new(Truncation::RelativeError(tolerance))
        };
        (format!("HOSVD, {route:?}"), Box::new(hosvd))
    }
}

fn hooi<T: Scalar>(start: Start) -> impl Fn(f64) -> Named<T> {
    move |tolerance| {
        let hooi = Hooi {
            start,
            max_sweeps: 5,
            ..Hooi::new(Truncation::RelativeError(tolerance))
        };
        (format!("HOOI from {start:?}"), Box::new(hooi))
    }
}

#[test]
pub(crate) fn st_hosvd_in_f64() {
    check_everywhere::<f64>(st_hosvd(Route::Auto), &scales::<f64>());
    check_everywhere::<f64>(st_hosvd(Route::Qr), &[1.0]);
}

#[test]
pub(crate) fn st_hosvd_in_f32() {
    check_everywhere::<f32>(st_hosvd(Route::Auto), &scales::<f32>());
    check_everywhere::<f32>(st_hosvd(Route::Qr), &[1.0]);
}

#[test]
pub(crate) fn hosvd_in_f64_and_f32() {
    check_everywhere::<f64>(hosvd(Route::Auto), &[1e-300, 1.0, 1e300]);
    check_everywhere::<f32>(hosvd(Route::Auto), &[1e-36, 1.0, 1e36]);
}

#[test]
pub(crate) fn hooi_in_f64_and_f32() {
    for start in [Start::StHosvd, Start::Hosvd] {
        check_everywhere::<f64>(hooi(start), &[1.0]);
        check_everywhere::<f32>(hooi(start), &[1.0]);
    }
}

/// With Gram matrices the smallest error that can be reached is larger.
#[test]
fn the_promise_is_kept_if_the_caller_demands_gram_matrices() {
    for (name, x) in inputs::tensors::<f64>() {
        for tolerance in TOLERANCES {
            for (solver_name, solver) in [
                st_hosvd(Route::Gram)(tolerance),
                hosvd(Route::Gram)(tolerance),
            ] {
                let what = format!("{solver_name} of {name} to {tolerance:e}");
                let tucker = solver.decompose(x.view()).unwrap();
                let error = check_projection(&x, &tucker, &what);
                let promised = tucker
                    .shortfall()
                    .map_or(tolerance, |shortfall| shortfall.reached);
                assert!(
                    error <= promised + slack(&x),
                    "{what}: true error {error:e}, {promised:e} promised"
                );
            }
        }
    }
}

/// Each mode has a share of the budget ε². The part that a mode does not use is available to the
/// next mode. Here only the last mode has an error, so that it may use nearly the whole budget.
#[test]
fn budget_that_a_mode_does_not_use_is_available_to_the_next() {
    let mut random = Random::new(12);
    let values: Vec<f64> = (0..20).map(|i| 0.8f64.powi(i)).collect();
    // Modes 0 and 1 have the full ranks 4 and 5. Mode 2 has a graded spectrum.
    let unfolding = random.with_spectrum(20, 20, &values);
    let x = Tensor::from_unfolding(unfolding.as_ref(), 2, &[4, 5, 20]).unwrap();
    for tolerance in [0.3, 0.1, 0.05] {
        let tucker = StHosvd::new(Truncation::RelativeError(tolerance))
            .decompose(&x)
            .unwrap();
        let norm = oracle::norm(&x);
        let fewest = (0..20)
            .find(|&rank| oracle::tail(&values, rank, norm) <= tolerance * (1.0 - 1e-3))
            .unwrap();
        assert_eq!(tucker.ranks()[0], 4);
        assert_eq!(tucker.ranks()[1], 5);
        assert!(
            tucker.ranks()[2] <= fewest,
            "{} vectors are kept, {fewest} are enough",
            tucker.ranks()[2]
        );
    }
}

#[test]
fn a_smaller_tolerance_does_not_give_a_smaller_core() {
    let x: Tensor<f64> =
        Tensor::from_fn(&[14, 15, 16], |i| 1.0 / (1 + i[0] + 2 * i[1] + i[2]) as f64).unwrap();
    let mut entries = 0;
    for exponent in 1..=13 {
        let tolerance = 10f64.powi(-exponent);
        let tucker = StHosvd::new(Truncation::RelativeError(tolerance))
            .decompose(&x)
            .unwrap();
        assert!(tucker.core().data().len() >= entries, "1e-{exponent}");
        assert!(tucker.relative_error(&x).unwrap() <= tolerance);
        entries = tucker.core().data().len();
    }
    assert!(entries < x.data().len());
}
