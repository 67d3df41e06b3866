//! Mode-n products, slab by slab.
//!
//! Around mode n a tensor is L slabs of I rows and R columns. The product Y = X ×ₙ U with a
//! J×I matrix multiplies each slab by U, and no unfolding is formed. Vector registers run along
//! entries that are contiguous in memory, so there are three cases:
//!
//! ```text
//!   R = 1, the last mode        R < 6 lines: narrow slabs    R ≥ 6 lines: wide slabs
//!
//!   X ┌────────┐ x₀             X₀  X₁  X₂   …               X₀
//!     ├────────┤ x₁             ┌──┐┌──┐┌──┐                 ┌─────────────────┐
//!     ├────────┤ x₂             │  ││  ││  │ I rows          │                 │ I rows
//!     └────────┘ …              └──┘└──┘└──┘                 └─────────────────┘
//!      I columns                 R   R   R  columns           R columns
//!
//!   Y = X Uᵀ, row by row:       Y_l = U X_l, several         Y_l = U X_l, ranges of
//!   `row_product`               slabs packed as a strip:     columns, in place:
//!                               `Strip`                      `multiply_in_place`
//! ```
//!
//! A task multiplies about 1024 columns of the unfolding, and threads run the tasks in parallel.
//! The order of the sum in each entry of Y depends on I and R alone, so the bits depend neither on
//! the tasks nor on the number of threads.

use faer::{MatMut, MatRef};
use rayon::prelude::*;

use super::sizes::Sizes;
use super::{ModeExtents, Tensor, TensorRef};
use crate::error::{Error, Result};
use crate::monitor::Cancellation;
use crate::scalar::Scalar;
use crate::simd::{
    PackedColumns, PackedRows, Strip, multiply_in_place, row_product, sliver_entries,
};

/// The number of columns of the unfolding that one task multiplies, unless the matrix is large.
const TASK_COLUMNS: usize = if cfg!(test) { 192 } else { 1024 };

/// The number of columns of the unfolding in a strip.
const STRIP_COLUMNS: usize = if cfg!(test) { 96 } else { 256 };

/// The minimum width of a wide slab, in slivers. The last sliver of a row, which is seldom full,
/// costs little from this width on.
const WIDE_SLIVERS: usize = 3;

/// The maximum number of multiply-adds of one task, which take a fraction of a second. A task
/// checks the cancellation flag only before it starts or before it multiplies a strip.
const TASK_FLOPS: usize = if cfg!(test) { 1 << 12 } else { 1 << 32 };

/// The minimum number of columns of one task.
const FEWEST_COLUMNS: usize = 64;

/// The mode-n product Y = X ×ₙ U, that is Y₍ₙ₎ = U X₍ₙ₎ (Kolda & Bader, §2.5).
///
/// `u` is J×Iₙ, and the result has extent J in mode n. A transposed matrix costs nothing:
/// pass `u.transpose()`. 2·J·|X| flops; memory for the result and for packed
/// operands.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::ProductMismatch`], [`Error::ShapeOverflow`],
/// [`Error::OutOfMemory`].
pub(crate) fn mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    u: MatRef<'_, T>,
) -> Result<Tensor<T>> {
    mode_product_until(x, mode, u, Cancellation::default())
}

/// Like [`mode_product`]. Returns [`Error::Cancelled`] soon after the flag is set.
pub(crate) fn mode_product_until<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    u: MatRef<'_, T>,
    cancellation: Cancellation<'_>,
) -> Result<Tensor<T>> {
    let x = x.into();
    let around = x.extents(mode)?;
    check_extent(around, mode, u)?;
    let mut y = Tensor::zeros(&x.shape.with(mode, u.nrows())?)?;
    let product = ModeProduct {
        around,
        u,
        cancellation,
    };
    product.write(x, &mut y.data)?;
    Ok(y)
}

/// Like [`mode_product`]. Writes the result to `y`, which has the length of the result.
pub(crate) fn mode_product_into<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    u: MatRef<'_, T>,
    y: &mut [T],
) -> Result<()> {
    let around = x.extents(mode)?;
    check_extent(around, mode, u)?;
    debug_assert_eq!(y.len(), around.columns() * u.nrows());
    let product = ModeProduct {
        around,
        u,
        cancellation: Cancellation::default(),
    };
    product.write(x, y)
}

/// Fails unless the number of columns of `u` is the extent of mode `mode`.
pub(super) fn check_extent<T>(around: ModeExtents, mode: usize, u: MatRef<'_, T>) -> Result<()> {
    if u.ncols() == around.extent {
        return Ok(());
    }
    Err(Error::ProductMismatch {
        mode,
        columns: u.ncols(),
        extent: around.extent,
    })
}

