//! Bad input to the solvers, and the messages of the errors that it gives.

use faer::Mat;
use tenfold::{Error, Hooi, ModeOrder, Result, StHosvd, Tensor, Truncation, Tucker, mode_spectrum};

use crate::common::solvers::solvers;

fn x() -> Tensor<f64> {
    Tensor::from_fn(&[4, 5, 6], |i| (1 + i[0] + 2 * i[1] * i[2]) as f64).unwrap()
}

/// Fails unless the error has this message.
fn check_error(outcome: Result<Tucker<f64>>, message: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), message);
}

/// Fails unless every solver refuses the tensor with this message.
fn check_refusals(x: &Tensor<f64>, truncation: Truncation, modes: Option<&[usize]>, message: &str) {
    for solver in solvers::<f64>(&truncation, modes) {
        check_error(solver.decompose(x.view()), message);
    }
}

#[test]
fn ranks_that_do_not_fit_the_tensor_are_refused() {
    for (ranks, message) in [
        (&[2, 2][..], "ranks has 2 entries, the tensor has 3 modes"),
        (&[2, 2, 2, 2], "ranks has 4 entries, the tensor has 3 modes"),
        (&[], "ranks has 0 entries, the tensor has 3 modes"),
        (&[2, 0, 2], "the rank of mode 1 is 0, at least 1 is needed"),
        (&[2, 2, 7], "the rank of mode 2 is 7, above its extent 6"),
        (
            &[1, 2, 3],
            "the rank of mode 2 is 3, above 2, the product of the other modes' ranks",
        ),
    ] {
        check_refusals(&x(), ranks.to_vec().into(), None, message);
    }
    let order_one = Tensor::new(&[5], vec![1.0; 5]).unwrap();
    check_refusals(
        &order_one,
        [2].into(),
        None,
        "the rank of mode 0 is 2, above 1, the product of the other modes' ranks",
    );
}

#[test]
fn tolerances_outside_their_range_are_refused() {
    for (value, shown) in [
        (-0.1, "-0.1"),
        (1.0, "1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        let message = format!("the relative error is {shown}, it must be at least 0 and below 1");
        check_refusals(&x(), Truncation::RelativeError(value), None, &message);
    }
}

#[test]
fn options_of_sweeps_outside_their_range_are_refused() {
    let hooi = Hooi {
        sweep_tolerance: 1.0,
        ..Hooi::new([2, 2, 2])
    };
    check_error(
        hooi.decompose(&x()),
        "the sweep tolerance is 1, it must be at least 0 and below 1",
    );
    let hooi = Hooi {
        max_sweeps: 0,
        ..Hooi::new([2, 2, 2])
    };
    check_error(
        hooi.decompose(&x()),
        "the number of sweeps must be at least 1",
    );
}

#[test]
fn modes_that_do_not_fit_the_tensor_are_refused() {
    for (modes, message) in [
        (&[][..], "no mode is named, at least one is needed"),
        (
            &[0, 3],
            "mode 3 does not exist: the tensor has 3 modes, counted from 0",
        ),
        (&[1, 1], "mode 1 is named twice"),
    ] {
        check_refusals(&x(), vec![2; modes.len()].into(), Some(modes), message);
    }
    check_refusals(
        &x(),
        [2, 2, 2].into(),
        Some(&[0, 1]),
        "ranks has 3 entries, the call names 2 modes",
    );
    assert!(matches!(
        mode_spectrum(&x(), 3),
        Err(Error::ModeOutOfRange { mode: 3, order: 3 })
    ));
}

#[test]
fn mode_orders_that_are_no_permutations_are_refused() {
    for (order, message) in [
        (
            &[0, 1][..],
            "[0, 1] is not a permutation of the modes 0 to 2",
        ),
        (&[0, 1, 1], "mode 1 is named twice"),
        (
            &[0, 1, 7],
            "mode 7 does not exist: the tensor has 3 modes, counted from 0",
        ),
    ] {
        let solver = StHosvd {
            mode_order: ModeOrder::Given(order.to_vec()),
            ..StHosvd::new([2, 2, 2])
        };
        check_error(solver.decompose(&x()), message);
    }
}

#[test]
fn tensors_without_entries_are_refused() {
    for shape in [[0, 3, 4], [3, 0, 4], [3, 4, 0]] {
        let empty = Tensor::zeros(&shape).unwrap();
        let [a, b, c] = shape;
        let message = format!("shape {a}×{b}×{c} has no entries, at least one is needed");
        check_refusals(&empty, [1, 1, 1].into(), None, &message);
        check_refusals(&empty, Truncation::RelativeError(0.1), None, &message);
        assert_eq!(mode_spectrum(&empty, 0).unwrap().iter().sum::<f64>(), 0.0);
    }
}

#[test]
fn the_first_entry_that_is_not_finite_is_named() {
    for (value, shown) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        for (position, index) in [(0, "[0, 0, 0]"), (47, "[1, 2, 5]"), (119, "[3, 4, 5]")] {
            let mut x = x();
            x.data_mut()[position] = value;
            // The last entry is not finite either.
            x.data_mut()[119] = f64::NAN;
            let shown = if position == 119 { "NaN" } else { shown };
            let message = format!("the entry at {index} is {shown}, every entry must be finite");
            for truncation in [
                Truncation::from([2, 2, 2]),
                Truncation::from([4, 5, 6]),
                Truncation::RelativeError(0.1),
                Truncation::RelativeError(0.0),
            ] {
                check_refusals(&x, truncation, None, &message);
            }
            check_refusals(&x, [2].into(), Some(&[1]), &message);
            assert_eq!(mode_spectrum(&x, 1).unwrap_err().to_string(), message);
            let factors = (0..3)
                .map(|n| Some(Mat::identity(x.shape()[n], 2)))
                .collect();
            let sweeps = Hooi::new([2, 2, 2]).sweeps_from(&x, factors);
            assert_eq!(sweeps.unwrap_err().to_string(), message);
        }
    }
}

