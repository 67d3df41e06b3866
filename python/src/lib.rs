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
//! | `cam` | saliency maps and functions of maps |
//! | `metrics` | metrics of maps |
//! | `picture` | maps in colours, overlays, PNG files |
//! | `options` | the options of the solvers |
//! | `solvers` | the functions that decompose |
//! | `cuda` | arrays and functions on NVIDIA GPUs |
//!
//! Each module uses only modules above it.

mod arrays;
mod cam;
mod cuda;
mod decomposition;
mod errors;
mod execution;
mod metrics;
mod options;
mod picture;
mod solvers;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cam::{combine, normalize, resize, saliency};
    #[pymodule_export]
    use super::cuda::{
        DeviceArray, DeviceDecomposition, decompose_at, decompose_on, device_properties,
        release_device_memory, saliency_at, saliency_on,
    };
    #[pymodule_export]
    use super::decomposition::Decomposition;
    #[pymodule_export]
    use super::metrics::{
        PixelOrder, area_under_curve, average, bootstrap, embedding_error, iou, mean_iou, of_images,
    };
    #[pymodule_export]
    use super::picture::{overlay, png, read_image, write_png};
    #[pymodule_export]
    use super::solvers::{complete, decompose, mode_spectrum};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::execution::note_process();
        module.add("COLORMAPS", super::picture::colormaps())?;
        super::metrics::add_constants(module)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
