//! The leading eigenpair of a symmetric positive semidefinite matrix.

use faer::MatRef;
use pulp::{Simd, WithSimd};

use super::eigh::scaled;
use super::rows::Rows;
use super::tridiagonal::{Factored, eigenvalues, normalise};
use crate::error::{Error, Result};
use crate::linalg::random::Counter;
use crate::scalar::scale;
use crate::simd::{Scratch, arch, axpy, dot, line_start};

/// The leading eigenvalue of a Gram matrix, and its vector.
///
/// ```
/// use tenfold::linalg::leading_pair;
/// let pair = leading_pair(faer::mat![[3.0, 0.0], [0.0, 1.0]].as_ref(), 1e-3)?;
/// assert!(pair.is_some_and(|pair| (pair.vector[0].abs() - 1.0).abs() < 1e-14));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LeadingPair {
    /// The largest eigenvalue.
    pub value: f64,
    /// Its eigenvector, of unit length, of either sign.
    pub vector: Vec<f64>,
}

/// Lanczos steps after which the full decomposition is the faster way.
const MAX_STEPS: usize = 48;

/// The first look at the convergence is after this many steps; each further one
/// half as many steps later again.
const FIRST_LOOK: usize = 4;

/// The leading eigenpair of the positive semidefinite matrix `s`, of which the lower
/// triangle is read, if it stands apart: `None` where the second eigenvalue exceeds
/// (1 − `gap`) times the first, where the iteration does not converge in time, and for
/// a matrix without entries.
///
/// Lanczos with full reorthogonalisation (Golub & Van Loan, §10.1) to a residual
/// of n·ε·λ₁, so that the vector's error is at most n·ε/gap. That no second
/// eigenvalue hides from the Krylov space is certified: by λ₂² ≤ ‖S‖² − λ₁², or
/// by the signs of the pivots of S − (1 − gap)λ₁·I (Sylvester). Some 50·n² flops,
/// and n³/3 for the pivots where they are needed.
///
/// # Errors
/// [`Error::MatrixShapeMismatch`] unless the matrix is square, [`Error::NonFinite`],
/// [`Error::FractionOutOfRange`] unless 0 ≤ `gap` ≤ 1.
///
/// ```
/// use tenfold::linalg::leading_pair;
/// let s = faer::mat![[3.0, 0.0], [0.0, 1.0]];
/// let pair = leading_pair(s.as_ref(), 1e-3)?.expect("3 stands apart from 1");
/// assert!((pair.value - 3.0_f64).abs() < 1e-14);
/// assert!(leading_pair(faer::Mat::identity(2, 2).as_ref(), 1e-3)?.is_none());
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn leading_pair(s: MatRef<'_, f64>, gap: f64) -> Result<Option<LeadingPair>> {
    if !(0.0..=1.0).contains(&gap) {
        return Err(Error::FractionOutOfRange {
            what: "the gap",
            value: gap,
        });
    }
    let (s, exponent) = scaled(s)?;
    let pair = pair_of_scaled(s.as_ref(), exponent, gap);
    Ok(pair.map(|(value, vector)| LeadingPair {
        value,
        vector: vector.to_vec(),
    }))
}

/// [`leading_pair`]: the eigenvalue and its vector; nothing for a matrix with an entry
/// that is not finite either.
pub(crate) fn leading_pair_in_scratch(s: MatRef<'_, f64>, gap: f64) -> Option<(f64, Scratch<f64>)> {
    let (s, exponent) = scaled(s).ok()?;
    pair_of_scaled(s.as_ref(), exponent, gap)
}

/// The leading eigenpair of `s`·2ᵉ, the entries of `s` at most one or so.
fn pair_of_scaled(s: MatRef<'_, f64>, exponent: i32, gap: f64) -> Option<(f64, Scratch<f64>)> {
    let (value, vector) = arch().dispatch(Lanczos { s, gap })?;
    Some((scale(value, exponent), vector))
}

struct Lanczos<'a> {
    s: MatRef<'a, f64>,
    gap: f64,
}

