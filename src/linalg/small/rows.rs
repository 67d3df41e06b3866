//! Square matrices by rows that are padded to whole lines.
//!
//! The eigensolvers store one vector of a basis in each row, so that vector registers run along
//! the vectors.

use faer::MatRef;

use crate::simd::{LINE_F64S, Scratch};

/// A square matrix, row-major. Zeros pad each row to whole lines.
pub(super) struct Rows {
    entries: Scratch<f64>,
    stride: usize,
}

impl Rows {
    /// A matrix of zeros of order `n`.
    pub(super) fn zeros(n: usize) -> Self {
        let stride = n.next_multiple_of(LINE_F64S);
        Self {
            entries: Scratch::zeroed(n * stride),
            stride,
        }
    }

    /// The identity of order `n`.
    pub(super) fn identity(n: usize) -> Self {
        let mut rows = Self::zeros(n);
        for i in 0..n {
            rows.row_mut(i)[i] = 1.0;
        }
        rows
    }

    /// The symmetric matrix with the lower triangle of `s`.
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

    /// The order.
    pub(super) fn len(&self) -> usize {
        self.entries.len().checked_div(self.stride).unwrap_or(0)
    }

    /// Entries of a row, padding included.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Row i, with its padding.
    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.entries[i * self.stride..(i + 1) * self.stride]
    }

    /// Row i, with its padding, mutable.
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
