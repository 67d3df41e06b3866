//! Symmetric tridiagonal matrices T: all eigenvalues, and the leading eigenvectors alone.
//!
//! The eigenvalues come from a QL iteration without square roots, which transforms the squares of
//! the off-diagonal entries. An eigenvector for a computed eigenvalue λ comes from inverse
//! iteration: for almost any b, the solution of (T − λI) x = b has nearly the direction of the
//! eigenvector.
//!
//! ```text
//!   v ← random
//!   repeat 3 times:
//!     v ← (T − λI)⁻¹ v                   one sweep down, one sweep up: T is tridiagonal
//!     v ← v − Σ ⟨v, u⟩ u                 over the vectors u found before
//! ```
//!
//! The second step also separates the vectors of a cluster of eigenvalues. If the separation fails,
//! the caller computes all vectors by divide and conquer.

use super::columns::Columns;
use crate::error::Result;
use crate::linalg::random::Counter;
use crate::monitor::Cancellation;
use crate::simd::Scratch;

/// The QL iteration gives up after this number of sweeps per eigenvalue.
const MAX_SWEEPS: usize = 30;

/// Steps of inverse iteration. One is usually enough; a cluster needs more.
const INVERSE_STEPS: usize = 3;

/// A symmetric tridiagonal matrix. Entry i of `off_diagonal` couples i and i + 1, and its last
/// entry is zero.
#[derive(Clone, Copy)]
pub(super) struct Tridiagonal<'a> {
    pub(super) diagonal: &'a [f64],
    pub(super) off_diagonal: &'a [f64],
}

/// Eigenvectors for `values`, as columns. `None` if a residual exceeds 4·n·ε·‖T‖, or if the inner
/// product of two vectors exceeds 4·n·ε. About 2·n²·count flops for `count` values.
pub(super) fn leading_vectors(
    t: Tridiagonal<'_>,
    values: &[f64],
    cancellation: Cancellation<'_>,
) -> Result<Option<Columns>> {
    let n = t.diagonal.len();
    let norm = norm(t);
    let bound = 4.0 * n as f64 * f64::EPSILON;
    let mut vectors = Columns::zeros(n, values.len());
    let mut random = Counter::new(0);
    for (j, &value) in values.iter().enumerate() {
        cancellation.check()?;
        // 1. Inverse iteration.
        let shifted = Factored::new(t, value, norm);
        let mut v: Scratch<f64> = (0..n).map(|_| random.uniform() - 0.5).collect();
        for _ in 0..INVERSE_STEPS {
            normalise(&mut v);
            shifted.solve(&mut v);
            normalise(&mut v);
            for before in 0..j {
                let before = vectors.col(before);
                let along = dot(before, &v);
                for (x, b) in v.iter_mut().zip(before) {
                    *x -= along * b;
                }
            }
        }
        normalise(&mut v);
        // 2. Check the vector.
        if residual(t, &v, value) > bound * norm {
            return Ok(None);
        }
        for before in 0..j {
            if dot(vectors.col(before), &v).abs() > bound {
                return Ok(None);
            }
        }
        vectors.col_mut(j).copy_from_slice(&v);
    }
    Ok(Some(vectors))
}

/// ‖T v − λ v‖∞.
fn residual(t: Tridiagonal<'_>, v: &[f64], value: f64) -> f64 {
    let Tridiagonal {
        diagonal,
        off_diagonal,
    } = t;
    let n = v.len();
    (0..n)
        .map(|i| {
            let mut row = (diagonal[i] - value) * v[i];
            if i > 0 {
                row += off_diagonal[i - 1] * v[i - 1];
            }
            if i + 1 < n {
                row += off_diagonal[i] * v[i + 1];
            }
            row.abs()
        })
        .fold(0.0, f64::max)
}

/// All eigenvalues of T, largest first, by the rational QL iteration of Pal, Walker and Kahan
/// (Parlett, *The Symmetric Eigenvalue Problem*, §8.15). `None` if it does not converge. About
/// 10·n² flops.
pub(super) fn eigenvalues(
    t: Tridiagonal<'_>,
    cancellation: Cancellation<'_>,
) -> Result<Option<Scratch<f64>>> {
    let n = t.diagonal.len();
    let mut d = Scratch::copied(t.diagonal);
    let mut squares: Scratch<f64> = t.off_diagonal.iter().map(|e| e * e).collect();
    let floor = (f64::EPSILON * norm(t)).powi(2);
    let negligible = |d: &[f64], squares: &[f64], i: usize| {
        squares[i] <= f64::EPSILON.powi(2) * (d[i] * d[i + 1]).abs().max(floor)
    };
    let mut first = 0;
    let mut sweeps = 0;
    while first < n {
        cancellation.check()?;
        // 1. The block first..=last that no negligible entry splits.
        let last = (first..n - 1)
            .find(|&i| negligible(&d, &squares, i))
            .unwrap_or(n - 1);
        if last == first {
            first += 1;
            continue;
        }
        sweeps += 1;
        if sweeps > MAX_SWEEPS * n {
            return Ok(None);
        }
        // 2. A sweep. QL converges at the start of the block, and faster if the small entries are
        //    there. If they are at the end, the block is reversed.
        if d[last].abs() < d[first].abs() {
            d[first..=last].reverse();
            squares[first..last].reverse();
        }
        ql_sweep(&mut d[first..=last], &mut squares[first..last]);
    }
    d.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(Some(d))
}

