//! Vector registers: the choice of the instruction set, the kernels that multiply large
//! matrices, and the memory layouts that feed them.
//!
//! This module contains
//!
//! - the choice of the instruction set: [`pulp`] detects AVX-512 and AVX2 at run time, and
//!   [`arch`] runs code that is generic over [`pulp::Simd`] with the best of them;
//! - the kernels: sums of outer products (Gram matrices), products with a matrix of few rows
//!   (mode-n products) and blocks of Householder reflectors (triangular factors). The innermost
//!   loop of the products is the register [`tile`];
//! - the packing of matrices, scratch memory, prefetching, and all `unsafe` code outside
//!   `cuda`.
//!
//! Other modules contain further loops over vector registers, without `unsafe`:
//!
//! - The small eigensolvers and TSQR in `linalg` are generic over [`pulp::Simd`] and start with
//!   `arch().dispatch`. Their rows are whole lines of `f64`. They combine the level 1 operations
//!   [`dot`], [`axpy`] and [`axpy2`], the arithmetic of [`Register`], and `pulp`'s own operations
//!   on one register.
//! - Plain loops, such as the sums in `tensor`, run inside [`vectorize`], where the compiler
//!   vectorises them for the instruction set.
//!
//! # Words
//!
//! - **Lane**: one number of a vector register. With AVX-512 a register has 8 lanes of `f64` or
//!   16 of `f32`, with AVX2 half as many.
//! - **Line**: 64 bytes of memory, the size of a cache line and of the widest register.
//! - **Tile**: a block of the result, N rows by R registers, that stays in registers while all
//!   products of its entries are summed.
//! - **Sliver**: a narrow packed part of a matrix, stored step by step: first the entries that
//!   a tile needs in step 0 of its sum, then the entries of step 1, and so on.
//! - **Panel**: a block of vectors of the same length that fits into the cache. For a Gram
//!   matrix it is packed in slivers of one line.
//! - **Slab**: one of the matrices of I rows and R columns that make up a tensor, seen from a mode
//!   ([`Tensor::slabs`](crate::Tensor::slabs)).
//! - **Strip**: some neighbouring columns of a matrix, with all rows. The mode-n product packs the
//!   strips of narrow slabs in slivers of two lines.
//!
//! # Packing
//!
//! A slab is row-major: its row k holds the entries with index k in the mode. A strip of the
//! slab is packed in slivers S₀, S₁, …, so that a tile reads consecutive addresses:
//!
//! ```text
//!          slab, I rows of R columns               strip, packed
//!         ├─ two lines ─┼─ two lines ─┼─ …
//!   k = 0   a a a a a a   d d d d d d   …        S₀ = aaaaaa bbbbbb cccccc
//!   k = 1   b b b b b b   e e e e e e   …        S₁ = dddddd eeeeee ffffff
//!   k = 2   c c c c c c   f f f f f f   …        …
//! ```
//!
//! A panel is packed in the same way, with vectors in place of rows. Line k of a sliver holds
//! neighbouring entries of vector k. Zeros fill the last sliver, and an unused line follows
//! each sliver:
//!
//! ```text
//!   entries   0 … 7      8 … 15     16, 17        panel, packed
//!   vector 0  aaaaaaaa   cccccccc   ee            S₀ = aaaaaaaa bbbbbbbb ········
//!   vector 1  bbbbbbbb   dddddddd   ff            S₁ = cccccccc dddddddd ········
//!                                                 S₂ = ee000000 ff000000 ········
//! ```
//!
//! A tile reads a sliver step by step. In step k it loads R registers from the sliver. From the
//! other matrix it loads N factors, and copies each to all lanes of a register:
//!
//! ```text
//!                              registers of step k
//!                              v₀      v₁      …
//!   factors of step k   f₀     t₀₀     t₀₁     …        tₙᵣ ← tₙᵣ + fₙ·vᵣ
//!                       f₁     t₁₀     t₁₁     …        N + R loads for N·R products
//!                       …
//! ```

mod blas1;
mod elimination;
mod lanes;
mod outer;
mod panel;
mod prefetch;
mod reflectors;
mod register;
mod row_product;
mod scratch;
mod sign_mixing;
mod strip;
mod strip_product;
mod tile;
mod transpose;

pub(crate) use blas1::{LINE_F64S, axpy, axpy2, dot, line_start, scaled_copy};
pub(crate) use elimination::Elimination;
pub(crate) use lanes::Lanes;
pub(crate) use outer::{add_outer_products, add_panel, ahead_bytes};
pub(crate) use panel::Panel;
pub(crate) use reflectors::{COLUMN_STEP, REFLECTORS, Reflect, inner_products};
pub(crate) use register::Register;
pub(crate) use row_product::{PackedColumns, row_product};
pub(crate) use scratch::Scratch;
pub(crate) use sign_mixing::{MIXED_ROWS, SignGroup, add_mixed};
pub(crate) use strip::{Strip, multiply_in_place};
pub(crate) use strip_product::{PackedRows, sliver_entries};
pub(crate) use transpose::Transpose;

use std::ops::Range;

/// The number of bytes of a line.
const LINE_BYTES: usize = 64;

/// The number of entries of a line.
pub(crate) const fn line_entries<A>() -> usize {
    LINE_BYTES / size_of::<A>()
}

/// The number of lanes of a register of the scalar `A`.
const fn lanes<S: pulp::Simd, A: Lanes>() -> usize {
    size_of::<A::Register<S>>() / size_of::<A>()
}

/// The range 0..`len`, split evenly into ranges of at most `limit` numbers.
#[inline(always)]
fn split_evenly(len: usize, limit: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = len.div_ceil(limit);
    (0..parts).map(move |part| part * len / parts..(part + 1) * len / parts)
}

/// Runs `loops`, compiled for the widest registers of the processor. The closure must be
/// marked `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorize<R>(loops: impl FnOnce() -> R) -> R {
    arch().dispatch(loops)
}

/// The instruction set that kernels run with: the best one of this processor.
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
