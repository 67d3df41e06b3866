//! Cases: saliency maps.

use tenfold::cam::{Cam, SaliencyMap, Sign, Status, Weighting, resize};
use tenfold::cuda::DeviceScalar;
use tenfold::{Error, Hooi, Tensor, Truncation};

use super::compare::largest_difference;
use super::{
    Case, LEFT, Runs, Trial, cancelled_monitor, counting_monitor, features, one_by_one, scaled,
};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "maps_of_few_positions",
        runs: Runs::Anywhere,
        compare: maps_of_few_positions,
    },
    Case {
        name: "maps_of_every_small_number_of_positions",
        runs: Runs::Anywhere,
        compare: maps_of_every_small_number_of_positions,
    },
    Case {
        name: "maps_of_a_layer_of_7x7",
        runs: Runs::Anywhere,
        compare: maps_of_a_layer_of_7x7,
    },
    Case {
        name: "maps_of_few_channels",
        runs: Runs::Anywhere,
        compare: maps_of_few_channels,
    },
    Case {
        name: "maps_of_larger_orders",
        runs: Runs::Anywhere,
        compare: maps_of_larger_orders,
    },
    Case {
        name: "maps_with_every_option",
        runs: Runs::Anywhere,
        compare: maps_with_every_option,
    },
    Case {
        name: "maps_at_truncated_ranks",
        runs: Runs::Anywhere,
        compare: maps_at_truncated_ranks,
    },
    Case {
        name: "maps_of_hard_features",
        runs: Runs::Anywhere,
        compare: maps_of_hard_features,
    },
    Case {
        name: "maps_of_features_with_offsets",
        runs: Runs::Anywhere,
        compare: maps_of_features_with_offsets,
    },
    Case {
        name: "maps_resized",
        runs: Runs::Anywhere,
        compare: maps_resized,
    },
    Case {
        name: "maps_at_a_pointer",
        runs: Runs::Anywhere,
        compare: maps_at_a_pointer,
    },
    Case {
        name: "maps_in_chunks",
        runs: Runs::InTheInterpreter,
        compare: maps_in_chunks,
    },
    Case {
        name: "maps_report_progress_and_stop",
        runs: Runs::Anywhere,
        compare: maps_report_progress_and_stop,
    },
    Case {
        name: "maps_in_little_shared_memory",
        runs: Runs::InTheInterpreter,
        compare: maps_in_little_shared_memory,
    },
    Case {
        name: "errors_of_maps",
        runs: Runs::Anywhere,
        compare: errors_of_maps,
    },
    Case {
        name: "maps_of_layers",
        runs: Runs::OnHardware,
        compare: maps_of_layers,
    },
    Case {
        name: "maps_of_layers_at_truncated_ranks",
        runs: Runs::OnHardware,
        compare: maps_of_layers_at_truncated_ranks,
    },
    Case {
        name: "maps_of_layers_resized",
        runs: Runs::OnHardware,
        compare: maps_of_layers_resized,
    },
    Case {
        name: "maps_of_layers_at_a_pointer",
        runs: Runs::OnHardware,
        compare: maps_of_layers_at_a_pointer,
    },
    Case {
        name: "maps_of_layers_in_chunks",
        runs: Runs::OnHardware,
        compare: maps_of_layers_in_chunks,
    },
    Case {
        name: "more_maps_than_a_grid",
        runs: Runs::OnHardware,
        compare: more_maps_than_a_grid,
    },
];

