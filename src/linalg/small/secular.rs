//! The secular equation: the eigenvalues of D + ρ z zᵀ, for D diagonal and ρ > 0.
//!
//! With D = diag(d₀ < d₁ < …) the eigenvalues λ are the roots of
//!
//! ```text
//!   f(λ) = 1/ρ + Σₖ zₖ²/(dₖ − λ)
//!
//!        │     ╱│     ╱│      ╱
//!        │    ╱ │    ╱ │     ╱           f rises from −∞ to +∞ between two poles, and from
//!   ─────┼───●──┼───●──┼────●───── λ     −∞ to 1/ρ beyond the last, so there is one root
//!        │  ╱   │  ╱   │   ╱             right of each pole
//!        d₀     d₁     d₂
//! ```
//!
//! Each root is stored as its nearest pole, the *origin*, plus an offset. So the differences
//! dₖ − λ, which eigenvectors divide by, have small relative errors even where a root is close
//! to a pole.
//!
//! Let ψ < 0 be the sum of the terms of the poles up to the root, and φ > 0 the sum of the terms of
//! the poles beyond it. A step of the iteration replaces f by c + s/(left − λ) + t/(right − λ),
//! with the two poles next to the root, and solves a quadratic equation. The weight of the nearer
//! pole is its own zₖ²; the other weight and c match f and f′ (the fixed weight method: Li, LAPACK
//! Working Note 89, 1994). If a step leaves the bracket, bisection replaces it.
//!
//! A register holds as many roots as it has lanes, and iterates until all have converged.

use pulp::Simd;

use crate::error::Result;
use crate::monitor::Cancellation;
use crate::simd::{LINE_F64S, Register, Scratch};

/// The iteration gives up after this number of steps.
const MAX_STEPS: usize = 100;

/// f(λ) = 1/ρ + Σ zₖ²/(dₖ − λ).
pub(super) struct Equation<'a> {
    /// The poles dₖ, distinct and ascending.
    poles: &'a [f64],
    /// The zₖ².
    squares: &'a [f64],
    rho: f64,
    inverse_rho: f64,
}

/// The roots of an [`Equation`], ascending, each as origin + offset.
pub(super) struct Roots {
    /// The poles dₖ, and padding.
    poles: Scratch<f64>,
    origins: Scratch<f64>,
    offsets: Scratch<f64>,
    count: usize,
}

impl Roots {
    /// Root j.
    pub(super) fn value(&self, j: usize) -> f64 {
        self.origins[j] + self.offsets[j]
    }

    /// The poles of the equation.
    pub(super) fn poles(&self) -> &[f64] {
        &self.poles[..self.count]
    }

    /// The origins and offsets of the roots, padding included, as registers.
    #[inline(always)]
    pub(super) fn registers<S: Simd>(&self) -> (&[S::f64s], &[S::f64s]) {
        (
            S::as_simd_f64s(&self.origins).0,
            S::as_simd_f64s(&self.offsets).0,
        )
    }

    /// The |zₖ| for which the computed roots are the exact eigenvalues of D + z zᵀ:
    ///
    /// zₖ² = Πⱼ (λⱼ − dₖ) / Πⱼ≠ₖ (dⱼ − dₖ)     (Löwner's formula).
    ///
    /// Eigenvectors computed from these zₖ are orthogonal to working precision, however close
    /// the roots (Gu & Eisenstat, SIAM J. Matrix Anal. Appl. 1995).
    #[inline(always)]
    pub(super) fn weights<S: Simd>(&self, simd: S) -> Scratch<f64> {
        let mut weights = Scratch::with_capacity(self.count);
        for &pole in self.poles() {
            weights.push(self.square(simd, pole).abs().sqrt());
        }
        weights
    }

    /// Löwner's formula for the pole dₖ = `pole`.
    #[inline(always)]
    fn square<S: Simd>(&self, simd: S, pole: f64) -> f64 {
        let pole = Register::splat(simd, pole);
        let poles = S::as_simd_f64s(&self.poles).0;
        let (origins, offsets) = self.registers::<S>();
        let one = Register::splat(simd, 1.0);
        let mut product = one;
        let (poles, last_pole) = poles.as_chunks::<2>();
        let (origins, last_origin) = origins.as_chunks::<2>();
        let (offsets, last_offset) = offsets.as_chunks::<2>();
        // Two factors share a division.
        for ((poles, origins), offsets) in poles.iter().zip(origins).zip(offsets) {
            let mut quotient = [one; 2];
            for i in 0..2 {
                let factor = lowner_factors(simd, pole, poles[i], [origins[i], offsets[i]]);
                quotient = [quotient[0] * factor[0], quotient[1] * factor[1]];
            }
            product = product * (quotient[0] / quotient[1]);
        }
        for ((&other, &origin), &offset) in last_pole.iter().zip(last_origin).zip(last_offset) {
            let factor = lowner_factors(simd, pole, other, [origin, offset]);
            product = product * (factor[0] / factor[1]);
        }
        product.product()
    }
}

