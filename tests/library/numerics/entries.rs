//! The most accurate decomposition with a maximum number of entries.

use tenfold::{Error, Hooi, Hosvd, Scalar, Solver, StHosvd, Start, Tensor, Truncation, Tucker};

use super::inputs;
use crate::common::oracle::{for_each_index, scaled};
use crate::common::random::Random;

type Solvers<T> = Vec<(&'static str, Box<dyn Solver<T>>)>;

/// All solvers that choose ranks, with this limit.
fn solvers<T: Scalar>(limit: usize, modes: Option<&[usize]>) -> Solvers<T> {
    let modes = modes.map(<[usize]>::to_vec);
    let truncation = || Truncation::MaxEntries(limit);
    let st_hosvd = StHosvd {
        modes: modes.clone(),
        ..StHosvd::new(truncation())
    };
    let hosvd = Hosvd {
        modes: modes.clone(),
        ..Hosvd::new(truncation())
    };
    let hooi = |start| Hooi {
        modes: modes.clone(),
        start,
        max_sweeps: 5,
        ..Hooi::new(truncation())
    };
    vec![
        ("ST-HOSVD", Box::new(st_hosvd)),
        ("HOSVD", Box::new(hosvd)),
        ("HOOI", Box::new(hooi(Start::StHosvd))),
        ("HOOI from HOSVD", Box::new(hooi(Start::Hosvd))),
    ]
}

fn entries_of<T: Scalar>(tucker: &Tucker<T>) -> usize {
    let factors = tucker.factors().iter().flatten();
    tucker.core().data().len() + factors.map(|a| a.nrows() * a.ncols()).sum::<usize>()
}

/// The entries at ranks of 1.
fn least(shape: &[usize], modes: &[usize]) -> usize {
    let kept = (0..shape.len()).filter(|mode| !modes.contains(mode));
    kept.map(|mode| shape[mode]).product::<usize>()
        + modes.iter().map(|&mode| shape[mode]).sum::<usize>()
}

fn check_limits<T: Scalar>() {
    for (name, x) in inputs::tensors::<f64>() {
        let x: Tensor<T> = scaled(&x, 1.0);
        let all: Vec<usize> = (0..x.order()).collect();
        for modes in [&all[..], &all[..1], &all[all.len() / 2..]] {
            let least = least(x.shape(), modes);
            let most = least + x.data().len() + x.shape().iter().map(|i| i * i).sum::<usize>();
            for part in [0.0, 0.03, 0.2, 0.6, 1.0] {
                let limit = least + ((most - least) as f64 * part) as usize;
                for (solver, found) in solvers::<T>(limit, Some(modes)) {
                    let what = format!("{solver} of {name}, {modes:?}, {limit}, {}", T::NAME);
                    let tucker = found.decompose(x.view()).unwrap();
                    assert!(entries_of(&tucker) <= limit, "{what}: {:?}", tucker.ranks());
                    let error = tucker.relative_error(&x).unwrap();
                    let estimate = tucker.estimated_error().unwrap();
                    let sum: usize = x.shape().iter().sum();
                    let rounding = 30.0 * sum as f64 * T::EPSILON;
                    assert!(
                        (estimate - error).abs() <= rounding.max(1e-3 * error),
                        "{what}: {estimate:e} for {error:e}"
                    );
                    // All entries fit.
                    if part == 1.0 {
                        assert!(error <= rounding, "{what}: {error:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_decomposition_is_larger_than_asked() {
    check_limits::<f64>();
    check_limits::<f32>();
}

/// The smallest error of a leading block of the core of HOSVD at full ranks that fits.
fn by_brute_force(x: &Tensor<f64>, limit: usize) -> f64 {
    let full = Truncation::at_most(x.shape(), x.shape(), None).unwrap();
    let full = Hosvd::new(full).decompose(x).unwrap();
    let mut least = f64::INFINITY;
    for_each_index(full.ranks(), |block| {
        let ranks: Vec<usize> = block.iter().map(|k| k + 1).collect();
        let factors: usize = ranks.iter().zip(x.shape()).map(|(r, i)| r * i).sum();
        let core: usize = ranks.iter().product();
        let lawful = ranks.iter().all(|rank| rank * rank <= core);
        if lawful && core + factors <= limit {
            let mut outside = 0.0;
            for_each_index(full.ranks(), |index| {
                if index.iter().zip(&ranks).any(|(i, k)| i >= k) {
                    outside += full.core().get(index).unwrap().powi(2);
                }
            });
            least = least.min(outside);
        }
    });
    least.sqrt() / x.norm()
}

#[test]
fn the_error_is_the_least_of_all_blocks() {
    let mut random = Random::new(19);
    for (shape, ranks, noise) in [
        (&[8, 9, 7][..], &[3, 2, 4][..], 0.1),
        (&[5, 14, 6], &[5, 3, 2], 0.3),
        (&[12, 9], &[4, 4], 0.05),
        (&[4, 5, 3, 6], &[2, 3, 2, 3], 0.2),
    ] {
        let x: Tensor<f64> = random.low_rank(shape, ranks, noise);
        let least = least(shape, &(0..shape.len()).collect::<Vec<_>>());
        for limit in (0..12).map(|k| least + k * x.data().len() / 16) {
            let expected = by_brute_force(&x, limit);
            for (name, solver) in solvers::<f64>(limit, None) {
                let error = solver
                    .decompose(x.view())
                    .unwrap()
                    .relative_error(&x)
                    .unwrap();
                // The blocks of ST-HOSVD are others than those of HOSVD.
                let slack = if name == "HOSVD" { 1e-9 } else { 0.02 };
                assert!(
                    error <= expected * (1.0 + slack) + 1e-14,
                    "{name}, {shape:?}, {limit}: {error:e}, {expected:e}"
                );
            }
        }
    }
}

#[test]
fn a_limit_below_ranks_of_1_is_an_error() {
    let x = Tensor::from_fn(&[4, 5, 6], |i| (1 + i[0] * i[1] + i[2]) as f64).unwrap();
    for (modes, least) in [(None, 16), (Some(&[0, 2][..]), 5 + 10)] {
        for (name, solver) in solvers::<f64>(least - 1, modes) {
            let error = solver.decompose(x.view()).unwrap_err();
            assert!(
                matches!(error, Error::TooFewEntries { limit, least: found }
                    if limit == least - 1 && found == least),
                "{name}: {error}"
            );
            assert!(solver.memory(x.shape()).is_err());
        }
        for (_, solver) in solvers::<f64>(least, modes) {
            assert_eq!(entries_of(&solver.decompose(x.view()).unwrap()), least);
        }
    }
}

#[test]
fn every_scale_gives_the_same_ranks() {
    let x: Tensor<f64> = Random::new(4).low_rank(&[7, 8, 6], &[3, 4, 2], 0.05);
    for (name, solver) in solvers::<f64>(150, None) {
        let expected = solver.decompose(x.view()).unwrap();
        for exponent in [-1000, 1000] {
            let factor = 2f64.powi(exponent / 2);
            let times = Tensor::from_fn(x.shape(), |i| x.get(i).unwrap() * factor * factor);
            let times = times.unwrap();
            let found = solver.decompose(times.view()).unwrap();
            assert_eq!(found.ranks(), expected.ranks(), "{name}, 2^{exponent}");
        }
        let zero = Tensor::<f64>::zeros(x.shape()).unwrap();
        let found = solver.decompose(zero.view()).unwrap();
        assert_eq!(found.estimated_error(), Some(0.0), "{name}");
    }
}
