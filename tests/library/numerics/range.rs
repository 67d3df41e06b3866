//! Tensors with a norm, a core or a reconstruction near an end of the scalar's range. If the result
//! can be represented, it is correct. Otherwise the error is `ResultOutOfRange`, not an error about
//! a finite entry.

use faer::mat;
use tenfold::cam::{Cam, Weighting};
use tenfold::{
    Error, Hooi, Hosvd, Randomized, Result, Scalar, Solver, StHosvd, Start, Tensor, Truncation,
    Tucker, mode_spectrum,
};

use super::solvers::rounding;
use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

/// The outcome of each solver that takes this truncation, with a name.
fn decompositions<T: Scalar>(
    x: &Tensor<T>,
    truncation: &Truncation,
) -> Vec<(&'static str, Result<Tucker<T>>)> {
    let hooi = |start| {
        Box::new(Hooi {
            start,
            max_sweeps: 5,
            ..Hooi::new(truncation.clone())
        })
    };
    let solvers: Vec<(&str, Box<dyn Solver<T>>)> = vec![
        ("ST-HOSVD", Box::new(StHosvd::new(truncation.clone()))),
        ("HOSVD", Box::new(Hosvd::new(truncation.clone()))),
        ("HOOI", hooi(Start::StHosvd)),
        ("HOOI from HOSVD", hooi(Start::Hosvd)),
        ("randomized", Box::new(Randomized::new(truncation.clone()))),
    ];
    let solvers = solvers.into_iter();
    let outcomes = solvers.map(|(name, solver)| (name, solver.decompose(x.view())));
    outcomes.collect()
}

/// The largest scalar.
fn largest<T: Scalar>() -> f64 {
    T::max_value().as_f64()
}

