//! Starts and constraints of HOOI: given factors, random starts, several starts, fixed modes, and the
//! order of the modes in a sweep. Figures of TensorLy come from `tests/interop/make_models.py`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use faer::Mat;
use proptest::prelude::*;
use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Error, Hooi, Monitor, Scalar, StHosvd, Start, Tensor, Truncation, Tucker};

use super::{THRESHOLD, orthonormality};
use crate::common::oracle;
use crate::common::random::{Random, random_cases};

pub(super) fn stored(name: &str) -> Tensor<f64> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    match read_npy(data.join(format!("tucker.{name}.npy"))).unwrap() {
        AnyTensor::F64(x) => x,
        AnyTensor::F32(_) => panic!("the file has f64 entries"),
    }
}

/// A monitor that records the relative error of each report, and the list of these errors.
pub(super) fn recording_errors() -> (Monitor, Arc<Mutex<Vec<f64>>>) {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let monitor = Monitor::new().on_progress({
        let errors = errors.clone();
        move |progress| errors.lock().unwrap().extend(progress.relative_error)
    });
    (monitor, errors)
}

fn factors_of<T: Scalar>(tucker: Tucker<T>) -> Vec<Option<Mat<T>>> {
    tucker.into_parts().1
}

/// Random starts reach the optimum that TensorLy's `init='random'` reaches.
#[test]
fn random_starts_find_the_optimum_of_tensorly() {
    for (name, ranks, error) in [
        ("three_way", vec![3, 4, 2], 0.086_555_202_776_846),
        ("four_way", vec![2, 3, 2, 2], 0.044_482_421_790_963_8),
    ] {
        for seed in 0..3 {
            let hooi = Hooi {
                start: Start::Random,
                seed,
                sweep_tolerance: 1e-13,
                max_sweeps: 300,
                ..Hooi::new(ranks.clone())
            };
            let found = hooi.decompose(&stored(name)).unwrap();
            let found = found.estimated_error().unwrap();
            assert!((found - error).abs() < 1e-9, "{name}, seed {seed}: {found}");
        }
    }
}

/// TensorLy updates the free factors as if the fixed ones were not there, and projects on the fixed
/// factors at the end. The sweeps here minimise the error under the fixed factors, so that the error
/// is at most as large.
#[test]
fn fixed_factors_give_at_most_the_error_of_tensorly() {
    let x = stored("three_way");
    let ranks = [3, 4, 2];
    let tensorly = [0.7264832051666946, 0.6180749298620987, 0.8295699754301412];
    for (mode, error) in tensorly.into_iter().enumerate() {
        let mut factors = factors_of(StHosvd::new(ranks).decompose(&x).unwrap());
        let fixed = Mat::identity(x.shape()[mode], ranks[mode]);
        factors[mode] = Some(fixed.clone());
        let hooi = Hooi {
            fixed: vec![mode],
            ..Hooi::new(ranks)
        };
        let tucker = hooi.decompose_from(&x, factors).unwrap();
        assert_eq!(tucker.factor(mode).unwrap(), fixed);
        let found = tucker.relative_error(&x).unwrap();
        assert!(found <= error + 1e-9, "mode {mode}: {found} above {error}");
        assert!(
            found >= error - 0.01,
            "mode {mode}: {found} far below {error}"
        );
    }
}

/// With an orthogonal fixed factor, the problem is the partial decomposition of the other modes, as in
/// TensorLy's `partial_tucker`.
#[test]
fn a_fixed_orthogonal_factor_is_a_mode_left_alone() {
    let x: Tensor<f64> = Random::new(3).tensor(&[5, 7, 6]);
    let partial = Hooi {
        modes: Some(vec![1, 2]),
        sweep_tolerance: 1e-13,
        max_sweeps: 500,
        ..Hooi::new([3, 2])
    };
    let partial = partial.decompose(&x).unwrap();
    let mut factors = partial.factors().to_vec();
    factors[0] = Some(Mat::identity(5, 5));
    let hooi = Hooi {
        fixed: vec![0],
        ..Hooi::new([5, 3, 2])
    };
    let fixed = hooi.decompose_from(&x, factors).unwrap();
    let errors = [&partial, &fixed].map(|tucker| tucker.relative_error(&x).unwrap());
    assert!((errors[0] - errors[1]).abs() < 1e-10, "{errors:?}");
}