impl Trial<'_> {
    fn maps<T: DeviceScalar>(&mut self, cam: &Cam, batch: &Tensor<T>) {
        let of_device = self.device.saliency_maps(cam, batch).unwrap();
        let of_cpu = cam.saliency_maps(batch).unwrap();
        assert_eq!(of_device.len(), of_cpu.len());
        for (features, (of_device, of_cpu)) in
            one_by_one(batch).iter().zip(of_device.iter().zip(&of_cpu))
        {
            self.figures.map(cam, features, of_device, of_cpu);
        }
    }

    fn every_weighting<T: DeviceScalar>(&mut self, shape: &[usize]) {
        let batch = features::<T>(shape, 3);
        for weighting in Weighting::ALL {
            self.maps(&Cam::new(weighting), &batch);
        }
    }

    fn every_weighting_and_scalar(&mut self, shapes: &[&[usize]]) {
        for shape in shapes {
            self.every_weighting::<f32>(shape);
            self.every_weighting::<f64>(shape);
        }
    }

    /// A batch on the device gives the bits of the same batch in the host's memory. `room` limits
    /// the free bytes of device memory.
    fn maps_at_a_pointer<T: DeviceScalar>(
        &mut self,
        cam: &Cam,
        batch: &Tensor<T>,
        room: Option<usize>,
    ) {
        let of_cpu = self.device.saliency_maps(cam, batch).unwrap();
        // 1. The caller's own memory.
        let context = cudarc::driver::CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let len = of_cpu.len() * of_cpu[0].values().data().len();
        let from = stream.clone_htod(batch.data()).unwrap();
        let to = stream.alloc_zeros::<T>(len).unwrap();
        context.synchronize().unwrap();
        let (from, to) = (from.leak(), to.leak());
        // 2. The maps.
        if let Some(bytes) = room {
            self.leave(bytes);
        }
        let (monitor, reports) = counting_monitor(batch.shape()[0]);
        let reporting = Cam {
            monitor,
            ..cam.clone()
        };
        // SAFETY: both have these shapes, and all earlier work is done.
        let statuses = unsafe {
            self.device
                .saliency_maps_at::<T>(&reporting, from, batch.shape(), to)
        };
        assert_eq!(reports.lock().unwrap().len() > 1, room.is_some());
        // 3. The caller takes its memory back.
        // SAFETY: the leaked memory is taken back once.
        let (from, to) = unsafe {
            (
                stream.upgrade_device_ptr::<T>(from, batch.data().len()),
                stream.upgrade_device_ptr::<T>(to, len),
            )
        };
        let found = stream.clone_dtoh(&to).unwrap();
        context.synchronize().unwrap();
        drop((from, to));
        // 4. The comparison.
        let expected: Vec<Status> = of_cpu.iter().map(|map| map.status()).collect();
        assert_eq!(statuses.unwrap(), expected);
        for (found, of_cpu) in found.chunks(len / of_cpu.len()).zip(&of_cpu) {
            assert_eq!(found, of_cpu.values().data());
        }
        self.last_map(cam, batch, &of_cpu);
    }

    /// A batch in several chunks gives the bits of the same batch in one chunk. `room` bytes of the
    /// device's memory are left for the chunks.
    fn maps_in_chunks<T: DeviceScalar>(&mut self, batch: &Tensor<T>, room: usize) {
        // In one chunk the batch would need twice its bytes: features on two streams.
        assert!(2 * size_of_val(batch.data()) > room);
        for weighting in [Weighting::EigenCam, Weighting::Mtsm] {
            let cam = Cam::new(weighting);
            let at_once = self.device.saliency_maps(&cam, batch).unwrap();
            self.leave(room);
            let (monitor, reports) = counting_monitor(batch.shape()[0]);
            let reporting = Cam {
                monitor,
                ..cam.clone()
            };
            let in_chunks = self.device.saliency_maps(&reporting, batch).unwrap();
            assert!(reports.lock().unwrap().len() > 1);
            assert_eq!(self.place.end_case(), "");
            assert_eq!(in_chunks, at_once);
            self.last_map(&cam, batch, &in_chunks);
        }
    }

    /// Compares the last of the device's maps with the CPU's.
    fn last_map<T: DeviceScalar>(
        &mut self,
        cam: &Cam,
        batch: &Tensor<T>,
        of_device: &[SaliencyMap<T>],
    ) {
        let shape = &batch.shape()[1..];
        let start = batch.data().len() - shape.iter().product::<usize>();
        let features = Tensor::new(shape, batch.data()[start..].to_vec()).unwrap();
        let of_cpu = cam.saliency_map(&features).unwrap();
        self.figures
            .map(cam, &features, of_device.last().unwrap(), &of_cpu);
    }

    fn resized<T: DeviceScalar>(&mut self, batch: &Tensor<T>, [height, width]: [usize; 2]) {
        let cam = Cam::new(Weighting::Tsm);
        let resized = self
            .device
            .resized_maps(&cam, batch, [height, width])
            .unwrap();
        assert_eq!(resized.shape(), [batch.shape()[0], height, width]);
        let maps = self.device.saliency_maps(&cam, batch).unwrap();
        for (own, map) in one_by_one(&resized).iter().zip(maps) {
            let expected = resize(map.values(), height, width).unwrap();
            let difference = largest_difference(own, &expected);
            // Four products of weights and entries in [0, 1]: each side rounds about four times.
            self.figures
                .compare(difference, 8.0 * T::EPSILON, &"a pixel");
        }
    }
}