/// λⱼ − dₖ and dⱼ − dₖ for a register of roots λⱼ = origin + offset and poles dⱼ = `others`.
/// For j = k the second would be zero, and is 1 instead.
#[inline(always)]
fn lowner_factors<S: Simd>(
    simd: S,
    pole: Register<S>,
    others: S::f64s,
    [origin, offset]: [S::f64s; 2],
) -> [Register<S>; 2] {
    let above = (Register::new(simd, origin) - pole) + Register::new(simd, offset);
    let gap = Register::new(simd, others) - pole;
    let own = gap.equal(Register::splat(simd, 0.0));
    [above, Register::splat(simd, 1.0).where_or(own, gap)]
}

/// The roots that one register iterates on.
#[derive(Clone, Copy)]
struct Batch<S: Simd> {
    /// The number of the root in lane 0.
    first: usize,
    /// The numbers of the roots.
    number: Register<S>,
    /// The poles left and right of each root. The last root has no pole on its right; a bound for
    /// the root replaces it.
    left: Register<S>,
    right: Register<S>,
    /// The zₖ² of these poles; zero for the bound.
    left_square: Register<S>,
    right_square: Register<S>,
}

/// A point λ in each lane, as origin + offset.
#[derive(Clone, Copy)]
struct Point<S: Simd> {
    origin: Register<S>,
    offset: Register<S>,
}

impl<S: Simd> Point<S> {
    /// pole − λ.
    #[inline(always)]
    fn distance_to(self, simd: S, pole: f64) -> Register<S> {
        (Register::splat(simd, pole) - self.origin) - self.offset
    }
}

/// A sum of terms of f, and the sum of their derivatives.
#[derive(Clone, Copy)]
struct Sum<S: Simd> {
    value: Register<S>,
    slope: Register<S>,
}

impl<S: Simd> Sum<S> {
    /// Adds the term of z² = `square`, given 1/(dₖ − λ) = `inverse`.
    #[inline(always)]
    fn add_term(&mut self, square: Register<S>, inverse: Register<S>) {
        let term = square * inverse;
        self.value = self.value + term;
        self.slope = term.mul_add(inverse, self.slope);
    }
}

impl<'a> Equation<'a> {
    /// The equation with the distinct, ascending `poles`, the `squares` zₖ² and ρ = `rho`.
    pub(super) fn new(poles: &'a [f64], squares: &'a [f64], rho: f64) -> Self {
        Self {
            poles,
            squares,
            rho,
            inverse_rho: 1.0 / rho,
        }
    }

