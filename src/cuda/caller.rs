//! What a caller with arrays on a device needs beside the computations: memory that it owns, and
//! copies of its memory to the host.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::marker::PhantomData;

use cudarc::driver::result;
use cudarc::driver::{CudaContext, DriverError, sys};

use super::buffers::{Borrowed, download, upload};
use super::context::ThreadContext;
use super::device::Device;
use super::driver::{check_driver, failed, no_device};
use super::scalar::DeviceScalar;
use crate::error::Result;

/// What failed, in the message of an error.
const ALLOCATING: &str = "allocating memory";

/// Entries on a device that belong to the caller, in memory that is not part of the device's pool.
///
/// The memory is freed when the value is dropped, after all work on the device is done.
#[derive(Debug)]
pub struct DeviceMemory<T> {
    device: Device,
    address: u64,
    len: usize,
    entries: PhantomData<T>,
}

impl<T> DeviceMemory<T> {
    /// The address of the first entry on the device.
    pub fn pointer(&self) -> u64 {
        self.address
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Drop for DeviceMemory<T> {
    fn drop(&mut self) {
        let _kept = ThreadContext::keep();
        // Freeing memory fails only if an earlier error has ended the context. The next call reports
        // that error.
        let _ = self.device.pool().context().bind_to_thread();
        // SAFETY: the memory came from `Device::allocate`, and is freed once. The driver waits for all
        // work on the device first.
        let _ = unsafe { result::free_sync(self.address) };
    }
}

impl Device {
    /// Memory for `len` entries with arbitrary contents.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed) if there is too little memory.
    ///
    /// ```no_run
    /// # use tenfold::{cam::{Cam, Weighting}, cuda::Device};
    /// let device = Device::open(0)?;
    /// let features = device.upload(&[1.0, 0.0, 0.5, 2.0, 0.0, 1.0, 1.0, 3.0])?;
    /// let maps = device.allocate::<f64>(4)?;
    /// let (cam, shape) = (Cam::new(Weighting::Mtsm), [1, 2, 2, 2]);
    /// // SAFETY: both hold the entries of these shapes, and nothing else uses them.
    /// unsafe { device.saliency_maps_at::<f64>(&cam, features.pointer(), &shape, maps.pointer())? };
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn allocate<T: DeviceScalar>(&self, len: usize) -> Result<DeviceMemory<T>> {
        let bytes = len.max(1).saturating_mul(size_of::<T>());
        let allocated = self.allocate_bytes(bytes).or_else(|_| {
            self.release_memory();
            self.allocate_bytes(bytes)
        });
        Ok(DeviceMemory {
            device: self.clone(),
            address: allocated.map_err(failed(ALLOCATING))?,
            len,
            entries: PhantomData,
        })
    }

    fn allocate_bytes(&self, bytes: usize) -> Result<u64, DriverError> {
        self.pool().context().bind_to_thread()?;
        // SAFETY: a new allocation has no contents that could be misread.
        unsafe { result::malloc_sync(bytes) }
    }

    /// A copy of `entries` on the device.
    ///
    /// # Errors
    /// The errors of [`Device::allocate`].
    pub fn upload<T: DeviceScalar>(&self, entries: &[T]) -> Result<DeviceMemory<T>> {
        let memory = self.allocate(entries.len())?;
        let queue = self.queue()?;
        // SAFETY: the memory holds the entries, and nothing else uses it.
        let mut target = unsafe { Borrowed::new(&queue, memory.address, entries.len()) };
        upload(&queue, entries, target.slice_mut())?;
        queue.wait()?;
        Ok(memory)
    }

    /// A copy of the `len` entries at an address on the device. [`Device::after`] orders the copy
    /// after the work on a stream of the caller.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    ///
    /// # Safety
    /// The address is on this device, and the memory there holds the entries. All work that writes
    /// them is done, or is on the stream of [`Device::after`]. Nothing else writes to them before the
    /// function returns.
    pub unsafe fn download_at<T: DeviceScalar>(&self, address: u64, len: usize) -> Result<Vec<T>> {
        let queue = self.queue()?;
        // SAFETY: the caller promises the entries.
        let source = unsafe { Borrowed::<T>::new(&queue, address, len) };
        download(&queue, source.slice())
    }

    /// Waits for all work on the device, on the streams of other libraries in this process too.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn wait(&self) -> Result<()> {
        let waited = self.pool().context().synchronize();
        waited.map_err(failed("waiting for the device"))
    }

    /// The number of the device that the memory at an address belongs to. `None` if the driver did
    /// not allocate the memory.
    ///
    /// # Errors
    /// [`CudaError::NoDevice`](crate::CudaError::NoDevice) if there is no driver or no device.
    pub fn of_address(address: u64) -> Result<Option<usize>> {
        check_driver()?;
        result::init().map_err(no_device)?;
        match ordinal_of(address) {
            // A driver may need a context for the question, any one.
            Err(sys::CUresult::CUDA_ERROR_INVALID_CONTEXT) => {
                let _context = CudaContext::new(0).map_err(no_device)?;
                Ok(ordinal_of(address).ok())
            }
            found => Ok(found.ok()),
        }
    }
}

/// The number of the device of an address, as the driver returns it.
fn ordinal_of(address: u64) -> Result<usize, sys::CUresult> {
    let mut ordinal: c_int = 0;
    // SAFETY: the attribute is one integer. The driver only looks up the address.
    let status = unsafe {
        sys::cuPointerGetAttribute(
            (&raw mut ordinal).cast(),
            sys::CUpointer_attribute::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
            address,
        )
    };
    match status {
        sys::CUresult::CUDA_SUCCESS => Ok(ordinal.try_into().unwrap_or(0)),
        status => Err(status),
    }
}
