//! Memory on the device, pinned memory on the host, and the copies between them.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;

use cudarc::driver::{
    CudaSlice, DevicePtr, DevicePtrMut, DeviceRepr, PinnedHostSlice, ValidAsZeroBits,
};

use super::driver::failed;
use super::queue::Queue;
use super::scalar::DeviceScalar;
use crate::error::Result;

/// `len` zeros on the device, but at least one: the driver refuses an allocation of 0 bytes.
pub(super) fn zeros<T: DeviceRepr + ValidAsZeroBits>(
    queue: &Queue,
    len: usize,
) -> Result<CudaSlice<T>> {
    let allocated = queue.stream().alloc_zeros(len.max(1));
    allocated.map_err(failed("allocating memory"))
}

/// The entries of memory on the device. Waits until all earlier work on the stream is done.
pub(super) fn download<T: DeviceRepr>(queue: &Queue, memory: &impl DevicePtr<T>) -> Result<Vec<T>> {
    let copying = failed("copying from the device");
    let entries = queue.stream().clone_dtoh(memory).map_err(&copying)?;
    queue.stream().synchronize().map_err(copying)?;
    Ok(entries)
}

/// Copies entries of the host to the start of `target`.
pub(super) fn upload<T: DeviceRepr>(
    queue: &Queue,
    entries: &[T],
    target: &mut impl DevicePtrMut<T>,
) -> Result<()> {
    let copied = queue.stream().memcpy_htod(entries, target);
    copied.map_err(failed("copying to the device"))
}

/// Copies `source` to the start of `target`, both on the device.
pub(super) fn copy<T>(
    queue: &Queue,
    source: &impl DevicePtr<T>,
    target: &mut impl DevicePtrMut<T>,
) -> Result<()> {
    let copied = queue.stream().memcpy_dtod(source, target);
    copied.map_err(failed("copying on the device"))
}

/// Waits until all work on the stream is done.
pub(super) fn wait(queue: &Queue) -> Result<()> {
    let waited = queue.stream().synchronize();
    waited.map_err(failed("waiting for the device"))
}

/// Memory on the device that the caller owns.
pub(super) struct Borrowed<T> {
    slice: ManuallyDrop<CudaSlice<T>>,
}

impl<T> Borrowed<T> {
    /// `len` entries at `pointer`.
    ///
    /// # Safety
    /// Until this value is dropped, the entries exist, kernels on `queue` may access them, and
    /// nothing else writes to them.
    pub(super) unsafe fn new(queue: &Queue, pointer: u64, len: usize) -> Self {
        // SAFETY: the caller promises that the entries exist.
        let slice = unsafe { queue.stream().upgrade_device_ptr(pointer, len) };
        Self {
            slice: ManuallyDrop::new(slice),
        }
    }

    pub(super) fn slice(&self) -> &CudaSlice<T> {
        &self.slice
    }

    pub(super) fn slice_mut(&mut self) -> &mut CudaSlice<T> {
        &mut self.slice
    }
}

impl<T> Drop for Borrowed<T> {
    fn drop(&mut self) {
        // SAFETY: the slice is taken once, here. `leak` leaves the caller's memory allocated.
        let slice = unsafe { ManuallyDrop::take(&mut self.slice) };
        slice.leak();
    }
}

/// The buffers through which a chunk reaches the device: pinned memory on the host, which
/// the device reads while the host continues, and memory on the device.
#[derive(Debug)]
pub(super) struct Upload<T> {
    pinned: PinnedHostSlice<T>,
    device: CudaSlice<T>,
}

impl<T: DeviceScalar> Upload<T> {
    /// Buffers of `len` entries.
    pub(super) fn new(queue: &Queue, len: usize) -> Result<Self> {
        Ok(Self {
            pinned: pinned(queue, len)?,
            device: zeros(queue, len)?,
        })
    }

    /// Starts to copy `entries`, which must fit in the buffers. Returns before the copy is
    /// done.
    pub(super) fn start(&mut self, queue: &Queue, entries: &[T]) -> Result<()> {
        let copying = failed("copying to the device");
        // Waits until the device has received the previous chunk.
        let buffer = self.pinned.as_mut_slice().map_err(&copying)?;
        buffer[..entries.len()].copy_from_slice(entries);
        queue
            .stream()
            .memcpy_htod(&self.pinned, &mut self.device)
            .map_err(copying)
    }

    /// The memory on the device.
    pub(super) fn device(&self) -> &CudaSlice<T> {
        &self.device
    }
}

/// Pinned memory on the host, filled with zeros.
fn pinned<T: DeviceScalar>(queue: &Queue, len: usize) -> Result<PinnedHostSlice<T>> {
    let pinning = failed("pinning memory of the host");
    let context = queue.stream().context();
    // SAFETY: every entry is written below, before the memory is returned.
    let memory = unsafe { context.alloc_pinned_with_flags(len.max(1), 0) };
    let mut memory = memory.map_err(&pinning)?;
    memory.as_mut_slice().map_err(&pinning)?.fill(T::zero());
    Ok(memory)
}
