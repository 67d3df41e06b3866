//! Maps of a batch, resized on the device.

#![allow(unsafe_code)]

use cudarc::driver::DevicePtrMut;

use super::job::Job;
use crate::cam::{Cam, Status, check_resize};
use crate::cuda::buffers::{Borrowed, download_into, uninitialised, upload};
use crate::cuda::device::Device;
use crate::cuda::launch::Resizing;
use crate::cuda::limits::{check_countable, items_that_fit};
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, TensorRef};

impl Device {
    /// The maps of [`Device::saliency_maps`], resized on the device in the same way as by
    /// [`resize`](crate::cam::resize()). The result has shape N×height×width.
    ///
    /// # Errors
    /// The errors of [`Device::saliency_maps`] and of [`resize`](crate::cam::resize()).
    ///
    /// ```no_run
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}, cuda::Device};
    /// let batch = Tensor::<f32>::from_fn(&[50, 64, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
    /// let maps = Device::open(0)?.resized_maps(&Cam::new(Weighting::Tsm), &batch, [224, 224])?;
    /// assert_eq!(maps.shape(), [50, 224, 224]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn resized_maps<'a, T: DeviceScalar>(
        &self,
        cam: &Cam,
        batch: impl Into<TensorRef<'a, T>>,
        [height, width]: [usize; 2],
    ) -> Result<Tensor<T>> {
        // 1. Checks.
        let batch = batch.into();
        let job = Job::new(cam, batch.shape())?;
        let [old_height, old_width] = check(&job, [height, width])?;
        let (old_size, new_size) = (old_height * old_width, height * width);
        // 2. The maps.
        let maps = self.saliency_maps(cam, batch)?;
        // 3. The resized maps, chunk by chunk.
        let mut resized = Tensor::zeros(&[maps.len(), height, width])?;
        let queue = self.queue()?;
        let bytes = ((old_size + new_size) * size_of::<T>()) as u64;
        let count = items_that_fit(self, "resizing a map", maps.len(), bytes)?;
        let mut source = uninitialised(&queue, count * old_size)?;
        let mut target = uninitialised(&queue, count * new_size)?;
        let chunks = resized.data_mut().chunks_mut(count * new_size);
        for (maps, resized) in maps.chunks(count).zip(chunks) {
            job.cancellation().check()?;
            let values = maps.iter().flat_map(|map| map.values().data());
            upload(&queue, &values.copied().collect::<Vec<T>>(), &mut source)?;
            queue.resize(Resizing {
                items: maps.len(),
                maps: &source,
                old: [old_height, old_width],
                new: [height, width],
                resized: &mut target,
            })?;
            download_into(&queue, &target.slice(..resized.len()), resized)?;
        }
        Ok(resized)
    }

    /// The maps of [`Device::saliency_maps_at`], resized on the device to `size`, height and width.
    /// The N maps are written one after the other to the address `maps`. Returns the status of each
    /// map.
    ///
    /// # Errors
    /// The errors of [`Device::resized_maps`].
    ///
    /// # Safety
    /// As for [`Device::saliency_maps_at`]; the memory at `maps` has room for N×height×width entries.
    pub unsafe fn resized_maps_at<T: DeviceScalar>(
        &self,
        cam: &Cam,
        features: u64,
        shape: &[usize],
        size: [usize; 2],
        maps: u64,
    ) -> Result<Vec<Status>> {
        // 1. Checks.
        let job = Job::new(cam, shape)?;
        let old = check(&job, size)?;
        let (old_size, new_size) = (old[0] * old[1], size[0] * size[1]);
        // 2. The maps.
        let queue = self.queue()?;
        let mut small = uninitialised::<T>(&queue, job.items() * old_size)?;
        let address = {
            let (address, _order) = small.device_ptr_mut(queue.stream());
            address
        };
        // SAFETY: the caller promises the features. The memory at `address` has room for the maps, and
        // this function does not use it before the call returns.
        let statuses = unsafe { self.saliency_maps_at::<T>(cam, features, shape, address)? };
        // 3. The resized maps. All memory exists, so that only the grid of a launch limits a chunk.
        let count = items_that_fit(self, "resizing a map", job.items(), 1)?;
        for first in (0..job.items()).step_by(count) {
            let items = count.min(job.items() - first);
            let start = maps + (first * new_size * size_of::<T>()) as u64;
            // SAFETY: the caller promises room for all maps.
            let mut target = unsafe { Borrowed::<T>::new(&queue, start, items * new_size) };
            let from = address + (first * old_size * size_of::<T>()) as u64;
            // SAFETY: `small` holds all maps.
            let source = unsafe { Borrowed::<T>::new(&queue, from, items * old_size) };
            queue.resize(Resizing {
                items,
                maps: source.slice(),
                old,
                new: size,
                resized: target.slice_mut(),
            })?;
        }
        queue.wait()?;
        Ok(statuses)
    }
}

/// The height and width of a map of the job, checked for a resize to `size`.
fn check(job: &Job<'_>, [height, width]: [usize; 2]) -> Result<[usize; 2]> {
    let &[old_height, old_width] = job.map_shape() else {
        return Err(Error::TooFewModes {
            what: "a map to resize",
            expected: 2,
            shape: job.map_shape().to_vec(),
        });
    };
    check_resize(height, width)?;
    check_countable(height.saturating_mul(width))?;
    Ok([old_height, old_width])
}
