//! Passes over whole tensors: scaled copies, energies, and results in the scalar of the tensors.
//!
//! A tensor is split into parts, one for each block, so that one large tensor uses all
//! multiprocessors. The number of parts depends on the size of the tensor alone.

use cudarc::driver::{CudaSlice, CudaView};

use super::blocks::{int, launch};
use super::constants::THREADS;
use super::maps::Rows;
use super::unfoldings::Unfoldings;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// The least number of entries of a part.
const PART: usize = 1 << 14;

/// The maximum number of parts: four for each multiprocessor of a large device.
const MOST_PARTS: usize = 512;

/// Copies of items, divided by powers of two.
pub(in crate::cuda) struct Prepared<'a> {
    /// [`parts`] entries for each item.
    pub(in crate::cuda) magnitudes: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) entries: &'a mut CudaSlice<f64>,
    /// The exponent of each item's power of two.
    pub(in crate::cuda) exponents: &'a mut CudaSlice<i32>,
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
}

/// Tensors in slices: `slices` slices of `size` entries for each item.
pub(in crate::cuda) struct Slices<'a, T> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) slices: usize,
    pub(in crate::cuda) size: usize,
    pub(in crate::cuda) tensors: &'a CudaView<'a, T>,
    /// If given, these entries are subtracted.
    pub(in crate::cuda) others: Option<&'a CudaSlice<f64>>,
}

/// Results of `items` items, `size` entries each, in the scalar of the tensors.
pub(in crate::cuda) struct Results<'a, T> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) size: usize,
    pub(in crate::cuda) entries: &'a CudaSlice<f64>,
    /// The results of an item are multiplied by two to this power; by one for `None`.
    pub(in crate::cuda) exponents: Option<&'a CudaSlice<i32>>,
    pub(in crate::cuda) results: &'a mut CudaSlice<T>,
    /// The flag of an item becomes 1 if a result is above the largest scalar.
    pub(in crate::cuda) flags: &'a mut CudaSlice<i32>,
}

/// The number of parts of a tensor of `size` entries.
pub(in crate::cuda) fn parts(size: usize) -> usize {
    (size / PART).clamp(1, MOST_PARTS)
}

/// The number of entries of the work memory of [`Queue::energy`] for `slices` slices of all items
/// together.
pub(in crate::cuda) fn work_len(slices: usize, size: usize) -> usize {
    match parts(size) {
        1 => 0,
        parts => slices * parts,
    }
}

impl Queue {
    /// Copies tensors divided by powers of two. If requested, subtracts from each row of the
    /// unfoldings its mean.
    pub(in crate::cuda) fn prepare<T: DeviceScalar>(
        &self,
        tensors: &CudaView<'_, T>,
        unfoldings: Unfoldings,
        centring: bool,
        prepared: Prepared<'_>,
    ) -> Result<()> {
        let Prepared {
            magnitudes,
            entries,
            exponents,
            outcomes,
        } = prepared;
        let (items, size) = (unfoldings.items, unfoldings.size());
        let (parts, count) = (parts(size), size as i64);
        // 1. The largest magnitude of each part.
        let searched: Result<()> = launch!(
            self, T::KERNELS.magnitudes,
            grid: (parts, items), shared: 0,
            holds: [tensors => items * size, magnitudes => items * parts],
            arguments: [tensors, &count, &mut *magnitudes],
        );
        searched?;
        // 2. The copies.
        let copied: Result<()> = launch!(
            self, T::KERNELS.prepare,
            grid: (parts, items), shared: 0,
            holds: [
                tensors => items * size, magnitudes => items * parts,
                entries => items * size, exponents => items, outcomes => items,
            ],
            arguments: [tensors, &count, &*magnitudes, &mut *entries, exponents, outcomes],
        );
        copied?;
        // 3. Centring.
        if centring {
            self.centre_rows(Rows {
                items,
                rows: unfoldings.rows(),
                columns: unfoldings.columns(),
                entries,
            })?;
        }
        Ok(())
    }

    /// The sum of squares of each slice. `work` holds [`work_len`] entries.
    pub(in crate::cuda) fn energy<T: DeviceScalar>(
        &self,
        slices: Slices<'_, T>,
        work: &mut CudaSlice<f64>,
        energies: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let Slices {
            items,
            slices,
            size,
            tensors,
            others,
        } = slices;
        let (count, entries) = (parts(size), size as i64);
        let all = items * slices;
        assert!(others.is_none_or(|others| others.len() >= all * size));
        let sum_of_parts = |energies: &mut CudaSlice<f64>| {
            let parts = int(count);
            launch!(
                self, T::KERNELS.energy,
                grid: (slices * count, items), shared: 0,
                holds: [tensors => all * size, energies => all * count],
                arguments: [tensors, &entries, &parts, energies],
                selected: others,
            )
        };
        if count == 1 {
            return sum_of_parts(energies);
        }
        sum_of_parts(work)?;
        let parts = int(count);
        launch!(
            self, "sum_parts",
            grid: (slices, items), shared: 0,
            holds: [work => all * count, energies => all],
            arguments: [&*work, &parts, energies],
        )
    }

    /// Writes results in the scalar of the tensors.
    pub(in crate::cuda) fn round<T: DeviceScalar>(&self, results: Results<'_, T>) -> Result<()> {
        let Results {
            items,
            size,
            entries,
            exponents,
            results,
            flags,
        } = results;
        let count = int(size);
        launch!(
            self, T::KERNELS.round,
            grid: (size.div_ceil(THREADS), items), shared: 0,
            holds: [entries => items * size, results => items * size, flags => items],
            arguments: [entries, &count, results, flags],
            selected: exponents,
        )
    }
}