/// One block computes each map.
/// Up to 54 positions, one warp computes a map. The numbers of channels leave every remainder of a
/// chunk of channels, and feature maps start at any multiple of their scalar.
fn maps_of_every_small_number_of_positions(trial: &mut Trial<'_>) {
    for positions in 1..=54 {
        let shape = [2, positions + 1 + positions % 5, positions];
        let cam = Cam::new(Weighting::ALL[positions % 4]);
        if positions % 3 == 0 {
            trial.maps(&cam, &features::<f64>(&shape, 3));
        } else {
            trial.maps(&cam, &features::<f32>(&shape, 3));
        }
    }
}

fn maps_of_few_positions(trial: &mut Trial<'_>) {
    trial.every_weighting_and_scalar(&[
        &[3, 20, 3, 3],
        &[2, 12, 2, 4],
        &[2, 6, 1, 1],
        &[1, 3, 1, 2],
        &[2, 9, 7],
    ]);
}

fn maps_of_a_layer_of_7x7(trial: &mut Trial<'_>) {
    trial.every_weighting::<f32>(&[1, 60, 7, 7]);
}

/// Gram matrices of channels: of one tile, of several tiles (34 channels), and with more than one
/// block of positions (17×19).
fn maps_of_few_channels(trial: &mut Trial<'_>) {
    trial.every_weighting_and_scalar(&[
        &[2, 5, 4, 5],
        &[2, 4, 2, 2],
        &[1, 2, 17, 19],
        &[2, 1, 3, 3],
    ]);
    trial.every_weighting::<f32>(&[1, 34, 5, 7]);
}

/// Orders above 54: of positions, and of channels, for which the first vector has kernels of its own.
fn maps_of_larger_orders(trial: &mut Trial<'_>) {
    trial.every_weighting::<f32>(&[2, 70, 8, 8]);
    trial.every_weighting::<f64>(&[1, 57, 7, 9]);
}

fn maps_with_every_option(trial: &mut Trial<'_>) {
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
                    trial.maps(&cam, &batch);
                }
            }
        }
    }
}

fn maps_at_truncated_ranks(trial: &mut Trial<'_>) {
    for (shape, ranks) in [([2, 10, 3, 3], [3, 2, 2]), ([2, 4, 3, 4], [2, 2, 3])] {
        for weighting in [Weighting::Tsm, Weighting::Mtsm] {
            let cam = Cam {
                ranks: Some(ranks.to_vec()),
                ..Cam::new(weighting)
            };
            trial.maps(&cam, &features::<f32>(&shape, 8));
            trial.maps(&cam, &features::<f64>(&shape, 8));
        }
    }
}

