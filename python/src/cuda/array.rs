//! The class `DeviceArray`: an array of `f32` or `f64` on a device.

use std::cmp::Reverse;
use std::sync::Arc;

use dlpark::python::{ExportRequest, export_dlpack};
use numpy::{PyArrayDescr, PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tenfold::Tensor;
use tenfold::cuda::{Device, DeviceScalar};

use super::devices::run_on;
use super::memory::{Kind, Lent, OfKind, Owner, Place, is_in_order, strides_in_order};
use super::protocols::{self, Exporter};
use crate::arrays::{Array, array, view};
use crate::execution::Call;

/// An array of float32 or float64 on a GPU, for inputs of an unknown framework.
///
/// It has `__dlpack__` and `__cuda_array_interface__`, so that every framework takes it without a
/// copy, such as `torch.from_dlpack(array)`. `numpy()` copies it to the host, as `numpy.asarray` does.
#[pyclass(frozen, module = "tenfold.cuda")]
pub(crate) struct DeviceArray {
    pub(super) place: Place,
    pub(super) owner: Owner,
}

impl DeviceArray {
    pub(super) fn new(place: Place, owner: Owner) -> Self {
        Self { place, owner }
    }

    /// The address of the entries in C order.
    pub(super) fn entries(&self) -> PyResult<u64> {
        if !self.is_contiguous() {
            return Err(PyValueError::new_err(
                "the array on the device is not C-contiguous: copy it in its framework first, with \
                 .contiguous() in PyTorch or ascontiguousarray in CuPy",
            ));
        }
        Ok(self.place.address)
    }

    /// A new array with arbitrary entries.
    fn allocate<T: OfKind>(py: Python<'_>, shape: &[usize], ordinal: usize) -> PyResult<Self> {
        let len = shape
            .iter()
            .try_fold(1, |len: usize, &extent| len.checked_mul(extent));
        let len = len.ok_or_else(|| {
            PyMemoryError::new_err(format!(
                "an array of shape {shape:?} does not fit the memory"
            ))
        })?;
        let (address, owner) = run_on(py, (ordinal, None), Call::default(), |device, _| {
            let memory = device.allocate::<T>(len)?;
            Ok((memory.pointer(), Lent::owner(device, memory)))
        })?;
        Ok(Self::in_order::<T>(ordinal, address, shape, owner))
    }

    /// An array with its entries in C order.
    fn in_order<T: OfKind>(ordinal: usize, address: u64, shape: &[usize], owner: Owner) -> Self {
        let place = Place {
            ordinal,
            address,
            kind: T::KIND,
            shape: shape.to_vec(),
            strides: strides_in_order(shape),
            is_read_only: false,
        };
        Self::new(place, owner)
    }

    /// A copy on the host. It starts after the work on `stream`.
    fn to_host<'py, T: OfKind>(
        &self,
        py: Python<'py>,
        stream: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // 1. The entries in the order of memory. An array without holes has its modes in the order of
        //    descending strides there.
        let Place { shape, strides, .. } = &self.place;
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|&mode| (Reverse(strides[mode]), mode));
        let stored: Vec<usize> = order.iter().map(|&mode| shape[mode]).collect();
        let in_memory: Vec<i64> = order.iter().map(|&mode| strides[mode]).collect();
        if !is_in_order(&stored, &in_memory) {
            self.entries()?;
        }
        let len: usize = shape.iter().product();
        if len == 0 {
            return Ok(PyArrayDyn::<T>::zeros(py, shape.clone(), false).into_any());
        }
        let place = (self.place.ordinal, stream);
        let tensor = run_on(py, place, Call::default(), |device, _| {
            Tensor::new(&stored, download::<T>(device, self.place.address, len)?)
        })?;
        // 2. The modes in the order of the array.
        let mut places = vec![0; order.len()];
        for (place, &mode) in order.iter().enumerate() {
            places[mode] = place;
        }
        array(py, tensor)?.call_method1("transpose", (places,))
    }
}

/// The entries at an address of the device.
#[allow(unsafe_code)]
fn download<T: DeviceScalar>(device: &Device, address: u64, len: usize) -> tenfold::Result<Vec<T>> {
    // SAFETY: the array keeps the entries alive. The work that writes them is done, or is on the
    // stream that the caller gave.
    unsafe { device.download_at(address, len) }
}

