//! Chains of mode products X ×ₐ Uₐᵀ ×ᵦ Uᵦᵀ …, which alternate between two buffers:
//!
//! ```text
//! tensors → first → second → first → …
//! ```

use cudarc::driver::CudaSlice;

use crate::cuda::buffers::{Buffer, zeros};
use crate::cuda::queue::Queue;
use crate::error::Result;

/// The two buffers of chains of products.
#[derive(Debug)]
pub(super) struct Chain {
    first: Buffer<f64>,
    second: Buffer<f64>,
}

/// Where the latest product of a chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// There is no product yet: the tensors themselves.
    Tensors,
    First,
    Second,
}

impl Chain {
    /// Buffers of `len` entries each.
    pub(super) fn new(queue: &Queue, len: usize) -> Result<Self> {
        Ok(Self {
            first: zeros(queue, len)?,
            second: zeros(queue, len)?,
        })
    }

    /// The latest product. `None` if there is no product yet.
    pub(super) fn product(&self, at: At) -> Option<&CudaSlice<f64>> {
        match at {
            At::Tensors => None,
            At::First => Some(&self.first),
            At::Second => Some(&self.second),
        }
    }

    /// The source and the target of the next product. Sets `at` to the target.
    pub(super) fn next<'a>(
        &'a mut self,
        tensors: &'a CudaSlice<f64>,
        at: &mut At,
    ) -> (&'a CudaSlice<f64>, &'a mut CudaSlice<f64>) {
        let (first, second) = (&mut *self.first, &mut *self.second);
        let (now, source, target) = match *at {
            At::Tensors => (At::First, tensors, first),
            At::First => (At::Second, &*first, second),
            At::Second => (At::First, &*second, first),
        };
        *at = now;
        (source, target)
    }
}
