//! The randomized solver: errors, options and seeds.

use tenfold::{Hooi, Randomized, Scalar, StHosvd, Tensor, Truncation};

use super::inputs::{self, feasible};
use super::solvers::{check_projection, rounding};
use crate::common::oracle;
use crate::common::random::Random;

#[test]
fn the_result_is_a_projection_and_its_error_is_measured() {
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
                "{name}: estimated error {estimate:e}, true error {error:e}"
            );
            let again = solver.decompose(&x).unwrap();
            assert_eq!(tucker.core(), again.core());
        }
    }
}

#[test]
fn the_error_is_at_most_5_percent_above_that_of_hooi() {
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
    // The oversampling is limited by the extents.
    let tucker = Randomized {
        oversampling: usize::MAX,
        ..Randomized::new([4, 5, 6])
    }
    .decompose(&x)
    .unwrap();
    assert!(tucker.relative_error(&x).unwrap() < 1.05 * best);
}

/// The mean relative error over ten seeds, for a matrix with slowly decreasing singular values, and
/// the smallest error at these ranks.
fn mean_and_smallest_error(options: &Randomized) -> (f64, f64) {
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
    let best = oracle::tail(&values, 5, oracle::norm(&x));
    (errors.sum::<f64>() / 10.0, best)
}

#[test]
fn power_iterations_and_oversampling_lower_the_error() {
    let error = |power_iterations, oversampling| {
        let (error, best) = mean_and_smallest_error(&Randomized {
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

#[test]
fn each_seed_gives_another_sketch() {
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

/// The entries of core and factors.
fn stored<T: Scalar>(tucker: &tenfold::Tucker<T>) -> usize {
    let factors = tucker.factors().iter().flatten();
    tucker.core().data().len() + factors.map(|a| a.nrows() * a.ncols()).sum::<usize>()
}

/// Checks the contract for a tolerance on a tensor that is large enough for sketches, and compares the
/// stored entries with those of ST-HOSVD. Returns whether a sketch was used.
fn check_tolerance<T: Scalar>(x: &Tensor<T>, tolerance: f64, what: &str) -> bool {
    let truncation = || Truncation::RelativeError(tolerance);
    let tucker = Randomized::new(truncation()).decompose(x).unwrap();
    let deterministic = StHosvd::new(truncation()).decompose(x).unwrap();
    let error = check_projection(x, &tucker, what);
    assert!(error <= tolerance, "{what}: {error:e} for {tolerance:e}");
    assert_eq!(tucker.shortfall(), None, "{what}");
    let estimate = tucker.estimated_error().unwrap();
    assert!(
        (estimate - error).abs() <= 1e-3 * error + rounding(x),
        "{what}: estimated error {estimate:e}, true error {error:e}"
    );
    let most = stored(&deterministic) as f64 * 1.15;
    assert!(
        stored(&tucker) as f64 <= most,
        "{what}: {:?} for {:?}",
        tucker.ranks(),
        deterministic.ranks()
    );
    tucker.core() != deterministic.core()
}

/// Low rank with noise just below and far below the tolerance, a smooth function, and a spectrum that
/// falls slowly.
fn large_tensors() -> Vec<(&'static str, Tensor<f64>, f64)> {
    let mut random = Random::new(58);
    let shape = [80, 72, 64];
    let smooth = |i: &[usize]| 1.0 / (1 + i[0] + 2 * i[1] + 3 * i[2]) as f64;
    vec![
        (
            "noise below the tolerance",
            random.low_rank(&shape, &[4, 5, 6], 0.0098),
            0.01,
        ),
        (
            "little noise",
            random.low_rank(&shape, &[4, 5, 6], 1e-3),
            0.1,
        ),
        (
            "a tolerance below 1e-4",
            random.low_rank(&shape, &[3, 4, 5], 3e-5),
            6e-5,
        ),
        (
            "a smooth function",
            Tensor::from_fn(&shape, smooth).unwrap(),
            1e-2,
        ),
    ]
}

#[test]
fn sketches_meet_the_tolerance_with_few_entries() {
    for (name, x, tolerance) in large_tensors() {
        assert!(check_tolerance(&x, tolerance, name), "{name}: no sketch");
        let single: Tensor<f32> = oracle::scaled(&x, 1.0);
        if tolerance > 1e-3 {
            check_tolerance(&single, tolerance, name);
        }
    }
}

#[test]
fn a_tolerance_is_met_at_every_scale() {
    let (name, x, tolerance) = large_tensors().swap_remove(1);
    for scale in [1e-300, 1e-160, 1e150, 1e300] {
        let x: Tensor<f64> = oracle::scaled(&x, scale / x.norm());
        assert!(check_tolerance(&x, tolerance, name), "{scale:e}");
    }
    for scale in [1e-36, 1e36] {
        let x: Tensor<f32> = oracle::scaled(&x, scale / x.norm());
        check_tolerance(&x, tolerance, name);
    }
}

#[test]
fn a_tensor_without_a_small_rank_is_left_to_st_hosvd() {
    let x: Tensor<f64> = Random::new(59).tensor(&[70, 40, 40]);
    assert!(!check_tolerance(&x, 0.2, "noise alone"));
    assert!(!check_tolerance(
        &Tensor::<f64>::zeros(&[70, 40, 40]).unwrap(),
        0.2,
        "zero"
    ));
    let exact = Randomized::new(Truncation::RelativeError(0.0))
        .decompose(&x)
        .unwrap();
    assert_eq!(exact.ranks(), x.shape());
}

#[test]
fn a_tolerance_gives_the_same_bits_for_the_same_seed() {
    let (_, x, tolerance) = large_tensors().swap_remove(1);
    let core = |seed| {
        let solver = Randomized {
            seed,
            ..Randomized::new(Truncation::RelativeError(tolerance))
        };
        solver.decompose(&x).unwrap().core().clone()
    };
    assert_eq!(core(3), core(3));
    assert_ne!(core(3), core(4));
}