    /// The roots; `None` if the iteration does not converge.
    #[inline(always)]
    pub(super) fn roots<S: Simd>(
        &self,
        simd: S,
        cancellation: Cancellation<'_>,
    ) -> Result<Option<Roots>> {
        let Some(&last) = self.poles.last() else {
            return Ok(None);
        };
        let count = self.poles.len();
        let padded = count.next_multiple_of(LINE_F64S);
        // 1. The poles next to each root. The last root is at most d + ρ Σ zₖ², with d the last
        //    pole. Padding repeats the last root.
        let beyond = last + self.rho * self.squares.iter().sum::<f64>();
        let [
            mut number,
            mut left,
            mut right,
            mut left_square,
            mut right_square,
        ] = [(); 5].map(|()| Scratch::<f64>::zeroed(padded));
        for j in 0..padded {
            let this = j.min(count - 1);
            number[j] = this as f64;
            left[j] = self.poles[this];
            right[j] = self.poles.get(j + 1).copied().unwrap_or(beyond);
            left_square[j] = self.squares[this];
            right_square[j] = self.squares.get(j + 1).copied().unwrap_or(0.0);
        }
        // 2. One register of roots after the other.
        let mut roots = Roots {
            poles: Scratch::zeroed(padded),
            origins: Scratch::zeroed(padded),
            offsets: Scratch::zeroed(padded),
            count,
        };
        let origins = S::as_mut_simd_f64s(&mut roots.origins).0.iter_mut();
        let offsets = S::as_mut_simd_f64s(&mut roots.offsets).0.iter_mut();
        let batches = count.div_ceil(S::F64_LANES);
        for (i, (origin, offset)) in origins.zip(offsets).enumerate().take(batches) {
            cancellation.check()?;
            let batch = Batch {
                first: i * S::F64_LANES,
                number: Register::new(simd, S::as_simd_f64s(&number).0[i]),
                left: Register::new(simd, S::as_simd_f64s(&left).0[i]),
                right: Register::new(simd, S::as_simd_f64s(&right).0[i]),
                left_square: Register::new(simd, S::as_simd_f64s(&left_square).0[i]),
                right_square: Register::new(simd, S::as_simd_f64s(&right_square).0[i]),
            };
            let Some(root) = self.solve(simd, batch) else {
                return Ok(None);
            };
            (*origin, *offset) = (root.origin.lanes, root.offset.lanes);
        }
        // 3. Padding that multiplies Löwner's formula by one: equal poles and roots.
        roots.poles[..count].copy_from_slice(self.poles);
        roots.poles[count..].fill(last + 1.0);
        roots.origins[count..].fill(last + 1.0);
        roots.offsets[count..].fill(0.0);
        Ok(Some(roots))
    }

    /// The roots of one batch; `None` if a lane does not converge.
    #[inline(always)]
    fn solve<S: Simd>(&self, simd: S, batch: Batch<S>) -> Option<Point<S>> {
        let Batch {
            number,
            left,
            right,
            left_square,
            right_square,
            ..
        } = batch;
        let zero = Register::splat(simd, 0.0);
        let inverse_rho = Register::splat(simd, self.inverse_rho);
        let is_last = Register::splat(simd, (self.poles.len() - 1) as f64).at_most(number);

        // 1. Choose the origin by the sign of f in the middle of the interval: the left pole
        //    if f ≥ 0, else the right one. The last root can only have the left pole. The bracket
        //    low < x < high is the half of the interval that contains the root.
        let gap = right - left;
        let half = gap * Register::splat(simd, 0.5);
        let from_middle = Point {
            origin: left,
            offset: half,
        };
        let [psi, phi] = self.evaluate(simd, &batch, from_middle);
        let middle = inverse_rho + (psi.value + phi.value);
        let is_below = zero.at_most(middle);
        let from_left = simd.or_m64s(is_last, is_below);
        let origin = left.where_or(from_left, right);
        let mut low = zero.where_or(is_below, half.where_or(is_last, -half));
        let mut high = half.where_or(is_below, gap.where_or(is_last, zero));

        // 2. Start at the root of the equation that keeps the terms of the two poles next to the
        //    root, and fixes all other terms at their values in the middle.
        let nearest = left_square.where_or(from_left, right_square);
        let c = middle + (left_square - right_square) / half;
        let sum = left_square + right_square;
        let direction = Register::splat(simd, 1.0).where_or(from_left, Register::splat(simd, -1.0));
        let c = c * direction;
        let distance = quadratic_root(simd, c.mul_add(gap, sum), nearest * gap, c);
        let mut x = direction * distance;
        x = x.where_or(within(simd, x, low, high), centre(simd, low, high));

        // 3. Iterate, with the poles relative to the origin.
        let left = left - origin;
        let right = right - origin;
        let tolerance = f64::EPSILON * (8.0 + (self.poles.len() as f64).sqrt());
        let tolerance = Register::splat(simd, tolerance);
        for _ in 0..MAX_STEPS {
            // 3a. Evaluate f, f′ and the rounding error of f, and narrow the bracket.
            let at_x = Point { origin, offset: x };
            let [psi, phi] = self.evaluate(simd, &batch, at_x);
            let f = inverse_rho + (psi.value + phi.value);
            let slope = psi.slope + phi.slope;
            let bound = tolerance * (inverse_rho + (phi.value - psi.value));
            let is_negative = f.less(zero);
            low = x.where_or(is_negative, low);
            high = high.where_or(is_negative, x);

            // 3b. The next x, by the fixed weight method or bisection.
            let (to_left, to_right) = (left - x, right - x);
            let near = to_left.where_or(from_left, to_right);
            let far = to_right.where_or(from_left, to_left);
            let both = to_left * to_right;
            let c = (f - far * slope) - (near - far) * (nearest / (near * near));
            let a = (to_left + to_right) * f - both * slope;
            let next = x + quadratic_root(simd, a, both * f, c);
            let next = next.where_or(within(simd, next, low, high), centre(simd, low, high));

            // 3c. Keep x if f is within its rounding error. Stop if no lane has moved.
            let done = simd.and_m64s(f.at_most(bound), (-bound).at_most(f));
            let next = x.where_or(done, next);
            let moved = simd.not_m64s(next.equal(x));
            x = next;
            if simd.first_true_m64s(moved) >= S::F64_LANES {
                return Some(Point { origin, offset: x });
            }
        }
        None
    }

