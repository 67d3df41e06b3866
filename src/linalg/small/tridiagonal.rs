//! Symmetric tridiagonal matrices: all eigenvalues, and the leading eigenvectors
//! alone.

use super::columns::Columns;
use crate::linalg::random::Counter;
use crate::simd::Scratch;

/// QL sweeps per eigenvalue after which the iteration is given up.
const MAX_SWEEPS: usize = 30;

/// Steps of inverse iteration; one usually suffices, a cluster needs more.
const INVERSE_STEPS: usize = 3;

/// Eigenvectors for the first `count` of `values`, as columns; nothing where
/// their residuals or their orthogonality fall short of n·ε.
///
/// Inverse iteration on T, each vector orthogonalised against those before
/// it, which also parts the vectors of a cluster. Some 2·n²·count flops.
pub(super) fn leading_vectors(
    diagonal: &[f64],
    off_diagonal: &[f64],
    values: &[f64],
    count: usize,
) -> Option<Columns> {
    let n = diagonal.len();
    let norm = norm(diagonal, off_diagonal);
    let bound = 4.0 * n as f64 * f64::EPSILON;
    let mut vectors = Columns::zeros(n, count);
    let mut random = Counter::new(0);
    for (j, &value) in values.iter().enumerate().take(count) {
        let shifted = Factored::new(diagonal, off_diagonal, value, norm);
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
        if residual(diagonal, off_diagonal, &v, value) > bound * norm {
            return None;
        }
        for before in 0..j {
            if dot(vectors.col(before), &v).abs() > bound {
                return None;
            }
        }
        vectors.col_mut(j).copy_from_slice(&v);
    }
    Some(vectors)
}

/// ‖T v − λ v‖∞.
fn residual(diagonal: &[f64], off_diagonal: &[f64], v: &[f64], value: f64) -> f64 {
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

/// All eigenvalues of a tridiagonal matrix, largest first, by the rational QL
/// iteration of Pal, Walker and Kahan (Parlett, *The Symmetric Eigenvalue
/// Problem*, §8.15); nothing where it does not converge. Some 10·n² flops.
///
/// Entry i of `off_diagonal` couples i and i + 1; its last entry is zero.
pub(super) fn eigenvalues(diagonal: &[f64], off_diagonal: &[f64]) -> Option<Scratch<f64>> {
    let n = diagonal.len();
    let mut d = Scratch::copied(diagonal);
    let mut squares: Scratch<f64> = off_diagonal.iter().map(|e| e * e).collect();
    let floor = (f64::EPSILON * norm(diagonal, off_diagonal)).powi(2);
    let negligible = |d: &[f64], squares: &[f64], i: usize| {
        squares[i] <= f64::EPSILON.powi(2) * (d[i] * d[i + 1]).abs().max(floor)
    };
    let mut first = 0;
    let mut sweeps = 0;
    while first < n {
        let last = (first..n - 1)
            .find(|&i| negligible(&d, &squares, i))
            .unwrap_or(n - 1);
        if last == first {
            first += 1;
            continue;
        }
        sweeps += 1;
        if sweeps > MAX_SWEEPS * n {
            return None;
        }
        // The small end first: that is where QL converges.
        if d[last].abs() < d[first].abs() {
            d[first..=last].reverse();
            squares[first..last].reverse();
        }
        ql_sweep(&mut d[first..=last], &mut squares[first..last]);
    }
    d.sort_unstable_by(|a, b| b.total_cmp(a));
    Some(d)
}

/// The largest absolute row sum of T.
fn norm(diagonal: &[f64], off_diagonal: &[f64]) -> f64 {
    let mut before = 0.0;
    let mut norm = 0.0f64;
    for (d, &e) in diagonal.iter().zip(off_diagonal) {
        norm = norm.max(d.abs() + e.abs() + before);
        before = e.abs();
    }
    norm
}

/// One QL sweep without square roots over an unreduced block: `d` its diagonal,
/// `squares` its off-diagonal entries squared.
fn ql_sweep(d: &mut [f64], squares: &mut [f64]) {
    // Wilkinson's shift: the eigenvalue of the leading 2×2 nearer to d₀.
    let e = squares[0].sqrt();
    let half_gap = (d[1] - d[0]) / (2.0 * e);
    let shift = d[0] - e / (half_gap + half_gap.hypot(1.0).copysign(half_gap));

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
        // 1/c, divided beside c rather than after it.
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

/// T − λI = P L U with row exchanges between neighbours.
pub(super) struct Factored {
    /// The three diagonals of U.
    u: Scratch<[f64; 3]>,
    /// The multiplier that eliminated row i + 1.
    multipliers: Scratch<f64>,
    /// Whether rows i and i + 1 were exchanged first.
    exchanged: Scratch<bool>,
}

impl Factored {
    pub(super) fn new(diagonal: &[f64], off_diagonal: &[f64], value: f64, norm: f64) -> Self {
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
        let steps = self.multipliers.iter().zip(&self.exchanged);
        for (i, (multiplier, &exchanged)) in steps.enumerate() {
            if exchanged {
                x.swap(i, i + 1);
            }
            x[i + 1] -= multiplier * x[i];
        }
        let (mut next, mut after) = (0.0, 0.0);
        for (x, u) in x.iter_mut().zip(&*self.u).rev() {
            *x = (*x - u[1] * next - u[2] * after) / u[0];
            (next, after) = (*x, next);
        }
    }
}

/// Scales to unit length; what is too large to square is brought down first.
pub(super) fn normalise(v: &mut [f64]) {
    let largest = v.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let scale = 1.0 / largest;
    v.iter_mut().for_each(|x| *x *= scale);
    let scale = 1.0 / dot(v, v).sqrt();
    v.iter_mut().for_each(|x| *x *= scale);
}

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
