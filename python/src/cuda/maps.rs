//! Saliency maps on a device, of features there and of features of the host.

use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use tenfold::cam::{Cam, SaliencyMap, Status, resize};
use tenfold::cuda::Device;
use tenfold::{Error, Result, Tensor, TensorRef};

use super::array::DeviceArray;
use super::devices::run_on;
use super::memory::{Kind, OfKind};
use crate::arrays::{Array, array, view};
use crate::cam::{MapsAndStatuses, Options, each, flops, stack};
use crate::errors::{of_item, raised};
use crate::execution::Call;

/// The maps of each feature map of a batch.
struct Task {
    cam: Cam,
    /// The shape of the batch; its first mode numbers the feature maps.
    shape: Vec<usize>,
    /// Whether the array of the caller has the first mode.
    is_batch: bool,
    size: Option<(usize, usize)>,
}

impl Task {
    fn new(options: &Options, shape: &[usize], is_batch: bool) -> Result<Self> {
        let shape = if is_batch {
            shape.to_vec()
        } else {
            [&[1], shape].concat()
        };
        let cam = options.cam(shape.get(1..).unwrap_or_default())?;
        Ok(Self {
            cam,
            shape,
            is_batch,
            size: options.size(),
        })
    }

    fn call(&self) -> Call {
        let (items, shape) = self.shape.split_first().unwrap_or((&0, &[]));
        Call {
            flops: *items as f64 * flops(&self.cam, shape),
            ..Call::default()
        }
    }

    /// The number of entries of all maps.
    fn entries(&self) -> usize {
        let items = self.shape.first().copied().unwrap_or(0);
        let positions = match self.size {
            Some((height, width)) => height.saturating_mul(width),
            None => {
                let extents = self.shape.get(2..).unwrap_or_default().iter();
                extents.fold(1, |product: usize, &extent| product.saturating_mul(extent))
            }
        };
        items.saturating_mul(positions)
    }

    /// The error with the index in the array of the caller.
    fn error(&self, error: Error) -> Error {
        if self.is_batch { error } else { of_item(error) }
    }
}

/// Writes the map of `features`, or the maps of a batch, to `maps` on the same device, after the work
/// on `stream`. Returns the name of the status of each map.
#[pyfunction]
#[pyo3(signature = (features, maps, is_batch, options, stream=None))]
pub(crate) fn saliency_at(
    py: Python<'_>,
    features: &DeviceArray,
    maps: &DeviceArray,
    is_batch: bool,
    options: Options,
    stream: Option<u64>,
) -> PyResult<Vec<&'static str>> {
    let task = Task::new(&options, &features.place.shape, is_batch).map_err(raised)?;
    let (from, to) = (&features.place, &maps.place);
    if from.kind != to.kind || from.ordinal != to.ordinal || to.is_read_only {
        return Err(PyTypeError::new_err(
            "the maps are not in writable memory of the scalar and the device of the features",
        ));
    }
    if to.shape.iter().product::<usize>() != task.entries() {
        return Err(PyValueError::new_err(format!(
            "the memory for the maps has the shape {:?}",
            to.shape
        )));
    }
    let addresses = (features.entries()?, maps.entries()?);
    let place = (from.ordinal, stream);
    let statuses = run_on(py, place, task.call(), |device, monitor| {
        let cam = Cam {
            monitor,
            ..task.cam.clone()
        };
        let statuses = match from.kind {
            Kind::F32 => write::<f32>(device, &cam, &task, addresses),
            Kind::F64 => write::<f64>(device, &cam, &task, addresses),
        };
        statuses.map_err(|error| task.error(error))
    })?;
    Ok(statuses.into_iter().map(Status::name).collect())
}

/// Writes the maps of the features at an address to another address.
#[allow(unsafe_code)]
fn write<T: OfKind>(
    device: &Device,
    cam: &Cam,
    task: &Task,
    (features, maps): (u64, u64),
) -> Result<Vec<Status>> {
    match task.size {
        // SAFETY: the features are in C order at their address, and `maps` has room for all entries of
        // the maps. The arrays of the caller keep both alive. `device` waits for the stream of their
        // framework.
        None => unsafe { device.saliency_maps_at::<T>(cam, features, &task.shape, maps) },
        Some((height, width)) => {
            let size = [height, width];
            // SAFETY: as above.
            unsafe { device.resized_maps_at::<T>(cam, features, &task.shape, size, maps) }
        }
    }
}

/// The map of features of the host, or the maps of a batch, computed on a device, and the name of the
/// status of each. The host resizes the maps.
#[pyfunction]
pub(crate) fn saliency_on<'py>(
    py: Python<'py>,
    features: Array<'py>,
    is_batch: bool,
    options: Options,
    ordinal: usize,
) -> PyResult<MapsAndStatuses<'py>> {
    match &features {
        Array::F32(features) => saliency_on_of(py, features, is_batch, &options, ordinal),
        Array::F64(features) => saliency_on_of(py, features, is_batch, &options, ordinal),
    }
}

fn saliency_on_of<'py, T: OfKind>(
    py: Python<'py>,
    features: &PyReadonlyArrayDyn<'py, T>,
    is_batch: bool,
    options: &Options,
    ordinal: usize,
) -> PyResult<MapsAndStatuses<'py>> {
    let task = Task::new(options, features.shape(), is_batch).map_err(raised)?;
    let features = view(features)?;
    let (maps, statuses) = run_on(py, (ordinal, None), task.call(), |device, monitor| {
        let cam = Cam {
            monitor,
            ..task.cam.clone()
        };
        let batch = TensorRef::new(&task.shape, features.data())?;
        let maps = device.saliency_maps(&cam, batch);
        joined(&task, maps.map_err(|error| task.error(error))?)
    })?;
    let names = statuses.into_iter().map(Status::name).collect();
    Ok((array(py, maps)?.into_any(), names))
}

/// The maps in one tensor, resized, and their statuses.
fn joined<T: OfKind>(task: &Task, maps: Vec<SaliencyMap<T>>) -> Result<(Tensor<T>, Vec<Status>)> {
    let statuses = maps.iter().map(SaliencyMap::status).collect();
    let maps: Vec<Tensor<T>> = maps.into_iter().map(SaliencyMap::into_values).collect();
    let mut maps = stack(&maps)?;
    if let Some((height, width)) = task.size {
        maps = each(maps.view(), |map| resize(map, height, width))?;
    }
    if !task.is_batch {
        let shape = maps.shape()[1..].to_vec();
        maps = Tensor::new(&shape, maps.into_data())?;
    }
    Ok((maps, statuses))
}
