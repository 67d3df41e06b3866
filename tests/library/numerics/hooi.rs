//! HOOI: descent, stopping, starts.

use faer::Mat;
use tenfold::{
    Convergence, Hooi, Hosvd, Randomized, Route, Scalar, StHosvd, Start, Stop, Tensor, Truncation,
};

use super::inputs::{self, feasible, scaled};
use super::solvers::{check_projection, rounding};
use super::{in_f64, scales};
use crate::common::oracle;
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
            // Its square is what descends, and what rounding is relative to.
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
pub(crate) fn no_sweep_makes_the_error_larger_in_f64() {
    check_descent::<f64>();
}

#[test]
pub(crate) fn no_sweep_makes_the_error_larger_in_f32() {
    check_descent::<f32>();
}

/// Each of them within √d of the best, which HOOI comes at least as near to.
#[test]
pub(crate) fn one_pass_solvers_are_quasi_optimal() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |extent| extent.div_ceil(3));
        let error = |tucker: tenfold::Tucker<f64>| {
            oracle::relative_distance(&x, &tucker.reconstruct().unwrap())
        };
        let best = error(
            Hooi {
                sweep_tolerance: 1e-12,
                ..Hooi::new(ranks.clone())
            }
            .decompose(&x)
            .unwrap(),
        );
        let bound = (x.order() as f64).sqrt() * best + rounding(&x);
        for (solver, error) in [
            (
                "HOSVD",
                error(Hosvd::new(ranks.clone()).decompose(&x).unwrap()),
            ),
            (
                "ST-HOSVD",
                error(StHosvd::new(ranks.clone()).decompose(&x).unwrap()),
            ),
        ] {
            assert!(
                error <= bound,
                "{solver} of {name}: {error:e}, {best:e} by HOOI"
            );
            assert!(
                error >= best * (1.0 - 1e-6) - rounding(&x),
                "{solver} of {name}"
            );
        }
    }
}

#[test]
pub(crate) fn it_stops_for_the_reason_it_gives() {
    let x: Tensor<f64> = Random::new(21).tensor(&[9, 10, 11]);
    // The second is below √ε, but not what rounding lets be seen.
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

    // Nothing was swept: the start as it is.
    let untouched = hooi.sweeps(&x).unwrap().finish().unwrap();
    assert_eq!(untouched.convergence().unwrap().sweeps, 0);
    let start = StHosvd::new([3, 3, 3]).decompose(&x).unwrap();
    assert_eq!(untouched.core(), start.core());
    assert_eq!(start.convergence(), None);
}

