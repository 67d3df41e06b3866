//! Y = U S: a matrix of few rows times a strip, the mode-n product in all modes but the last.
//!
//! Rows of S and of Y are contiguous, so registers run along the rows. A tile is a block of
//! rows of Y by two registers. With AVX-512 two registers are as wide as a sliver of S:
//!
//! ```text
//!                          sliver of S, step k:   s₀ s₁ s₂ …  (two lines)
//!   sliver of U,   u₀ₖ                 tile: y₀₀ y₀₁ y₀₂ …
//!   step k         u₁ₖ                       y₁₀ y₁₁ y₁₂ …        y ← y + u·s
//!   (≤ 12 rows)    …                         …
//! ```
//!
//! S is packed in slivers or read in place:
//!
//! - [`packed_products`] multiplies each block of rows of U by all slivers of S. The block of U
//!   stays in the first level of cache, and a tile stays in registers for the whole sum.
//! - [`strided_products`] reads 32 rows of S along all slivers, then the next 32 rows. The rows of
//!   S are long, so each step down a sliver reads another page of memory. Between two groups of
//!   rows the tiles are stored in Y, which stays in the second level of cache.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, Walk};
use super::{Lanes, Scratch, arch, lanes, line_entries, split_evenly};

/// Entries of one step of a sliver of S, and of one row of a sliver of Y: two lines.
pub(crate) const fn sliver_entries<A>() -> usize {
    2 * line_entries::<A>()
}

/// The matrix U of a product Y = U S, packed in blocks of rows. Each block is a sliver, which holds
/// the block column by column.
pub(crate) struct PackedRows<A> {
    entries: Scratch<A>,
    rows: usize,
    depth: usize,
}

impl<A: Lanes> PackedRows<A> {
    /// Packs U of `rows` × `depth` entries `u(j, k)`.
    pub(crate) fn new(rows: usize, depth: usize, u: impl Fn(usize, usize) -> A) -> Self {
        let mut entries = Scratch::zeroed(rows * depth);
        let limit = arch().dispatch(BlockLimit);
        for block in split_evenly(rows, limit) {
            let sliver = &mut entries[block.start * depth..block.end * depth];
            for (k, step) in sliver.chunks_exact_mut(block.len()).enumerate() {
                for (entry, j) in step.iter_mut().zip(block.clone()) {
                    *entry = u(j, k);
                }
            }
        }
        Self {
            entries,
            rows,
            depth,
        }
    }

    /// J: the rows of U and of the result.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// I: the columns of U.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// The maximum number of rows of a block. With two registers for each row, such a block fills the
/// registers.
struct BlockLimit;

impl WithSimd for BlockLimit {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
    }
}

/// Y = U S for packed slivers. Each sliver of `s` has I steps of [`sliver_entries`], and each
/// sliver of `y` has J rows of [`sliver_entries`]. `next` is the memory that is packed next; it is
/// prefetched.
pub(super) fn packed_products<A: Lanes>(u: &PackedRows<A>, s: &[A], y: &mut [A], next: &[A]) {
    arch().dispatch(PackedProducts { u, s, y, next });
}

struct PackedProducts<'a, A> {
    u: &'a PackedRows<A>,
    s: &'a [A],
    y: &'a mut [A],
    next: &'a [A],
}

impl<A: Lanes> WithSimd for PackedProducts<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = sliver_entries::<A>();
        let depth = self.u.depth;
        let sliver_size = depth * width;
        let limit = BlockLimit.with_simd(simd);
        for rows in split_evenly(self.u.rows, limit) {
            for sliver in 0..self.s.len() / sliver_size {
                let next = self.next.get(sliver * sliver_size..).unwrap_or_default();
                let block = Block {
                    u: self.u,
                    rows: rows.clone(),
                    steps: 0..depth,
                    s: &self.s[sliver * sliver_size..],
                    stride: width,
                };
                let y = &mut self.y[sliver * self.u.rows * width..];
                let ahead = |k: usize| next.get(k * width..).unwrap_or_default();
                block.multiply(simd, y, ahead);
            }
        }
    }
}

/// The number of rows of S that [`strided_products`] reads along all slivers before the next rows.
const STEPS_AT_ONCE: usize = 32;

/// How many slivers ahead [`strided_products`] prefetches.
const SLIVERS_AHEAD: usize = 2;

/// Y = U S for S in place, with rows `stride` entries apart. `y` holds slivers of J
/// rows of [`sliver_entries`], for the first columns of S.
pub(super) fn strided_products<A: Lanes>(u: &PackedRows<A>, s: &[A], stride: usize, y: &mut [A]) {
    arch().dispatch(StridedProducts { u, s, stride, y });
}

struct StridedProducts<'a, A> {
    u: &'a PackedRows<A>,
    s: &'a [A],
    stride: usize,
    y: &'a mut [A],
}

