//! S = X ×ₙ Ω for a matrix Ω of a few rows of random signs, and ‖X‖, in one pass over X.
//!
//! Both need few operations for each entry, so reading X takes most of the time. A task takes a block
//! of columns of a slab, and goes down its rows in groups of 16:
//!
//! ```text
//!   slab, I rows of R columns
//!   ├── block 0 ──┼── block 1 ──┼─ …
//!   │  16 rows    │             │         S_block ← S_block + (E H D / 4) · 16 rows
//!   │  16 rows    │             │         squares ← squares + Σ x² of the 16 rows, from the cache
//!   │  …          │             │
//! ```
//!
//! The sums of squares are added in a tree that depends on the shape alone.

use faer::reborrow::ReborrowMut;
use faer::{Mat, MatMut};
use rayon::prelude::*;

use super::product::mode_product_until;
use super::reduce::{norm, norm_of_squares, squares};
use super::{Tensor, TensorRef};
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::scalar::Scalar;
use crate::simd::{MIXED_ROWS, Scratch, SignGroup, add_mixed, line_entries};

/// The number of bytes of a row of a block. The sums of a block, 16 groups of rows and the prefetched
/// rows stay in the second level of cache.
const BLOCK_BYTES: usize = if cfg!(test) { 1 << 8 } else { 1 << 13 };

/// The minimum number of bytes of a row of a slab. Shorter rows are multiplied as in any mode-n
/// product.
const WIDE_BYTES: usize = if cfg!(test) { 1 << 7 } else { 1 << 10 };

/// X ×ₙ Ω for Ω = [E₀ H D₀, E₁ H D₁, …]/4, given by its `groups`, and ‖X‖. Columns of Ω beyond the
/// extent of mode n are not used.
///
/// Cost: a pass over X if rows of slabs are long; otherwise 32·|X| flops and another pass.
pub(crate) fn sketch_with_norm<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    groups: &[SignGroup<T>],
    cancellation: Cancellation<'_>,
) -> Result<(Tensor<T>, f64)> {
    let around = x.extents(mode)?;
    if around.right * size_of::<T>() < WIDE_BYTES {
        let omega = Mat::from_fn(MIXED_ROWS, around.extent, |r, i| {
            groups[i / MIXED_ROWS].entry(r, i % MIXED_ROWS)
        });
        return Ok((
            mode_product_until(x, mode, omega.as_ref(), cancellation)?,
            norm(x),
        ));
    }
    let mut sketch = Tensor::zeros(&x.shape.with(mode, MIXED_ROWS)?)?;
    let slabs = x.data.par_chunks_exact(around.extent * around.right);
    let of_slabs = sketch.data.par_chunks_exact_mut(MIXED_ROWS * around.right);
    let of_slabs = slabs.zip(of_slabs).map(|(x, s)| {
        let slab = Slab {
            x,
            right: around.right,
            groups,
            cancellation,
        };
        slab.sketch(
            0,
            MatMut::from_row_major_slice_mut(s, MIXED_ROWS, around.right),
        )
    });
    let of_slabs: Vec<f64> = of_slabs.collect();
    cancellation.check()?;
    let norm = norm_of_squares(of_slabs.iter().sum()).unwrap_or_else(|| norm(x));
    Ok((sketch, norm))
}

/// A row-major slab of rows of `right` columns.
#[derive(Clone, Copy)]
struct Slab<'a, T> {
    x: &'a [T],
    right: usize,
    groups: &'a [SignGroup<T>],
    cancellation: Cancellation<'a>,
}

