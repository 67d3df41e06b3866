//! The exceptions for the errors of the library.

use std::io::ErrorKind;

use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyIndexError, PyMemoryError, PyOSError, PyPermissionError, PyRuntimeError,
    PyValueError,
};
use tenfold::Error;

/// The exception for an error, with the message of the library:
///
/// | error | exception |
/// | --- | --- |
/// | memory that cannot be allocated | `MemoryError` |
/// | a file that the system cannot read or write | `FileNotFoundError`, `PermissionError`, `OSError` |
/// | a slice outside a tensor | `IndexError` |
/// | a device, a factorization without convergence, a cancelled call | `RuntimeError` |
/// | a wrong value | `ValueError` |
pub(crate) fn raised(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::OutOfMemory { .. } => PyMemoryError::new_err(message),
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
            _ => PyOSError::new_err(message),
        },
        _ => PyValueError::new_err(message),
    }
}
