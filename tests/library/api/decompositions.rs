//! Tucker decompositions with arbitrary options, and all methods of the result.

use std::ops::Range;

use faer::Mat;
use proptest::prelude::*;
use tenfold::{
    Error, Hooi, Hosvd, Interpolatory, ModeOrder, NonNegative, Randomized, Result, Route, Scalar,
    Slice, Solver, StHosvd, Start, Tensor, Truncation, Tucker, mode_spectrum,
};

use super::{Entries, all_finite, call, config, entries, is_out_of_range, number, numbers, shapes};
use crate::common::random::Random;

/// Tolerances. The first five are valid.
const TOLERANCES: [f64; 9] = [
    0.0,
    1e-12,
    1e-3,
    0.1,
    0.9,
    1.0,
    -0.5,
    f64::NAN,
    f64::INFINITY,
];

fn truncation(random: &mut Random, order: usize) -> Truncation {
    match random.below(4) {
        0 => Truncation::RelativeError(TOLERANCES[random.below(TOLERANCES.len())]),
        1 => Truncation::MaxEntries(number(random, 99)),
        2 => Truncation::Ranks(vec![1 + random.below(2); order]),
        _ => Truncation::Ranks(numbers(random, order + 1, 4)),
    }
}

fn modes(random: &mut Random, order: usize) -> Option<Vec<usize>> {
    (random.below(3) == 0).then(|| numbers(random, order + 1, order))
}

fn route(random: &mut Random) -> Route {
    [Route::Auto, Route::Gram, Route::Qr][random.below(3)]
}

/// Checks the shape and the error of a decomposition, and calls all its methods.
fn check_outcome<T: Scalar>(
    name: &str,
    outcome: Result<Tucker<T>>,
    x: &Tensor<T>,
    kind: Entries,
    random: &mut Random,
) {
    let Ok(tucker) = outcome else {
        return;
    };
    assert!(
        all_finite(x),
        "{name} decomposed entries that are not finite"
    );
    assert_eq!(tucker.shape(), x.shape());
    if kind == Entries::Moderate {
        let error = call("Tucker::relative_error", || tucker.relative_error(x)).unwrap();
        assert!((0.0..1.0 + 1e-3).contains(&error), "{name}: {error}");
    }
    check_methods(&tucker, x, kind, random);
}

/// Calls all methods of a decomposition.
fn check_methods<T: Scalar>(tucker: &Tucker<T>, x: &Tensor<T>, kind: Entries, random: &mut Random) {
    let shape = call("Tucker::shape", || tucker.shape());
    let order = shape.len();
    let ranks = call("Tucker::ranks", || tucker.ranks());
    assert_eq!(call("Tucker::core", || tucker.core()).shape(), ranks);
    let mode = number(random, order);
    let factor = call("Tucker::factor", || tucker.factor(mode));
    if let Some(factor) = factor {
        assert_eq!((factor.nrows(), factor.ncols()), (shape[mode], ranks[mode]));
    }
    call("Tucker::spectrum", || tucker.spectrum(mode));
    call("Tucker::estimated_error", || tucker.estimated_error());
    call("Tucker::shortfall", || tucker.shortfall());
    call("Tucker::rung", || tucker.rung());
    call("Tucker::convergence", || tucker.convergence());
    assert!(call("Tucker::compression", || tucker.compression()) > 0.0);
    check_orthonormal(tucker, kind, mode);
    let error = call("Tucker::relative_error", || tucker.relative_error(x));
    assert_eq!(error.is_ok(), x.shape() == shape && all_finite(x));

    let whole = call("Tucker::reconstruct", || tucker.reconstruct());
    let whole = (!is_out_of_range(&whole)).then(|| whole.unwrap());
    if let Some(whole) = &whole {
        assert_eq!(whole.shape(), shape);
    }
    let bytes = call("Tucker::reconstruction_memory", || {
        tucker.reconstruction_memory(None)
    });
    assert!(bytes.is_ok());
    let count = if random.below(4) == 0 {
        random.below(18)
    } else {
        order
    };
    let ranges: Vec<Range<usize>> = (0..count)
        .map(|mode| {
            let extent = shape.get(mode).copied().unwrap_or(1);
            let (start, end) = (random.below(extent + 1), random.below(extent + 1));
            match random.below(12) {
                0 => number(random, extent)..number(random, extent),
                _ => start.min(end)..start.max(end),
            }
        })
        .collect();
    let fits = count == order
        && ranges
            .iter()
            .zip(shape)
            .all(|(r, &extent)| r.start <= r.end && r.end <= extent);
    let slice = Slice::from(&ranges[..]);
    let bytes = call("Tucker::reconstruction_memory", || {
        tucker.reconstruction_memory(Some(&slice))
    });
    let part = call("Tucker::reconstruct_slice", || {
        tucker.reconstruct_slice(&slice)
    });
    // If a slice is out of range, the whole tensor is too.
    let part_fits = fits && !(whole.is_none() && is_out_of_range(&part));
    assert_eq!(
        (bytes.is_ok(), part.is_ok()),
        (fits, part_fits),
        "{ranges:?} of {shape:?}"
    );
    let (Some(whole), Ok(part)) = (whole, part) else {
        return;
    };
    if kind == Entries::Moderate {
        let first: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        let corner = part.get(&vec![0; order]).map(Scalar::as_f64);
        let expected = corner.and(whole.get(&first)).map(Scalar::as_f64);
        let size = 1.0 + whole.norm();
        assert!(
            corner
                .zip(expected)
                .is_none_or(|(a, b)| (a - b).abs() <= 1e-5 * size)
        );
    }
}

