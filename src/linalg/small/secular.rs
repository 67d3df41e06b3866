//! The secular equation: eigenvalues of D + ρ z zᵀ, and the z that they belong to
//! exactly.

use pulp::Simd;

use crate::simd::{LINE_F64S, Register, Scratch};

/// Steps after which the iteration is given up.
const MAX_STEPS: usize = 100;

/// The eigenvalues of D + ρ z zᵀ, ascending, ρ > 0, each as the pole nearest to it
/// and the distance from that pole, by which differences from all poles have
/// small relative errors.
pub(super) struct Roots {
    /// The poles dₖ, ascending, and padding.
    poles: Scratch<f64>,
    origins: Scratch<f64>,
    offsets: Scratch<f64>,
    count: usize,
}

impl Roots {
    /// The roots of 1/ρ + Σ zₖ²/(dₖ − λ), of which there is one above each pole;
    /// nothing where the iteration does not converge. `poles` are distinct and
    /// ascending, `squares` are the zₖ².
    ///
    /// As many at a time as a register has lanes, by the fixed weight iteration of
    /// Li (LAPACK Working Note 89, 1994), bisection where it leaves the bracket.
    #[inline(always)]
    pub(super) fn find<S: Simd>(simd: S, poles: &[f64], squares: &[f64], rho: f64) -> Option<Self> {
        let count = poles.len();
        let padded = count.next_multiple_of(LINE_F64S);
        let last = *poles.last()?;
        // Beyond the last root, where ψ alone is left.
        let beyond = last + rho * squares.iter().sum::<f64>();
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
            left[j] = poles[this];
            right[j] = poles.get(j + 1).copied().unwrap_or(beyond);
            left_square[j] = squares[this];
            right_square[j] = squares.get(j + 1).copied().unwrap_or(0.0);
        }
        let mut roots = Self {
            poles: Scratch::zeroed(padded),
            origins: Scratch::zeroed(padded),
            offsets: Scratch::zeroed(padded),
            count,
        };
        let equation = Equation {
            poles,
            squares,
            inverse_rho: 1.0 / rho,
        };
        let origins = S::as_mut_simd_f64s(&mut roots.origins).0.iter_mut();
        let offsets = S::as_mut_simd_f64s(&mut roots.offsets).0.iter_mut();
        let batches = count.div_ceil(S::F64_LANES);
        for (i, (origin, offset)) in origins.zip(offsets).enumerate().take(batches) {
            let bracket = Bracket {
                number: Register::new(simd, S::as_simd_f64s(&number).0[i]),
                left: Register::new(simd, S::as_simd_f64s(&left).0[i]),
                right: Register::new(simd, S::as_simd_f64s(&right).0[i]),
                left_square: Register::new(simd, S::as_simd_f64s(&left_square).0[i]),
                right_square: Register::new(simd, S::as_simd_f64s(&right_square).0[i]),
            };
            let (pole, distance) = equation.solve(simd, i * S::F64_LANES, bracket)?;
            (*origin, *offset) = (pole.lanes, distance.lanes);
        }
        roots.poles[..count].copy_from_slice(poles);
        // Padding that multiplies Löwner's formula by one.
        roots.poles[count..].fill(last + 1.0);
        roots.origins[count..].fill(last + 1.0);
        roots.offsets[count..].fill(0.0);
        Some(roots)
    }

    /// Root j.
    pub(super) fn value(&self, j: usize) -> f64 {
        self.origins[j] + self.offsets[j]
    }

    /// The origins and offsets of the roots, padding included, as vectors.
    #[inline(always)]
    pub(super) fn vectors<S: Simd>(&self) -> (&[S::f64s], &[S::f64s]) {
        (
            S::as_simd_f64s(&self.origins).0,
            S::as_simd_f64s(&self.offsets).0,
        )
    }

    /// The |zₖ| for which the roots are eigenvalues of D + z zᵀ exactly (Löwner's
    /// formula), zₖ² = Πⱼ (λⱼ − dₖ) / Πⱼ≠ₖ (dⱼ − dₖ), so that eigenvectors computed
    /// from them are orthogonal (Gu & Eisenstat, SIAM J. Matrix Anal. Appl. 1995).
    #[inline(always)]
    pub(super) fn weights<S: Simd>(&self, simd: S) -> Scratch<f64> {
        let mut weights = Scratch::with_capacity(self.count);
        for &pole in &self.poles[..self.count] {
            weights.push(self.square(simd, pole).abs().sqrt());
        }
        weights
    }

    /// Löwner's formula for one pole.
    #[inline(always)]
    fn square<S: Simd>(&self, simd: S, pole: f64) -> f64 {
        let pole = Register::splat(simd, pole);
        let poles = S::as_simd_f64s(&self.poles).0;
        let (origins, offsets) = self.vectors::<S>();
        let one = Register::splat(simd, 1.0);
        let mut product = one;
        let (poles, last_pole) = poles.as_chunks::<2>();
        let (origins, last_origin) = origins.as_chunks::<2>();
        let (offsets, last_offset) = offsets.as_chunks::<2>();
        // Two share a division.
        for ((poles, origins), offsets) in poles.iter().zip(origins).zip(offsets) {
            let mut quotient = [one; 2];
            for i in 0..2 {
                let factor = factors(simd, pole, poles[i], origins[i], offsets[i]);
                quotient = [quotient[0] * factor[0], quotient[1] * factor[1]];
            }
            product = product * (quotient[0] / quotient[1]);
        }
        for ((&at, &origin), &offset) in last_pole.iter().zip(last_origin).zip(last_offset) {
            let factor = factors(simd, pole, at, origin, offset);
            product = product * (factor[0] / factor[1]);
        }
        product.product()
    }
}

