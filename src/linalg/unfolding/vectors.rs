//! An unfolding as a sequence of vectors: the memory of each vector.
//!
//! A Gram matrix and a triangular factor read an unfolding X₍ₙ₎ vector by vector. The vectors are
//! the columns of X₍ₙ₎ for [`Side::Mode`], and its rows for [`Side::Rest`]. The tensor around mode n
//! is L slabs of I rows and R columns, so a vector lies in memory as follows:
//!
//! | side | slabs | vector k | entry p of the vectors k, k + 1, … |
//! | --- | --- | --- | --- |
//! | `Mode` | R > 1 | I entries with stride R | contiguous to the end of the slab |
//! | `Mode` | R = 1 | I contiguous entries, directly after vector k − 1 | stride I |
//! | `Rest` | L = 1, R > 1 | R contiguous entries, directly after vector k − 1 | stride R |
//! | `Rest` | L > 1, R > 1 | L pieces of R entries, one in each slab | stride R |
//! | `Rest` | R = 1 | L entries with stride I | contiguous |
//!
//! Both sides of a tensor with L = 2, I = 3, R = 4 (entries named by their indices):
//!
//! ```text
//!   slab 0                    slab 1
//!   000 001 002 003           100 101 102 103
//!   010 011 012 013           110 111 112 113
//!   020 021 022 023           120 121 122 123
//!
//!   Mode, vector 5 = 101 111 121                           a column of slab 1
//!   Rest, vector 1 = 010 011 012 013 110 111 112 113       row 1 of each slab
//! ```
//!
//! A *panel* is a matrix with some neighbouring vectors as its columns, so row p of a panel is
//! entry p of these vectors. Either the vectors or the rows of their panel consist of contiguous
//! pieces.

use std::ops::Range;

use super::convert::{Convert, convert_pieces};
use super::tsqr::PanelColumns;
use crate::monitor::Cancellation;
use crate::scalar::Scalar;
use crate::tensor::{ModeExtents, TensorRef};

/// The side of an unfolding to which a small square matrix belongs.
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Side, gram}};
/// let x = Tensor::<f32>::zeros(&[5, 2, 3])?;
/// assert_eq!(gram(&x, 0, Side::Mode, Precision::Native)?.nrows(), 5);
/// assert_eq!(gram(&x, 0, Side::Rest, Precision::Native)?.nrows(), 6);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The rows: X₍ₙ₎X₍ₙ₎ᵀ, of order Iₙ.
    Mode,
    /// The columns: X₍ₙ₎ᵀX₍ₙ₎, of order Πₘ≠ₙIₘ.
    Rest,
}

impl Side {
    /// The side with the smaller matrix. If both matrices have the same order, the rows.
    pub(crate) fn smaller(around: ModeExtents) -> Self {
        if around.extent <= around.columns() {
            Self::Mode
        } else {
            Self::Rest
        }
    }
}

/// Vectors that are copied to the columns of a panel together, so that the cache lines of all of
/// them stay in the cache while their entries are read.
const VECTORS_AT_ONCE: usize = 16;

/// An unfolding as a sequence of vectors. The documentation of this file describes the vectors.
#[derive(Clone, Copy)]
pub(super) struct Unfolding<'a, T> {
    data: &'a [T],
    around: ModeExtents,
    side: Side,
    /// The number of entries of each vector.
    pub(super) order: usize,
    /// The number of vectors.
    pub(super) depth: usize,
    /// Loops over vectors skip their remaining work after this flag is set.
    pub(super) cancellation: Cancellation<'a>,
}

impl<'a, T: Scalar> Unfolding<'a, T> {
    pub(super) fn new(x: TensorRef<'a, T>, around: ModeExtents, side: Side) -> Self {
        let (order, depth) = match side {
            Side::Mode => (around.extent, around.columns()),
            Side::Rest => (around.columns(), around.extent),
        };
        Self {
            data: x.data(),
            around,
            side,
            order,
            depth,
            cancellation: Cancellation::default(),
        }
    }

