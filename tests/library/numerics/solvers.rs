//! HOSVD and ST-HOSVD at given ranks: invariants and error bounds.

use tenfold::{
    Hooi, Hosvd, ModeOrder, Randomized, Route, Scalar, StHosvd, Tensor, Truncation, Tucker,
};

use super::inputs::{self, feasible, scaled, spectra_of};
use super::{THRESHOLD, follows_the_sign_rule, hold, orthonormality, scales};
use crate::common::oracle;
use crate::common::random::Random;

const ROUTES: [Route; 3] = [Route::Auto, Route::Gram, Route::Qr];

/// 30·Σ Iₙ·ε: what rounding may do to a relative error.
pub(crate) fn rounding<T: Scalar>(x: &Tensor<T>) -> f64 {
    THRESHOLD * x.shape().iter().sum::<usize>() as f64 * T::EPSILON
}

/// What holds for every decomposition into orthonormal factors and the
/// projection of X onto them. Returns its true relative error.
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
        hold(
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
    hold("core: distance from the projection", T::NAME, ratio, || {
        what.into()
    });

    let error = oracle::relative_distance(x, &tucker.reconstruct().unwrap());
    let measured = tucker.relative_error(x).unwrap();
    let ratio = (measured - error).abs() / unit;
    hold("relative error: as measured", T::NAME, ratio, || {
        what.into()
    });
    error
}

/// The smallest relative error that a mode alone allows, and the bound on
/// HOSVD's: the largest tail of an unfolding, and the root of their squares' sum.
fn bounds(spectra: &[Vec<f64>], ranks: &[usize], norm: f64) -> (f64, f64) {
    let tails = spectra
        .iter()
        .zip(ranks)
        .map(|(values, &rank)| oracle::tail(values, rank, norm));
    let largest = tails.clone().fold(0.0, f64::max);
    (largest, tails.map(|tail| tail * tail).sum::<f64>().sqrt())
}

/// What a Gram matrix may add to an error at scale 1: √(n·ε) in the worst case,
/// where its route is forced; 1e-3 of the error where it was chosen.
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
                    let what = |solver: &str| {
                        format!(
                            "{solver} of {name} at {ranks:?}, {route:?}, scale {c:e}, {}",
                            T::NAME
                        )
                    };
                    let truncation = Truncation::Ranks(ranks.clone());

                    let hosvd = Hosvd {
                        route,
                        ..Hosvd::new(truncation.clone())
                    }
                    .decompose(&x)
                    .unwrap();
                    let error = check_projection(&x, &hosvd, &what("HOSVD"));
                    let allowed = allowance(&x, route, most) + rounding;
                    assert!(
                        error <= most + allowed,
                        "{}: {error:e} above {most:e}",
                        what("HOSVD")
                    );
                    assert!(error + rounding >= least, "{}", what("HOSVD"));
                    let estimate = hosvd.estimated_error().unwrap();
                    assert!(
                        (estimate - most).abs() <= allowed,
                        "{}: {estimate:e} for {most:e}",
                        what("HOSVD")
                    );

                    let st = StHosvd {
                        route,
                        ..StHosvd::new(truncation.clone())
                    }
                    .decompose(&x)
                    .unwrap();
                    let error = check_projection(&x, &st, &what("ST-HOSVD"));
                    assert!(
                        error <= most + allowed,
                        "{}: {error:e} above {most:e}",
                        what("ST-HOSVD")
                    );
                    assert!(error + rounding >= least, "{}", what("ST-HOSVD"));
                    let estimate = st.estimated_error().unwrap();
                    let allowed = allowance(&x, route, error) + rounding;
                    assert!(
                        (estimate - error).abs() <= allowed,
                        "{}: {estimate:e} for {error:e}",
                        what("ST-HOSVD")
                    );
                }
            }
        }
    }
}

