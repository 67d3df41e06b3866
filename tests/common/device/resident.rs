//! Cases: decompositions with all digits, of large tensors, and of tensors on the device.

use tenfold::cuda::DeviceScalar;
use tenfold::{Error, Hooi, Route, StHosvd, Tensor, Truncation, Tucker};

use super::{Case, Runs, Trial, features, one_by_one, scaled};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "decompositions_of_order_five_and_extents_of_one",
        runs: Runs::Anywhere,
        compare: decompositions_of_order_five_and_extents_of_one,
    },
    Case {
        name: "decompositions_of_a_tensor_in_parts",
        runs: Runs::Anywhere,
        compare: decompositions_of_a_tensor_in_parts,
    },
    Case {
        name: "small_tolerances_are_met",
        runs: Runs::Anywhere,
        compare: small_tolerances_are_met,
    },
    Case {
        name: "decompositions_with_all_digits",
        runs: Runs::Anywhere,
        compare: decompositions_with_all_digits,
    },
    Case {
        name: "decompositions_at_a_pointer",
        runs: Runs::Anywhere,
        compare: decompositions_at_a_pointer,
    },
    Case {
        name: "st_hosvd_of_a_large_tensor",
        runs: Runs::OnHardware,
        compare: st_hosvd_of_a_large_tensor,
    },
];

impl Trial<'_> {
    fn st_hosvd_by(&mut self, route: Route, ranks: &[usize], batch: &Tensor<f64>) {
        let st_hosvd = StHosvd {
            route,
            ..StHosvd::new(ranks.to_vec())
        };
        let of_device = self.device.st_hosvd(&st_hosvd, batch).unwrap();
        let tensors = one_by_one(batch);
        let of_cpu = tensors.iter().map(|x| st_hosvd.decompose(x).unwrap());
        self.figures
            .decompositions(&tensors, &of_device, &of_cpu.collect::<Vec<_>>());
    }

    /// Calls `decompose` with the address of a copy of the batch on the device.
    fn at_a_pointer<T: DeviceScalar, R>(
        &self,
        batch: &Tensor<T>,
        decompose: impl FnOnce(u64) -> R,
    ) -> R {
        let context = cudarc::driver::CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let tensors = stream.clone_htod(batch.data()).unwrap().leak();
        context.synchronize().unwrap();
        let result = decompose(tensors);
        // SAFETY: the leaked memory is taken back once.
        drop(unsafe { stream.upgrade_device_ptr::<T>(tensors, batch.data().len()) });
        result
    }

    /// Decompositions of a batch on the device have the bits of the same batch in the host's memory.
    /// The errors may differ: they are measured in another precision.
    fn decompositions_at_a_pointer<T: DeviceScalar>(
        &mut self,
        truncation: &Truncation,
        batch: &Tensor<T>,
    ) {
        let st_hosvd = StHosvd::new(truncation.clone());
        let hooi = Hooi {
            max_sweeps: 2,
            ..Hooi::new(truncation.clone())
        };
        let (device, shape) = (self.device, batch.shape());
        let [truncated, swept] = self.at_a_pointer(batch, |tensors| {
            // SAFETY: the memory holds the batch, and its copy is done.
            let found = unsafe {
                [
                    device.st_hosvd_at::<T>(&st_hosvd, tensors, shape),
                    device.hooi_at::<T>(&hooi, tensors, shape),
                ]
            };
            found.map(Result::unwrap)
        });
        for (on_device, expected) in [
            (truncated, device.st_hosvd(&st_hosvd, batch).unwrap()),
            (swept, device.hooi(&hooi, batch).unwrap()),
        ] {
            assert_eq!(on_device.len(), expected.len());
            for (on_device, expected) in on_device.iter().zip(&expected) {
                let fetched = on_device.fetch().unwrap();
                assert_eq!(on_device.ranks(), expected.ranks());
                assert_eq!(on_device.shape(), expected.shape());
                assert_eq!(fetched.core().data(), expected.core().data());
                assert_eq!(fetched.convergence(), expected.convergence());
                for mode in 0..expected.shape().len() {
                    assert_eq!(fetched.factor(mode), expected.factor(mode));
                    assert_eq!(on_device.spectrum(mode), expected.spectrum(mode));
                    assert_eq!(
                        on_device.factor_pointer(mode).is_some(),
                        expected.factor(mode).is_some()
                    );
                }
                let [own, other] = [&fetched, expected].map(|it| it.estimated_error().unwrap());
                let extents = batch.shape().iter().sum::<usize>() as f64;
                let bound = 4.0 * extents * T::EPSILON;
                self.figures.compare((own - other).abs(), bound, &"errors");
            }
        }
    }
}

/// A sum of products of vectors with weights 10⁻²ᵏ, `terms` of them.
fn decaying(shape: &[usize], terms: i32) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| {
        let terms = (0..terms).map(|k| {
            let waves = i[1..].iter().enumerate();
            let waves = waves.map(|(mode, &at)| {
                ((1.3 + f64::from(k) + i[0] as f64) * (0.4 + at as f64) + mode as f64).sin()
            });
            10f64.powi(-2 * k) * waves.product::<f64>()
        });
        terms.sum()
    })
    .unwrap()
}

fn decompositions_of_order_five_and_extents_of_one(trial: &mut Trial<'_>) {
    for (shape, ranks) in [
        (&[2, 2, 3, 2, 2, 3][..], &[2, 2, 1, 2, 2][..]),
        (&[2, 1, 5, 1, 4], &[1, 2, 1, 2]),
        (&[1, 1, 1], &[1, 1]),
        (&[2, 9, 4], &[3, 3]),
    ] {
        trial.st_hosvd_by(Route::Gram, ranks, &features::<f64>(shape, 9));
    }
}

