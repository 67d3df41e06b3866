//! Cases: HOOI and ST-HOSVD of batches.

use tenfold::cuda::DeviceScalar;
use tenfold::{Error, Hooi, ModeOrder, Monitor, Route, StHosvd, Start, Tensor, Truncation, Tucker};

use super::{
    Case, LEFT, Runs, Trial, cancelled_monitor, counting_monitor, features, one_by_one, scaled,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "hooi_of_a_batch",
        runs: Runs::Anywhere,
        compare: hooi_of_a_batch,
    },
    Case {
        name: "st_hosvd_of_a_batch",
        runs: Runs::Anywhere,
        compare: st_hosvd_of_a_batch,
    },
    Case {
        name: "st_hosvd_of_every_small_order",
        runs: Runs::Anywhere,
        compare: st_hosvd_of_every_small_order,
    },
    Case {
        name: "some_modes_and_any_scale",
        runs: Runs::Anywhere,
        compare: some_modes_and_any_scale,
    },
    Case {
        name: "tolerances_find_the_ranks_of_each",
        runs: Runs::Anywhere,
        compare: tolerances_find_the_ranks_of_each,
    },
    Case {
        name: "tolerances_are_met_or_the_shortfall_reported",
        runs: Runs::Anywhere,
        compare: tolerances_are_met_or_the_shortfall_reported,
    },
    Case {
        name: "tolerances_obey_the_rank_law",
        runs: Runs::Anywhere,
        compare: tolerances_obey_the_rank_law,
    },
    Case {
        name: "tolerances_do_not_depend_on_companions",
        runs: Runs::Anywhere,
        compare: tolerances_do_not_depend_on_companions,
    },
    Case {
        name: "decompositions_in_single_precision",
        runs: Runs::Anywhere,
        compare: decompositions_in_single_precision,
    },
    Case {
        name: "decompositions_of_deficient_tensors",
        runs: Runs::Anywhere,
        compare: decompositions_of_deficient_tensors,
    },
    Case {
        name: "cores_that_do_not_fit",
        runs: Runs::Anywhere,
        compare: cores_that_do_not_fit,
    },
    Case {
        name: "decompositions_report_progress_and_stop",
        runs: Runs::Anywhere,
        compare: decompositions_report_progress_and_stop,
    },
    Case {
        name: "decompositions_in_chunks",
        runs: Runs::InTheInterpreter,
        compare: decompositions_in_chunks,
    },
    Case {
        name: "hooi_of_many_tensors",
        runs: Runs::OnHardware,
        compare: hooi_of_many_tensors,
    },
    Case {
        name: "st_hosvd_of_many_tensors",
        runs: Runs::OnHardware,
        compare: st_hosvd_of_many_tensors,
    },
    Case {
        name: "st_hosvd_of_larger_tensors",
        runs: Runs::OnHardware,
        compare: st_hosvd_of_larger_tensors,
    },
    Case {
        name: "decompositions_of_many_tensors_in_chunks",
        runs: Runs::OnHardware,
        compare: decompositions_of_many_tensors_in_chunks,
    },
];

