//! The protocols by which frameworks exchange arrays on a device: DLPack and
//! `__cuda_array_interface__`.
//!
//! An array that comes in is checked once: its device, its scalar, its alignment, and that the driver
//! manages its memory. An array that goes out is complete: each call waits until its results are
//! written, so that the stream of the consumer needs no event.

use std::sync::Arc;

use dlpark::ffi::{DLDataType, DLDevice, DLDeviceType, DLManagedTensor, DLManagedTensorVersioned};
use dlpark::metadata::Dynamic;
use dlpark::python::{DlpackExporter, ExportRequest, from_dlpack};
use dlpark::{DlpackFlags, Managed, ManagedTensorBase};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tenfold::cuda::{Device, ThreadContext};

use super::memory::{Kind, Owner, Place, is_in_order, strides_in_order};
use crate::errors::raised;

/// Memory that the host and all devices share.
const MANAGED: DLDeviceType = DLDeviceType::CUDAMANAGED;

/// Checks that the place is in memory of its device.
fn checked(place: Place, is_managed: bool) -> PyResult<Place> {
    let Place {
        ordinal,
        address,
        kind,
        ref shape,
        ..
    } = place;
    if shape.contains(&0) {
        return Ok(place);
    }
    if address == 0 || !address.is_multiple_of(kind.bytes() as u64) {
        return Err(PyValueError::new_err(format!(
            "the address {address:#x} is not the address of {} on a device",
            kind.name()
        )));
    }
    let _kept = ThreadContext::keep();
    match Device::of_address(address).map_err(raised)? {
        None => Err(PyValueError::new_err(format!(
            "the memory at {address:#x} is not memory of CUDA"
        ))),
        Some(found) if found != ordinal && !is_managed => Err(PyValueError::new_err(format!(
            "the array says that it is on cuda:{ordinal}, but its memory is on cuda:{found}"
        ))),
        Some(_) => Ok(place),
    }
}

/// The place and the owner of the array in a capsule of DLPack, which is then used up.
pub(super) fn from_capsule(capsule: &Bound<'_, PyAny>) -> PyResult<(Place, Owner)> {
    // 1. The description.
    let imported = from_dlpack(capsule.as_borrowed(), None, None)?;
    let is_read_only = imported.flags().contains(DlpackFlags::READ_ONLY);
    let described = imported.validate();
    let tensor = described.map_err(|error| PyBufferError::new_err(error.to_string()))?;
    let device = tensor.device();
    if device.device_type != DLDeviceType::CUDA && device.device_type != MANAGED {
        return Err(PyValueError::new_err(format!(
            "the array is not on a CUDA device: its DLPack device is ({}, {})",
            device.device_type.0, device.device_id
        )));
    }
    let kind = match tensor.dtype() {
        DLDataType::F32 => Kind::F32,
        DLDataType::F64 => Kind::F64,
        other => {
            return Err(PyTypeError::new_err(format!(
                "an array on a device has float32 or float64, not the DLPack type (code {}, \
                 {} bits, {} lanes): convert it in its framework first",
                other.code.0, other.bits, other.lanes
            )));
        }
    };
    let strides = tensor.strides_or_compact();
    let strides = strides.map_err(|error| PyBufferError::new_err(error.to_string()))?;
    let ordinal = usize::try_from(device.device_id).map_err(|_| {
        PyValueError::new_err(format!("there is no device cuda:{}", device.device_id))
    })?;
    let place = Place {
        ordinal,
        address: (tensor.data_ptr() as u64).wrapping_add(tensor.byte_offset()),
        kind,
        shape: tensor
            .shape()
            .iter()
            .map(|&extent| extent as usize)
            .collect(),
        strides: strides.into_owned(),
        is_read_only,
    };
    // 2. The memory.
    let place = checked(place, device.device_type == MANAGED)?;
    Ok((place, Arc::new(imported.into_deleter())))
}