impl<T: Scalar> Slab<'_, T> {
    /// Writes the columns from `first` on of Ω X to `s`, as many as it has. Returns the sum of the
    /// squares of these columns of X.
    fn sketch(self, first: usize, s: MatMut<'_, T>) -> f64 {
        let block = BLOCK_BYTES / size_of::<T>();
        if s.ncols() <= block {
            return self.sketch_block(first, s);
        }
        let middle = s.ncols().div_ceil(block) / 2 * block;
        let (left, right) = s.split_at_col_mut(middle);
        let (left, right) = rayon::join(
            || self.sketch(first, left),
            || self.sketch(first + middle, right),
        );
        left + right
    }

    /// The columns from `first` on of the rows of a group. The rows after the last one are empty.
    fn runs(&self, group: usize, first: usize, columns: usize) -> [&[T]; MIXED_ROWS] {
        let mut runs = [&[][..]; MIXED_ROWS];
        let rows = self.x.chunks_exact(self.right).skip(group * MIXED_ROWS);
        for (run, row) in runs.iter_mut().zip(rows) {
            *run = &row[first..first + columns];
        }
        runs
    }

    /// [`Slab::sketch`] for one block of columns.
    fn sketch_block(self, first: usize, mut s: MatMut<'_, T>) -> f64 {
        if self.cancellation.is_requested() {
            return 0.0;
        }
        let columns = s.ncols();
        // 1. The sums. A line after each row keeps the rows out of the same sets of the cache.
        let line = line_entries::<T>();
        let width = (columns.div_ceil(line) + 1) * line;
        let mut sums = Scratch::zeroed(MIXED_ROWS * width);
        let mut total = 0.0;
        let last = self.groups.len() - 1;
        for (group, signs) in self.groups.iter().enumerate() {
            let runs = self.runs(group, first, columns);
            let next = self.runs(last.min(group + 1), first, columns);
            add_mixed(runs, next, signs, &mut sums);
            total += runs.iter().map(|run| squares(run)).sum::<f64>();
        }
        // 2. The rows of the result.
        for (r, sums) in sums.chunks_exact(width).enumerate() {
            if let Some(row) = s.rb_mut().row_mut(r).try_as_row_major_mut() {
                row.as_slice_mut().copy_from_slice(&sums[..columns]);
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle::{self, assert_rounded, magnitude};
    use crate::common::random::Random;

    /// Groups of random signs for a mode of this extent.
    fn groups<T: Scalar>(extent: usize) -> Vec<SignGroup<T>> {
        let mut random = Random::new(9);
        let mut sign = |size: f64| T::from_f64(if random.uniform() < 0.5 { -size } else { size });
        let groups = (0..extent.div_ceil(MIXED_ROWS)).map(|_| SignGroup {
            inputs: std::array::from_fn(|_| sign(1.0)),
            outputs: std::array::from_fn(|_| sign(0.25)),
        });
        groups.collect()
    }

    fn check<T: Scalar>() {
        let mut random = Random::new(8);
        for shape in [
            [40, 5, 41],
            [3, 33, 150],
            [1, 16, 70],
            [2, 1, 64],
            [7, 50, 3],
            [70, 6, 1],
        ] {
            let x: Tensor<T> = random.tensor(&shape);
            let sizes = oracle::abs(&oracle::in_f64(&x));
            for (mode, &extent) in shape.iter().enumerate() {
                let groups = groups::<T>(extent);
                let omega = Mat::from_fn(MIXED_ROWS, extent, |r, i| {
                    groups[i / MIXED_ROWS].entry(r, i % MIXED_ROWS)
                });
                let cancellation = Cancellation::default();
                let (s, norm) = sketch_with_norm(x.view(), mode, &groups, cancellation).unwrap();
                let exact = oracle::mode_product(&x, mode, omega.as_ref());
                let sizes = oracle::mode_product(&sizes, mode, magnitude(omega.as_ref()).as_ref());
                assert_rounded(&s, &exact, &sizes, extent + 6);
                assert!((norm / oracle::norm(&x) - 1.0).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn sketches_are_products_with_signs() {
        check::<f64>();
        check::<f32>();
    }

    #[test]
    fn norms_of_huge_and_tiny_entries_do_not_leave_the_range() {
        let mut random = Random::new(9);
        let x: Tensor<f64> = random.tensor(&[20, 80]);
        for scale in [1e-300, 1e-170, 1e160, 1e300] {
            let data = x.data().iter().map(|x| x * scale).collect();
            let scaled = Tensor::new(x.shape(), data).unwrap();
            let groups = groups::<f64>(20);
            let cancellation = Cancellation::default();
            let (_, norm) = sketch_with_norm(scaled.view(), 0, &groups, cancellation).unwrap();
            assert!((norm / scale / x.norm() - 1.0).abs() < 1e-14, "{scale:e}");
        }
    }
}
