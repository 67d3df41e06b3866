//! The compression LZF, which h5py offers as "lzf".
//!
//! ```text
//! 000nnnnn                        n + 1 bytes follow, which are copied
//! mmmppppp          pppppppp      m + 2 bytes are repeated from p + 1 bytes back
//! 111ppppp mmmmmmmm pppppppp      likewise, m + 9 bytes
//! ```

use hdf5_reader::error::{Error, Result};
use hdf5_reader::messages::filter_pipeline::FilterDescription;

/// The registered number of the filter.
pub(super) const NUMBER: u16 = 32000;

/// The maximum number of bytes that a compressed byte stands for: 3 bytes repeat at most 264.
const EXPANSION: usize = 88;

/// Decompresses a chunk.
pub(super) fn decompress(_: &FilterDescription, mut data: &[u8], _: usize) -> Result<Vec<u8>> {
    let cut_short = || Error::DecompressionError("LZF: the data end too early".into());
    let mut output = Vec::new();
    output
        .try_reserve_exact(data.len().saturating_mul(EXPANSION))
        .map_err(|_| Error::DecompressionError("LZF: memory cannot be allocated".into()))?;
    let mut next = |count: usize| {
        let (first, rest) = data.split_at_checked(count)?;
        data = rest;
        Some(first)
    };
    while let Some(&[control]) = next(1) {
        let (high, low) = (usize::from(control >> 5), usize::from(control & 31));
        if high == 0 {
            output.extend(next(low + 1).ok_or_else(cut_short)?);
            continue;
        }
        let mut byte = || match next(1) {
            Some(&[byte]) => Ok(usize::from(byte)),
            _ => Err(cut_short()),
        };
        let length = 2 + if high == 7 { 7 + byte()? } else { high };
        let back = (low << 8) + byte()? + 1;
        let start = output.len().checked_sub(back).ok_or_else(|| {
            Error::DecompressionError("LZF: bytes before the start are repeated".into())
        })?;
        // The repeated bytes may include bytes that this loop appends.
        for place in start..start + length {
            output.push(output[place]);
        }
    }
    Ok(output)
}
