//! Mode-n products.

use std::ops::Range;

use faer::reborrow::ReborrowMut;
use faer::{MatMut, MatRef};
use rayon::prelude::*;

use super::sizes::Sizes;
use super::{ModeExtents, Tensor, TensorRef, check_modes};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::simd::{
    PackedColumns, PackedRows, Scratch, pack_row, packed_products, row_product, strided_products,
    tile_width,
};

/// Columns of the unfolding that one task takes, at least.
const TASK_COLUMNS: usize = if cfg!(test) { 192 } else { 1024 };

/// Columns of the unfolding that are packed at once.
const STRIP_COLUMNS: usize = if cfg!(test) { 96 } else { 256 };

/// Tiles that a row of a slab has at least where the slab is not packed: what is
/// left over of the last tile counts little.
const UNPACKED_TILES: usize = 3;

/// Bytes of results that stay in the second level of cache.
const RESULT_BYTES: usize = if cfg!(test) { 1 << 10 } else { 1 << 19 };

/// Tiles of a strip that is not packed, at most: a row of them is a page long.
const STRIP_TILES: usize = if cfg!(test) { 4 } else { 32 };

/// The mode-n product Y = X ×ₙ U, that is Y₍ₙ₎ = U X₍ₙ₎ (Kolda & Bader, §2.5).
///
/// `u` is J×Iₙ; the result has extent J in mode n. A transposed factor costs
/// nothing: pass `u.transpose()`. No unfolding is formed: the product is one
/// small matrix product per slab. 2·J·|X| flops; memory for the result.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::ProductMismatch`], [`Error::ShapeOverflow`],
/// [`Error::OutOfMemory`].
pub(crate) fn mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    u: MatRef<'_, T>,
) -> Result<Tensor<T>> {
    let x = x.into();
    let around = x.extents(mode)?;
    check_extent(around, mode, u)?;
    let mut y = Tensor::zeros(&x.shape.with(mode, u.nrows())?)?;
    multiply(x, around, u, &mut y.data);
    Ok(y)
}

/// [`mode_product`] into `y`, which has the entries of the result.
pub(crate) fn mode_product_into<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    u: MatRef<'_, T>,
    y: &mut [T],
) -> Result<()> {
    let around = x.extents(mode)?;
    check_extent(around, mode, u)?;
    debug_assert_eq!(y.len(), around.columns() * u.nrows());
    multiply(x, around, u, y);
    Ok(())
}

/// Fails where `u` does not fit mode `mode`.
fn check_extent<T>(around: ModeExtents, mode: usize, u: MatRef<'_, T>) -> Result<()> {
    if u.ncols() == around.extent {
        return Ok(());
    }
    Err(Error::ProductMismatch {
        mode,
        columns: u.ncols(),
        extent: around.extent,
    })
}

/// Y₍ₙ₎ = U X₍ₙ₎.
fn multiply<T: Scalar>(x: TensorRef<'_, T>, around: ModeExtents, u: MatRef<'_, T>, y: &mut [T]) {
    if y.is_empty() || around.extent == 0 {
        y.fill(T::zeroed());
    } else {
        Packed::new(u, around).multiply(x.data, y);
    }
}

/// The matrix of a mode-n product, packed for the place of the mode.
enum Packed<T> {
    /// For the last mode.
    Columns(PackedColumns<T>),
    /// For any other, with what lies to the right of it.
    Rows(PackedRows<T>, usize),
}

impl<T: Scalar> Packed<T> {
    fn new(u: MatRef<'_, T>, around: ModeExtents) -> Self {
        let entry = |j, k| u[(j, k)];
        if around.right == 1 {
            Self::Columns(PackedColumns::new(u.nrows(), u.ncols(), entry))
        } else {
            Self::Rows(PackedRows::new(u.nrows(), u.ncols(), entry), around.right)
        }
    }

    /// The product with slabs that lie one after the other.
    fn multiply(&self, x: &[T], y: &mut [T]) {
        match self {
            Self::Columns(u) => multiply_rows(x, u, y),
            Self::Rows(u, right) => multiply_slabs(x, *right, u, y),
        }
    }
}

/// Y = X Uᵀ, the product in the last mode.
fn multiply_rows<T: Scalar>(x: &[T], u: &PackedColumns<T>, y: &mut [T]) {
    x.par_chunks(TASK_COLUMNS * u.depth())
        .zip(y.par_chunks_mut(TASK_COLUMNS * u.columns()))
        .for_each(|(x, y)| row_product(x, u, y));
}

