//! How many items a chunk has, and the limit of the kernels' integers.

use super::device::Device;
use crate::error::{CudaError, Result};

/// The maximum share of the free memory that a batch uses.
const SHARE: f64 = 0.8;

/// The maximum number of items in a launch: a grid has at most this many blocks in its second
/// direction.
const MAX_ITEMS: usize = 65_535;

/// The number of items that occupy all multiprocessors. A smaller chunk takes as long.
const WAVE: usize = 1024;

/// A chunk of more than [`WAVE`] items needs at most this number of bytes.
const CHUNK_BYTES: u64 = 1 << 30;

/// The maximum number of bytes that the host copies to the device for a chunk. The copy takes about
/// 5 ms.
const UPLOAD_BYTES: usize = 256 << 20;

/// The number of items of a chunk, at most `items`, that fit in the free memory of the device. Each
/// takes `bytes` bytes. `what` describes an item in the message of the error.
///
/// The driver is not asked for its free memory if the pool has had memory for the same chunk.
///
/// # Errors
/// [`CudaError::OutOfMemory`] if no item fits.
pub(super) fn items_that_fit(
    device: &Device,
    what: &'static str,
    items: usize,
    bytes: u64,
) -> Result<usize> {
    let bytes = bytes.max(1);
    if let Some(chunk) = device.pool().chunk(bytes, items) {
        return Ok(chunk);
    }
    let memory = device.memory()?;
    let free = memory.free + memory.kept;
    let fit = (SHARE * free as f64) as u64 / bytes;
    if fit == 0 {
        return Err(CudaError::OutOfMemory {
            what,
            needed: bytes,
            free,
        }
        .into());
    }
    let most = WAVE.max((CHUNK_BYTES / bytes) as usize);
    let chunk = items.min(MAX_ITEMS).min(most).min(fit as usize);
    device.pool().keep_chunk(bytes, items, chunk);
    Ok(chunk)
}

/// The number of items of a chunk that the host copies to the device, at most `fit` of the `items`
/// items of a batch. The device computes on one chunk while the host copies the next one, so that a
/// large batch has several chunks. `bytes` are copied for each item.
pub(super) fn uploaded_items(items: usize, fit: usize, bytes: usize) -> usize {
    let large = (UPLOAD_BYTES / bytes.max(1)).max(1);
    let most = fit.min(large).min(WAVE.max(items.div_ceil(4)));
    // Chunks of equal size.
    items.div_ceil(items.div_ceil(most))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_the_host_copies() {
        let bytes = 2048 * 49 * 4;
        // Two equal chunks of at most 668 maps.
        assert_eq!(uploaded_items(1000, 1000, bytes), 500);
        // Little memory on the device.
        assert_eq!(uploaded_items(7, 3, bytes), 3);
        // Items that are larger than a chunk.
        assert_eq!(uploaded_items(5, 5, usize::MAX), 1);
        // Small items in four chunks, but not in chunks of less than a wave.
        assert_eq!(uploaded_items(10_000, 10_000, 100), 2500);
        assert_eq!(uploaded_items(1000, 1000, 100), 1000);
    }
}
