//! Bad input to the solvers: which error, and with what in it.

use faer::Mat;
use tenfold::{
    Error, Hooi, Hosvd, ModeOrder, Randomized, Result, StHosvd, Tensor, Truncation, Tucker,
    mode_spectrum,
};

fn x() -> Tensor<f64> {
    Tensor::from_fn(&[4, 5, 6], |i| (1 + i[0] + 2 * i[1] * i[2]) as f64).unwrap()
}

/// Each solver's answer to the same truncation.
fn decompose(
    x: &Tensor<f64>,
    truncation: Truncation,
    modes: Option<Vec<usize>>,
) -> Vec<Result<Tucker<f64>>> {
    let mut answers = vec![
        Hosvd {
            modes: modes.clone(),
            ..Hosvd::new(truncation.clone())
        }
        .decompose(x),
        StHosvd {
            modes: modes.clone(),
            ..StHosvd::new(truncation.clone())
        }
        .decompose(x),
        Hooi {
            modes: modes.clone(),
            ..Hooi::new(truncation.clone())
        }
        .decompose(x),
    ];
    if let Truncation::Ranks(ranks) = truncation {
        answers.push(
            Randomized {
                modes,
                ..Randomized::new(ranks)
            }
            .decompose(x),
        );
    }
    answers
}

fn says(answers: Vec<Result<Tucker<f64>>>, message: &str) {
    for answer in answers {
        assert_eq!(answer.unwrap_err().to_string(), message);
    }
}

#[test]
fn ranks() {
    let at = |ranks: &[usize]| decompose(&x(), Truncation::Ranks(ranks.to_vec()), None);
    says(at(&[2, 2]), "ranks has 2 entries, the tensor has 3 modes");
    says(
        at(&[2, 2, 2, 2]),
        "ranks has 4 entries, the tensor has 3 modes",
    );
    says(at(&[]), "ranks has 0 entries, the tensor has 3 modes");
    says(
        at(&[2, 0, 2]),
        "the rank of mode 1 is 0, at least 1 is needed",
    );
    says(
        at(&[2, 2, 7]),
        "the rank of mode 2 is 7, above its extent 6",
    );
    says(
        at(&[1, 2, 3]),
        "the rank of mode 2 is 3, above 2, the product of the other modes' ranks",
    );
    let order_one = Tensor::new(&[5], vec![1.0; 5]).unwrap();
    says(
        decompose(&order_one, Truncation::Ranks(vec![2]), None),
        "the rank of mode 0 is 2, above 1, the product of the other modes' ranks",
    );
}

#[test]
fn tolerances() {
    for (value, shown) in [
        (-0.1, "-0.1"),
        (1.0, "1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        says(
            decompose(&x(), Truncation::RelativeError(value), None),
            &format!("the relative error is {shown}, it must be at least 0 and below 1"),
        );
    }
    let hooi = Hooi {
        sweep_tolerance: 1.0,
        ..Hooi::new([2, 2, 2])
    };
    says(
        vec![hooi.decompose(&x())],
        "the sweep tolerance is 1, it must be at least 0 and below 1",
    );
    let hooi = Hooi {
        max_sweeps: 0,
        ..Hooi::new([2, 2, 2])
    };
    says(
        vec![hooi.decompose(&x())],
        "the number of sweeps must be at least 1",
    );
}

#[test]
fn modes() {
    let of = |modes: &[usize]| {
        decompose(
            &x(),
            Truncation::Ranks(vec![2; modes.len()]),
            Some(modes.to_vec()),
        )
    };
    says(of(&[]), "no mode is named, at least one is needed");
    says(
        of(&[0, 3]),
        "mode 3 does not exist: the tensor has 3 modes, counted from 0",
    );
    says(of(&[1, 1]), "mode 1 is named twice");
    says(
        decompose(&x(), Truncation::Ranks(vec![2, 2, 2]), Some(vec![0, 1])),
        "ranks has 3 entries, the call names 2 modes",
    );
    let ordered = |order: Vec<usize>| {
        let mode_order = ModeOrder::Given(order);
        StHosvd {
            mode_order,
            ..StHosvd::new([2, 2, 2])
        }
        .decompose(&x())
    };
    says(
        vec![ordered(vec![0, 1])],
        "[0, 1] is not a permutation of the modes 0 to 2",
    );
    says(vec![ordered(vec![0, 1, 1])], "mode 1 is named twice");
    says(
        vec![ordered(vec![0, 1, 7])],
        "mode 7 does not exist: the tensor has 3 modes, counted from 0",
    );
    assert!(matches!(
        mode_spectrum(&x(), 3),
        Err(Error::ModeOutOfRange { mode: 3, order: 3 })
    ));
}

