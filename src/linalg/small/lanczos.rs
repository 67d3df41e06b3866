//! The leading eigenpair of a symmetric positive semidefinite matrix.
//!
//! The Lanczos iteration builds an orthonormal basis q₀, q₁, … of the Krylov space of S, in
//! which S is the tridiagonal matrix T with diagonal α and off-diagonal β (Golub & Van Loan,
//! *Matrix Computations*, §10.1):
//!
//! ```text
//!   q ← a fixed start of unit length
//!   for step in 1..:
//!     w ← S q,  α ← wᵀ q
//!     w ← w − Σ ⟨w, qᵢ⟩ qᵢ over all qᵢ so far, twice
//!     β ← ‖w‖
//!     after some of the steps:
//!       (λ, y) ← the leading pair of T
//!       stop where β·|last entry of y|, the residual, is at most n·ε·λ
//!     q ← w/β
//!   eigenvector ← Σ yᵢ qᵢ
//! ```
//!
//! A small residual means a small error only if the second eigenvalue λ₂ is smaller than λ₁ by a
//! gap. Moreover, the iteration may miss an eigenvector that is orthogonal to its start. So the gap
//! is checked on S itself, in one of two ways:
//!
//! 1. by the bound λ₂² ≤ ‖S‖² − λ₁²;
//! 2. if the bound is too large, by the number of eigenvalues above (1 − gap)·λ₁. This is the
//!    number of positive pivots of S − (1 − gap)·λ₁·I (Sylvester's law of inertia).

use faer::MatRef;
use pulp::{Simd, WithSimd};

use super::eigh::scaled;
use super::rows::Rows;
use super::tridiagonal::{Factored, Tridiagonal, eigenvalues, normalise};
use crate::error::{Error, Result};
use crate::linalg::random::Counter;
use crate::monitor::Cancellation;
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

/// The largest number of Lanczos steps. After more, the full decomposition would be faster.
const MAX_STEPS: usize = 48;

/// The step after which convergence is first checked. The next checks follow after 6, 9, 13, …
/// steps.
const FIRST_CHECK: usize = 4;

/// The leading eigenpair of the positive semidefinite matrix `s`, if it is separated from the
/// others. Only the lower triangle of `s` is read.
///
/// Returns `None` if the second eigenvalue is above (1 − `gap`) times the first, if the iteration
/// does not converge in 48 steps, and for a matrix without entries.
///
/// The residual is at most n·ε·λ₁, so the error of the vector is at most n·ε/gap. The method is
/// Lanczos with full reorthogonalisation; the gap is checked on `s` itself. Cost: about 50·n²
/// flops, and n³/3 more if the check needs a factorization.
///
/// # Errors
/// [`Error::MatrixShapeMismatch`] unless the matrix is square, [`Error::NonFinite`],
/// [`Error::FractionOutOfRange`] unless 0 ≤ `gap` ≤ 1.
///
/// ```
/// use tenfold::linalg::leading_pair;
/// let s = faer::mat![[3.0, 0.0], [0.0, 1.0]];
/// let pair = leading_pair(s.as_ref(), 1e-3)?.expect("3 is separated from 1");
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
    let pair = leading_pair_in_scratch_until(s, gap, Cancellation::default())?;
    Ok(pair.map(|(value, vector)| LeadingPair {
        value,
        vector: vector.to_vec(),
    }))
}

/// Like [`leading_pair`], with the eigenvalue and its vector in scratch memory. Returns
/// [`Error::Cancelled`] soon after the flag is set.
pub(crate) fn leading_pair_in_scratch_until(
    s: MatRef<'_, f64>,
    gap: f64,
    cancellation: Cancellation<'_>,
) -> Result<Option<(f64, Scratch<f64>)>> {
    let (s, exponent) = scaled(s)?;
    let pair = arch().dispatch(Lanczos {
        s: s.as_ref(),
        gap,
        cancellation,
    })?;
    Ok(pair.map(|(value, vector)| (scale(value, exponent), vector)))
}

struct Lanczos<'a> {
    s: MatRef<'a, f64>,
    gap: f64,
    cancellation: Cancellation<'a>,
}

impl WithSimd for Lanczos<'_> {
    type Output = Result<Option<(f64, Scratch<f64>)>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let s = Rows::from_symmetric(self.s);
        let Some((value, vector)) = iterate(simd, &s, self.cancellation)? else {
            return Ok(None);
        };
        let bound = value * (1.0 - self.gap);
        let squares: f64 = (0..s.len()).map(|i| dot(simd, s.row(i), s.row(i))).sum();
        let others = squares - value * value;
        let separated =
            others < bound * bound || exactly_one_above(simd, s, bound, self.cancellation)?;
        Ok(separated.then_some((value, vector)))
    }
}

