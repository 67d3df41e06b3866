//! Column-major matrices in scratch memory.

use faer::{Mat, MatMut, MatRef};

use crate::simd::Scratch;

/// A column-major matrix in scratch memory.
pub(crate) struct Columns {
    entries: Scratch<f64>,
    nrows: usize,
    ncols: usize,
}

impl Columns {
    /// A matrix of zeros.
    pub(super) fn zeros(nrows: usize, ncols: usize) -> Self {
        Self {
            entries: Scratch::zeroed(nrows * ncols),
            nrows,
            ncols,
        }
    }

    /// The symmetric matrix of order `n` with the lower triangle of the column-major `entries`.
    pub(in crate::linalg) fn from_lower(mut entries: Scratch<f64>, n: usize) -> Self {
        for j in 0..n {
            for i in j + 1..n {
                entries[j + i * n] = entries[i + j * n];
            }
        }
        Self {
            entries,
            nrows: n,
            ncols: n,
        }
    }

    /// The matrix of one column.
    pub(in crate::linalg) fn from_column(entries: Scratch<f64>) -> Self {
        Self {
            nrows: entries.len(),
            ncols: 1,
            entries,
        }
    }

    /// A copy of `a`.
    pub(in crate::linalg) fn copied(a: MatRef<'_, f64>) -> Self {
        let mut columns = Self::zeros(a.nrows(), a.ncols());
        columns.as_mut().copy_from(a);
        columns
    }

    /// The number of rows.
    pub(crate) fn nrows(&self) -> usize {
        self.nrows
    }

    /// The number of columns.
    pub(crate) fn ncols(&self) -> usize {
        self.ncols
    }

    /// Column j.
    pub(crate) fn col(&self, j: usize) -> &[f64] {
        &self.entries[j * self.nrows..(j + 1) * self.nrows]
    }

    /// Column j, mutable.
    pub(in crate::linalg) fn col_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.entries[j * self.nrows..(j + 1) * self.nrows]
    }

    /// The matrix as a view.
    pub(crate) fn as_ref(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.entries, self.nrows, self.ncols)
    }

    /// The matrix as a mutable view.
    pub(crate) fn as_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_column_major_slice_mut(&mut self.entries, self.nrows, self.ncols)
    }

    /// A copy of the first `count` columns.
    pub(super) fn leading(&self, count: usize) -> Mat<f64> {
        self.as_ref().get(.., ..count).to_owned()
    }
}
