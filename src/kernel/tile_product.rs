//! Thin products Y = U S: a matrix of few rows times packed tiles.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, tile};
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

/// Y = U S for packed tiles: each of `s` has I rows and each of `y` J rows of
/// [`tile_width`] entries.
///
/// A block of U stays in the first level of cache while the tiles pass by, and
/// the tile of the result in registers for all of I.
///
/// `ahead(tile, k)` starts where two cache lines lie that are needed later: they
/// are brought into cache meanwhile.
pub(crate) fn tile_products<'b, A: Lanes>(
    u: &PackedRows<A>,
    s: &[A],
    y: &mut [A],
    ahead: impl Fn(usize, usize) -> &'b [u8],
) {
    arch().dispatch(TileProducts { u, s, y, ahead });
}

struct TileProducts<'a, A, F> {
    u: &'a PackedRows<A>,
    s: &'a [A],
    y: &'a mut [A],
    ahead: F,
}

impl<'b, A: Lanes, F: Fn(usize, usize) -> &'b [u8]> WithSimd for TileProducts<'_, A, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let limit = BlockLimit.with_simd(simd);
        let width = tile_width::<A>();
        for rows in blocks(self.u.rows, limit) {
            for tile in 0..self.s.len() / (self.u.depth * width) {
                match rows.len() {
                    1 => self.block::<S, 1>(simd, rows.start, tile),
                    2 => self.block::<S, 2>(simd, rows.start, tile),
                    3 => self.block::<S, 3>(simd, rows.start, tile),
                    4 => self.block::<S, 4>(simd, rows.start, tile),
                    5 => self.block::<S, 5>(simd, rows.start, tile),
                    6 => self.block::<S, 6>(simd, rows.start, tile),
                    7 => self.block::<S, 7>(simd, rows.start, tile),
                    8 => self.block::<S, 8>(simd, rows.start, tile),
                    9 => self.block::<S, 9>(simd, rows.start, tile),
                    10 => self.block::<S, 10>(simd, rows.start, tile),
                    11 => self.block::<S, 11>(simd, rows.start, tile),
                    _ => self.block::<S, 12>(simd, rows.start, tile),
                }
            }
        }
    }
}

impl<'b, A: Lanes, F: Fn(usize, usize) -> &'b [u8]> TileProducts<'_, A, F> {
    /// N rows of the result from `start`, in tile number `tile`.
    #[inline(always)]
    fn block<S: Simd, const N: usize>(&mut self, simd: S, start: usize, tile_number: usize) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let width = tile_width::<A>();
        let PackedRows { rows, depth, .. } = *self.u;
        let s = &self.s[tile_number * depth * width..][..depth * width];
        let y = &mut self.y[tile_number * rows * width..][..rows * width];
        for column in (0..width).step_by(2 * lanes) {
            let first = start == 0 && column == 0;
            let factors = Factors {
                data: &self.u.entries[start * depth..],
                apart: 1,
                step: N,
            };
            let columns = [&s[column..], &s[column + lanes..]];
            let acc = tile::<S, A, 2, N>(simd, depth, columns, width, factors, |k| {
                if first {
                    let ahead = (self.ahead)(tile_number, k);
                    prefetch_line(ahead, 0);
                    prefetch_line(ahead, 1);
                }
            });
            for (row, acc) in y.chunks_exact_mut(width).skip(start).zip(acc) {
                let (row, _) = A::vectors_mut::<S>(&mut row[column..column + 2 * lanes]);
                row.copy_from_slice(&acc);
            }
        }
    }
}
