//! Thin products: a matrix of few rows times packed columns or packed rows.

use pulp::{Arch, Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, tile};
use super::{Lanes, line_entries};

/// Entries of one row of a tile: 128 bytes.
pub(crate) const fn tile_width<A>() -> usize {
    128 / size_of::<A>()
}

/// Copies a row into packed tiles: entries from `row` go to `tiles[0]`,
/// `tiles[stride]`, …, [`tile_width`] at a time; the last run may be shorter.
pub(crate) fn pack_row<A: Lanes>(row: &[A], tiles: &mut [A], stride: usize) {
    Arch::new().dispatch(PackRow { row, tiles, stride });
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

/// Y = U S for a packed tile S: `ut` the transpose of U (J×I), row-major; `s` I
/// rows and `y` J rows of [`tile_width`] entries.
///
/// A block of the result stays in registers for all of I: 2 vectors by up to 12
/// rows (6 with 16 registers), the rows split evenly.
///
/// `ahead` starts where a later tile will be packed from, its rows `stride`
/// entries apart: they are brought into cache meanwhile.
pub(crate) fn tile_product<A: Lanes>(
    ut: &[A],
    rows: usize,
    s: &[A],
    y: &mut [A],
    ahead: &[A],
    stride: usize,
) {
    Arch::new().dispatch(TileProduct {
        ut,
        rows,
        s,
        y,
        ahead: bytemuck::cast_slice(ahead),
        stride: stride * size_of::<A>(),
    });
}

struct TileProduct<'a, A> {
    ut: &'a [A],
    rows: usize,
    s: &'a [A],
    y: &'a mut [A],
    ahead: &'a [u8],
    stride: usize,
}

impl<A: Lanes> WithSimd for TileProduct<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let limit = if S::REGISTER_COUNT >= 32 { 12 } else { 6 };
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let blocks = self.rows.div_ceil(limit);
        for column in (0..tile_width::<A>()).step_by(2 * lanes) {
            for block in 0..blocks {
                let start = block * self.rows / blocks;
                match (block + 1) * self.rows / blocks - start {
                    1 => self.block::<S, 1>(simd, start, column),
                    2 => self.block::<S, 2>(simd, start, column),
                    3 => self.block::<S, 3>(simd, start, column),
                    4 => self.block::<S, 4>(simd, start, column),
                    5 => self.block::<S, 5>(simd, start, column),
                    6 => self.block::<S, 6>(simd, start, column),
                    7 => self.block::<S, 7>(simd, start, column),
                    8 => self.block::<S, 8>(simd, start, column),
                    9 => self.block::<S, 9>(simd, start, column),
                    10 => self.block::<S, 10>(simd, start, column),
                    11 => self.block::<S, 11>(simd, start, column),
                    _ => self.block::<S, 12>(simd, start, column),
                }
            }
        }
    }
}

impl<A: Lanes> TileProduct<'_, A> {
    /// N rows of the result from `start`, two vectors of columns from `column`.
    #[inline(always)]
    fn block<S: Simd, const N: usize>(&mut self, simd: S, start: usize, column: usize) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let factors = Factors {
            data: &self.ut[start..],
            apart: 1,
            step: self.rows,
        };
        let (s, ahead) = (self.s, if start == 0 { self.ahead } else { &[] });
        let columns = [&s[column..], &s[column + lanes..]];
        let depth = s.len() / tile_width::<A>();
        let acc = tile::<S, A, 2, N>(simd, depth, columns, tile_width::<A>(), factors, |k| {
            let ahead = ahead.get(k * self.stride..).unwrap_or_default();
            prefetch_line(ahead, 0);
            prefetch_line(ahead, 1);
        });
        let rows = self.y.chunks_exact_mut(tile_width::<A>()).skip(start);
        for (row, acc) in rows.zip(acc) {
            let (row, _) = A::vectors_mut::<S>(&mut row[column..column + 2 * lanes]);
            row.copy_from_slice(&acc);
        }
    }
}

/// Rows that [`row_product`] takes at once.
const ROWS: usize = 8;

/// Y = X Uᵀ for row-major X (any number of rows of `depth` entries): `ut` is the
/// transpose of U, row-major, its rows padded with zeros from `columns` to a
/// multiple of [`line_entries`]; `y` has rows of `columns` entries.
pub(crate) fn row_product<A: Lanes>(x: &[A], depth: usize, ut: &[A], columns: usize, y: &mut [A]) {
    Arch::new().dispatch(RowProduct {
        x,
        depth,
        ut,
        columns,
        y,
    });
}

struct RowProduct<'a, A> {
    x: &'a [A],
    depth: usize,
    ut: &'a [A],
    columns: usize,
    y: &'a mut [A],
}

impl<A: Lanes> WithSimd for RowProduct<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let widest = if S::REGISTER_COUNT >= 32 { 3 } else { 1 };
        let vectors = self.columns.div_ceil(lanes);
        let blocks = vectors.div_ceil(widest);
        let mut start = 0;
        let rows = self.y.len() / self.columns;
        while start < rows {
            let count = if rows - start >= ROWS { ROWS } else { 1 };
            for block in 0..blocks {
                let first = block * vectors / blocks;
                let column = first * lanes;
                match (count, (block + 1) * vectors / blocks - first) {
                    (ROWS, 1) => self.block::<S, 1, ROWS>(simd, start, column),
                    (ROWS, 2) => self.block::<S, 2, ROWS>(simd, start, column),
                    (ROWS, _) => self.block::<S, 3, ROWS>(simd, start, column),
                    (_, 1) => self.block::<S, 1, 1>(simd, start, column),
                    (_, 2) => self.block::<S, 2, 1>(simd, start, column),
                    (_, _) => self.block::<S, 3, 1>(simd, start, column),
                }
            }
            start += count;
        }
    }
}

impl<A: Lanes> RowProduct<'_, A> {
    /// N rows of the result from `start`, V vectors of columns from `column`.
    #[inline(always)]
    fn block<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        start: usize,
        column: usize,
    ) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let mut vectors: [&[A]; V] = [&[]; V];
        for (v, vector) in vectors.iter_mut().enumerate() {
            *vector = &self.ut[column + v * lanes..];
        }
        let stride = self.columns.next_multiple_of(line_entries::<A>());
        let factors = Factors {
            data: &self.x[start * self.depth..],
            apart: self.depth,
            step: 1,
        };
        // Of the rows that follow two blocks later, a line for each step.
        let ahead = self
            .x
            .get((start + 2 * N) * self.depth..)
            .unwrap_or_default();
        let ahead: &[u8] = bytemuck::cast_slice(if column == 0 { ahead } else { &[] });
        let acc = tile::<S, A, V, N>(simd, self.depth, vectors, stride, factors, |k| {
            prefetch_line(ahead, k);
        });
        let end = self.columns.min(column + V * lanes);
        let rows = self.y.chunks_exact_mut(self.columns).skip(start);
        for (row, acc) in rows.zip(&acc) {
            let values: &[A] = bytemuck::cast_slice(acc.as_slice());
            row[column..end].copy_from_slice(&values[..end - column]);
        }
    }
}