/// Tensors whose entries lie below the least normal number, `least` being the
/// smallest of all: what digits they have are kept, and no square is lost.
fn check_denormal<T: Scalar>(scale: f64, least: f64, up: i32) {
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
        for tucker in [
            Hosvd::new(ranks.clone()).decompose(&x).unwrap(),
            StHosvd::new(ranks.clone()).decompose(&x).unwrap(),
            Hooi::new(ranks.clone()).decompose(&x).unwrap(),
        ] {
            let what = format!("{name} times {scale:e}, {}", T::NAME);
            for mode in 0..x.order() {
                let factor = tucker.factor(mode).unwrap();
                hold(
                    "factors: orthonormality",
                    T::NAME,
                    orthonormality(factor),
                    || what.clone(),
                );
            }
            let x_hat: Tensor<f64> = scaled(&tucker.reconstruct().unwrap(), up);
            let error = oracle::distance(&x_hat, &larger) / norm;
            // Each sum of the reconstruction is rounded to a multiple of the least.
            let sums = 1 + ranks.iter().sum::<usize>();
            let entries = x.data().len() as f64;
            let lost = (sums * x.order()) as f64 * least * up * entries.sqrt() / norm;
            let allowed = most * (1.0 + 1e-3) + rounding(&x) + lost;
            assert!(error <= allowed, "{what}: {error:e} above {allowed:e}");
        }
    }
}

#[test]
pub(crate) fn denormal_entries() {
    check_denormal::<f64>(1e-310, f64::from_bits(1), 200);
    check_denormal::<f32>(1e-40, f64::from(f32::from_bits(1)), 60);
}

#[test]
pub(crate) fn ranks_in_f64() {
    check_at_ranks::<f64>();
}

#[test]
pub(crate) fn ranks_in_f32() {
    check_at_ranks::<f32>();
}

