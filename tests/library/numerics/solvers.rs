//! All solvers: the factors are orthonormal, the core is the projection of the tensor, and errors
//! keep the bounds of the theory.

use tenfold::{
    Hosvd, Method, ModeOrder, Route, Scalar, Solver, StHosvd, Tensor, Truncation, Tucker,
};

use super::inputs::{self, feasible, spectra_of};
use super::{THRESHOLD, check_ratio, follows_the_sign_rule, orthonormality, scales};
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;
use crate::common::solvers::solvers;

const ROUTES: [Route; 3] = [Route::Auto, Route::Gram, Route::Qr];

/// 30·ΣIₙ·ε, the bound on the rounding error of a relative error.
pub(crate) fn rounding<T: Scalar>(x: &Tensor<T>) -> f64 {
    THRESHOLD * x.shape().iter().sum::<usize>() as f64 * T::EPSILON
}

/// Checks the decomposition by any solver: the factors are orthonormal and follow the sign rule, the
/// core is the projection of X onto them, and the ranks satisfy the rank law. Returns the true
/// relative error.
pub(crate) fn check_projection<T: Scalar>(x: &Tensor<T>, tucker: &Tucker<T>, what: &str) -> f64 {
    assert_eq!(tucker.shape(), x.shape(), "{what}");
    let mut core = x.clone();
    for mode in 0..x.order() {
        let Some(a) = tucker.factor(mode) else {
            assert_eq!(tucker.ranks()[mode], x.shape()[mode], "{what}");
            continue;
        };
        assert_eq!(
            (a.nrows(), a.ncols()),
            (x.shape()[mode], tucker.ranks()[mode]),
            "{what}"
        );
        check_ratio(
            "factors: orthonormality",
            T::NAME,
            orthonormality(a),
            || format!("{what}, mode {mode}"),
        );
        assert!(follows_the_sign_rule(a), "{what}: sign of factor {mode}");
        core = core.mode_product(mode, a.transpose()).unwrap();
    }
    for (mode, &rank) in tucker.ranks().iter().enumerate() {
        let others = (0..x.order()).filter(|&other| other != mode);
        let product: usize = others.map(|other| tucker.ranks()[other]).product();
        assert!(
            tucker.factor(mode).is_none() || rank <= product,
            "{what}: ranks {:?}",
            tucker.ranks()
        );
    }
    let largest = oracle::norm(x);
    let unit = rounding(x) / THRESHOLD;
    let ratio = oracle::distance(&core, tucker.core()) / (unit * largest.max(f64::MIN_POSITIVE));
    check_ratio("core: distance from the projection", T::NAME, ratio, || {
        what.into()
    });

    let error = oracle::relative_distance(x, &tucker.reconstruct().unwrap());
    let measured = tucker.relative_error(x).unwrap();
    let ratio = (measured - error).abs() / unit;
    check_ratio("relative error: as measured", T::NAME, ratio, || {
        what.into()
    });
    error
}

/// Bounds on the relative error at given ranks. No decomposition has an error below the largest
/// relative tail of an unfolding. The error of HOSVD is at most √Σ tail².
fn bounds(spectra: &[Vec<f64>], ranks: &[usize], norm: f64) -> (f64, f64) {
    let tails = spectra
        .iter()
        .zip(ranks)
        .map(|(values, &rank)| oracle::tail(values, rank, norm));
    let largest = tails.clone().fold(0.0, f64::max);
    (largest, tails.map(|tail| tail * tail).sum::<f64>().sqrt())
}

/// What a Gram matrix may add to a relative error: up to √(n·ε) if the caller demands this route,
/// and a thousandth of the error if the solver chooses it.
fn allowance<T: Scalar>(x: &Tensor<T>, route: Route, error: f64) -> f64 {
    match route {
        Route::Gram => (error * error + rounding(x)).sqrt() - error,
        _ => 1e-3 * error,
    }
}

