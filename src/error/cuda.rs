//! Errors of the CUDA device.

/// What went wrong on an NVIDIA GPU, in [`Error::Cuda`](crate::Error::Cuda).
///
/// ```
/// use tenfold::{CudaError, Error};
/// let error = Error::from(CudaError::OnlyOnCpu { what: "a tensor of 2³¹ entries or more" });
/// assert_eq!(
///     error.to_string(),
///     "a tensor of 2³¹ entries or more: the CUDA device does not support this, use the CPU"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// No usable GPU.
    #[error("no CUDA device can be used: {reason}")]
    NoDevice {
        /// What is missing, and what to do.
        reason: String,
    },
    /// Too little free memory on the GPU for the smallest unit of work.
    #[error(
        "{what} needs {needed} bytes on the CUDA device, {free} are free: \
         free some memory there or use the CPU"
    )]
    OutOfMemory {
        /// The unit of work.
        what: &'static str,
        /// The bytes that one unit needs.
        needed: u64,
        /// The bytes that were free.
        free: u64,
    },
    /// The GPU or its driver reported a failure.
    #[error("the CUDA device failed at {what}: {reason}")]
    DeviceFailed {
        /// The step that failed.
        what: &'static str,
        /// The driver's description.
        reason: String,
    },
    /// A task that only the CPU supports.
    #[error("{what}: the CUDA device does not support this, use the CPU")]
    OnlyOnCpu {
        /// The option or size.
        what: &'static str,
    },
}
