//! Prefetching: a request for memory before it is needed.

use super::LINE_BYTES;

/// Prefetches line `line` of `bytes` into the second level of cache. Does nothing if `bytes` has no
/// such line.
///
/// Kernels alternate between reading the tensor and computing on packed copies. A kernel that
/// computes prefetches the memory that is read next, so that both happen at the same time.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn prefetch_line(bytes: &[u8], line: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(line * LINE_BYTES) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: the pointer comes from a reference, and a prefetch neither
        // reads the value nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, line);
}
