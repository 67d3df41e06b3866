//! HOOI: descent, stopping, starts, and how near one-pass solvers come to its error.

use faer::Mat;
use tenfold::{
    Convergence, Hooi, Hosvd, Route, Scalar, Solver, StHosvd, Start, Stop, Tensor, Truncation,
    Tucker,
};

use super::inputs::{self, feasible};
use super::solvers::{check_projection, rounding};
use super::{in_f64, scales};
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

fn check_descent<T: Scalar>() {
    for (name, x) in inputs::tensors::<f64>() {
        for c in scales::<T>() {
            let x: Tensor<T> = scaled(&x, c);
            let ranks = feasible(x.shape(), |extent| extent.div_ceil(3));
            let what = format!("{name} at {ranks:?}, scale {c:e}, {}", T::NAME);
            let start = Hosvd::new(ranks.clone()).decompose(&x).unwrap();
            let hooi = Hooi {
                start: Start::Hosvd,
                sweep_tolerance: 0.0,
                max_sweeps: 12,
                ..Hooi::new(ranks)
            };
            // The square of the error descends, and rounding is relative to it.
            let mut last = check_projection(&x, &start, &what).powi(2);
            let mut sweeps = hooi.sweeps(&x).unwrap();
            let mut count = 0;
            while let Some(sweep) = sweeps.next() {
                let sweep = sweep.unwrap();
                count += 1;
                assert_eq!(sweep.index, count);
                let tucker = sweeps.clone().finish().unwrap();
                let error = check_projection(&x, &tucker, &what).powi(2);
                let rounding = rounding(&x);
                assert!(
                    error <= last + rounding,
                    "{what}: sweep {count} rises from {last:e} to {error:e}"
                );
                assert!(
                    (sweep.relative_error.powi(2) - error).abs() <= rounding,
                    "{what}: {sweep:?}"
                );
                let estimate = tucker.estimated_error().unwrap();
                assert!(
                    (estimate - error.sqrt()).abs() <= 1e-3 * estimate + rounding,
                    "{what}: {estimate:e}"
                );
                last = error;
            }
            let convergence = sweeps.finish().unwrap().convergence().unwrap();
            assert_eq!(convergence.sweeps, count);
            assert!(matches!(
                convergence.stop,
                Stop::SweepLimit | Stop::Converged
            ));
        }
    }
}

#[test]
fn no_sweep_makes_the_error_larger_in_f64() {
    check_descent::<f64>();
}

#[test]
fn no_sweep_makes_the_error_larger_in_f32() {
    check_descent::<f32>();
}

/// Their error is at most √d times the smallest error. The test takes HOOI's error as the smallest.
#[test]
fn one_pass_solvers_are_quasi_optimal() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |extent| extent.div_ceil(3));
        let error = |solver: &dyn Solver<f64>| {
            let tucker = solver.decompose(x.view()).unwrap();
            oracle::relative_distance(&x, &tucker.reconstruct().unwrap())
        };
        let best = error(&Hooi {
            sweep_tolerance: 1e-12,
            ..Hooi::new(ranks.clone())
        });
        let bound = (x.order() as f64).sqrt() * best + rounding(&x);
        let (hosvd, st_hosvd) = (Hosvd::new(ranks.clone()), StHosvd::new(ranks));
        let one_pass: [&dyn Solver<f64>; 2] = [&hosvd, &st_hosvd];
        for solver in one_pass {
            let what = format!("{} of {name}", solver.method());
            let error = error(solver);
            assert!(error <= bound, "{what}: {error:e}, {best:e} by HOOI");
            assert!(error >= best * (1.0 - 1e-6) - rounding(&x), "{what}");
        }
    }
}

#[test]
fn the_last_change_alone_is_below_the_sweep_tolerance() {
    let x: Tensor<f64> = Random::new(21).tensor(&[9, 10, 11]);
    // The second tolerance is below √ε, but not below what can be measured.
    for tolerance in [1e-6, 1e-12] {
        let hooi = Hooi {
            sweep_tolerance: tolerance,
            ..Hooi::new([3, 3, 3])
        };
        let converged = hooi.decompose(&x).unwrap().convergence().unwrap();
        assert_eq!(converged.stop, Stop::Converged);
        assert!((2..100).contains(&converged.sweeps));
        let changes: Vec<f64> = hooi
            .sweeps(&x)
            .unwrap()
            .map(|sweep| sweep.unwrap().change)
            .collect();
        let (last, before) = changes.split_last().unwrap();
        assert!(*last < tolerance && before.iter().all(|change| *change >= tolerance));
    }
}

