//! How many items fit in the device's memory, and the limit of the kernels' integers.

use super::device::Device;
use crate::error::{CudaError, Result};

/// The maximum share of the free memory that a batch uses.
const SHARE: f64 = 0.8;

/// The maximum number of items in a launch: a grid has at most this many blocks in its second
/// direction.
const MAX_ITEMS: usize = 65_535;

/// The number of items, at most `items`, that fit in the free memory of the device. Each takes
/// `bytes` bytes. `what` describes an item in the message of the error.
///
/// # Errors
/// [`CudaError::OutOfMemory`] if no item fits.
pub(super) fn items_that_fit(
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
    Ok(items.min(MAX_ITEMS).min(fit as usize))
}

/// Fails if the number of entries exceeds the kernels' 32-bit integers.
pub(super) fn check_countable(entries: usize) -> Result<()> {
    match i32::try_from(entries) {
        Ok(_) => Ok(()),
        Err(_) => Err(CudaError::OnlyOnCpu {
            what: "a tensor or matrix of 2³¹ entries or more",
        }
        .into()),
    }
}
