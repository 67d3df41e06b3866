//! The library's own host code and kernels, run by the stand-in, against the CPU: to
//! 1e-5 (f32) and 1e-12 (f64) on normalised maps, and factors to LAPACK's ratios.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../common/device.rs"]
mod device;

use common::StandIn;
use device::{every_weighting, features, hooi_agrees, maps_agree, one_by_one, st_hosvd_agrees};
use tenfold::cam::{Cam, Sign, Status, Weighting};
use tenfold::cuda::Device;
use tenfold::{Error, Hooi, ModeOrder, Route, StHosvd, Start, Tensor, Truncation};

#[test]
fn maps_by_one_block_each() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for shape in [
        &[3, 20, 3, 3][..],
        &[2, 12, 2, 4],
        &[2, 6, 1, 1],
        &[1, 3, 1, 2],
        &[2, 9, 7],
    ] {
        every_weighting::<f32>(&device, shape);
        every_weighting::<f64>(&device, shape);
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn a_layer_of_seven_by_seven() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    every_weighting::<f32>(&device, &[1, 60, 7, 7]);
    assert_eq!(stand_in.report(), "");
}

#[test]
fn maps_with_more_positions_than_channels() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for shape in [
        &[2, 5, 4, 5][..],
        &[2, 4, 2, 2],
        &[1, 2, 17, 19],
        &[2, 1, 3, 3],
    ] {
        every_weighting::<f32>(&device, shape);
        every_weighting::<f64>(&device, shape);
    }
    assert_eq!(stand_in.report(), "");
}

