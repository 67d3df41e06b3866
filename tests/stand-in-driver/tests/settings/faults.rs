//! If a call of the driver fails, the library returns an error, leaks nothing and works again
//! afterwards.

use crate::common::{ALLOCATION, COPY, LAUNCH, MODULE, STREAM, StandIn};
use crate::features::features;
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::Device;
use tenfold::{CudaError, Error, Hooi, Truncation};

#[test]
fn no_device() {
    let stand_in = StandIn::open();
    stand_in.set_devices(0);
    let error = Device::open(0).unwrap_err();
    assert!(matches!(error, Error::Cuda(CudaError::NoDevice { .. })));
    assert!(
        error.to_string().contains("CUDA_VISIBLE_DEVICES"),
        "{error}"
    );
    stand_in.set_devices(1);
    let error = Device::open(1).unwrap_err();
    assert!(error.to_string().contains("count from 0"), "{error}");
    assert!(Device::open(0).is_ok());
}

#[test]
fn a_driver_that_is_too_old() {
    let stand_in = StandIn::open();
    stand_in.set_version(11_040);
    let error = Device::open(0).unwrap_err();
    let expected = "no CUDA device can be used: the driver is for CUDA 11.4; install one for \
                    CUDA 11.8 or newer";
    assert_eq!(error.to_string(), expected);
    stand_in.set_version(11_080);
    assert!(Device::open(0).is_ok());
}

/// Makes the first, then the second, … call of a kind fail, until no call is left to fail. Returns
/// the number of calls.
///
/// With `lasting`, all later calls of the kind fail too. Otherwise a call that fails for lack of
/// memory is repeated after the pool has freed its memory, and the job succeeds. `room` limits the
/// free bytes of the device's memory.
fn each_call_fails_with(
    room: Option<usize>,
    kind: u32,
    lasting: bool,
    job: &dyn Fn(&Device) -> tenfold::Result<()>,
) -> u64 {
    let stand_in = StandIn::open();
    let before = stand_in.used();
    let mut device = Device::open(0).unwrap();
    for count in 1.. {
        // The pool keeps streams and events until the device is dropped.
        if kind == STREAM {
            device = Device::open(0).unwrap();
        }
        device.release_memory();
        assert_eq!(stand_in.used(), before);
        stand_in.reset();
        if let Some(bytes) = room {
            stand_in.set_memory(before + bytes);
        }
        if lasting {
            stand_in.fail_from(kind, count);
        } else {
            stand_in.fail(kind, count);
        }
        let result = job(&device);
        let reached = stand_in.calls(kind) >= count;
        // The device works again.
        stand_in.reset();
        job(&device).unwrap();
        assert_eq!(stand_in.report(), "");
        match result {
            Ok(()) if !reached => {
                drop(device);
                assert_eq!(stand_in.used(), before);
                return count;
            }
            Ok(()) => assert!(
                !lasting && (kind == ALLOCATION || kind == STREAM),
                "call {count} of kind {kind} failed, but the library returned no error"
            ),
            Err(error) => {
                let expected = matches!(
                    error,
                    Error::Cuda(CudaError::DeviceFailed { .. } | CudaError::OutOfMemory { .. })
                );
                assert!(expected, "{error:?}");
                assert_eq!(error.to_string().lines().count(), 1);
            }
        }
    }
    0
}

fn each_call_fails(kind: u32, lasting: bool, job: &dyn Fn(&Device) -> tenfold::Result<()>) -> u64 {
    each_call_fails_with(None, kind, lasting, job)
}

/// Two chunks at a time are on their way when a call fails.
#[test]
fn every_call_that_makes_maps_in_chunks() {
    let batch = features::<f32>(&[7, 6, 2, 2], 1);
    let cam = Cam::new(Weighting::EigenCam);
    let job = |device: &Device| device.saliency_maps(&cam, &batch).map(drop);
    // Room for a few maps on each of two streams.
    for (kind, lasting) in [(ALLOCATION, true), (COPY, false), (LAUNCH, false)] {
        let calls = each_call_fails_with(Some(1000), kind, lasting, &job);
        assert!(calls > 3, "{kind}");
    }
}

#[test]
fn every_call_that_makes_maps() {
    let batch = features::<f32>(&[3, 6, 2, 2], 1);
    let cam = Cam::new(Weighting::Mtsm);
    let job = |device: &Device| device.saliency_maps(&cam, &batch).map(drop);
    for kind in [ALLOCATION, COPY, LAUNCH, STREAM] {
        assert!(each_call_fails(kind, false, &job) > 1, "{kind}");
    }
    for kind in [ALLOCATION, STREAM] {
        assert!(each_call_fails(kind, true, &job) > 1, "{kind}");
    }
}

#[test]
fn every_call_that_decomposes() {
    let batch = features::<f64>(&[2, 3, 3, 2], 1);
    let ranks = Hooi {
        max_sweeps: 2,
        ..Hooi::new([2, 2, 2])
    };
    let job = |device: &Device| device.hooi(&ranks, &batch).map(drop);
    for kind in [ALLOCATION, COPY, LAUNCH, STREAM] {
        assert!(each_call_fails(kind, false, &job) > 1, "{kind}");
    }
    for kind in [ALLOCATION, STREAM] {
        assert!(each_call_fails(kind, true, &job) > 1, "{kind}");
    }
    // A tolerance adds the copies of factors to the device.
    let tolerance = Hooi {
        max_sweeps: 1,
        modes: Some(vec![0]),
        ..Hooi::new(Truncation::RelativeError(0.2))
    };
    let job = |device: &Device| device.hooi(&tolerance, &batch).map(drop);
    assert!(each_call_fails(COPY, false, &job) > 1);
}

#[test]
fn a_module_that_cannot_be_loaded() {
    let stand_in = StandIn::open();
    stand_in.fail(MODULE, 1);
    // If NVRTC is installed, the first module is its PTX, and loading the second one succeeds.
    match Device::open(0) {
        Ok(_) => assert!(stand_in.calls(MODULE) > 1),
        Err(error) => {
            let expected = matches!(error, Error::Cuda(CudaError::DeviceFailed { .. }));
            assert!(expected, "{error}");
        }
    }
}

fn is_out_of_memory(error: &Error) -> bool {
    matches!(error, Error::Cuda(CudaError::OutOfMemory { .. }))
}

#[test]
fn memory_that_does_not_hold_one_map() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[3, 60, 4, 4], 1);
    stand_in.set_memory(stand_in.used() + 5000);
    let error = device
        .saliency_maps(&Cam::new(Weighting::Tsm), &batch)
        .unwrap_err();
    assert!(is_out_of_memory(&error), "{error}");
    assert!(error.to_string().contains("use the CPU"), "{error}");
    let error = device.hooi(&Hooi::new([2, 2, 2]), &batch).unwrap_err();
    assert!(is_out_of_memory(&error), "{error}");
}
