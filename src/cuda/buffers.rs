//! Memory on the device and pinned memory on the host.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, PinnedHostSlice};

use super::device::DeviceScalar;
use super::driver::failed;
use super::launch::Queue;
use crate::error::Result;

/// Memory on the device, zeroed; at least one entry, since the driver refuses none.
pub(super) fn zeros<T: cudarc::driver::DeviceRepr + cudarc::driver::ValidAsZeroBits>(
    stream: &Arc<CudaStream>,
    len: usize,
) -> Result<CudaSlice<T>> {
    stream
        .alloc_zeros(len.max(1))
        .map_err(failed("allocating memory"))
}

/// Host memory that the device copies from and to while the host goes on.
fn pinned<T: DeviceScalar>(queue: &Queue, len: usize) -> Result<PinnedHostSlice<T>> {
    let allocate = failed("pinning memory of the host");
    // SAFETY: every entry is written before the memory is handed out.
    let memory = unsafe {
        queue
            .stream
            .context()
            .alloc_pinned_with_flags(len.max(1), 0)
    };
    let mut memory = memory.map_err(&allocate)?;
    memory
        .as_mut_slice()
        .map_err(&allocate)?
        .fill(T::from_f64(0.0));
    Ok(memory)
}

/// Memory of the caller's on the device, which stays the caller's.
pub(super) struct Borrowed<T> {
    slice: ManuallyDrop<CudaSlice<T>>,
}

impl<T> Borrowed<T> {
    /// `len` entries at `pointer`.
    ///
    /// # Safety
    /// They are there, in memory that kernels on `queue` may use, as long as this
    /// lives, and nothing else writes to them meanwhile.
    pub(super) unsafe fn new(queue: &Queue, pointer: u64, len: usize) -> Self {
        // SAFETY: the caller promises it.
        let slice = unsafe { queue.stream.upgrade_device_ptr(pointer, len) };
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
        // SAFETY: the slice is taken once, here; leaking it frees nothing of the caller's.
        let slice = unsafe { ManuallyDrop::take(&mut self.slice) };
        slice.leak();
    }
}

/// The way of one part of a batch to the device.
#[derive(Debug)]
pub(super) struct Upload<T> {
    pinned: PinnedHostSlice<T>,
    pub(super) device: CudaSlice<T>,
}

impl<T: DeviceScalar> Upload<T> {
    pub(super) fn new(queue: &Queue, len: usize) -> Result<Self> {
        Ok(Self {
            pinned: pinned(queue, len)?,
            device: zeros(&queue.stream, len)?,
        })
    }

    /// Starts to copy `entries`, no more than there is room for; returns before the
    /// device has them.
    pub(super) fn start(&mut self, queue: &Queue, entries: &[T]) -> Result<()> {
        let copying = failed("copying to the device");
        // Waits until the device has what was copied before.
        let room = self.pinned.as_mut_slice().map_err(&copying)?;
        room[..entries.len()].copy_from_slice(entries);
        queue
            .stream
            .memcpy_htod(&self.pinned, &mut self.device)
            .map_err(copying)
    }
}

/// The entries of memory on the device, once all before it on the stream is done.
pub(super) fn download<T: cudarc::driver::DeviceRepr>(
    queue: &Queue,
    memory: &CudaSlice<T>,
) -> Result<Vec<T>> {
    let copying = failed("copying from the device");
    let entries = queue.stream.clone_dtoh(memory).map_err(&copying)?;
    queue.stream.synchronize().map_err(copying)?;
    Ok(entries)
}
