//! The ranks for a tolerance: no more entries than with an even split of the budget, the ranks of a
//! tensor of low rank, and no rank that could be lowered alone.

use tenfold::{Hooi, Hosvd, ModeOrder, Scalar, Solver, StHosvd, Start, Tensor, Truncation, Tucker};

use super::even_split::{self, stored};
use super::inputs;
use super::realistic::samples;
use crate::common::oracle::{relative_distance, scaled};
use crate::common::random::Random;

/// The part of the tolerance that solvers use: the rest is left for rounding.
fn usable(x: &Tensor<f64>, tolerance: f64) -> f64 {
    tolerance * (1.0 - 1e-4) - 8.0 * x.order() as f64 * f64::EPSILON
}

/// HOOI with few sweeps at the end.
fn hooi(tolerance: f64) -> Hooi {
    Hooi {
        sweep_tolerance: 1e-5,
        ..Hooi::new(Truncation::RelativeError(tolerance))
    }
}

/// Tensors and tolerances.
fn cases() -> Vec<(String, Tensor<f64>, f64)> {
    let mut cases = Vec::new();
    for sample in samples(0.4) {
        for tolerance in sample.tolerances {
            let name = format!("{} to {tolerance}", sample.name);
            cases.push((name, sample.tensor.clone(), tolerance));
        }
    }
    for (name, x) in inputs::tensors::<f64>() {
        for tolerance in [0.5, 0.1, 1e-2, 1e-4] {
            cases.push((format!("{name} to {tolerance}"), x.clone(), tolerance));
        }
    }
    cases
}

#[test]
fn no_solver_stores_more_than_with_an_even_split() {
    for (name, x, tolerance) in cases() {
        let truncation = || Truncation::RelativeError(tolerance);
        let even = even_split::st_hosvd(&x, usable(&x, tolerance));
        let even = stored(even.ranks(), x.shape());
        let even_hosvd = even_split::hosvd_ranks(&x, usable(&x, tolerance));
        let even_hosvd = stored(&even_hosvd, x.shape());
        let solvers: [(Box<dyn Solver<f64>>, usize); 3] = [
            (Box::new(StHosvd::new(truncation())), even),
            (Box::new(Hosvd::new(truncation())), even_hosvd),
            (Box::new(hooi(tolerance)), even),
        ];
        for (solver, even) in solvers {
            let tucker = solver.decompose(x.view()).unwrap();
            let found = stored(tucker.ranks(), x.shape());
            let method = solver.method();
            assert!(
                found <= even,
                "{method} of {name}: {found} for {even} entries, ranks {:?}",
                tucker.ranks()
            );
            let error = relative_distance(&x, &tucker.reconstruct().unwrap());
            assert!(error <= tolerance + 1e-14, "{method} of {name}: {error:e}");
        }
    }
}

/// The targets for ST-HOSVD, with HOOI as the reference.
#[test]
fn st_hosvd_stores_little_more_than_hooi() {
    let (mut logarithms, mut count) = (0.0, 0);
    for sample in samples(0.4) {
        let x = &sample.tensor;
        for tolerance in sample.tolerances {
            let st_hosvd = StHosvd::new(Truncation::RelativeError(tolerance));
            let found = stored(st_hosvd.decompose(x).unwrap().ranks(), x.shape());
            let reference = stored(hooi(tolerance).decompose(x).unwrap().ranks(), x.shape());
            let ratio = found as f64 / reference as f64;
            assert!(ratio <= 1.1, "{} to {tolerance}: {ratio}", sample.name);
            logarithms += ratio.ln();
            count += 1;
        }
    }
    let mean = (logarithms / f64::from(count)).exp();
    assert!(mean <= 1.02, "{mean}");
}

#[test]
fn noise_just_below_the_tolerance_is_left_out() {
    let mut random = Random::new(71);
    for noise in [1e-1, 1e-2, 1e-3, 1e-5] {
        let x: Tensor<f64> = random.low_rank(&[30, 34, 38], &[5, 4, 6], noise);
        let tolerance = 1.02 * noise;
        let truncation = Truncation::RelativeError(tolerance);
        let even = even_split::st_hosvd(&x, tolerance);
        assert_ne!(even.ranks(), [5, 4, 6], "{noise}");
        let solvers: [&dyn Solver<f64>; 3] = [
            &StHosvd::new(truncation.clone()),
            &Hosvd::new(truncation.clone()),
            &hooi(tolerance),
        ];
        for solver in solvers {
            let tucker = solver.decompose(x.view()).unwrap();
            assert_eq!(tucker.ranks(), [5, 4, 6], "{}, {noise}", solver.method());
        }
        if noise >= 1e-3 {
            let in_f32: Tensor<f32> = scaled(&x, 1.0);
            let tucker = StHosvd::new(truncation).decompose(&in_f32).unwrap();
            assert_eq!(tucker.ranks(), [5, 4, 6], "f32, {noise}");
        }
    }
}

