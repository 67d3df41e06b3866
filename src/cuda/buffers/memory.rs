//! Memory on the device: buffers of the pool, and memory of the caller.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytemuck::Pod;
use cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, DeviceSlice, LaunchArgs,
    PushKernelArg, SyncOnDrop, ValidAsZeroBits, sys,
};

use crate::cuda::driver::failed;
use crate::cuda::pool::{Block, Place};
use crate::cuda::queue::Queue;
use crate::error::Result;

/// Memory of the pool for use on one stream. It stays in the pool when it is dropped.
#[derive(Debug)]
pub(in crate::cuda) struct Buffer<T> {
    slice: ManuallyDrop<CudaSlice<T>>,
    block: Block,
    queue: Queue,
}

/// A buffer of `len` entries, but at least one, with arbitrary contents.
pub(in crate::cuda) fn uninitialised<T: Pod>(queue: &Queue, len: usize) -> Result<Buffer<T>> {
    let len = len.max(1);
    let (pool, workspace) = (queue.pool(), queue.workspace());
    let block = pool.allocate(workspace, Place::Device, len.saturating_mul(size_of::<T>()));
    let block = block.map_err(failed("allocating memory"))?;
    // SAFETY: the block holds `len` entries, and all bits are entries of a `Pod` type. The slice
    // does not free the block: `drop` below leaks the slice.
    let slice = unsafe { workspace.stream().upgrade_device_ptr(block.address, len) };
    Ok(Buffer {
        slice: ManuallyDrop::new(slice),
        block,
        queue: queue.clone(),
    })
}

/// A buffer of `len` zeros, but of at least one.
pub(in crate::cuda) fn zeros<T: Pod + DeviceRepr + ValidAsZeroBits>(
    queue: &Queue,
    len: usize,
) -> Result<Buffer<T>> {
    let mut buffer = uninitialised::<T>(queue, len)?;
    let cleared = queue.stream().memset_zeros(&mut *buffer);
    cleared.map_err(failed("clearing memory"))?;
    Ok(buffer)
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: the slice is taken once, here.
        let slice = unsafe { ManuallyDrop::take(&mut self.slice) };
        slice.leak();
        let (pool, workspace) = (self.queue.pool(), self.queue.workspace());
        pool.reuse(workspace, Place::Device, self.block);
    }
}

impl<T> Deref for Buffer<T> {
    type Target = CudaSlice<T>;

    fn deref(&self) -> &CudaSlice<T> {
        &self.slice
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut CudaSlice<T> {
        &mut self.slice
    }
}

impl<T> DeviceSlice<T> for Buffer<T> {
    fn len(&self) -> usize {
        self.slice.len()
    }

    fn stream(&self) -> &Arc<CudaStream> {
        self.slice.stream()
    }
}

impl<T> DevicePtr<T> for Buffer<T> {
    fn device_ptr<'a>(&'a self, stream: &'a CudaStream) -> (sys::CUdeviceptr, SyncOnDrop<'a>) {
        self.slice.device_ptr(stream)
    }
}

impl<T> DevicePtrMut<T> for Buffer<T> {
    fn device_ptr_mut<'a>(
        &'a mut self,
        stream: &'a CudaStream,
    ) -> (sys::CUdeviceptr, SyncOnDrop<'a>) {
        self.slice.device_ptr_mut(stream)
    }
}

// SAFETY: a buffer is passed as the slice in it.
unsafe impl<'a, 'b: 'a, T> PushKernelArg<&'b Buffer<T>> for LaunchArgs<'a> {
    #[inline(always)]
    fn arg(&mut self, buffer: &'b Buffer<T>) -> &mut Self {
        self.arg(&*buffer.slice)
    }
}

// SAFETY: as above.
unsafe impl<'a, 'b: 'a, T> PushKernelArg<&'b mut Buffer<T>> for LaunchArgs<'a> {
    #[inline(always)]
    fn arg(&mut self, buffer: &'b mut Buffer<T>) -> &mut Self {
        self.arg(&mut *buffer.slice)
    }
}

/// Copies `source` to the start of `target`, both on the device.
pub(in crate::cuda) fn copy<T>(
    queue: &Queue,
    source: &impl DevicePtr<T>,
    target: &mut impl DevicePtrMut<T>,
) -> Result<()> {
    let copied = queue.stream().memcpy_dtod(source, target);
    copied.map_err(failed("copying on the device"))
}

/// Memory on the device that the caller owns.
pub(in crate::cuda) struct Borrowed<T> {
    slice: ManuallyDrop<CudaSlice<T>>,
}

impl<T> Borrowed<T> {
    /// `len` entries at `pointer`.
    ///
    /// # Safety
    /// Until this value is dropped, the entries exist, kernels on `queue` may access them, and
    /// nothing else writes to them.
    pub(in crate::cuda) unsafe fn new(queue: &Queue, pointer: u64, len: usize) -> Self {
        // SAFETY: the caller promises that the entries exist.
        let slice = unsafe { queue.workspace().stream().upgrade_device_ptr(pointer, len) };
        Self {
            slice: ManuallyDrop::new(slice),
        }
    }

    pub(in crate::cuda) fn slice(&self) -> &CudaSlice<T> {
        &self.slice
    }

    pub(in crate::cuda) fn slice_mut(&mut self) -> &mut CudaSlice<T> {
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
