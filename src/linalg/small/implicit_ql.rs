//! The implicit QL iteration.

use std::ops::Range;

use pulp::Simd;

use super::rows::Rows;
use crate::simd::{LINE_F64S, Scratch, line_start};

/// QL sweeps per eigenvalue after which the iteration is given up.
const MAX_SWEEPS: usize = 30;

/// Diagonalises the tridiagonal matrix with diagonal `d` and off-diagonal `e`
/// (entry i couples i and i + 1, the last is zero), rotating rows `first`, … of
/// `basis` along, which are zero outside the columns of the same numbers; whether
/// it converged. What is small beside `norm`, that of the whole matrix, counts as
/// zero.
///
/// Wilkinson's shift (Golub & Van Loan, *Matrix Computations*, §8.3.5), the basis by
/// rows so that rotations run along registers.
#[inline(always)]
pub(super) fn implicit_ql<S: Simd>(
    simd: S,
    d: &mut [f64],
    e: &mut [f64],
    basis: &mut Rows,
    first: usize,
    norm: f64,
) -> bool {
    let n = d.len();
    let mut rotations = Scratch::with_capacity(n);
    let columns = line_start(first)..(first + n).next_multiple_of(LINE_F64S);
    for l in 0..n {
        for sweep in 0.. {
            let negligible = |i: usize| {
                e[i].abs() <= f64::EPSILON * (d[i].abs() + d[i + 1].abs()).max(f64::EPSILON * norm)
            };
            let m = (l..n - 1).find(|&i| negligible(i)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            if sweep == MAX_SWEEPS {
                return false;
            }
            rotations.truncate(0);
            let half_gap = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let root = (half_gap * half_gap + 1.0).sqrt();
            let mut g = d[m] - d[l] + e[l] / (half_gap + root.copysign(half_gap));
            let (mut c, mut s, mut p) = (1.0, 1.0, 0.0);
            let mut complete = true;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                let square = f * f + g * g;
                if square < f64::MIN_POSITIVE {
                    e[i + 1] = 0.0;
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    complete = false;
                    break;
                }
                let r = square.sqrt();
                e[i + 1] = r;
                // 1/r, divided beside the root rather than after it.
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
            rotate(simd, basis, first + m, columns.clone(), &rotations);
            if complete {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    true
}

/// Applies rotations to the row pairs (m − 1, m), (m − 2, m − 1), … of `basis`
/// within `columns`.
#[inline(always)]
fn rotate<S: Simd>(
    simd: S,
    basis: &mut Rows,
    m: usize,
    columns: Range<usize>,
    rotations: &[[f64; 2]],
) {
    let stride = basis.stride();
    let last = m - rotations.len();
    let rows = &mut basis.entries_mut()[last * stride..(m + 1) * stride];
    let rows = S::as_mut_simd_f64s(rows).0;
    let stride = stride / S::F64_LANES;
    let mut start = columns.start / S::F64_LANES;
    let end = columns.end / S::F64_LANES;
    while start + 4 <= end {
        rotate_strip::<S, 4>(simd, rows, stride, start, rotations);
        start += 4;
    }
    while start < end {
        rotate_strip::<S, 1>(simd, rows, stride, start, rotations);
        start += 1;
    }
}

/// [`rotate`] for V vectors of columns. A row that two rotations share stays in
/// registers between them.
#[inline(always)]
fn rotate_strip<S: Simd, const V: usize>(
    simd: S,
    rows: &mut [S::f64s],
    stride: usize,
    start: usize,
    rotations: &[[f64; 2]],
) {
    let mut strips = rows
        .chunks_exact_mut(stride)
        .rev()
        .filter_map(|row| row[start..].first_chunk_mut::<V>());
    let Some(mut target) = strips.next() else {
        return;
    };
    let mut carried = *target;
    for (row, &[c, s]) in strips.zip(rotations) {
        let (c, s) = (simd.splat_f64s(c), simd.splat_f64s(s));
        for v in 0..V {
            target[v] = simd.mul_add_f64s(s, row[v], simd.mul_f64s(c, carried[v]));
            let opposite = simd.neg_f64s(simd.mul_f64s(s, carried[v]));
            carried[v] = simd.mul_add_f64s(c, row[v], opposite);
        }
        target = row;
    }
    *target = carried;
}