#[test]
fn none_of_the_ranks_of_hooi_can_be_lowered_alone() {
    for (sample, start) in samples(0.25)
        .into_iter()
        .zip([Start::StHosvd, Start::Hosvd].iter().cycle())
    {
        let x = &sample.tensor;
        for tolerance in sample.tolerances {
            let within = Hooi {
                start: *start,
                ..Hooi::new(Truncation::RelativeError(tolerance))
            };
            let ranks = within.decompose(x).unwrap().ranks().to_vec();
            for mode in 0..x.order() {
                let mut lower = ranks.clone();
                lower[mode] -= 1;
                let Ok(lower) = Hooi::new(lower.clone()).decompose(x) else {
                    // The rank law forbids these ranks.
                    continue;
                };
                let error = lower.relative_error(x).unwrap();
                assert!(
                    error > tolerance * (1.0 - 1e-3),
                    "{} to {tolerance}: {error:e} at {:?} instead of {ranks:?}",
                    sample.name,
                    lower.ranks()
                );
            }
        }
    }
}

/// Checks the true error of partial decompositions in given orders.
fn check_partial<T: Scalar>(tolerance: f64) {
    let x: Tensor<f64> = Random::new(72).low_rank(&[12, 5, 14, 6], &[3, 2, 4, 3], 0.6 * tolerance);
    let x: Tensor<T> = scaled(&x, 1.0);
    for modes in [vec![0, 2], vec![2, 0], vec![1, 3], vec![3, 2, 0], vec![2]] {
        let truncation = Truncation::RelativeError(tolerance);
        let in_order = StHosvd {
            modes: Some(modes.clone()),
            mode_order: ModeOrder::Given(modes.clone()),
            ..StHosvd::new(truncation.clone())
        };
        let hosvd = Hosvd {
            modes: Some(modes.clone()),
            ..Hosvd::new(truncation.clone())
        };
        let hooi = Hooi {
            modes: Some(modes.clone()),
            ..Hooi::new(truncation)
        };
        let solvers: [&dyn Solver<T>; 3] = [&in_order, &hosvd, &hooi];
        for solver in solvers {
            let tucker: Tucker<T> = solver.decompose(x.view()).unwrap();
            let error = relative_distance(&x, &tucker.reconstruct().unwrap());
            let what = format!("{} of {modes:?}, {}", solver.method(), T::NAME);
            assert!(error <= tolerance, "{what}: {error:e}");
            for mode in 0..4 {
                assert_eq!(
                    tucker.factor(mode).is_some(),
                    modes.contains(&mode),
                    "{what}"
                );
                let low = [3, 2, 4, 3][mode];
                let exact = !modes.contains(&mode) || tucker.ranks()[mode] == low;
                assert!(exact, "{what}: ranks {:?}", tucker.ranks());
            }
        }
    }
}

#[test]
fn partial_decompositions_keep_the_tolerance() {
    check_partial::<f64>(1e-2);
    check_partial::<f32>(1e-2);
}

/// The sum of all tails of HOSVD is far above its error where the modes discard the same entries.
#[test]
fn hosvd_estimates_its_error_from_norms() {
    let x: Tensor<f64> = Random::new(73).tensor(&[20, 21, 22]);
    for tolerance in [0.9, 0.5] {
        let tucker = Hosvd::new(Truncation::RelativeError(tolerance))
            .decompose(&x)
            .unwrap();
        let error = tucker.relative_error(&x).unwrap();
        assert!((tucker.estimated_error().unwrap() / error - 1.0).abs() < 1e-10);
    }
    let tucker = Hosvd::new([1, 1, 1]).decompose(&x).unwrap();
    assert!(tucker.estimated_error().unwrap() <= 1.0);
}