impl WithSimd for Lanczos<'_> {
    type Output = Option<(f64, Scratch<f64>)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let s = Rows::from_symmetric(self.s);
        let (value, vector) = iterate(simd, &s)?;
        let bound = value * (1.0 - self.gap);
        let squares: f64 = (0..s.len()).map(|i| dot(simd, s.row(i), s.row(i))).sum();
        let others = squares - value * value;
        let apart = others < bound * bound || exactly_one_above(simd, s, bound);
        apart.then_some((value, vector))
    }
}

/// The Lanczos iteration from a fixed start.
#[inline(always)]
fn iterate<S: Simd>(simd: S, s: &Rows) -> Option<(f64, Scratch<f64>)> {
    let (n, stride) = (s.len(), s.stride());
    let steps = MAX_STEPS.min(n);
    let mut random = Counter::new(1);
    let mut q = Scratch::zeroed(stride);
    // All entries positive: the leading vector of non-negative features is.
    q[..n].fill_with(|| 0.5 + random.uniform());
    normalise(&mut q);
    let mut basis = Scratch::<f64>::unspecified(steps * stride);
    let mut alphas = Scratch::with_capacity(steps);
    let mut betas = Scratch::with_capacity(steps);
    let mut look = FIRST_LOOK;
    for step in 1..=steps {
        let mut w = Scratch::zeroed(stride);
        for (i, entry) in w[..n].iter_mut().enumerate() {
            *entry = dot(simd, s.row(i), &q);
        }
        alphas.push(dot(simd, &w, &q));
        basis[(step - 1) * stride..][..stride].copy_from_slice(&q);
        let basis = || basis.chunks_exact(stride).take(step);
        for _ in 0..2 {
            for before in basis() {
                axpy(simd, -dot(simd, before, &w), before, &mut w);
            }
        }
        let beta = dot(simd, &w, &w).sqrt();
        let exhausted = beta <= f64::EPSILON * alphas[0].abs();
        if step == look || step == steps || exhausted {
            look += look / 2;
            betas.push(0.0);
            let value = *eigenvalues(&alphas, &betas)?.first()?;
            let ritz = ritz_vector(&alphas, &betas, value);
            betas.truncate(step - 1);
            let residual = beta * ritz.last().map_or(0.0, |last| last.abs());
            if residual <= n as f64 * f64::EPSILON * value {
                let mut vector = Scratch::zeroed(stride);
                for (&along, q) in ritz.iter().zip(basis()) {
                    axpy(simd, along, q, &mut vector);
                }
                normalise(&mut vector);
                vector.truncate(n);
                return Some((value, vector));
            }
        }
        if exhausted {
            return None;
        }
        betas.push(beta);
        let reciprocal = 1.0 / beta;
        w.iter_mut().for_each(|entry| *entry *= reciprocal);
        q = w;
    }
    None
}

/// The eigenvector of the Lanczos matrix for `value`, by inverse iteration.
fn ritz_vector(alphas: &[f64], betas: &[f64], value: f64) -> Scratch<f64> {
    let norm = alphas
        .iter()
        .chain(betas)
        .fold(0.0, |a: f64, b| a.max(b.abs()));
    let shifted = Factored::new(alphas, betas, value, norm);
    let mut v: Scratch<f64> = alphas.iter().map(|_| 1.0).collect();
    for _ in 0..2 {
        shifted.solve(&mut v);
        normalise(&mut v);
    }
    v
}

/// Whether S has exactly one eigenvalue above `bound`: S − bound·I has as many
/// positive pivots as positive eigenvalues.
#[inline(always)]
fn exactly_one_above<S: Simd>(simd: S, mut s: Rows, bound: f64) -> bool {
    let n = s.len();
    let stride = s.stride();
    let mut positive = 0;
    for k in 0..n {
        let (row, after) = s.split_after(k);
        let pivot = row[k] - bound;
        if pivot > 0.0 {
            positive += 1;
        }
        if positive > 1 || pivot == 0.0 {
            return false;
        }
        let start = line_start(k + 1);
        for (below, other) in after.chunks_exact_mut(stride).enumerate() {
            let multiplier = row[k + 1 + below] / pivot;
            axpy(simd, -multiplier, &row[start..], &mut other[start..]);
        }
    }
    positive == 1
}