fn check_cores_above_the_largest_scalar<T: Scalar>() {
    let largest = largest::<T>();
    let x = Tensor::from_fn(&[6, 7, 8], |_| T::from_f64(largest / 8.0)).unwrap();
    for truncation in [Truncation::from([1, 1, 1]), Truncation::RelativeError(0.1)] {
        for (name, tucker) in decompositions(&x, &truncation) {
            let error = tucker.unwrap_err();
            assert!(
                matches!(error, Error::ResultOutOfRange { .. }),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn a_core_above_the_largest_scalar_is_refused() {
    check_cores_above_the_largest_scalar::<f32>();
    check_cores_above_the_largest_scalar::<f64>();
}

/// Entries ±0.12 times the largest scalar. The norm is above the largest scalar, but no entry of
/// the core is.
fn check_norms_above_the_largest_scalar<T: Scalar>() {
    let mut random = Random::new(7);
    let unit: Tensor<T> = Tensor::from_fn(&[4, 5, 6], |_| {
        T::from_f64(0.12 * random.uniform().signum())
    })
    .unwrap();
    let x: Tensor<T> = scaled(&unit, largest::<T>());
    for truncation in [
        Truncation::from([4, 5, 6]),
        Truncation::from([3, 4, 4]),
        Truncation::RelativeError(0.4),
    ] {
        let expected = decompositions(&unit, &truncation);
        for ((name, tucker), (_, expected)) in decompositions(&x, &truncation).iter().zip(&expected)
        {
            let tucker = tucker.as_ref().unwrap();
            let expected = expected.as_ref().unwrap();
            assert!(tucker.core().data().iter().all(|v| v.is_finite()), "{name}");
            assert_eq!(tucker.ranks(), expected.ranks(), "{name}");
            let truth = expected.relative_error(&unit).unwrap();
            let error = tucker.relative_error(&x).unwrap();
            assert!(
                (error - truth).abs() <= rounding(&x),
                "{name}: {error:e}, {truth:e}"
            );
            assert!(tucker.shortfall().is_none(), "{name}");
            let estimated = tucker.estimated_error().unwrap();
            assert!(estimated >= truth - rounding(&x), "{name}: {estimated:e}");
        }
    }
}

#[test]
fn a_norm_above_the_largest_scalar_is_no_error() {
    check_norms_above_the_largest_scalar::<f32>();
    check_norms_above_the_largest_scalar::<f64>();
}

fn check_reconstructions_out_of_range<T: Scalar>() {
    let largest = largest::<T>();
    let scalar = |value: f64| T::from_f64(value);
    let tucker = |core: f64, first: f64, second: f64| {
        let core = Tensor::new(&[1, 1], vec![scalar(core)]).unwrap();
        let factors = vec![Some(mat![[scalar(first)]]), Some(mat![[scalar(second)]])];
        Tucker::new(core, factors).unwrap()
    };
    // The product of two of the parts is out of range, the product of all three is not.
    let root = largest.sqrt();
    for (core, first, second, expected) in [
        (largest / 2.0, 4.0, 0.125, largest / 4.0),
        (root * 4.0, root * 4.0, 1.0 / root, root * 16.0),
        (1.0 / root, 1.0 / root / 64.0, root * 64.0, 1.0 / root),
    ] {
        let y = tucker(core, first, second).reconstruct().unwrap();
        let found = y.data()[0].as_f64();
        let ratio = found / expected;
        assert!(
            (ratio - 1.0).abs() <= 8.0 * T::EPSILON,
            "{found:e}, {expected:e}"
        );
        let slice = tucker(core, first, second)
            .reconstruct_slice(&[0..1, 0..1].into())
            .unwrap();
        assert_eq!(slice, y);
    }
    let above = tucker(largest / 2.0, 4.0, 1.0);
    let is_refused = |result: Result<Tensor<T>>| {
        assert!(
            matches!(result, Err(Error::ResultOutOfRange { .. })),
            "{result:?}"
        );
    };
    is_refused(above.reconstruct());
    is_refused(above.reconstruct_slice(&[0..1, 0..1].into()));
    // The relative error can be computed: X̂ is twice the largest scalar.
    let x = Tensor::new(&[1, 1], vec![scalar(largest)]).unwrap();
    assert!((above.relative_error(&x).unwrap() - 1.0).abs() <= 8.0 * T::EPSILON);
}

#[test]
fn a_reconstruction_above_the_largest_scalar_is_refused() {
    check_reconstructions_out_of_range::<f32>();
    check_reconstructions_out_of_range::<f64>();
}

/// Entries up to the largest scalar. A decomposition is refused if its reconstruction exceeds the
/// largest scalar. Otherwise it can be reconstructed.
fn check_that_decompositions_can_be_reconstructed<T: Scalar>() {
    let mut random = Random::new(21);
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..20 {
        let normal = Tensor::from_fn(&[3, 3, 3], |_| random.normal()).unwrap();
        let largest_entry = normal.data().iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let entries = normal.data().iter();
        let entries = entries.map(|v| T::from_f64(v / largest_entry * largest::<T>()));
        let x = Tensor::new(normal.shape(), entries.collect()).unwrap();
        for ranks in [[3, 3, 3], [2, 3, 2]] {
            for (name, tucker) in decompositions(&x, &Truncation::from(ranks)) {
                match tucker {
                    Ok(tucker) => {
                        kept += 1;
                        let y = tucker.reconstruct().unwrap();
                        assert!(y.data().iter().all(|v| v.is_finite()), "{name}");
                    }
                    Err(Error::ResultOutOfRange { .. }) => refused += 1,
                    Err(error) => panic!("{name}: {error}"),
                }
            }
        }
    }
    // Singular values are f64. For a tensor in f64 they are already above the largest scalar.
    let some = if T::EPSILON > f64::EPSILON { 5 } else { 0 };
    assert!(
        kept >= some && refused > 20,
        "{kept} kept, {refused} refused"
    );
}

#[test]
fn every_decomposition_can_be_reconstructed() {
    check_that_decompositions_can_be_reconstructed::<f32>();
    check_that_decompositions_can_be_reconstructed::<f64>();
}

#[test]
fn singular_values_above_the_largest_f64_are_refused() {
    let x = Tensor::from_fn(&[5, 4], |_| f64::MAX / 2.0).unwrap();
    let error = mode_spectrum(&x, 0).unwrap_err();
    // √20/2 times the largest f64, which is below 2^1024.
    assert!(
        matches!(error, Error::ResultOutOfRange { exponent: 1025, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("a singular value"), "{error}");
}

/// Tensors of multiples k·`step` of the smallest subnormal scalar, and the tensors of the k.
fn subnormal_tensors<T: Scalar>(step: f64) -> Vec<(Tensor<T>, Tensor<f64>)> {
    let mut random = Random::new(5);
    let periodic = Tensor::from_fn(&[5, 6, 7], |i| {
        ((7 * i[0] + 3 * i[1] + 5 * i[2]) % 9) as f64
    });
    let smooth = Tensor::from_fn(&[6, 6, 6], |i| {
        (4096.0 / (1 + i[0] + i[1] + i[2]) as f64).floor()
    });
    let noise = Tensor::from_fn(&[4, 9, 5], |_| (3.0 * random.normal()).round());
    let one = Tensor::from_fn(&[3, 4, 2], |i| if i == [1, 2, 0] { 1.0 } else { 0.0 });
    [periodic, smooth, noise, one]
        .into_iter()
        .map(|multiples| {
            let multiples = multiples.unwrap();
            (scaled(&multiples, step), multiples)
        })
        .collect()
}

fn check_subnormal_entries<T: Scalar>(step: f64) {
    let mut shortfalls = 0;
    for (x, multiples) in subnormal_tensors::<T>(step) {
        for tolerance in [0.5, 0.1, 0.01, 1e-4, 0.0] {
            for (name, tucker) in decompositions(&x, &Truncation::RelativeError(tolerance)) {
                let tucker = tucker.unwrap();
                let what = format!("{name}, {:?}, {tolerance}", x.shape());
                // The error of the reconstruction, in units of the smallest scalar.
                let y = tucker.reconstruct().unwrap();
                let entries = y.data().iter().map(|v| v.as_f64() / step);
                let found = Tensor::new(x.shape(), entries.collect()).unwrap();
                let error = oracle::relative_distance(&multiples, &found);
                let measured = tucker.relative_error(&x).unwrap();
                assert!(
                    (measured - error).abs() <= 1e-12,
                    "{what}: {measured:e}, {error:e}"
                );
                let known = tucker.estimated_error().unwrap();
                assert!(
                    (known - error).abs() <= 1e-12,
                    "{what}: {known:e}, {error:e}"
                );
                match tucker.shortfall() {
                    None => assert!(error <= tolerance, "{what}: error {error:e}"),
                    Some(shortfall) => {
                        assert_eq!(shortfall.requested, tolerance, "{what}");
                        assert!(error > tolerance, "{what}: {shortfall:?}");
                        let difference = (shortfall.reached - error).abs();
                        assert!(
                            difference <= 1e-12,
                            "{what}: {shortfall:?}, error {error:e}"
                        );
                        shortfalls += 1;
                    }
                }
            }
        }
    }
    assert!(
        shortfalls > 0,
        "rounding to subnormal scalars must cause a shortfall somewhere"
    );
}

#[test]
fn subnormal_entries_meet_the_tolerance_or_report_the_shortfall() {
    check_subnormal_entries::<f32>(f64::from(f32::from_bits(1)));
    check_subnormal_entries::<f64>(f64::from_bits(1));
}

/// Scaling by a power of two, up to the ends of the range, changes factors by rounding at most.
fn check_powers_of_two<T: Scalar>(exponents: &[i32]) {
    let mut random = Random::new(11);
    let x: Tensor<T> = random.low_rank(&[6, 7, 5], &[3, 3, 3], 0.05);
    for truncation in [Truncation::from([3, 2, 3]), Truncation::RelativeError(0.1)] {
        let expected = decompositions(&x, &truncation);
        for &exponent in exponents {
            let y: Tensor<T> = scaled(&x, 2f64.powi(exponent));
            for ((name, tucker), (_, expected)) in
                decompositions(&y, &truncation).iter().zip(&expected)
            {
                let (tucker, expected) = (tucker.as_ref().unwrap(), expected.as_ref().unwrap());
                assert_eq!(tucker.ranks(), expected.ranks(), "{name}, 2^{exponent}");
                for mode in 0..3 {
                    let (a, b) = (tucker.factor(mode).unwrap(), expected.factor(mode).unwrap());
                    let difference = (a - b).norm_max().as_f64();
                    assert!(
                        difference <= rounding(&x),
                        "{name}, 2^{exponent}: {difference:e}"
                    );
                }
                let difference =
                    tucker.relative_error(&y).unwrap() - expected.relative_error(&x).unwrap();
                assert!(
                    difference.abs() <= rounding(&x),
                    "{name}, 2^{exponent}: {difference:e}"
                );
            }
        }
    }
}

#[test]
fn scaling_by_a_power_of_two_does_not_change_factors_and_errors() {
    check_powers_of_two::<f32>(&[-100, -90, -60, 0, 60, 100, 126]);
    check_powers_of_two::<f64>(&[-990, -960, -500, 0, 500, 990, 1022]);
}

#[test]
fn an_entry_that_is_not_finite_is_named_if_the_norm_is_above_the_largest_scalar() {
    let mut x = Tensor::from_fn(&[3, 3, 3], |_| f32::MAX / 2.0).unwrap();
    x.data_mut()[14] = f32::NAN;
    for (name, tucker) in decompositions(&x, &Truncation::from([1, 1, 1])) {
        match tucker.unwrap_err() {
            Error::NonFinite { index, .. } => assert_eq!(index, [1, 1, 2], "{name}"),
            error => panic!("{name}: {error}"),
        }
    }
}

/// Saliency maps do not depend on the scale of the features, also at ranks below full.
fn check_maps<T: Scalar>(exponents: &[i32]) {
    let mut random = Random::new(3);
    let features: Tensor<T> = Tensor::from_fn(&[7, 4, 5], |_| {
        T::from_f64(random.uniform().max(-0.2) + 0.2)
    })
    .unwrap();
    for weighting in Weighting::ALL {
        let tucker = [Weighting::Tsm, Weighting::Mtsm].contains(&weighting);
        for ranks in [None, tucker.then(|| vec![3, 2, 3])] {
            let cam = Cam {
                ranks,
                ..Cam::new(weighting)
            };
            let expected = cam.saliency_map(&features).unwrap().into_values();
            for &exponent in exponents {
                let scaled: Tensor<T> = scaled(&features, 2f64.powi(exponent));
                let map = cam.saliency_map(&scaled).unwrap().into_values();
                let difference = oracle::distance(&map, &expected);
                assert!(
                    difference <= rounding(&features),
                    "{weighting:?} {:?}, 2^{exponent}: {difference:e}",
                    cam.ranks
                );
            }
        }
    }
}

#[test]
fn maps_of_the_largest_and_smallest_features_do_not_depend_on_the_scale() {
    check_maps::<f32>(&[-120, -80, 80, 127]);
    check_maps::<f64>(&[-1000, -600, 600, 1023]);
}