impl<A: Lanes> WithSimd for StridedProducts<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = sliver_entries::<A>();
        let PackedRows { rows, depth, .. } = *self.u;
        let slivers = self.y.len() / (rows * width);
        let limit = BlockLimit.with_simd(simd);
        for steps in split_evenly(depth, STEPS_AT_ONCE) {
            for sliver in 0..slivers {
                // 1. Choose what to prefetch: the sliver [`SLIVERS_AHEAD`] slivers ahead in these
                //    rows; near the last sliver, the first slivers in the next rows; in the last
                //    rows, the memory right of the slivers.
                let coming = sliver + SLIVERS_AHEAD;
                let start = if coming < slivers {
                    steps.start * self.stride + coming * width
                } else if steps.end < depth {
                    steps.end * self.stride + (coming - slivers) * width
                } else {
                    coming * width
                };
                let next = self.s.get(start..).unwrap_or_default();
                let ahead = |k: usize| next.get(k * self.stride..).unwrap_or_default();
                // 2. Multiply.
                let y = &mut self.y[sliver * rows * width..];
                for rows in split_evenly(rows, limit) {
                    let block = Block {
                        u: self.u,
                        rows,
                        steps: steps.clone(),
                        s: &self.s[sliver * width..],
                        stride: self.stride,
                    };
                    block.multiply(simd, y, ahead);
                }
            }
        }
    }
}

/// A block of rows of U times one sliver of S, for some steps of the sum.
struct Block<'a, A> {
    u: &'a PackedRows<A>,
    rows: Range<usize>,
    steps: Range<usize>,
    /// S from the first column of the sliver on.
    s: &'a [A],
    /// Entries from one row of S to the next.
    stride: usize,
}

impl<A: Lanes> Block<'_, A> {
    /// Computes the products of the steps. Products of steps that start at 0 overwrite the sliver
    /// `y`; products of later steps are added to it. Prefetches the start of `ahead(k)` in step k.
    #[inline(always)]
    fn multiply<'b, S: Simd>(self, simd: S, y: &mut [A], ahead: impl Fn(usize) -> &'b [A])
    where
        A: 'b,
    {
        match self.rows.len() {
            1 => self.tiles::<S, 1>(simd, y, ahead),
            2 => self.tiles::<S, 2>(simd, y, ahead),
            3 => self.tiles::<S, 3>(simd, y, ahead),
            4 => self.tiles::<S, 4>(simd, y, ahead),
            5 => self.tiles::<S, 5>(simd, y, ahead),
            6 => self.tiles::<S, 6>(simd, y, ahead),
            7 => self.tiles::<S, 7>(simd, y, ahead),
            8 => self.tiles::<S, 8>(simd, y, ahead),
            9 => self.tiles::<S, 9>(simd, y, ahead),
            10 => self.tiles::<S, 10>(simd, y, ahead),
            11 => self.tiles::<S, 11>(simd, y, ahead),
            _ => self.tiles::<S, 12>(simd, y, ahead),
        }
    }

    /// [`Block::multiply`] for N rows, in tiles of two registers, one after the other.
    #[inline(always)]
    fn tiles<'b, S: Simd, const N: usize>(
        self,
        simd: S,
        y: &mut [A],
        ahead: impl Fn(usize) -> &'b [A],
    ) where
        A: 'b,
    {
        let lanes = lanes::<S, A>();
        let width = sliver_entries::<A>();
        let start = self.rows.start;
        let s = &self.s[self.steps.start * self.stride..];
        for column in (0..width).step_by(2 * lanes) {
            let first = start == 0 && column == 0;
            // 1. Load the sums of the earlier steps.
            let mut tile = [[A::splat(simd, A::zero()); 2]; N];
            if self.steps.start > 0 {
                for (n, sums) in tile.iter_mut().enumerate() {
                    let row = &y[(start + n) * width + column..][..2 * lanes];
                    sums.copy_from_slice(A::registers::<S>(row).0);
                }
            }
            // 2. Add the products of these steps.
            let walk = Walk {
                depth: self.steps.len(),
                registers: [&s[column..], &s[column + lanes..]],
                step: self.stride,
                factors: Factors {
                    data: &self.u.entries[start * self.u.depth + self.steps.start * N..],
                    apart: 1,
                    step: N,
                },
            };
            let tile = walk.add_to::<S, N, 1>(simd, tile, |k| {
                if first {
                    let ahead = bytemuck::cast_slice(ahead(k));
                    prefetch_line(ahead, 0);
                    prefetch_line(ahead, 1);
                }
            });
            // 3. Store the sums. Rows are found by index: with few steps, an iterator over rows
            //    costs time.
            for (n, sums) in tile.iter().enumerate() {
                let row = &mut y[(start + n) * width + column..][..2 * lanes];
                A::registers_mut::<S>(row).0.copy_from_slice(sums);
            }
        }
    }
}