/// Squares outside the range of `f64`, cancellation by centring, zeros, equal singular values.
fn maps_of_hard_features(trial: &mut Trial<'_>) {
    let batch = features::<f64>(&[3, 8, 2, 3], 4);
    for factor in [1e-200, 1e200] {
        for weighting in Weighting::ALL {
            trial.maps(&Cam::new(weighting), &scaled(&batch, factor));
        }
    }
    let shifted = batch.data().iter().map(|entry| 1e3 + entry);
    let shifted = Tensor::new(batch.shape(), shifted.collect()).unwrap();
    trial.maps(&Cam::new(Weighting::EigenCam), &shifted);
    let zero = Tensor::<f32>::zeros(&[2, 8, 2, 3]).unwrap();
    for weighting in Weighting::ALL {
        let maps = trial
            .device
            .saliency_maps(&Cam::new(weighting), &zero)
            .unwrap();
        assert!(maps.iter().all(|map| map.status() == Status::Constant));
        assert!(maps[0].values().data().iter().all(|&value| value == 0.0));
    }
    let equal = Tensor::new(&[1, 2, 1, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let maps = trial
        .device
        .saliency_maps(&Cam::new(Weighting::Tsm), &equal);
    assert_eq!(maps.unwrap()[0].status(), Status::Degenerate);
}

/// A map that is too flat for products in `f32` is recomputed in `f64`, as on the CPU. The derived
/// bound for maps in `f32` grows with flatness and would accept a wrong map, so that this case has
/// a fixed bound.
fn maps_of_features_with_offsets(trial: &mut Trial<'_>) {
    for shape in [[2, 3, 2, 4], [2, 9, 2, 2]] {
        let mut batch = features::<f32>(&shape, 7);
        // The first feature map keeps its entries.
        let second = batch.data().len() / 2;
        let entries = batch.data_mut()[second..].iter_mut();
        entries.for_each(|entry| *entry += 70_000.0);
        for weighting in Weighting::ALL {
            for centring in [false, true] {
                let cam = Cam {
                    centring: Some(centring),
                    ..Cam::new(weighting)
                };
                let of_device = trial.device.saliency_maps(&cam, &batch).unwrap();
                let of_cpu = cam.saliency_maps(&batch).unwrap();
                for (of_device, of_cpu) in of_device.iter().zip(&of_cpu) {
                    assert_eq!(of_device.status(), of_cpu.status());
                    let difference = largest_difference(of_device.values(), of_cpu.values());
                    trial.figures.compare(difference, 1e-5, &"a flat map");
                }
            }
        }
    }
}

fn maps_resized(trial: &mut Trial<'_>) {
    let batch = features::<f32>(&[2, 10, 3, 2], 7);
    trial.resized(&batch, [7, 5]);
    trial.resized(&features::<f64>(&[2, 10, 3, 2], 7), [2, 4]);
    let cam = Cam::new(Weighting::Tsm);
    assert!(trial.device.resized_maps(&cam, &batch, [0, 5]).is_err());
}

fn maps_at_a_pointer(trial: &mut Trial<'_>) {
    let mut batch = features::<f64>(&[4, 9, 2, 3], 13);
    // The map of the second feature map is recomputed from a scaled copy.
    let second = batch.data_mut()[54..108].iter_mut();
    second.for_each(|entry| *entry *= 1e-180);
    trial.maps(&Cam::new(Weighting::Mtsm), &batch);
    trial.maps_at_a_pointer(&Cam::new(Weighting::Mtsm), &batch, None);
    let single = features::<f32>(&[3, 4, 3, 3], 13);
    trial.maps_at_a_pointer(&Cam::new(Weighting::EigenCam), &single, None);
}

fn maps_in_chunks(trial: &mut Trial<'_>) {
    // Room for a few maps on each of two streams.
    trial.maps_in_chunks(&features::<f32>(&[7, 10, 2, 4], 6), 3200);
    // Room for three of the five maps.
    let batch = features::<f64>(&[5, 4, 3, 3], 6);
    trial.maps_at_a_pointer(&Cam::new(Weighting::Mtsm), &batch, Some(3000));
}

/// Maps by steps, with Jacobi rotations in global memory. Gram matrices of positions: of one tile
/// and of several tiles (36 positions).
fn maps_in_little_shared_memory(trial: &mut Trial<'_>) {
    let device = trial.place.open_with_shared_memory(2000);
    let mut by_steps = Trial {
        device: &device,
        place: trial.place,
        figures: std::mem::take(&mut trial.figures),
    };
    by_steps.every_weighting_and_scalar(&[&[2, 20, 3, 4], &[2, 11, 4, 3]]);
    by_steps.maps(
        &Cam::new(Weighting::Mtsm),
        &features::<f32>(&[1, 40, 6, 6], 3),
    );
    trial.figures = by_steps.figures;
}

fn maps_report_progress_and_stop(trial: &mut Trial<'_>) {
    let batch = features::<f32>(&[5, 10, 2, 4], 6);
    for ranks in [None, Some(vec![2, 2, 2])] {
        let cam = Cam {
            ranks,
            ..Cam::new(Weighting::Tsm)
        };
        let (monitor, reports) = counting_monitor(5);
        let reporting = Cam {
            monitor,
            ..cam.clone()
        };
        trial.device.saliency_maps(&reporting, &batch).unwrap();
        let reports = reports.lock().unwrap();
        assert!(
            reports.is_sorted() && reports.last() == Some(&5),
            "{reports:?}"
        );
        let cancelled = Cam {
            monitor: cancelled_monitor(),
            ..cam
        };
        let result = trial.device.saliency_maps(&cancelled, &batch);
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}

/// Bad input gives the errors that the CPU gives.
fn errors_of_maps(trial: &mut Trial<'_>) {
    let device = trial.device;
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
        Err(Error::NotAFeatureMap { .. })
    ));
    let ranks = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..Cam::new(Weighting::EigenCam)
    };
    let refused = device.saliency_maps(&ranks, &batch);
    assert!(matches!(refused, Err(Error::RanksWithoutTucker { .. })));
    let tolerance = Hooi::new(Truncation::RelativeError(1.5));
    assert!(matches!(
        device.hooi(&tolerance, &batch),
        Err(Error::ToleranceOutOfRange { .. })
    ));
    assert!(device.hooi(&Hooi::new([1, 1]), &batch).is_err());
}

