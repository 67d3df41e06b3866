//! Small square matrices by rows, padded to whole vector registers, and the few
//! operations on rows that the small eigensolvers consist of.

use faer::MatRef;
use pulp::Simd;

use crate::simd::Scratch;

/// Entries to which rows are padded, a multiple of every register's lanes.
pub(super) const LANES: usize = 8;

/// A small square matrix, row-major, each row padded with zeros.
pub(super) struct Rows {
    entries: Scratch<f64>,
    stride: usize,
}

impl Rows {
    pub(super) fn zeros(n: usize) -> Self {
        let stride = n.next_multiple_of(LANES);
        Self {
            entries: Scratch::zeroed(n * stride),
            stride,
        }
    }

    pub(super) fn identity(n: usize) -> Self {
        let mut rows = Self::zeros(n);
        for i in 0..n {
            rows.row_mut(i)[i] = 1.0;
        }
        rows
    }

    /// The symmetric matrix whose lower triangle is that of `s`.
    pub(super) fn from_symmetric(s: MatRef<'_, f64>) -> Self {
        let n = s.nrows();
        let mut rows = Self::zeros(n);
        let stride = rows.stride;
        for i in 0..n {
            for j in 0..=i {
                let entry = s[(i, j)];
                rows.entries[i * stride + j] = entry;
                rows.entries[j * stride + i] = entry;
            }
        }
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len().checked_div(self.stride).unwrap_or(0)
    }

    /// Entries of a row, padding included.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.entries[i * self.stride..(i + 1) * self.stride]
    }

    #[inline(always)]
    pub(super) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.entries[i * self.stride..(i + 1) * self.stride]
    }

    /// Row `i`, and the rows after it.
    #[inline(always)]
    pub(super) fn split_after(&mut self, i: usize) -> (&mut [f64], &mut [f64]) {
        let (before, after) = self.entries.split_at_mut((i + 1) * self.stride);
        (&mut before[i * self.stride..], after)
    }

    /// All rows, one after the other.
    #[inline(always)]
    pub(super) fn entries_mut(&mut self) -> &mut [f64] {
        &mut self.entries
    }
}

/// Σ aᵢ bᵢ over slices of a whole number of lanes.
#[inline(always)]
pub(in crate::linalg) fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (S::as_simd_f64s(a).0, S::as_simd_f64s(b).0);
    let mut sums = [simd.splat_f64s(0.0); 2];
    let (a_pairs, a_last) = a.as_chunks::<2>();
    let (b_pairs, b_last) = b.as_chunks::<2>();
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        sums[0] = simd.mul_add_f64s(a[0], b[0], sums[0]);
        sums[1] = simd.mul_add_f64s(a[1], b[1], sums[1]);
    }
    for (&a, &b) in a_last.iter().zip(b_last) {
        sums[0] = simd.mul_add_f64s(a, b, sums[0]);
    }
    simd.reduce_sum_f64s(simd.add_f64s(sums[0], sums[1]))
}

/// y ← y + α x over slices of a whole number of lanes.
#[inline(always)]
pub(in crate::linalg) fn axpy<S: Simd>(simd: S, alpha: f64, x: &[f64], y: &mut [f64]) {
    let alpha = simd.splat_f64s(alpha);
    let x = S::as_simd_f64s(x).0;
    for (y, &x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(x) {
        *y = simd.mul_add_f64s(alpha, x, *y);
    }
}

/// y ← y + α x + β z over slices of a whole number of lanes.
#[inline(always)]
pub(super) fn axpy2<S: Simd>(simd: S, alpha: f64, x: &[f64], beta: f64, z: &[f64], y: &mut [f64]) {
    let (alpha, beta) = (simd.splat_f64s(alpha), simd.splat_f64s(beta));
    let (x, z) = (S::as_simd_f64s(x).0, S::as_simd_f64s(z).0);
    let y = S::as_mut_simd_f64s(y).0;
    for ((y, &x), &z) in y.iter_mut().zip(x).zip(z) {
        *y = simd.mul_add_f64s(beta, z, simd.mul_add_f64s(alpha, x, *y));
    }
}

/// The largest multiple of the lanes up to `i`: where a range of a row starts.
#[inline(always)]
pub(super) fn lane_start(i: usize) -> usize {
    i / LANES * LANES
}