#[test]
fn the_reason_for_the_stop_is_reported() {
    let x: Tensor<f64> = Random::new(21).tensor(&[9, 10, 11]);
    let hooi = Hooi {
        sweep_tolerance: 1e-6,
        ..Hooi::new([3, 3, 3])
    };
    let limited = Hooi {
        max_sweeps: 2,
        ..hooi.clone()
    }
    .decompose(&x)
    .unwrap()
    .convergence()
    .unwrap();
    assert_eq!((limited.sweeps, limited.stop), (2, Stop::SweepLimit));

    let mut sweeps = hooi.sweeps(&x).unwrap();
    sweeps.next().unwrap().unwrap();
    let interrupted = sweeps.finish().unwrap().convergence().unwrap();
    assert_eq!(
        (interrupted.sweeps, interrupted.stop),
        (1, Stop::Interrupted)
    );
}

#[test]
fn without_a_sweep_the_result_is_the_start() {
    let x: Tensor<f64> = Random::new(21).tensor(&[9, 10, 11]);
    let hooi = Hooi::new([3, 3, 3]);
    let untouched = hooi.sweeps(&x).unwrap().finish().unwrap();
    assert_eq!(untouched.convergence().unwrap().sweeps, 0);
    let start = StHosvd::new([3, 3, 3]).decompose(&x).unwrap();
    assert_eq!(untouched.core(), start.core());
    assert_eq!(start.convergence(), None);
}

#[test]
fn the_start_is_the_decomposition_by_the_chosen_solver() {
    let x: Tensor<f64> = Random::new(22).tensor(&[9, 10, 11]);
    let all = |truncation: &Truncation| {
        let starts = [Start::StHosvd, Start::Hosvd].map(|start| {
            let hooi = Hooi {
                start,
                ..Hooi::new(truncation.clone())
            };
            hooi.sweeps(&x).unwrap().finish().unwrap()
        });
        assert_ne!(starts[0].core(), starts[1].core());
        let sequential = StHosvd::new(truncation.clone()).decompose(&x).unwrap();
        let independent = Hosvd::new(truncation.clone()).decompose(&x).unwrap();
        (starts, [sequential, independent])
    };
    let (starts, solvers) = all(&Truncation::from([3, 4, 5]));
    assert_eq!(
        starts.map(|it| it.core().clone()),
        solvers.map(|it| it.core().clone())
    );
    // For a tolerance, sweeps on the compressed tensor lower the ranks.
    let (starts, solvers) = all(&Truncation::RelativeError(0.7));
    let [starts, solvers] = [starts, solvers].map(|all| all.map(|it| it.compression()));
    assert!(starts[0] >= solvers[0] && starts[1] >= solvers[1]);
}

#[test]
fn the_start_decomposes_only_the_given_modes() {
    let x: Tensor<f64> = Random::new(22).tensor(&[9, 10, 11]);
    for (start, modes) in [(Start::StHosvd, vec![0, 2]), (Start::Hosvd, vec![2, 1])] {
        let hooi = Hooi {
            start,
            modes: Some(modes.clone()),
            ..Hooi::new([3, 4])
        };
        let ranks = hooi.sweeps(&x).unwrap().finish().unwrap().ranks().to_vec();
        let rank = |mode| {
            modes
                .iter()
                .position(|&named| named == mode)
                .map(|k| [3, 4][k])
        };
        let expected: Vec<usize> = (0..3).map(|n| rank(n).unwrap_or(x.shape()[n])).collect();
        assert_eq!(ranks, expected);
    }
}