fn check_at_ranks<T: Scalar>() {
    for (name, x) in inputs::tensors::<f64>() {
        for c in scales::<T>() {
            let x: Tensor<T> = scaled(&x, c);
            let spectra = spectra_of(&x);
            let (norm, rounding) = (oracle::norm(&x), rounding(&x));
            for wanted in
                [|_| 2, |extent| extent / 2 + 1, |extent| extent] as [fn(usize) -> usize; 3]
            {
                let ranks = feasible(x.shape(), wanted);
                let (least, most) = bounds(&spectra, &ranks, norm);
                for route in ROUTES {
                    let solvers: [Box<dyn Solver<T>>; 2] = [
                        Box::new(Hosvd {
                            route,
                            ..Hosvd::new(ranks.clone())
                        }),
                        Box::new(StHosvd {
                            route,
                            ..StHosvd::new(ranks.clone())
                        }),
                    ];
                    for solver in solvers {
                        let method = solver.method();
                        let what = format!(
                            "{method} of {name} at {ranks:?}, {route:?}, scale {c:e}, {}",
                            T::NAME
                        );
                        let tucker = solver.decompose(x.view()).unwrap();
                        let error = check_projection(&x, &tucker, &what);
                        let allowed = allowance(&x, route, most) + rounding;
                        assert!(error <= most + allowed, "{what}: {error:e} above {most:e}");
                        assert!(
                            error + rounding >= least,
                            "{what}: {error:e} below {least:e}"
                        );
                        // The error itself.
                        let estimate = tucker.estimated_error().unwrap();
                        let allowed = allowance(&x, route, error) + rounding;
                        assert!(
                            (error - allowed..=error + allowed).contains(&estimate),
                            "{what}: estimate {estimate:e} of {error:e}"
                        );
                    }
                }
            }
        }
    }
}

/// Tensors times `scale`, with entries below the smallest normal number. Their digits are kept, and
/// squares do not become zero. `least` is the smallest scalar. Errors are compared in tensors times
/// 2^`up`.
fn check_subnormal<T: Scalar>(scale: f64, least: f64, up: i32) {
    let up = 2f64.powi(up);
    for (name, x) in inputs::tensors::<f64>() {
        let x: Tensor<T> = scaled(&x, scale);
        let larger: Tensor<f64> = scaled(&x, up);
        let norm = oracle::norm(&larger);
        if norm == 0.0 {
            continue;
        }
        let ranks = feasible(x.shape(), |extent| extent / 2 + 1);
        let (_, most) = bounds(&spectra_of(&larger), &ranks, norm);
        for solver in solvers::<T>(&ranks.clone().into(), None) {
            if solver.method() == Method::Randomized {
                continue;
            }
            let tucker = solver.decompose(x.view()).unwrap();
            let what = format!("{} of {name} times {scale:e}, {}", solver.method(), T::NAME);
            for mode in 0..x.order() {
                let factor = tucker.factor(mode).unwrap();
                check_ratio(
                    "factors: orthonormality",
                    T::NAME,
                    orthonormality(factor),
                    || what.clone(),
                );
            }
            let x_hat: Tensor<f64> = scaled(&tucker.reconstruct().unwrap(), up);
            let error = oracle::distance(&x_hat, &larger) / norm;
            // Each sum of the reconstruction is rounded to a multiple of the smallest scalar.
            let sums = 1 + ranks.iter().sum::<usize>();
            let entries = x.data().len() as f64;
            let lost = (sums * x.order()) as f64 * least * up * entries.sqrt() / norm;
            let allowed = most * (1.0 + 1e-3) + rounding(&x) + lost;
            assert!(error <= allowed, "{what}: {error:e} above {allowed:e}");
        }
    }
}

#[test]
pub(crate) fn subnormal_entries() {
    check_subnormal::<f64>(1e-310, f64::from_bits(1), 200);
    check_subnormal::<f32>(1e-40, f64::from(f32::from_bits(1)), 60);
}

#[test]
pub(crate) fn errors_at_given_ranks_in_f64() {
    check_at_ranks::<f64>();
}

#[test]
pub(crate) fn errors_at_given_ranks_in_f32() {
    check_at_ranks::<f32>();
}

/// A spectrum has the singular values of kept and of discarded vectors.
#[test]
fn the_spectra_of_hosvd_are_the_singular_values_of_the_unfoldings() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |n| n / 2 + 1);
        let hosvd = Hosvd {
            route: Route::Qr,
            ..Hosvd::new(ranks)
        }
        .decompose(&x)
        .unwrap();
        for (mode, exact) in spectra_of(&x).iter().enumerate() {
            let spectrum = hosvd.spectrum(mode).unwrap();
            assert_eq!(spectrum, tenfold::mode_spectrum(&x, mode).unwrap());
            let largest = exact[0];
            for (value, exact) in spectrum.iter().zip(exact) {
                assert!(
                    (value - exact).abs() <= rounding(&x) * largest,
                    "{name}, mode {mode}"
                );
            }
        }
        assert_eq!(hosvd.spectrum(x.order()), None);
    }
}

