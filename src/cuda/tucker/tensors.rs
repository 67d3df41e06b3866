//! The tensors that a step reads: the caller's own, or products in `f64`.

use cudarc::driver::{CudaSlice, CudaView};

use crate::cuda::launch::{LeadingVectors, Products, Slices, Unfoldings};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// Tensors on the device, one after the other.
#[derive(Debug)]
pub(in crate::cuda) enum Tensors<'a, T> {
    /// In the scalar of the caller. No copy in `f64` is made.
    Own(CudaView<'a, T>),
    Double(CudaView<'a, f64>),
}

/// A product with a matrix for each tensor ([`Products`]).
pub(super) struct Product<'a> {
    pub(super) unfoldings: Unfoldings,
    pub(super) matrices: &'a CudaSlice<f64>,
    pub(super) rank: usize,
    pub(super) expanding: bool,
    pub(super) products: &'a mut CudaSlice<f64>,
    pub(super) selected: Option<&'a CudaSlice<i32>>,
    pub(super) active: Option<&'a CudaSlice<i32>>,
}

/// Factors from eigenvectors ([`LeadingVectors`]).
pub(super) struct Leading<'a> {
    pub(super) unfoldings: Unfoldings,
    pub(super) rank: usize,
    pub(super) vectors: &'a CudaSlice<f64>,
    pub(super) factors: &'a mut CudaSlice<f64>,
    pub(super) selected: Option<&'a CudaSlice<i32>>,
    pub(super) active: Option<&'a CudaSlice<i32>>,
}

impl<T: DeviceScalar> Tensors<'_, T> {
    /// The same tensors.
    pub(super) fn view(&self) -> Tensors<'_, T> {
        match self {
            Self::Own(view) => Tensors::Own(view.slice(..)),
            Self::Double(view) => Tensors::Double(view.slice(..)),
        }
    }

    /// Gram matrices of the smaller side of unfoldings.
    pub(super) fn gram(
        &self,
        queue: &Queue,
        unfoldings: Unfoldings,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        match self {
            Self::Own(view) => queue.gram_in_parts(view, unfoldings, grams, active),
            Self::Double(view) => queue.gram_in_parts(view, unfoldings, grams, active),
        }
    }

    /// Multiplies with matrices.
    pub(super) fn product(&self, queue: &Queue, product: Product<'_>) -> Result<()> {
        match self {
            Self::Own(view) => queue.product(products(view, product)),
            Self::Double(view) => queue.product(products(view, product)),
        }
    }

    /// Factors from eigenvectors of X₍ₙ₎X₍ₙ₎ᵀ.
    pub(super) fn truncate(&self, queue: &Queue, leading: Leading<'_>) -> Result<()> {
        match self {
            Self::Own(view) => queue.truncate(leading_vectors(view, leading)),
            Self::Double(view) => queue.truncate(leading_vectors(view, leading)),
        }
    }

    /// X₍ₙ₎ times eigenvectors of X₍ₙ₎ᵀX₍ₙ₎.
    pub(super) fn lift(&self, queue: &Queue, leading: Leading<'_>) -> Result<()> {
        match self {
            Self::Own(view) => queue.lift(leading_vectors(view, leading)),
            Self::Double(view) => queue.lift(leading_vectors(view, leading)),
        }
    }

    /// ‖X‖² of each of `items` tensors of `size` entries, or ‖X − Y‖² for others Y.
    pub(super) fn energy(
        &self,
        queue: &Queue,
        [items, size]: [usize; 2],
        others: Option<&CudaSlice<f64>>,
        work: &mut CudaSlice<f64>,
        energies: &mut CudaSlice<f64>,
    ) -> Result<()> {
        match self {
            Self::Own(view) => queue.energy(whole(view, [items, size], others), work, energies),
            Self::Double(view) => queue.energy(whole(view, [items, size], others), work, energies),
        }
    }
}

fn products<'a, S>(tensors: &'a CudaView<'a, S>, product: Product<'a>) -> Products<'a, S> {
    let Product {
        unfoldings,
        matrices,
        rank,
        expanding,
        products,
        selected,
        active,
    } = product;
    Products {
        tensors,
        unfoldings,
        factors: matrices,
        rank,
        expanding,
        products,
        selected,
        active,
    }
}

fn leading_vectors<'a, S>(
    tensors: &'a CudaView<'a, S>,
    leading: Leading<'a>,
) -> LeadingVectors<'a, S> {
    let Leading {
        unfoldings,
        rank,
        vectors,
        factors,
        selected,
        active,
    } = leading;
    LeadingVectors {
        tensors,
        unfoldings,
        rank,
        vectors,
        factors,
        selected,
        active,
    }
}

/// Each tensor as one slice.
fn whole<'a, S>(
    tensors: &'a CudaView<'a, S>,
    [items, size]: [usize; 2],
    others: Option<&'a CudaSlice<f64>>,
) -> Slices<'a, S> {
    Slices {
        items,
        slices: 1,
        size,
        tensors,
        others,
    }
}
