//! Level 1 operations (BLAS) on rows of `f64` that are padded to whole lines.

use pulp::Simd;

use super::line_entries;

/// The number of `f64`s of a line. Rows are padded with zeros to a multiple of this number, which
/// is also a multiple of the number of lanes of every register.
pub(crate) const LINE_F64S: usize = line_entries::<f64>();

/// The first entry of the line that contains entry `i`. Loops over registers start there.
#[inline(always)]
pub(crate) fn line_start(i: usize) -> usize {
    i / LINE_F64S * LINE_F64S
}

/// Σ aᵢ bᵢ over whole registers.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (S::as_simd_f64s(a).0, S::as_simd_f64s(b).0);
    // Two independent sums, so that an addition does not wait for the previous one.
    let mut sums = [simd.splat_f64s(0.0); 2];
    let (a_pairs, a_last) = a.as_chunks::<2>();
    let (b_pairs, b_last) = b.as_chunks::<2>();
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        sums[0] = simd.mul_add_f64s(a[0], b[0], sums[0]);
        sums[1] = simd.mul_add_f64s(a[1], b[1], sums[1]);
    }
    for (&a, &b) in a_last.iter().zip(b_last) {
        sums[0] = simd.mul_add_f64s(a, b, sums[0]);
    }
    simd.reduce_sum_f64s(simd.add_f64s(sums[0], sums[1]))
}

/// y ← y + α x over whole registers.
#[inline(always)]
pub(crate) fn axpy<S: Simd>(simd: S, alpha: f64, x: &[f64], y: &mut [f64]) {
    let alpha = simd.splat_f64s(alpha);
    let x = S::as_simd_f64s(x).0;
    for (y, &x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(x) {
        *y = simd.mul_add_f64s(alpha, x, *y);
    }
}

/// y ← y + α x + β z over whole registers.
#[inline(always)]
pub(crate) fn axpy2<S: Simd>(
    simd: S,
    (alpha, x): (f64, &[f64]),
    (beta, z): (f64, &[f64]),
    y: &mut [f64],
) {
    let (alpha, beta) = (simd.splat_f64s(alpha), simd.splat_f64s(beta));
    let (x, z) = (S::as_simd_f64s(x).0, S::as_simd_f64s(z).0);
    let y = S::as_mut_simd_f64s(y).0;
    for ((y, &x), &z) in y.iter_mut().zip(x).zip(z) {
        *y = simd.mul_add_f64s(beta, z, simd.mul_add_f64s(alpha, x, *y));
    }
}

/// y ← α x over whole registers.
#[inline(always)]
pub(crate) fn scaled_copy<S: Simd>(simd: S, alpha: f64, x: &[f64], y: &mut [f64]) {
    let alpha = simd.splat_f64s(alpha);
    let x = S::as_simd_f64s(x).0;
    for (y, &x) in S::as_mut_simd_f64s(y).0.iter_mut().zip(x) {
        *y = simd.mul_f64s(alpha, x);
    }
}
