//! Tensors in units in which no square leaves the range of `f64`.
//!
//! Squares of `f32` entries never do. The energy ‖X‖² of `f64` tensors shows whether they do: only
//! then the device makes copies, divided by powers of two. So in nearly all cases the kernels read
//! the caller's tensors, and no copy is made.

use std::ops::Range;

use cudarc::driver::{CudaSlice, CudaView};

use super::energies::Energies;
use super::shapes::Shapes;
use super::tensors::Tensors;
use crate::cuda::buffers::{Buffer, download, uninitialised};
use crate::cuda::launch::{Prepared, outcome, parts};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::scalar::is_single;
use crate::tensor::{TensorRef, first_non_finite};

/// The range of ‖X‖² for which the kernels read `f64` tensors as they are.
const ENERGIES: Range<f64> = 1e-120..1e120;

/// The tensors of a chunk.
pub(super) struct Units<'a, T> {
    own: CudaView<'a, T>,
    scaled: Option<Scaled>,
    energies: Energies,
}

/// Copies, divided by powers of two.
struct Scaled {
    copies: Buffer<f64>,
    exponents: Vec<i32>,
}

impl<'a, T: DeviceScalar> Units<'a, T> {
    /// The `shapes.items` tensors `own`. Waits for the device.
    ///
    /// # Errors
    /// [`Error::NonFinite`], where the index starts with the number of the tensor.
    pub(super) fn new(queue: &Queue, own: CudaView<'a, T>, shapes: &Shapes) -> Result<Self> {
        let (items, size) = (shapes.items, shapes.size());
        // 1. The energies of the tensors as they are.
        let mut energies = Energies::new(queue, items, size)?;
        let tensors = Tensors::Own(own.slice(..));
        energies.measure(queue, &tensors, items, None)?;
        let found = download(queue, &energies.totals().slice(..items))?;
        let in_range =
            |&energy: &f64| ENERGIES.contains(&energy) || is_single::<T>() && energy < ENERGIES.end;
        if found.iter().all(in_range) {
            return Ok(Self {
                own,
                scaled: None,
                energies,
            });
        }
        // 2. Copies, and their energies.
        let mut copies = uninitialised(queue, items * size)?;
        let mut exponents = uninitialised::<i32>(queue, items)?;
        let mut outcomes = uninitialised::<i32>(queue, items)?;
        let prepared = Prepared {
            magnitudes: &mut *uninitialised(queue, items * parts(size))?,
            entries: &mut copies,
            exponents: &mut exponents,
            outcomes: &mut outcomes,
        };
        queue.prepare(&own, shapes.unfoldings(0), false, prepared)?;
        let outcomes = download(queue, &outcomes)?;
        if let Some(item) = outcomes.iter().position(|&code| code != outcome::FINE) {
            let entries = download(queue, &own.slice(item * size..(item + 1) * size))?;
            return Err(non_finite(shapes, item, &entries));
        }
        let tensors = Tensors::<T>::Double(copies.as_view());
        energies.measure(queue, &tensors, items, None)?;
        Ok(Self {
            own,
            scaled: Some(Scaled {
                exponents: download(queue, &exponents)?,
                copies,
            }),
            energies,
        })
    }

    /// The tensors.
    pub(super) fn tensors(&self) -> Tensors<'_, T> {
        match &self.scaled {
            None => Tensors::Own(self.own.slice(..)),
            Some(scaled) => Tensors::Double(scaled.copies.as_view()),
        }
    }

    /// ‖X‖² of each tensor, on the device.
    pub(super) fn energies(&self) -> &CudaSlice<f64> {
        self.energies.totals()
    }

    /// Whether the tensors are copies, divided by powers of two.
    pub(super) fn are_scaled(&self) -> bool {
        self.scaled.is_some()
    }

    /// The exponent of the power of two by which a tensor was divided.
    pub(super) fn exponent(&self, item: usize) -> i32 {
        self.scaled
            .as_ref()
            .map_or(0, |scaled| scaled.exponents[item])
    }
}

/// The error for a tensor with an entry that is not finite.
fn non_finite<T: DeviceScalar>(shapes: &Shapes, item: usize, entries: &[T]) -> Error {
    let found = TensorRef::new(&shapes.tensor, entries).map(first_non_finite);
    match found {
        Ok(Some(Error::NonFinite { mut index, value })) => {
            index.insert(0, item);
            Error::NonFinite { index, value }
        }
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => Error::NonFinite {
            index: vec![item],
            value: f64::NAN,
        },
    }
}
