//! Interpolatory decompositions: fibres, the bound of the error, tolerances, scales and degenerate
//! tensors.

use faer::Mat;
use proptest::prelude::*;
use tenfold::{Error, Interpolatory, Scalar, Tensor, Truncation, Tucker};

use super::inputs::{self, feasible};
use super::{in_f64, scales};
use crate::common::oracle;
use crate::common::random::{Random, random_cases};

/// Checks that the factors are fibres of X, times one power of two, and that the estimated error is
/// the true one. Returns the true error.
fn check<T: Scalar>(x: &Tensor<T>, tucker: &Tucker<T>, what: &str) -> f64 {
    let mut factors = (0..x.order()).filter_map(|mode| Some((mode, tucker.factor(mode)?)));
    assert!(factors.clone().count() > 0);
    let ratio = |a: f64, b: f64| if b == 0.0 { 1.0 } else { a / b };
    let largest = x
        .data()
        .iter()
        .map(|x| x.as_f64().abs())
        .fold(0.0, f64::max);
    let all_fibres = factors.all(|(mode, factor)| {
        let columns = tucker.fibres(mode).unwrap();
        let unfolding = x.unfold(mode).unwrap();
        let of_x = Mat::from_fn(factor.nrows(), columns.len(), |i, k| {
            unfolding[(i, columns[k])].as_f64()
        });
        let factor = in_f64(factor);
        let unit = ratio(factor.norm_max(), of_x.norm_max());
        assert!(
            unit == 1.0 || unit.log2().fract() == 0.0,
            "{what}: {unit:e}"
        );
        (0..columns.len()).all(|k| {
            (0..factor.nrows()).all(|i| {
                let expected = of_x[(i, k)] * unit;
                factor[(i, k)] == expected || expected.abs() < largest * unit * 1e-30
            })
        })
    });
    assert!(all_fibres, "{what}: a column is no fibre");
    let error = tucker.relative_error(x).unwrap();
    assert_eq!(tucker.estimated_error(), Some(error), "{what}");
    error
}

/// (Σ ηₙ² τₙ²)^½/‖X‖, τₙ the tail of X₍ₙ₎, and the largest ηₙ. The singular vectors are faer's.
fn bound(x: &Tensor<f64>, tucker: &Tucker<f64>) -> (f64, f64) {
    let (mut squares, mut largest) = (0.0, 0.0f64);
    for mode in 0..x.order() {
        let (unfolding, rank) = (x.unfold(mode).unwrap(), tucker.ranks()[mode]);
        let svd = unfolding.svd().unwrap();
        let columns = tucker.fibres(mode).unwrap();
        let chosen = Mat::from_fn(rank, rank, |i, k| svd.V()[(columns[k], i)]);
        let eta = 1.0 / oracle::singular_values(chosen.as_ref())[rank - 1];
        let tail: f64 = (rank..x.shape()[mode].min(unfolding.ncols()))
            .map(|i| svd.S()[i].powi(2))
            .sum();
        squares += eta * eta * tail;
        largest = largest.max(eta);
    }
    (squares.sqrt() / oracle::norm(x), largest)
}

#[test]
fn the_error_is_within_the_bound_of_the_paper() {
    for (seed, decay) in [(1, 0.9f64), (2, 0.7), (3, 0.5)] {
        let mut random = Random::new(seed);
        let core: Tensor<f64> = random.tensor(&[12, 10, 8]);
        let core = Tensor::from_fn(core.shape(), |i| {
            core.get(i).unwrap() * decay.powi((i[0] + i[1] + i[2]) as i32)
        })
        .unwrap();
        let factors = core
            .shape()
            .iter()
            .map(|&n| Some(random.orthonormal(n + 3, n)));
        let x = Tucker::new(core.clone(), factors.collect()).unwrap();
        let x = x.reconstruct().unwrap();
        for ranks in [[1, 1, 1], [3, 4, 2], [6, 5, 4]] {
            let tucker = Interpolatory::new(ranks).decompose(&x).unwrap();
            let error = check(&x, &tucker, &format!("{decay} {ranks:?}"));
            let (bound, eta) = bound(&x, &tucker);
            assert!(error <= bound * (1.0 + 1e-9), "{error:e} above {bound:e}");
            // The bound of the selection is far above what occurs.
            assert!(eta < 40.0, "{eta}");
            // The error is at least the largest tail.
            assert_eq!(tucker.ranks(), ranks);
            assert!(!tucker.has_orthonormal_factors());
        }
    }
}

