//! Sums of outer products of vectors that lie contiguous.

use pulp::{Arch, Simd, WithSimd};

use super::{Lanes, line_entries};

/// G ← G + Σₖ pₖ pₖᵀ in the lower triangle, for vectors pₖ of `order` entries,
/// each `stride` entries after the one before.
///
/// `g` is column-major, square, of order `order`. Vectors have at least
/// [`line_entries`] entries; nothing past them is read.
///
/// Products accumulate in registers over all k and are added to `g` in `f64`.
/// Rows are taken in whole registers, and only from the diagonal on; the rows
/// that fill no register are taken as columns instead, along the row.
pub(crate) fn add_outer_products<A: Lanes>(
    vectors: &[A],
    stride: usize,
    order: usize,
    g: &mut [f64],
) {
    debug_assert!(order >= line_entries::<A>() && stride >= order);
    Arch::new().dispatch(OuterProducts {
        vectors,
        stride,
        order,
        g,
    });
}

struct OuterProducts<'a, A> {
    vectors: &'a [A],
    stride: usize,
    order: usize,
    g: &'a mut [f64],
}

/// Sums of products: entry [n][v] belongs to column n and register v of rows.
type Sums<V, const R: usize, const N: usize> = [[V; R]; N];

impl<A: Lanes> WithSimd for OuterProducts<'_, A> {
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

impl<A: Lanes> OuterProducts<'_, A> {
    /// Adds to `count` registers of rows from `i`, `columns` columns from `j`.
    #[inline(always)]
    fn columns<S: Simd>(&mut self, simd: S, columns: usize, count: usize, i: usize, j: usize) {
        match (columns, count) {
            (8, 1) => self.store_columns(self.sums::<S, 1, 8>(simd, i, j), i, j),
            (8, 2) => self.store_columns(self.sums::<S, 2, 8>(simd, i, j), i, j),
            (8, _) => self.store_columns(self.sums::<S, 3, 8>(simd, i, j), i, j),
            (_, 1) => self.store_columns(self.sums::<S, 1, 4>(simd, i, j), i, j),
            (_, 2) => self.store_columns(self.sums::<S, 2, 4>(simd, i, j), i, j),
            (_, _) => self.store_columns(self.sums::<S, 3, 4>(simd, i, j), i, j),
        }
    }

    /// Adds to `count` rows of G from `j`, along each from the first column to
    /// the diagonal.
    #[inline(always)]
    fn rows<S: Simd>(&mut self, simd: S, count: usize, j: usize) {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        // The last register overlaps: it ends where the vectors end.
        let last = self.order - lanes;
        for i in (0..self.order).step_by(lanes).map(|i| i.min(last)) {
            match count {
                1 => self.store_rows(self.sums::<S, 1, 1>(simd, i, j), i, j),
                2 => self.store_rows(self.sums::<S, 1, 2>(simd, i, j), i, j),
                4 => self.store_rows(self.sums::<S, 1, 4>(simd, i, j), i, j),
                _ => self.store_rows(self.sums::<S, 1, 8>(simd, i, j), i, j),
            }
        }
    }

    /// Σₖ of R registers of rows from `i` times N columns from `j`.
    #[inline(always)]
    fn sums<S: Simd, const R: usize, const N: usize>(
        &self,
        simd: S,
        i: usize,
        j: usize,
    ) -> Sums<A::Vector<S>, R, N> {
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let mut acc = [[A::splat(simd, A::zeroed()); R]; N];
        for vector in self.vectors.chunks(self.stride) {
            let columns = &vector[j..j + N];
            let (rows, _) = A::vectors::<S>(&vector[i..i + R * lanes]);
            for n in 0..N {
                let factor = A::splat(simd, columns[n]);
                for r in 0..R {
                    acc[n][r] = A::mul_add(simd, rows[r], factor, acc[n][r]);
                }
            }
        }
        acc
    }

    /// Adds sums to columns of G, below the diagonal and above it alike.
    #[inline(always)]
    fn store_columns<V: bytemuck::Pod, const R: usize, const N: usize>(
        &mut self,
        sums: Sums<V, R, N>,
        i: usize,
        j: usize,
    ) {
        for (n, sums) in sums.iter().enumerate() {
            let sums: &[A] = bytemuck::cast_slice(sums);
            let column = &mut self.g[(j + n) * self.order..][i..];
            for (entry, &sum) in column.iter_mut().zip(sums) {
                *entry += sum.widen();
            }
        }
    }

    /// Adds sums to rows of G, up to the diagonal, each entry once.
    #[inline(always)]
    fn store_rows<V: bytemuck::Pod, const N: usize>(
        &mut self,
        sums: Sums<V, 1, N>,
        i: usize,
        j: usize,
    ) {
        let lanes = size_of::<V>() / size_of::<A>();
        let new = i.next_multiple_of(lanes);
        for (n, sums) in sums.iter().enumerate() {
            let sums: &[A] = bytemuck::cast_slice(sums);
            let row = j + n;
            for (column, &sum) in (i..=row).zip(sums).skip(new - i) {
                self.g[column * self.order + row] += sum.widen();
            }
        }
    }
}
