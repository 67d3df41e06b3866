//! Chains of mode products X ×ₐ Uₐᵀ ×ᵦ Uᵦᵀ …, which alternate between two buffers:
//!
//! ```text
//! tensors → first → second → first → …
//! ```

use cudarc::driver::CudaSlice;

use super::tensors::Tensors;
use crate::cuda::buffers::{Buffer, uninitialised};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
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
    /// Buffers of `first` and `second` entries.
    pub(super) fn new(queue: &Queue, [first, second]: [usize; 2]) -> Result<Self> {
        Ok(Self {
            first: uninitialised(queue, first)?,
            second: uninitialised(queue, second)?,
        })
    }

    /// The latest product, or the tensors if there is no product yet.
    pub(super) fn latest<'a, T: DeviceScalar>(
        &'a self,
        tensors: &'a Tensors<'_, T>,
        at: At,
    ) -> Tensors<'a, T> {
        match at {
            At::Tensors => tensors.view(),
            At::First => Tensors::Double(self.first.as_view()),
            At::Second => Tensors::Double(self.second.as_view()),
        }
    }

    /// The source and the target of the next product. Sets `at` to the target.
    pub(super) fn next<'a, T: DeviceScalar>(
        &'a mut self,
        tensors: &'a Tensors<'_, T>,
        at: &mut At,
    ) -> (Tensors<'a, T>, &'a mut CudaSlice<f64>) {
        let (first, second) = (&mut *self.first, &mut *self.second);
        let (now, source, target) = match *at {
            At::Tensors => (At::First, tensors.view(), first),
            At::First => (At::Second, Tensors::Double(first.as_view()), second),
            At::Second => (At::First, Tensors::Double(second.as_view()), first),
        };
        *at = now;
        (source, target)
    }
}
