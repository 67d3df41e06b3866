//! Copies from the device to the host. The device writes to pinned memory, from which the host
//! moves the entries to their place.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::slice;

use bytemuck::Pod;
use cudarc::driver::{DevicePtr, result};

use crate::cuda::driver::{failed, failed_to_pin};
use crate::cuda::pool::{Block, Place};
use crate::cuda::queue::Queue;
use crate::cuda::ring::{Stage, piece_bytes};
use crate::error::Result;

/// The maximum number of bytes that are copied through memory of their own. Larger copies go
/// through the ring.
const SMALL: usize = 1 << 20;

/// What failed, in the message of an error.
const COPYING: &str = "copying from the device";

/// Pinned memory of the pool that receives entries of the device.
#[derive(Debug)]
pub(in crate::cuda) struct Pinned<T> {
    block: Block,
    capacity: usize,
    /// The number of entries that the latest copy brings.
    len: usize,
    queue: Queue,
    entries: PhantomData<T>,
}

impl<T: Pod> Pinned<T> {
    /// Memory for `capacity` entries.
    pub(in crate::cuda) fn new(queue: &Queue, capacity: usize) -> Result<Self> {
        let bytes = capacity.saturating_mul(size_of::<T>());
        let block = queue.pool().allocate(queue.workspace(), Place::Host, bytes);
        Ok(Self {
            block: block.map_err(failed_to_pin)?,
            capacity,
            len: 0,
            queue: queue.clone(),
            entries: PhantomData,
        })
    }

    /// Memory for the entries of `source`, with a copy of them started.
    pub(in crate::cuda) fn of(queue: &Queue, source: &impl DevicePtr<T>) -> Result<Self> {
        let mut pinned = Self::new(queue, source.len())?;
        pinned.fetch(source)?;
        Ok(pinned)
    }

    /// Starts to copy `source`, at most as many entries as there is memory for.
    pub(in crate::cuda) fn fetch(&mut self, source: &impl DevicePtr<T>) -> Result<()> {
        assert!(source.len() <= self.capacity, "a download is too long");
        self.len = source.len();
        let stream = self.queue.bound_stream().map_err(failed(COPYING))?;
        let (address, _order) = source.device_ptr(self.queue.stream());
        // SAFETY: the block has room for the entries. The host reads them after it has waited.
        let copied = unsafe {
            let room = slice::from_raw_parts_mut(self.block.address as *mut T, self.len);
            result::memcpy_dtoh_async(room, address, stream)
        };
        copied.map_err(failed(COPYING))
    }

    /// The entries of the latest copy. Waits until the stream has finished.
    pub(in crate::cuda) fn entries(&self) -> Result<&[T]> {
        self.queue.wait()?;
        // SAFETY: the copy has written `len` entries, and no other copy is in flight.
        Ok(unsafe { slice::from_raw_parts(self.block.address as *const T, self.len) })
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // The next copy to this memory is on the same stream. The host waits before it reads.
        let (pool, workspace) = (self.queue.pool(), self.queue.workspace());
        pool.reuse(workspace, Place::Host, self.block);
    }
}

/// Pinned memory that receives entries of the device, for which the host waits without waiting for
/// later work on the stream. A stream has one event, so that it has one signal at a time.
#[derive(Debug)]
pub(in crate::cuda) struct Signal<T> {
    pinned: Pinned<T>,
}

impl<T: Pod> Signal<T> {
    /// Memory for `capacity` entries.
    pub(in crate::cuda) fn new(queue: &Queue, capacity: usize) -> Result<Self> {
        Ok(Self {
            pinned: Pinned::new(queue, capacity)?,
        })
    }

    /// Starts to copy `source`, at most as many entries as there is memory for.
    pub(in crate::cuda) fn fetch(&mut self, source: &impl DevicePtr<T>) -> Result<()> {
        self.pinned.fetch(source)?;
        let queue = &self.pinned.queue;
        let recorded = queue.workspace().event().record(queue.stream());
        recorded.map_err(failed(COPYING))
    }

