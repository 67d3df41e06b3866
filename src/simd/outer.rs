//! Sums of outer products of vectors.

use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::scratch::LINE;
use super::tile::{Factors, Tile, tile};
use super::{Lanes, Panel, Transpose, arch, line_entries};

/// G ← G + Σₖ pₖ pₖᵀ in the lower triangle, for vectors pₖ of `order` entries that
/// lie one after the other.
///
/// `g` is column-major, square, of order `order`. Vectors have at least
/// [`line_entries`] entries.
///
/// Products accumulate in registers over all k and are added to `g` in `f64`.
/// Rows are taken in whole registers, and only from the diagonal on; the rows
/// that fill no register are taken as columns instead, along the row.
///
/// `ahead` gives the memory that is read next, [`ahead_bytes`] at a time: it
/// is brought into cache meanwhile.
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
        sliver_stride: line_entries::<A>(),
        last_entry: order,
        g,
        ahead,
    });
}

/// [`add_outer_products`] of packed vectors, of any order.
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
        last_entry: panel.order().next_multiple_of(width),
        g,
        ahead,
    });
}

/// Vectors between two lines that are asked for.
const VECTORS_PER_LINE: usize = 4;

/// Bytes of each of the two pieces of memory that a tile of `depth` vectors asks
/// for.
pub(crate) fn ahead_bytes(depth: usize) -> usize {
    depth.div_ceil(VECTORS_PER_LINE).max(1) * LINE
}

struct OuterProducts<'a, A, I> {
    data: &'a [A],
    order: usize,
    depth: usize,
    /// Entries from one vector to the next.
    step: usize,
    /// Entries from one sliver of [`line_entries`] rows to the next.
    sliver_stride: usize,
    /// Where the rows end that may be read: padding may follow the order.
    last_entry: usize,
    g: &'a mut [f64],
    ahead: I,
}

impl<'b, A: Lanes, I: Iterator<Item = &'b [u8]>> WithSimd for OuterProducts<'_, A, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let columns = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let whole = self.order / lanes.max(columns) * lanes.max(columns);
        for j in (0..whole).step_by(columns) {
            let start = j / lanes;
            let registers = whole / lanes - start;
            let blocks = registers.div_ceil(3);
            for block in 0..blocks {
                let from = start + block * registers / blocks;
                let count = start + (block + 1) * registers / blocks - from;
                self.columns::<S>(simd, columns, count, from * lanes, j);
            }
        }
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
    /// Adds to `count` registers of rows from `i`, `columns` columns from `j`.
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

    /// Adds to `count` rows of G from `j`, along each from the first column to
    /// the diagonal.
    #[inline(always)]
    fn rows<S: Simd>(&mut self, simd: S, count: usize, j: usize) {
        match count {
            1 => self.add_rows::<S, 4, 1>(simd, j),
            2 => self.add_rows::<S, 4, 2>(simd, j),
            4 => self.add_rows::<S, 2, 4>(simd, j),
            _ => self.add_rows::<S, 2, 8>(simd, j),
        }
    }

    /// The entries from `i` of the first vector on.
    #[inline(always)]
    fn entries_from(&self, i: usize) -> &'a [A] {
        let line = line_entries::<A>();
        &self.data[i / line * self.sliver_stride + i % line..]
    }

    /// Σₖ of R registers of rows, which start at `rows`, times N columns from `j`.
    #[inline(always)]
    fn sums<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: [usize; R],
        j: usize,
    ) -> Tile<A::Vector<S>, R, N> {
        let [near, far] = [0; 2].map(|_| self.ahead.next().unwrap_or_default());
        let rows = rows.map(|i| self.entries_from(i));
        let columns = Factors {
            data: self.entries_from(j),
            apart: 1,
            step: self.step,
        };
        tile(simd, self.depth, rows, self.step, columns, |k| {
            if k % VECTORS_PER_LINE == 0 {
                prefetch_line(near, k / VECTORS_PER_LINE);
                prefetch_line(far, k / VECTORS_PER_LINE);
            }
        })
    }

    /// Adds to columns of G, below the diagonal and above it alike.
    #[inline(always)]
    fn add_columns<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        i: usize,
        j: usize,
    ) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let sums = self.sums::<S, R, N>(simd, std::array::from_fn(|r| i + r * lanes), j);
        for (n, sums) in sums.iter().enumerate() {
            let sums: &[A] = bytemuck::cast_slice(sums);
            let column = &mut self.g[(j + n) * self.order..][i..];
            for (entry, &sum) in column.iter_mut().zip(sums) {
                *entry += sum.widen();
            }
        }
    }

    /// Adds to N rows of G from `j`, R registers at a time along each from the
    /// first column to the diagonal.
    #[inline(always)]
    fn add_rows<S: Simd, const R: usize, const N: usize>(&mut self, simd: S, j: usize) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        // Without padding the last register overlaps the one before.
        let last = self.last_entry - lanes;
        for start in (0..self.order).step_by(R * lanes) {
            let positions = std::array::from_fn(|r| (start + r * lanes).min(last));
            let sums = self.sums::<S, R, N>(simd, positions, j);
            for (n, sums) in sums.iter().enumerate() {
                let row = j + n;
                for (r, sum) in sums.iter().enumerate() {
                    let new = start + r * lanes;
                    let known = new.saturating_sub(positions[r]);
                    let sums: &[A] = bytemuck::cast_slice(std::slice::from_ref(sum));
                    for (column, &sum) in (new..=row).zip(sums.iter().skip(known)) {
                        self.g[column * self.order + row] += sum.widen();
                    }
                }
            }
        }
    }
}