/// A product with a matrix U that fits the extents around the mode.
struct ModeProduct<'a, T> {
    around: ModeExtents,
    u: MatRef<'a, T>,
    cancellation: Cancellation<'a>,
}

impl<T: Scalar> ModeProduct<'_, T> {
    /// Y₍ₙ₎ = U X₍ₙ₎.
    fn write(&self, x: TensorRef<'_, T>, y: &mut [T]) -> Result<()> {
        if y.is_empty() || self.around.extent == 0 {
            y.fill(T::zero());
        } else {
            Packed::new(self.u, self.around).multiply(x.data, y, self.cancellation);
        }
        self.cancellation.check()
    }
}

/// The matrix of a mode-n product, packed for the shape of the slabs.
pub(super) enum Packed<T> {
    /// For R = 1, as in the last mode.
    Columns(PackedColumns<T>),
    /// For R > 1, with R.
    Rows(PackedRows<T>, usize),
}

impl<T: Scalar> Packed<T> {
    pub(super) fn new(u: MatRef<'_, T>, around: ModeExtents) -> Self {
        let entry = |j, k| u[(j, k)];
        if around.right == 1 {
            Self::Columns(PackedColumns::new(u.nrows(), u.ncols(), entry))
        } else {
            Self::Rows(PackedRows::new(u.nrows(), u.ncols(), entry), around.right)
        }
    }

    /// Multiplies slabs that lie one after the other. Leaves `y` unfinished if the flag is set.
    pub(super) fn multiply(&self, x: &[T], y: &mut [T], cancellation: Cancellation<'_>) {
        match self {
            Self::Columns(u) => multiply_rows(x, u, y, cancellation),
            &Self::Rows(ref u, right) => {
                let product = SlabProduct {
                    u,
                    right,
                    cancellation,
                };
                if right >= WIDE_SLIVERS * sliver_entries::<T>() {
                    product.of_wide_slabs(x, y);
                } else {
                    product.of_narrow_slabs(x, y);
                }
            }
        }
    }
}

/// The number of columns of the unfolding that one task multiplies by a J×I matrix. With a large
/// matrix a task gets fewer columns, so that it ends soon after the cancellation flag is set.
fn task_columns(rows: usize, depth: usize) -> usize {
    let in_time = TASK_FLOPS / (rows * depth);
    (in_time / FEWEST_COLUMNS * FEWEST_COLUMNS).clamp(FEWEST_COLUMNS, TASK_COLUMNS)
}

/// Y = X Uᵀ: the product in the last mode.
fn multiply_rows<T: Scalar>(
    x: &[T],
    u: &PackedColumns<T>,
    y: &mut [T],
    cancellation: Cancellation<'_>,
) {
    let rows = task_columns(u.columns(), u.depth());
    x.par_chunks(rows * u.depth())
        .zip(y.par_chunks_mut(rows * u.columns()))
        .for_each(|(x, y)| {
            if !cancellation.is_requested() {
                row_product(x, u, y);
            }
        });
}

/// The product of U with slabs of R columns, R > 1.
struct SlabProduct<'a, T> {
    u: &'a PackedRows<T>,
    /// R.
    right: usize,
    cancellation: Cancellation<'a>,
}

impl<T: Scalar> SlabProduct<'_, T> {
    /// Y_l = U X_l for wide slabs: ranges of columns of each slab in parallel.
    fn of_wide_slabs(&self, x: &[T], y: &mut [T]) {
        let (rows, extent, right) = (self.u.rows(), self.u.depth(), self.right);
        let task = task_columns(rows, extent);
        let slabs = x.par_chunks_exact(extent * right);
        slabs
            .zip(y.par_chunks_exact_mut(rows * right))
            .for_each(|(x, y)| {
                let y = MatMut::from_row_major_slice_mut(y, rows, right);
                for_columns(y, 0, task, &|first, y| {
                    if !self.cancellation.is_requested() {
                        multiply_in_place(self.u, &x[first..], right, y);
                    }
                });
            });
    }

    /// Y_l = U X_l for narrow slabs. A strip consists of several slabs, and a task of several strips.
    fn of_narrow_slabs(&self, x: &[T], y: &mut [T]) {
        let (u, right) = (self.u, self.right);
        let sizes = [u.depth() * right, u.rows() * right];
        let task = task_columns(u.rows(), u.depth());
        let per_strip = (STRIP_COLUMNS.min(task) / right).max(1);
        let per_task = per_strip * task.div_ceil(STRIP_COLUMNS);
        let multiply = |(x, y): (&[T], &mut [T])| {
            let mut strip = Strip::new(u, right);
            let strips = y.chunks_mut(per_strip * sizes[1]);
            for (y, start) in strips.zip((0..).step_by(per_strip * sizes[0])) {
                if self.cancellation.is_requested() {
                    return;
                }
                let (here, next) = x[start..].split_at(y.len() / sizes[1] * sizes[0]);
                strip.multiply(here, y, next);
            }
        };
        x.par_chunks(per_task * sizes[0])
            .zip(y.par_chunks_mut(per_task * sizes[1]))
            .for_each(multiply);
    }
}