    /// The entries of the latest copy. Waits until they have arrived.
    pub(in crate::cuda) fn entries(&self) -> Result<&[T]> {
        let Pinned {
            block, len, queue, ..
        } = &self.pinned;
        let arrived = queue.workspace().event().synchronize();
        arrived.map_err(failed(COPYING))?;
        // SAFETY: the copy has written `len` entries, and no other copy is in flight.
        Ok(unsafe { slice::from_raw_parts(block.address as *const T, *len) })
    }
}

/// The entries of memory on the device. Waits until all earlier work on the stream is done.
pub(in crate::cuda) fn download<T: Pod>(
    queue: &Queue,
    memory: &impl DevicePtr<T>,
) -> Result<Vec<T>> {
    let mut entries = vec![T::zeroed(); memory.len()];
    download_into(queue, memory, &mut entries)?;
    Ok(entries)
}

/// Copies all entries of `memory` on the device to `target`. Waits until all earlier work on the
/// stream is done.
pub(in crate::cuda) fn download_into<T: Pod>(
    queue: &Queue,
    memory: &impl DevicePtr<T>,
    target: &mut [T],
) -> Result<()> {
    assert_eq!(memory.len(), target.len(), "a download of another length");
    if size_of_val(target) <= SMALL {
        let mut pinned = Pinned::new(queue, target.len())?;
        pinned.fetch(memory)?;
        target.copy_from_slice(pinned.entries()?);
        return Ok(());
    }
    let (address, _order) = memory.device_ptr(queue.stream());
    let target = bytemuck::cast_slice_mut(target);
    // SAFETY: the memory at the address holds the entries, and the copies are done on return.
    unsafe { through_ring(queue, address, target) }
}

/// A piece of a download that is on its way.
struct Piece<'a> {
    stage: Stage,
    target: &'a mut [u8],
}

/// Copies the bytes at `source` on the device to `target`, piece by piece.
///
/// # Safety
/// The memory at `source` holds the bytes.
unsafe fn through_ring(queue: &Queue, source: u64, target: &mut [u8]) -> Result<()> {
    let piece = piece_bytes(target.len());
    let pieces = target.len().div_ceil(piece);
    let mut address = source;
    let mut started = VecDeque::new();
    let mut result = Ok(());
    for target in target.chunks_mut(piece) {
        let len = target.len();
        // Without a free stage, the oldest piece is finished first.
        let stage = loop {
            let stage = queue.pool().stage(piece, pieces);
            let stage = stage.map_err(failed_to_pin);
            match (stage, started.pop_front()) {
                (Ok(None), Some(oldest)) => finish(queue, oldest, &mut result),
                (stage, oldest) => {
                    started.extend(oldest);
                    break stage;
                }
            }
        };
        let copied = match stage {
            Err(error) => Err(error),
            // SAFETY: the caller promises the memory at `source`.
            Ok(None) => unsafe { directly(queue, address, target) },
            Ok(Some(mut stage)) => {
                // SAFETY: as above.
                let copied = unsafe { stage.receive(queue.stream(), address, len) };
                started.push_back(Piece { stage, target });
                copied.map_err(failed(COPYING))
            }
        };
        result = result.and(copied);
        if result.is_err() {
            break;
        }
        address += len as u64;
    }
    for piece in started {
        finish(queue, piece, &mut result);
    }
    queue.wait().and(result)
}

/// Moves the bytes of a piece to their place, unless an error came before, and returns its stage.
fn finish(queue: &Queue, mut piece: Piece<'_>, result: &mut Result<()>) {
    if result.is_ok() {
        let taken = piece.stage.take(piece.target);
        *result = taken.map_err(failed(COPYING));
    }
    queue.pool().give_back_stage(piece.stage);
}

/// Copies to pageable memory, without a stage of the ring.
///
/// # Safety
/// The memory at `source` holds the bytes.
unsafe fn directly(queue: &Queue, source: u64, target: &mut [u8]) -> Result<()> {
    let stream = queue.bound_stream().map_err(failed(COPYING))?;
    // SAFETY: the caller promises the memory at `source`. The host waits before it reads.
    let copied = unsafe { result::memcpy_dtoh_async(target, source, stream) };
    copied.map_err(failed(COPYING))?;
    queue.wait()
}
