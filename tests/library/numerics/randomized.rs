//! The randomized solver: errors, options and seeds.

use tenfold::{Hooi, Randomized, Tensor};

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
