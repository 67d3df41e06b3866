//! Strips: some columns of the slabs around a mode, and their product with a matrix of few
//! rows.
//!
//! Narrow slabs lie side by side in one strip. The strip is packed in slivers, multiplied, and
//! the result is copied to the slabs of Y:
//!
//! ```text
//!     slabs of X         S, slivers           U S, slivers           slabs of Y
//!   ┌────┬────┬────┐   ┌───────┬───────┐    ┌───────┬───────┐    ┌────┬────┬────┐
//!   │ 0  │ 1  │ 2  │   │ 0 0 1 │ 1 2 2 │    │ 0 0 1 │ 1 2 2 │    │ 0  │ 1  │ 2  │
//!   │    │    │    │ → │       │       │ →  └───────┴───────┘ →  └────┴────┴────┘
//!   └────┴────┴────┘   └───────┴───────┘    J rows               J rows
//!   I rows, R columns  two lines wide
//! ```
//!
//! A row of a wide slab covers many slivers. Such a slab S is read in place
//! ([`multiply_in_place`]), and only the columns after the last whole sliver are packed.

use std::ops::Range;

use faer::MatMut;
use faer::reborrow::ReborrowMut;
use pulp::{Simd, WithSimd};

use super::strip_product::{PackedRows, packed_products, sliver_entries, strided_products};
use super::{Lanes, Scratch, arch};

/// Multiplies strips of narrow slabs, one strip after the other, in the same memory.
pub(crate) struct Strip<'a, A> {
    u: &'a PackedRows<A>,
    /// R: the columns of a slab.
    right: usize,
    packed: Scratch<A>,
    result: Scratch<A>,
}

impl<'a, A: Lanes> Strip<'a, A> {
    /// Prepares to multiply slabs of `right` columns by `u`.
    pub(crate) fn new(u: &'a PackedRows<A>, right: usize) -> Self {
        Self {
            u,
            right,
            packed: Scratch::zeroed(0),
            result: Scratch::zeroed(0),
        }
    }

    /// Y = U X for row-major slabs that lie one after the other in `x` and in `y`. `next` is
    /// the memory of the next strip; it is prefetched.
    pub(crate) fn multiply(&mut self, x: &[A], y: &mut [A], next: &[A]) {
        let width = sliver_entries::<A>();
        let (rows, depth, right) = (self.u.rows(), self.u.depth(), self.right);
        let slabs = x.len() / (depth * right);
        let slivers = (slabs * right).div_ceil(width);
        self.packed.resize(slivers * depth * width);
        self.result.resize(slivers * rows * width);
        // 1. Pack.
        for (slab, x) in x.chunks_exact(depth * right).enumerate() {
            for (i, row) in x.chunks_exact(right).enumerate() {
                if slab == 0 {
                    pack_first(row, &mut self.packed[i * width..], depth * width);
                    continue;
                }
                for (sliver, column, run) in runs(slab * right, right, width) {
                    let at = (sliver * depth + i) * width + column;
                    self.packed[at..at + run.len()].copy_from_slice(&row[run]);
                }
            }
        }
        // 2. Multiply.
        packed_products(self.u, &self.packed, &mut self.result, next);
        // 3. Unpack.
        for (slab, y) in y.chunks_exact_mut(rows * right).enumerate() {
            let y = MatMut::from_row_major_slice_mut(y, rows, right);
            unpack(&self.result, slab * right, y);
        }
    }
}

/// Copies a row of the first slab, which starts at the start of a sliver. Each run of
/// [`sliver_entries`] entries goes to the start of one sliver. The slivers are `stride` entries
/// apart.
fn pack_first<A: Lanes>(row: &[A], slivers: &mut [A], stride: usize) {
    arch().dispatch(PackFirst {
        row,
        slivers,
        stride,
    });
}

struct PackFirst<'a, A> {
    row: &'a [A],
    slivers: &'a mut [A],
    stride: usize,
}

impl<A: Lanes> WithSimd for PackFirst<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = sliver_entries::<A>();
        let slivers = self.slivers.chunks_mut(self.stride);
        for (sliver, run) in slivers.zip(self.row.chunks(width)) {
            let step = &mut sliver[..run.len()];
            if run.len() == width {
                // The number of registers is a constant, so the compiler copies them without a
                // call.
                let (from, _) = A::registers::<S>(run);
                let (to, _) = A::registers_mut::<S>(step);
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
            } else {
                step.copy_from_slice(run);
            }
        }
    }
}

/// Bytes of results that stay in the second level of cache.
const RESULT_BYTES: usize = if cfg!(test) { 1 << 10 } else { 1 << 19 };

/// The maximum number of slivers of a strip that is read in place. One row of that many slivers is
/// as long as a page of memory.
const MAX_SLIVERS: usize = if cfg!(test) { 4 } else { 32 };