#[test]
fn tensors_without_entries() {
    for shape in [[0, 3, 4], [3, 0, 4], [3, 4, 0]] {
        let empty = Tensor::zeros(&shape).unwrap();
        let [a, b, c] = shape;
        let message = format!("shape {a}×{b}×{c} has no entries, at least one is needed");
        says(
            decompose(&empty, Truncation::Ranks(vec![1, 1, 1]), None),
            &message,
        );
        says(
            decompose(&empty, Truncation::RelativeError(0.1), None),
            &message,
        );
        assert_eq!(mode_spectrum(&empty, 0).unwrap().iter().sum::<f64>(), 0.0);
    }
}

#[test]
fn entries_that_are_not_finite() {
    for (value, shown) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        for (position, index) in [(0, "[0, 0, 0]"), (47, "[1, 2, 5]"), (119, "[3, 4, 5]")] {
            let mut x = x();
            x.data_mut()[position] = value;
            // A later one does not matter.
            x.data_mut()[119] = f64::NAN;
            let shown = if position == 119 { "NaN" } else { shown };
            let message = format!("the entry at {index} is {shown}, every entry must be finite");
            for truncation in [
                Truncation::Ranks(vec![2, 2, 2]),
                Truncation::Ranks(vec![4, 5, 6]),
                Truncation::RelativeError(0.1),
                Truncation::RelativeError(0.0),
            ] {
                says(decompose(&x, truncation, None), &message);
            }
            says(
                decompose(&x, Truncation::Ranks(vec![2]), Some(vec![1])),
                &message,
            );
            assert_eq!(mode_spectrum(&x, 1).unwrap_err().to_string(), message);
            let eyes = (0..3)
                .map(|n| Some(Mat::identity(x.shape()[n], 2)))
                .collect();
            let sweeps = Hooi::new([2, 2, 2]).sweeps_from(&x, eyes);
            assert_eq!(sweeps.unwrap_err().to_string(), message);
        }
    }
    let mut x = Tensor::<f32>::zeros(&[3, 3]).unwrap();
    x.data_mut()[4] = f32::NAN;
    assert!(
        matches!(StHosvd::new([1, 1]).decompose(&x), Err(Error::NonFinite { index, .. }) if index == [1, 1])
    );
}

#[test]
fn given_factors() {
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

#[test]
fn decompositions_from_parts() {
    let core = || Tensor::<f64>::zeros(&[2, 3]).unwrap();
    let new = |factors| Tucker::new(core(), factors).unwrap_err().to_string();
    assert_eq!(
        new(vec![None]),
        "1 factors were given, the tensor has 2 modes"
    );
    assert_eq!(
        new(vec![None, Some(Mat::zeros(7, 2))]),
        "the factor of mode 1 is 7×2, 7×3 was expected"
    );
    let tucker = Tucker::new(core(), vec![Some(Mat::zeros(4, 2)), None]).unwrap();
    assert_eq!(tucker.shape(), [4, 3]);
    assert_eq!(
        (
            tucker.estimated_error(),
            tucker.spectrum(0),
            tucker.shortfall()
        ),
        (None, None, None)
    );
    assert_eq!(
        tucker.relative_error(&core()).unwrap_err().to_string(),
        "the tensor to compare with: shape 4×3 was expected, not 2×3"
    );
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
    // Against a tensor of zeros there is no relative error but 0 and ∞.
    assert_eq!(
        tucker
            .relative_error(&Tensor::zeros(&[4, 3]).unwrap())
            .unwrap(),
        0.0
    );
}
