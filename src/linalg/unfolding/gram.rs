//! Gram matrices of unfoldings: G = Σₖ vₖ vₖᵀ over the vectors of an unfolding.
//!
//! The vectors are the columns of X₍ₙ₎ for G = X₍ₙ₎X₍ₙ₎ᵀ, and its rows for G = X₍ₙ₎ᵀX₍ₙ₎
//! ([`vectors`](super::vectors)). The sum is split into parts, which threads compute in parallel:
//!
//! ```text
//!   v₀ v₁ v₂ …                                                  all vectors, n entries each
//!   ├────── part 0 ──────┼────── part 1 ──────┼─── … ───┤       at most 16 parts
//!   ├ block ┼ block ┼ … ─┤                                      at most 256 vectors
//!       │
//!       │ convert to the scalar of the products
//!       │ pack in a panel (drawn in crate::simd), or not: short vectors
//!       │ that lie one after the other are read in place
//!       ▼
//!     Σ vₖ vₖᵀ of a block, in registers
//!       │ add in f64
//!       ▼
//!     G₀, the sum of part 0: n×n, lower triangle
//! ```
//!
//! The matrices of the parts are added in a tree:
//!
//! ```text
//!   G₀   G₁   G₂   G₃
//!    └─┬──┘    └─┬──┘
//!   G₀ + G₁   G₂ + G₃
//!      └────┬────┘
//!           G
//! ```
//!
//! The number of parts and of vectors in a block depend on the shape alone, so every sum has a
//! fixed order and G has the same bits on any number of threads. Each part has a matrix of its
//! own. Threads compute neighbouring parts one after the other and add them early, so few of
//! these matrices exist at the same time.

use std::ops::Range;

use faer::Mat;

use super::accuracy::Precision;
use super::convert::{Convert, ScaledToDouble, ToDouble, Unchanged, convert_pieces};
use super::vectors::{Side, Unfolding};
use crate::error::Result;
use crate::linalg::checks::check_order;
use crate::linalg::small::Columns;
use crate::scalar::{Scalar, is_single};
use crate::simd::{self, Elimination, Panel, Scratch};
use crate::tensor::TensorRef;

/// The Gram matrix of the mode-n unfolding, X₍ₙ₎X₍ₙ₎ᵀ or X₍ₙ₎ᵀX₍ₙ₎, in `f64`.
///
/// The matrix is symmetric, and both triangles are stored.
///
/// Cost: |X|·n flops for order n, since only one triangle is computed. Memory: a few packed
/// panels, and an n×n matrix for each part of the sum; the matrices together take at most a
/// quarter of the memory of X. Error: at most c·ε·‖X‖² with the ε of `precision`. The parts of
/// the sum depend on the shape alone, so the bits do not depend on the number of threads.
///
/// # Errors
/// [`crate::Error::ModeOutOfRange`]; [`crate::Error::ShapeOverflow`] or
/// [`crate::Error::OutOfMemory`] if there is no memory for an n×n matrix.
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

/// The maximum number of bytes of a packed block. A block stays in the second level of cache.
const PANEL_BYTES: usize = if cfg!(test) { 1 << 12 } else { 1 << 20 };

/// The maximum number of vectors of a block, and so of the products that are summed in a
/// register.
const MAX_DEPTH: usize = if cfg!(test) { 32 } else { 256 };

/// The number of vectors of a packed block, for vectors of `order` entries of `A`.
fn panel_depth<A>(order: usize) -> usize {
    (PANEL_BYTES / (order.max(1) * size_of::<A>())).clamp(16, MAX_DEPTH)
}

/// The largest order for which vectors are not packed: up to this order, loads across the
/// borders of cache lines cost less than the copy.
const UNPACKED_ORDER: usize = if cfg!(test) { 20 } else { 64 };

/// The maximum number of bytes of a block that is not packed. Such a block stays in the first
/// level of cache.
const UNPACKED_BYTES: usize = if cfg!(test) { 1 << 10 } else { 1 << 15 };

/// The minimum number of multiply-adds of a part.
const PART_FLOPS: usize = if cfg!(test) { 1 << 8 } else { 1 << 22 };