/// ‖T‖∞: the largest sum of absolute entries of a row.
fn norm(t: Tridiagonal<'_>) -> f64 {
    let mut before = 0.0;
    let mut norm = 0.0f64;
    for (d, &e) in t.diagonal.iter().zip(t.off_diagonal) {
        norm = norm.max(d.abs() + e.abs() + before);
        before = e.abs();
    }
    norm
}

/// One QL sweep without square roots over a block with diagonal `d`. The off-diagonal entries
/// have the squares `squares`, and none is zero.
fn ql_sweep(d: &mut [f64], squares: &mut [f64]) {
    // 1. Wilkinson's shift: the eigenvalue of the first 2×2 block that is nearer to d₀.
    let e = squares[0].sqrt();
    let half_gap = (d[1] - d[0]) / (2.0 * e);
    let shift = d[0] - e / (half_gap + half_gap.hypot(1.0).copysign(half_gap));

    // 2. Rotations with cosine² c and sine² s, from the last two rows up to the first two.
    let last = d.len() - 1;
    let mut c = 1.0;
    let mut s = 0.0;
    let mut gamma = d[last] - shift;
    let mut p = gamma * gamma;
    for i in (0..last).rev() {
        let square = squares[i];
        let r = p + square;
        if i + 1 < last {
            squares[i + 1] = s * r;
        }
        let c_before = c;
        c = p / r;
        s = square / r;
        // 1/c. This division does not wait for the one above.
        let inverse = r / p;
        let gamma_before = gamma;
        gamma = c * (d[i] - shift) - s * gamma_before;
        d[i + 1] = gamma_before + (d[i] - gamma);
        p = if c == 0.0 {
            c_before * square
        } else {
            gamma * gamma * inverse
        };
    }
    squares[0] = s * p;
    d[0] = shift + gamma;
}

/// T − λI = P L U, with exchanges of neighbouring rows.
///
/// ```text
///   x x                x x x
///   x x x        →       x x x      step i: exchange rows i and i + 1 if that makes the
///     x x x                x x      pivot larger, then eliminate the entry below the pivot.
///       x x                  x      An exchange fills in a third diagonal.
/// ```
pub(super) struct Factored {
    /// The rows of U, from the diagonal on.
    u: Scratch<[f64; 3]>,
    /// Entry i: the multiple of row i that was subtracted from row i + 1.
    multipliers: Scratch<f64>,
    /// Entry i: whether rows i and i + 1 were exchanged before this subtraction.
    exchanged: Scratch<bool>,
}

impl Factored {
    /// Factors T − `value`·I. Pivots below ε·`norm` are replaced by ε·`norm`, so that the
    /// solution grows along the eigenvector but stays finite.
    pub(super) fn new(t: Tridiagonal<'_>, value: f64, norm: f64) -> Self {
        let Tridiagonal {
            diagonal,
            off_diagonal,
        } = t;
        let n = diagonal.len();
        let smallest = (f64::EPSILON * norm).max(f64::MIN_POSITIVE);
        let mut u = Scratch::with_capacity(n);
        let mut multipliers = Scratch::with_capacity(n);
        let mut exchanged = Scratch::with_capacity(n);
        let mut row = [diagonal[0] - value, off_diagonal[0], 0.0];
        for i in 0..n - 1 {
            let below = [
                off_diagonal[i],
                diagonal[i + 1] - value,
                off_diagonal[i + 1],
            ];
            let exchange = below[0].abs() > row[0].abs();
            let (mut pivot, rest) = if exchange {
                (below, [row[0], row[1], 0.0])
            } else {
                (row, below)
            };
            if pivot[0].abs() < smallest {
                pivot[0] = smallest;
            }
            let multiplier = rest[0] / pivot[0];
            row = [
                rest[1] - multiplier * pivot[1],
                rest[2] - multiplier * pivot[2],
                0.0,
            ];
            u.push(pivot);
            multipliers.push(multiplier);
            exchanged.push(exchange);
        }
        if row[0].abs() < smallest {
            row[0] = smallest;
        }
        u.push(row);
        Self {
            u,
            multipliers,
            exchanged,
        }
    }

    /// x ← (T − λI)⁻¹ x.
    pub(super) fn solve(&self, x: &mut [f64]) {
        // 1. Forward: x ← L⁻¹ P x.
        let steps = self.multipliers.iter().zip(&self.exchanged);
        for (i, (multiplier, &exchanged)) in steps.enumerate() {
            if exchanged {
                x.swap(i, i + 1);
            }
            x[i + 1] -= multiplier * x[i];
        }
        // 2. Backward: x ← U⁻¹ x.
        let (mut next, mut after) = (0.0, 0.0);
        for (x, u) in x.iter_mut().zip(&*self.u).rev() {
            *x = (*x - u[1] * next - u[2] * after) / u[0];
            (next, after) = (*x, next);
        }
    }
}

/// Scales `v` to unit length. It is first scaled to entries of at most 1, so that squares do not
/// overflow.
pub(super) fn normalise(v: &mut [f64]) {
    let largest = v.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let scale = 1.0 / largest;
    v.iter_mut().for_each(|x| *x *= scale);
    let scale = 1.0 / dot(v, v).sqrt();
    v.iter_mut().for_each(|x| *x *= scale);
}

/// Σ aᵢ bᵢ, from eight partial sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}