/// The Lanczos iteration. `None` if it does not converge.
#[inline(always)]
fn iterate<S: Simd>(
    simd: S,
    s: &Rows,
    cancellation: Cancellation<'_>,
) -> Result<Option<(f64, Scratch<f64>)>> {
    let (n, stride) = (s.len(), s.stride());
    let steps = MAX_STEPS.min(n);
    let mut random = Counter::new(1);
    // 1. The start, with positive entries: if the features have no negative entries, the leading
    //    vector has none either.
    let mut q = Scratch::zeroed(stride);
    q[..n].fill_with(|| 0.5 + random.uniform());
    normalise(&mut q);
    let mut basis = Scratch::<f64>::unspecified(steps * stride);
    let mut alphas = Scratch::with_capacity(steps);
    let mut betas = Scratch::with_capacity(steps);
    let mut check = FIRST_CHECK;
    for step in 1..=steps {
        cancellation.check()?;
        // 2. Multiply.
        let mut w = Scratch::zeroed(stride);
        for (i, entry) in w[..n].iter_mut().enumerate() {
            *entry = dot(simd, s.row(i), &q);
        }
        alphas.push(dot(simd, &w, &q));
        basis[(step - 1) * stride..][..stride].copy_from_slice(&q);
        // 3. Orthogonalise.
        let basis = || basis.chunks_exact(stride).take(step);
        for _ in 0..2 {
            for before in basis() {
                axpy(simd, -dot(simd, before, &w), before, &mut w);
            }
        }
        let beta = dot(simd, &w, &w).sqrt();
        // 4. Check for convergence. A β of rounding size ends the Krylov space.
        let exhausted = beta <= f64::EPSILON * alphas[0].abs();
        if step == check || step == steps || exhausted {
            check += check / 2;
            betas.push(0.0);
            let t = Tridiagonal {
                diagonal: &alphas,
                off_diagonal: &betas,
            };
            let values = eigenvalues(t, cancellation)?;
            let Some(&value) = values.as_ref().and_then(|values| values.first()) else {
                return Ok(None);
            };
            let ritz = ritz_vector(t, value);
            betas.truncate(step - 1);
            let residual = beta * ritz.last().map_or(0.0, |last| last.abs());
            if residual <= n as f64 * f64::EPSILON * value {
                let mut vector = Scratch::zeroed(stride);
                for (&along, q) in ritz.iter().zip(basis()) {
                    axpy(simd, along, q, &mut vector);
                }
                normalise(&mut vector);
                vector.truncate(n);
                return Ok(Some((value, vector)));
            }
        }
        if exhausted {
            return Ok(None);
        }
        // 5. The next vector of the basis.
        betas.push(beta);
        let reciprocal = 1.0 / beta;
        w.iter_mut().for_each(|entry| *entry *= reciprocal);
        q = w;
    }
    Ok(None)
}

/// The eigenvector of T for `value`, by inverse iteration.
fn ritz_vector(t: Tridiagonal<'_>, value: f64) -> Scratch<f64> {
    let entries = t.diagonal.iter().chain(t.off_diagonal);
    let largest = entries.fold(0.0, |a: f64, b| a.max(b.abs()));
    let shifted = Factored::new(t, value, largest);
    let mut v: Scratch<f64> = t.diagonal.iter().map(|_| 1.0).collect();
    for _ in 0..2 {
        shifted.solve(&mut v);
        normalise(&mut v);
    }
    v
}

/// Whether S has exactly one eigenvalue above `bound`, by elimination of S − bound·I without
/// exchanges. Returns false for a pivot of zero.
#[inline(always)]
fn exactly_one_above<S: Simd>(
    simd: S,
    mut s: Rows,
    bound: f64,
    cancellation: Cancellation<'_>,
) -> Result<bool> {
    let n = s.len();
    let stride = s.stride();
    let mut positive = 0;
    for k in 0..n {
        cancellation.check()?;
        let (row, after) = s.split_after(k);
        let pivot = row[k] - bound;
        if pivot > 0.0 {
            positive += 1;
        }
        if positive > 1 || pivot == 0.0 {
            return Ok(false);
        }
        let start = line_start(k + 1);
        for (below, other) in after.chunks_exact_mut(stride).enumerate() {
            let multiplier = row[k + 1 + below] / pivot;
            axpy(simd, -multiplier, &row[start..], &mut other[start..]);
        }
    }
    Ok(positive == 1)
}
