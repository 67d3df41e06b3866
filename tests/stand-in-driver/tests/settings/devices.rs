//! Several devices share a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::{Device, Devices, ThreadContext};
use tenfold::{CudaError, Error, Hooi, Monitor, StHosvd, Tucker};

use crate::common::StandIn;
use crate::features::features;

/// The stand-in with this number of devices, and all of them opened.
fn open(count: i32) -> (StandIn, Devices) {
    let stand_in = StandIn::open();
    stand_in.set_devices(count);
    let devices = Devices::open_all().unwrap();
    (stand_in, devices)
}

fn assert_equal(found: &[Tucker<f64>], expected: &[Tucker<f64>]) {
    assert_eq!(found.len(), expected.len());
    for (one, other) in found.iter().zip(expected) {
        assert_eq!(one.core().data(), other.core().data());
        assert!((0..3).all(|mode| one.factor(mode) == other.factor(mode)));
    }
}

#[test]
fn all_devices_are_opened() {
    let (_stand_in, devices) = open(2);
    let ordinals: Vec<usize> = devices.devices().iter().map(Device::ordinal).collect();
    assert_eq!(ordinals, [0, 1]);
    let named = Devices::open(&[1]).unwrap();
    assert_eq!(named.devices()[0].ordinal(), 1);
    let error = Devices::open(&[0, 2]).unwrap_err();
    assert!(error.to_string().contains("count from 0"), "{error}");
    let error = Devices::open(&[]).unwrap_err();
    assert!(matches!(error, Error::Cuda(CudaError::NoDevice { .. })));
}

/// Shares of unequal sizes, and a batch with fewer items than devices.
#[test]
fn results_are_those_of_one_device() {
    let (stand_in, devices) = open(2);
    let device = &devices.devices()[0];
    for items in [5, 1] {
        let batch = features::<f32>(&[items, 10, 2, 4], 6);
        let cam = Cam::new(Weighting::Mtsm);
        let expected = device.saliency_maps(&cam, &batch).unwrap();
        assert_eq!(devices.saliency_maps(&cam, &batch).unwrap(), expected);
        let used = |device: &Device| device.memory().unwrap().kept > 0;
        assert!(devices.devices().iter().all(used));
        let tensors = features::<f64>(&[items, 3, 3, 2], 6);
        let hooi = Hooi {
            max_sweeps: 2,
            ..Hooi::new([2, 2, 2])
        };
        let expected = device.hooi(&hooi, &tensors).unwrap();
        assert_equal(&devices.hooi(&hooi, &tensors).unwrap(), &expected);
        let st_hosvd = StHosvd::new([2, 2, 2]);
        let expected = device.st_hosvd(&st_hosvd, &tensors).unwrap();
        assert_equal(&devices.st_hosvd(&st_hosvd, &tensors).unwrap(), &expected);
    }
    assert_eq!(stand_in.report(), "");
}

/// The context of a thread stays the same, whichever device computes, and when results are dropped.
#[test]
fn the_context_of_a_thread_is_kept() {
    use cudarc::driver::CudaContext;
    use cudarc::driver::result::ctx::get_current;
    let (stand_in, devices) = open(2);
    CudaContext::new(0).unwrap().bind_to_thread().unwrap();
    let before = get_current().unwrap();
    let kept = ThreadContext::keep();
    let device = &devices.devices()[1];
    let tensors = features::<f64>(&[1, 3, 3, 2], 6);
    let memory = device.upload(tensors.data()).unwrap();
    let st_hosvd = StHosvd::new([2, 2, 2]);
    // SAFETY: the memory holds the batch, and nothing writes to it.
    let found = unsafe { device.st_hosvd_at::<f64>(&st_hosvd, memory.pointer(), tensors.shape()) };
    assert_eq!(Device::of_address(memory.pointer()).unwrap(), Some(1));
    assert_ne!(get_current().unwrap(), before);
    drop(kept);
    assert_eq!(get_current().unwrap(), before);
    drop(found);
    drop(memory);
    assert_eq!(get_current().unwrap(), before);
    assert_eq!(stand_in.report(), "");
}

#[test]
fn an_error_has_the_index_in_the_whole_batch() {
    let (_stand_in, devices) = open(2);
    let mut batch = features::<f32>(&[5, 6, 2, 2], 2);
    batch.data_mut()[4 * 24 + 5] = f32::NAN;
    let cam = Cam::new(Weighting::Mtsm);
    let of_cpu = cam.saliency_maps(&batch).unwrap_err().to_string();
    let of_devices = devices.saliency_maps(&cam, &batch).unwrap_err();
    assert_eq!(of_devices.to_string(), of_cpu);
}

#[test]
fn progress_and_cancellation() {
    let (_stand_in, devices) = open(2);
    let batch = features::<f32>(&[5, 10, 2, 4], 6);
    let reports = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&reports);
    let stop = Arc::new(AtomicBool::new(false));
    let monitor = Monitor::new()
        .cancelled_by(Arc::clone(&stop))
        .on_progress(move |progress| {
            assert_eq!(progress.total, 5);
            into.lock().unwrap().push(progress.done);
        });
    let cam = Cam {
        monitor,
        ..Cam::new(Weighting::Tsm)
    };
    devices.saliency_maps(&cam, &batch).unwrap();
    let reports = reports.lock().unwrap();
    assert!(reports.len() >= 2 && reports.is_sorted() && reports.last() == Some(&5));
    stop.store(true, Ordering::Relaxed);
    let result = devices.saliency_maps(&cam, &batch);
    assert!(matches!(result, Err(Error::Cancelled)));
}
