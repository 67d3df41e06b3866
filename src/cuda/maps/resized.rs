//! Maps of a batch, resized on the device.

use super::job::Job;
use crate::cam::{Cam, check_resize};
use crate::cuda::buffers::{download_into, uninitialised, upload};
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
        let &[old_height, old_width] = job.map_shape() else {
            return Err(Error::TooFewModes {
                what: "a map to resize",
                expected: 2,
                shape: job.map_shape().to_vec(),
            });
        };
        check_resize(height, width)?;
        let (old_size, new_size) = (old_height * old_width, height * width);
        check_countable(new_size)?;
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
}
