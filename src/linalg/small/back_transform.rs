//! Eigenvectors of the tridiagonal matrix T, transformed to those of S = Q T Qᵀ: X ← Q X.
//!
//! Q = H₀ H₁ … is a product of reflectors, so the last reflector is applied first. Eight reflectors
//! are applied together, as one block
//!
//! ```text
//!   H_k ⋯ H_{k+7} = I − V U⁻¹ Vᵀ,    U = diag(1/σ) + the strict upper triangle of Vᵀ V
//! ```
//!
//! with the vectors as columns of V and the scales σ (Joffrain, Low, Quintana-Ortí, van de Geijn
//! & Van Zee, ACM Trans. Math. Softw. 2006). A block reads X twice instead of sixteen times.
//!
//! A register holds one row of several columns of X, one column in each lane. So the columns
//! are transposed first, all blocks are applied, and the columns are transposed back:
//!
//! ```text
//!   X, by columns          lanes               V of a block
//!   x₀₀ x₁₀ x₂₀ …          x₀₀ x₀₁ x₀₂ …       0 0 0
//!   x₀₁ x₁₁ x₂₁ …    →     x₁₀ x₁₁ x₁₂ …       v 0 0     rows before the first one that is
//!   x₀₂ x₁₂ x₂₂ …          x₂₀ x₂₁ x₂₂ …       v v 0     not zero are skipped
//!                          …                   v v v
//! ```

use pulp::{Simd, WithSimd};

use super::columns::Columns;
use super::householder::Reduction;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::simd::{Scratch, arch, dot, line_start};

/// The number of reflectors of a block.
const BLOCK: usize = 8;

/// X ← Q X for the Q of `reduction`. 2·n² flops for each column.
pub(super) fn back_transform(
    reduction: &Reduction,
    x: &mut Columns,
    cancellation: Cancellation<'_>,
) -> Result<()> {
    arch().dispatch(Apply {
        reduction,
        x,
        cancellation,
    })
}

struct Apply<'a> {
    reduction: &'a Reduction,
    x: &'a mut Columns,
    cancellation: Cancellation<'a>,
}

impl WithSimd for Apply<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<()> {
        let Self {
            reduction,
            x,
            cancellation,
        } = self;
        let count = x.ncols();
        let blocks = Blocks::new(simd, reduction);
        let mut lanes = Scratch::<f64>::zeroed(x.nrows() * 2 * S::F64_LANES);
        let mut first = 0;
        // Two registers of columns at a time if the processor has 32 registers.
        while S::F64_LANES >= 8 && first + S::F64_LANES < count {
            cancellation.check()?;
            apply_to_columns::<S, 2>(simd, &blocks, x, first, &mut lanes);
            first += 2 * S::F64_LANES;
        }
        while first < count {
            cancellation.check()?;
            apply_to_columns::<S, 1>(simd, &blocks, x, first, &mut lanes);
            first += S::F64_LANES;
        }
        Ok(())
    }
}

/// The reflectors in blocks of [`BLOCK`]. Reflectors of scale zero fill the last block.
struct Blocks {
    /// The order of the matrix.
    n: usize,
    /// One sliver for each block. A step of a sliver holds entry i of the block's vectors side by
    /// side. The first step is the first row that is not zero.
    vectors: Scratch<[f64; BLOCK]>,
    /// For each block, the inner products of each vector with the vectors after it.
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

    /// Packs the reflectors of one block, and computes their inner products.
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

    /// The blocks from the last to the first, each with its first row that is not zero.
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

/// The start of the sliver of `block`. The slivers before it have n − 1, n − 1 − [`BLOCK`], …
/// steps.
fn first_entry(n: usize, block: usize) -> usize {
    block * n - (0..block).map(|before| before * BLOCK + 1).sum::<usize>()
}

/// Applies all blocks to the columns of X from `first` on, with one column in each lane of R
/// registers.
#[inline(always)]
fn apply_to_columns<S: Simd, const R: usize>(
    simd: S,
    blocks: &Blocks,
    x: &mut Columns,
    first: usize,
    lanes: &mut [f64],
) {
    let width = R * S::F64_LANES;
    let count = width.min(x.ncols() - first);
    // 1. Transpose: row i of the columns into R registers.
    for lane in 0..count {
        let column = x.col(first + lane);
        for (row, &entry) in lanes.chunks_exact_mut(width).zip(column) {
            row[lane] = entry;
        }
    }
    // 2. Apply the blocks.
    let rows = S::as_mut_simd_f64s(lanes).0.as_chunks_mut::<R>().0;
    for (start, block) in blocks.backwards() {
        reflect(simd, &block, &mut rows[start..]);
    }
    // 3. Transpose back.
    for lane in 0..count {
        let column = x.col_mut(first + lane);
        for (row, entry) in lanes.chunks_exact(width).zip(column) {
            *entry = row[lane];
        }
    }
}

/// X ← X − V U⁻¹ Vᵀ X.
#[inline(always)]
fn reflect<S: Simd, const R: usize>(simd: S, block: &Block<'_>, x: &mut [[S::f64s; R]]) {
    // 1. W = Vᵀ X.
    let mut w = [[simd.splat_f64s(0.0); R]; BLOCK];
    for (x, entries) in x.iter().zip(block.vectors) {
        for (sum, &entry) in w.iter_mut().zip(entries) {
            let entry = simd.splat_f64s(entry);
            for i in 0..R {
                sum[i] = simd.mul_add_f64s(entry, x[i], sum[i]);
            }
        }
    }
    // 2. W ← −U⁻¹ W, by back substitution. The finished rows have the negative sign already, so
    //    the products with them are added.
    for l in (0..BLOCK).rev() {
        let scale = simd.splat_f64s(-block.scales[l]);
        let mut sum = w[l];
        for (w, &product) in w.iter().zip(&block.products[l]).skip(l + 1) {
            let product = simd.splat_f64s(product);
            for i in 0..R {
                sum[i] = simd.mul_add_f64s(product, w[i], sum[i]);
            }
        }
        for i in 0..R {
            w[l][i] = simd.mul_f64s(scale, sum[i]);
        }
    }
    // 3. X ← X + V W.
    for (x, entries) in x.iter_mut().zip(block.vectors) {
        for (w, &entry) in w.iter().zip(entries) {
            let entry = simd.splat_f64s(entry);
            for i in 0..R {
                x[i] = simd.mul_add_f64s(entry, w[i], x[i]);
            }
        }
    }
}
