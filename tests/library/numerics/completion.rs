//! Tensors with missing entries. Figures of TensorLy come from `tests/interop/make_models.py`.

use proptest::prelude::*;
use tenfold::{Completion, Error, Hooi, Observed, Scalar, Stop, Tensor, Truncation};

use super::starts::{recording_errors, stored};
use super::{THRESHOLD, orthonormality};
use crate::common::oracle;
use crate::common::random::{Random, random_cases};

/// Each entry is missing with this probability. The first one is observed.
fn mask(random: &mut Random, entries: usize, missing: f64) -> Vec<bool> {
    let mut mask: Vec<bool> = (0..entries)
        .map(|_| (random.uniform() + 1.0) / 2.0 >= missing)
        .collect();
    mask[0] = true;
    mask
}

/// ‖P(X − X̂)‖/‖PX‖ by the definition.
fn error_over<T: Scalar>(x: &Tensor<T>, y: &Tensor<T>, observed: &Observed) -> f64 {
    let pairs = x.data().iter().zip(y.data()).zip(observed.mask());
    let pairs = pairs.filter(|(_, observed)| **observed);
    let (mut difference, mut norm) = (0.0, 0.0);
    for ((x, y), _) in pairs {
        difference += (x.as_f64() - y.as_f64()).powi(2);
        norm += x.as_f64().powi(2);
    }
    (difference / norm).sqrt()
}

#[test]
fn the_error_is_at_most_that_of_tensorly_after_3000_sweeps() {
    for (name, ranks, error) in [
        ("three_way", vec![3, 4, 2], 0.0855548052663647),
        ("four_way", vec![2, 3, 2, 2], 0.043197510524360716),
    ] {
        let x = stored(name);
        let mask = (0..x.data().len()).map(|p| 7 * p % 10 >= 3).collect();
        let observed = Observed::new(x.shape(), mask).unwrap();
        let solver = Completion {
            sweep_tolerance: 1e-11,
            ..Completion::new(ranks)
        };
        let tucker = solver.decompose(&x, &observed).unwrap();
        let found = error_over(&x, &tucker.reconstruct().unwrap(), &observed);
        assert!(found <= error + 1e-9, "{name}: {found} above {error}");
        assert!((found - tucker.estimated_error().unwrap()).abs() < 1e-12);
        let measured = tucker.relative_error_over(&x, &observed).unwrap();
        assert!((found - measured).abs() < 1e-12);
    }
}

#[test]
fn low_ranks_are_recovered_from_a_third_of_the_entries() {
    let mut random = Random::new(2);
    let exact: Tensor<f64> = random.low_rank(&[20, 21, 22], &[2, 3, 2], 0.0);
    let mut x = exact.clone();
    let mask = mask(&mut random, x.data().len(), 0.67);
    let entries = x.data_mut().iter_mut().zip(&mask);
    entries
        .filter(|(_, observed)| !**observed)
        .for_each(|(entry, _)| *entry = f64::NAN);
    let observed = Observed::without_nan(&x).unwrap();
    assert_eq!(observed.mask(), mask);
    assert!(observed.coverage(&[2, 3, 2]).unwrap().is_sufficient());
    let solver = Completion {
        sweep_tolerance: 1e-12,
        ..Completion::new([2, 3, 2])
    };
    let tucker = solver.decompose(&x, &observed).unwrap();
    let error = oracle::relative_distance(&exact, &tucker.reconstruct().unwrap());
    assert!(error < 1e-9, "{error}");
    let convergence = tucker.convergence().unwrap();
    assert_eq!(convergence.stop, Stop::Converged);
    assert!(convergence.sweeps < 60, "{}", convergence.sweeps);
}

#[test]
fn without_missing_entries_the_error_is_that_of_hooi() {
    let x: Tensor<f64> = Random::new(4).low_rank(&[9, 10, 11], &[3, 3, 3], 0.1);
    let observed = Observed::new(x.shape(), vec![true; x.data().len()]).unwrap();
    let completed = Completion::new([3, 3, 3]).decompose(&x, &observed).unwrap();
    let hooi = Hooi::new([3, 3, 3]).decompose(&x).unwrap();
    let errors = [completed, hooi].map(|tucker| tucker.relative_error(&x).unwrap());
    assert!((errors[0] - errors[1]).abs() < 1e-7, "{errors:?}");
}

#[test]
fn missing_entries_are_not_read() {
    let mut random = Random::new(5);
    let x: Tensor<f32> = random.low_rank(&[8, 9, 7], &[2, 2, 2], 0.1);
    let observed = Observed::new(x.shape(), mask(&mut random, x.data().len(), 0.4)).unwrap();
    let with = |missing: f32| {
        let mut x = x.clone();
        let entries = x.data_mut().iter_mut().zip(observed.mask());
        entries
            .filter(|(_, observed)| !**observed)
            .for_each(|(entry, _)| *entry = missing);
        let tucker = Completion::new([2, 2, 2]).decompose(&x, &observed).unwrap();
        tucker.core().clone()
    };
    let zero = with(0.0);
    for missing in [f32::NAN, f32::INFINITY, 1e38, -7.0] {
        assert_eq!(with(missing), zero);
    }
}