impl Trial<'_> {
    fn hooi(&mut self, hooi: &Hooi, batch: &Tensor<f64>) {
        let of_device = self.device.hooi(hooi, batch).unwrap();
        let tensors = one_by_one(batch);
        let of_cpu = tensors.iter().map(|x| hooi.decompose(x).unwrap());
        self.figures
            .decompositions(&tensors, &of_device, &of_cpu.collect::<Vec<_>>());
    }

    fn st_hosvd(&mut self, st_hosvd: &StHosvd, batch: &Tensor<f64>) {
        let of_device = self.device.st_hosvd(st_hosvd, batch).unwrap();
        let tensors = one_by_one(batch);
        let of_cpu = tensors.iter().map(|x| st_hosvd.decompose(x).unwrap());
        self.figures
            .decompositions(&tensors, &of_device, &of_cpu.collect::<Vec<_>>());
    }

    /// A batch in several chunks gives the bits of the same batch in one chunk. `room` bytes of the
    /// device's memory are left for the chunks.
    fn decompositions_in_chunks(&mut self, batch: &Tensor<f64>, ranks: [usize; 3], room: usize) {
        // In one chunk the batch would need 2·4 times its bytes: tensors, their scaled copies and two
        // products, on two streams.
        assert!(8 * size_of_val(batch.data()) > room);
        let hooi = Hooi {
            max_sweeps: 3,
            ..Hooi::new(ranks)
        };
        let at_once = self.device.hooi(&hooi, batch).unwrap();
        self.leave(room);
        let (monitor, reports) = counting_monitor(batch.shape()[0]);
        let hooi = Hooi { monitor, ..hooi };
        let in_chunks = self.device.hooi(&hooi, batch).unwrap();
        assert!(reports.lock().unwrap().len() > 1);
        assert_eq!(in_chunks.len(), at_once.len());
        for (one, other) in in_chunks.iter().zip(&at_once) {
            assert_eq!(one.core().data(), other.core().data());
            for mode in 0..ranks.len() {
                assert_eq!(one.factor(mode), other.factor(mode));
            }
        }
    }
}

/// By Gram matrices, the device's only route.
fn st_hosvd_by_gram(truncation: impl Into<Truncation>) -> StHosvd {
    StHosvd {
        route: Route::Gram,
        ..StHosvd::new(truncation)
    }
}

fn hooi_by_gram(truncation: impl Into<Truncation>, start: Start, max_sweeps: usize) -> Hooi {
    Hooi {
        start,
        route: Route::Gram,
        max_sweeps,
        ..Hooi::new(truncation)
    }
}

/// Shapes and ranks: factors from both sides of unfoldings, orders 1 to 4.
const SHAPES_AND_RANKS: [(&[usize], &[usize]); 5] = [
    (&[3, 5, 6, 4], &[2, 3, 2]),
    (&[2, 14, 2, 3], &[2, 2, 2]),
    (&[2, 6, 5], &[2, 2]),
    (&[2, 7], &[1]),
    (&[2, 2, 3, 2, 4], &[2, 2, 1, 2]),
];

fn hooi_of_a_batch(trial: &mut Trial<'_>) {
    for (shape, ranks) in SHAPES_AND_RANKS {
        for start in [Start::StHosvd, Start::Hosvd] {
            let hooi = hooi_by_gram(ranks.to_vec(), start, 6);
            trial.hooi(&hooi, &features::<f64>(shape, 9));
        }
    }
}

fn st_hosvd_of_a_batch(trial: &mut Trial<'_>) {
    for (shape, ranks) in SHAPES_AND_RANKS {
        trial.st_hosvd(
            &st_hosvd_by_gram(ranks.to_vec()),
            &features::<f64>(shape, 9),
        );
    }
}

/// Up to order 54, one warp solves an eigenproblem. Matrices of even orders are graded.
fn st_hosvd_of_every_small_order(trial: &mut Trial<'_>) {
    for n in 1..=54 {
        let shape = [1, n, n + 2];
        let batch = match n % 2 {
            0 => graded_batch(&shape),
            _ => features::<f64>(&shape, 3),
        };
        trial.st_hosvd(&st_hosvd_by_gram([n.min(3), n.min(3)]), &batch);
    }
}

fn some_modes_and_any_scale(trial: &mut Trial<'_>) {
    let hooi = Hooi {
        modes: Some(vec![2, 0]),
        ..hooi_by_gram([2, 3], Start::StHosvd, 5)
    };
    let batch = features::<f64>(&[2, 5, 3, 4], 11);
    trial.hooi(&hooi, &batch);
    for factor in [1e-200, 1e200] {
        trial.hooi(&hooi, &scaled(&batch, factor));
    }
    let order = StHosvd {
        mode_order: ModeOrder::Given(vec![1, 2, 0]),
        ..st_hosvd_by_gram([2, 2, 2])
    };
    trial.st_hosvd(&order, &batch);
}

