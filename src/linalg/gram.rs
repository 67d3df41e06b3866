//! Gram matrices of unfoldings.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

use crate::error::Result;
use crate::kernel::{self, AHEAD_BYTES, Aligned, Lanes};
use crate::scalar::{Scalar, power_of_two};
use crate::tensor::{ModeExtents, TensorRef};

/// Which side of an unfolding a small square matrix belongs to.
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

/// The precision in which the products of a Gram matrix are formed. Their sums
/// are in `f64` beyond runs of a few dozen.
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Side, gram}};
/// // 1/3 in f32, squared in f64.
/// let x = Tensor::new(&[1], vec![1.0f32 / 3.0])?;
/// let square = gram(&x, 0, Side::Mode, Precision::Double)?[(0, 0)];
/// assert_eq!(square, f64::from(1.0f32 / 3.0).powi(2));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// That of the tensor: twice as fast for `f32`, errors near its ε.
    Native,
    /// `f64`.
    Double,
}

/// The Gram matrix of the mode-n unfolding, X₍ₙ₎X₍ₙ₎ᵀ or X₍ₙ₎ᵀX₍ₙ₎, in `f64`.
///
/// Symmetric, both triangles stored. |X|·n flops for order n, since only one
/// triangle is computed; memory for a few packed panels and, for each part of
/// the sum, one n×n matrix (together at most a quarter of X). Error at most
/// c·ε·‖X‖², ε that of `precision`. The parts of the sum depend on the shape
/// alone, so the bits do not depend on the number of threads.
///
/// # Errors
/// [`crate::Error::Mode`].
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Side, gram}};
/// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let rows = gram(&x, 0, Side::Mode, Precision::Native)?;
/// assert_eq!(rows, faer::mat![[5.0, 11.0], [11.0, 25.0]]);
/// let columns = gram(&x, 0, Side::Rest, Precision::Native)?;
/// assert_eq!(columns, faer::mat![[10.0, 14.0], [14.0, 20.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn gram<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    side: Side,
    precision: Precision,
) -> Result<Mat<f64>> {
    let x = x.into();
    let around = x.extents(mode)?;
    Ok(match precision {
        Precision::Native => Unfolding::new(x, around, side).gram(|entry: T| entry, Some),
        Precision::Double => Unfolding::new(x, around, side).gram(Scalar::as_f64, |_| None),
    })
}

/// The Gram matrix of X·2⁻ᵉ, in `f64`: for entries whose squares would leave
/// the range of numbers.
pub(super) fn scaled_gram<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    side: Side,
    exponent: i32,
) -> Result<Mat<f64>> {
    let around = x.extents(mode)?;
    let [first, second] = power_of_two(-exponent);
    let scaled = |entry: T| entry.as_f64() * first * second;
    Ok(Unfolding::new(x, around, side).gram(scaled, |_| None))
}

/// An unfolding seen as vectors of `order` entries to be summed over: X₍ₙ₎'s
/// columns for [`Side::Mode`], its rows for [`Side::Rest`].
#[derive(Clone, Copy)]
pub(super) struct Unfolding<'a, T> {
    data: &'a [T],
    around: ModeExtents,
    side: Side,
    /// The entries of each vector.
    pub(super) order: usize,
    /// The number of vectors.
    pub(super) depth: usize,
}

/// Bytes of a block of vectors: it stays in the second level of cache.
const BLOCK_BYTES: usize = 1 << 20;

/// Vectors of a block, at most: so many products are summed in a register.
const BLOCK_DEPTH: usize = 256;

/// Vectors of a block, for vectors of `order` entries.
fn block_depth<A>(order: usize) -> usize {
    (BLOCK_BYTES / (order.max(1) * size_of::<A>())).clamp(16, BLOCK_DEPTH)
}

/// The order up to which vectors are not packed: loads that straddle cache
/// lines cost less than the copy.
const UNPACKED_ORDER: usize = 64;

/// Cache lines of a row of a packed panel: five rows stay in the first level of
/// cache beside the five that pass by.
const ROW_LINES: usize = 64;

/// Multiply-adds of one part of the sum, at least.
const PART_FLOPS: usize = 1 << 22;