/// Spectra by the two routes differ in their last bits.
#[test]
fn the_start_and_the_sweeps_take_the_given_route() {
    let x: Tensor<f64> = Random::new(23).tensor(&[9, 10, 11]);
    let eyes = || {
        (0..3)
            .map(|n| Some(Mat::identity(x.shape()[n], 3)))
            .collect()
    };
    let [gram, qr] = [Route::Gram, Route::Qr].map(|route| {
        let hooi = Hooi {
            route,
            ..Hooi::new([3, 3, 3])
        };
        let start = StHosvd {
            route,
            ..StHosvd::new([3, 3, 3])
        };
        let untouched = hooi.sweeps(&x).unwrap().finish().unwrap();
        assert_eq!(
            untouched.core(),
            start.decompose(&x).unwrap().core(),
            "{route:?}"
        );
        let mut sweeps = hooi.sweeps_from(&x, eyes()).unwrap();
        sweeps.next().unwrap().unwrap();
        [untouched, sweeps.finish().unwrap()]
    });
    for (gram, qr) in gram.iter().zip(&qr) {
        assert_ne!(gram.spectrum(0), qr.spectrum(0));
    }
}

/// Near convergence the error changes from sweep to sweep by rounding only.
#[test]
fn changes_by_rounding_do_not_cause_further_sweeps() {
    for noise in [0.0, 1e-6, 1e-4, 1e-3, 1e-2, 0.1] {
        for (shape, ranks) in [([20, 21, 22], [3, 4, 5]), ([3, 4, 150], [2, 2, 4])] {
            let x: Tensor<f32> = Random::new(33).low_rank(&shape, &ranks, noise);
            let tucker = Hooi::new(ranks).decompose(&x).unwrap();
            let convergence = tucker.convergence().unwrap();
            assert!(
                convergence.sweeps < 20,
                "noise {noise:e}, {shape:?}: {convergence:?}"
            );
            assert_eq!(convergence.stop, Stop::Converged);
        }
    }
}

/// A tensor of low rank plus noise, and HOOI at these ranks.
fn tensor_and_solver(random: &mut Random) -> (Tensor<f64>, Hooi) {
    let ranks = [3, 4, 2];
    let hooi = Hooi {
        sweep_tolerance: 1e-12,
        ..Hooi::new(ranks)
    };
    (random.low_rank(&[9, 10, 11], &ranks, 0.02), hooi)
}

/// A random matrix for each mode, with the columns of the ranks.
fn random_factors(random: &mut Random, x: &Tensor<f64>) -> Vec<Mat<f64>> {
    let columns = x.shape().iter().zip([3, 4, 2]);
    columns
        .map(|(&rows, columns)| random.matrix(rows, columns))
        .collect()
}

/// All sweeps from given factors.
fn sweep_from(hooi: &Hooi, x: &Tensor<f64>, factors: Vec<Option<Mat<f64>>>) -> Tucker<f64> {
    let mut sweeps = hooi.sweeps_from(x, factors).unwrap();
    sweeps.by_ref().for_each(|sweep| assert!(sweep.is_ok()));
    sweeps.finish().unwrap()
}

/// The given factors need not be orthonormal. Only their column spaces matter.
#[test]
fn sweeps_from_random_factors_reach_the_same_error() {
    let mut random = Random::new(41);
    let (x, hooi) = tensor_and_solver(&mut random);
    let expected = hooi.decompose(&x).unwrap().relative_error(&x).unwrap();
    let factors = random_factors(&mut random, &x);
    let tucker = sweep_from(&hooi, &x, factors.iter().cloned().map(Some).collect());
    check_projection(&x, &tucker, "from random factors");
    assert!((tucker.relative_error(&x).unwrap() - expected).abs() < 1e-10);
    let mixed = factors.iter().map(|a| {
        let mixing: Mat<f64> = random.matrix(a.ncols(), a.ncols());
        Some(a * mixing)
    });
    let tucker = sweep_from(&hooi, &x, mixed.collect());
    assert!((tucker.relative_error(&x).unwrap() - expected).abs() < 1e-10);
}

#[test]
fn one_sweep_is_enough_from_converged_factors() {
    let (x, hooi) = tensor_and_solver(&mut Random::new(41));
    let tucker = hooi.decompose(&x).unwrap();
    let factors = (0..3).map(|n| Some(tucker.factor(n).unwrap().to_owned()));
    let tucker = sweep_from(&hooi, &x, factors.collect());
    assert_eq!(tucker.convergence().unwrap().sweeps, 1);
}

