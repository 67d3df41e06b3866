//! Changes of the tensor that change the decomposition in a known way: its scale, the order of its
//! modes, and modes of extent 1.

use faer::MatRef;
use tenfold::{Hooi, Hosvd, Scalar, Solver, StHosvd, Tensor, Truncation, Tucker};

use super::in_f64;
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;
use crate::common::solvers::solvers;

/// The decomposition by each solver.
fn decompositions<T: Scalar>(x: &Tensor<T>, truncation: &Truncation) -> Vec<Tucker<T>> {
    let solvers = solvers::<T>(truncation, None).into_iter();
    let decompositions = solvers.map(|solver| solver.decompose(x.view()).unwrap());
    decompositions.collect()
}

fn truncations() -> [Truncation; 2] {
    [
        Truncation::Ranks(vec![3, 4, 2]),
        Truncation::RelativeError(0.05),
    ]
}

/// ‖A Aᵀ − B Bᵀ‖, the distance between two column spaces.
fn distance_of_spaces<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> f64 {
    let (a, b) = (in_f64(a), in_f64(b));
    (&a * a.transpose() - &b * b.transpose()).norm_max()
}

fn check_scaling<T: Scalar>(exponents: &[i32], extremes: &[f64], tolerance: f64) {
    let x: Tensor<f64> = Random::new(61).low_rank(&[9, 10, 11], &[3, 4, 2], 0.02);
    let x: Tensor<T> = scaled(&x, 1.0);
    for truncation in truncations() {
        let plain = decompositions(&x, &truncation);
        // A power of two changes no bit of the factors.
        for &exponent in exponents {
            let c = 2f64.powi(exponent);
            for (plain, times) in plain
                .iter()
                .zip(decompositions(&scaled(&x, c), &truncation))
            {
                assert_eq!(
                    times.core(),
                    &scaled::<T, T>(plain.core(), c),
                    "2^{exponent}"
                );
                for mode in 0..3 {
                    assert_eq!(times.factor(mode), plain.factor(mode), "2^{exponent}");
                }
                assert_eq!(
                    times.estimated_error(),
                    plain.estimated_error(),
                    "2^{exponent}"
                );
            }
        }
        // Any other factor changes them by rounding, also at the ends of the range.
        for &c in extremes {
            let y: Tensor<T> = scaled(&x, c);
            for (plain, times) in plain.iter().zip(decompositions(&y, &truncation)) {
                assert_eq!(times.ranks(), plain.ranks(), "{c:e}");
                for mode in 0..3 {
                    assert!(
                        distance_of_spaces(
                            times.factor(mode).unwrap(),
                            plain.factor(mode).unwrap()
                        ) < tolerance,
                        "{c:e}"
                    );
                }
                let core = oracle::norm(times.core()) / c.abs();
                assert!(
                    (core / oracle::norm(plain.core()) - 1.0).abs() < tolerance,
                    "{c:e}"
                );
                let error = times.relative_error(&y).unwrap();
                assert!(
                    (error / plain.relative_error(&x).unwrap() - 1.0).abs() < tolerance,
                    "{c:e}"
                );
            }
        }
    }
}

/// The factors and the relative error stay the same.
#[test]
fn scaling_the_tensor_scales_the_core() {
    check_scaling::<f64>(
        &[-60, -3, 1, 17, 60],
        &[-1.0, 1e-290, 1e-170, -1e-30, 7.0, 1e30, 1e170, 1e290],
        1e-7,
    );
    check_scaling::<f32>(&[-20, -3, 1, 17, 20], &[-1.0, 1e-30, 7.0, 1e30], 1e-3);
}

/// The signs stay the same too.
#[test]
fn permuting_the_modes_permutes_the_decomposition() {
    let x: Tensor<f64> = Random::new(62).low_rank(&[9, 10, 11], &[3, 4, 2], 0.02);
    for permutation in [[1, 0, 2], [2, 0, 1], [2, 1, 0], [0, 2, 1]] {
        let y = x.permute(&permutation).unwrap();
        let ranks: Vec<usize> = permutation.iter().map(|&mode| [3, 4, 2][mode]).collect();
        let solvers = |ranks: &[usize]| -> [Box<dyn Solver<f64>>; 3] {
            [
                Box::new(Hosvd::new(ranks.to_vec())),
                Box::new(StHosvd::new(ranks.to_vec())),
                Box::new(Hooi {
                    sweep_tolerance: 1e-14,
                    ..Hooi::new(ranks.to_vec())
                }),
            ]
        };
        for (plain, permuted) in solvers(&[3, 4, 2]).iter().zip(solvers(&ranks)) {
            let plain = plain.decompose(x.view()).unwrap();
            let permuted = permuted.decompose(y.view()).unwrap();
            for (k, &mode) in permutation.iter().enumerate() {
                let (a, b) = (plain.factor(mode).unwrap(), permuted.factor(k).unwrap());
                assert!((a - b).norm_max() < 1e-6, "{permutation:?}, mode {mode}");
            }
            let core = plain.core().permute(&permutation).unwrap();
            assert!(oracle::distance(&core, permuted.core()) < 1e-6 * oracle::norm(&core));
        }
    }
}

#[test]
fn modes_of_extent_1_do_not_change_the_other_factors() {
    let x: Tensor<f64> = Random::new(63).low_rank(&[9, 10, 11], &[3, 4, 2], 0.02);
    let y = x.clone().reshape(&[1, 9, 1, 10, 11, 1]).unwrap();
    let plain = Hosvd::new([3, 4, 2]).decompose(&x).unwrap();
    let padded = Hosvd::new([1, 3, 1, 4, 2, 1]).decompose(&y).unwrap();
    for (mode, with) in [1, 3, 4].into_iter().enumerate() {
        assert!((plain.factor(mode).unwrap() - padded.factor(with).unwrap()).norm_max() < 1e-12);
    }
    for mode in [0, 2, 5] {
        assert_eq!(padded.factor(mode).unwrap(), faer::mat![[1.0]]);
    }
}