/// Y_l = U X_l for every slab, the product in any mode but the last.
fn multiply_slabs<T: Scalar>(x: &[T], right: usize, u: &PackedRows<T>, y: &mut [T]) {
    let (rows, extent) = (u.rows(), u.depth());
    if right >= UNPACKED_TILES * tile_width::<T>() {
        let slabs = x.par_chunks_exact(extent * right);
        slabs
            .zip(y.par_chunks_exact_mut(rows * right))
            .for_each(|(x, y)| {
                let y = MatMut::from_row_major_slice_mut(y, rows, right);
                for_columns(y, 0, &|first, y| multiply_columns(u, &x[first..], right, y));
            });
    } else {
        let slab = extent * right;
        let per_strip = STRIP_COLUMNS / right;
        let per_task = per_strip * (TASK_COLUMNS / STRIP_COLUMNS);
        let multiply = |(x, y): (&[T], &mut [T])| {
            let mut strip = Strip::default();
            let strips = y.chunks_mut(per_strip * rows * right);
            for (y, start) in strips.zip((0..).step_by(per_strip * slab)) {
                let count = y.len() / (rows * right);
                let (here, next) = x[start..].split_at(count * slab);
                let x = here.chunks_exact(slab);
                let x = x.map(|x| MatRef::from_row_major_slice(x, extent, right));
                let y = y.chunks_exact_mut(rows * right);
                let y = y.map(|y| MatMut::from_row_major_slice_mut(y, rows, right));
                strip.multiply(u, x, y, next);
            }
        };
        x.par_chunks(per_task * slab)
            .zip(y.par_chunks_mut(per_task * rows * right))
            .for_each(multiply);
    }
}

/// Y = U S for as many columns of the slab S as Y has; `x` starts with the first of
/// them, its rows `right` entries apart.
fn multiply_columns<T: Scalar>(u: &PackedRows<T>, x: &[T], right: usize, mut y: MatMut<'_, T>) {
    let width = tile_width::<T>();
    let (rows, depth) = (u.rows(), u.depth());
    let tile_size = rows * width;
    let tiles = (RESULT_BYTES / (tile_size * size_of::<T>())).clamp(1, STRIP_TILES);
    let mut result = Scratch::zeroed(tiles.min(y.ncols().div_ceil(width)) * tile_size);
    for start in (0..y.ncols()).step_by(tiles * width) {
        let columns = (tiles * width).min(y.ncols() - start);
        let x = &x[start..];
        let (whole, rest) = result.split_at_mut(columns / width * tile_size);
        strided_products(u, x, right, whole);
        let over = columns % width;
        if over > 0 {
            let x = &x[columns - over..];
            let mut packed = Scratch::zeroed(depth * width);
            for (row, x) in packed.chunks_exact_mut(width).zip(x.chunks(right)) {
                row[..over].copy_from_slice(&x[..over]);
            }
            packed_products(u, &packed, &mut rest[..tile_size], &[]);
        }
        unpack(&result, 0, y.rb_mut().subcols_mut(start, columns));
    }
}

