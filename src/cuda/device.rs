//! An open GPU.

#![allow(unsafe_code)]

use std::sync::Arc;

use cudarc::driver::CudaContext;

use super::driver::{check_driver, failed, no_device};
use super::pool::Pool;
use super::program::{LoadedKernels, Program};
use super::properties::Properties;
use super::queue::Queue;
use crate::error::Result;

/// An open NVIDIA GPU with its kernels compiled and loaded.
///
/// The device keeps the memory, the pinned memory and the streams of a call for the next call. A
/// second call with the same shapes allocates nothing. At most a quarter of the GPU's memory stays
/// allocated between calls; [`Device::release_memory`] frees it. Copies of a `Device` share this
/// memory.
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
    pool: Arc<Pool>,
    program: Arc<Program>,
    /// The stream of the caller after which calls start.
    after: Option<u64>,
}

/// The bytes of a GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The bytes that no process uses, without the bytes that the device keeps for its next call.
    pub free: u64,
    /// The bytes that the device keeps for its next call.
    pub kept: u64,
    /// All bytes.
    pub total: u64,
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
        // SAFETY: a buffer is used on one stream alone, and returns to the pool only for this
        // stream. No events have to order streams. (cudarc would record an event for each buffer
        // and launch.)
        unsafe { context.disable_event_tracking() };
        let program = Arc::new(Program::load(&context)?);
        let pool = Arc::new(Pool::new(&context)?);
        Ok(Self {
            pool,
            program,
            after: None,
        })
    }

    /// The number of devices. Without a usable driver there are none.
    pub(super) fn count() -> Result<usize> {
        check_driver()?;
        let count = CudaContext::device_count().map_err(no_device)?;
        Ok(count.try_into().unwrap_or(0))
    }

    /// The device's name.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn name(&self) -> Result<String> {
        let name = self.pool.context().name();
        name.map_err(failed("reading its name"))
    }

    /// The device's number in the driver's order, counted from 0.
    pub fn ordinal(&self) -> usize {
        self.pool.context().ordinal()
    }

    /// The device's name, compute capability, multiprocessors and driver.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn properties(&self) -> Result<Properties> {
        Properties::of_context(self.pool.context())
    }

    /// The free and all bytes of the device's memory.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn memory(&self) -> Result<Memory> {
        let info = self.pool.context().mem_get_info();
        let (free, total) = info.map_err(failed("reading the size of its memory"))?;
        Ok(Memory {
            free: free as u64,
            kept: self.pool.idle_bytes() as u64,
            total: total as u64,
        })
    }

    /// Frees the memory that the device keeps for its next call: its own memory, and the pinned
    /// memory of the host. Memory of calls that run stays allocated.
    pub fn release_memory(&self) {
        self.pool.release();
    }

    /// The same device. Calls with the result start after all work that `stream` holds at that time.
    /// `stream` is a `CUstream`, and 0 is the default stream. So the framework that wrote the
    /// features need not wait for its stream.
    ///
    /// Each call returns after its results are written. The work that the framework adds to its
    /// streams afterwards can use the results.
    ///
    /// # Safety
    /// `stream` belongs to the primary context of this device, and exists during each call with
    /// the result.
    ///
    /// ```no_run
    /// # use tenfold::{cam::{Cam, Weighting}, cuda::Device};
    /// # let (features, maps, stream) = (0u64, 0u64, 0u64);
    /// // PyTorch: tensor.data_ptr() and torch.cuda.current_stream().cuda_stream.
    /// let device = Device::open(0)?;
    /// let shape = [1000, 2048, 7, 7];
    /// let cam = Cam::new(Weighting::Mtsm);
    /// // SAFETY: the tensors have that shape, and the stream writes the features.
    /// unsafe { device.after(stream).saliency_maps_at::<f32>(&cam, features, &shape, maps)? };
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub unsafe fn after(&self, stream: u64) -> Self {
        Self {
            after: Some(stream),
            ..self.clone()
        }
    }

    /// The kernels that the device has loaded, and where they come from. Opening the device loads
    /// the base kernels. The first use of a sized kernel loads its module.
    pub fn kernels(&self) -> Vec<LoadedKernels> {
        self.program.loaded()
    }

    /// A stream of the pool.
    pub(super) fn queue(&self) -> Result<Queue> {
        let queue = Queue::new(&self.pool, &self.program)?;
        if let Some(stream) = self.after {
            // SAFETY: the caller of `after` promises that the stream exists.
            unsafe { queue.wait_for(stream)? };
        }
        Ok(queue)
    }

    /// The streams and the memory.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }
}
