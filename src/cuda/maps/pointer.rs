//! Maps of a batch that is already on the device.

use super::job::Job;
use super::lane::{Lane, chunk_items};
use super::recompute::{recompute, status};
use crate::cam::{Cam, Status};
use crate::cuda::buffers::{Borrowed, copy, download, upload, wait};
use crate::cuda::device::Device;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

impl Device {
    /// The saliency maps of a batch that is on the device. `features` is the address of a
    /// row-major batch of shape `shape`: N×C×(any trailing shape). The N maps are written one
    /// after the other to the address `maps`. Returns the status of each map after all maps are
    /// written.
    ///
    /// # Errors
    /// The errors of [`Device::saliency_maps`].
    ///
    /// # Safety
    /// Both addresses are on this device. The memory at `features` holds all entries of the
    /// batch, and the memory at `maps` has room for all entries of the maps. All work that
    /// writes `features` is done. Nothing else writes to either memory before the function
    /// returns.
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
        // SAFETY: the caller promises that `maps` has room for all maps.
        let mut target = unsafe { Borrowed::<T>::new(&queue, maps, items * positions) };
        let target = target.slice_mut();
        // 1. All maps, chunk by chunk.
        let count = chunk_items(self, &queue, &job, 0)?;
        let mut lane = Lane::<T>::new(&queue, &job, count)?;
        let mut outcomes = Vec::new();
        for first in (0..items).step_by(count) {
            let end = items.min(first + count);
            let chunk = features.slice().slice(first * size..end * size);
            lane.enqueue(&job, &chunk, end - first)?;
            let mut room = target.slice_mut(first * positions..end * positions);
            copy(&queue, &lane.maps(&job, end - first), &mut room)?;
            outcomes.extend(lane.outcomes(&job, end - first)?);
            job.report(end)?;
        }
        // 2. The maps of the items that were marked.
        let item = |item: usize| {
            let entries = features.slice().slice(item * size..(item + 1) * size);
            download(&queue, &entries)
        };
        let recomputed = recompute(self, &job, &outcomes, item)?;
        for (item, map) in &recomputed {
            let mut room = target.slice_mut(item * positions..(item + 1) * positions);
            upload(&queue, map.values().data(), &mut room)?;
        }
        wait(&queue)?;
        // 3. The statuses.
        let mut statuses: Vec<Status> = outcomes.into_iter().map(status).collect();
        for (item, map) in recomputed {
            statuses[item] = map.status();
        }
        Ok(statuses)
    }
}
