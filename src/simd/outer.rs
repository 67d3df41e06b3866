//! Sums of outer products: G ← G + Σₖ pₖ pₖᵀ, the kernel of a Gram matrix.
//!
//! G is symmetric, and only its lower triangle is computed. G is column-major, and registers
//! run along its columns: row n of a tile is column j + n of G.
//!
//! ```text
//!              columns
//!            j = 0    N      2N
//!           ┌──────┐
//!           │ tile │                  a tile on the diagonal also computes some
//!           ├──────┼──────┐           entries above it, which nothing reads
//!   rows i  │ tile │ tile │
//!           ├──────┼──────┼──────┐
//!           │ tile │ tile │ tile │
//!           ├──────┴──────┴──────┴─┐
//!           │ tile   tile   tile   │  the last rows, too few for a register: registers
//!           └──────────────────────┘  run along the row, from column 0 to the diagonal
//! ```
//!
//! A tile sums its products over all k in registers, in the scalar of the vectors. Then it
//! adds the sums to G in `f64`. So rounding errors grow with the number of vectors of one
//! call, not with the number of all vectors.

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::tile::{Factors, Tile, Walk};
use super::{LINE_BYTES, Lanes, Panel, Transpose, arch, lanes, line_entries};

/// G ← G + Σₖ pₖ pₖᵀ in the lower triangle, for vectors pₖ of `order` entries that
/// lie one after the other.
///
/// `g` is column-major, square, of order `order`. Vectors have at least
/// [`line_entries`] entries.
///
/// `ahead` gives the memory that is read next, in pieces of [`ahead_bytes`]. It is
/// prefetched during the computation.
pub(crate) fn add_outer_products<'a, A: Lanes>(
    vectors: &[A],
    order: usize,
    g: &mut [f64],
    ahead: impl Iterator<Item = &'a [u8]>,
) {
    debug_assert!(order >= line_entries::<A>());
    arch().dispatch(OuterProducts {
        data: vectors,
        order,
        depth: vectors.len() / order,
        step: order,
        // A vector is contiguous: its lines follow one another.
        sliver_stride: line_entries::<A>(),
        end: order,
        g,
        ahead,
    });
}

/// Like [`add_outer_products`], for packed vectors of any order.
pub(crate) fn add_panel<'a, A: Transpose>(
    panel: &Panel<A>,
    g: &mut [f64],
    ahead: impl Iterator<Item = &'a [u8]>,
) {
    let width = line_entries::<A>();
    arch().dispatch(OuterProducts {
        data: panel.data(),
        order: panel.order(),
        depth: panel.depth(),
        step: width,
        sliver_stride: panel.sliver_stride(),
        end: panel.order().next_multiple_of(width),
        g,
        ahead,
    });
}

/// The number of steps of a tile between two prefetches. Each prefetch loads one line from each of
/// two pieces of memory.
const STEPS_PER_LINE: usize = 4;

/// The size in bytes of each of the two pieces of memory that a tile of `depth` steps prefetches.
pub(crate) fn ahead_bytes(depth: usize) -> usize {
    depth.div_ceil(STEPS_PER_LINE).max(1) * LINE_BYTES
}

/// Vectors, packed or not, and the matrix to which their outer products are added.
struct OuterProducts<'a, A, I> {
    data: &'a [A],
    /// Entries of a vector.
    order: usize,
    /// The number of vectors.
    depth: usize,
    /// Entries from one vector to the next.
    step: usize,
    /// Entries from one sliver of [`line_entries`] rows to the next.
    sliver_stride: usize,
    /// The number of readable entries of a vector: the order, or more if padding follows.
    end: usize,
    g: &'a mut [f64],
    ahead: I,
}

impl<'b, A: Lanes, I: Iterator<Item = &'b [u8]>> WithSimd for OuterProducts<'_, A, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // 1. The tile size: three registers by eight or four columns fill the registers.
        let columns = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        let lanes = lanes::<S, A>();
        // The rows and columns that whole tiles cover.
        let whole = self.order / lanes.max(columns) * lanes.max(columns);
        // 2. Tiles of whole registers of rows, from the diagonal down. The registers of a
        //    column are split evenly into groups of at most three.
        for j in (0..whole).step_by(columns) {
            let start = j / lanes;
            let registers = whole / lanes - start;
            let groups = registers.div_ceil(3);
            for group in 0..groups {
                let from = start + group * registers / groups;
                let count = start + (group + 1) * registers / groups - from;
                self.columns::<S>(simd, columns, count, from * lanes, j);
            }
        }
        // 3. The remaining rows: 8, 4, 2 or 1 at a time, as columns of tiles along the row.
        let mut j = whole;
        while j < self.order {
            let count = 1 << (self.order - j).ilog2();
            let count = count.min(columns);
            self.rows::<S>(simd, count, j);
            j += count;
        }
    }
}