/// Calls `part` with some columns of `y` at a time and the number of their first,
/// in parallel.
fn for_columns<T: Scalar>(
    y: MatMut<'_, T>,
    first: usize,
    part: &(impl Fn(usize, MatMut<'_, T>) + Sync),
) {
    if y.ncols() <= TASK_COLUMNS {
        part(first, y);
        return;
    }
    let middle = y.ncols().div_ceil(TASK_COLUMNS) / 2 * TASK_COLUMNS;
    let (left, right) = y.split_at_col_mut(middle);
    rayon::join(
        || for_columns(left, first, part),
        || for_columns(right, first + middle, part),
    );
}

/// X ×ₐ Uₐ ×ᵦ Uᵦ …: the product with one matrix for each named mode, modes not
/// named left as they are.
///
/// The order of the products does not change the result beyond rounding. They
/// are taken in the order of fewest flops: with J×I matrices an exchange of
/// neighbours pays where 1/J − 1/I is larger for the second; of equals the last
/// mode comes first, since its fibres lie contiguous.
///
/// # Errors
/// Those of [`mode_product`], and [`Error::RepeatedMode`].
pub(crate) fn multi_mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    matrices: &[(usize, MatRef<'_, T>)],
) -> Result<Tensor<T>> {
    let x = x.into();
    let modes: Vec<usize> = matrices.iter().map(|&(mode, _)| mode).collect();
    check_modes(&modes, x.order())?;
    let mut ordered = matrices.to_vec();
    cheapest_first(&mut ordered, |u| (u.nrows() as f64, u.ncols() as f64));

    let (mut y, rest) = match *ordered {
        [] => return Ok(x.to_tensor()),
        [first, second, ref rest @ ..] if last_two(first.0, second.0, x.order()) => {
            (product_of_two(x, first, second)?, rest)
        }
        [(mode, u), ref rest @ ..] => (mode_product(x, mode, u)?, rest),
    };
    for &(mode, u) in rest {
        y = mode_product(&y, mode, u)?;
    }
    Ok(y)
}

/// Sorts products in several modes by the order of fewest flops. `size` gives the rows and
/// columns of a matrix.
fn cheapest_first<U>(products: &mut [(usize, U)], size: impl Fn(&U) -> (f64, f64)) {
    let gain = |u: &U| {
        let (rows, columns) = size(u);
        1.0 / rows - 1.0 / columns
    };
    products.sort_by(|a, b| gain(&b.1).total_cmp(&gain(&a.1)).then(b.0.cmp(&a.0)));
}

/// The maximum number of bytes that [`mode_product`] allocates where the matrix has this many
/// rows: the result, and what the threads pack.
pub(crate) fn mode_product_memory(x: &Sizes, mode: usize, rows: f64) -> f64 {
    x.with(mode, rows).bytes() + packing_memory(x, mode, rows)
}

/// The bytes that the threads pack for a product in one mode: strips of columns of the
/// unfolding, and their results.
fn packing_memory(x: &Sizes, mode: usize, rows: f64) -> f64 {
    let threads = rayon::current_num_threads() as f64;
    let columns = (x.entries() / x.extents[mode] + PADDING).min(PACKED_COLUMNS);
    threads * columns * (x.extents[mode] + rows) * x.scalar
}

/// Columns that a thread packs for a product, and columns that pad them, at most.
const PACKED_COLUMNS: f64 = 512.0;
const PADDING: f64 = 64.0;

/// The maximum number of bytes that [`multi_mode_product`] allocates for matrices of so many
/// rows: two tensors at a time, of which the first is `x` itself.
pub(crate) fn multi_mode_product_memory(x: &Sizes, products: &[(usize, f64)]) -> f64 {
    let mut ordered: Vec<(usize, (f64, f64))> = products
        .iter()
        .map(|&(mode, rows)| (mode, (rows, x.extents[mode])))
        .collect();
    cheapest_first(&mut ordered, |&size| size);
    let (mut y, mut beside, mut most) = (x.clone(), 0.0, 0.0f64);
    for (mode, (rows, _)) in ordered {
        most = most.max(beside + mode_product_memory(&y, mode, rows));
        y = y.with(mode, rows);
        beside = y.bytes();
    }
    most
}

/// Whether two modes of a tensor are the last two.
fn last_two(a: usize, b: usize, order: usize) -> bool {
    a.min(b) + 2 == order && a.max(b) + 1 == order
}

/// Entries between the two products of [`product_of_two`] that stay in the second
/// level of cache.
const BETWEEN: usize = if cfg!(test) { 64 } else { 1 << 16 };

/// X ×ₐ Uₐ ×ᵦ Uᵦ for the last two modes, some slabs at a time: what lies between
/// the two products never leaves the cache.
fn product_of_two<T: Scalar>(
    x: TensorRef<'_, T>,
    (a, u): (usize, MatRef<'_, T>),
    (b, v): (usize, MatRef<'_, T>),
) -> Result<Tensor<T>> {
    let around = x.extents(a)?;
    check_extent(around, a, u)?;
    let between = x.shape.with(a, u.nrows())?;
    let then = ModeExtents::around(&between, b);
    check_extent(then, b, v)?;
    let mut y = Tensor::zeros(&between.with(b, v.nrows())?)?;
    let slab = |shape: &[usize]| shape[shape.len() - 2..].iter().product::<usize>();
    let sizes = [slab(x.shape()), slab(&between), slab(y.shape())];
    if sizes.contains(&0) || y.data.is_empty() {
        return Ok(y);
    }
    let slabs = (BETWEEN / sizes[1]).max(1);
    let (u, v) = (Packed::new(u, around), Packed::new(v, then));
    x.data
        .par_chunks(slabs * sizes[0])
        .zip(y.data.par_chunks_mut(slabs * sizes[2]))
        .for_each(|(x, y)| {
            let mut between = Scratch::unspecified(x.len() / sizes[0] * sizes[1]);
            u.multiply(x, &mut between);
            v.multiply(&between, y);
        });
    Ok(y)
}

/// Scratch memory for one strip of columns, packed tile by tile.
struct Strip<T> {
    packed: Scratch<T>,
    result: Scratch<T>,
}

impl<T: Scalar> Default for Strip<T> {
    fn default() -> Self {
        Self {
            packed: Scratch::zeroed(0),
            result: Scratch::zeroed(0),
        }
    }
}

impl<T: Scalar> Strip<T> {
    /// Y = U X for pieces X and Y of row-major slabs that together make a strip;
    /// `next` are the pieces of the next one.
    fn multiply<'a>(
        &mut self,
        u: &PackedRows<T>,
        x: impl Iterator<Item = MatRef<'a, T>> + Clone,
        y: impl IntoIterator<Item = MatMut<'a, T>>,
        next: &[T],
    ) {
        let width = tile_width::<T>();
        let (depth, rows) = (u.depth(), u.rows());
        let columns: usize = x.clone().map(|x| x.ncols()).sum();
        let tiles = columns.div_ceil(width);
        self.packed.resize(tiles * depth * width);
        self.result.resize(tiles * rows * width);

        let mut start = 0;
        for x in x {
            for i in 0..depth {
                let row = x
                    .row(i)
                    .try_as_row_major()
                    .map_or(&[][..], |row| row.as_slice());
                if start == 0 {
                    pack_row(row, &mut self.packed[i * width..], depth * width);
                    continue;
                }
                for (tile, column, run) in tile_runs(start, row.len(), width) {
                    let at = (tile * depth + i) * width + column;
                    self.packed[at..at + run.len()].copy_from_slice(&row[run]);
                }
            }
            start += x.ncols();
        }
        packed_products(u, &self.packed, &mut self.result, next);
        let mut start = 0;
        for y in y {
            let columns = y.ncols();
            unpack(&self.result, start, y);
            start += columns;
        }
    }
}

/// Copies columns from `start` of packed tiles to Y.
fn unpack<T: Scalar>(tiles: &[T], start: usize, mut y: MatMut<'_, T>) {
    let width = tile_width::<T>();
    let rows = y.nrows();
    for j in 0..rows {
        let Some(row) = y.rb_mut().row_mut(j).try_as_row_major_mut() else {
            continue;
        };
        let row = row.as_slice_mut();
        for (tile, column, run) in tile_runs(start, row.len(), width) {
            let at = (tile * rows + j) * width + column;
            row[run.clone()].copy_from_slice(&tiles[at..at + run.len()]);
        }
    }
}

/// Where `len` entries go that start at column `start` of a strip: the tile, the
/// column in it, and the range of the entries, run by run.
fn tile_runs(
    start: usize,
    len: usize,
    width: usize,
) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (tile, column) = ((start + at) / width, (start + at) % width);
        let run = at..len.min(at + width - column);
        at = run.end;
        (!run.is_empty()).then_some((tile, column, run))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle::{self, assert_rounded, magnitude};
    use crate::common::random::Random;

    /// Long, flat and ragged: every path of a product, in several tasks, strips and tiles.
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
            for [a, b] in [[1, 2], [2, 1], [0, 1], [0, 2]] {
                let (u, v) = (random.matrix(3, shape[a]), random.matrix(2, shape[b]));
                let y = multi_mode_product(&x, &[(a, u.as_ref()), (b, v.as_ref())]).unwrap();
                let [mut exact, mut sizes] = [oracle::in_f64(&x), sizes.clone()];
                for (mode, u) in [(a, &u), (b, &v)] {
                    let double = oracle::matrix_in_f64(u.as_ref());
                    exact = oracle::mode_product(&exact, mode, double.as_ref());
                    sizes = oracle::mode_product(&sizes, mode, magnitude(u.as_ref()).as_ref());
                }
                assert_rounded(&y, &exact, &sizes, shape[a] + shape[b] + 4);
            }
        }
    }

    #[test]
    fn tasks_strips_and_tiles_make_the_whole_product() {
        check::<f64>();
        check::<f32>();
    }
}
