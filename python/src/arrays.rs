//! Tensors from NumPy arrays, and NumPy arrays from tensors.

use numpy::ndarray::ArrayD;
use numpy::{
    Element, IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use tenfold::{Scalar, Tensor, TensorRef};

use crate::errors::raised;

/// An array of a scalar of the library. The package converts all other arrays before it calls the
/// native module.
pub(crate) enum Array<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
}

impl Array<'_> {
    /// The number of bytes of the entries.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::F32(array) => (array.len() * size_of::<f32>()) as u64,
            Self::F64(array) => (array.len() * size_of::<f64>()) as u64,
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Array<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = object.cast::<PyArrayDyn<f64>>() {
            return Ok(Self::F64(array.try_readonly()?));
        }
        if let Ok(array) = object.cast::<PyArrayDyn<f32>>() {
            return Ok(Self::F32(array.try_readonly()?));
        }
        Err(PyTypeError::new_err(
            "a NumPy array of float32 or float64 was expected",
        ))
    }
}

/// The tensor that borrows the entries of an array.
pub(crate) fn view<'a, T: Scalar + Element>(
    array: &'a PyReadonlyArrayDyn<'_, T>,
) -> PyResult<TensorRef<'a, T>> {
    let entries = array.as_slice().map_err(|_| {
        PyValueError::new_err("the array is not C-contiguous, or its memory is not aligned")
    })?;
    TensorRef::new(array.shape(), entries).map_err(raised)
}

/// The array that owns the entries of a tensor.
pub(crate) fn array<T: Scalar + Element>(
    py: Python<'_>,
    tensor: Tensor<T>,
) -> PyResult<Bound<'_, PyArrayDyn<T>>> {
    let shape = tensor.shape().to_vec();
    let array = ArrayD::from_shape_vec(shape, tensor.into_data());
    let array = array.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(array.into_pyarray(py))
}
