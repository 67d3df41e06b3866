//! HOOI and ST-HOSVD on a device, of arrays there and of arrays of the host.

use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use tenfold::cuda::{Device, DeviceTucker};
use tenfold::io::AnyTucker;
use tenfold::{Error, Method, Result, Tucker};

use super::array::DeviceArray;
use super::decomposition::{AnyDeviceTucker, DeviceDecomposition};
use super::devices::{device, run_on};
use super::memory::{Kind, OfKind};
use crate::arrays::{Array, view};
use crate::decomposition::Decomposition;
use crate::errors::{of_item, raised};
use crate::execution::Call;
use crate::options::Options;

/// A solver that devices have.
#[derive(Clone, Copy)]
enum DeviceMethod {
    Hooi,
    StHosvd,
}

impl DeviceMethod {
    fn of(name: &str) -> PyResult<Self> {
        let method: Method = name.parse().map_err(raised)?;
        match method {
            Method::Hooi => Ok(Self::Hooi),
            Method::StHosvd => Ok(Self::StHosvd),
            other => Err(PyNotImplementedError::new_err(format!(
                "{} runs on the CPU alone: use hooi or st_hosvd on a CUDA device, or copy the tensor to \
                 the host",
                other.name()
            ))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hooi => Method::Hooi.name(),
            Self::StHosvd => Method::StHosvd.name(),
        }
    }

    /// The largest number of sweeps over the modes, if the options do not limit it.
    fn sweeps(self) -> usize {
        match self {
            Self::Hooi => 100,
            Self::StHosvd => 1,
        }
    }
}

/// A decomposition of each tensor of a batch.
struct Task<'a> {
    method: DeviceMethod,
    options: &'a Options,
    /// The shape of the batch; its first mode numbers the tensors.
    shape: Vec<usize>,
    /// Whether the array of the caller has the first mode.
    is_batch: bool,
}

impl<'a> Task<'a> {
    fn new(method: &str, options: &'a Options, shape: &[usize], is_batch: bool) -> PyResult<Self> {
        let shape = if is_batch {
            shape.to_vec()
        } else {
            [&[1], shape].concat()
        };
        Ok(Self {
            method: DeviceMethod::of(method)?,
            options,
            shape,
            is_batch,
        })
    }

    /// The shape of a tensor.
    fn tensor(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or_default()
    }

    fn call(&self, py: Python<'_>) -> Call {
        let call = self.options.call(py, self.tensor(), self.method.sweeps());
        let items = self.shape.first().copied().unwrap_or(1) as f64;
        Call {
            flops: items * call.flops,
            ..call
        }
    }

    /// The error with the index in the array of the caller.
    fn error(&self, error: Error) -> Error {
        if self.is_batch { error } else { of_item(error) }
    }
}

/// Decomposes the array, or each tensor along its first mode, on the device that it is on. The work
/// starts after the work on `stream`. The results stay on the device.
#[pyfunction]
#[pyo3(signature = (x, method, options, is_batch, stream=None))]
pub(crate) fn decompose_at(
    py: Python<'_>,
    x: &DeviceArray,
    method: &str,
    options: Options,
    is_batch: bool,
    stream: Option<u64>,
) -> PyResult<Vec<DeviceDecomposition>> {
    let task = Task::new(method, &options, &x.place.shape, is_batch)?;
    match x.place.kind {
        Kind::F32 => decompose_at_of::<f32>(py, x, &task, stream, AnyDeviceTucker::F32),
        Kind::F64 => decompose_at_of::<f64>(py, x, &task, stream, AnyDeviceTucker::F64),
    }
}

fn decompose_at_of<T: OfKind>(
    py: Python<'_>,
    x: &DeviceArray,
    task: &Task<'_>,
    stream: Option<u64>,
    any: fn(DeviceTucker<T>) -> AnyDeviceTucker,
) -> PyResult<Vec<DeviceDecomposition>> {
    let address = x.entries()?;
    let place = (x.place.ordinal, stream);
    let found = run_on(py, place, task.call(py), |device, monitor| {
        decompose_entries::<T>(device, task, address, monitor).map_err(|error| task.error(error))
    })?;
    // The device without the stream, which the results outlive.
    let device = device(x.place.ordinal).map_err(raised)?;
    let bytes = task.tensor().iter().product::<usize>() * size_of::<T>();
    let method = task.method.name();
    let results = found.into_iter().map(any);
    Ok(results
        .map(|tucker| DeviceDecomposition::new(tucker, &device, method, bytes as u64))
        .collect())
}

/// The decompositions of the batch at an address.
#[allow(unsafe_code)]
fn decompose_entries<T: OfKind>(
    device: &Device,
    task: &Task<'_>,
    address: u64,
    monitor: tenfold::Monitor,
) -> Result<Vec<DeviceTucker<T>>> {
    match task.method {
        DeviceMethod::Hooi => {
            let hooi = task.options.hooi(task.tensor(), monitor)?;
            // SAFETY: the entries are in C order at the address, and the array of the caller keeps
            // them alive. `device` waits for the stream of their framework.
            unsafe { device.hooi_at(&hooi, address, &task.shape) }
        }
        DeviceMethod::StHosvd => {
            let st_hosvd = task.options.st_hosvd(task.tensor(), monitor)?;
            // SAFETY: as above.
            unsafe { device.st_hosvd_at(&st_hosvd, address, &task.shape) }
        }
    }
}

/// Decomposes an array of the host, or each tensor along its first mode, on a device. The results are
/// on the host.
#[pyfunction]
pub(crate) fn decompose_on(
    py: Python<'_>,
    x: Array<'_>,
    method: &str,
    options: Options,
    is_batch: bool,
    ordinal: usize,
) -> PyResult<Vec<Decomposition>> {
    match &x {
        Array::F32(x) => {
            let task = Task::new(method, &options, x.shape(), is_batch)?;
            decompose_on_of(py, x, &task, ordinal, AnyTucker::F32)
        }
        Array::F64(x) => {
            let task = Task::new(method, &options, x.shape(), is_batch)?;
            decompose_on_of(py, x, &task, ordinal, AnyTucker::F64)
        }
    }
}

fn decompose_on_of<T: OfKind>(
    py: Python<'_>,
    x: &PyReadonlyArrayDyn<'_, T>,
    task: &Task<'_>,
    ordinal: usize,
    any: fn(Tucker<T>) -> AnyTucker,
) -> PyResult<Vec<Decomposition>> {
    let x = view(x)?;
    let found = run_on(py, (ordinal, None), task.call(py), |device, monitor| {
        let batch = tenfold::TensorRef::new(&task.shape, x.data())?;
        let found = match task.method {
            DeviceMethod::Hooi => device.hooi(&task.options.hooi(task.tensor(), monitor)?, batch),
            DeviceMethod::StHosvd => {
                device.st_hosvd(&task.options.st_hosvd(task.tensor(), monitor)?, batch)
            }
        };
        found.map_err(|error| task.error(error))
    })?;
    let bytes = task.tensor().iter().product::<usize>() * size_of::<T>();
    let results = found.into_iter().map(any);
    Ok(results
        .map(|tucker| Decomposition::new(tucker, task.method.name(), bytes as u64))
        .collect())
}