/// λⱼ − dₖ and dⱼ − dₖ, the latter one where it is zero.
#[inline(always)]
fn factors<S: Simd>(
    simd: S,
    pole: Register<S>,
    at: S::f64s,
    origin: S::f64s,
    offset: S::f64s,
) -> [Register<S>; 2] {
    let above = (Register::new(simd, origin) - pole) + Register::new(simd, offset);
    let gap = Register::new(simd, at) - pole;
    let own = gap.equal(Register::splat(simd, 0.0));
    [above, Register::splat(simd, 1.0).where_or(own, gap)]
}

/// f(λ) = 1/ρ + Σ zₖ²/(dₖ − λ), increasing between poles.
struct Equation<'a> {
    poles: &'a [f64],
    squares: &'a [f64],
    inverse_rho: f64,
}

/// A sum of terms of f, and of their derivatives.
#[derive(Clone, Copy)]
struct Sum<S: Simd> {
    value: Register<S>,
    slope: Register<S>,
}

/// Roots, one in each lane: their numbers, the poles about them, and the z² of
/// those.
#[derive(Clone, Copy)]
struct Bracket<S: Simd> {
    number: Register<S>,
    left: Register<S>,
    right: Register<S>,
    left_square: Register<S>,
    right_square: Register<S>,
}

