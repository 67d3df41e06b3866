//! The ring: pinned buffers through which large copies pass.
//!
//! The device copies from pinned memory of the host at the full rate of the bus, and while the
//! host continues. Pinning the memory of a batch takes longer than copying the batch, so the ring
//! is pinned once. A copy goes piece by piece through its stages:
//!
//! ```text
//! host    fill 0   fill 1   fill 2   fill 3   wait for copy 0, fill 0   wait for copy 1, …
//! device           copy 0   copy 1   copy 2   copy 3                    copy 0          …
//! ```
//!
//! All cores fill a stage. A call takes a stage out of the ring while it fills the stage, so that no
//! lock is held meanwhile. Several calls can share the ring.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard};

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, result};
use rayon::prelude::*;

/// The number of stages.
const STAGES: usize = 4;

/// The maximum number of bytes of a stage. On an H100 with 16 cores, four stages of this size copy
/// 50 GB/s, four of 4 MiB 32 GB/s.
const MAX_BYTES: usize = 16 << 20;

/// The minimum number of bytes of a piece, and the number of bytes that a thread copies at once.
const PART: usize = 256 << 10;

/// A copy has at least this number of pieces, so that the host fills one stage while the device
/// copies another one. Copies of less than as many [`PART`]s have fewer pieces.
const PIECES: usize = 8;

/// The number of bytes of each piece of a copy of `bytes` bytes.
pub(super) fn piece_bytes(bytes: usize) -> usize {
    let piece = bytes.div_ceil(PIECES).next_multiple_of(4096);
    piece.clamp(PART, MAX_BYTES)
}

/// A pinned buffer, and the event after the latest copy from or to it.
#[derive(Debug)]
pub(super) struct Stage {
    memory: *mut u8,
    bytes: usize,
    copied: CudaEvent,
}

// SAFETY: the stage owns its memory; the driver's pinned memory belongs to no thread.
unsafe impl Send for Stage {}

impl Stage {
    /// The device's context is bound to the thread.
    fn new(context: &Arc<CudaContext>, bytes: usize) -> Result<Self, DriverError> {
        let copied = context.new_event(None)?;
        // SAFETY: the memory is written before it is read.
        let memory = unsafe { result::malloc_host(bytes, 0) }?.cast();
        Ok(Self {
            memory,
            bytes,
            copied,
        })
    }

    /// The memory. Waits until the latest copy from or to it is done.
    fn memory(&mut self) -> Result<&mut [u8], DriverError> {
        self.copied.synchronize()?;
        // SAFETY: `memory` has `bytes` bytes. The device no longer accesses it.
        Ok(unsafe { slice::from_raw_parts_mut(self.memory, self.bytes) })
    }

    /// Starts to copy `bytes`, at most the bytes of the stage, to the device. The stage holds a copy
    /// of `bytes` when the function returns.
    ///
    /// # Safety
    /// The device's memory at `target` has room for the bytes until the copy is done.
    pub(super) unsafe fn send(
        &mut self,
        stream: &CudaStream,
        bytes: &[u8],
        target: u64,
    ) -> Result<(), DriverError> {
        let filled = &mut self.memory()?[..bytes.len()];
        copy_in_parallel(bytes, filled);
        // SAFETY: the caller promises the memory at `target`. `memory` waits for the copy.
        let started = unsafe { result::memcpy_htod_async(target, filled, stream.cu_stream()) };
        self.record(stream, started)
    }

    /// Starts to copy `len` bytes, at most the bytes of the stage, from the device.
    ///
    /// # Safety
    /// The device's memory at `source` holds the bytes until the copy is done.
    pub(super) unsafe fn receive(
        &mut self,
        stream: &CudaStream,
        source: u64,
        len: usize,
    ) -> Result<(), DriverError> {
        let room = &mut self.memory()?[..len];
        // SAFETY: the caller promises the memory at `source`. `memory` waits for the copy.
        let started = unsafe { result::memcpy_dtoh_async(room, source, stream.cu_stream()) };
        self.record(stream, started)
    }