/// A batch with a tensor that fits, and a finite tensor with a core above the largest scalar.
fn cores_that_do_not_fit(trial: &mut Trial<'_>) {
    fn check<T: DeviceScalar>(trial: &Trial<'_>) {
        let entry = |i: &[usize]| {
            if i[0] == 1 {
                T::max_value() / T::from_f64(4.0)
            } else {
                T::one()
            }
        };
        let batch = Tensor::from_fn(&[2, 5, 4, 3], entry).unwrap();
        for truncation in [Truncation::from([1, 1, 1]), Truncation::RelativeError(0.1)] {
            let solver = st_hosvd_by_gram(truncation.clone());
            let refused = trial.device.st_hosvd(&solver, &batch);
            assert!(
                matches!(refused, Err(Error::ResultOutOfRange { .. })),
                "{refused:?}"
            );
            let solver = hooi_by_gram(truncation, Start::StHosvd, 3);
            let refused = trial.device.hooi(&solver, &batch);
            assert!(
                matches!(refused, Err(Error::ResultOutOfRange { .. })),
                "{refused:?}"
            );
        }
    }
    check::<f32>(trial);
    check::<f64>(trial);
}

/// Tensors that need different ranks: sums of ever more products of vectors, with growing noise.
fn graded_batch(shape: &[usize]) -> Tensor<f64> {
    let noise = features::<f64>(shape, 17);
    Tensor::from_fn(shape, |i| {
        let terms = (0..=i[0]).map(|term| {
            let waves = i[1..]
                .iter()
                .enumerate()
                .map(|(mode, &at)| ((1 + term) as f64 * (0.4 + at as f64) + mode as f64).sin());
            waves.product::<f64>()
        });
        let of_first = noise.get(&[&[0], &i[1..]].concat()).unwrap();
        terms.sum::<f64>() + 10f64.powi(i[0] as i32 - 5) * of_first
    })
    .unwrap()
}

fn tolerances_find_the_ranks_of_each(trial: &mut Trial<'_>) {
    for (shape, tolerance) in [
        (&[4, 5, 6, 4][..], 1e-2),
        (&[4, 5, 6, 4], 0.3),
        (&[3, 14, 2, 3], 0.05),
        (&[4, 6, 9], 0.1),
        (&[3, 7], 0.1),
    ] {
        let batch = graded_batch(shape);
        let truncation = Truncation::RelativeError(tolerance);
        for start in [Start::StHosvd, Start::Hosvd] {
            trial.hooi(&hooi_by_gram(truncation.clone(), start, 4), &batch);
        }
        trial.st_hosvd(&st_hosvd_by_gram(truncation), &batch);
    }
}

/// The largest relative error that rounding can cause. Products with the factor of mode n round by
/// Iₙ·ε, in the decomposition, the reconstruction and the norms: eight times the sum over the modes.
fn rounding_floor(x: &Tensor<impl tenfold::Scalar>, epsilon: f64) -> f64 {
    8.0 * epsilon * x.shape().iter().sum::<usize>() as f64
}

