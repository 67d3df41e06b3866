//! Ranges of entries of buffers that several decompositions share.

use std::sync::Arc;

use bytemuck::Pod;
use cudarc::driver::{CudaSlice, CudaView, DevicePtr};

use crate::cuda::buffers::{Buffer, copy};
use crate::cuda::queue::Queue;
use crate::error::Result;

/// A range of the entries of a buffer.
#[derive(Clone, Debug)]
pub(in crate::cuda) struct Entries<T> {
    pub(super) buffer: Arc<Buffer<T>>,
    pub(super) first: usize,
    pub(super) len: usize,
}

impl<T: Pod> Entries<T> {
    /// `buffer` in `count` ranges of `len` entries.
    pub(super) fn split(buffer: Buffer<T>, count: usize, len: usize) -> Vec<Self> {
        let buffer = Arc::new(buffer);
        let ranges = 0..count;
        ranges
            .map(|place| Self {
                buffer: Arc::clone(&buffer),
                first: place * len,
                len,
            })
            .collect()
    }

    /// The place of the range among ranges of equal length.
    pub(super) fn place(&self) -> usize {
        self.first / self.len.max(1)
    }

    pub(super) fn view(&self) -> CudaView<'_, T> {
        self.buffer.slice(self.first..self.first + self.len)
    }

    /// The address of the first entry.
    pub(super) fn pointer(&self, queue: &Queue) -> u64 {
        let (address, _order) = self.buffer.device_ptr(queue.stream());
        address + (self.first * size_of::<T>()) as u64
    }

    /// Whether `next` starts where this range ends.
    fn is_before(&self, next: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &next.buffer) && self.first + self.len == next.first
    }
}

/// Copies ranges to `target`, one after the other. Neighbouring ranges are copied together.
pub(super) fn gather<T: Pod>(
    queue: &Queue,
    ranges: &[Entries<T>],
    target: &mut CudaSlice<T>,
) -> Result<()> {
    let mut to = 0;
    for run in ranges.chunk_by(Entries::is_before) {
        let len: usize = run.iter().map(|range| range.len).sum();
        let source = run[0].buffer.slice(run[0].first..run[0].first + len);
        copy(queue, &source, &mut target.slice_mut(to..to + len))?;
        to += len;
    }
    Ok(())
}