fn check_everywhere<T: Scalar>(exact: f64) {
    let mut random = Random::new(9);
    for (shape, ranks) in [
        (&[9, 10, 11][..], &[3, 2, 4][..]),
        (&[30, 4, 5], &[3, 2, 2]),
        (&[6, 1, 7], &[2, 1, 2]),
        (&[12, 9], &[3, 3]),
        (&[7], &[1]),
        (&[4, 4, 4, 4], &[2, 2, 2, 2]),
    ] {
        let low: Tensor<f64> = random.low_rank(shape, ranks, 0.0);
        for scale in scales::<T>() {
            let x: Tensor<T> = oracle::scaled(&low, scale);
            let what = format!("{shape:?} times {scale:e} in {}", T::NAME);
            let truncations = [
                Truncation::Ranks(ranks.to_vec()),
                Truncation::RelativeError(10.0 * exact),
            ];
            for truncation in truncations {
                let tucker = Interpolatory::new(truncation).decompose(&x).unwrap();
                let error = check(&x, &tucker, &what);
                assert!(error <= 10.0 * exact, "{what}: {error:e}");
                assert_eq!(tucker.ranks(), ranks, "{what}");
                assert_eq!(tucker.shortfall(), None, "{what}");
            }
        }
    }
}

#[test]
fn exact_low_ranks_are_found_at_every_scale() {
    check_everywhere::<f64>(1e-11);
    check_everywhere::<f32>(1e-3);
}

#[test]
fn ranks_above_the_rank_of_the_tensor_are_harmless() {
    let x: Tensor<f64> = Random::new(4).low_rank(&[8, 9, 10], &[2, 2, 2], 0.0);
    let tucker = Interpolatory::new([4, 5, 6]).decompose(&x).unwrap();
    assert!(check(&x, &tucker, "rank 2") < 1e-11);
    for (mode, rank) in [4, 5, 6].into_iter().enumerate() {
        let mut columns = tucker.fibres(mode).unwrap().to_vec();
        columns.sort_unstable();
        columns.dedup();
        assert_eq!(columns.len(), rank);
    }
    let zero = Tensor::<f64>::zeros(&[3, 4, 5]).unwrap();
    for truncation in [Truncation::from([2, 2, 2]), Truncation::RelativeError(0.1)] {
        let tucker = Interpolatory::new(truncation).decompose(&zero).unwrap();
        assert_eq!(tucker.relative_error(&zero).unwrap(), 0.0);
    }
}

#[test]
fn tensors_of_the_other_solvers_are_decomposed() {
    for (name, x) in inputs::tensors::<f64>() {
        let ranks = feasible(x.shape(), |extent| extent.div_ceil(3));
        let tucker = Interpolatory::new(ranks).decompose(&x).unwrap();
        assert!(check(&x, &tucker, &name).is_finite(), "{name}");
        let tolerance = 0.05;
        let tucker = Interpolatory::new(Truncation::RelativeError(tolerance))
            .decompose(&x)
            .unwrap();
        let error = check(&x, &tucker, &name);
        assert!(error <= tolerance, "{name}: {error:e}");
    }
}

#[test]
fn modes_can_be_left_out_and_bad_input_is_refused() {
    let x: Tensor<f64> = Random::new(6).tensor(&[5, 6, 7]);
    let partial = Interpolatory {
        modes: Some(vec![2, 0]),
        ..Interpolatory::new([3, 2])
    };
    let tucker = partial.decompose(&x).unwrap();
    check(&x, &tucker, "partial");
    assert_eq!(tucker.ranks(), [2, 6, 3]);
    assert!(tucker.factor(1).is_none() && tucker.fibres(1).is_none());
    let nan = Tensor::from_fn(&[2, 2], |i| if i == [1, 0] { f64::NAN } else { 1.0 }).unwrap();
    let refused = Interpolatory::new([1, 1]).decompose(&nan);
    assert!(matches!(refused, Err(Error::NonFinite { index, .. }) if index == [1, 0]));
    let refused = Interpolatory::new([6, 1, 1]).decompose(&x);
    assert!(matches!(refused, Err(Error::RankAboveExtent { .. })));
}

#[test]
fn a_tolerance_below_rounding_gives_a_shortfall() {
    let x = Tensor::from_fn(&[8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f32).unwrap();
    let tucker = Interpolatory::new(Truncation::RelativeError(0.0))
        .decompose(&x)
        .unwrap();
    let shortfall = tucker.shortfall().unwrap();
    assert_eq!(Some(shortfall.reached), tucker.estimated_error());
}

proptest! {
    #![proptest_config(random_cases(40, 31))]

    #[test]
    fn random_tensors_are_within_the_tolerance(
        seed in any::<u64>(),
        extents in prop::collection::vec(1usize..7, 1..5),
        tolerance in 0.01f64..0.9,
    ) {
        let x: Tensor<f64> = Random::new(seed).tensor(&extents);
        let tucker = Interpolatory::new(Truncation::RelativeError(tolerance)).decompose(&x).unwrap();
        prop_assert!(check(&x, &tucker, "random") <= tolerance);
    }
}