/// The place of the array with a `__cuda_array_interface__`.
pub(super) fn from_interface(interface: &Bound<'_, PyDict>) -> PyResult<Place> {
    // 1. The description.
    let entry = |name: &str| -> PyResult<Bound<'_, PyAny>> {
        let entry = interface.get_item(name)?;
        entry.ok_or_else(|| {
            PyValueError::new_err(format!("__cuda_array_interface__ has no {name:?}"))
        })
    };
    let optional = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(interface.get_item(name)?.filter(|entry| !entry.is_none()))
    };
    let version: i64 = entry("version")?.extract()?;
    if !(2..=3).contains(&version) {
        return Err(PyValueError::new_err(format!(
            "__cuda_array_interface__ of version {version}: versions 2 and 3 are supported"
        )));
    }
    if optional("mask")?.is_some() {
        return Err(PyTypeError::new_err(
            "the array on the device has a mask, which no solver there supports",
        ));
    }
    let scalar: String = entry("typestr")?.extract()?;
    let kind = match scalar.as_str() {
        "<f4" => Kind::F32,
        "<f8" => Kind::F64,
        other => {
            return Err(PyTypeError::new_err(format!(
                "an array on a device has float32 or float64, not {other:?}: convert it in its \
                 framework first"
            )));
        }
    };
    let shape: Vec<usize> = entry("shape")?.extract()?;
    let (address, is_read_only): (u64, bool) = entry("data")?.extract()?;
    let strides = match optional("strides")? {
        None => strides_in_order(&shape),
        Some(strides) => in_entries(&strides.extract::<Vec<i64>>()?, kind, &shape)?,
    };
    // 2. The memory. The interface does not name the device.
    let ordinal = if shape.contains(&0) {
        0
    } else {
        let _kept = ThreadContext::keep();
        Device::of_address(address).map_err(raised)?.unwrap_or(0)
    };
    let place = Place {
        ordinal,
        address,
        kind,
        shape,
        strides,
        is_read_only,
    };
    checked(place, false)
}

/// The `__cuda_array_interface__` of an array.
pub(super) fn interface<'py>(py: Python<'py>, place: &Place) -> PyResult<Bound<'py, PyDict>> {
    let interface = PyDict::new(py);
    let bytes = place.kind.bytes();
    interface.set_item("version", 3)?;
    interface.set_item("shape", PyTuple::new(py, &place.shape)?)?;
    interface.set_item("typestr", format!("<f{bytes}"))?;
    let address = if place.shape.contains(&0) {
        0
    } else {
        place.address
    };
    interface.set_item("data", (address, place.is_read_only))?;
    let strides = place
        .strides
        .iter()
        .map(|stride| stride.saturating_mul(bytes as i64));
    let strides = PyTuple::new(py, strides.collect::<Vec<_>>())?;
    interface.set_item(
        "strides",
        Some(strides).filter(|_| !is_in_order(&place.shape, &place.strides)),
    )?;
    interface.set_item("stream", py.None())?;
    Ok(interface)
}

/// Strides in entries, from strides in bytes.
fn in_entries(strides: &[i64], kind: Kind, shape: &[usize]) -> PyResult<Vec<i64>> {
    let bytes = kind.bytes() as i64;
    let is_whole = |(&stride, &extent): (&i64, &usize)| extent <= 1 || stride % bytes == 0;
    if strides.len() != shape.len() || !strides.iter().zip(shape).all(is_whole) {
        return Err(PyValueError::new_err(format!(
            "strides {strides:?} do not fit the shape {shape:?} of entries of {bytes} bytes"
        )));
    }
    Ok(strides.iter().map(|stride| stride / bytes).collect())
}

/// The DLPack device of an array.
pub(super) fn device_of(place: &Place) -> DLDevice {
    DLDevice::cuda(place.ordinal as i32)
}

/// An array that goes out.
pub(super) struct Exporter<'a> {
    pub(super) place: &'a Place,
    pub(super) owner: &'a Owner,
}

impl DlpackExporter for Exporter<'_> {
    fn device(&self) -> DLDevice {
        device_of(self.place)
    }

    fn flags(&self) -> DlpackFlags {
        if self.place.is_read_only {
            DlpackFlags::READ_ONLY
        } else {
            DlpackFlags::empty()
        }
    }

    fn prepare_export(&self, _: Python<'_>, request: &ExportRequest<'_>) -> PyResult<()> {
        // The entries are written. A wrong stream is an error nevertheless.
        request.cuda_stream().map(|_| ())
    }

    fn export_legacy(&self, _: Python<'_>) -> PyResult<Managed<DLManagedTensor>> {
        self.export()
    }

    fn export_versioned(&self, _: Python<'_>) -> PyResult<Managed<DLManagedTensorVersioned>> {
        self.export()
    }
}

impl Exporter<'_> {
    /// A description of the array that keeps its memory alive.
    #[allow(unsafe_code)]
    fn export<M: ManagedTensorBase>(&self) -> PyResult<Managed<M>> {
        let refused = |error: String| PyBufferError::new_err(error);
        let place = self.place;
        let layout = Dynamic::new(place.shape.as_slice(), place.strides.as_slice());
        let exported = layout.initialize_as::<M>(Box::new(Arc::clone(self.owner)));
        let mut exported = exported.map_err(|error| refused(error.to_string()))?;
        exported
            .set_data(place.address as *mut _)
            .set_device(device_of(place))
            .set_dtype(match place.kind {
                Kind::F32 => DLDataType::F32,
                Kind::F64 => DLDataType::F64,
            })
            .set_flags(self.flags())
            .map_err(|error| refused(error.to_string()))?;
        // SAFETY: the entries are at the address with these strides, as long as their owner, which the
        // description refers to. The layout stores explicit strides.
        Ok(unsafe { exported.finish() })
    }
}
