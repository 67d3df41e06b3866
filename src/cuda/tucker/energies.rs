//! ‖X‖² of tensors.

use cudarc::driver::CudaSlice;

use super::tensors::Tensors;
use crate::cuda::buffers::{Buffer, uninitialised};
use crate::cuda::launch::work_len;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// Memory for the energies ‖X‖² of tensors.
#[derive(Debug)]
pub(in crate::cuda) struct Energies {
    totals: Buffer<f64>,
    work: Buffer<f64>,
    size: usize,
}

impl Energies {
    /// Memory for `items` tensors of `size` entries.
    pub(in crate::cuda) fn new(queue: &Queue, items: usize, size: usize) -> Result<Self> {
        Ok(Self {
            totals: uninitialised(queue, items)?,
            work: uninitialised(queue, work_len(items, size))?,
            size,
        })
    }

    /// ‖X‖² of the first `items` tensors, or ‖X − Y‖² for other tensors Y.
    pub(in crate::cuda) fn measure<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        tensors: &Tensors<'_, T>,
        items: usize,
        others: Option<&CudaSlice<f64>>,
    ) -> Result<&CudaSlice<f64>> {
        let (work, totals) = (&mut self.work, &mut self.totals);
        tensors.energy(queue, [items, self.size], others, work, totals)?;
        Ok(totals)
    }

    /// The latest energies.
    pub(super) fn totals(&self) -> &CudaSlice<f64> {
        &self.totals
    }
}