    /// Records the event behind a copy. After an error no copy uses the stage.
    fn record(
        &mut self,
        stream: &CudaStream,
        started: Result<(), DriverError>,
    ) -> Result<(), DriverError> {
        let recorded = started.and_then(|()| self.copied.record(stream));
        if recorded.is_err() {
            let _ = stream.synchronize();
        }
        recorded
    }

    /// Waits for the copy that [`Stage::receive`] started, and moves its bytes to `target`.
    pub(super) fn take(&mut self, target: &mut [u8]) -> Result<(), DriverError> {
        let received = &self.memory()?[..target.len()];
        copy_in_parallel(received, target);
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Both fail only if an earlier error has ended the context. The next call reports that
        // error.
        let _ = self.copied.synchronize();
        // SAFETY: the memory came from `malloc_host`, no copy uses it, and it is freed once.
        let _ = unsafe { result::free_host(self.memory.cast()) };
    }
}

/// Copies by all threads, or by this thread alone if there are few bytes.
fn copy_in_parallel(source: &[u8], target: &mut [u8]) {
    if source.len() <= PART {
        return target.copy_from_slice(source);
    }
    let parts = target.par_chunks_mut(PART).zip(source.par_chunks(PART));
    parts.for_each(|(target, source)| target.copy_from_slice(source));
}

/// The stages.
#[derive(Debug, Default)]
pub(super) struct Ring {
    stages: Mutex<Stages>,
}

#[derive(Debug, Default)]
struct Stages {
    /// The stages that no call uses. The first one has been idle for the longest time.
    idle: VecDeque<Stage>,
    /// The number of stages that calls use.
    taken: usize,
}

impl Ring {
    /// Takes a stage of at least `bytes` bytes, at most [`MAX_BYTES`], for a copy of this number of
    /// pieces. `None` if all stages are taken.
    pub(super) fn take(
        &self,
        context: &Arc<CudaContext>,
        bytes: usize,
        pieces: usize,
    ) -> Result<Option<Stage>, DriverError> {
        context.bind_to_thread()?;
        // 1. A stage from the ring. The ring grows to a stage for each piece.
        let idle = {
            let mut stages = lock(&self.stages);
            let all = stages.taken + stages.idle.len();
            if stages.taken == STAGES {
                return Ok(None);
            }
            stages.taken += 1;
            if all < pieces.min(STAGES) {
                None
            } else {
                let fits = |stage: &Stage| stage.bytes >= bytes;
                let at = stages.idle.iter().position(fits).unwrap_or(0);
                stages.idle.remove(at)
            }
        };
        if idle.as_ref().is_some_and(|stage| stage.bytes >= bytes) {
            return Ok(idle);
        }
        // 2. A new stage. It takes the place of a stage that is too small.
        drop(idle);
        let bytes = bytes.next_power_of_two().clamp(PART, MAX_BYTES);
        let stage = Stage::new(context, bytes);
        if stage.is_err() {
            lock(&self.stages).taken -= 1;
        }
        stage.map(Some)
    }

    /// Returns a stage.
    pub(super) fn give_back(&self, stage: Stage) {
        let mut stages = lock(&self.stages);
        stages.taken -= 1;
        stages.idle.push_back(stage);
    }

    /// Frees all stages that no call uses. The device's context is bound to the thread.
    pub(super) fn release(&self) {
        lock(&self.stages).idle.clear();
    }
}

/// Locks a mutex. A thread that panicked while it held the lock left the lists consistent.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|broken| broken.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_neither_small_nor_large() {
        assert_eq!(piece_bytes(1), PART);
        assert_eq!(piece_bytes(8 * PART), PART);
        assert_eq!(piece_bytes(16 * PART - 5), 2 * PART);
        assert_eq!(piece_bytes(401 << 20), MAX_BYTES);
    }

    #[test]
    fn parts_are_copied_in_place() {
        let source: Vec<u8> = (0..2 * PART + 7).map(|i| (i % 251) as u8).collect();
        let mut target = vec![0; source.len()];
        copy_in_parallel(&source, &mut target);
        assert_eq!(target, source);
    }
}