/// The error is measured where a Gram matrix does not resolve it. A tolerance that cannot be met is
/// reported as the shortfall.
fn tolerances_are_met_or_the_shortfall_reported(trial: &mut Trial<'_>) {
    let batch = graded_batch(&[4, 5, 4, 3]);
    let rounded = batch.data().iter().map(|&entry| entry as f32);
    let rounded = Tensor::new(batch.shape(), rounded.collect()).unwrap();
    for tolerance in [1e-4, 1e-8, 1e-12, 0.0] {
        let st_hosvd = StHosvd::new(Truncation::RelativeError(tolerance));
        let found = trial.device.st_hosvd(&st_hosvd, &batch).unwrap();
        for (tucker, x) in found.iter().zip(one_by_one(&batch)) {
            let error = tucker.relative_error(&x).unwrap();
            assert_eq!(tucker.shortfall().is_some(), error > tolerance);
            let bound = tolerance.max(rounding_floor(&x, f64::EPSILON));
            trial.figures.compare(error, bound, &"an error");
        }
        let hooi = Hooi {
            max_sweeps: 2,
            ..Hooi::new(Truncation::RelativeError(tolerance))
        };
        let found = trial.device.hooi(&hooi, &rounded).unwrap();
        for (tucker, x) in found.iter().zip(one_by_one(&rounded)) {
            let error = tucker.relative_error(&x).unwrap();
            let reported = tucker.shortfall().map(|shortfall| shortfall.reached);
            assert!(error <= reported.unwrap_or(tolerance), "{error:e}");
            let bound = tolerance.max(rounding_floor(&x, f64::from(f32::EPSILON)));
            trial.figures.compare(error, bound, &"an error");
        }
    }
}

/// A mode would keep more vectors than the product of the other modes' ranks.
fn tolerances_obey_the_rank_law(trial: &mut Trial<'_>) {
    // Mode 2 keeps one vector, mode 1 three and mode 0 two, but a core of rank 3 needs 3 ≤ 2·1.
    let batch = Tensor::<f64>::from_fn(&[2, 3, 3, 40], |i| {
        let diagonal = if i[1] == i[2] {
            1.0 / (1 + i[1]) as f64
        } else {
            0.0
        };
        let small = 0.05 * ((1 + i[0] + 3 * i[1] + 5 * i[2] + 7 * i[3]) as f64).sin();
        diagonal + small
    })
    .unwrap();
    let order = StHosvd {
        mode_order: ModeOrder::Given(vec![2, 1, 0]),
        ..st_hosvd_by_gram(Truncation::RelativeError(0.3))
    };
    let hooi = Hooi {
        max_sweeps: 3,
        ..Hooi::new(Truncation::RelativeError(0.3))
    };
    let starts = trial.device.st_hosvd(&order, &batch).unwrap();
    let swept = trial.device.hooi(&hooi, &batch).unwrap();
    for (x, (start, swept)) in one_by_one(&batch).iter().zip(starts.iter().zip(&swept)) {
        assert_eq!(start.ranks(), order.decompose(x).unwrap().ranks());
        let [r0, r1, r2] = [0, 1, 2].map(|mode| start.ranks()[mode]);
        assert!(r0 <= r1 * r2 && r1 <= r0 * r2 && r2 <= r0 * r1);
        for tucker in [start, swept] {
            let error = tucker.relative_error(x).unwrap();
            trial.figures.compare(error, 0.3, &"an error");
        }
    }
}

/// A tensor gets the same bits alone and in a batch.
fn tolerances_do_not_depend_on_companions(trial: &mut Trial<'_>) {
    let batch = graded_batch(&[4, 5, 4, 3]);
    let hooi = Hooi {
        max_sweeps: 3,
        ..Hooi::new(Truncation::RelativeError(0.05))
    };
    let together = trial.device.hooi(&hooi, &batch).unwrap();
    assert!(
        together
            .iter()
            .any(|tucker| tucker.ranks() != together[0].ranks())
    );
    for (expected, x) in together.iter().zip(one_by_one(&batch)) {
        let alone = x.clone().reshape(&[1, 5, 4, 3]).unwrap();
        let alone = trial.device.hooi(&hooi, &alone).unwrap();
        assert_eq!(alone[0].core().data(), expected.core().data());
    }
}

fn decompositions_in_single_precision(trial: &mut Trial<'_>) {
    let batch = features::<f32>(&[2, 5, 6, 4], 9);
    let hooi = Hooi::new([2, 3, 2]);
    let of_device = trial.device.hooi(&hooi, &batch).unwrap();
    for (x, of_device) in one_by_one(&batch).iter().zip(&of_device) {
        trial
            .figures
            .errors(x, of_device, &hooi.decompose(x).unwrap());
    }
}

