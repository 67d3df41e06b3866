//! A stream with the memory for the maps of a chunk.

use cudarc::driver::{CudaSlice, CudaView};

use super::full_rank::FullRank;
use super::job::Job;
use super::truncated::Truncated;
use crate::cuda::buffers::{Buffer, Pinned, uninitialised};
use crate::cuda::launch::MapChunk;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// A stream with the memory for the maps of a chunk.
pub(super) struct Lane {
    queue: Queue,
    outcomes: Buffer<i32>,
    /// The outcomes in the host's memory.
    fetched: Pinned<i32>,
    steps: Steps,
}

/// The kernels from the features to the maps, and their memory.
enum Steps {
    FullRank(Box<FullRank>),
    Truncated(Box<Truncated>),
}

/// The features of a chunk, and memory for their maps.
pub(super) struct Chunk<'a, T> {
    pub(super) items: usize,
    pub(super) features: &'a CudaView<'a, T>,
    pub(super) maps: &'a mut CudaSlice<T>,
}

impl Lane {
    /// Bytes that a lane needs for each item.
    pub(super) fn bytes(queue: &Queue, job: &Job<'_>) -> Result<u64> {
        let of_steps = match job.shapes(1) {
            None => FullRank::bytes(queue, job.unfoldings(1), job.request())?,
            Some(shapes) => Truncated::bytes(job, &shapes),
        };
        Ok(of_steps + size_of::<i32>() as u64)
    }

    /// Memory for `items` items.
    pub(super) fn new(queue: &Queue, job: &Job<'_>, items: usize) -> Result<Self> {
        let unfoldings = job.unfoldings(items);
        let steps = match job.shapes(items) {
            None => {
                let full_rank = FullRank::new(queue, unfoldings, job.request())?;
                Steps::FullRank(Box::new(full_rank))
            }
            Some(shapes) => Steps::Truncated(Box::new(Truncated::new(queue, job, shapes)?)),
        };
        Ok(Self {
            queue: queue.clone(),
            outcomes: uninitialised(queue, items)?,
            fetched: Pinned::new(queue, items)?,
            steps,
        })
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Enqueues the maps of a chunk, and the copy of its outcomes. At truncated ranks it waits for
    /// HOOI.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled); failures of the device.
    pub(super) fn enqueue<T: DeviceScalar>(
        &mut self,
        job: &Job<'_>,
        chunk: Chunk<'_, T>,
    ) -> Result<()> {
        job.cancellation().check()?;
        let Chunk {
            items,
            features,
            maps,
        } = chunk;
        let chunk = MapChunk {
            features,
            unfoldings: job.unfoldings(items),
            request: job.request(),
            maps,
            outcomes: &mut self.outcomes,
        };
        match &mut self.steps {
            Steps::FullRank(steps) => steps.enqueue(&self.queue, chunk)?,
            Steps::Truncated(steps) => steps.enqueue(&self.queue, chunk, job.cancellation())?,
        }
        self.fetched.fetch(&self.outcomes.slice(..items))
    }

    /// The outcomes of the chunk that was enqueued last. Waits for the device.
    pub(super) fn outcomes(&self) -> Result<&[i32]> {
        self.fetched.entries()
    }
}