/// The given factors decide which modes are decomposed, not the option `modes`.
#[test]
fn factors_of_some_modes_give_a_partial_decomposition() {
    let mut random = Random::new(41);
    let (x, hooi) = tensor_and_solver(&mut random);
    let mut factors: Vec<_> = random_factors(&mut random, &x)
        .into_iter()
        .map(Some)
        .collect();
    factors[1] = None;
    let partial = sweep_from(&hooi, &x, factors);
    assert_eq!(partial.ranks(), [3, 10, 2]);
    assert!(partial.factor(1).is_none());
    check_projection(&x, &partial, "from two factors");
}

#[test]
fn full_ranks_give_an_error_of_rounding_size() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |extent| extent);
        if ranks != x.shape() {
            continue;
        }
        let tucker = Hooi::new(Truncation::Ranks(ranks)).decompose(&x).unwrap();
        assert!(
            check_projection(&x, &tucker, &name) <= rounding(&x),
            "{name}"
        );
    }
}

/// Errors and their changes below √ε. There the difference ‖X‖² − ‖G‖² consists of rounding
/// errors, so that each error is measured.
fn check_small_errors<T: Scalar>(noise: f64, slack: f64) {
    let mut random = Random::new(8);
    let x: Tensor<T> = random.low_rank(&[8, 8, 8], &[2, 2, 2], noise);
    let hooi = Hooi {
        sweep_tolerance: 0.0,
        max_sweeps: 50,
        ..Hooi::new([2, 2, 2])
    };
    let mut sweeps = hooi.sweeps(&x).unwrap();
    let mut count = 0;
    while let Some(sweep) = sweeps.next() {
        let sweep = sweep.unwrap();
        count += 1;
        assert_eq!(sweep.index, count);
        let tucker = sweeps.clone().finish().unwrap();
        let mut y = oracle::in_f64(tucker.core());
        for mode in 0..3 {
            let a = in_f64(tucker.factor(mode).unwrap());
            y = oracle::mode_product(&y, mode, a.as_ref());
        }
        let truth = oracle::relative_distance(&oracle::in_f64(&x), &y);
        let difference = (sweep.relative_error - truth).abs();
        assert!(difference <= slack, "sweep {count}: {sweep:?}, {truth:e}");
        assert!(sweep.change >= -slack, "sweep {count}: {sweep:?}");
    }
    let tucker = sweeps.finish().unwrap();
    let expected = Convergence {
        sweeps: 50,
        stop: Stop::SweepLimit,
    };
    assert_eq!(tucker.convergence(), Some(expected));
}

#[test]
fn a_tolerance_of_0_makes_all_sweeps() {
    check_small_errors::<f64>(1e-9, 1e-14);
    check_small_errors::<f64>(0.0, 1e-14);
    check_small_errors::<f32>(1e-4, 3e-6);
    check_small_errors::<f32>(0.0, 3e-6);
}

/// With one truncated mode the start is a best decomposition. Sweeps from it do not lower the error.
#[test]
fn no_sweeps_if_at_most_one_mode_is_truncated() {
    let x: Tensor<f64> = Random::new(47).tensor(&[9, 5, 4]);
    for (modes, ranks) in [
        (vec![0, 1, 2], vec![3, 5, 4]),
        (vec![0, 1, 2], vec![9, 5, 4]),
        (vec![2, 0], vec![4, 6]),
        (vec![1], vec![2]),
    ] {
        for start in [Start::StHosvd, Start::Hosvd] {
            let hooi = Hooi {
                modes: Some(modes.clone()),
                start,
                ..Hooi::new(ranks.clone())
            };
            let tucker = hooi.decompose(&x).unwrap();
            let convergence = tucker.convergence().unwrap();
            assert_eq!((convergence.sweeps, convergence.stop), (0, Stop::Converged));
            let swept = Hooi {
                max_sweeps: 3,
                sweep_tolerance: 0.0,
                ..hooi
            };
            let swept = swept.decompose(&x).unwrap();
            assert_eq!(swept.convergence().unwrap().sweeps, 3);
            let [error, swept] = [tucker, swept].map(|it| it.relative_error(&x).unwrap());
            assert!(
                (error - swept).abs() <= 1e-14,
                "{ranks:?}: {error} and {swept}"
            );
        }
    }
}