/// One random start of rank 1 ends in a worse optimum of this tensor, several starts find the best.
#[test]
fn the_best_of_several_starts_is_kept() {
    // Two orthogonal terms of weights 2 and 1: both are optima of rank 1.
    let x = Tensor::from_fn(&[12, 12, 12], |i| {
        let all = |range: std::ops::Range<usize>| i.iter().all(|k| range.contains(k));
        match () {
            () if all(0..2) => 2.0 / 8f64.sqrt(),
            () if all(2..12) => 1.0 / 1000f64.sqrt(),
            () => 0.0,
        }
    })
    .unwrap();
    let run = |seed, starts| {
        let hooi = Hooi {
            start: Start::Random,
            seed,
            starts,
            ..Hooi::new([1, 1, 1])
        };
        hooi.decompose(&x).unwrap().relative_error(&x).unwrap()
    };
    let single: Vec<f64> = (0..8).map(|seed| run(seed, 1)).collect();
    let smallest = single.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(single.iter().any(|error| *error > 0.8), "{single:?}");
    assert!((smallest - 0.2f64.sqrt()).abs() < 1e-12);
    assert_eq!(run(0, 8), smallest);
    // ST-HOSVD, the first of the starts, has the best optimum from the beginning.
    let hooi = Hooi {
        starts: 3,
        ..Hooi::new([1, 1, 1])
    };
    assert!(hooi.decompose(&x).unwrap().relative_error(&x).unwrap() <= smallest + 1e-15);
}

/// A sweep in another order is a sweep of the permuted tensor.
#[test]
fn the_order_of_the_modes_is_that_of_a_permuted_tensor() {
    let x: Tensor<f64> = Random::new(8).tensor(&[5, 6, 7]);
    let start: Vec<_> = [5, 6, 7]
        .iter()
        .map(|&extent| Random::new(extent as u64).matrix::<f64>(extent, 2))
        .collect();
    let order = [2, 0, 1];
    let sweep = |x: &Tensor<f64>, modes: [usize; 3], order: Option<Vec<usize>>| {
        let hooi = Hooi {
            order,
            max_sweeps: 1,
            ..Hooi::new([2, 2, 2])
        };
        let factors = modes.iter().map(|&mode| Some(start[mode].clone()));
        hooi.decompose_from(x, factors.collect()).unwrap()
    };
    let ordered = sweep(&x, [0, 1, 2], Some(order.to_vec()));
    let permuted = sweep(&x.permute(&order).unwrap(), order, None);
    let ascending = sweep(&x, [0, 1, 2], None);
    for (place, &mode) in order.iter().enumerate() {
        let [ours, other, first] = [(&ordered, mode), (&permuted, place), (&ascending, mode)]
            .map(|(tucker, mode)| oracle::matrix_in_f64(tucker.factor(mode).unwrap()));
        assert!((&ours - other).norm_max() < 1e-12, "mode {mode}");
        assert!((&ours - first).norm_max() > 1e-3, "mode {mode}");
    }
}