/// Calls the methods of a decomposition that use orthonormal factors.
fn check_orthonormal<T: Scalar>(tucker: &Tucker<T>, kind: Entries, mode: usize) {
    let orthonormal = call("Tucker::has_orthonormal_factors", || {
        tucker.has_orthonormal_factors()
    });
    call("Tucker::spectra_memory", || tucker.spectra_memory());
    let norm = call("Tucker::norm", || tucker.norm());
    let spectrum = call("Tucker::mode_spectrum", || tucker.mode_spectrum(mode));
    assert!(spectrum.is_err() || mode < tucker.shape().len());
    let same = call("Tucker::orthonormalised", || {
        tucker.clone().orthonormalised()
    });
    if let Ok(trade_offs) = call("Tucker::trade_offs", || tucker.clone().trade_offs(0.0)) {
        let entries = call("TradeOffs::entries", || trade_offs.entries());
        for limit in [0, *entries.start(), *entries.end()] {
            let found = call("TradeOffs::within", || trade_offs.within(limit));
            assert!(found.is_none_or(|found| found.entries <= limit));
        }
        let _ = call("TradeOffs::at", || trade_offs.at(tucker.ranks()));
    }
    if kind == Entries::Moderate || kind == Entries::Zero {
        let (norm, same) = (norm.unwrap(), same.unwrap());
        assert_eq!(same.shape(), tucker.shape());
        assert!(orthonormal == tucker.has_orthonormal_factors() && same.has_orthonormal_factors());
        let expected = tucker.reconstruct().unwrap().norm();
        assert!(
            (norm - expected).abs() <= 1e-4 * (1.0 + expected),
            "{norm} {expected}"
        );
    }
}

/// Calls both methods of a solver and checks the outcome.
fn check_solver<T: Scalar>(
    solver: &dyn Solver<T>,
    x: &Tensor<T>,
    kind: Entries,
    random: &mut Random,
) {
    let name = solver.method().name();
    let _ = call(name, || solver.memory(x.shape()));
    let outcome = call(name, || solver.decompose(x.view()));
    check_outcome(name, outcome, x, kind, random);
}

fn check_solvers<T: Scalar>(shape: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, shape);
    let order = shape.len();
    let mode = number(&mut random, order);
    let spectrum = call("mode_spectrum", || mode_spectrum(&x, mode));
    let fits = !is_out_of_range(&spectrum);
    assert_eq!(spectrum.is_ok(), mode < order && all_finite(&x) && fits);

    let st_hosvd = StHosvd {
        modes: modes(&mut random, order),
        mode_order: match random.below(3) {
            0 => ModeOrder::Given(numbers(&mut random, order, order)),
            _ => ModeOrder::FewestFlops,
        },
        route: route(&mut random),
        ..StHosvd::new(truncation(&mut random, order))
    };
    check_solver(&st_hosvd, &x, kind, &mut random);

    let hosvd = Hosvd {
        modes: modes(&mut random, order),
        route: route(&mut random),
        ..Hosvd::new(truncation(&mut random, order))
    };
    check_solver(&hosvd, &x, kind, &mut random);

    let randomized = Randomized {
        modes: modes(&mut random, order),
        oversampling: [0, 3, usize::MAX][random.below(3)],
        power_iterations: random.below(3),
        seed: random.bits(),
        ..Randomized::new(truncation(&mut random, order))
    };
    check_solver(&randomized, &x, kind, &mut random);

    let interpolatory = Interpolatory {
        modes: modes(&mut random, order),
        ..Interpolatory::new(truncation(&mut random, order))
    };
    check_solver(&interpolatory, &x, kind, &mut random);

    let non_negative = NonNegative {
        modes: modes(&mut random, order),
        sweep_tolerance: [1e-8, 1e-3, 1.0, -1.0, f64::NAN][random.below(5)],
        max_sweeps: [0, 1, 4, usize::MAX][random.below(4)],
        ..NonNegative::new(numbers(&mut random, order, 5))
    };
    check_solver(&non_negative, &x, kind, &mut random);

    let hooi = Hooi {
        modes: modes(&mut random, order),
        start: Start::ALL[random.below(3)],
        starts: [1, 1, 1, 0, 3][random.below(5)],
        seed: random.bits(),
        fixed: (0..[0, 0, 0, 1, 2][random.below(5)])
            .map(|_| random.below(4))
            .collect(),
        order: modes(&mut random, order),
        sweep_tolerance: [1e-8, 1e-3, 1.0, -1.0, f64::NAN][random.below(5)],
        max_sweeps: [0, 1, 4, usize::MAX][random.below(4)],
        route: route(&mut random),
        ..Hooi::new(truncation(&mut random, order))
    };
    check_solver(&hooi, &x, kind, &mut random);
    check_start(&hooi, &x, kind, &mut random);
}