/// Factors are orthonormal even if a tensor has a lower rank than asked for.
fn decompositions_of_deficient_tensors(trial: &mut Trial<'_>) {
    let rank_one = Tensor::<f64>::from_fn(&[2, 12, 2, 2], |i| (1 + i[1]) as f64).unwrap();
    let zero = Tensor::<f64>::zeros(&[1, 12, 2, 2]).unwrap();
    let hooi = Hooi {
        max_sweeps: 2,
        ..Hooi::new([3, 2, 2])
    };
    for batch in [&rank_one, &zero] {
        for tucker in trial.device.hooi(&hooi, batch).unwrap() {
            (0..3).for_each(|mode| trial.figures.orthonormal(&tucker, mode));
        }
    }
}

fn decompositions_report_progress_and_stop(trial: &mut Trial<'_>) {
    let batch = graded_batch(&[4, 5, 4, 3]);
    for truncation in [Truncation::from([2, 2, 2]), Truncation::RelativeError(0.05)] {
        for max_sweeps in [0, 2] {
            let (monitor, reports) = counting_monitor(4);
            let hooi = hooi_by_gram(truncation.clone(), Start::StHosvd, max_sweeps.max(1));
            let st_hosvd = st_hosvd_by_gram(truncation.clone());
            let run = |monitor: Monitor| match max_sweeps {
                0 => trial.device.st_hosvd(
                    &StHosvd {
                        monitor,
                        ..st_hosvd.clone()
                    },
                    &batch,
                ),
                _ => trial.device.hooi(
                    &Hooi {
                        monitor,
                        ..hooi.clone()
                    },
                    &batch,
                ),
            };
            run(monitor).unwrap();
            let reports = reports.lock().unwrap();
            assert!(
                reports.is_sorted() && reports.last() == Some(&4),
                "{reports:?}"
            );
            assert!(matches!(run(cancelled_monitor()), Err(Error::Cancelled)));
        }
    }
}

fn decompositions_in_chunks(trial: &mut Trial<'_>) {
    // Room for two tensors on each of two streams.
    trial.decompositions_in_chunks(&features::<f64>(&[7, 4, 3, 3], 6), [2, 2, 2], 9600);
}

fn hooi_of_many_tensors(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[200, 20, 18, 16], 6);
    for start in [Start::StHosvd, Start::Hosvd] {
        for truncation in [Truncation::from([4, 5, 3]), Truncation::RelativeError(0.3)] {
            trial.hooi(&hooi_by_gram(truncation, start, 10), &batch);
        }
    }
}

fn st_hosvd_of_many_tensors(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[200, 20, 18, 16], 6);
    for truncation in [Truncation::from([4, 5, 3]), Truncation::RelativeError(0.3)] {
        trial.st_hosvd(&st_hosvd_by_gram(truncation), &batch);
    }
}

fn st_hosvd_of_larger_tensors(trial: &mut Trial<'_>) {
    // Gram matrices of order 130: their eigenproblems need global memory.
    trial.st_hosvd(
        &st_hosvd_by_gram([4, 3, 3]),
        &features::<f64>(&[3, 130, 20, 12], 6),
    );
    let batch = features::<f32>(&[10, 64, 64, 64], 6);
    let st_hosvd = st_hosvd_by_gram([8, 8, 8]);
    let of_device = trial.device.st_hosvd(&st_hosvd, &batch).unwrap();
    for (x, of_device) in one_by_one(&batch).iter().zip(&of_device) {
        let of_cpu: Tucker<f32> = st_hosvd.decompose(x).unwrap();
        trial.figures.errors(x, of_device, &of_cpu);
    }
}

fn decompositions_of_many_tensors_in_chunks(trial: &mut Trial<'_>) {
    // About 390 kB on the device for each tensor.
    let batch = features::<f64>(&[2000, 20, 18, 16], 6);
    trial.decompositions_in_chunks(&batch, [4, 5, 3], LEFT);
}