#[test]
fn options_that_do_not_fit_are_errors() {
    let x: Tensor<f64> = Random::new(1).tensor(&[3, 4, 5]);
    let hooi = || Hooi::new([2, 2, 2]);
    let failure = |hooi: Hooi| {
        let failure = hooi.decompose(&x).unwrap_err();
        let estimate = hooi.memory::<f64>(x.shape()).map_err(|it| it.to_string());
        if hooi.starts > 0 {
            assert_eq!(estimate.unwrap_err(), failure.to_string());
        }
        failure
    };
    let starts = Hooi {
        starts: 0,
        ..hooi()
    };
    assert!(matches!(failure(starts), Error::NotPositive { .. }));
    let fixed = |fixed: &[usize]| Hooi {
        fixed: fixed.to_vec(),
        ..hooi()
    };
    assert!(matches!(
        failure(fixed(&[3])),
        Error::ModeOutOfRange { mode: 3, .. }
    ));
    assert!(matches!(
        failure(fixed(&[1, 1])),
        Error::RepeatedMode { mode: 1 }
    ));
    let partial = Hooi {
        modes: Some(vec![0, 2]),
        fixed: vec![1],
        ..Hooi::new([2, 2])
    };
    assert!(matches!(
        failure(partial),
        Error::ModeNotDecomposed { mode: 1 }
    ));
    let order = Hooi {
        order: Some(vec![0, 1]),
        ..hooi()
    };
    assert!(matches!(
        failure(order),
        Error::LengthMismatch { expected: 3, .. }
    ));
    for (options, what) in [
        (
            Hooi {
                start: Start::Random,
                ..hooi()
            },
            "a random start",
        ),
        (
            Hooi {
                starts: 2,
                ..hooi()
            },
            "several starts",
        ),
        (
            Hooi {
                fixed: vec![0],
                ..hooi()
            },
            "fixed modes",
        ),
    ] {
        let within = Hooi {
            truncation: Truncation::RelativeError(0.1),
            ..options
        };
        let failure = failure(within);
        assert!(matches!(failure, Error::RanksNeeded { what: named } if named == what));
    }
    // All modes may be fixed.
    let all = fixed(&[0, 1, 2]).decompose(&x).unwrap();
    let start = StHosvd::new([2, 2, 2]).decompose(&x).unwrap();
    assert_eq!(all.factors(), start.factors());
}

fn check_descent<T: Scalar>(
    seed: u64,
    extents: &[usize],
    exponent: i32,
) -> Result<(), TestCaseError> {
    let mut random = Random::new(seed);
    let unit = 2f64.powi(exponent);
    let x = Tensor::from_fn(extents, |_| T::from_f64(unit * random.uniform())).unwrap();
    let ranks: Vec<usize> = extents.iter().map(|&extent| 1 + extent / 2).collect();
    let mut order: Vec<usize> = (0..extents.len()).collect();
    order.rotate_left(random.below(extents.len()));
    let hooi = Hooi {
        start: Start::Random,
        seed,
        fixed: vec![random.below(extents.len())],
        order: Some(order),
        ..Hooi::new(ranks.clone())
    };
    if Truncation::Ranks(ranks).check(extents, None).is_err() {
        prop_assert!(hooi.decompose(&x).is_err());
        return Ok(());
    }
    let mut sweeps = hooi.sweeps(&x).unwrap();
    for sweep in &mut sweeps {
        prop_assert!(sweep.unwrap().change >= -THRESHOLD * T::EPSILON);
    }
    let tucker = sweeps.finish().unwrap();
    for factor in tucker.factors().iter().flatten() {
        prop_assert!(orthonormality(factor.as_ref()) < THRESHOLD);
    }
    let (known, measured) = (
        tucker.estimated_error().unwrap(),
        tucker.relative_error(&x).unwrap(),
    );
    prop_assert!((known - measured).abs() < THRESHOLD * T::EPSILON);
    Ok(())
}

proptest! {
    #![proptest_config(random_cases(40, 31))]

    #[test]
    fn sweeps_with_constraints_never_increase_the_error(
        seed in any::<u64>(),
        extents in prop::collection::vec(1..7usize, 1..5),
        size in -1..2i32,
    ) {
        check_descent::<f64>(seed, &extents, 990 * size)?;
        check_descent::<f32>(seed, &extents, 110 * size)?;
    }
}
