//! HOOI and ST-HOSVD of batches in the host's memory: the methods of [`Device`].

use super::chunk::Chunk;
use super::decompose::decompose;
use super::options::Options;
use super::result::fetch_all;
use super::units::Units;
use crate::cuda::buffers::Upload;
use crate::cuda::device::Device;
use crate::cuda::limits::{items_that_fit, uploaded_items};
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tensor::{TensorRef, first_non_finite};
use crate::tucker::{Hooi, StHosvd, Tucker};

impl Device {
    /// The decompositions of the N tensors of a batch N×(the shape of a tensor), as
    /// [`Hooi::decompose`] computes them. This method is meant for many small tensors.
    ///
    /// All sums are in `f64`, for `f32` tensors too, and the results are rounded at the end. A tensor
    /// that has converged is skipped while others continue. The modes in the options are the modes of
    /// a tensor, without the leading mode of the batch.
    /// The bits of a decomposition do not depend on the other tensors of the batch. The monitor
    /// gets the number of finished tensors after each chunk, and its cancellation flag is read
    /// before each chunk and sweep.
    ///
    /// With a tolerance, each tensor gets ranks of its own. The device decomposes tensors of
    /// equal ranks together, mode by mode.
    ///
    /// Singular values come from Gram matrices. With [`Route::Qr`](crate::Route::Qr), and with
    /// [`Route::Auto`](crate::Route::Auto) where a Gram matrix does not resolve a tolerance, a second
    /// pass adds all digits.
    ///
    /// # Errors
    /// The errors of [`Hooi::decompose`], where an index starts with the number of the tensor, and
    /// [`Error::Cuda`](crate::Error::Cuda) with
    /// - [`CudaError::OnlyOnCpu`](crate::CudaError::OnlyOnCpu) for tensors of 2³¹ entries or more;
    /// - [`CudaError::OutOfMemory`](crate::CudaError::OutOfMemory) if the device has too little free
    ///   memory for one tensor;
    /// - [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    ///
    /// ```no_run
    /// # use tenfold::{Hooi, Tensor, Truncation, cuda::Device};
    /// let batch = Tensor::<f64>::from_fn(&[100, 8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] * i[2] + i[3]) as f64)?;
    /// let device = Device::open(0)?;
    /// let decompositions = device.hooi(&Hooi::new([2, 2, 2]), &batch)?;
    /// assert_eq!(decompositions[99].ranks(), [2, 2, 2]);
    /// let close = device.hooi(&Hooi::new(Truncation::RelativeError(1e-3)), &batch)?;
    /// assert!(close.iter().all(|tucker| tucker.shortfall().is_none()));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn hooi<'a, T: DeviceScalar>(
        &self,
        hooi: &Hooi,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        let batch = batch.into();
        self.decompose(&Options::of_hooi::<T>(hooi, batch.shape())?, batch)
    }

    /// The decompositions of the tensors of a batch, as [`StHosvd::decompose`] computes them. The
    /// properties of [`Device::hooi`] hold here too.
    ///
    /// # Errors
    /// The errors of [`Device::hooi`].
    ///
    /// ```no_run
    /// # use tenfold::{StHosvd, Tensor, cuda::Device};
    /// let batch = Tensor::<f32>::from_fn(&[9, 4, 5], |i| (i[0] + i[1] * i[2]) as f32)?;
    /// let decompositions = Device::open(0)?.st_hosvd(&StHosvd::new([2, 2]), &batch)?;
    /// assert_eq!(decompositions.len(), 9);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn st_hosvd<'a, T: DeviceScalar>(
        &self,
        st_hosvd: &StHosvd,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        let batch = batch.into();
        self.decompose(&Options::of_st_hosvd(st_hosvd, batch.shape())?, batch)
    }

    /// Decomposes the batch, chunk by chunk on two streams. The device copies the next chunk while it
    /// decomposes this one.
    fn decompose<T: DeviceScalar>(
        &self,
        options: &Options<'_>,
        batch: TensorRef<'_, T>,
    ) -> Result<Vec<Tucker<T>>> {
        if let Some(error) = first_non_finite(batch) {
            return Err(error);
        }
        // 1. The chunks.
        let (items, size) = (options.shapes.items, options.shapes.size());
        let bytes = size * size_of::<T>();
        let needed = 2 * (options.bytes() + bytes as u64);
        let fit = items_that_fit(self, "a decomposition", items, needed)?;
        let count = uploaded_items(items, fit, bytes);
        let chunks: Vec<&[T]> = batch.data().chunks(count * size).collect();
        let queues = [self.queue()?, self.queue()?];
        let mut uploads = Vec::new();
        for queue in queues.iter().take(chunks.len()) {
            uploads.push(Upload::<T>::new(queue, count * size)?);
        }
        // 2. Their decompositions.
        uploads[0].start(&queues[0], chunks[0])?;
        let mut found = Vec::new();
        for (turn, &entries) in chunks.iter().enumerate() {
            options.sweeping.cancellation.check()?;
            let next = (turn + 1) % 2;
            if let Some(following) = chunks.get(turn + 1) {
                uploads[next].start(&queues[next], following)?;
            }
            let queue = &queues[turn % 2];
            let shapes = options.chunk(entries.len() / size);
            let tensors = uploads[turn % 2].device().slice(..entries.len());
            let chunk = Chunk {
                queue,
                options,
                units: Units::new(queue, tensors, &shapes)?,
                shapes,
                // The tensors are in the host's memory, which need not wait for a copy.
                measure: &|_, item, tucker| {
                    let entries = &entries[item * size..(item + 1) * size];
                    tucker.relative_error(TensorRef::new(&options.shapes.tensor, entries)?)
                },
            };
            let of_chunk = fetch_all(&decompose(&chunk)?)?;
            options.report(of_chunk.len())?;
            found.extend(of_chunk);
        }
        Ok(found)
    }
}