/// Batches with the shapes of real layers.
fn maps_of_layers(trial: &mut Trial<'_>) {
    trial.every_weighting_and_scalar(&[
        &[300, 512, 7, 7],
        &[100, 2048, 7, 7],
        &[20, 2048, 14, 14],
        &[8, 256, 56, 56],
        &[50, 64, 9, 9],
        &[3, 5, 1, 1],
    ]);
}

/// At the ranks of the patterns. At larger ranks the singular values of the noise lie close
/// together; HOOI then stops before it converges, and the bound is above 1e-3.
fn maps_of_layers_at_truncated_ranks(trial: &mut Trial<'_>) {
    for weighting in [Weighting::Tsm, Weighting::Mtsm] {
        let cam = Cam {
            ranks: Some(vec![3, 3, 3]),
            ..Cam::new(weighting)
        };
        trial.maps(&cam, &features::<f32>(&[30, 128, 7, 7], 5));
        trial.maps(&cam, &features::<f64>(&[30, 128, 7, 7], 5));
    }
}

fn maps_of_layers_resized(trial: &mut Trial<'_>) {
    trial.resized(&features::<f32>(&[50, 512, 7, 7], 7), [224, 224]);
    trial.resized(&features::<f64>(&[8, 64, 14, 14], 7), [224, 224]);
}

/// By one block, by steps from positions, and by steps from channels.
fn maps_of_layers_at_a_pointer(trial: &mut Trial<'_>) {
    for shape in [&[100, 512, 7, 7][..], &[6, 512, 14, 14], &[6, 64, 28, 28]] {
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            trial.maps_at_a_pointer(&cam, &features::<f32>(shape, 13), None);
            trial.maps_at_a_pointer(&cam, &features::<f64>(shape, 13), None);
        }
    }
}

fn maps_of_layers_in_chunks(trial: &mut Trial<'_>) {
    trial.maps_in_chunks(&features::<f32>(&[2800, 512, 7, 7], 6), LEFT);
    // The steps of a map need about 3.2 MB.
    let batch = features::<f32>(&[200, 256, 28, 28], 6);
    trial.maps_at_a_pointer(&Cam::new(Weighting::Mtsm), &batch, Some(LEFT));
}

/// A grid has at most 65,535 blocks in the direction of items: the batch needs two launches.
fn more_maps_than_a_grid(trial: &mut Trial<'_>) {
    trial.maps(
        &Cam::new(Weighting::Mtsm),
        &features::<f32>(&[65_540, 2, 2, 2], 6),
    );
}