/// Energies of several parts; products of 40, 20 and 12 rows and of several tiles.
fn decompositions_of_a_tensor_in_parts(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[1, 36, 31, 30], 6);
    trial.st_hosvd_by(Route::Gram, &[21, 17, 9], &batch);
    // Scaled copies of several parts.
    let st_hosvd = StHosvd::new([2, 2, 2]);
    let found = trial.device.st_hosvd(&st_hosvd, &batch).unwrap();
    let small = scaled(&batch, 2f64.powi(-700));
    let of_small = trial.device.st_hosvd(&st_hosvd, &small).unwrap();
    for mode in 0..3 {
        assert_eq!(found[0].factor(mode), of_small[0].factor(mode));
    }
}

/// Tolerances far below those that a Gram matrix resolves are met, at the ranks of the CPU.
fn small_tolerances_are_met(trial: &mut Trial<'_>) {
    for shape in [&[2, 8, 7, 6][..], &[2, 18, 3, 4], &[1, 6, 40]] {
        let batch = decaying(shape, 7);
        for tolerance in [1e-7, 1e-9, 1e-10] {
            let st_hosvd = StHosvd::new(Truncation::RelativeError(tolerance));
            let found = trial.device.st_hosvd(&st_hosvd, &batch).unwrap();
            for (x, tucker) in one_by_one(&batch).iter().zip(&found) {
                let of_cpu: Tucker<f64> = st_hosvd.decompose(x).unwrap();
                assert_eq!(tucker.ranks(), of_cpu.ranks(), "{shape:?} {tolerance:e}");
                assert!(tucker.shortfall().is_none());
                let error = tucker.relative_error(x).unwrap();
                trial.figures.compare(error, tolerance, &"an error");
            }
        }
    }
}

/// Singular values of 14 decades, by the second pass: their errors are n·ε·σ₁, as by QR on the CPU.
fn decompositions_with_all_digits(trial: &mut Trial<'_>) {
    for (shape, ranks) in [
        (&[2, 8, 7, 9][..], &[7, 7, 7][..]),
        (&[2, 20, 8], &[7, 7]),
        (&[1, 5, 1], &[1, 1]),
    ] {
        let batch = decaying(shape, 8);
        let st_hosvd = StHosvd {
            route: Route::Qr,
            ..StHosvd::new(ranks.to_vec())
        };
        let hooi = Hooi {
            route: Route::Qr,
            max_sweeps: 2,
            ..Hooi::new(ranks.to_vec())
        };
        let truncated = trial.device.st_hosvd(&st_hosvd, &batch).unwrap();
        let swept = trial.device.hooi(&hooi, &batch).unwrap();
        for (x, (truncated, swept)) in one_by_one(&batch).iter().zip(truncated.iter().zip(&swept)) {
            let of_cpu: Tucker<f64> = st_hosvd.decompose(x).unwrap();
            let unit = f64::EPSILON * x.shape().iter().sum::<usize>() as f64;
            for mode in 0..ranks.len() {
                let [own, other] = [truncated, &of_cpu].map(|it| it.spectrum(mode).unwrap());
                for (a, b) in own.iter().zip(other) {
                    let off = (a - b).abs() / other[0];
                    trial.figures.compare(off, 30.0 * unit, &"a singular value");
                }
                trial.figures.orthonormal(truncated, mode);
                trial.figures.orthonormal(swept, mode);
            }
            let most = of_cpu.relative_error(x).unwrap() + 30.0 * unit;
            for tucker in [truncated, swept] {
                let error = tucker.relative_error(x).unwrap();
                trial.figures.compare(error, most, &"an error");
            }
        }
    }
}

fn decompositions_at_a_pointer(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[3, 5, 4, 3], 9);
    for truncation in [Truncation::from([2, 3, 2]), Truncation::RelativeError(0.2)] {
        trial.decompositions_at_a_pointer(&truncation, &batch);
    }
    // Scaled copies; errors that are measured.
    let small = scaled(&batch, 1e-200);
    trial.decompositions_at_a_pointer(&Truncation::from([2, 2, 2]), &small);
    let close = decaying(&[2, 5, 4, 3], 3);
    trial.decompositions_at_a_pointer(&Truncation::RelativeError(1e-6), &close);
    trial.decompositions_at_a_pointer(&Truncation::from([3, 3, 3]), &close);
    let single = features::<f32>(&[2, 4, 3, 3], 9);
    trial.decompositions_at_a_pointer(&Truncation::from([2, 2, 2]), &single);
    // An entry that is not finite.
    let mut spoilt = batch;
    spoilt.data_mut()[60 + 17] = f64::NAN;
    let (device, shape) = (trial.device, spoilt.shape());
    let st_hosvd = StHosvd::new([2, 2, 2]);
    let refused = trial.at_a_pointer(&spoilt, |tensors| {
        // SAFETY: the memory holds the batch, and its copy is done.
        unsafe { device.st_hosvd_at::<f64>(&st_hosvd, tensors, shape) }
    });
    assert!(matches!(refused, Err(Error::NonFinite { index, .. }) if index == [1, 1, 1, 2]));
}

fn st_hosvd_of_a_large_tensor(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[1, 200, 200, 200], 6);
    trial.st_hosvd_by(Route::Gram, &[20, 20, 20], &batch);
    let close = decaying(&[1, 120, 110, 100], 7);
    let st_hosvd = StHosvd::new(Truncation::RelativeError(1e-10));
    let found = trial.device.st_hosvd(&st_hosvd, &close).unwrap();
    let error = found[0].relative_error(&one_by_one(&close)[0]).unwrap();
    trial.figures.compare(error, 1e-10, &"an error");
}
