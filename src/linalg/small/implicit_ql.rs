//! The implicit QL iteration: all eigenvectors of a small tridiagonal matrix, one of the leaves
//! of divide and conquer.
//!
//! A sweep is a similarity transformation that makes the first off-diagonal entry of a block
//! smaller. Its first rotation acts on the last two rows and creates an entry outside the
//! tridiagonal band, the bulge. Each further rotation moves the bulge up by one row, until it
//! leaves at the top:
//!
//! ```text
//!     x x              x x              x x +            x x
//!     x x x            x x x +          x x x            x x x
//!       x x x     →      x x x     →    + x x x     →      x x x
//!         x x            + x x              x x              x x
//!     rotate rows      rotate rows      rotate rows      e₀ is smaller
//!     2 and 3          1 and 2          0 and 1
//! ```
//!
//! With Wilkinson's shift, e₀ converges to zero cubically, and then d₀ is an eigenvalue (Golub
//! & Van Loan, *Matrix Computations*, §8.3.5). The eigenvectors are the product of all
//! rotations.

use std::ops::Range;

use pulp::Simd;

use super::rows::Rows;
use crate::simd::{LINE_F64S, Scratch, line_start};

/// The iteration gives up after this number of sweeps for one eigenvalue.
const MAX_SWEEPS: usize = 30;

/// A diagonal block of a tridiagonal matrix, which is diagonalised on its own.
pub(super) struct Leaf<'a> {
    /// The diagonal, which becomes the eigenvalues.
    pub(super) d: &'a mut [f64],
    /// The off-diagonal: entry i couples i and i + 1, and the last entry is zero.
    pub(super) e: &'a mut [f64],
    /// The basis of the larger matrix, by rows. The rows of this block start at row `first`, and
    /// are zero outside the columns of the block. They become the eigenvectors.
    pub(super) basis: &'a mut Rows,
    pub(super) first: usize,
    /// The norm of the larger matrix. Off-diagonal entries of rounding size count as zero.
    pub(super) norm: f64,
}

impl Leaf<'_> {
    /// Diagonalises the block. Returns whether the iteration has converged.
    #[inline(always)]
    pub(super) fn diagonalise<S: Simd>(self, simd: S) -> bool {
        let Self {
            d,
            e,
            basis,
            first,
            norm,
        } = self;
        let n = d.len();
        let mut rotations = Scratch::with_capacity(n);
        let columns = line_start(first)..(first + n).next_multiple_of(LINE_F64S);
        for l in 0..n {
            for sweep in 0.. {
                // 1. The block l..=m that no negligible entry splits.
                let negligible = |i: usize| {
                    let beside = (d[i].abs() + d[i + 1].abs()).max(f64::EPSILON * norm);
                    e[i].abs() <= f64::EPSILON * beside
                };
                let m = (l..n - 1).find(|&i| negligible(i)).unwrap_or(n - 1);
                if m == l {
                    break;
                }
                if sweep == MAX_SWEEPS {
                    return false;
                }
                // 2. Wilkinson's shift: the eigenvalue of the first 2×2 block that is nearer to
                //    d[l].
                rotations.truncate(0);
                let half_gap = (d[l + 1] - d[l]) / (2.0 * e[l]);
                let root = (half_gap * half_gap + 1.0).sqrt();
                let mut g = d[m] - d[l] + e[l] / (half_gap + root.copysign(half_gap));
                let (mut c, mut s, mut p) = (1.0, 1.0, 0.0);
                // 3. Move the bulge from row m up to row l.
                let mut complete = true;
                for i in (l..m).rev() {
                    let f = s * e[i];
                    let b = c * e[i];
                    let square = f * f + g * g;
                    if square < f64::MIN_POSITIVE {
                        // The block splits here: the sweep ends early.
                        e[i + 1] = 0.0;
                        d[i + 1] -= p;
                        e[m] = 0.0;
                        complete = false;
                        break;
                    }
                    let r = square.sqrt();
                    e[i + 1] = r;
                    // 1/r from 1/r², so that the division does not wait for the square root.
                    let reciprocal = r * (1.0 / square);
                    s = f * reciprocal;
                    c = g * reciprocal;
                    g = d[i + 1] - p;
                    let r = (d[i] - g) * s + 2.0 * c * b;
                    p = s * r;
                    d[i + 1] = g + p;
                    g = c * r - b;
                    rotations.push([c, s]);
                }
                // 4. Rotate the basis.
                rotate(simd, basis, first + m, (columns.clone(), &rotations));
                if complete {
                    d[l] -= p;
                    e[l] = g;
                    e[m] = 0.0;
                }
            }
        }
        true
    }
}

/// Applies `rotations` to the row pairs (m − 1, m), (m − 2, m − 1), … of `basis`, within
/// `columns`.
#[inline(always)]
fn rotate<S: Simd>(
    simd: S,
    basis: &mut Rows,
    m: usize,
    (columns, rotations): (Range<usize>, &[[f64; 2]]),
) {
    let stride = basis.stride();
    let last = m - rotations.len();
    let rows = &mut basis.entries_mut()[last * stride..(m + 1) * stride];
    let rows = S::as_mut_simd_f64s(rows).0;
    let stride = stride / S::F64_LANES;
    let mut start = columns.start / S::F64_LANES;
    let end = columns.end / S::F64_LANES;
    while start + 4 <= end {
        rotate_strip::<S, 4>(simd, rows.chunks_exact_mut(stride), start, rotations);
        start += 4;
    }
    while start < end {
        rotate_strip::<S, 1>(simd, rows.chunks_exact_mut(stride), start, rotations);
        start += 1;
    }
}

/// Like [`rotate`], for a strip of R registers from register `start` on, last row first. A row that
/// two rotations share stays in registers between them.
#[inline(always)]
fn rotate_strip<'a, S: Simd, const R: usize>(
    simd: S,
    rows: impl DoubleEndedIterator<Item = &'a mut [S::f64s]>,
    start: usize,
    rotations: &[[f64; 2]],
) {
    let mut strip = rows
        .rev()
        .filter_map(|row| row[start..].first_chunk_mut::<R>());
    let Some(mut target) = strip.next() else {
        return;
    };
    let mut carried = *target;
    for (row, &[c, s]) in strip.zip(rotations) {
        let (c, s) = (simd.splat_f64s(c), simd.splat_f64s(s));
        for r in 0..R {
            target[r] = simd.mul_add_f64s(s, row[r], simd.mul_f64s(c, carried[r]));
            let opposite = simd.neg_f64s(simd.mul_f64s(s, carried[r]));
            carried[r] = simd.mul_add_f64s(c, row[r], opposite);
        }
        target = row;
    }
    *target = carried;
}