fn check_exact_ranks<T: Scalar>(bound: f64) {
    let mut random = Random::new(77);
    let cases: [(&[usize], &[usize]); 6] = [
        (&[20, 21, 22], &[3, 4, 5]),
        (&[60, 5, 7], &[4, 3, 2]),
        (&[3, 4, 150], &[2, 2, 4]),
        (&[9, 8, 7, 6], &[2, 3, 2, 3]),
        (&[40, 50], &[6, 6]),
        (&[300, 4, 4], &[10, 3, 4]),
    ];
    for (shape, ranks) in cases {
        for c in scales::<T>() {
            let x: Tensor<T> = scaled(&random.low_rank::<f64>(shape, ranks, 0.0), c);
            for truncation in [
                Truncation::Ranks(ranks.to_vec()),
                Truncation::RelativeError(bound),
            ] {
                for solver in solvers::<T>(&truncation, None) {
                    if solver.method() == Method::Randomized {
                        continue;
                    }
                    let what = format!(
                        "{}, {truncation:?}, {shape:?} of ranks {ranks:?}, scale {c:e}, {}",
                        solver.method(),
                        T::NAME
                    );
                    let tucker = solver.decompose(x.view()).unwrap();
                    assert_eq!(tucker.ranks(), ranks, "{what}");
                    let error = check_projection(&x, &tucker, &what);
                    let estimate = tucker.estimated_error().unwrap();
                    assert!(error < bound, "{what}: true error {error:e}");
                    assert!(estimate < bound, "{what}: estimated error {estimate:e}");
                    assert_eq!(tucker.shortfall(), None, "{what}");
                }
            }
        }
    }
}

#[test]
fn exact_low_ranks_are_found() {
    check_exact_ranks::<f64>(1e-13);
    check_exact_ranks::<f32>(1e-5);
}

#[test]
fn st_hosvd_keeps_the_bound_in_every_mode_order() {
    let x: Tensor<f64> = Random::new(5).low_rank(&[7, 8, 9], &[3, 4, 2], 0.1);
    let ranks = [3, 4, 2];
    let (least, most) = bounds(&spectra_of(&x), &ranks, oracle::norm(&x));
    for order in oracle::ORDERS_OF_THREE {
        let st = StHosvd {
            mode_order: ModeOrder::Given(order.to_vec()),
            ..StHosvd::new(ranks)
        };
        let tucker = st.decompose(&x).unwrap();
        let error = check_projection(&x, &tucker, &format!("{order:?}"));
        assert!((least..=most).contains(&error));
        // The first mode is truncated first, so that its spectrum is the spectrum of X.
        let first = tucker.spectrum(order[0]).unwrap();
        let exact = &spectra_of(&x)[order[0]];
        for (value, exact) in first.iter().zip(exact) {
            assert!((value - exact).abs() < 1e-12);
        }
    }
}

#[test]
fn modes_that_are_not_decomposed_keep_their_extents_and_have_no_factors() {
    let x: Tensor<f64> = Random::new(6).low_rank(&[8, 9, 10], &[3, 9, 4], 1e-3);
    for modes in [vec![0, 2], vec![2, 0], vec![1], vec![2]] {
        let ranks: Vec<usize> = modes.iter().map(|&mode| [3, 5, 4][mode]).collect();
        let full: Vec<usize> = (0..3)
            .map(|mode| {
                modes
                    .iter()
                    .position(|&m| m == mode)
                    .map_or(x.shape()[mode], |k| ranks[k])
            })
            .collect();
        for truncation in [
            Truncation::Ranks(ranks),
            Truncation::RelativeError(0.3),
            Truncation::MaxEntries(200),
        ] {
            for solver in solvers::<f64>(&truncation, Some(&modes)) {
                let tucker = solver.decompose(x.view()).unwrap();
                let what = format!("{} {modes:?} {truncation:?}", solver.method());
                let error = check_projection(&x, &tucker, &what);
                for mode in 0..3 {
                    let is_named = modes.contains(&mode);
                    assert_eq!(tucker.factor(mode).is_some(), is_named, "{what}");
                    assert_eq!(tucker.spectrum(mode).is_some(), is_named, "{what}");
                }
                match truncation {
                    Truncation::Ranks(_) => assert_eq!(tucker.ranks(), full),
                    Truncation::RelativeError(tolerance) => assert!(error <= tolerance),
                    Truncation::MaxEntries(_) => assert!(error < 1.0),
                }
            }
        }
    }
}
