//! The native module `tenfold._native` of the Python package.
//!
//! The module is thin: it takes arrays that the package has prepared, releases the GIL, calls the
//! library, and converts errors to exceptions. The package has the public functions, their
//! documentation and their types.
//!
//! | module | content |
//! | --- | --- |
//! | `errors` | exceptions |
//! | `execution` | threads, Ctrl-C, panics |
//! | `arrays` | tensors and NumPy arrays |
//! | `decomposition` | the class `Decomposition` |
//! | `options` | the options of the solvers |
//! | `solvers` | the functions that decompose |
//! | `cuda` | arrays and functions on NVIDIA GPUs |
//!
//! Each module uses only modules above it.

mod arrays;
mod cuda;
mod decomposition;
mod errors;
mod execution;
mod options;
mod solvers;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cuda::{
        DeviceArray, DeviceDecomposition, decompose_at, decompose_on, device_properties,
        release_device_memory,
    };
    #[pymodule_export]
    use super::decomposition::Decomposition;
    #[pymodule_export]
    use super::solvers::{complete, decompose};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::execution::note_process();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
