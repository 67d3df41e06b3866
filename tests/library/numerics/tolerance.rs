//! The contract of a tolerance: the true error is within it, or the shortfall
//! says what was reached.

use tenfold::{Hooi, Hosvd, Route, Scalar, StHosvd, Start, Tensor, Truncation, Tucker};

use super::inputs::{self, scaled};
use super::scales;
use super::solvers::check_projection;
use crate::common::oracle;
use crate::common::random::Random;

const TOLERANCES: [f64; 12] = [
    0.0, 1e-15, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 0.9,
];

/// Two ways of multiplying the factors out differ by this much.
fn reordering<T: Scalar>(x: &Tensor<T>) -> f64 {
    8.0 * x.order() as f64 * T::EPSILON
}

fn check<T: Scalar>(x: &Tensor<T>, tucker: &Tucker<T>, tolerance: f64, what: &str) {
    let error = check_projection(x, tucker, what);
    let slack = reordering(x);
    let measured = tucker.relative_error(x).unwrap();
    match tucker.shortfall() {
        None => {
            assert!(error <= tolerance + slack, "{what}: true error {error:e}");
            assert!(
                measured <= tolerance + slack,
                "{what}: measured error {measured:e}"
            );
            // Near the precision the error was measured, by the same function.
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
            // Nothing but the precision may be the reason.
            let sizes: usize = x.shape().iter().sum();
            let reachable = 30.0 * sizes as f64 * T::EPSILON;
            assert!(
                tolerance <= reachable,
                "{what}: {shortfall:?}, although {reachable:e} can be reached"
            );
        }
    }
}

fn check_everywhere<T: Scalar>(
    solver: impl Fn(&Tensor<T>, f64) -> (String, Tucker<T>),
    scales: &[f64],
) {
    for (name, x) in inputs::tensors::<f64>() {
        for &c in scales {
            let x: Tensor<T> = scaled(&x, c);
            for tolerance in TOLERANCES {
                let (solver, tucker) = solver(&x, tolerance);
                let what = format!(
                    "{solver} of {name} to {tolerance:e}, scale {c:e}, {}",
                    T::NAME
                );
                check(&x, &tucker, tolerance, &what);
            }
        }
    }
}

fn st_hosvd<T: Scalar>(route: Route) -> impl Fn(&Tensor<T>, f64) -> (String, Tucker<T>) {
    move |x, tolerance| {
        let st_hosvd = StHosvd {
            route,
            ..StHosvd::new(Truncation::RelativeError(tolerance))
        };
        (
            format!("ST-HOSVD, {route:?}"),
            st_hosvd.decompose(x).unwrap(),
        )
    }
}

fn hosvd<T: Scalar>(route: Route) -> impl Fn(&Tensor<T>, f64) -> (String, Tucker<T>) {
    move |x, tolerance| {
        let hosvd = Hosvd {
            route,
            ..Hosvd::new(Truncation::RelativeError(tolerance))
        };
        (format!("HOSVD, {route:?}"), hosvd.decompose(x).unwrap())
    }
}

fn hooi<T: Scalar>(start: Start) -> impl Fn(&Tensor<T>, f64) -> (String, Tucker<T>) {
    move |x, tolerance| {
        let hooi = Hooi {
            start,
            max_sweeps: 5,
            ..Hooi::new(Truncation::RelativeError(tolerance))
        };
        (format!("HOOI from {start:?}"), hooi.decompose(x).unwrap())
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
pub(crate) fn hosvd_in_both() {
    check_everywhere::<f64>(hosvd(Route::Auto), &[1e-300, 1.0, 1e300]);
    check_everywhere::<f32>(hosvd(Route::Auto), &[1e-36, 1.0, 1e36]);
}

#[test]
pub(crate) fn hooi_in_both() {
    for start in [Start::StHosvd, Start::Hosvd] {
        check_everywhere::<f64>(hooi(start), &[1.0]);
        check_everywhere::<f32>(hooi(start), &[1.0]);
    }
}

/// The caller may insist on Gram matrices; the contract stays. Only what can be
/// reached is less.
#[test]
pub(crate) fn a_gram_matrix_does_not_break_the_contract() {
    for (name, x) in inputs::tensors::<f64>() {
        for tolerance in TOLERANCES {
            for (solver, tucker) in [
                st_hosvd(Route::Gram)(&x, tolerance),
                hosvd(Route::Gram)(&x, tolerance),
            ] {
                let what = format!("{solver} of {name} to {tolerance:e}");
                let error = check_projection(&x, &tucker, &what);
                let promised = tucker
                    .shortfall()
                    .map_or(tolerance, |shortfall| shortfall.reached);
                assert!(
                    error <= promised + reordering(&x),
                    "{what}: true error {error:e}, {promised:e} promised"
                );
            }
        }
    }
}

/// What one mode leaves unspent of ε² passes to the next, so that of a tensor
/// whose error comes from one mode alone that mode may spend nearly all.
#[test]
pub(crate) fn unspent_error_passes_on() {
    let mut random = Random::new(12);
    let values: Vec<f64> = (0..20).map(|i| 0.8f64.powi(i)).collect();
    // Modes 0 and 1 have rank 4 and 5 exactly; mode 2 has a graded spectrum.
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
            "{} kept where {fewest} suffice",
            tucker.ranks()[2]
        );
    }
}

/// A smaller tolerance never gives a smaller core, and no tolerance a larger
/// error than it allows, from coarse to fine.
#[test]
pub(crate) fn tolerances_are_monotone() {
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
