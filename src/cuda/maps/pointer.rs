//! Maps of a batch that is already on the device.

use std::ops::Range;

use super::job::Job;
use super::lane::{Chunk, Lane};
use super::recompute::{recompute, status};
use crate::cam::{Cam, Status};
use crate::cuda::buffers::{Borrowed, download, upload};
use crate::cuda::device::Device;
use crate::cuda::limits::items_that_fit;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

impl Device {
    /// The saliency maps of a batch that is on the device. `features` is the address of a
    /// row-major batch of shape `shape`: N×C×(any trailing shape). The N maps are written one
    /// after the other to the address `maps`. Returns the status of each map after all maps are
    /// written.
    ///
    /// For each chunk of the batch, the host launches the kernels, waits once, and copies one number
    /// for each map. [`Device::after`] orders the call after the work on a stream of the caller.
    ///
    /// # Errors
    /// The errors of [`Device::saliency_maps`].
    ///
    /// # Safety
    /// Both addresses are on this device. The memory at `features` holds all entries of the
    /// batch, and the memory at `maps` has room for all entries of the maps. All work that
    /// writes `features` is done, or is on the stream of [`Device::after`]. Nothing else writes to
    /// either memory before the function returns.
    ///
    /// ```no_run
    /// # use tenfold::{cam::{Cam, Weighting}, cuda::Device};
    /// # let (features, maps) = (0u64, 0u64);
    /// // features and maps: the CUdeviceptr of tensors of another framework.
    /// let shape = [1000, 2048, 7, 7];
    /// let cam = Cam::new(Weighting::Mtsm);
    /// let device = Device::open(0)?;
    /// // SAFETY: both have that shape, and the framework has been synchronised.
    /// let statuses = unsafe { device.saliency_maps_at::<f32>(&cam, features, &shape, maps)? };
    /// assert_eq!(statuses.len(), 1000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn saliency_maps_at<T: DeviceScalar>(
        &self,
        cam: &Cam,
        features: u64,
        shape: &[usize],
        maps: u64,
    ) -> Result<Vec<Status>> {
        let job = Job::new(cam, shape)?;
        let queue = self.queue()?;
        let (items, size, positions) = (job.items(), job.size(), job.positions());
        // SAFETY: the caller promises that `features` holds the whole batch.
        let features = unsafe { Borrowed::<T>::new(&queue, features, items * size) };
        let target = |items: Range<usize>| {
            let start = maps + (items.start * positions * size_of::<T>()) as u64;
            // SAFETY: the caller promises that `maps` has room for all maps.
            unsafe { Borrowed::<T>::new(&queue, start, items.len() * positions) }
        };
        // 1. All maps, chunk by chunk.
        let bytes = Lane::bytes(&queue, &job)?;
        let count = items_that_fit(self, "a saliency map", items, bytes)?;
        let mut lane = Lane::new(&queue, &job, count)?;
        let mut outcomes = Vec::new();
        for first in (0..items).step_by(count) {
            let end = items.min(first + count);
            let mut target = target(first..end);
            let chunk = Chunk {
                items: end - first,
                features: &features.slice().slice(first * size..end * size),
                maps: target.slice_mut(),
            };
            lane.enqueue(&job, chunk)?;
            outcomes.extend_from_slice(lane.outcomes()?);
            job.report(end)?;
        }
        // 2. The maps of the items that were marked.
        let item = |item: usize| {
            let entries = features.slice().slice(item * size..(item + 1) * size);
            download(&queue, &entries)
        };
        let recomputed = recompute(self, &job, &outcomes, item)?;
        for (item, map) in &recomputed {
            let mut target = target(*item..item + 1);
            upload(&queue, map.values().data(), target.slice_mut())?;
        }
        queue.wait()?;
        // 3. The statuses.
        let mut statuses: Vec<Status> = outcomes.into_iter().map(status).collect();
        for (item, map) in recomputed {
            statuses[item] = map.status();
        }
        Ok(statuses)
    }
}