/// Splits `y` into ranges of at most `limit` columns, and calls `part` for them in parallel, each
/// with the number of its first column.
fn for_columns<T: Scalar>(
    y: MatMut<'_, T>,
    first: usize,
    limit: usize,
    part: &(impl Fn(usize, MatMut<'_, T>) + Sync),
) {
    if y.ncols() <= limit {
        part(first, y);
        return;
    }
    let middle = y.ncols().div_ceil(limit) / 2 * limit;
    let (left, right) = y.split_at_col_mut(middle);
    rayon::join(
        || for_columns(left, first, limit, part),
        || for_columns(right, first + middle, limit, part),
    );
}

/// The maximum number of bytes that [`mode_product`] allocates for a matrix of `rows` rows: the
/// result, and the strips that the threads pack.
pub(crate) fn mode_product_memory(x: &Sizes, mode: usize, rows: f64) -> f64 {
    x.with(mode, rows).bytes() + packing_memory(x, mode, rows)
}

/// The maximum number of bytes of the packed strips of all threads, and of their results.
fn packing_memory(x: &Sizes, mode: usize, rows: f64) -> f64 {
    let threads = rayon::current_num_threads() as f64;
    let columns = (x.entries() / x.extents[mode] + PADDING).min(PACKED_COLUMNS);
    threads * columns * (x.extents[mode] + rows) * x.scalar
}

/// The maximum number of columns that a thread packs, padding included.
const PACKED_COLUMNS: f64 = 512.0;
/// The maximum number of columns of padding.
const PADDING: f64 = 64.0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::common::oracle::{self, assert_rounded, magnitude};
    use crate::common::random::Random;
    use crate::monitor::Monitor;

    /// Long, flat and ragged: every case of a product, in several tasks and strips.
    const SHAPES: [[usize; 3]; 8] = [
        [TASK_COLUMNS + 9, 3, 1],
        [70, 4, 5],
        [3, 35, 2 * TASK_COLUMNS + 13],
        [2, 6, STRIP_COLUMNS - 1],
        [5, 3, 47],
        [17, 2, 130],
        [1, 9, TASK_COLUMNS],
        [13, 11, 12],
    ];

    fn check<T: Scalar>() {
        let mut random = Random::new(3);
        for shape in SHAPES {
            let x: Tensor<T> = random.tensor(&shape);
            let sizes = oracle::abs(&oracle::in_f64(&x));
            for (mode, &extent) in shape.iter().enumerate() {
                for rows in [1, 2, 7, 13] {
                    let u = random.matrix(rows, extent);
                    let y = mode_product(&x, mode, u.as_ref()).unwrap();
                    let exact = oracle::mode_product(&x, mode, u.as_ref());
                    let sizes = oracle::mode_product(&sizes, mode, magnitude(u.as_ref()).as_ref());
                    assert_rounded(&y, &exact, &sizes, extent + 2);
                }
            }
        }
    }

    #[test]
    fn tasks_and_strips_make_the_whole_product() {
        check::<f64>();
        check::<f32>();
    }

    #[test]
    fn tasks_shrink_for_large_matrices() {
        assert_eq!(task_columns(1, 1), TASK_COLUMNS);
        assert_eq!(task_columns(1, TASK_FLOPS / 150), 128);
        assert_eq!(task_columns(TASK_FLOPS, 10), FEWEST_COLUMNS);
    }

    #[test]
    fn products_end_when_cancelled() {
        let cancelled = Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)));
        let cancellation = cancelled.cancellation();
        let mut random = Random::new(4);
        for shape in SHAPES {
            let x: Tensor<f64> = random.tensor(&shape);
            for (mode, &extent) in shape.iter().enumerate() {
                let u = random.matrix(2, extent);
                let y = mode_product_until(&x, mode, u.as_ref(), cancellation);
                assert!(matches!(y, Err(Error::Cancelled)), "{shape:?}, mode {mode}");
            }
        }
    }
}