    /// The same unfolding with a cancellation flag.
    pub(super) fn cancelled_by(self, cancellation: Cancellation<'a>) -> Self {
        Self {
            cancellation,
            ..self
        }
    }

    /// Whether each vector consists of contiguous pieces. Otherwise the rows of a panel do.
    pub(super) fn vectors_are_contiguous(&self) -> bool {
        match self.side {
            Side::Mode => self.around.right == 1,
            Side::Rest => self.around.right > 1,
        }
    }

    /// The vectors `range`, if each of them lies directly after the one before.
    pub(super) fn adjacent_vectors(self, range: Range<usize>) -> Option<&'a [T]> {
        let adjacent = match self.side {
            Side::Mode => self.around.right == 1,
            Side::Rest => self.around.left == 1,
        };
        adjacent.then(|| &self.data[range.start * self.order..range.end * self.order])
    }

    /// The memory from the first row of the panel of the vectors `range` on, and the distance
    /// from each row to the next, if the rows are contiguous and equally far apart. Called only
    /// if the vectors are not contiguous.
    pub(super) fn strided_rows(&self, range: Range<usize>) -> Option<(&'a [T], usize)> {
        let ModeExtents { extent, right, .. } = self.around;
        match self.side {
            Side::Mode => {
                let (l, r) = (range.start / right, range.start % right);
                let within_one_slab = r + range.len() <= right;
                within_one_slab.then(|| (&self.data[l * extent * right + r..], right))
            }
            Side::Rest => Some((&self.data[range.start..], extent)),
        }
    }

    /// The contiguous pieces of vector `k`.
    pub(super) fn vector(&self, k: usize) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let ModeExtents {
            left,
            extent,
            right,
        } = self.around;
        let (data, pieces, len) = match self.side {
            Side::Mode => (&self.data[k * extent..], 1, extent),
            Side::Rest => (&self.data[k * right..], left, right),
        };
        (0..pieces).map(move |l| &data[l * extent * right..][..len])
    }

    /// The contiguous pieces of row `p` of the panel of the vectors `range`.
    pub(super) fn row(
        &self,
        p: usize,
        range: Range<usize>,
    ) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let ModeExtents { extent, right, .. } = self.around;
        let data = self.data;
        let side = self.side;
        let mut k = range.start;
        std::iter::from_fn(move || {
            if k >= range.end {
                return None;
            }
            let (start, len) = match side {
                // Column k of X₍ₙ₎ is column k mod R of slab k div R.
                Side::Mode => {
                    let (l, r) = (k / right, k % right);
                    let len = (right - r).min(range.end - k);
                    ((l * extent + p) * right + r, len)
                }
                // R = 1: row p of X₍ₙ₎ᵀ is fibre p, which is contiguous.
                Side::Rest => (p * extent + k, range.end - k),
            };
            k += len;
            Some(&data[start..start + len])
        })
    }

    /// Writes the vectors `range`, converted, to the first rows of `panel`: column p of `panel`
    /// gets entry p of each vector.
    pub(super) fn copy_vectors(
        self,
        range: Range<usize>,
        panel: PanelColumns<'_>,
        conversion: impl Convert<T, Product = f64>,
    ) {
        let PanelColumns { entries, stride } = panel;
        if !self.vectors_are_contiguous() {
            for (p, column) in entries.chunks_exact_mut(stride).enumerate() {
                convert_pieces(self.row(p, range.clone()), column, conversion);
            }
            return;
        }
        let depth = range.len();
        for first in (0..depth).step_by(VECTORS_AT_ONCE) {
            let last = depth.min(first + VECTORS_AT_ONCE);
            let mut vectors: Vec<_> = (first..last)
                .map(|k| self.vector(range.start + k).flatten())
                .collect();
            for column in entries.chunks_exact_mut(stride) {
                for (entry, vector) in column[first..last].iter_mut().zip(&mut vectors) {
                    if let Some(&value) = vector.next() {
                        *entry = conversion.convert(value);
                    }
                }
            }
        }
    }
}
