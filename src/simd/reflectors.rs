//! Blocks of Householder reflectors, applied to columns below a triangle.
//!
//! A QR factorization that adds one panel of rows at a time factorizes the triangle R stacked on a
//! panel. A block of 8 reflectors clears 8 columns of the panel, and the entries v of the
//! reflectors are stored in these columns. The block is then applied to the columns on the right,
//! that is, to 8 rows r of R and all rows b of the panel (drawn with 2 in place of 8):
//!
//! ```text
//!   R      · · x x x x x x
//!            · x x x x x x
//!              ░ ░ r r r r     ░ cleared columns       w = Tᵀ (r + vᵀ b)
//!                ░ r r r r                             r ← r − w
//!                  x x x x                             b ← b − v w
//!   panel  0 0 v v b b b b
//!          0 0 v v b b b b
//! ```
//!
//! Schreiber & Van Loan (SIAM J. Sci. Stat. Comput. 1989) give the form I − V T Vᵀ of a
//! product of reflectors.

use pulp::{Simd, WithSimd};

use super::tile::{Factors, Walk};
use super::{Lanes, arch};

/// The number of reflectors of a block.
pub(crate) const REFLECTORS: usize = 8;

/// The length of every column is a multiple of this number; zeros pad the columns.
pub(crate) const COLUMN_STEP: usize = 64;

/// The number of columns that are changed in one pass over the reflectors.
const COLUMNS: usize = 3;

/// ⟨vᵢ, b⟩ for the [`REFLECTORS`] columns vᵢ of `v` and each column b of `b`. All columns have
/// `len` entries. `products` gets [`REFLECTORS`] entries for each b.
pub(crate) fn inner_products(v: &[f64], b: &[f64], len: usize, products: &mut [f64]) {
    arch().dispatch(InnerProducts {
        v,
        b,
        len,
        products,
    });
}

struct InnerProducts<'a> {
    v: &'a [f64],
    b: &'a [f64],
    len: usize,
    products: &'a mut [f64],
}

impl WithSimd for InnerProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            v,
            b,
            len,
            products,
        } = self;
        let columns = b.chunks_exact(len);
        for (b, products) in columns.zip(products.chunks_exact_mut(REFLECTORS)) {
            products.copy_from_slice(&dots::<S, 1>(simd, v, b, len)[0]);
        }
    }
}

/// (R; B) ← (I − V Tᵀ Vᵀ)(R; B), with V = (I; v). A semicolon stacks two matrices.
///
/// 4 flops for each reflector and entry of B. A few columns at a time stay in cache between
/// the inner products and the update.
pub(crate) struct Reflect<'a> {
    /// [`REFLECTORS`] columns of `len` entries.
    pub(crate) v: &'a [f64],
    /// The upper triangular T, by columns.
    pub(crate) t: &'a [[f64; REFLECTORS]; REFLECTORS],
    /// R by columns: column c starts at entry c·`stride`. The first [`REFLECTORS`] entries of a
    /// column are the rows of R that the reflectors change.
    pub(crate) r: &'a mut [f64],
    pub(crate) stride: usize,
    /// Any number of columns of `len` entries.
    pub(crate) b: &'a mut [f64],
    pub(crate) len: usize,
}

impl Reflect<'_> {
    /// Changes `r` and `b`.
    pub(crate) fn run(self) {
        arch().dispatch(self);
    }
}

impl WithSimd for Reflect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let columns = self.b.len() / self.len;
        let whole = columns / COLUMNS * COLUMNS;
        for c in (0..whole).step_by(COLUMNS) {
            self.columns::<S, COLUMNS>(simd, c);
        }
        for c in whole..columns {
            self.columns::<S, 1>(simd, c);
        }
    }
}

impl Reflect<'_> {
    /// Applies the block to N columns from column `c` on.
    #[inline(always)]
    fn columns<S: Simd, const N: usize>(&mut self, simd: S, c: usize) {
        let b = &mut self.b[c * self.len..(c + N) * self.len];
        // 1. vᵀ b.
        let mut w = dots::<S, N>(simd, self.v, b, self.len);
        for (n, w) in w.iter_mut().enumerate() {
            let rows = &mut self.r[(c + n) * self.stride..][..REFLECTORS];
            // 2. w = Tᵀ (R + vᵀ b).
            let mut sums = [0.0; REFLECTORS];
            for (i, sum) in sums.iter_mut().enumerate() {
                for k in 0..=i {
                    *sum += self.t[i][k] * (w[k] + rows[k]);
                }
            }
            // 3. R ← R − w.
            for (row, sum) in rows.iter_mut().zip(sums) {
                *row -= sum;
            }
            *w = sums;
        }
        // 4. b ← b − v w.
        if S::REGISTER_COUNT >= 32 {
            subtract::<S, 8, N>(simd, self.v, &w, b, self.len);
        } else {
            subtract::<S, 2, N>(simd, self.v, &w, b, self.len);
        }
    }
}

/// The inner products of [`REFLECTORS`] columns of `v` with N columns of `b`.
#[inline(always)]
fn dots<S: Simd, const N: usize>(
    simd: S,
    v: &[f64],
    b: &[f64],
    len: usize,
) -> [[f64; REFLECTORS]; N] {
    let registers = len / S::F64_LANES;
    let v: [&[S::f64s]; REFLECTORS] =
        std::array::from_fn(|i| &S::as_simd_f64s(&v[i * len..(i + 1) * len]).0[..registers]);
    let b: [&[S::f64s]; N] =
        std::array::from_fn(|n| &S::as_simd_f64s(&b[n * len..(n + 1) * len]).0[..registers]);
    let mut acc = [[simd.splat_f64s(0.0); REFLECTORS]; N];
    for k in 0..registers {
        let mut reflectors = [simd.splat_f64s(0.0); REFLECTORS];
        for (reflector, v) in reflectors.iter_mut().zip(v) {
            *reflector = v[k];
        }
        for (acc, b) in acc.iter_mut().zip(b) {
            let entry = b[k];
            for (sum, reflector) in acc.iter_mut().zip(reflectors) {
                *sum = simd.mul_add_f64s(reflector, entry, *sum);
            }
        }
    }
    let mut sums = [[0.0; REFLECTORS]; N];
    for (sums, acc) in sums.iter_mut().zip(acc) {
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum = f64::sum(simd, acc);
        }
    }
    sums
}

/// b ← b − Σᵢ wᵢ vᵢ for N columns b, R registers of each at a time.
#[inline(always)]
fn subtract<S: Simd, const R: usize, const N: usize>(
    simd: S,
    v: &[f64],
    w: &[[f64; REFLECTORS]; N],
    b: &mut [f64],
    len: usize,
) {
    for start in (0..len).step_by(R * S::F64_LANES) {
        let walk = Walk::<f64, R> {
            depth: REFLECTORS,
            registers: std::array::from_fn(|r| &v[start + r * S::F64_LANES..]),
            step: len,
            factors: Factors {
                data: w.as_flattened(),
                apart: REFLECTORS,
                step: 1,
            },
        };
        let sums = walk.sum::<S, N, 1>(simd, |_| ());
        for (column, sums) in b.chunks_exact_mut(len).zip(&sums) {
            let entries = &mut column[start..start + R * S::F64_LANES];
            let entries = S::as_mut_simd_f64s(entries).0;
            for (entry, &sum) in entries.iter_mut().zip(sums) {
                *entry = simd.sub_f64s(*entry, sum);
            }
        }
    }
}
