//! A GPU, opened.

use std::sync::Arc;

use cudarc::driver::{CudaContext, DeviceRepr, ValidAsZeroBits};

use super::driver::{check_driver, failed, no_device};
use super::launch::Queue;
use super::program::Program;
use crate::error::Result;
use crate::scalar::Scalar;

/// A scalar that the kernels exist for: `f32` and `f64`.
pub trait DeviceScalar: Scalar + DeviceRepr + ValidAsZeroBits + Unpin {
    /// The kernels for it.
    #[doc(hidden)]
    const KERNELS: Kernels;
}

/// The names of the kernels that exist for each scalar.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    pub(super) combine: &'static str,
    pub(super) gram: &'static str,
    pub(super) prepare: &'static str,
    pub(super) project: &'static str,
    pub(super) resize: &'static str,
    pub(super) row_sums: &'static str,
    pub(super) saliency: &'static str,
}

impl DeviceScalar for f32 {
    const KERNELS: Kernels = Kernels {
        combine: "combine_f32",
        gram: "gram_f32",
        prepare: "prepare_f32",
        project: "project_f32",
        resize: "resize_f32",
        row_sums: "row_sums_f32",
        saliency: "saliency_f32",
    };
}

impl DeviceScalar for f64 {
    const KERNELS: Kernels = Kernels {
        combine: "combine_f64",
        gram: "gram_f64",
        prepare: "prepare_f64",
        project: "project_f64",
        resize: "resize_f64",
        row_sums: "row_sums_f64",
        saliency: "saliency_f64",
    };
}

/// An NVIDIA GPU with the kernels on it.
///
/// ```no_run
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Weighting};
/// use tenfold::cuda::Device;
/// let device = Device::open(0)?;
/// let batch = Tensor::<f32>::from_fn(&[1000, 512, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
/// let maps = device.saliency_maps(&Cam::new(Weighting::Mtsm), &batch)?;
/// assert_eq!(maps.len(), 1000);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Device {
    context: Arc<CudaContext>,
    program: Arc<Program>,
}

impl Device {
    /// Opens the device of this number, counted from 0 in the driver's order, and
    /// compiles the kernels for it.
    ///
    /// # Errors
    /// [`CudaError::NoDevice`] where there is no driver, too old a one, or no such
    /// device, with what to do; [`CudaError::DeviceFailed`] where the kernels cannot be
    /// loaded.
    ///
    /// ```
    /// use tenfold::{Error, cuda::Device};
    /// match Device::open(0) {
    ///     Ok(device) => assert!(!device.name()?.is_empty()),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn open(ordinal: usize) -> Result<Self> {
        check_driver()?;
        let context = CudaContext::new(ordinal).map_err(no_device)?;
        let program = Arc::new(Program::load(&context)?);
        Ok(Self { context, program })
    }

    /// The device's name.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`].
    ///
    /// ```
    /// # use tenfold::cuda::Device;
    /// if let Ok(device) = Device::open(0) {
    ///     println!("{}", device.name()?);
    /// }
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn name(&self) -> Result<String> {
        self.context.name().map_err(failed("asking for its name"))
    }

    /// A stream of its own.
    pub(super) fn queue(&self) -> Result<Queue> {
        let stream = self.context.new_stream();
        Ok(Queue {
            stream: stream.map_err(failed("making a stream"))?,
            program: Arc::clone(&self.program),
        })
    }

    /// The bytes of its memory that are free.
    pub(super) fn free_memory(&self) -> Result<u64> {
        let (free, _) = self
            .context
            .mem_get_info()
            .map_err(failed("asking for its memory"))?;
        Ok(free as u64)
    }
}