impl Equation<'_> {
    /// The roots `first`, … in one register: their origins and offsets.
    #[inline(always)]
    fn solve<S: Simd>(
        &self,
        simd: S,
        first: usize,
        bracket: Bracket<S>,
    ) -> Option<(Register<S>, Register<S>)> {
        let Bracket {
            number,
            left,
            right,
            left_square,
            right_square,
        } = bracket;
        let zero = Register::splat(simd, 0.0);
        let inverse_rho = Register::splat(simd, self.inverse_rho);
        let is_last = Register::splat(simd, (self.poles.len() - 1) as f64).at_most(number);

        // The half of the interval in which the root lies, and its pole; beyond
        // the last root there is none.
        let gap = right - left;
        let half = gap * Register::splat(simd, 0.5);
        let [psi, phi] = self.evaluate(simd, first, number, left, half);
        let middle = inverse_rho + (psi.value + phi.value);
        let is_below = zero.at_most(middle);
        let from_left = simd.or_m64s(is_last, is_below);
        let origin = left.where_or(from_left, right);
        let mut low = zero.where_or(is_below, half.where_or(is_last, -half));
        let mut high = half.where_or(is_below, gap.where_or(is_last, zero));

        // The root, were all other terms as at the middle.
        let nearest = left_square.where_or(from_left, right_square);
        let c = middle + (left_square - right_square) / half;
        let sum = left_square + right_square;
        let direction = Register::splat(simd, 1.0).where_or(from_left, Register::splat(simd, -1.0));
        let c = c * direction;
        let distance = root_between(simd, c.mul_add(gap, sum), nearest * gap, c);
        let mut x = direction * distance;
        x = x.where_or(within(simd, x, low, high), centre(simd, low, high));

        let left = left - origin;
        let right = right - origin;
        let tolerance = f64::EPSILON * (8.0 + (self.poles.len() as f64).sqrt());
        let tolerance = Register::splat(simd, tolerance);
        for _ in 0..MAX_STEPS {
            let [psi, phi] = self.evaluate(simd, first, number, origin, x);
            let f = inverse_rho + (psi.value + phi.value);
            let slope = psi.slope + phi.slope;
            let bound = tolerance * (inverse_rho + (phi.value - psi.value));
            let is_negative = f.less(zero);
            low = x.where_or(is_negative, low);
            high = high.where_or(is_negative, x);

            // f ≈ c + s/(left − λ) + t/(right − λ), with z² of the nearer pole for
            // s or t, in value and slope.
            let (to_left, to_right) = (left - x, right - x);
            let near = to_left.where_or(from_left, to_right);
            let far = to_right.where_or(from_left, to_left);
            let both = to_left * to_right;
            let c = (f - far * slope) - (near - far) * (nearest / (near * near));
            let a = (to_left + to_right) * f - both * slope;
            let next = x + root_between(simd, a, both * f, c);
            let next = next.where_or(within(simd, next, low, high), centre(simd, low, high));
            let done = simd.and_m64s(f.at_most(bound), (-bound).at_most(f));
            let next = x.where_or(done, next);
            let moved = simd.not_m64s(next.equal(x));
            x = next;
            if simd.first_true_m64s(moved) >= S::F64_LANES {
                return Some((origin, x));
            }
        }
        None
    }

    /// ψ and φ at `origin` + `x`, the terms of the poles below and above the
    /// root in each lane.
    #[inline(always)]
    fn evaluate<S: Simd>(
        &self,
        simd: S,
        first: usize,
        number: Register<S>,
        origin: Register<S>,
        x: Register<S>,
    ) -> [Sum<S>; 2] {
        let end = (first + S::F64_LANES).min(self.poles.len());
        let zero = Register::splat(simd, 0.0);
        let mut psi = self.sum(simd, 0, first + 1, origin, x);
        let mut phi = self.sum(simd, end, self.poles.len(), origin, x);
        for k in first + 1..end {
            let distance = (Register::splat(simd, self.poles[k]) - origin) - x;
            let inverse = Register::splat(simd, 1.0) / distance;
            let term = Register::splat(simd, self.squares[k]) * inverse;
            let slope = term * inverse;
            let is_below = Register::splat(simd, k as f64).at_most(number);
            psi.value = psi.value + term.where_or(is_below, zero);
            psi.slope = psi.slope + slope.where_or(is_below, zero);
            phi.value = phi.value + zero.where_or(is_below, term);
            phi.slope = phi.slope + zero.where_or(is_below, slope);
        }
        [psi, phi]
    }

    /// The terms of the poles in `start..end`. Two share a division.
    #[inline(always)]
    fn sum<S: Simd>(
        &self,
        simd: S,
        start: usize,
        end: usize,
        origin: Register<S>,
        x: Register<S>,
    ) -> Sum<S> {
        let one = Register::splat(simd, 1.0);
        let zero = Register::splat(simd, 0.0);
        let mut sums = [Sum {
            value: zero,
            slope: zero,
        }; 2];
        let (poles, last_pole) = self.poles[start..end].as_chunks::<2>();
        let (squares, last_square) = self.squares[start..end].as_chunks::<2>();
        for (&[d, e], &[s, t]) in poles.iter().zip(squares) {
            let d = (Register::splat(simd, d) - origin) - x;
            let e = (Register::splat(simd, e) - origin) - x;
            let inverse = one / (d * e);
            sums[0].take(Register::splat(simd, s), e * inverse);
            sums[1].take(Register::splat(simd, t), d * inverse);
        }
        for (&d, &s) in last_pole.iter().zip(last_square) {
            let d = (Register::splat(simd, d) - origin) - x;
            sums[0].take(Register::splat(simd, s), one / d);
        }
        Sum {
            value: sums[0].value + sums[1].value,
            slope: sums[0].slope + sums[1].slope,
        }
    }
}

impl<S: Simd> Sum<S> {
    /// Adds the term z²·`inverse`, the inverse that of dₖ − λ.
    #[inline(always)]
    fn take(&mut self, square: Register<S>, inverse: Register<S>) {
        let term = square * inverse;
        self.value = self.value + term;
        self.slope = term.mul_add(inverse, self.slope);
    }
}

/// The root of c x² − a x + b between the poles, without cancellation.
#[inline(always)]
fn root_between<S: Simd>(simd: S, a: Register<S>, b: Register<S>, c: Register<S>) -> Register<S> {
    let two = Register::splat(simd, 2.0);
    let root = (a * a - Register::splat(simd, 4.0) * b * c).sqrt();
    let plain = (a - root) / (two * c);
    let inverted = (two * b) / (a + root);
    plain.where_or(a.at_most(Register::splat(simd, 0.0)), inverted)
}

#[inline(always)]
fn within<S: Simd>(simd: S, x: Register<S>, low: Register<S>, high: Register<S>) -> S::m64s {
    simd.and_m64s(low.less(x), x.less(high))
}

#[inline(always)]
fn centre<S: Simd>(simd: S, low: Register<S>, high: Register<S>) -> Register<S> {
    Register::splat(simd, 0.5) * (low + high)
}
