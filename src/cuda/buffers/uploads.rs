//! Copies from the host to the device.
//!
//! Pageable memory goes through the ring. Pinned memory of the caller is copied as it is, and the
//! host waits before the caller gets the memory back.
#![allow(unsafe_code)]

use std::ffi::c_uint;
use std::marker::PhantomData;

use bytemuck::Pod;
use cudarc::driver::{CudaSlice, DevicePtrMut, result, sys};

use super::memory::{Buffer, uninitialised};
use crate::cuda::driver::{failed, failed_to_pin};
use crate::cuda::queue::Queue;
use crate::cuda::ring::piece_bytes;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// What failed, in the message of an error.
const COPYING: &str = "copying to the device";

/// Memory on the device for a chunk of a batch in the host's memory. `'a` is the lifetime of the
/// batch.
#[derive(Debug)]
pub(in crate::cuda) struct Upload<'a, T> {
    device: Buffer<T>,
    queue: Queue,
    batch: PhantomData<&'a [T]>,
}

impl<'a, T: DeviceScalar> Upload<'a, T> {
    /// Memory for `len` entries.
    pub(in crate::cuda) fn new(queue: &Queue, len: usize) -> Result<Self> {
        Ok(Self {
            device: uninitialised(queue, len)?,
            queue: queue.clone(),
            batch: PhantomData,
        })
    }

    /// Starts to copy `entries`, which must fit in the memory. Returns before the copy is done.
    pub(in crate::cuda) fn start(&mut self, queue: &Queue, entries: &'a [T]) -> Result<()> {
        if !is_pinned(queue, entries)? {
            return upload(queue, entries, &mut self.device);
        }
        assert!(entries.len() <= self.device.len(), "an upload is too long");
        // The drop of this value waits for the copy, before the batch is freed.
        let copied = queue.stream().memcpy_htod(entries, &mut self.device);
        copied.map_err(failed(COPYING))
    }

    /// The memory on the device.
    pub(in crate::cuda) fn device(&self) -> &CudaSlice<T> {
        &self.device
    }
}

impl<T> Drop for Upload<'_, T> {
    fn drop(&mut self) {
        // Waiting fails only if an earlier error has ended the context. The next call reports
        // that error.
        let _ = self.queue.wait();
    }
}

/// Starts to copy entries of the host to the start of `target`. Returns after the entries have been
/// read.
pub(in crate::cuda) fn upload<T: Pod>(
    queue: &Queue,
    entries: &[T],
    target: &mut impl DevicePtrMut<T>,
) -> Result<()> {
    assert!(entries.len() <= target.len(), "an upload is too long");
    let (mut address, _order) = target.device_ptr_mut(queue.stream());
    let bytes: &[u8] = bytemuck::cast_slice(entries);
    let piece = piece_bytes(bytes.len());
    let pieces = bytes.len().div_ceil(piece);
    for part in bytes.chunks(piece) {
        let stage = queue.pool().stage(piece.min(bytes.len()), pieces);
        let stage = stage.map_err(failed_to_pin)?;
        let Some(mut stage) = stage else {
            // All stages are in use.
            let stream = queue.bound_stream().map_err(failed(COPYING))?;
            // SAFETY: `target` has room for all parts. The host waits for the copy.
            let copied = unsafe { result::memcpy_htod_async(address, part, stream) };
            copied.map_err(failed(COPYING))?;
            queue.wait()?;
            address += part.len() as u64;
            continue;
        };
        // SAFETY: as above; the memory stays allocated while there is work on its stream.
        let copied = unsafe { stage.send(queue.stream(), part, address) };
        queue.pool().give_back_stage(stage);
        copied.map_err(failed(COPYING))?;
        address += part.len() as u64;
    }
    Ok(())
}

/// Whether both ends of `entries` are in pinned memory.
fn is_pinned<T>(queue: &Queue, entries: &[T]) -> Result<bool> {
    queue.bound_stream().map_err(failed(COPYING))?;
    let ends = [entries.first(), entries.last()];
    Ok(ends.into_iter().all(|end| {
        end.is_some_and(|end| {
            let mut kind: c_uint = 0;
            let mut attribute = sys::CUpointer_attribute::CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
            let mut target = (&raw mut kind).cast();
            // SAFETY: the attribute is written to `kind`. The driver only looks up the address. The
            // call for several attributes is no error for memory that the driver does not manage.
            let found = unsafe {
                sys::cuPointerGetAttributes(
                    1,
                    &raw mut attribute,
                    &raw mut target,
                    std::ptr::from_ref(end) as u64,
                )
            };
            found == sys::CUresult::CUDA_SUCCESS
                && kind == sys::CUmemorytype::CU_MEMORYTYPE_HOST as c_uint
        })
    }))
}