/// Before the first sweep the decomposition is that of the start with its options.
#[test]
pub(crate) fn starts_from_the_solver_that_was_chosen() {
    let x: Tensor<f64> = Random::new(22).tensor(&[9, 10, 11]);
    for truncation in [Truncation::from([3, 4, 5]), Truncation::RelativeError(0.7)] {
        let starts = [Start::StHosvd, Start::Hosvd];
        let cores = starts.map(|start| {
            let hooi = Hooi {
                start,
                ..Hooi::new(truncation.clone())
            };
            hooi.sweeps(&x).unwrap().finish().unwrap().core().clone()
        });
        let sequential = StHosvd::new(truncation.clone()).decompose(&x).unwrap();
        let independent = Hosvd::new(truncation.clone()).decompose(&x).unwrap();
        assert_eq!(&cores[0], sequential.core());
        assert_eq!(&cores[1], independent.core());
        assert_ne!(cores[0], cores[1]);
    }
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

/// The route is that of the start and of the sweeps: the spectra differ in their last bits.
#[test]
pub(crate) fn the_route_is_taken_throughout() {
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

/// Rounding makes the error tremble; that is not a change.
#[test]
pub(crate) fn it_does_not_chase_rounding() {
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

/// From given factors, orthonormal or not; only their column spaces matter.
#[test]
pub(crate) fn starts_from_given_factors() {
    let mut random = Random::new(41);
    let x: Tensor<f64> = random.low_rank(&[9, 10, 11], &[3, 4, 2], 0.02);
    let ranks = [3, 4, 2];
    let hooi = Hooi {
        sweep_tolerance: 1e-12,
        ..Hooi::new(ranks)
    };
    let expected = hooi.decompose(&x).unwrap().relative_error(&x).unwrap();
    let factors: Vec<Mat<f64>> = (0..3)
        .map(|n| random.matrix(x.shape()[n], ranks[n]))
        .collect();
    let run = |factors: Vec<Mat<f64>>| {
        let mut sweeps = hooi
            .sweeps_from(&x, factors.into_iter().map(Some).collect())
            .unwrap();
        sweeps.by_ref().for_each(|sweep| assert!(sweep.is_ok()));
        sweeps.finish().unwrap()
    };
    let tucker = run(factors.clone());
    check_projection(&x, &tucker, "from random factors");
    assert!((tucker.relative_error(&x).unwrap() - expected).abs() < 1e-10);

    let mixed = factors
        .iter()
        .map(|a| a * random.matrix::<f64>(a.ncols(), a.ncols()))
        .collect();
    assert!((run(mixed).relative_error(&x).unwrap() - expected).abs() < 1e-10);

    // A start that is the answer already is left after one sweep.
    let tucker = hooi.decompose(&x).unwrap();
    let answer = (0..3)
        .map(|n| tucker.factor(n).unwrap().to_owned())
        .collect();
    assert_eq!(run(answer).convergence().unwrap().sweeps, 1);

    // Factors of some modes: a partial decomposition, whatever the options say.
    let mut partial = hooi
        .sweeps_from(
            &x,
            vec![Some(factors[0].clone()), None, Some(factors[2].clone())],
        )
        .unwrap();
    partial.by_ref().for_each(|sweep| assert!(sweep.is_ok()));
    let partial = partial.finish().unwrap();
    assert_eq!(partial.ranks(), [3, 10, 2]);
    assert!(partial.factor(1).is_none());
    check_projection(&x, &partial, "from two factors");
}

/// At full ranks there is nothing to lose, and factors are square.
#[test]
pub(crate) fn full_ranks_lose_nothing() {
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

/// The randomized solver: a projection like the others, the same bits for the
/// same seed, and an error close to the best.
#[test]
pub(crate) fn randomized() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |extent| extent.div_ceil(3));
        for power_iterations in [0, 1, 2] {
            let solver = Randomized {
                power_iterations,
                seed: 5,
                ..Randomized::new(ranks.clone())
            };
            let tucker = solver.decompose(&x).unwrap();
            let error = check_projection(&x, &tucker, &name);
            let estimate = tucker.estimated_error().unwrap();
            assert!(
                (estimate - error).abs() <= 1e-3 * error + rounding(&x),
                "{name}: {estimate:e} for {error:e}"
            );
            let again = solver.decompose(&x).unwrap();
            assert_eq!(tucker.core(), again.core());
        }
    }
    let x: Tensor<f64> = Random::new(55).low_rank(&[40, 41, 42], &[4, 5, 6], 0.05);
    let best = Hooi::new([4, 5, 6])
        .decompose(&x)
        .unwrap()
        .relative_error(&x)
        .unwrap();
    for seed in 0..20 {
        let tucker = Randomized {
            seed,
            ..Randomized::new([4, 5, 6])
        }
        .decompose(&x)
        .unwrap();
        assert!(
            tucker.relative_error(&x).unwrap() < 1.05 * best,
            "seed {seed}"
        );
    }
    // As much oversampling as there is.
    let tucker = Randomized {
        oversampling: usize::MAX,
        ..Randomized::new([4, 5, 6])
    }
    .decompose(&x)
    .unwrap();
    assert!(tucker.relative_error(&x).unwrap() < 1.05 * best);
}

/// Errors, and their changes, below the root of ε, where ‖X‖² − ‖G‖² is rounding.
fn small_errors<T: Scalar>(noise: f64, slack: f64) {
    let mut random = Random::new(8);
    let x: Tensor<T> = random.low_rank(&[8, 8, 8], &[2, 2, 2], noise);
    let hooi = Hooi {
        sweep_tolerance: 0.0,
        max_sweeps: 50,
        ..Hooi::new([2, 2, 2])
    };
    let mut sweeps = hooi.sweeps(&x).unwrap();
    let mut made = 0;
    while let Some(sweep) = sweeps.next() {
        let sweep = sweep.unwrap();
        made += 1;
        assert_eq!(sweep.index, made);
        let tucker = sweeps.clone().finish().unwrap();
        let mut y = oracle::in_f64(tucker.core());
        for mode in 0..3 {
            let a = in_f64(tucker.factor(mode).unwrap());
            y = oracle::mode_product(&y, mode, a.as_ref());
        }
        let truth = oracle::relative_distance(&oracle::in_f64(&x), &y);
        let difference = (sweep.relative_error - truth).abs();
        assert!(difference <= slack, "sweep {made}: {sweep:?}, {truth:e}");
        assert!(sweep.change >= -slack, "sweep {made}: {sweep:?}");
    }
    let tucker = sweeps.finish().unwrap();
    let expected = Convergence {
        sweeps: 50,
        stop: Stop::SweepLimit,
    };
    assert_eq!(tucker.convergence(), Some(expected));
}

#[test]
fn with_a_tolerance_of_0_no_sweep_is_the_last() {
    small_errors::<f64>(1e-9, 1e-14);
    small_errors::<f64>(0.0, 1e-14);
    small_errors::<f32>(1e-4, 3e-6);
    small_errors::<f32>(0.0, 3e-6);
}

/// The mean relative error over some seeds, of a matrix whose singular values fall slowly,
/// and the smallest that its rank allows.
fn randomized_error(options: &Randomized) -> (f64, f64) {
    let values: Vec<f64> = (0..50).map(|i| 0.9f64.powi(i)).collect();
    let matrix = Random::new(56).with_spectrum(60, 50, &values);
    let x = Tensor::from_unfolding(matrix.as_ref(), 0, &[60, 50]).unwrap();
    let seeds = 0..10;
    let errors = seeds.map(|seed| {
        let solver = Randomized {
            seed,
            ..options.clone()
        };
        let tucker = solver.decompose(&x).unwrap();
        oracle::relative_distance(&x, &tucker.reconstruct().unwrap())
    });
    let best = oracle::tail(&values, options.ranks[0], oracle::norm(&x));
    (errors.sum::<f64>() / 10.0, best)
}

/// Power iterations and more vectors bring the error down to the best there is.
#[test]
pub(crate) fn randomized_options_lower_the_error() {
    let error = |power_iterations, oversampling| {
        let (error, best) = randomized_error(&Randomized {
            power_iterations,
            oversampling,
            ..Randomized::new([5, 5])
        });
        assert!(error >= best * (1.0 - 1e-12));
        error / best - 1.0
    };
    let by_iterations = [0, 1, 2, 4].map(|count| error(count, 0));
    assert!(
        by_iterations.is_sorted_by(|more, less| *less < 0.7 * more),
        "{by_iterations:?}"
    );
    let by_oversampling = [0, 5, 15, 45].map(|count| error(0, count));
    assert!(
        by_oversampling.is_sorted_by(|more, less| *less < 0.7 * more),
        "{by_oversampling:?}"
    );
    assert!(by_oversampling[3] < 1e-9, "{by_oversampling:?}");
}

/// Another seed is another sketch; the same seed is the same.
#[test]
pub(crate) fn randomized_seeds() {
    let x: Tensor<f64> = Random::new(57).tensor(&[20, 21, 22]);
    let core = |seed| {
        let solver = Randomized {
            seed,
            ..Randomized::new([4, 5, 6])
        };
        solver.decompose(&x).unwrap().core().clone()
    };
    let cores = [0, 1, 2, u64::MAX].map(core);
    for (k, one) in cores.iter().enumerate() {
        assert!(cores[..k].iter().all(|other| other != one), "seed {k}");
    }
    assert_eq!(core(1), cores[1]);
}
