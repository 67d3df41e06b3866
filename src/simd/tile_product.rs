//! Thin products Y = U S: a matrix of few rows times packed tiles.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, add_to_tile};
use super::{Lanes, Scratch, arch};

/// Entries of one row of a tile: 128 bytes.
pub(crate) const fn tile_width<A>() -> usize {
    128 / size_of::<A>()
}

/// Copies a row into packed tiles: entries from `row` go to `tiles[0]`,
/// `tiles[stride]`, …, [`tile_width`] at a time; the last run may be shorter.
pub(crate) fn pack_row<A: Lanes>(row: &[A], tiles: &mut [A], stride: usize) {
    arch().dispatch(PackRow { row, tiles, stride });
}

struct PackRow<'a, A> {
    row: &'a [A],
    tiles: &'a mut [A],
    stride: usize,
}

impl<A: Lanes> WithSimd for PackRow<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = tile_width::<A>();
        let tiles = self.tiles.chunks_mut(self.stride);
        for (tile, run) in tiles.zip(self.row.chunks(width)) {
            let tile = &mut tile[..run.len()];
            if run.len() == width {
                let (from, _) = A::vectors::<S>(run);
                let (to, _) = A::vectors_mut::<S>(tile);
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
            } else {
                tile.copy_from_slice(run);
            }
        }
    }
}

/// The matrix U of a product Y = U S, packed: its rows in blocks that a tile of
/// the result takes at once, each block by columns.
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
        for block in blocks(rows, limit) {
            let packed = &mut entries[block.start * depth..block.end * depth];
            for (k, column) in packed.chunks_exact_mut(block.len()).enumerate() {
                for (entry, j) in column.iter_mut().zip(block.clone()) {
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

    /// J, the rows of U and of the result.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// I, the columns of U.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// Rows of a block, at most: with two vectors each they fill the registers.
struct BlockLimit;

impl WithSimd for BlockLimit {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
    }
}

/// The rows split evenly into blocks of at most `limit`.
#[inline(always)]
pub(super) fn blocks(rows: usize, limit: usize) -> impl Iterator<Item = Range<usize>> {
    let blocks = rows.div_ceil(limit);
    (0..blocks).map(move |block| block * rows / blocks..(block + 1) * rows / blocks)
}

/// Steps that are summed before the next tile is taken: so many rows are read
/// side by side, each along a run of cache lines.
const STEPS_AT_ONCE: usize = 32;

/// How many tiles ahead memory is asked for.
const TILES_AHEAD: usize = 2;

/// Y = U S for packed tiles: each of `s` has I rows and each of `y` J rows of
/// [`tile_width`] entries.
///
/// A block of U stays in the first level of cache while the tiles pass by, and
/// the tile of the result in registers for all of I.
///
/// `next` is what will be packed next: it is brought into cache meanwhile.
pub(crate) fn packed_products<A: Lanes>(u: &PackedRows<A>, s: &[A], y: &mut [A], next: &[A]) {
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
        let width = tile_width::<A>();
        let depth = self.u.depth;
        let tile_size = depth * width;
        let limit = BlockLimit.with_simd(simd);
        for rows in blocks(self.u.rows, limit) {
            for tile in 0..self.s.len() / tile_size {
                let next = self.next.get(tile * tile_size..).unwrap_or_default();
                let s = &self.s[tile * tile_size..];
                let y = &mut self.y[tile * self.u.rows * width..];
                let ahead = |k: usize| next.get(k * width..).unwrap_or_default();
                row_block::<S, A>(simd, self.u, &rows, 0..depth, (s, width), y, ahead);
            }
        }
    }
}

/// Y = U S where S stays where it is, its rows `stride` entries apart: as many
/// tiles of [`tile_width`] columns as `y` holds, each of J rows.
///
/// [`STEPS_AT_ONCE`] rows of S are read along all tiles, then the next ones, so
/// that memory is read in runs; the results stay in the second level of cache.
pub(crate) fn strided_products<A: Lanes>(u: &PackedRows<A>, s: &[A], stride: usize, y: &mut [A]) {
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
        let width = tile_width::<A>();
        let PackedRows { rows, depth, .. } = *self.u;
        let tiles = self.y.len() / (rows * width);
        let limit = BlockLimit.with_simd(simd);
        for steps in blocks(depth, STEPS_AT_ONCE) {
            for tile in 0..tiles {
                // In these rows, then in the next ones, then beside the last tile.
                let coming = tile + TILES_AHEAD;
                let start = if coming < tiles {
                    steps.start * self.stride + coming * width
                } else if steps.end < depth {
                    steps.end * self.stride + (coming - tiles) * width
                } else {
                    coming * width
                };
                let next = self.s.get(start..).unwrap_or_default();
                let ahead = |k: usize| next.get(k * self.stride..).unwrap_or_default();
                let s = &self.s[tile * width..];
                let y = &mut self.y[tile * rows * width..];
                for rows in blocks(rows, limit) {
                    let s = (s, self.stride);
                    row_block::<S, A>(simd, self.u, &rows, steps.clone(), s, y, ahead);
                }
            }
        }
    }
}