/// Parts of the sum, at most.
const MAX_PARTS: usize = 16;

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
        }
    }

    /// Σ vvᵀ over the vectors v, of entries taken through `convert`; `as_is` lets
    /// them stay where they are, if nothing is to be converted.
    fn gram<A: Lanes + Send + Sync>(
        self,
        convert: impl Fn(T) -> A + Copy + Sync,
        as_is: impl Fn(&'a [T]) -> Option<&'a [A]> + Sync,
    ) -> Mat<f64> {
        let parts = self.parts();
        let sums: Vec<Vec<f64>> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let range = part * self.depth / parts..(part + 1) * self.depth / parts;
                let mut g = vec![0.0; self.order * self.order];
                if let Some(vectors) = self.adjacent_vectors(range.clone()).and_then(&as_is) {
                    for block in vectors.chunks(block_depth::<A>(self.order) * self.order) {
                        kernel::add_outer_products(block, self.order, self.order, &mut g);
                    }
                } else if self.vectors_are_contiguous() {
                    self.add_vectors(range, convert, &mut g);
                } else {
                    self.add_rows(range, convert, &mut g);
                }
                g
            })
            .collect();
        Mat::from_fn(self.order, self.order, |i, j| {
            let lower = i.max(j) + i.min(j) * self.order;
            sums.iter().map(|g| g[lower]).sum()
        })
    }

    /// Into how many parts the sum is split: a matter of the shape alone. Their
    /// matrices together are no larger than an eighth of X.
    fn parts(&self) -> usize {
        let by_work = self.order * self.order * self.depth / (2 * PART_FLOPS);
        let by_memory = self.depth / (8 * self.order.max(1));
        by_work.min(by_memory).clamp(1, MAX_PARTS)
    }

    /// Whether each vector, rather than each row of their panel, lies
    /// contiguous in memory.
    fn vectors_are_contiguous(&self) -> bool {
        match self.side {
            Side::Mode => self.around.right == 1,
            Side::Rest => self.around.right > 1,
        }
    }

    /// Vectors `range`, where they lie one right after the other, are long
    /// enough for the kernel, and so short that packing them would not pay.
    fn adjacent_vectors(self, range: Range<usize>) -> Option<&'a [T]> {
        let adjacent = match self.side {
            Side::Mode => self.around.right == 1,
            Side::Rest => self.around.left == 1,
        };
        (adjacent && (kernel::line_entries::<T>()..=UNPACKED_ORDER).contains(&self.order))
            .then(|| &self.data[range.start * self.order..range.end * self.order])
    }

    /// Packs vectors one after the other and sums their outer products.
    fn add_vectors<A: Lanes>(self, range: Range<usize>, convert: impl Fn(T) -> A, g: &mut [f64]) {
        let order = self.order.max(kernel::line_entries::<A>());
        let stride = self.order.next_multiple_of(kernel::line_entries::<A>());
        let depth = block_depth::<A>(stride);
        let mut block = Aligned::<A>::zeroed(depth.min(range.len()) * stride);
        let mut padded = vec![0.0; order * order];
        for start in range.clone().step_by(depth) {
            let count = depth.min(range.end - start);
            for (k, vector) in block.chunks_exact_mut(stride).take(count).enumerate() {
                let mut at = 0;
                for piece in self.vector(start + k) {
                    convert_into(&mut vector[at..at + piece.len()], piece, &convert);
                    at += piece.len();
                }
            }
            kernel::add_outer_products(&block[..count * stride], stride, order, &mut padded);
        }
        let columns = padded.chunks_exact(order);
        for (column, padded) in g.chunks_exact_mut(self.order).zip(columns) {
            column.copy_from_slice(&padded[..self.order]);
        }
    }

    /// The pieces in which vector `k` lies in memory.
    fn vector(&self, k: usize) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
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

    /// Packs rows of the panel of vectors, padded, and sums their products.
    fn add_rows<A: Lanes>(self, range: Range<usize>, convert: impl Fn(T) -> A, g: &mut [f64]) {
        let line = kernel::line_entries::<A>();
        let width = (ROW_LINES * line).min(range.len().next_multiple_of(line));
        let mut panel = Aligned::<A>::zeroed(self.order * width);
        for start in range.clone().step_by(width) {
            let end = range.end.min(start + width);
            for (p, row) in panel.chunks_exact_mut(width).enumerate() {
                let mut at = 0;
                for piece in self.row(p, start..end) {
                    convert_into(&mut row[at..at + piece.len()], piece, &convert);
                    at += piece.len();
                }
                row[at..].fill(A::zeroed());
            }
            let next = range.end.min(start + width)..range.end.min(start + 2 * width);
            let ahead = (0..self.order)
                .flat_map(|p| self.row(p, next.clone()))
                .flat_map(|piece| bytemuck::cast_slice(piece).chunks(AHEAD_BYTES));
            kernel::add_row_products(&panel, width, g, ahead);
        }
    }

    /// The pieces in which entries `range` of row `p` of the panel lie in
    /// memory.
    fn row(&self, p: usize, range: Range<usize>) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let ModeExtents { extent, right, .. } = self.around;
        let data = self.data;
        let side = self.side;
        let mut at = range.start;
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let (start, len) = match side {
                // Column `at` of X₍ₙ₎ is column at mod R of slab at div R.
                Side::Mode => {
                    let (l, r) = (at / right, at % right);
                    let len = (right - r).min(range.end - at);
                    ((l * extent + p) * right + r, len)
                }
                // Row p of X₍ₙ₎ᵀ where R = 1: fibre p, contiguous.
                Side::Rest => (p * extent + at, range.end - at),
            };
            at += len;
            Some(&data[start..start + len])
        })
    }

    /// Writes vectors from `start` to the rows of `a`, through `convert`.
    pub(super) fn copy_vectors(
        self,
        start: usize,
        mut a: MatMut<'_, f64>,
        convert: impl Fn(T) -> f64,
    ) {
        if self.vectors_are_contiguous() {
            for k in 0..a.nrows() {
                let entries = self.vector(start + k).flatten();
                for (p, &value) in entries.enumerate() {
                    a[(k, p)] = convert(value);
                }
            }
        } else {
            let range = start..start + a.nrows();
            for p in 0..self.order {
                let entries = self.row(p, range.clone()).flatten();
                for (k, &value) in entries.enumerate() {
                    a[(k, p)] = convert(value);
                }
            }
        }
    }
}

/// Writes `from` to `to`, entry by entry.
fn convert_into<T: Copy, A>(to: &mut [A], from: &[T], convert: impl Fn(T) -> A) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = convert(from);
    }
}

/// Σ of a matrix's diagonal.
pub(super) fn trace(a: MatRef<'_, f64>) -> f64 {
    (0..a.nrows()).map(|i| a[(i, i)]).sum()
}
