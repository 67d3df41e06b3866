//! The exceptions for the errors of the library, and the place of an error in the array of the caller.

use std::io::ErrorKind;

use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyIndexError, PyMemoryError, PyNotImplementedError, PyOSError,
    PyPermissionError, PyRuntimeError, PyValueError,
};
use tenfold::{CudaError, Error};

/// The exception for an error, with the message of the library:
///
/// | error | exception |
/// | --- | --- |
/// | memory that cannot be allocated, on the host or on a device | `MemoryError` |
/// | an option that devices do not have | `NotImplementedError` |
/// | a file that the system cannot read or write | `FileNotFoundError`, `PermissionError`, `OSError` |
/// | a slice outside a tensor | `IndexError` |
/// | a device, a factorization without convergence, a cancelled call | `RuntimeError` |
/// | a wrong value | `ValueError` |
pub(crate) fn raised(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::OutOfMemory { .. } | Error::Cuda(CudaError::OutOfMemory { .. }) => {
            PyMemoryError::new_err(message)
        }
        Error::Cuda(CudaError::OnlyOnCpu { .. }) => PyNotImplementedError::new_err(message),
        Error::SliceOutOfRange { .. } => PyIndexError::new_err(message),
        Error::Cuda(_) | Error::NoConvergence { .. } | Error::Cancelled => {
            PyRuntimeError::new_err(message)
        }
        Error::UnusableFile {
            source: Some(source),
            ..
        } => match source.kind() {
            ErrorKind::NotFound => PyFileNotFoundError::new_err(message),
            ErrorKind::PermissionDenied => PyPermissionError::new_err(message),
            // The file was read, and its contents are damaged.
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                PyValueError::new_err(message)
            }
            _ => PyOSError::new_err(message),
        },
        _ => PyValueError::new_err(message),
    }
}

/// The error of a batch of one item, with the index in the item.
pub(crate) fn of_item(error: Error) -> Error {
    match error {
        Error::NonFinite { mut index, value } if !index.is_empty() => {
            index.remove(0);
            Error::NonFinite { index, value }
        }
        error => error,
    }
}