/// With little shared memory the steps come one after the other, and Jacobi rotations
/// go through global memory.
#[test]
fn maps_by_steps() {
    let stand_in = StandIn::open();
    stand_in.set_shared_memory(2000);
    let device = Device::open(0).unwrap();
    for shape in [&[2, 20, 3, 4][..], &[2, 11, 4, 3]] {
        every_weighting::<f32>(&device, shape);
        every_weighting::<f64>(&device, shape);
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn every_option() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for shape in [[2, 12, 2, 4], [2, 5, 3, 3]] {
        let batch = features::<f64>(&shape, 5);
        for weighting in Weighting::ALL {
            for sign in [Sign::Absolute, Sign::Positive, Sign::Negative] {
                for centring in [false, true] {
                    let cam = Cam {
                        sign: Some(sign),
                        centring: Some(centring),
                        ..Cam::new(weighting)
                    };
                    maps_agree(&device, &cam, &batch);
                }
            }
        }
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn maps_at_truncated_ranks() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for (shape, ranks) in [([2, 10, 3, 3], [3, 2, 2]), ([2, 4, 3, 4], [2, 2, 3])] {
        for weighting in [Weighting::Tsm, Weighting::Mtsm] {
            let cam = Cam {
                ranks: Some(ranks.to_vec()),
                ..Cam::new(weighting)
            };
            maps_agree(&device, &cam, &features::<f32>(&shape, 8));
            maps_agree(&device, &cam, &features::<f64>(&shape, 8));
        }
    }
    assert_eq!(stand_in.report(), "");
}

/// Entries whose squares leave the range, centring that cancels, zeros.
#[test]
fn hard_features() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f64>(&[3, 8, 2, 3], 4);
    for factor in [1e-200, 1e200] {
        let scaled = batch.data().iter().map(|entry| entry * factor);
        let scaled = Tensor::new(batch.shape(), scaled.collect()).unwrap();
        for weighting in Weighting::ALL {
            maps_agree(&device, &Cam::new(weighting), &scaled);
        }
    }
    let shifted = batch.data().iter().map(|entry| 1e3 + entry);
    let shifted = Tensor::new(batch.shape(), shifted.collect()).unwrap();
    maps_agree(&device, &Cam::new(Weighting::EigenCam), &shifted);
    let zero = Tensor::<f32>::zeros(&[2, 8, 2, 3]).unwrap();
    for weighting in Weighting::ALL {
        let maps = device.saliency_maps(&Cam::new(weighting), &zero).unwrap();
        assert!(maps.iter().all(|map| map.status() == Status::Constant));
        assert!(maps[0].values().data().iter().all(|&value| value == 0.0));
    }
    let equal = Tensor::new(&[1, 2, 1, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let maps = device
        .saliency_maps(&Cam::new(Weighting::Tsm), &equal)
        .unwrap();
    assert_eq!(maps[0].status(), Status::Degenerate);
    assert_eq!(stand_in.report(), "");
}

/// A batch that goes through the device in many parts has the bits of one that goes at
/// once, and those of each map alone, in every order of threads and blocks.
#[test]
fn bits_depend_on_neither_parts_nor_schedules() {
    let stand_in = StandIn::open();
    let batch = features::<f32>(&[7, 10, 2, 4], 6);
    for weighting in [Weighting::EigenCam, Weighting::Mtsm] {
        let cam = Cam::new(weighting);
        stand_in.reset();
        let device = Device::open(0).unwrap();
        let at_once = device.saliency_maps(&cam, &batch).unwrap();
        assert!(stand_in.calls(common::LAUNCH) == 1);
        for schedule in [1, 12345] {
            stand_in.set_schedule(schedule);
            assert_eq!(device.saliency_maps(&cam, &batch).unwrap(), at_once);
        }
        // Room for two maps on each of two streams.
        stand_in.set_memory(stand_in.used() + 2 * 2 * 2 * 400);
        assert_eq!(device.saliency_maps(&cam, &batch).unwrap(), at_once);
        assert!(stand_in.calls(common::LAUNCH) > 5);
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn resized_maps() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[2, 10, 3, 2], 7);
    let cam = Cam::new(Weighting::Tsm);
    let resized = device.resized_maps(&cam, &batch, [7, 5]).unwrap();
    let maps = device.saliency_maps(&cam, &batch).unwrap();
    for (item, map) in maps.iter().enumerate() {
        let expected = tenfold::cam::resize(map.values(), 7, 5).unwrap();
        let own = &resized.data()[item * 35..][..35];
        let pairs = own.iter().zip(expected.data());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1e-6));
    }
    assert!(device.resized_maps(&cam, &batch, [0, 5]).is_err());
    assert_eq!(stand_in.report(), "");
}

/// Bad input has the errors that the CPU has.
#[test]
fn errors_are_the_cpu_s() {
    let _stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let cam = Cam::new(Weighting::Mtsm);
    let mut batch = features::<f32>(&[3, 6, 2, 2], 2);
    batch.data_mut()[2 * 24 + 5] = f32::NAN;
    let of_cpu = cam.saliency_maps(&batch).unwrap_err().to_string();
    let of_device = device.saliency_maps(&cam, &batch).unwrap_err().to_string();
    assert_eq!(of_device, of_cpu);
    batch.data_mut()[2 * 24 + 5] = f32::INFINITY;
    assert!(matches!(
        device.saliency_maps(&cam, &batch),
        Err(Error::NonFinite { .. })
    ));
    let line = Tensor::<f32>::zeros(&[3, 4]).unwrap();
    assert!(matches!(
        device.saliency_maps(&cam, &line),
        Err(Error::FeatureMap { .. })
    ));
    let ranks = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..Cam::new(Weighting::EigenCam)
    };
    assert!(matches!(
        device.saliency_maps(&ranks, &batch),
        Err(Error::RanksWithoutTucker { .. })
    ));
    let tolerance = Hooi::new(Truncation::RelativeError(1.5));
    assert!(matches!(
        device.hooi(&tolerance, &batch),
        Err(Error::Tolerance { .. })
    ));
    let qr = Hooi {
        route: Route::Qr,
        ..Hooi::new([1, 1, 1])
    };
    assert!(matches!(
        device.hooi(&qr, &batch),
        Err(Error::OnlyOnCpu { .. })
    ));
    assert!(device.hooi(&Hooi::new([1, 1]), &batch).is_err());
}

#[test]
fn hooi_of_a_batch() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for (shape, ranks) in [
        (&[3, 5, 6, 4][..], &[2, 3, 2][..]),
        (&[2, 14, 2, 3], &[2, 2, 2]),
        (&[2, 6, 5], &[2, 2]),
        (&[2, 7], &[1]),
        (&[2, 2, 3, 2, 4], &[2, 2, 1, 2]),
    ] {
        for start in [Start::StHosvd, Start::Hosvd] {
            let hooi = Hooi {
                start,
                route: Route::Gram,
                max_sweeps: 6,
                ..Hooi::new(ranks.to_vec())
            };
            hooi_agrees(&device, &hooi, &features::<f64>(shape, 9));
        }
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn some_modes_and_any_scale() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let hooi = Hooi {
        modes: Some(vec![2, 0]),
        route: Route::Gram,
        max_sweeps: 5,
        ..Hooi::new([2, 3])
    };
    let batch = features::<f64>(&[2, 5, 3, 4], 11);
    hooi_agrees(&device, &hooi, &batch);
    for factor in [1e-200, 1e200] {
        let scaled = batch.data().iter().map(|entry| entry * factor);
        let scaled = Tensor::new(batch.shape(), scaled.collect()).unwrap();
        hooi_agrees(&device, &hooi, &scaled);
    }
    let order = StHosvd {
        mode_order: ModeOrder::Given(vec![1, 2, 0]),
        route: Route::Gram,
        ..StHosvd::new([2, 2, 2])
    };
    st_hosvd_agrees(&device, &order, &batch);
    assert_eq!(stand_in.report(), "");
}