#[pymethods]
impl DeviceArray {
    /// A new array with arbitrary entries.
    #[staticmethod]
    fn empty(py: Python<'_>, shape: Vec<usize>, dtype: &str, ordinal: usize) -> PyResult<Self> {
        match dtype {
            "float32" => Self::allocate::<f32>(py, &shape, ordinal),
            "float64" => Self::allocate::<f64>(py, &shape, ordinal),
            other => Err(PyTypeError::new_err(format!(
                "an array on a device has float32 or float64, not {other}"
            ))),
        }
    }

    /// A copy of an array of the host.
    #[staticmethod]
    fn upload(py: Python<'_>, x: Array<'_>, ordinal: usize) -> PyResult<Self> {
        fn of<T: OfKind>(
            py: Python<'_>,
            x: &PyReadonlyArrayDyn<'_, T>,
            ordinal: usize,
        ) -> PyResult<DeviceArray> {
            let x = view(x)?;
            let (address, owner) = run_on(py, (ordinal, None), Call::default(), |device, _| {
                let memory = device.upload(x.data())?;
                Ok((memory.pointer(), Lent::owner(device, memory)))
            })?;
            Ok(DeviceArray::in_order::<T>(
                ordinal,
                address,
                x.shape(),
                owner,
            ))
        }
        match &x {
            Array::F32(x) => of(py, x, ordinal),
            Array::F64(x) => of(py, x, ordinal),
        }
    }

    /// The array of a capsule of DLPack, which is then used up.
    #[staticmethod]
    fn from_dlpack(capsule: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (place, owner) = protocols::from_capsule(capsule)?;
        Ok(Self::new(place, owner))
    }

    /// The array of the `__cuda_array_interface__` of `owner`.
    #[staticmethod]
    fn from_interface(interface: &Bound<'_, PyDict>, owner: Py<PyAny>) -> PyResult<Self> {
        let place = protocols::from_interface(interface)?;
        Ok(Self::new(place, Arc::new(owner)))
    }

    #[getter]
    fn __cuda_array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        protocols::interface(py, &self.place)
    }

    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(u32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let request = ExportRequest::parse(stream, max_version, dl_device, copy)?;
        let exporter = Exporter {
            place: &self.place,
            owner: &self.owner,
        };
        export_dlpack(&exporter, py, request)
    }

    fn __dlpack_device__(&self) -> (u32, i32) {
        protocols::device_of(&self.place).into()
    }

    /// The number of the device.
    #[getter]
    fn ordinal(&self) -> usize {
        self.place.ordinal
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.place.shape)
    }

    /// In entries.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.place.strides)
    }

    #[getter]
    fn ndim(&self) -> usize {
        self.place.shape.len()
    }

    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> Bound<'py, PyArrayDescr> {
        match self.place.kind {
            Kind::F32 => numpy::dtype::<f32>(py),
            Kind::F64 => numpy::dtype::<f64>(py),
        }
    }

    #[getter]
    fn is_contiguous(&self) -> bool {
        is_in_order(&self.place.shape, &self.place.strides)
    }

    /// The array with its modes in reverse order, in the same memory.
    #[getter(T)]
    fn transposed(&self) -> Self {
        let mut place = self.place.clone();
        place.shape.reverse();
        place.strides.reverse();
        Self::new(place, self.owner.clone())
    }

    /// A copy on the host, after the work on the stream.
    #[pyo3(signature = (stream=None))]
    fn numpy<'py>(&self, py: Python<'py>, stream: Option<u64>) -> PyResult<Bound<'py, PyAny>> {
        match self.place.kind {
            Kind::F32 => self.to_host::<f32>(py, stream),
            Kind::F64 => self.to_host::<f64>(py, stream),
        }
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(false) {
            return Err(PyValueError::new_err(
                "an array on a device cannot be an array of the host without a copy",
            ));
        }
        let array = self.numpy(py, None)?;
        match dtype {
            Some(dtype) => array.call_method1("astype", (dtype,)),
            None => Ok(array),
        }
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.place.shape.first().copied();
        first.ok_or_else(|| PyTypeError::new_err("an array without modes has no length"))
    }

    fn __repr__(&self) -> String {
        let extents: Vec<String> = self.place.shape.iter().map(usize::to_string).collect();
        let comma = if extents.len() == 1 { "," } else { "" };
        format!(
            "DeviceArray(shape=({}{comma}), dtype={}, device='cuda:{}')",
            extents.join(", "),
            self.place.kind.name(),
            self.place.ordinal
        )
    }
}
