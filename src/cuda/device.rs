//! An open GPU.

use std::sync::Arc;

use cudarc::driver::CudaContext;

use super::driver::{check_driver, failed, no_device};
use super::program::{LoadedKernels, Program};
use super::queue::Queue;
use crate::error::Result;

/// An open NVIDIA GPU with its kernels compiled and loaded.
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
    /// [`CudaError::NoDevice`](crate::CudaError::NoDevice) if there is no driver, if the driver
    /// is too old, or if there is no such device; the message gives a remedy.
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed) if the kernels cannot be
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
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn name(&self) -> Result<String> {
        self.context.name().map_err(failed("reading its name"))
    }

    /// The kernels that the device has loaded, and where they come from. Opening the device loads
    /// the base kernels. The first use of a sized kernel loads its module.
    pub fn kernels(&self) -> Vec<LoadedKernels> {
        self.program.loaded()
    }

    /// A new stream.
    pub(super) fn queue(&self) -> Result<Queue> {
        Queue::new(&self.context, &self.program)
    }

    /// The free bytes of its memory.
    pub(super) fn free_memory(&self) -> Result<u64> {
        let info = self.context.mem_get_info();
        let (free, _) = info.map_err(failed("reading the size of its memory"))?;
        Ok(free as u64)
    }
}
