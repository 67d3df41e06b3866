//! Sizes as floating-point numbers, for estimates of memory, so that no size overflows.

use crate::scalar::Scalar;

/// The extents of a tensor and the bytes of its scalar.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    pub(crate) extents: Vec<f64>,
    /// Bytes of a scalar.
    pub(crate) scalar: f64,
}

impl Sizes {
    /// The sizes of a tensor of `T`.
    pub(crate) fn of<T: Scalar>(shape: &[usize]) -> Self {
        Self {
            extents: shape.iter().map(|&extent| extent as f64).collect(),
            scalar: size_of::<T>() as f64,
        }
    }

    /// The same sizes with another extent in one mode.
    pub(crate) fn with(&self, mode: usize, extent: f64) -> Self {
        let mut sizes = self.clone();
        sizes.extents[mode] = extent;
        sizes
    }

    /// The number of entries.
    pub(crate) fn entries(&self) -> f64 {
        self.extents.iter().product()
    }

    /// The bytes of the entries.
    pub(crate) fn bytes(&self) -> f64 {
        self.entries() * self.scalar
    }
}

/// A number of bytes, rounded up.
pub(crate) fn whole_bytes(bytes: f64) -> u64 {
    bytes.ceil() as u64
}
