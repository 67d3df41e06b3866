//! How the library uses memory, streams and the functions of the driver.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream};
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::{Device, Properties};
use tenfold::{Hooi, StHosvd, Tensor};

use crate::common::{ALLOCATION, LAUNCH, STREAM, StandIn};
use crate::features::features;

/// The functions of the driver that allocate memory, or create streams and events.
const CREATION: [&str; 6] = [
    "cuEventCreate",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuStreamCreate",
];

/// Calls a second time with the same shapes create nothing, and leave the pool as it is.
fn repeats_without_creation(stand_in: &StandIn, job: &dyn Fn()) {
    job();
    let used = stand_in.used();
    for _ in 0..2 {
        stand_in.reset();
        job();
        let calls = stand_in.tally();
        let created = calls
            .iter()
            .filter(|(name, _)| CREATION.contains(&name.as_str()));
        assert_eq!(created.count(), 0, "{calls:?}");
        assert_eq!(stand_in.used(), used);
        assert_eq!(stand_in.report(), "");
    }
}

#[test]
fn a_second_call_creates_nothing() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let cam = Cam::new(Weighting::Mtsm);
    // By one block, by steps, and recomputed from scaled copies.
    let block = features::<f32>(&[3, 10, 2, 4], 1);
    let steps = features::<f64>(&[3, 4, 3, 3], 1);
    let mut scaled = features::<f64>(&[2, 9, 2, 3], 1);
    let entries = scaled.data_mut().iter_mut();
    entries.for_each(|entry| *entry *= 1e-180);
    repeats_without_creation(&stand_in, &|| {
        device.saliency_maps(&cam, &block).unwrap();
        device.saliency_maps(&cam, &steps).unwrap();
        device.saliency_maps(&cam, &scaled).unwrap();
        device.resized_maps(&cam, &block, [5, 6]).unwrap();
    });
    let tensors = features::<f64>(&[3, 4, 3, 3], 1);
    let hooi = Hooi {
        max_sweeps: 2,
        ..Hooi::new([2, 2, 2])
    };
    repeats_without_creation(&stand_in, &|| {
        device.hooi(&hooi, &tensors).unwrap();
        device.st_hosvd(&StHosvd::new([2, 2, 2]), &tensors).unwrap();
    });
}

/// The host enqueues a sweep before it waits for the flags of the sweep before. A sweep of three modes
/// has at most 7 launches for each mode and 3 at its end.
#[test]
fn the_host_waits_once_for_each_sweep() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let tensors = features::<f64>(&[3, 4, 3, 3], 1);
    let calls = |max_sweeps: usize| {
        let hooi = Hooi {
            sweep_tolerance: 0.0,
            max_sweeps,
            ..Hooi::new([2, 2, 2])
        };
        stand_in.reset();
        device.hooi(&hooi, &tensors).unwrap();
        stand_in.tally()
    };
    calls(2);
    let (few, many) = (calls(4), calls(14));
    let more = |name: &str| {
        let count = |calls: &[(String, u64)]| {
            let found = calls.iter().find(|(other, _)| other == name);
            found.map_or(0, |&(_, count)| count)
        };
        count(&many) - count(&few)
    };
    assert_eq!(more("cuStreamSynchronize"), 0, "{many:?}");
    assert_eq!(more("cuEventSynchronize"), 10, "{many:?}");
    assert!((10..=10 * 24).contains(&more("cuLaunchKernel")), "{many:?}");
    assert_eq!(stand_in.report(), "");
}

#[test]
fn idle_memory_is_bounded_and_can_be_released() {
    let stand_in = StandIn::open();
    let before = stand_in.used();
    let device = Device::open(0).unwrap();
    let cam = Cam::new(Weighting::Mtsm);
    let mut largest = 0;
    for channels in 9..29 {
        device
            .saliency_maps(&cam, &features::<f32>(&[4, channels, 2, 4], 1))
            .unwrap();
        largest = largest.max(stand_in.used());
    }
    assert_eq!(
        device.memory().unwrap().kept as usize,
        stand_in.used() - before
    );
    device.release_memory();
    assert_eq!(
        (stand_in.used(), device.memory().unwrap().kept),
        (before, 0)
    );
    // A device with less memory keeps less.
    drop(device);
    let small = 20_000;
    stand_in.set_memory(before + small);
    let device = Device::open(0).unwrap();
    for channels in 9..29 {
        device
            .saliency_maps(&cam, &features::<f32>(&[4, channels, 2, 4], 1))
            .unwrap();
        assert!(stand_in.used() - before <= (before + small) / 4);
    }
    assert!(largest - before > small);
}