impl<'a, 'b, A: Lanes, I: Iterator<Item = &'b [u8]>> OuterProducts<'a, A, I> {
    /// Adds to `count` registers of rows from row `i` on, in `columns` columns from column `j` on.
    #[inline(always)]
    fn columns<S: Simd>(&mut self, simd: S, columns: usize, count: usize, i: usize, j: usize) {
        match (columns, count) {
            (8, 1) => self.add_columns::<S, 1, 8>(simd, i, j),
            (8, 2) => self.add_columns::<S, 2, 8>(simd, i, j),
            (8, _) => self.add_columns::<S, 3, 8>(simd, i, j),
            (_, 1) => self.add_columns::<S, 1, 4>(simd, i, j),
            (_, 2) => self.add_columns::<S, 2, 4>(simd, i, j),
            (_, _) => self.add_columns::<S, 3, 4>(simd, i, j),
        }
    }

    /// Adds to `count` rows of G from row `j` on, from column 0 to the diagonal.
    #[inline(always)]
    fn rows<S: Simd>(&mut self, simd: S, count: usize, j: usize) {
        match count {
            1 => self.add_rows::<S, 4, 1>(simd, j),
            2 => self.add_rows::<S, 4, 2>(simd, j),
            4 => self.add_rows::<S, 2, 4>(simd, j),
            _ => self.add_rows::<S, 2, 8>(simd, j),
        }
    }

    /// The data from entry `i` of the first vector on.
    #[inline(always)]
    fn entries_from(&self, i: usize) -> &'a [A] {
        let line = line_entries::<A>();
        &self.data[i / line * self.sliver_stride + i % line..]
    }

    /// The sums of a tile of N columns from column `j` on. Register r of the tile starts at row
    /// `rows[r]`.
    #[inline(always)]
    fn sums<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: [usize; R],
        j: usize,
    ) -> Tile<A::Register<S>, R, N> {
        let [near, far] = [0; 2].map(|_| self.ahead.next().unwrap_or_default());
        let walk = Walk {
            depth: self.depth,
            registers: rows.map(|i| self.entries_from(i)),
            step: self.step,
            factors: Factors {
                data: self.entries_from(j),
                apart: 1,
                step: self.step,
            },
        };
        walk.sum::<S, N, STEPS_PER_LINE>(simd, |k| {
            prefetch_line(near, k / STEPS_PER_LINE);
            prefetch_line(far, k / STEPS_PER_LINE);
        })
    }

    /// Adds a tile of whole registers of rows. A tile on the diagonal also writes entries above the
    /// diagonal; nothing reads these entries.
    #[inline(always)]
    fn add_columns<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        i: usize,
        j: usize,
    ) {
        let rows = std::array::from_fn(|r| i + r * lanes::<S, A>());
        let sums = self.sums::<S, R, N>(simd, rows, j);
        for (n, sums) in sums.iter().enumerate() {
            let sums: &[A] = bytemuck::cast_slice(sums);
            let column = &mut self.g[(j + n) * self.order..][i..];
            for (entry, &sum) in column.iter_mut().zip(sums) {
                *entry += sum.widen();
            }
        }
    }

    /// Adds to N rows of G from row `j` on, from column 0 to the diagonal, R registers of columns
    /// at a time. Since G is symmetric, the registers can hold columns here, and the factors rows.
    #[inline(always)]
    fn add_rows<S: Simd, const R: usize, const N: usize>(&mut self, simd: S, j: usize) {
        let lanes = lanes::<S, A>();
        // Without padding, the last register starts earlier, so that it ends with the vector. Some
        // of its entries are then also in the register before it.
        let last = self.end - lanes;
        for start in (0..self.order).step_by(R * lanes) {
            let positions = std::array::from_fn(|r| (start + r * lanes).min(last));
            let sums = self.sums::<S, R, N>(simd, positions, j);
            for (n, sums) in sums.iter().enumerate() {
                let row = j + n;
                for (r, sum) in sums.iter().enumerate() {
                    let new = start + r * lanes;
                    let repeated = new.saturating_sub(positions[r]);
                    let sums: &[A] = bytemuck::cast_slice(std::slice::from_ref(sum));
                    for (column, &sum) in (new..=row).zip(sums.iter().skip(repeated)) {
                        self.g[column * self.order + row] += sum.widen();
                    }
                }
            }
        }
    }
}