#[test]
fn an_entry_in_f32_that_is_not_finite_is_named() {
    let mut x = Tensor::<f32>::zeros(&[3, 3]).unwrap();
    x.data_mut()[4] = f32::NAN;
    let outcome = StHosvd::new([1, 1]).decompose(&x);
    assert!(matches!(outcome, Err(Error::NonFinite { index, .. }) if index == [1, 1]));
}

#[test]
fn given_factors_that_do_not_fit_the_tensor_are_refused() {
    let hooi = Hooi::new([2, 2, 2]);
    let x = x();
    let from = |factors| hooi.sweeps_from(&x, factors).unwrap_err().to_string();
    let eye = |rows, columns| Some(Mat::<f64>::identity(rows, columns));
    assert_eq!(
        from(vec![eye(4, 2), eye(5, 2)]),
        "2 factors were given, the tensor has 3 modes"
    );
    assert_eq!(
        from(vec![eye(4, 2), eye(4, 2), eye(6, 2)]),
        "the factor of mode 1 is 4×2, 5×2 was expected"
    );
    assert_eq!(
        from(vec![eye(4, 2), eye(5, 0), eye(6, 2)]),
        "the rank of mode 1 is 0, at least 1 is needed"
    );
    assert_eq!(
        from(vec![eye(4, 5), eye(5, 5), eye(6, 5)]),
        "the rank of mode 0 is 5, above its extent 4"
    );
    assert_eq!(
        from(vec![None, None, None]),
        "no mode is named, at least one is needed"
    );
}

fn core() -> Tensor<f64> {
    Tensor::zeros(&[2, 3]).unwrap()
}

#[test]
fn factors_that_do_not_fit_the_core_are_refused() {
    let new = |factors| Tucker::new(core(), factors).unwrap_err().to_string();
    assert_eq!(
        new(vec![None]),
        "1 factors were given, the tensor has 2 modes"
    );
    assert_eq!(
        new(vec![None, Some(Mat::zeros(7, 2))]),
        "the factor of mode 1 is 7×2, 7×3 was expected"
    );
}

/// A decomposition of shape 4×3 made from its parts.
fn tucker() -> Tucker<f64> {
    Tucker::new(core(), vec![Some(Mat::zeros(4, 2)), None]).unwrap()
}

#[test]
fn a_decomposition_from_parts_has_no_error_and_no_spectra() {
    let tucker = tucker();
    assert_eq!(tucker.shape(), [4, 3]);
    assert_eq!(
        (
            tucker.estimated_error(),
            tucker.spectrum(0),
            tucker.shortfall()
        ),
        (None, None, None)
    );
}

#[test]
fn a_tensor_of_another_shape_has_no_relative_error() {
    let tucker = tucker();
    assert_eq!(
        tucker.relative_error(&core()).unwrap_err().to_string(),
        "the tensor to compare with: shape 4×3 was expected, not 2×3"
    );
    // With a tensor of zeros the relative error is 0 or ∞.
    let zeros = Tensor::zeros(&[4, 3]).unwrap();
    assert_eq!(tucker.relative_error(&zeros).unwrap(), 0.0);
}

#[test]
fn slices_that_do_not_fit_the_tensor_are_refused() {
    let tucker = tucker();
    let slice = |ranges: &[std::ops::Range<usize>]| {
        let error = tucker.reconstruct_slice(&ranges.into()).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        slice(&[0..1, 0..1, 0..1]),
        "the slice names 3 modes, the tensor has 2"
    );
    assert_eq!(
        slice(&[0..5, 0..1]),
        "slice of mode 0: 0:5 does not lie within the extent 4"
    );
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = 2..1;
    assert_eq!(
        slice(&[0..1, backwards]),
        "slice of mode 1: 2:1 ends before it starts, for the extent 3"
    );
}
