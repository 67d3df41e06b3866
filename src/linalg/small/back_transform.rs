//! Eigenvectors of a tridiagonal form, back in the basis of the matrix itself.

use pulp::{Simd, WithSimd};

use super::columns::Columns;
use super::householder::Reduction;
use crate::simd::{Scratch, arch, dot, line_start};

/// Reflectors that are applied together.
const BLOCK: usize = 8;

/// X ← Q X: the columns of X from the basis of T to that of S = Q T Qᵀ. Blocks of
/// reflectors in the form I − V U⁻¹ Vᵀ (Joffrain et al., ACM Trans. Math. Softw.
/// 2006). 2·n² flops for each column.
pub(super) fn back_transform(reduction: &Reduction, x: &mut Columns) {
    arch().dispatch(Apply { reduction, x });
}

struct Apply<'a> {
    reduction: &'a Reduction,
    x: &'a mut Columns,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { reduction, x } = self;
        let count = x.ncols();
        let blocks = Blocks::new(simd, reduction);
        let mut lanes = Scratch::<f64>::zeroed(x.nrows() * 2 * S::F64_LANES);
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

/// The reflectors, [`BLOCK`] of them to a block, the last one filled up with
/// reflectors of scale zero.
struct Blocks {
    /// The order of the matrix.
    n: usize,
    /// For each block the vectors' entries below its first row, those of one row
    /// together.
    vectors: Scratch<[f64; BLOCK]>,
    /// For each block the inner products of each vector with those after it.
    products: Scratch<[[f64; BLOCK]; BLOCK]>,
    scales: Scratch<[f64; BLOCK]>,
}

/// The reflectors of one block.
struct Block<'a> {
    vectors: &'a [[f64; BLOCK]],
    products: &'a [[f64; BLOCK]; BLOCK],
    scales: &'a [f64; BLOCK],
}

impl Blocks {
    #[inline(always)]
    fn new<S: Simd>(simd: S, reduction: &Reduction) -> Self {
        let n = reduction.scales.len();
        let count = n.saturating_sub(1).div_ceil(BLOCK);
        let mut blocks = Self {
            n,
            vectors: Scratch::zeroed(first_entry(n, count)),
            products: Scratch::zeroed(count),
            scales: Scratch::zeroed(count),
        };
        for block in 0..count {
            blocks.fill(simd, reduction, block);
        }
        blocks
    }

    /// Takes in the reflectors of one block.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, simd: S, reduction: &Reduction, block: usize) {
        let n = self.n;
        let k = block * BLOCK;
        let start = k + 1;
        let vectors = &mut self.vectors[first_entry(n, block)..][..n - start];
        for l in 0..BLOCK.min(n - k) {
            self.scales[block][l] = reduction.scales[k + l];
            let row = &reduction.vectors.row(k + l)[start..n];
            for (entries, &entry) in vectors.iter_mut().zip(row) {
                entries[l] = entry;
            }
        }
        let aligned = line_start(start);
        for (l, products) in self.products[block].iter_mut().enumerate().take(n - k) {
            let row = &reduction.vectors.row(k + l)[aligned..];
            for (m, product) in products.iter_mut().enumerate().take(n - k).skip(l + 1) {
                *product = dot(simd, row, &reduction.vectors.row(k + m)[aligned..]);
            }
        }
    }

    /// The blocks from the last to the first, each with the first row in which any
    /// of its vectors is not zero.
    fn backwards(&self) -> impl Iterator<Item = (usize, Block<'_>)> {
        let parts = self.products.iter().zip(&self.scales).enumerate();
        parts.rev().map(|(block, (products, scales))| {
            let start = block * BLOCK + 1;
            let vectors = &self.vectors[first_entry(self.n, block)..][..self.n - start];
            let block = Block {
                vectors,
                products,
                scales,
            };
            (start, block)
        })
    }
}

/// The rows that blocks before `block` have together: n − 1, n − 1 − [`BLOCK`], ….
fn first_entry(n: usize, block: usize) -> usize {
    block * n - (0..block).map(|before| before * BLOCK + 1).sum::<usize>()
}

/// Columns `first`, … of X, as many as V vectors have lanes, each in a lane of its
/// own, through all blocks.
#[inline(always)]
fn apply_to_columns<S: Simd, const V: usize>(
    simd: S,
    blocks: &Blocks,
    x: &mut Columns,
    first: usize,
    lanes: &mut [f64],
) {
    let width = V * S::F64_LANES;
    let count = width.min(x.ncols() - first);
    for lane in 0..count {
        let column = x.col(first + lane);
        for (row, &entry) in lanes.chunks_exact_mut(width).zip(column) {
            row[lane] = entry;
        }
    }
    let rows = S::as_mut_simd_f64s(lanes).0.as_chunks_mut::<V>().0;
    for (start, block) in blocks.backwards() {
        reflect(simd, &block, &mut rows[start..]);
    }
    for lane in 0..count {
        let column = x.col_mut(first + lane);
        for (row, entry) in lanes.chunks_exact(width).zip(column) {
            *entry = row[lane];
        }
    }
}

/// X ← X − V U⁻¹ Vᵀ X with U = diag(1/scale) + the strict upper triangle of VᵀV.
#[inline(always)]
fn reflect<S: Simd, const V: usize>(simd: S, block: &Block<'_>, x: &mut [[S::f64s; V]]) {
    let mut along = [[simd.splat_f64s(0.0); V]; BLOCK];
    for (x, entries) in x.iter().zip(block.vectors) {
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
    for (x, entries) in x.iter_mut().zip(block.vectors) {
        for (along, &entry) in along.iter().zip(entries) {
            let entry = simd.splat_f64s(entry);
            for i in 0..V {
                x[i] = simd.mul_add_f64s(entry, along[i], x[i]);
            }
        }
    }
}
