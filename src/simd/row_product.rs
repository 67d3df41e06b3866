//! Thin products Y = X Uᵀ: rows that lie contiguous times a matrix of few rows.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::scratch::LINE;
use super::tile::{Factors, tile};
use super::tile_product::blocks;
use super::{Lanes, Scratch, arch, line_entries};

/// The matrix U of a product Y = X Uᵀ, packed: its rows in blocks of a few vector
/// registers, each block by columns and padded with zeros.
pub(crate) struct PackedColumns<A> {
    entries: Scratch<A>,
    columns: usize,
    depth: usize,
}

impl<A: Lanes> PackedColumns<A> {
    /// Packs U of `columns` × `depth` entries `u(j, k)`.
    pub(crate) fn new(columns: usize, depth: usize, u: impl Fn(usize, usize) -> A) -> Self {
        let line = line_entries::<A>();
        let mut entries = Scratch::zeroed(columns.next_multiple_of(line) * depth);
        for lines in column_blocks(columns, line) {
            let width = lines.len() * line;
            let block = &mut entries[lines.start * line * depth..][..width * depth];
            for (k, row) in block.chunks_exact_mut(width).enumerate() {
                for (entry, j) in row.iter_mut().zip(lines.start * line..columns) {
                    *entry = u(j, k);
                }
            }
        }
        Self {
            entries,
            columns,
            depth,
        }
    }

    /// J, the rows of U and the columns of the result.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// I, the columns of U.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// The cache lines that hold `columns` entries, split evenly into blocks of at
/// most three.
#[inline(always)]
fn column_blocks(columns: usize, line: usize) -> impl Iterator<Item = Range<usize>> {
    blocks(columns.div_ceil(line), 3)
}

/// Rows that a tile of [`row_product`] takes at once.
const ROWS: usize = 8;

/// Rows that are multiplied with one piece of U after the other: they stay in
/// the second level of cache.
const CHUNK_ROWS: usize = 64;

/// Entries of a row that are taken at once: a piece of U of so many columns
/// stays in the first level of cache.
const DEPTH_AT_ONCE: usize = 128;

/// Y = X Uᵀ for row-major X, any number of rows of `depth` entries.
pub(crate) fn row_product<A: Lanes>(x: &[A], u: &PackedColumns<A>, y: &mut [A]) {
    arch().dispatch(RowProduct { x, u, y });
}

struct RowProduct<'a, A> {
    x: &'a [A],
    u: &'a PackedColumns<A>,
    y: &'a mut [A],
}

impl<A: Lanes> WithSimd for RowProduct<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let PackedColumns { columns, depth, .. } = *self.u;
        let chunk = CHUNK_ROWS * depth;
        let outputs = self.y.chunks_mut(CHUNK_ROWS * columns);
        for (start, y) in (0..self.x.len()).step_by(chunk).zip(outputs) {
            let (x, rest) = self.x[start..].split_at(chunk.min(self.x.len() - start));
            let mut chunk = RowChunk {
                x,
                u: self.u,
                ahead: bytemuck::cast_slice(&rest[..chunk.min(rest.len())]),
                y,
            };
            chunk.multiply(simd);
        }
    }
}

/// [`CHUNK_ROWS`] rows of X and of Y, or fewer.
struct RowChunk<'a, A> {
    x: &'a [A],
    u: &'a PackedColumns<A>,
    /// The rows that follow, brought into cache meanwhile.
    ahead: &'a [u8],
    y: &'a mut [A],
}

impl<A: Lanes> RowChunk<'_, A> {
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S) {
        let PackedColumns { columns, depth, .. } = *self.u;
        let line = line_entries::<A>();
        for lines in column_blocks(columns, line) {
            for start in (0..depth).step_by(DEPTH_AT_ONCE) {
                let steps = start..depth.min(start + DEPTH_AT_ONCE);
                let whole = self.y.len() / columns / ROWS * ROWS;
                for row in (0..whole).step_by(ROWS) {
                    self.rows::<S, ROWS>(simd, lines.clone(), row, steps.clone());
                }
                for row in whole..self.y.len() / columns {
                    self.rows::<S, 1>(simd, lines.clone(), row, steps.clone());
                }
            }
        }
    }

    /// N rows of the result from `row`, in the columns of some cache lines.
    #[inline(always)]
    fn rows<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        lines: Range<usize>,
        row: usize,
        steps: Range<usize>,
    ) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        if lanes == line_entries::<A>() && S::REGISTER_COUNT >= 32 {
            match lines.len() {
                1 => self.tile::<S, 1, N>(simd, &lines, 0, row, steps),
                2 => self.tile::<S, 2, N>(simd, &lines, 0, row, steps),
                _ => self.tile::<S, 3, N>(simd, &lines, 0, row, steps),
            }
        } else {
            let line = line_entries::<A>();
            let entries = self.u.columns.min(lines.end * line) - lines.start * line;
            for column in (0..entries).step_by(lanes) {
                self.tile::<S, 1, N>(simd, &lines, column, row, steps.clone());
            }
        }
    }

    /// N rows from `row` by V vectors from `column` of the block of `lines`: adds
    /// the products of `steps`, the first of which overwrite.
    #[inline(always)]
    fn tile<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        lines: &Range<usize>,
        column: usize,
        row: usize,
        steps: Range<usize>,
    ) {
        let PackedColumns { columns, depth, .. } = *self.u;
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let line = line_entries::<A>();
        let width = lines.len() * line;
        let block = &self.u.entries[lines.start * line * depth + steps.start * width..];
        let factors = Factors {
            data: &self.x[row * depth + steps.start..],
            apart: depth,
            step: 1,
        };
        // One line for each step of the first block, in the order of memory.
        let asked = steps.start * (CHUNK_ROWS / ROWS) + row / ROWS * steps.len();
        let ahead = self.ahead.get(asked * LINE..).unwrap_or_default();
        let first = lines.start == 0 && column == 0;
        let vectors = std::array::from_fn(|v| &block[column + v * lanes..]);
        let acc = tile::<S, A, V, N>(simd, steps.len(), vectors, width, factors, |k| {
            if first {
                prefetch_line(ahead, k);
            }
        });
        let from = lines.start * line + column;
        let end = columns.min(from + V * lanes);
        let rows = self.y.chunks_exact_mut(columns).skip(row);
        for (row, acc) in rows.zip(&acc) {
            let values: &[A] = bytemuck::cast_slice(acc.as_slice());
            let entries = row[from..end].iter_mut().zip(values);
            if steps.start == 0 {
                entries.for_each(|(entry, &value)| *entry = value);
            } else {
                entries.for_each(|(entry, &value)| *entry = *entry + value);
            }
        }
    }
}
