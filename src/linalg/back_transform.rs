//! Eigenvectors of a tridiagonal form, back in the basis of the matrix itself.

use faer::Mat;
use pulp::{Simd, WithSimd};

use super::householder::Reduction;
use super::rows::{dot, lane_start};
use crate::kernel::{Aligned, arch};

/// Reflectors that are applied together.
const BLOCK: usize = 8;

/// X ← Q X: the columns of X from the basis of T to that of S = Q T Qᵀ. Blocks of
/// reflectors in the form I − V U⁻¹ Vᵀ (Joffrain et al., ACM Trans. Math. Softw.
/// 2006). 2·n² flops for each column.
pub(super) fn back_transform(reduction: &Reduction, x: &mut Mat<f64>) {
    arch().dispatch(Apply { reduction, x });
}

struct Apply<'a> {
    reduction: &'a Reduction,
    x: &'a mut Mat<f64>,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { reduction, x } = self;
        let count = x.ncols();
        let blocks = Block::all(simd, reduction);
        let mut lanes = Aligned::zeroed(x.nrows() * 2 * S::F64_LANES);
        let mut first = 0;
        // Registers for two vectors of columns only where there are 32 of them.
        while S::F64_LANES >= 8 && first + S::F64_LANES < count {
            apply_to_columns::<S, 2>(simd, &blocks, x, first, &mut lanes);
            first += 2 * S::F64_LANES;
        }
        while first < count {
            apply_to_columns::<S, 1>(simd, &blocks, x, first, &mut lanes);
            first += S::F64_LANES;
        }
    }
}

/// Reflectors k, k + 1, … of one block.
struct Block {
    /// The first entry in which any of the vectors is not zero.
    start: usize,
    /// The vectors' entries, those of one row together.
    vectors: Vec<[f64; BLOCK]>,
    /// Inner products of each vector with those after it.
    products: [[f64; BLOCK]; BLOCK],
    scales: [f64; BLOCK],
}

impl Block {
    #[inline(always)]
    fn all<S: Simd>(simd: S, reduction: &Reduction) -> Vec<Self> {
        let n = reduction.scales.len();
        let mut blocks = Vec::with_capacity(n.div_ceil(BLOCK));
        for k in (0..n.saturating_sub(1)).step_by(BLOCK) {
            blocks.push(Self::new(simd, reduction, k));
        }
        blocks
    }

    /// The block that begins with reflector k.
    #[inline(always)]
    fn new<S: Simd>(simd: S, reduction: &Reduction, k: usize) -> Self {
        let n = reduction.scales.len();
        let start = k + 1;
        let mut vectors = vec![[0.0; BLOCK]; n - start];
        let mut scales = [0.0; BLOCK];
        for l in 0..BLOCK.min(n - k) {
            scales[l] = reduction.scales[k + l];
            let row = &reduction.vectors.row(k + l)[start..n];
            for (entries, &entry) in vectors.iter_mut().zip(row) {
                entries[l] = entry;
            }
        }
        let mut products = [[0.0; BLOCK]; BLOCK];
        let aligned = lane_start(start);
        for (l, products) in products.iter_mut().enumerate().take(n - k) {
            let row = &reduction.vectors.row(k + l)[aligned..];
            for (m, product) in products.iter_mut().enumerate().take(n - k).skip(l + 1) {
                *product = dot(simd, row, &reduction.vectors.row(k + m)[aligned..]);
            }
        }
        Self {
            start,
            vectors,
            products,
            scales,
        }
    }
}

/// Columns `first`, … of X, as many as V vectors have lanes, each in a lane of its
/// own, through all blocks.
#[inline(always)]
fn apply_to_columns<S: Simd, const V: usize>(
    simd: S,
    blocks: &[Block],
    x: &mut Mat<f64>,
    first: usize,
    lanes: &mut [f64],
) {
    let width = V * S::F64_LANES;
    let count = width.min(x.ncols() - first);
    for lane in 0..count {
        let column = x.col_as_slice(first + lane);
        for (row, &entry) in lanes.chunks_exact_mut(width).zip(column) {
            row[lane] = entry;
        }
    }
    let rows = S::as_mut_simd_f64s(lanes).0.as_chunks_mut::<V>().0;
    for block in blocks.iter().rev() {
        reflect(simd, block, &mut rows[block.start..]);
    }
    for lane in 0..count {
        let column = x.col_as_slice_mut(first + lane);
        for (row, entry) in lanes.chunks_exact(width).zip(column) {
            *entry = row[lane];
        }
    }
}

/// X ← X − V U⁻¹ Vᵀ X with U = diag(1/scale) + the strict upper triangle of VᵀV.
#[inline(always)]
fn reflect<S: Simd, const V: usize>(simd: S, block: &Block, x: &mut [[S::f64s; V]]) {
    let mut along = [[simd.splat_f64s(0.0); V]; BLOCK];
    for (x, entries) in x.iter().zip(&block.vectors) {
        for (sum, &entry) in along.iter_mut().zip(entries) {
            let entry = simd.splat_f64s(entry);
            for i in 0..V {
                sum[i] = simd.mul_add_f64s(entry, x[i], sum[i]);
            }
        }
    }
    // Negated: −U⁻¹ Vᵀ X.
    for l in (0..BLOCK).rev() {
        let scale = simd.splat_f64s(-block.scales[l]);
        let mut sum = along[l];
        for (along, &product) in along.iter().zip(&block.products[l]).skip(l + 1) {
            let product = simd.splat_f64s(product);
            for i in 0..V {
                sum[i] = simd.mul_add_f64s(product, along[i], sum[i]);
            }
        }
        for i in 0..V {
            along[l][i] = simd.mul_f64s(scale, sum[i]);
        }
    }
    for (x, entries) in x.iter_mut().zip(&block.vectors) {
        for (along, &entry) in along.iter().zip(entries) {
            let entry = simd.splat_f64s(entry);
            for i in 0..V {
                x[i] = simd.mul_add_f64s(entry, along[i], x[i]);
            }
        }
    }
}
