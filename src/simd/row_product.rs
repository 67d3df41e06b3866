//! Y = X Uᵀ: many contiguous rows times a matrix of few rows, the mode-n product in the last mode.
//!
//! Each row x of X gives the row y = U x of Y. A row of Y is short and contiguous, so
//! registers run along it. U is packed in slivers of up to three lines: step k of a sliver
//! holds entry k of neighbouring rows of U.
//!
//! ```text
//!                        sliver of U, step k:  u₀ₖ u₁ₖ u₂ₖ … (1 to 3 lines)
//!   X, 8 rows     x₀ₖ            tile: y₀₀ y₀₁ y₀₂ …
//!   side by side  x₁ₖ                  y₁₀ y₁₁ y₁₂ …        y ← y + x·u
//!                 …                    …
//! ```
//!
//! The loops, from the outermost to the innermost, run over chunks of rows of X, slivers of U,
//! pieces of a sliver, and tiles of rows. So a piece of U stays in the first level of cache, and a
//! chunk of X in the second.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, Walk};
use super::{LINE_BYTES, Lanes, Scratch, arch, lanes, line_entries, split_evenly};

/// The matrix U of a product Y = X Uᵀ, packed in slivers of up to three lines, padded with
/// zeros.
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
        for lines in slivers(columns, line) {
            let width = lines.len() * line;
            let sliver = &mut entries[lines.start * line * depth..][..width * depth];
            for (k, step) in sliver.chunks_exact_mut(width).enumerate() {
                for (entry, j) in step.iter_mut().zip(lines.start * line..columns) {
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

    /// J: the rows of U, and the columns of the result.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// I: the columns of U.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// The lines of `columns` entries, split evenly into slivers of at most three lines.
#[inline(always)]
fn slivers(columns: usize, line: usize) -> impl Iterator<Item = Range<usize>> {
    split_evenly(columns.div_ceil(line), 3)
}

/// The number of rows of a tile.
const ROWS: usize = 8;

/// The number of rows of a chunk, which stays in the second level of cache.
const CHUNK_ROWS: usize = 64;

/// The number of steps of a piece of a sliver, which stays in the first level of cache.
const PIECE_STEPS: usize = 128;

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

/// At most [`CHUNK_ROWS`] rows of X and of Y.
struct RowChunk<'a, A> {
    x: &'a [A],
    u: &'a PackedColumns<A>,
    /// The next chunk of X, which is prefetched.
    ahead: &'a [u8],
    y: &'a mut [A],
}

impl<A: Lanes> RowChunk<'_, A> {
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S) {
        let PackedColumns { columns, depth, .. } = *self.u;
        let line = line_entries::<A>();
        for lines in slivers(columns, line) {
            for start in (0..depth).step_by(PIECE_STEPS) {
                let steps = start..depth.min(start + PIECE_STEPS);
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

    /// Computes N rows of Y from `row` on, in the columns of the sliver `lines`, for the products
    /// of `steps`.
    #[inline(always)]
    fn rows<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        lines: Range<usize>,
        row: usize,
        steps: Range<usize>,
    ) {
        let lanes = lanes::<S, A>();
        let mut part = Part {
            lines,
            column: 0,
            row,
            steps,
        };
        if lanes == line_entries::<A>() && S::REGISTER_COUNT >= 32 {
            // A register holds a line: one tile as wide as the sliver.
            match part.lines.len() {
                1 => self.tile::<S, 1, N>(simd, &part),
                2 => self.tile::<S, 2, N>(simd, &part),
                _ => self.tile::<S, 3, N>(simd, &part),
            }
        } else {
            // Fewer or narrower registers: tiles of one register.
            let line = line_entries::<A>();
            let entries = self.u.columns.min(part.lines.end * line) - part.lines.start * line;
            for column in (0..entries).step_by(lanes) {
                part.column = column;
                self.tile::<S, 1, N>(simd, &part);
            }
        }
    }

    /// Computes a tile of R registers and N rows. The sums of the first piece of a sliver overwrite
    /// Y; the sums of later pieces are added to Y.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(&mut self, simd: S, part: &Part) {
        let PackedColumns { columns, depth, .. } = *self.u;
        let Part {
            ref lines,
            column,
            row,
            ref steps,
        } = *part;
        let lanes = lanes::<S, A>();
        let line = line_entries::<A>();
        // 1. Sum.
        let width = lines.len() * line;
        let sliver = &self.u.entries[lines.start * line * depth + steps.start * width..];
        let walk = Walk::<A, R> {
            depth: steps.len(),
            registers: std::array::from_fn(|r| &sliver[column + r * lanes..]),
            step: width,
            factors: Factors {
                data: &self.x[row * depth + steps.start..],
                apart: depth,
                step: 1,
            },
        };
        // The tiles of the first register prefetch the next chunk, one line in each step, in
        // the order of addresses.
        let first = lines.start == 0 && column == 0;
        let asked = steps.start * (CHUNK_ROWS / ROWS) + row / ROWS * steps.len();
        let ahead = self.ahead.get(asked * LINE_BYTES..).unwrap_or_default();
        let tile = walk.sum::<S, N, 1>(simd, |k| {
            if first {
                prefetch_line(ahead, k);
            }
        });
        // 2. Write the columns that exist, without the padding.
        let from = lines.start * line + column;
        let end = columns.min(from + R * lanes);
        let rows = self.y.chunks_exact_mut(columns).skip(row);
        for (row, sums) in rows.zip(&tile) {
            let sums: &[A] = bytemuck::cast_slice(sums.as_slice());
            let entries = row[from..end].iter_mut().zip(sums);
            if steps.start == 0 {
                entries.for_each(|(entry, &sum)| *entry = sum);
            } else {
                entries.for_each(|(entry, &sum)| *entry = *entry + sum);
            }
        }
    }
}

/// The entries of Y that a tile computes, and the steps of its sums.
struct Part {
    /// The sliver of U: its lines.
    lines: Range<usize>,
    /// The first column, counted within the sliver.
    column: usize,
    /// The first row.
    row: usize,
    /// The steps of the sum.
    steps: Range<usize>,
}
