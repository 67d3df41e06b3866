//! What a device holds at once, and how far its kernels count.

use super::device::Device;
use crate::error::{CudaError, Result};

/// The share of the free memory that a batch takes at most.
const SHARE: f64 = 0.8;

/// The most items that a grid of blocks has.
const MOST_ITEMS: usize = 65_535;

/// The items of which the device holds the `bytes` for each, of `items`.
pub(super) fn most_items(
    device: &Device,
    what: &'static str,
    items: usize,
    bytes: u64,
) -> Result<usize> {
    let free = device.free_memory()?;
    let fit = (SHARE * free as f64) as u64 / bytes.max(1);
    if fit == 0 {
        return Err(CudaError::OutOfMemory {
            what,
            needed: bytes,
            free,
        }
        .into());
    }
    Ok(items.min(MOST_ITEMS).min(fit as usize))
}

/// Fails where the kernels' integers do not count so far.
pub(super) fn in_range(entries: usize) -> Result<()> {
    match i32::try_from(entries) {
        Ok(_) => Ok(()),
        Err(_) => Err(CudaError::OnlyOnCpu {
            what: "a tensor or matrix of 2³¹ entries and more",
        }
        .into()),
    }
}
