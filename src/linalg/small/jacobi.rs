//! Singular vectors by one-sided Jacobi rotations, a slow iteration that may converge when
//! a faster one does not.
//!
//! Rotations of pairs of columns make the columns of R V orthogonal. Their lengths are then the
//! singular values of R, and V holds the right singular vectors (Hestenes, J. SIAM 1958; Demmel
//! & Veselić, SIAM J. Matrix Anal. Appl. 1992):
//!
//! ```text
//!   A ← R, V ← I
//!   repeat until no pair is rotated:
//!     for each pair of columns aᵢ, aⱼ that is not orthogonal up to rounding:
//!       make aᵢ, aⱼ orthogonal by a rotation, and apply the same rotation to vᵢ, vⱼ
//! ```

use faer::{Mat, MatRef};

use super::ladder::Decomposed;
use crate::error::Result;
use crate::monitor::Cancellation;

/// The iteration gives up after this number of sweeps. Ten are usually enough.
const MAX_SWEEPS: usize = 60;

/// Singular values, largest first, and right singular vectors of the matrix `r`, which has entries
/// of at most about one. `None` if an entry is not finite, or after [`MAX_SWEEPS`] sweeps. About
/// 6·n³ flops a sweep.
pub(super) fn jacobi(
    r: MatRef<'_, f64>,
    cancellation: Cancellation<'_>,
) -> Result<Option<Decomposed>> {
    let n = r.ncols();
    let mut images = r.to_owned();
    let mut vectors = Mat::<f64>::identity(n, n);
    let mut sweep = 0;
    while !rotate_all(&mut images, &mut vectors, cancellation)? {
        sweep += 1;
        if sweep == MAX_SWEEPS {
            return Ok(None);
        }
    }
    let lengths: Vec<f64> = (0..n).map(|j| images.col(j).norm_l2()).collect();
    if !lengths.iter().all(|length| length.is_finite()) {
        return Ok(None);
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| lengths[b].total_cmp(&lengths[a]));
    let sorted = Mat::from_fn(n, n, |i, j| vectors[(i, order[j])]);
    let values = order.into_iter().map(|j| lengths[j]).collect();
    Ok(Some((values, sorted)))
}

/// One sweep: rotates every pair of columns of `images` that is not orthogonal, and the same
/// columns of `vectors`. Returns whether all pairs were orthogonal.
fn rotate_all(
    images: &mut Mat<f64>,
    vectors: &mut Mat<f64>,
    cancellation: Cancellation<'_>,
) -> Result<bool> {
    let n = images.ncols();
    let tolerance = (images.nrows() as f64).sqrt() * f64::EPSILON;
    let mut orthogonal = true;
    for i in 0..n {
        for j in i + 1..n {
            cancellation.check()?;
            let [square_i, square_j, product] = products(images, i, j);
            let bound = tolerance * square_i.sqrt() * square_j.sqrt();
            // Columns with squares below the smallest number count as zero.
            if product.abs() <= bound.max(f64::MIN_POSITIVE) {
                continue;
            }
            orthogonal = false;
            let half_gap = (square_j - square_i) / (2.0 * product);
            let t = half_gap.signum() / (half_gap.abs() + half_gap.hypot(1.0));
            let c = 1.0 / t.hypot(1.0);
            rotate(images, i, j, [c, c * t]);
            rotate(vectors, i, j, [c, c * t]);
        }
    }
    Ok(orthogonal)
}

/// aᵢ·aᵢ, aⱼ·aⱼ and aᵢ·aⱼ.
fn products(a: &Mat<f64>, i: usize, j: usize) -> [f64; 3] {
    let pairs = a.col_as_slice(i).iter().zip(a.col_as_slice(j));
    pairs.fold([0.0; 3], |[ii, jj, ij], (x, y)| {
        [ii + x * x, jj + y * y, ij + x * y]
    })
}

/// aᵢ ← c aᵢ − s aⱼ, aⱼ ← s aᵢ + c aⱼ.
fn rotate(a: &mut Mat<f64>, i: usize, j: usize, [c, s]: [f64; 2]) {
    for k in 0..a.nrows() {
        let (x, y) = (a[(k, i)], a[(k, j)]);
        a[(k, i)] = c * x - s * y;
        a[(k, j)] = s * x + c * y;
    }
}
