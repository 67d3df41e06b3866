//! All eigenvectors of a small symmetric matrix.

use faer::{Mat, MatRef};
use pulp::{Simd, WithSimd};

use super::rows::{Rows, axpy, axpy2, dot, lane_start};
use crate::kernel::arch;

/// QL sweeps per eigenvalue after which the iteration is given up.
const MAX_SWEEPS: usize = 30;

/// Eigenvalues, largest first, and eigenvectors of the symmetric matrix `s`,
/// whose entries are near one; nothing where the iteration does not converge.
///
/// Householder tridiagonalisation and the implicit QL iteration with Wilkinson's
/// shift (Golub & Van Loan, *Matrix Computations*, §8.3), the basis kept by rows
/// so that reflections and rotations run along registers. Some 9·n³ flops.
pub(super) fn small_eigh(s: MatRef<'_, f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let n = s.nrows();
    let (values, basis) = arch().dispatch(SmallEigh { s })?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let vectors = Mat::from_fn(n, n, |i, j| basis.row(order[j])[i]);
    Some((order.into_iter().map(|k| values[k]).collect(), vectors))
}

struct SmallEigh<'a> {
    s: MatRef<'a, f64>,
}

impl WithSimd for SmallEigh<'_> {
    type Output = Option<(Vec<f64>, Rows)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let mut a = Rows::from_symmetric(self.s);
        let (mut d, mut e, mut basis) = tridiagonalise(simd, &mut a);
        implicit_ql(simd, &mut d, &mut e, &mut basis).then_some((d, basis))
    }
}

/// A = Q T Qᵀ: the diagonal of T, its off-diagonal (entry i couples i and i + 1,
/// the last is zero), and Qᵀ by rows.
#[inline(always)]
fn tridiagonalise<S: Simd>(simd: S, a: &mut Rows) -> (Vec<f64>, Vec<f64>, Rows) {
    let n = a.len();
    let mut reflectors = Rows::zeros(n);
    let mut scales = vec![0.0; n];
    let mut e = vec![0.0; n];
    let mut w = vec![0.0; a.stride()];
    for k in 0..n.saturating_sub(1) {
        let start = lane_start(k + 1);
        let v = reflectors.row_mut(k);
        v[k + 1..n].copy_from_slice(&a.row(k)[k + 1..n]);
        let first = std::mem::take(&mut v[k + 1]);
        let below = dot(simd, &v[start..], &v[start..]);
        if below == 0.0 {
            e[k] = first;
            continue;
        }
        let alpha = -(below + first * first).sqrt().copysign(first);
        v[k + 1] = first - alpha;
        let scale = 2.0 / (below + v[k + 1] * v[k + 1]);
        e[k] = alpha;
        scales[k] = scale;

        // A ← H A H with H = I − scale·vvᵀ, as A − vwᵀ − wvᵀ.
        let v = reflectors.row(k);
        for (i, entry) in w.iter_mut().enumerate().take(n).skip(k + 1) {
            *entry = scale * dot(simd, &a.row(i)[start..], &v[start..]);
        }
        w[start..k + 1].fill(0.0);
        let along = scale / 2.0 * dot(simd, &w[start..], &v[start..]);
        axpy(simd, -along, &v[start..], &mut w[start..]);
        for i in k + 1..n {
            axpy2(
                simd,
                -v[i],
                &w[start..],
                -w[i],
                &v[start..],
                &mut a.row_mut(i)[start..],
            );
        }
    }
    let d = (0..n).map(|i| a.row(i)[i]).collect();

    let mut basis = Rows::identity(n);
    for k in (0..n.saturating_sub(2)).rev() {
        let start = lane_start(k + 1);
        let v = &reflectors.row(k)[start..];
        for i in k + 1..n {
            let row = &mut basis.row_mut(i)[start..];
            axpy(simd, -scales[k] * dot(simd, row, v), v, row);
        }
    }
    (d, e, basis)
}

/// Diagonalises T, rotating the rows of `basis` along; whether it converged.
#[inline(always)]
fn implicit_ql<S: Simd>(simd: S, d: &mut [f64], e: &mut [f64], basis: &mut Rows) -> bool {
    let n = d.len();
    let norm = (0..n).fold(0.0f64, |norm, i| norm.max(d[i].abs() + e[i].abs()));
    let mut rotations = Vec::with_capacity(n);
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
            rotations.clear();
            let half_gap = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let root = (half_gap * half_gap + 1.0).sqrt();
            let mut g = d[m] - d[l] + e[l] / (half_gap + root.copysign(half_gap));
            let (mut c, mut s, mut p) = (1.0, 1.0, 0.0);
            let mut complete = true;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    complete = false;
                    break;
                }
                let reciprocal = 1.0 / r;
                s = f * reciprocal;
                c = g * reciprocal;
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                rotations.push((c, s));
            }
            rotate(simd, basis, m, &rotations);
            if complete {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    true
}

/// Applies rotations to the row pairs (m − 1, m), (m − 2, m − 1), … of `basis`.
#[inline(always)]
fn rotate<S: Simd>(simd: S, basis: &mut Rows, m: usize, rotations: &[(f64, f64)]) {
    let stride = basis.stride();
    let last = m - rotations.len();
    let rows = &mut basis.entries_mut()[last * stride..(m + 1) * stride];
    let rows = S::as_mut_simd_f64s(rows).0;
    let stride = stride / S::F64_LANES;
    let mut start = 0;
    while start + 4 <= stride {
        rotate_strip::<S, 4>(simd, rows, stride, start, rotations);
        start += 4;
    }
    while start < stride {
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
    rotations: &[(f64, f64)],
) {
    let mut strips = rows
        .chunks_exact_mut(stride)
        .rev()
        .filter_map(|row| row[start..].first_chunk_mut::<V>());
    let Some(mut target) = strips.next() else {
        return;
    };
    let mut carried = *target;
    for (row, &(c, s)) in strips.zip(rotations) {
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