/// The maximum number of parts.
const MAX_PARTS: usize = 16;

/// What is done with packed vectors before their outer products are added.
#[derive(Clone, Copy)]
pub(super) enum Prepared<'a, A> {
    /// Nothing.
    Packed,
    /// The multiples of pivot rows are subtracted.
    Eliminate(&'a Elimination<A>),
}

impl<A> Prepared<'_, A> {
    fn is_unchanged(&self) -> bool {
        matches!(self, Self::Packed)
    }
}

impl<T: Scalar> Unfolding<'_, T> {
    /// The Gram matrix Σ vvᵀ over the vectors v.
    ///
    /// # Errors
    /// The errors of [`gram`], and [`crate::Error::Cancelled`].
    pub(super) fn gram(self, precision: Precision) -> Result<Columns> {
        match precision {
            Precision::Double if is_single::<T>() => {
                self.converted_gram(ToDouble, Prepared::Packed)
            }
            _ => self.converted_gram(Unchanged, Prepared::Packed),
        }
    }

    /// The Gram matrix of products in the scalar of the tensor, of prepared vectors.
    pub(super) fn prepared_gram(self, prepared: Prepared<'_, T>) -> Result<Columns> {
        self.converted_gram(Unchanged, prepared)
    }

    /// The Gram matrix of X·2⁻ᵉ, for entries with squares outside the range of `f64`.
    pub(super) fn scaled_gram(self, exponent: i32) -> Result<Columns> {
        self.converted_gram(ScaledToDouble::by_exponent(exponent), Prepared::Packed)
    }

    /// Σ vvᵀ over the vectors v with converted entries.
    fn converted_gram<C: Convert<T>>(
        self,
        conversion: C,
        prepared: Prepared<'_, C::Product>,
    ) -> Result<Columns> {
        let n = self.order;
        check_order(n, self.depth)?;
        if n == 0 {
            return Ok(Columns::from_lower(Scratch::zeroed(0), 0));
        }
        let unpacked_orders = simd::line_entries::<C::Product>()..=UNPACKED_ORDER;
        let lower = self.sum_of_parts(0..self.parts(), &|range: Range<usize>| {
            let mut g = Scratch::zeroed(n * n);
            match self.adjacent_vectors(range.clone()) {
                Some(vectors) if unpacked_orders.contains(&n) && prepared.is_unchanged() => {
                    self.add_unpacked(vectors, conversion, &mut g);
                }
                _ => self.add_packed(range, conversion, prepared, &mut g),
            }
            g
        });
        self.cancellation.check()?;
        Ok(Columns::from_lower(lower, n))
    }

    /// The sum of the matrices of the given parts. `part_sum` computes the matrix of a range of
    /// vectors. The parts are halved recursively, so the order of the additions does not depend
    /// on the number of threads.
    fn sum_of_parts(
        &self,
        parts: Range<usize>,
        part_sum: &(impl Fn(Range<usize>) -> Scratch<f64> + Sync),
    ) -> Scratch<f64> {
        if parts.len() <= 1 {
            let count = self.parts();
            let first = parts.start * self.depth / count;
            let end = parts.end * self.depth / count;
            return part_sum(first..end);
        }
        let middle = parts.start + parts.len() / 2;
        let (mut sum, upper) = rayon::join(
            || self.sum_of_parts(parts.start..middle, part_sum),
            || self.sum_of_parts(middle..parts.end, part_sum),
        );
        for (sum, upper) in sum.iter_mut().zip(&*upper) {
            *sum += upper;
        }
        sum
    }

    /// The number of parts of the sum. It depends on the shape alone. The matrices of all parts
    /// together have at most an eighth of the entries of X.
    fn parts(&self) -> usize {
        let work = (self.order * self.order).saturating_mul(self.depth);
        let by_work = work / (2 * PART_FLOPS);
        let by_memory = self.depth / (8 * self.order.max(1));
        by_work.min(by_memory).clamp(1, MAX_PARTS)
    }

    /// Adds vvᵀ to `g` for each vector v of `range`, packed in panels.
    fn add_packed<C: Convert<T>>(
        self,
        range: Range<usize>,
        conversion: C,
        prepared: Prepared<'_, C::Product>,
        g: &mut [f64],
    ) {
        let max_depth = panel_depth::<C::Product>(self.order).min(range.len());
        let mut panel = Panel::<C::Product>::new(self.order, max_depth);
        for start in range.clone().step_by(max_depth.max(1)) {
            if self.cancellation.is_requested() {
                break;
            }
            // 1. Pack the vectors of the block.
            let end = range.end.min(start + max_depth);
            let depth = end - start;
            self.pack(start..end, conversion, &mut panel);
            if let Prepared::Eliminate(elimination) = prepared {
                panel.eliminate(elimination);
            }
            // 2. Add their outer products. Prefetch the vectors of the next block meanwhile.
            let next = end..range.end.min(end + max_depth);
            if self.vectors_are_contiguous() {
                let pieces = next.flat_map(|k| self.vector(k));
                let ahead = pieces.flat_map(|piece| prefetch_runs(piece, depth));
                simd::add_panel(&panel, g, ahead);
            } else {
                let pieces = (0..self.order).flat_map(|p| self.row(p, next.clone()));
                let ahead = pieces.flat_map(|piece| prefetch_runs(piece, depth));
                simd::add_panel(&panel, g, ahead);
            }
        }
    }

    /// Packs the vectors `range` in `panel`, in the order in which they lie in memory: vector by
    /// vector, or row by row.
    fn pack<C: Convert<T>>(
        self,
        range: Range<usize>,
        conversion: C,
        panel: &mut Panel<C::Product>,
    ) {
        let depth = range.len();
        if self.vectors_are_contiguous() {
            let adjacent = self.adjacent_vectors(range.clone());
            if let Some(vectors) = adjacent.and_then(|vectors| conversion.unchanged(vectors)) {
                panel.pack_adjacent(vectors);
            } else {
                panel.pack_vectors(depth, |k, vector| {
                    convert_pieces(self.vector(range.start + k), vector, conversion);
                });
            }
        } else if let Some((rows, stride)) = self.strided_rows(range.clone())
            && let Some(rows) = conversion.unchanged(rows)
        {
            panel.pack_strided(depth, rows, stride);
        } else {
            panel.pack_rows(depth, |p, row| {
                convert_pieces(self.row(p, range.clone()), row, conversion);
            });
        }
    }

    /// Adds vvᵀ to `g` for each vector v of `vectors`, which lie one after the other.
    /// Nothing is packed.
    fn add_unpacked<C: Convert<T>>(self, vectors: &[T], conversion: C, g: &mut [f64]) {
        let order = self.order;
        let max_depth = UNPACKED_BYTES / (order * size_of::<C::Product>());
        let len = max_depth.clamp(1, MAX_DEPTH) * order;
        let unchanged = conversion.unchanged(vectors);
        let room = if unchanged.is_some() { 0 } else { len };
        let mut converted = Scratch::<C::Product>::zeroed(room);
        for start in (0..vectors.len()).step_by(len) {
            if self.cancellation.is_requested() {
                break;
            }
            // 1. Convert the vectors of the block, if necessary.
            let end = vectors.len().min(start + len);
            let block = match unchanged {
                Some(vectors) => &vectors[start..end],
                None => {
                    let converted = &mut converted[..end - start];
                    let piece = std::iter::once(&vectors[start..end]);
                    simd::vectorize(
                        #[inline(always)]
                        || convert_pieces(piece, converted, conversion),
                    );
                    &*converted
                }
            };
            // 2. Add their outer products. Prefetch the vectors of the next block meanwhile.
            let next = &vectors[end..vectors.len().min(end + len)];
            let ahead = prefetch_runs(next, (end - start) / order);
            simd::add_outer_products(block, order, g, ahead);
        }
    }
}

/// The memory of a piece, in runs that a tile prefetches while it sums `depth` products.
fn prefetch_runs<T: Scalar>(piece: &[T], depth: usize) -> impl Iterator<Item = &[u8]> {
    bytemuck::cast_slice(piece).chunks(simd::ahead_bytes(depth))
}
