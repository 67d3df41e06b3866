//! Asking for memory before it is needed.

use super::scratch::LINE;

/// Has the processor bring the line of `bytes` with number `line` into the second
/// level of cache; nothing where there is no such line.
///
/// Kernels alternate between reading the tensor and computing on packed copies.
/// Asking during the one for what the other reads next lets both go on at once.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn prefetch_line(bytes: &[u8], line: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(line * LINE) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: the pointer comes from a reference, and a prefetch neither
        // reads the value nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, line);
}