/// Sweeps from an arbitrary number of factors with arbitrary sizes and entries.
fn check_start<T: Scalar>(hooi: &Hooi, x: &Tensor<T>, kind: Entries, random: &mut Random) {
    let order = x.order();
    let count = if random.below(4) == 0 {
        random.below(18)
    } else {
        order
    };
    let factors: Vec<Option<Mat<T>>> = (0..count)
        .map(|mode| {
            let extent = x.shape().get(mode).copied().unwrap_or(2);
            let rows = if random.below(9) == 0 {
                random.below(5)
            } else {
                extent
            };
            let columns = random.below(4);
            (random.below(4) > 0).then(|| kind.matrix(random, rows, columns))
        })
        .collect();
    let is_finite =
        |a: &Mat<T>| (0..a.ncols()).all(|j| (0..a.nrows()).all(|i| a[(i, j)].as_f64().is_finite()));
    let are_finite = factors.iter().flatten().all(is_finite);
    let Ok(mut sweeps) = call("Hooi::sweeps_from", || hooi.sweeps_from(x, factors)) else {
        return;
    };
    assert!(are_finite, "a factor that is not finite was accepted");
    for _ in 0..3 {
        let _ = call("Sweeps::next", || sweeps.next());
    }
    let outcome = call("Sweeps::finish", || sweeps.finish());
    check_outcome("Hooi::sweeps_from", outcome, x, kind, random);
}

/// Decompositions from a core and factors with arbitrary sizes.
fn check_parts<T: Scalar>(core: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, core);
    let count = if random.below(6) == 0 {
        random.below(18)
    } else {
        core.len()
    };
    let factors: Vec<Option<Mat<T>>> = (0..count)
        .map(|mode| {
            let rank = core.get(mode).copied().unwrap_or(1);
            let columns = if random.below(30) == 0 {
                random.below(5)
            } else {
                rank
            };
            let rows = if random.below(30) == 0 {
                0
            } else {
                1 + random.below(3)
            };
            (random.below(3) > 0 && mode < 6).then(|| kind.matrix(&mut random, rows, columns))
        })
        .collect();
    let fits = count == core.len()
        && factors.iter().zip(core).all(|(factor, &rank)| {
            factor
                .as_ref()
                .map_or(rank > 0, |a| a.ncols() == rank && rank > 0 && a.nrows() > 0)
        });
    let tucker = call("Tucker::new", || Tucker::new(x.clone(), factors));
    assert_eq!(tucker.is_ok(), fits);
    if let Ok(tucker) = tucker {
        check_methods(&tucker, &x, kind, &mut random);
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn solvers_with_arbitrary_options(shape in shapes(), kind in entries(), seed: u64) {
        check_solvers::<f64>(&shape, kind, seed);
        check_solvers::<f32>(&shape, kind, seed.rotate_left(1));
    }

    #[test]
    fn decompositions_from_arbitrary_parts(core in shapes(), kind in entries(), seed: u64) {
        check_parts::<f64>(&core, kind, seed);
        check_parts::<f32>(&core, kind, seed.rotate_left(1));
    }

    #[test]
    fn truncations_of_arbitrary_shapes(
        shape in prop::collection::vec(prop_oneof![9 => 1usize..6, 1 => Just(0), 1 => Just(usize::MAX)], 0..20),
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        let truncation = truncation(&mut random, shape.len().max(1));
        let modes = modes(&mut random, shape.len() + 1);
        let checked = call("Truncation::check", || truncation.check(&shape, modes.as_deref()));
        if let Truncation::Ranks(ranks) = &truncation {
            let lowered = call("Truncation::at_most", || {
                Truncation::at_most(ranks, &shape, modes.as_deref())
            });
            // Lawful ranks stay the same, and lowered ranks are lawful.
            prop_assert!(checked.is_err() || lowered.as_ref().ok() == Some(&truncation));
            if let Ok(lowered) = lowered {
                prop_assert!(lowered.check(&shape, modes.as_deref()).is_ok());
            }
        }
        if shape.is_empty() || shape.len() > 16 {
            let refused = matches!(checked, Err(Error::OrderOutOfRange { .. }));
            prop_assert!(refused);
        }
    }
}