/// If the driver has too little memory, the idle memory of other shapes is freed.
#[test]
fn idle_memory_makes_room() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let cam = Cam::new(Weighting::Mtsm);
    let large = features::<f32>(&[4, 40, 2, 4], 1);
    let expected = device.saliency_maps(&cam, &large).unwrap();
    device.release_memory();
    let small = features::<f32>(&[4, 30, 2, 4], 1);
    device.saliency_maps(&cam, &small).unwrap();
    let kept = device.memory().unwrap().kept as usize;
    // Not enough for the large batch beside the idle memory.
    stand_in.set_memory(stand_in.used() + kept);
    assert_eq!(device.saliency_maps(&cam, &large).unwrap(), expected);
    assert_eq!(stand_in.report(), "");
}

/// Memory of a caller on the device.
struct Caller {
    stream: Arc<CudaStream>,
    features: CudaSlice<f32>,
    maps: CudaSlice<f32>,
}

impl Caller {
    /// The features of `batch`, which the stream copies; and memory for maps of `len` entries.
    fn new(stream: Arc<CudaStream>, batch: &Tensor<f32>, len: usize) -> Self {
        let mut features = stream.alloc_zeros::<f32>(batch.data().len()).unwrap();
        let maps = stream.alloc_zeros(len).unwrap();
        stream.synchronize().unwrap();
        stream.memcpy_htod(batch.data(), &mut features).unwrap();
        Self {
            stream,
            features,
            maps,
        }
    }

    fn addresses(&self) -> (u64, u64) {
        use cudarc::driver::DevicePtr;
        let (features, _first) = self.features.device_ptr(&self.stream);
        let (maps, _second) = self.maps.device_ptr(&self.stream);
        (features, maps)
    }
}

/// Maps of features on the device: a launch for each kernel, a copy of the outcomes, and a wait. By
/// one block, and by steps from channels.
#[test]
fn maps_at_a_pointer_call_the_driver_a_few_times() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let context = CudaContext::new(0).unwrap();
    for (shape, most_launches) in [([5, 10, 2, 4], 3), ([5, 4, 2, 4], 8)] {
        let batch = features::<f32>(&shape, 1);
        let cam = Cam::new(Weighting::EigenCam);
        let caller = Caller::new(context.default_stream(), &batch, 5 * 8);
        context.synchronize().unwrap();
        let (from, to) = caller.addresses();
        for call in 0..3 {
            stand_in.reset();
            // SAFETY: both have these shapes, and all earlier work is done.
            unsafe { device.saliency_maps_at::<f32>(&cam, from, batch.shape(), to) }.unwrap();
            let calls = stand_in.tally();
            let others: Vec<_> = calls
                .iter()
                .filter(|(name, _)| name != "cuLaunchKernel")
                .map(|(name, count)| (name.as_str(), *count))
                .collect();
            let expected = [("cuMemcpyDtoHAsync_v2", 1), ("cuStreamSynchronize", 1)];
            assert!(call == 0 || others == expected, "{calls:?}");
            assert!((1..=most_launches).contains(&stand_in.calls(LAUNCH)));
        }
        assert_eq!(stand_in.report(), "");
    }
}

/// The device waits for the caller's stream. The host does not.
#[test]
fn calls_start_after_a_stream_of_the_caller() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let context = CudaContext::new(0).unwrap();
    let batch = features::<f32>(&[5, 10, 2, 4], 1);
    let cam = Cam::new(Weighting::Mtsm);
    let expected = device.saliency_maps(&cam, &batch).unwrap();
    for ordered in [true, false] {
        let caller = Caller::new(context.new_stream().unwrap(), &batch, 5 * 8);
        let (from, to) = caller.addresses();
        // SAFETY: both have these shapes. Without the order, the stand-in reports a race.
        let result = unsafe {
            if ordered {
                let after = device.after(caller.stream.cu_stream() as u64);
                after.saliency_maps_at::<f32>(&cam, from, batch.shape(), to)
            } else {
                device.saliency_maps_at::<f32>(&cam, from, batch.shape(), to)
            }
        };
        if ordered {
            assert_eq!(stand_in.report(), "");
            assert_eq!(result.unwrap().len(), 5);
            let found = caller.stream.clone_dtoh(&caller.maps).unwrap();
            let expected = expected.iter().flat_map(|map| map.values().data());
            assert!(found.iter().eq(expected));
        } else {
            assert!(stand_in.report().contains("streams race"));
        }
        stand_in.reset();
    }
}

