//! A stream with the memory for the maps of a chunk.

use cudarc::driver::{CudaSlice, CudaView};

use super::full_rank::FullRank;
use super::job::Job;
use super::truncated::Truncated;
use crate::cuda::buffers::{download, zeros};
use crate::cuda::device::Device;
use crate::cuda::launch::MapChunk;
use crate::cuda::limits::items_that_fit;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// A stream with the memory for the maps of a chunk.
pub(super) struct Lane<T> {
    queue: Queue,
    maps: CudaSlice<T>,
    outcomes: CudaSlice<i32>,
    steps: Steps,
}

/// The kernels from the features to the maps, and their memory.
enum Steps {
    FullRank(Box<FullRank>),
    Truncated(Box<Truncated>),
}

/// The maximum number of items in a chunk for which two lanes fit in the device's memory.
/// `staged` is the number of additional bytes for each item.
pub(super) fn chunk_items(
    device: &Device,
    queue: &Queue,
    job: &Job<'_>,
    staged: u64,
) -> Result<usize> {
    let bytes = 2 * bytes_per_item(queue, job) + staged;
    items_that_fit(device, "a saliency map", job.items(), bytes)
}

/// Bytes that a lane needs for each item, maps in `f64`.
fn bytes_per_item(queue: &Queue, job: &Job<'_>) -> u64 {
    let of_map = (job.positions() * size_of::<f64>() + size_of::<i32>()) as u64;
    let of_steps = match job.shapes(1) {
        None => FullRank::bytes(queue, job.unfoldings(1), job.request()),
        Some(shapes) => Truncated::bytes(job, &shapes),
    };
    of_map + of_steps
}

impl<T: DeviceScalar> Lane<T> {
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
            maps: zeros(queue, items * job.positions())?,
            outcomes: zeros(queue, items)?,
            steps,
        })
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Enqueues the maps of `count` feature maps. At truncated ranks it waits for HOOI.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled); failures of the device.
    pub(super) fn enqueue(
        &mut self,
        job: &Job<'_>,
        features: &CudaView<'_, T>,
        count: usize,
    ) -> Result<()> {
        job.cancellation().check()?;
        let chunk = MapChunk {
            features,
            unfoldings: job.unfoldings(count),
            request: job.request(),
            maps: &mut self.maps,
            outcomes: &mut self.outcomes,
        };
        match &mut self.steps {
            Steps::FullRank(steps) => steps.enqueue(&self.queue, chunk),
            Steps::Truncated(steps) => steps.enqueue(&self.queue, chunk, job.cancellation()),
        }
    }

    /// The maps of the chunk of `count` feature maps that was enqueued last, on the device.
    pub(super) fn maps(&self, job: &Job<'_>, count: usize) -> CudaView<'_, T> {
        self.maps.slice(..count * job.positions())
    }

    /// The outcomes of that chunk. Waits for the device.
    pub(super) fn outcomes(&self, job: &Job<'_>, count: usize) -> Result<Vec<i32>> {
        let mut outcomes = download(&self.queue, &self.outcomes.slice(..count))?;
        if let Steps::FullRank(steps) = &self.steps {
            let unfoldings = job.unfoldings(count);
            steps.cancel_flat::<T>(&self.queue, unfoldings, job.request(), &mut outcomes)?;
        }
        Ok(outcomes)
    }
}