    /// ψ and φ at a point: the sums over the poles up to the root of each lane, and over the
    /// poles beyond it.
    ///
    /// ```text
    ///   poles   0 … first │ first + 1 … end − 1 │ end …
    ///   lanes   ψ in all  │ ψ or φ, by lane     │ φ in all
    /// ```
    #[inline(always)]
    fn evaluate<S: Simd>(&self, simd: S, batch: &Batch<S>, point: Point<S>) -> [Sum<S>; 2] {
        let first = batch.first;
        let end = (first + S::F64_LANES).min(self.poles.len());
        let zero = Register::splat(simd, 0.0);
        let mut psi = self.sum(simd, 0..first + 1, point);
        let mut phi = self.sum(simd, end..self.poles.len(), point);
        for k in first + 1..end {
            let inverse = Register::splat(simd, 1.0) / point.distance_to(simd, self.poles[k]);
            let term = Register::splat(simd, self.squares[k]) * inverse;
            let slope = term * inverse;
            let is_below = Register::splat(simd, k as f64).at_most(batch.number);
            psi.value = psi.value + term.where_or(is_below, zero);
            psi.slope = psi.slope + slope.where_or(is_below, zero);
            phi.value = phi.value + zero.where_or(is_below, term);
            phi.slope = phi.slope + zero.where_or(is_below, slope);
        }
        [psi, phi]
    }

    /// The sum of the terms of the poles `range`. Two terms share a division:
    /// 1/d = e·(1/(d e)) and 1/e = d·(1/(d e)).
    #[inline(always)]
    fn sum<S: Simd>(&self, simd: S, range: std::ops::Range<usize>, point: Point<S>) -> Sum<S> {
        let one = Register::splat(simd, 1.0);
        let zero = Register::splat(simd, 0.0);
        let mut sums = [Sum {
            value: zero,
            slope: zero,
        }; 2];
        let (poles, last_pole) = self.poles[range.clone()].as_chunks::<2>();
        let (squares, last_square) = self.squares[range].as_chunks::<2>();
        for (&[d, e], &[s, t]) in poles.iter().zip(squares) {
            let d = point.distance_to(simd, d);
            let e = point.distance_to(simd, e);
            let inverse = one / (d * e);
            sums[0].add_term(Register::splat(simd, s), e * inverse);
            sums[1].add_term(Register::splat(simd, t), d * inverse);
        }
        for (&d, &s) in last_pole.iter().zip(last_square) {
            sums[0].add_term(Register::splat(simd, s), one / point.distance_to(simd, d));
        }
        Sum {
            value: sums[0].value + sums[1].value,
            slope: sums[0].slope + sums[1].slope,
        }
    }
}

/// The root of c x² − a x + b between the poles, by the formula that does not cancel digits.
#[inline(always)]
fn quadratic_root<S: Simd>(simd: S, a: Register<S>, b: Register<S>, c: Register<S>) -> Register<S> {
    let two = Register::splat(simd, 2.0);
    let root = (a * a - Register::splat(simd, 4.0) * b * c).sqrt();
    let plain = (a - root) / (two * c);
    let inverted = (two * b) / (a + root);
    plain.where_or(a.at_most(Register::splat(simd, 0.0)), inverted)
}

/// The lanes where low < x < high.
#[inline(always)]
fn within<S: Simd>(simd: S, x: Register<S>, low: Register<S>, high: Register<S>) -> S::m64s {
    simd.and_m64s(low.less(x), x.less(high))
}

/// (low + high)/2.
#[inline(always)]
fn centre<S: Simd>(simd: S, low: Register<S>, high: Register<S>) -> Register<S> {
    Register::splat(simd, 0.5) * (low + high)
}
