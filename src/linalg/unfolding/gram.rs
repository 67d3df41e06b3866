//! Gram matrices of unfoldings.

use std::ops::Range;

use faer::Mat;

use crate::error::Result;
use crate::linalg::checks::check_order;
use crate::linalg::small::Columns;
use crate::monitor::Cancellation;
use crate::scalar::{Scalar, is_single, power_of_two};
use crate::simd::{self, Panel, Scratch, Transpose};
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

impl Side {
    /// The side with the smaller matrix; the rows where both are equal.
    pub(crate) fn smaller(around: ModeExtents) -> Self {
        if around.extent <= around.columns() {
            Self::Mode
        } else {
            Self::Rest
        }
    }
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
/// [`crate::Error::ModeOutOfRange`]; [`crate::Error::ShapeOverflow`] and [`crate::Error::OutOfMemory`]
/// where n×n entries are too many.
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
    let unfolding = Unfolding::new(x, x.extents(mode)?, side);
    Ok(unfolding.gram(precision)?.as_ref().to_owned())
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
    /// Where it is requested, the loops over vectors skip their remaining work.
    pub(super) cancellation: Cancellation<'a>,
}

/// Bytes of a block of vectors: it stays in the second level of cache.
const PANEL_BYTES: usize = if cfg!(test) { 1 << 12 } else { 1 << 20 };

/// Vectors of a block, at most: so many products are summed in a register.
const PANEL_DEPTH: usize = if cfg!(test) { 32 } else { 256 };

/// Vectors of a block, for vectors of `order` entries.
fn panel_depth<A>(order: usize) -> usize {
    (PANEL_BYTES / (order.max(1) * size_of::<A>())).clamp(16, PANEL_DEPTH)
}

/// The order up to which vectors are not packed: loads that straddle cache
/// lines cost less than the copy.
const UNPACKED_ORDER: usize = if cfg!(test) { 20 } else { 64 };

/// Bytes of a block of vectors that are not packed: it stays in the first level
/// of cache.
const SHORT_BYTES: usize = if cfg!(test) { 1 << 10 } else { 1 << 15 };

/// Vectors that are copied to the rows of a matrix together.
const VECTORS_AT_ONCE: usize = 16;

