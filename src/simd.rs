//! SIMD kernels, the only place that knows of vector registers.
//!
//! Each kernel is written once, generic over `pulp`'s instruction sets and over
//! the scalar; [`pulp::Arch`] picks AVX-512, AVX2 or the portable fallback at
//! run time. Registers are loaded from rows that lie contiguous, in place or packed;
//! at the bottom of each kernel is the same register [`tile`].

mod lanes;
mod outer;
mod panel;
mod prefetch;
mod reflectors;
mod row_product;
mod scratch;
mod tile;
mod tile_product;
mod transpose;

pub(crate) use lanes::Lanes;
pub(crate) use outer::{add_outer_products, add_panel, ahead_bytes};
pub(crate) use panel::Panel;
pub(crate) use reflectors::{COLUMN_STEP, REFLECTORS, inner_products, reflect};
pub(crate) use row_product::{PackedColumns, row_product};
pub(crate) use scratch::{Scratch, line_entries};
pub(crate) use tile_product::{
    PackedRows, pack_row, packed_products, strided_products, tile_width,
};
pub(crate) use transpose::Transpose;

/// Runs `loops` compiled for the widest vectors of the processor; it is to be
/// marked `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorize<R>(loops: impl FnOnce() -> R) -> R {
    arch().dispatch(loops)
}

/// The instruction set that kernels are run with: the best of this processor.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn arch() -> pulp::Arch {
    pulp::Arch::new()
}

#[cfg(test)]
thread_local! {
    /// The instruction set that a test has chosen for this thread.
    pub(crate) static CHOSEN: std::cell::Cell<Option<pulp::Arch>> =
        const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(crate) fn arch() -> pulp::Arch {
    CHOSEN.get().unwrap_or_default()
}