/// A batch goes through the ring in pieces.
#[test]
fn a_batch_in_pieces() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    // Eight pieces through four stages, in one chunk.
    let batch = features::<f32>(&[9, 16_384, 2, 2], 1);
    let cam = Cam::new(Weighting::EigenCam);
    let at_once = device.saliency_maps(&cam, &batch).unwrap();
    let copies = |name: &str| {
        let calls = stand_in.tally();
        calls.iter().find(|(other, _)| other == name).unwrap().1
    };
    assert_eq!(copies("cuMemcpyHtoDAsync_v2"), 8);
    for (item, map) in at_once.iter().enumerate() {
        let entries = &batch.data()[item * 65_536..][..65_536];
        let alone = Tensor::new(&[16_384, 2, 2], entries.to_vec()).unwrap();
        assert_eq!(&device.saliency_map(&cam, &alone).unwrap(), map);
    }
    assert_eq!(stand_in.report(), "");
}

/// Large results come back in pieces.
#[test]
fn results_in_pieces() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[2, 3, 1, 2], 1);
    let cam = Cam::new(Weighting::EigenCam);
    let resized = device.resized_maps(&cam, &batch, [512, 400]).unwrap();
    let maps = cam.saliency_maps(&batch).unwrap();
    for (found, map) in resized.data().chunks(512 * 400).zip(maps) {
        let expected = tenfold::cam::resize(map.values(), 512, 400).unwrap();
        let close = found
            .iter()
            .zip(expected.data())
            .all(|(one, other)| (one - other).abs() < 1e-5);
        assert!(close);
    }
    assert_eq!(stand_in.report(), "");
}

/// Pinned memory of the caller needs no ring.
#[test]
fn pinned_memory_of_the_caller() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let context = CudaContext::new(0).unwrap();
    let batch = features::<f32>(&[5, 10, 2, 4], 1);
    let cam = Cam::new(Weighting::Mtsm);
    // SAFETY: all entries are written before they are read.
    let mut pinned = unsafe { context.alloc_pinned::<f32>(batch.data().len()) }.unwrap();
    let entries = pinned.as_mut_slice().unwrap();
    entries.copy_from_slice(batch.data());
    let view = tenfold::TensorRef::new(batch.shape(), entries).unwrap();
    let host_blocks = || {
        let calls = stand_in.tally();
        let pinned = calls.iter().find(|(name, _)| name == "cuMemHostAlloc");
        pinned.map_or(0, |(_, count)| *count)
    };
    stand_in.reset();
    let of_pinned = device.saliency_maps(&cam, view).unwrap();
    // For the maps and for the outcomes.
    assert_eq!(host_blocks(), 2);
    // The device has read the batch.
    entries.fill(0.0);
    context.synchronize().unwrap();
    assert_eq!(device.saliency_maps(&cam, &batch).unwrap(), of_pinned);
    assert_eq!(host_blocks(), 3);
    assert_eq!(stand_in.report(), "");
}

#[test]
fn what_a_device_is() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let properties = device.properties().unwrap();
    assert_eq!(properties.name, device.name().unwrap());
    assert_eq!((properties.ordinal, properties.multiprocessors), (0, 132));
    assert_eq!(properties.driver, (12, 8));
    assert_eq!(properties.compute_capability.0, 9);
    assert_eq!(properties.clock_khz, 1_980_000);
    assert_eq!(properties.single_to_double, 2);
    assert_eq!(Properties::of_all().unwrap(), [properties]);
    let memory = device.memory().unwrap();
    assert_eq!(
        (memory.free, memory.total),
        (memory.total - stand_in.used() as u64, 1 << 30)
    );
}

/// Calls in parallel use workspaces of their own.
#[test]
fn calls_in_parallel() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[5, 10, 2, 4], 1);
    let cam = Cam::new(Weighting::Mtsm);
    let expected = device.saliency_maps(&cam, &batch).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(device.saliency_maps(&cam, &batch).unwrap(), expected);
                }
            });
        }
    });
    stand_in.reset();
    for _ in 0..3 {
        device.saliency_maps(&cam, &batch).unwrap();
    }
    assert_eq!((stand_in.calls(ALLOCATION), stand_in.calls(STREAM)), (0, 0));
    assert_eq!(stand_in.report(), "");
}