/// Multiply-adds of one part of the sum, at least.
const PART_FLOPS: usize = if cfg!(test) { 1 << 8 } else { 1 << 22 };

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
            cancellation: Cancellation::default(),
        }
    }

    /// The same unfolding, read until `cancellation` is requested.
    pub(super) fn until(self, cancellation: Cancellation<'a>) -> Self {
        Self {
            cancellation,
            ..self
        }
    }

    /// The Gram matrix Σ vvᵀ over the vectors v.
    ///
    /// # Errors
    /// Those of [`gram`], and [`crate::Error::Cancelled`].
    pub(super) fn gram(self, precision: Precision) -> Result<Columns> {
        check_order(self.order, self.depth)?;
        match precision {
            Precision::Double if is_single::<T>() => self.converted_gram(Scalar::as_f64, |_| None),
            _ => self.converted_gram(|entry: T| entry, Some),
        }
    }

    /// The Gram matrix of X·2⁻ᵉ: for entries whose squares leave the range of `f64`.
    pub(super) fn scaled_gram(self, exponent: i32) -> Result<Columns> {
        check_order(self.order, self.depth)?;
        let [first, second] = power_of_two(-exponent);
        self.converted_gram(|entry| entry.as_f64() * first * second, |_| None)
    }

    /// Σ vvᵀ over the vectors v, after `convert` was applied to their entries. `as_is` gives
    /// the entries themselves where `convert` changes nothing.
    fn converted_gram<A: Transpose + Send + Sync>(
        self,
        convert: impl Fn(T) -> A + Copy + Sync,
        as_is: impl Fn(&'a [T]) -> Option<&'a [A]> + Copy + Sync,
    ) -> Result<Columns> {
        let n = self.order;
        if n == 0 {
            return Ok(Columns::from_lower(Scratch::zeroed(0), 0));
        }
        let lower = self.sum_of_parts(0..self.parts(), &|range| {
            let mut g = Scratch::zeroed(n * n);
            let adjacent = self.adjacent_vectors(range.clone());
            let ready = adjacent.and_then(as_is);
            match adjacent {
                Some(vectors) if (simd::line_entries::<A>()..=UNPACKED_ORDER).contains(&n) => {
                    self.add_short_vectors(vectors, ready, convert, &mut g);
                }
                _ => self.add_panels(range, ready, convert, as_is, &mut g),
            }
            g
        });
        self.cancellation.check()?;
        Ok(Columns::from_lower(lower, n))
    }

    /// The sum of the matrices that `part` gives for ranges of vectors, by halves:
    /// in an order that does not depend on the threads, and with few of them in
    /// memory at a time.
    fn sum_of_parts(
        &self,
        parts: Range<usize>,
        part: &(impl Fn(Range<usize>) -> Scratch<f64> + Sync),
    ) -> Scratch<f64> {
        if parts.len() <= 1 {
            let all = self.parts();
            return part(parts.start * self.depth / all..parts.end * self.depth / all);
        }
        let middle = parts.start + parts.len() / 2;
        let (mut sum, rest) = rayon::join(
            || self.sum_of_parts(parts.start..middle, part),
            || self.sum_of_parts(middle..parts.end, part),
        );
        for (sum, rest) in sum.iter_mut().zip(&*rest) {
            *sum += rest;
        }
        sum
    }

    /// Into how many parts the sum is split: a matter of the shape alone. Their
    /// matrices together are no larger than an eighth of X.
    fn parts(&self) -> usize {
        let work = (self.order * self.order).saturating_mul(self.depth);
        let by_work = work / (2 * PART_FLOPS);
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

    /// Vectors `range`, where they lie one right after the other.
    fn adjacent_vectors(self, range: Range<usize>) -> Option<&'a [T]> {
        let adjacent = match self.side {
            Side::Mode => self.around.right == 1,
            Side::Rest => self.around.left == 1,
        };
        adjacent.then(|| &self.data[range.start * self.order..range.end * self.order])
    }

    /// Packs panels of vectors and sums their outer products; `adjacent` are the
    /// vectors where they lie ready, one right after the other.
    fn add_panels<A: Transpose>(
        self,
        range: Range<usize>,
        adjacent: Option<&[A]>,
        convert: impl Fn(T) -> A,
        as_is: impl Fn(&'a [T]) -> Option<&'a [A]>,
        g: &mut [f64],
    ) {
        let order = self.order;
        let depth = panel_depth::<A>(order).min(range.len());
        let mut panel = Panel::<A>::new(order, depth);
        for start in range.clone().step_by(depth.max(1)) {
            if self.cancellation.is_requested() {
                break;
            }
            let end = range.end.min(start + depth);
            let next = end..range.end.min(end + depth);
            if self.vectors_are_contiguous() {
                if let Some(vectors) = adjacent {
                    let first = range.start;
                    panel.pack_adjacent(&vectors[(start - first) * order..(end - first) * order]);
                } else {
                    panel.pack_vectors(end - start, |k, vector| {
                        convert_pieces(self.vector(start + k), vector, &convert);
                    });
                }
                let vectors = next.flat_map(|k| self.vector(k));
                let ahead = vectors.flat_map(|piece| ahead_of(piece, end - start));
                simd::add_panel(&panel, g, ahead);
            } else {
                if let Some((rows, stride)) = self.strided_rows(start..end)
                    && let Some(rows) = as_is(rows)
                {
                    panel.pack_strided(end - start, rows, stride);
                } else {
                    panel.pack_rows(end - start, |p, row| {
                        convert_pieces(self.row(p, start..end), row, &convert);
                    });
                }
                let rows = (0..order).flat_map(|p| self.row(p, next.clone()));
                let ahead = rows.flat_map(|piece| ahead_of(piece, end - start));
                simd::add_panel(&panel, g, ahead);
            }
        }
    }

    /// Sums the outer products of vectors that lie one right after the other, without
    /// packing; `ready` are the same vectors where nothing is to be converted.
    fn add_short_vectors<A: Transpose>(
        self,
        vectors: &[T],
        ready: Option<&[A]>,
        convert: impl Fn(T) -> A,
        g: &mut [f64],
    ) {
        let order = self.order;
        let len = (SHORT_BYTES / (order * size_of::<A>())).clamp(1, PANEL_DEPTH) * order;
        let mut converted = Scratch::<A>::zeroed(if ready.is_some() { 0 } else { len });
        for start in (0..vectors.len()).step_by(len) {
            if self.cancellation.is_requested() {
                break;
            }
            let end = vectors.len().min(start + len);
            let next = &vectors[end..vectors.len().min(end + len)];
            let block = match ready {
                Some(ready) => &ready[start..end],
                None => {
                    let converted = &mut converted[..end - start];
                    let piece = std::iter::once(&vectors[start..end]);
                    simd::vectorize(
                        #[inline(always)]
                        || convert_pieces(piece, converted, &convert),
                    );
                    &*converted
                }
            };
            let ahead = ahead_of(next, (end - start) / order);
            simd::add_outer_products(block, order, g, ahead);
        }
    }

    /// Rows of the panel of vectors `range`, where they lie a fixed stride apart:
    /// the memory from the first on, and the stride.
    fn strided_rows(&self, range: Range<usize>) -> Option<(&'a [T], usize)> {
        let ModeExtents { extent, right, .. } = self.around;
        match self.side {
            Side::Mode => {
                let (l, r) = (range.start / right, range.start % right);
                let within = r + range.len() <= right;
                within.then(|| (&self.data[l * extent * right + r..], right))
            }
            Side::Rest => Some((&self.data[range.start..], extent)),
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

    /// Writes `depth` vectors from `start` to the first rows of `a`, whose columns are
    /// `stride` entries apart, through `convert`.
    pub(super) fn copy_vectors(
        self,
        start: usize,
        depth: usize,
        a: &mut [f64],
        stride: usize,
        convert: impl Fn(T) -> f64 + Copy,
    ) {
        if !self.vectors_are_contiguous() {
            for (p, column) in a.chunks_exact_mut(stride).enumerate() {
                convert_pieces(self.row(p, start..start + depth), column, convert);
            }
            return;
        }
        // A few vectors at a time, so that their cache lines stay for all entries.
        for first in (0..depth).step_by(VECTORS_AT_ONCE) {
            let last = depth.min(first + VECTORS_AT_ONCE);
            let mut pieces: Vec<_> = (first..last)
                .map(|k| self.vector(start + k).flatten())
                .collect();
            for column in a.chunks_exact_mut(stride) {
                for (entry, vector) in column[first..last].iter_mut().zip(&mut pieces) {
                    if let Some(&value) = vector.next() {
                        *entry = convert(value);
                    }
                }
            }
        }
    }
}

/// Writes pieces one after the other, entry by entry through `convert`.
#[inline(always)]
fn convert_pieces<'a, T: Scalar, A>(
    pieces: impl Iterator<Item = &'a [T]>,
    to: &mut [A],
    convert: impl Fn(T) -> A,
) {
    let mut rest = to;
    for piece in pieces {
        let (to, others) = rest.split_at_mut(piece.len());
        for (to, &from) in to.iter_mut().zip(piece) {
            *to = convert(from);
        }
        rest = others;
    }
}

/// The memory of a piece, in runs that a kernel asks for while it sums `depth`
/// vectors.
fn ahead_of<T: Scalar>(piece: &[T], depth: usize) -> impl Iterator<Item = &[u8]> {
    bytemuck::cast_slice(piece).chunks(simd::ahead_bytes(depth))
}