/// A block of rows of the tile Y = U S, of products in `steps`, the first of which
/// overwrite. S is given by its entries and how many lie from one row to the next;
/// `ahead(k)` starts with what is asked for in step k.
#[inline(always)]
fn row_block<'b, S: Simd, A: Lanes>(
    simd: S,
    u: &PackedRows<A>,
    rows: &Range<usize>,
    steps: Range<usize>,
    s: (&[A], usize),
    y: &mut [A],
    ahead: impl Fn(usize) -> &'b [A],
) {
    let start = rows.start;
    match rows.len() {
        1 => block::<S, A, 1>(simd, u, start, steps, s, y, ahead),
        2 => block::<S, A, 2>(simd, u, start, steps, s, y, ahead),
        3 => block::<S, A, 3>(simd, u, start, steps, s, y, ahead),
        4 => block::<S, A, 4>(simd, u, start, steps, s, y, ahead),
        5 => block::<S, A, 5>(simd, u, start, steps, s, y, ahead),
        6 => block::<S, A, 6>(simd, u, start, steps, s, y, ahead),
        7 => block::<S, A, 7>(simd, u, start, steps, s, y, ahead),
        8 => block::<S, A, 8>(simd, u, start, steps, s, y, ahead),
        9 => block::<S, A, 9>(simd, u, start, steps, s, y, ahead),
        10 => block::<S, A, 10>(simd, u, start, steps, s, y, ahead),
        11 => block::<S, A, 11>(simd, u, start, steps, s, y, ahead),
        _ => block::<S, A, 12>(simd, u, start, steps, s, y, ahead),
    }
}

/// [`row_block`] of N rows from `start`.
#[inline(always)]
fn block<'b, S: Simd, A: Lanes, const N: usize>(
    simd: S,
    u: &PackedRows<A>,
    start: usize,
    steps: Range<usize>,
    (s, stride): (&[A], usize),
    y: &mut [A],
    ahead: impl Fn(usize) -> &'b [A],
) {
    let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
    let width = tile_width::<A>();
    let s = &s[steps.start * stride..];
    for column in (0..width).step_by(2 * lanes) {
        let first = start == 0 && column == 0;
        let factors = Factors {
            data: &u.entries[start * u.depth + steps.start * N..],
            apart: 1,
            step: N,
        };
        let columns = [&s[column..], &s[column + lanes..]];
        let mut acc = [[A::splat(simd, A::zeroed()); 2]; N];
        if steps.start > 0 {
            for (n, acc) in acc.iter_mut().enumerate() {
                let row = &y[(start + n) * width + column..][..2 * lanes];
                acc.copy_from_slice(A::vectors::<S>(row).0);
            }
        }
        let acc = add_to_tile(simd, acc, steps.len(), columns, stride, factors, |k| {
            if first {
                let ahead = bytemuck::cast_slice(ahead(k));
                prefetch_line(ahead, 0);
                prefetch_line(ahead, 1);
            }
        });
        // By index: what an iterator over rows costs shows where the steps are few.
        for (n, acc) in acc.iter().enumerate() {
            let row = &mut y[(start + n) * width + column..][..2 * lanes];
            A::vectors_mut::<S>(row).0.copy_from_slice(acc);
        }
    }
}