#[test]
fn coverage_counts_unknowns_slices_and_fibres() {
    // Slice 1 of mode 0 is missing as a whole, and slice 2 but for one entry.
    let mask = (0..4 * 5 * 6).map(|p| p / 30 != 1 && (p / 30 != 2 || p == 65));
    let observed = Observed::new(&[4, 5, 6], mask.collect()).unwrap();
    let coverage = observed.coverage(&[2, 3, 2]).unwrap();
    assert_eq!(coverage.observed, 61);
    assert_eq!(coverage.unknowns, 12 + 2 * 2 + 3 * 2 + 2 * 4);
    assert_eq!(coverage.scarce_slices, [(0, 1), (0, 2)]);
    // Fibres of mode 0 have entries in slices 0 and 3. Of the 24 fibres of mode 1 and the 20 of mode
    // 2, those of slices 1 and 2 are empty, but for the ones through the single entry.
    assert_eq!(coverage.empty_fibres, [0, 11, 9]);
    assert!(!coverage.is_sufficient());
    let tucker = Completion::new([2, 3, 2]);
    let x: Tensor<f64> = Random::new(1).tensor(&[4, 5, 6]);
    assert!(
        tucker
            .decompose(&x, &observed)
            .unwrap()
            .core()
            .norm()
            .is_finite()
    );
}

#[test]
fn wrong_input_is_an_error() {
    let x: Tensor<f64> = Random::new(1).tensor(&[3, 4, 5]);
    let all = Observed::new(&[3, 4, 5], vec![true; 60]).unwrap();
    let refused = |mask| Observed::new(&[3, 4, 5], mask).unwrap_err();
    assert!(matches!(refused(vec![false; 60]), Error::NothingObserved));
    assert!(matches!(
        refused(vec![true; 59]),
        Error::DataLengthMismatch { .. }
    ));
    let other = Observed::new(&[4, 3, 5], vec![true; 60]).unwrap();
    let solver = Completion::new([2, 2, 2]);
    let failure = |solver: &Completion, x, observed| solver.decompose(x, observed).unwrap_err();
    assert!(matches!(
        failure(&solver, &x, &other),
        Error::ShapeMismatch { .. }
    ));
    let mut damaged = x.clone();
    damaged.data_mut()[27] = f64::NAN;
    match failure(&solver, &damaged, &all) {
        Error::NonFinite { index, .. } => assert_eq!(index, [1, 1, 2]),
        other => panic!("{other}"),
    }
    let ranks = Completion::new([2, 2, 5]);
    assert!(matches!(
        failure(&ranks, &x, &all),
        Error::RankAboveProduct { .. }
    ));
    let none = Completion {
        max_sweeps: 0,
        ..solver
    };
    assert!(matches!(
        failure(&none, &x, &all),
        Error::NotPositive { .. }
    ));
    assert!(none.memory::<f64>(x.shape()).is_err());
}

fn check_descent<T: Scalar>(
    seed: u64,
    extents: &[usize],
    missing: f64,
    exponent: i32,
) -> Result<(), TestCaseError> {
    let mut random = Random::new(seed);
    let unit = 2f64.powi(exponent);
    let x = Tensor::from_fn(extents, |_| T::from_f64(unit * random.uniform())).unwrap();
    let observed = Observed::new(extents, mask(&mut random, x.data().len(), missing)).unwrap();
    let ranks: Vec<usize> = extents.iter().map(|&extent| 1 + extent / 3).collect();
    let (monitor, errors) = recording_errors();
    let solver = Completion {
        max_sweeps: 30,
        monitor,
        ..Completion::new(ranks.clone())
    };
    let found = solver.decompose(&x, &observed);
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
    prop_assert_eq!(errors.last().copied(), tucker.estimated_error());
    for factor in tucker.factors().iter().flatten() {
        prop_assert!(orthonormality(factor.as_ref()) < THRESHOLD);
    }
    // The core is rounded once more where its entries are subnormal.
    let rounding = THRESHOLD * T::EPSILON * x.data().len() as f64;
    let measured = tucker.relative_error_over(&x, &observed).unwrap();
    prop_assert!((measured - tucker.estimated_error().unwrap()).abs() <= rounding);
    Ok(())
}

proptest! {
    #![proptest_config(random_cases(40, 32))]

    #[test]
    fn no_step_increases_the_error(
        seed in any::<u64>(),
        extents in prop::collection::vec(1..8usize, 1..5),
        missing in 0.0..0.95,
        size in -1..2i32,
    ) {
        check_descent::<f64>(seed, &extents, missing, 990 * size)?;
        check_descent::<f32>(seed, &extents, missing, 110 * size)?;
    }
}
