//! SIMD kernels, the only place that knows of vector registers.
//!
//! Each kernel is written once, generic over `pulp`'s instruction sets and over
//! the scalar; [`pulp::Arch`] picks AVX-512, AVX2 or the portable fallback at
//! run time. Operands are packed by the caller, so that kernels see nothing but
//! contiguous memory.

mod aligned;
mod dot;
mod lanes;
mod outer;
mod prefetch;
mod product;

pub(crate) use aligned::{Aligned, line_entries};
pub(crate) use dot::{AHEAD_BYTES, add_row_products};
pub(crate) use lanes::Lanes;
pub(crate) use outer::add_outer_products;
pub(crate) use product::{pack_row, row_product, tile_product, tile_width};