/// Y = U S for the first columns of a wide slab S, as many as Y has. `x` starts with the first of
/// these columns. The rows of S are `right` entries apart.
pub(crate) fn multiply_in_place<A: Lanes>(
    u: &PackedRows<A>,
    x: &[A],
    right: usize,
    mut y: MatMut<'_, A>,
) {
    let width = sliver_entries::<A>();
    let (rows, depth) = (u.rows(), u.depth());
    let sliver_size = rows * width;
    let slivers = (RESULT_BYTES / (sliver_size * size_of::<A>())).clamp(1, MAX_SLIVERS);
    let mut result = Scratch::zeroed(slivers.min(y.ncols().div_ceil(width)) * sliver_size);
    for start in (0..y.ncols()).step_by(slivers * width) {
        let columns = (slivers * width).min(y.ncols() - start);
        let x = &x[start..];
        // 1. Whole slivers, in place.
        let (whole, rest) = result.split_at_mut(columns / width * sliver_size);
        strided_products(u, x, right, whole);
        // 2. The columns after the last whole sliver, packed.
        let over = columns % width;
        if over > 0 {
            let x = &x[columns - over..];
            let mut packed = Scratch::zeroed(depth * width);
            for (step, x) in packed.chunks_exact_mut(width).zip(x.chunks(right)) {
                step[..over].copy_from_slice(&x[..over]);
            }
            packed_products(u, &packed, &mut rest[..sliver_size], &[]);
        }
        // 3. Unpack.
        unpack(&result, 0, y.rb_mut().subcols_mut(start, columns));
    }
}

/// Copies the columns of `slivers` from column `start` on to Y, which is row-major.
fn unpack<A: Lanes>(slivers: &[A], start: usize, mut y: MatMut<'_, A>) {
    let width = sliver_entries::<A>();
    let rows = y.nrows();
    for j in 0..rows {
        let Some(row) = y.rb_mut().row_mut(j).try_as_row_major_mut() else {
            continue;
        };
        let row = row.as_slice_mut();
        for (sliver, column, run) in runs(start, row.len(), width) {
            let at = (sliver * rows + j) * width + column;
            row[run.clone()].copy_from_slice(&slivers[at..at + run.len()]);
        }
    }
}

/// Splits `len` entries that start at column `start` of a strip into runs, one for each
/// sliver. A run is the number of the sliver, the column in it, and the range of the entries.
fn runs(
    start: usize,
    len: usize,
    width: usize,
) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (sliver, column) = ((start + at) / width, (start + at) % width);
        let run = at..len.min(at + width - column);
        at = run.end;
        (!run.is_empty()).then_some((sliver, column, run))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, which every scalar sums exactly.
    fn number(seed: usize) -> f64 {
        (seed * 7 % 11) as f64 - 5.0
    }

    /// U X_l for each slab X_l, entry by entry.
    fn naive(u: &[f64], x: &[f64], [rows, depth, right]: [usize; 3]) -> Vec<f64> {
        let mut y = Vec::new();
        for slab in x.chunks_exact(depth * right) {
            for u in u.chunks_exact(depth) {
                for r in 0..right {
                    let products = u.iter().enumerate().map(|(k, u)| u * slab[k * right + r]);
                    y.push(products.sum());
                }
            }
        }
        assert_eq!(y.len() * depth, x.len() * rows);
        y
    }

    /// Compares both products with the sums entry by entry.
    fn check<A: Lanes>(entry: impl Fn(f64) -> A) {
        let width = sliver_entries::<A>();
        for slabs in [1, 2, 5] {
            for [rows, depth, right] in [
                [1, 1, 1],
                [2, 3, width - 1],
                [5, 40, width],
                [12, 33, width + 3],
                [25, 7, 3 * width + 2],
                [3, 70, (MAX_SLIVERS + 2) * width + 5],
            ] {
                let u: Vec<f64> = (0..rows * depth).map(number).collect();
                let x: Vec<f64> = (0..slabs * depth * right).map(|i| number(i + 3)).collect();
                let expected = naive(&u, &x, [rows, depth, right]);
                let packed = PackedRows::new(rows, depth, |j, k| entry(u[j * depth + k]));
                let x: Vec<A> = x.into_iter().map(&entry).collect();
                let widened = |y: &[A]| y.iter().map(|y| y.widen()).collect::<Vec<_>>();

                let mut y = vec![entry(99.0); expected.len()];
                Strip::new(&packed, right).multiply(&x, &mut y, &[]);
                assert_eq!(widened(&y), expected, "packed, {rows}×{depth}×{right}");

                y.fill(entry(99.0));
                let parts = x
                    .chunks_exact(depth * right)
                    .zip(y.chunks_exact_mut(rows * right));
                for (x, y) in parts {
                    let y = MatMut::from_row_major_slice_mut(y, rows, right);
                    multiply_in_place(&packed, x, right, y);
                }
                assert_eq!(widened(&y), expected, "in place, {rows}×{depth}×{right}");
            }
        }
    }

    #[test]
    fn strips_are_multiplied_packed_and_in_place() {
        check::<f64>(|value| value);
        check::<f32>(|value| value as f32);
    }

    #[test]
    fn runs_cover_the_entries_sliver_by_sliver() {
        let found: Vec<_> = runs(6, 13, 8).collect();
        assert_eq!(found, [(0, 6, 0..2), (1, 0, 2..10), (2, 0, 10..13)]);
        assert_eq!(runs(3, 0, 8).count(), 0);
    }
}
