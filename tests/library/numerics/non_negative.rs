//! Non-negative Tucker decompositions. Figures of TensorLy come from `tests/interop/make_models.py`.

use proptest::prelude::*;
use tenfold::{Error, NonNegative, Scalar, Stop, Tensor, Truncation, Tucker};

use super::THRESHOLD;
use super::starts::{recording_errors, stored};
use crate::common::random::{Random, random_cases};

fn is_non_negative<T: Scalar>(tucker: &Tucker<T>) -> bool {
    let factors = tucker.factors().iter().flatten();
    let mut entries = factors.flat_map(|a| (0..a.ncols()).flat_map(|j| a.col(j).iter().copied()));
    entries.all(|entry| entry >= T::zero()) && tucker.core().data().iter().all(|g| *g >= T::zero())
}

/// A non-negative core and factors with many zeros, and their product.
fn low_rank<T: Scalar>(random: &mut Random, shape: &[usize], ranks: &[usize]) -> Tensor<T> {
    let mut entry = || T::from_f64(random.uniform().max(0.0));
    let core = Tensor::from_fn(ranks, |_| entry()).unwrap();
    let factors = shape.iter().zip(ranks);
    let factors = factors.map(|(&i, &r)| Some(faer::Mat::from_fn(i, r, |_, _| entry())));
    let factors = factors.collect();
    Tucker::new(core, factors).unwrap().reconstruct().unwrap()
}

/// TensorLy's error after 200 iterations is 0.21303. Both end at local optima, which differ a little.
#[test]
fn the_error_is_at_most_1_percent_above_that_of_tensorly() {
    let mut x = stored("three_way");
    let magnitudes = x.data_mut().iter_mut();
    magnitudes.for_each(|entry| *entry = entry.abs());
    let tucker = NonNegative::new([3, 4, 2]).decompose(&x).unwrap();
    let found = tucker.relative_error(&x).unwrap();
    assert!(found <= 1.01 * 0.21303311072453907, "{found}");
    assert!((found - tucker.estimated_error().unwrap()).abs() < 1e-10);
    assert!(is_non_negative(&tucker));
    assert!(!tucker.has_orthonormal_factors());
    assert_eq!(tucker.convergence().unwrap().stop, Stop::Converged);
}

#[test]
fn tensors_of_non_negative_low_rank_are_recovered() {
    let mut random = Random::new(3);
    let x: Tensor<f64> = low_rank(&mut random, &[20, 15, 12], &[2, 3, 2]);
    let solver = NonNegative {
        max_sweeps: 2000,
        sweep_tolerance: 1e-9,
        ..NonNegative::new([2, 3, 2])
    };
    let error = solver.decompose(&x).unwrap().relative_error(&x).unwrap();
    assert!(error < 1e-3, "{error}");
}

#[test]
fn zero_tensors_and_partial_decompositions() {
    let zero = Tensor::<f64>::zeros(&[3, 4, 5]).unwrap();
    let tucker = NonNegative::new([2, 2, 2]).decompose(&zero).unwrap();
    assert_eq!(tucker.relative_error(&zero).unwrap(), 0.0);
    let x: Tensor<f64> = low_rank(&mut Random::new(1), &[7, 3, 8], &[2, 3, 2]);
    let partial = NonNegative {
        modes: Some(vec![2, 0]),
        ..NonNegative::new([3, 2])
    };
    let tucker = partial.decompose(&x).unwrap();
    assert_eq!(tucker.ranks(), [2, 3, 3]);
    assert!(tucker.factor(1).is_none() && is_non_negative(&tucker));
    assert!(tucker.relative_error(&x).unwrap() < 0.2);
}

#[test]
fn wrong_input_is_an_error() {
    let mut x: Tensor<f64> = low_rank(&mut Random::new(1), &[3, 4, 5], &[2, 2, 2]);
    let solver = NonNegative::new([2, 2, 2]);
    x.data_mut()[27] = -1e-300;
    match solver.decompose(&x).unwrap_err() {
        Error::Negative { index, value } => assert_eq!((index, value), (vec![1, 1, 2], -1e-300)),
        other => panic!("{other}"),
    }
    x.data_mut()[27] = f64::NAN;
    assert!(matches!(
        solver.decompose(&x).unwrap_err(),
        Error::NonFinite { .. }
    ));
    x.data_mut()[27] = -0.0;
    assert!(solver.decompose(&x).is_ok());
    let none = NonNegative {
        max_sweeps: 0,
        ..solver
    };
    assert!(matches!(
        none.decompose(&x).unwrap_err(),
        Error::NotPositive { .. }
    ));
    assert!(none.memory::<f64>(x.shape()).is_err());
    let ranks = NonNegative::new([5, 2, 2]);
    assert!(matches!(
        ranks.decompose(&x).unwrap_err(),
        Error::RankAboveExtent { .. }
    ));
}

fn check_descent<T: Scalar>(
    seed: u64,
    extents: &[usize],
    exponent: i32,
) -> Result<(), TestCaseError> {
    let mut random = Random::new(seed);
    let unit = 2f64.powi(exponent);
    let x = Tensor::from_fn(extents, |_| T::from_f64(unit * random.uniform().max(0.0))).unwrap();
    let ranks: Vec<usize> = extents.iter().map(|&extent| 1 + extent / 3).collect();
    let (monitor, errors) = recording_errors();
    let solver = NonNegative {
        max_sweeps: 25,
        monitor,
        ..NonNegative::new(ranks.clone())
    };
    let found = solver.decompose(&x);
    if Truncation::Ranks(ranks).check(extents, None).is_err() {
        prop_assert!(found.is_err());
        return Ok(());
    }
    let tucker = found.unwrap();
    let errors = errors.lock().unwrap();
    prop_assert!(
        errors.is_sorted_by(|before, after| after <= before),
        "{errors:?}"
    );
    prop_assert!(is_non_negative(&tucker));
    let measured = tucker.relative_error(&x).unwrap();
    let known = tucker.estimated_error().unwrap();
    // An error from norms above 100√ε has a rounding error of at most √ε/100.
    let rounding = (THRESHOLD * T::EPSILON).max(T::EPSILON.sqrt() / 10.0);
    prop_assert!((measured - known).abs() <= rounding, "{known} {measured}");
    Ok(())
}

proptest! {
    #![proptest_config(random_cases(40, 33))]

    #[test]
    fn no_sweep_increases_the_error(
        seed in any::<u64>(),
        extents in prop::collection::vec(1..8usize, 1..5),
        size in -1..2i32,
    ) {
        check_descent::<f64>(seed, &extents, 990 * size)?;
        check_descent::<f32>(seed, &extents, 110 * size)?;
    }
}