/// Tensors of which each needs ranks of its own: sums of ever more products of vectors,
/// with noise that grows.
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

#[test]
fn tolerances_find_the_ranks_of_each() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    for (shape, tolerance) in [
        (&[4, 5, 6, 4][..], 1e-2),
        (&[4, 5, 6, 4], 0.3),
        (&[3, 14, 2, 3], 0.05),
        (&[4, 6, 9], 0.1),
        (&[3, 7], 0.1),
    ] {
        let batch = graded_batch(shape);
        for start in [Start::StHosvd, Start::Hosvd] {
            let hooi = Hooi {
                start,
                route: Route::Gram,
                max_sweeps: 4,
                ..Hooi::new(Truncation::RelativeError(tolerance))
            };
            hooi_agrees(&device, &hooi, &batch);
        }
        let st_hosvd = StHosvd {
            route: Route::Gram,
            ..StHosvd::new(Truncation::RelativeError(tolerance))
        };
        st_hosvd_agrees(&device, &st_hosvd, &batch);
    }
    assert_eq!(stand_in.report(), "");
}

/// What a Gram matrix does not know is measured; what cannot be reached is told.
#[test]
fn tolerances_are_kept_or_the_shortfall_told() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = graded_batch(&[4, 5, 4, 3]);
    let rounded = batch.data().iter().map(|&entry| entry as f32);
    let rounded = Tensor::new(batch.shape(), rounded.collect()).unwrap();
    for tolerance in [1e-4, 1e-8, 1e-12, 0.0] {
        let st_hosvd = StHosvd::new(Truncation::RelativeError(tolerance));
        for (tucker, x) in device
            .st_hosvd(&st_hosvd, &batch)
            .unwrap()
            .iter()
            .zip(one_by_one(&batch))
        {
            let error = tucker.relative_error(&x).unwrap();
            assert_eq!(tucker.shortfall().is_some(), error > tolerance);
            assert!(error <= tolerance.max(1e-14), "{error:e}");
        }
        let hooi = Hooi {
            max_sweeps: 2,
            ..Hooi::new(Truncation::RelativeError(tolerance))
        };
        for (tucker, x) in device
            .hooi(&hooi, &rounded)
            .unwrap()
            .iter()
            .zip(one_by_one(&rounded))
        {
            let error = tucker.relative_error(&x).unwrap();
            let told = tucker
                .shortfall()
                .map_or(tolerance, |shortfall| shortfall.reached);
            assert!(error <= told && error <= tolerance.max(1e-5), "{error:e}");
        }
    }
    assert_eq!(stand_in.report(), "");
}

/// More vectors of one mode than the ranks of the others leave columns.
#[test]
fn tolerances_obey_the_rank_law() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    // Mode 2 keeps one vector, mode 1 three; mode 0 then makes do with two, and 3 > 2·1.
    let shape = [2, 3, 3, 40];
    let batch = Tensor::<f64>::from_fn(&shape, |i| {
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
        route: Route::Gram,
        ..StHosvd::new(Truncation::RelativeError(0.3))
    };
    let ours = device.st_hosvd(&order, &batch).unwrap();
    for (tucker, x) in ours.iter().zip(one_by_one(&batch)) {
        let expected = order.decompose(&x).unwrap();
        assert_eq!(tucker.ranks(), expected.ranks());
        let [r0, r1, r2] = [0, 1, 2].map(|mode| tucker.ranks()[mode]);
        assert!(r0 <= r1 * r2 && r1 <= r0 * r2 && r2 <= r0 * r1);
        assert!(tucker.relative_error(&x).unwrap() <= 0.3);
    }
    let hooi = Hooi {
        max_sweeps: 3,
        ..Hooi::new(Truncation::RelativeError(0.3))
    };
    for (tucker, x) in device
        .hooi(&hooi, &batch)
        .unwrap()
        .iter()
        .zip(one_by_one(&batch))
    {
        assert!(tucker.relative_error(&x).unwrap() <= 0.3);
    }
    assert_eq!(stand_in.report(), "");
}

