//! Decompositions of a batch that is already on the device.

use super::chunk::Chunk;
use super::decompose::decompose;
use super::measured::measured_error;
use super::options::Options;
use super::result::DeviceTucker;
use super::units::Units;
use crate::cuda::buffers::Borrowed;
use crate::cuda::device::Device;
use crate::cuda::limits::items_that_fit;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::tensor::Shape;
use crate::tucker::{Hooi, StHosvd};

impl Device {
    /// The decompositions of the tensors of a batch that is on the device, as [`Device::hooi`]
    /// computes them. `tensors` is the address of a row-major batch of shape `shape`: N×(the shape of
    /// a tensor). Core and factors stay on the device. No tensor is copied to the host.
    ///
    /// # Errors
    /// The errors of [`Device::hooi`].
    ///
    /// # Safety
    /// The address is on this device, and the memory there holds all entries of the batch. All work
    /// that writes them is done, and nothing writes to them before the function returns.
    ///
    /// ```no_run
    /// # use tenfold::{Hooi, cuda::Device};
    /// # let tensors = 0u64;
    /// let device = Device::open(0)?;
    /// // SAFETY: another framework has written 256 tensors, and has been synchronised.
    /// let found = unsafe { device.hooi_at::<f64>(&Hooi::new([8, 8, 8]), tensors, &[256, 20, 20, 20])? };
    /// assert_eq!(found.len(), 256);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn hooi_at<T: DeviceScalar>(
        &self,
        hooi: &Hooi,
        tensors: u64,
        shape: &[usize],
    ) -> Result<Vec<DeviceTucker<T>>> {
        let options = Options::of_hooi::<T>(hooi, shape)?;
        // SAFETY: the caller promises the same.
        unsafe { self.decompose_at(&options, tensors, shape) }
    }

    /// The decompositions of the tensors of a batch that is on the device, as [`Device::st_hosvd`]
    /// computes them. The properties of [`Device::hooi_at`] hold here too.
    ///
    /// # Errors
    /// The errors of [`Device::hooi`].
    ///
    /// # Safety
    /// As for [`Device::hooi_at`].
    ///
    /// ```no_run
    /// # use tenfold::{StHosvd, Truncation, cuda::Device};
    /// # let tensor = 0u64;
    /// let st_hosvd = StHosvd::new(Truncation::RelativeError(1e-3));
    /// // SAFETY: the address holds a tensor of these extents, and nothing writes to it.
    /// let found = unsafe { Device::open(0)?.st_hosvd_at::<f32>(&st_hosvd, tensor, &[1, 400, 400, 400])? };
    /// assert!(found[0].estimated_error() <= 1e-3);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn st_hosvd_at<T: DeviceScalar>(
        &self,
        st_hosvd: &StHosvd,
        tensors: u64,
        shape: &[usize],
    ) -> Result<Vec<DeviceTucker<T>>> {
        let options = Options::of_st_hosvd(st_hosvd, shape)?;
        // SAFETY: the caller promises the same.
        unsafe { self.decompose_at(&options, tensors, shape) }
    }

    /// Decomposes the batch at an address, chunk by chunk.
    ///
    /// # Safety
    /// As for [`Device::hooi_at`].
    #[allow(unsafe_code)]
    unsafe fn decompose_at<T: DeviceScalar>(
        &self,
        options: &Options<'_>,
        tensors: u64,
        shape: &[usize],
    ) -> Result<Vec<DeviceTucker<T>>> {
        Shape::new(shape)?;
        let queue = self.queue()?;
        let (items, size) = (options.shapes.items, options.shapes.size());
        // SAFETY: the caller promises that the address holds the whole batch.
        let batch = unsafe { Borrowed::<T>::new(&queue, tensors, items * size) };
        let count = items_that_fit(self, "a decomposition", items, options.bytes())?;
        let mut found = Vec::with_capacity(items);
        for first in (0..items).step_by(count) {
            options.sweeping.cancellation.check()?;
            let end = items.min(first + count);
            let shapes = options.chunk(end - first);
            let entries = batch.slice().slice(first * size..end * size);
            let units = Units::new(&queue, entries, &shapes);
            let chunk = Chunk {
                queue: &queue,
                options,
                units: units.map_err(|error| of_batch(error, first))?,
                measure: &|units, item, tucker| {
                    measured_error(&queue, &options.shapes, units, item, tucker)
                },
                shapes,
            };
            found.extend(decompose(&chunk)?);
            options.report(end - first)?;
        }
        Ok(found)
    }
}

/// The error with the number of the tensor in the batch, where the chunk starts with tensor `first`.
fn of_batch(error: Error, first: usize) -> Error {
    match error {
        Error::NonFinite { mut index, value } => {
            if let Some(item) = index.first_mut() {
                *item += first;
            }
            Error::NonFinite { index, value }
        }
        error => error,
    }
}
