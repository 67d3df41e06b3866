//! The open devices. A device is opened at its first use, and stays open until the process ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tenfold::cuda::{Device, Properties, ThreadContext};
use tenfold::{CudaError, Result};

use crate::execution::{Call, run};

static DEVICES: LazyLock<Mutex<HashMap<usize, Device>>> = LazyLock::new(Mutex::default);

/// The process that uses the devices, 0 before the first use.
static USER: AtomicU32 = AtomicU32::new(0);

/// The devices of this process.
///
/// A child of `fork` cannot use the devices of its parent, because the driver does not support it.
fn open_devices() -> Result<MutexGuard<'static, HashMap<usize, Device>>> {
    let process = std::process::id();
    let user = USER.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed);
    if user.is_err_and(|user| user != process) {
        let reason = "this process is a fork of one that has used CUDA, which the driver does not \
                      support; start it with the method \"spawn\" of multiprocessing"
            .to_owned();
        return Err(CudaError::NoDevice { reason }.into());
    }
    Ok(DEVICES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The device of this number.
pub(super) fn device(ordinal: usize) -> Result<Device> {
    let mut devices = open_devices()?;
    if let Some(device) = devices.get(&ordinal) {
        return Ok(device.clone());
    }
    let device = Device::open(ordinal)?;
    devices.insert(ordinal, device.clone());
    Ok(device)
}

/// Calls `compute` without the GIL, with the device of this number. Its calls start after the work on
/// `stream`, if there is one.
pub(super) fn run_on<R: Send>(
    py: Python<'_>,
    (ordinal, stream): (usize, Option<u64>),
    call: Call,
    compute: impl FnOnce(&Device, tenfold::Monitor) -> Result<R> + Send,
) -> PyResult<R> {
    // The stream 2 is another stream on each thread. A short call stays on the caller's thread.
    let flops = match stream {
        Some(PER_THREAD) => 0.0,
        _ => call.flops / SPEED,
    };
    run(py, Call { flops, ..call }, |monitor| {
        let _kept = ThreadContext::keep();
        let device = device(ordinal)?;
        match stream {
            None => compute(&device, monitor),
            Some(stream) => compute(&after(&device, stream), monitor),
        }
    })
}

/// The number of the stream that each thread has by default.
const PER_THREAD: u64 = 2;

/// The minimum number of flops that a GPU computes while a core of the CPU computes one.
const SPEED: f64 = 100.0;

/// The device, with its calls after the work on a stream.
#[allow(unsafe_code)]
fn after(device: &Device, stream: u64) -> Device {
    // SAFETY: the package takes the stream from the array that it belongs to, or from the framework of
    // the array, and holds a reference to both during the call.
    unsafe { device.after(stream) }
}

/// The name, the number, the compute capability, the bytes of memory and the multiprocessors.
type Described = (String, usize, (i32, i32), u64, usize);

/// The properties of all devices. None is opened.
#[pyfunction]
pub(crate) fn device_properties(py: Python<'_>) -> PyResult<Vec<Described>> {
    let describe = |it: Properties| {
        let capability = it.compute_capability;
        (
            it.name,
            it.ordinal,
            capability,
            it.memory,
            it.multiprocessors,
        )
    };
    run(py, Call::default(), |_| {
        drop(open_devices()?);
        Ok(Properties::of_all()?.into_iter().map(describe).collect())
    })
}

/// Frees the memory that the open devices keep for their next calls.
#[pyfunction]
pub(crate) fn release_device_memory(py: Python<'_>) -> PyResult<()> {
    run(py, Call::default(), |_| {
        let _kept = ThreadContext::keep();
        for device in open_devices()?.values() {
            device.release_memory();
        }
        Ok(())
    })
}