/// The spectra that HOSVD reports are those of X, kept and discarded.
#[test]
pub(crate) fn spectra_are_those_of_the_unfoldings() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |n| n / 2 + 1);
        let hosvd = Hosvd {
            route: Route::Qr,
            ..Hosvd::new(ranks)
        }
        .decompose(&x)
        .unwrap();
        for (mode, exact) in spectra_of(&x).iter().enumerate() {
            let ours = hosvd.spectrum(mode).unwrap();
            let again = tenfold::mode_spectrum(&x, mode).unwrap();
            assert_eq!(ours, again);
            for (ours, exact_i) in ours.iter().zip(exact) {
                assert!(
                    (ours - exact_i).abs() <= rounding(&x) * exact[0],
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
            let truncation = Truncation::Ranks(ranks.to_vec());
            let results = [
                (
                    "HOSVD",
                    Hosvd::new(truncation.clone()).decompose(&x).unwrap(),
                ),
                (
                    "ST-HOSVD",
                    StHosvd::new(truncation.clone()).decompose(&x).unwrap(),
                ),
                ("HOOI", Hooi::new(truncation.clone()).decompose(&x).unwrap()),
                (
                    "ST-HOSVD by tolerance",
                    StHosvd::new(Truncation::RelativeError(bound))
                        .decompose(&x)
                        .unwrap(),
                ),
                (
                    "HOSVD by tolerance",
                    Hosvd::new(Truncation::RelativeError(bound))
                        .decompose(&x)
                        .unwrap(),
                ),
            ];
            for (solver, tucker) in results {
                let what = format!(
                    "{solver}, {shape:?} of ranks {ranks:?}, scale {c:e}, {}",
                    T::NAME
                );
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

#[test]
pub(crate) fn exact_low_ranks_come_back() {
    check_exact_ranks::<f64>(1e-13);
    check_exact_ranks::<f32>(1e-5);
}

/// However ST-HOSVD goes through the modes, its error is within the bound.
#[test]
pub(crate) fn every_mode_order_is_within_the_bound() {
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
        // The first mode meets X itself.
        let first = tucker.spectrum(order[0]).unwrap();
        let exact = &spectra_of(&x)[order[0]];
        for (ours, exact) in first.iter().zip(exact) {
            assert!((ours - exact).abs() < 1e-12);
        }
    }
}

/// Some modes only: the others keep their extents and have no factor.
#[test]
pub(crate) fn partial_decompositions() {
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
        let modes = Some(modes);
        for truncation in [Truncation::Ranks(ranks), Truncation::RelativeError(0.3)] {
            let mut results = vec![
                Hosvd {
                    modes: modes.clone(),
                    ..Hosvd::new(truncation.clone())
                }
                .decompose(&x)
                .unwrap(),
                StHosvd {
                    modes: modes.clone(),
                    ..StHosvd::new(truncation.clone())
                }
                .decompose(&x)
                .unwrap(),
                Hooi {
                    modes: modes.clone(),
                    ..Hooi::new(truncation.clone())
                }
                .decompose(&x)
                .unwrap(),
            ];
            if let Truncation::Ranks(ranks) = &truncation {
                let randomized = Randomized {
                    modes: modes.clone(),
                    ..Randomized::new(ranks.clone())
                };
                results.push(randomized.decompose(&x).unwrap());
            }
            for tucker in results {
                let error = check_projection(&x, &tucker, &format!("{modes:?} {truncation:?}"));
                for mode in 0..3 {
                    let named = modes.as_ref().unwrap().contains(&mode);
                    assert_eq!(tucker.factor(mode).is_some(), named);
                    assert_eq!(tucker.spectrum(mode).is_some(), named);
                }
                match truncation {
                    Truncation::Ranks(_) => assert_eq!(tucker.ranks(), full),
                    Truncation::RelativeError(tolerance) => assert!(error <= tolerance),
                }
            }
        }
    }
}

/// The error of a tensor whose reconstruction is formed in several parts, along a mode
/// that has a factor and along one that has none.
#[test]
pub(crate) fn errors_of_large_tensors() {
    // Rows that grow, so that no part is like another.
    let x: Tensor<f32> = Tensor::from_fn(&[11, 260, 500], |i| {
        ((1 + i[0]) * ((7 * i[1] + 3 * i[2] + 5 * i[0]) % 13)) as f32
    })
    .unwrap();
    for modes in [vec![0, 1, 2], vec![1, 2]] {
        let ranks: Vec<usize> = modes
            .iter()
            .map(|&mode| if mode == 0 { 4 } else { 3 })
            .collect();
        let solver = StHosvd {
            modes: Some(modes),
            ..StHosvd::new(ranks)
        };
        let tucker = solver.decompose(&x).unwrap();
        let exact = oracle::relative_distance(&x, &tucker.reconstruct().unwrap());
        let measured = tucker.relative_error(&x).unwrap();
        assert!(
            exact > 0.1 && (measured - exact).abs() < 1e-6 * exact,
            "{measured} {exact}"
        );
    }
}

/// A slice of the reconstruction is the slice of the reconstruction.
#[test]
pub(crate) fn slices_of_reconstructions() {
    let x: Tensor<f64> = Random::new(9).tensor(&[6, 7, 8]);
    for modes in [None, Some(vec![0, 2]), Some(vec![1])] {
        let tucker = StHosvd {
            modes,
            ..StHosvd::new(Truncation::RelativeError(0.3))
        }
        .decompose(&x)
        .unwrap();
        let whole = tucker.reconstruct().unwrap();
        for ranges in [
            [0..6, 0..7, 0..8],
            [2..3, 0..7, 5..8],
            [5..6, 6..7, 0..1],
            [1..1, 0..7, 0..8],
            [0..2, 3..3, 8..8],
        ] {
            let part = tucker.reconstruct_slice(&ranges.clone().into()).unwrap();
            let shape: Vec<usize> = ranges.iter().map(|range| range.len()).collect();
            let expected = Tensor::from_fn(&shape, |i| {
                whole
                    .get(&[
                        i[0] + ranges[0].start,
                        i[1] + ranges[1].start,
                        i[2] + ranges[2].start,
                    ])
                    .unwrap()
            });
            assert!(oracle::distance(&part, &expected.unwrap()) < 1e-14);
        }
    }
}