/// A tensor's decomposition has the bits of the one that it has alone.
#[test]
fn tolerances_do_not_depend_on_companions() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = graded_batch(&[4, 5, 4, 3]);
    let hooi = Hooi {
        max_sweeps: 3,
        ..Hooi::new(Truncation::RelativeError(0.05))
    };
    let together = device.hooi(&hooi, &batch).unwrap();
    assert!(
        together
            .iter()
            .any(|tucker| tucker.ranks() != together[0].ranks())
    );
    for (expected, x) in together.iter().zip(one_by_one(&batch)) {
        let alone = x.clone().reshape(&[1, 5, 4, 3]).unwrap();
        let alone = device.hooi(&hooi, &alone).unwrap();
        assert_eq!(alone[0].core().data(), expected.core().data());
    }
    assert_eq!(stand_in.report(), "");
}

/// In f32 the CPU multiplies in f32, the device in f64: each result is held to its own
/// error, not to the other's digits.
#[test]
fn single_precision_decompositions() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[2, 5, 6, 4], 9);
    let hooi = Hooi::new([2, 3, 2]);
    let ours = device.hooi(&hooi, &batch).unwrap();
    for (x, ours) in one_by_one(&batch).iter().zip(&ours) {
        let theirs = hooi.decompose(x).unwrap();
        let (own, other) = (
            ours.relative_error(x).unwrap(),
            theirs.relative_error(x).unwrap(),
        );
        assert!((own - other).abs() <= 1e-5, "{own} {other}");
    }
    assert_eq!(stand_in.report(), "");
}

/// Of a tensor of lower rank than asked for the factors are orthonormal all the same.
#[test]
fn factors_of_deficient_tensors() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let rank_one = Tensor::<f64>::from_fn(&[2, 12, 2, 2], |i| (1 + i[1]) as f64).unwrap();
    let zero = Tensor::<f64>::zeros(&[1, 12, 2, 2]).unwrap();
    for batch in [&rank_one, &zero] {
        let hooi = Hooi {
            max_sweeps: 2,
            ..Hooi::new([3, 2, 2])
        };
        for tucker in device.hooi(&hooi, batch).unwrap() {
            let a = tucker.factor(0).unwrap();
            for j in 0..3 {
                for k in 0..=j {
                    let dot: f64 = (0..12).map(|i| a[(i, j)] * a[(i, k)]).sum();
                    assert!((dot - f64::from(u8::from(j == k))).abs() < 1e-13);
                }
            }
        }
    }
    assert_eq!(stand_in.report(), "");
}

/// Feature maps that are on the device already.
#[test]
fn maps_of_a_pointer() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let mut batch = features::<f64>(&[4, 9, 2, 3], 13);
    // One that needs the scaled copy.
    batch.data_mut()[54..108]
        .iter_mut()
        .for_each(|entry| *entry *= 1e-180);
    let context = cudarc::driver::CudaContext::new(0).unwrap();
    let stream = context.default_stream();
    let features = stream.clone_htod(batch.data()).unwrap();
    let maps = stream.alloc_zeros::<f64>(4 * 6).unwrap();
    context.synchronize().unwrap();
    let cam = Cam::new(Weighting::Mtsm);
    let (from, to) = (features.leak(), maps.leak());
    // SAFETY: both are of these shapes, and everything before is done.
    let statuses = unsafe { device.saliency_maps_at::<f64>(&cam, from, batch.shape(), to) };
    // SAFETY: what was leaked is taken back once.
    let (features, maps) = unsafe {
        (
            stream.upgrade_device_ptr::<f64>(from, 4 * 9 * 6),
            stream.upgrade_device_ptr::<f64>(to, 4 * 6),
        )
    };
    let found = stream.clone_dtoh(&maps).unwrap();
    let expected = cam.saliency_maps(&batch).unwrap();
    for (item, expected) in expected.iter().enumerate() {
        assert_eq!(statuses.as_ref().unwrap()[item], expected.status());
        let own = &found[item * 6..][..6];
        let pairs = own.iter().zip(expected.values().data());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1e-12));
    }
    drop((features, maps));
    assert_eq!(stand_in.report(), "");
}
