//! All eigenvectors of a symmetric tridiagonal matrix by divide and conquer.
//!
//! The entry β couples the two halves of T. Without it, T splits into two smaller problems. A
//! modification of rank one removes it (Cuppen, Numer. Math. 1981):
//!
//! ```text
//!       ┌ T₁  β ┐     ┌ T₁′   ┐
//!   T = │       │  =  │       │ + |β| b bᵀ,     b = (0 … 0, 1, ±1, 0 … 0)ᵀ
//!       └ β  T₂ ┘     └    T₂′┘                     the sign of β
//! ```
//!
//! T₁′ and T₂′ are T₁ and T₂ with |β| subtracted from the diagonal entry beside the cut. With
//! their eigenvectors Q and eigenvalues D, T = Q (D + ρ z zᵀ) Qᵀ, where z is Qᵀ b scaled to
//! unit length and ρ = 2|β|. A merge finds the eigenvalues of D + ρ z zᵀ by the [secular
//! equation](super::secular) and multiplies Q by its eigenvectors
//! ([merged basis](super::merged_basis)).
//!
//! ```text
//!   levels   0   ┌───────────────┐        merge of 1: n
//!            1   ├───────┬───────┤        merges of 2: n/2
//!            2   ├───┬───┼───┬───┤        leaves of at most 16 rows: implicit QL
//! ```
//!
//! The basis is stored by rows ([`Rows`]): row j holds eigenvector j. After the merges of a
//! level it is block diagonal, and a merge fills the block of its two halves:
//!
//! ```text
//!   eigenvectors        before         after
//!   of the first half   x x x 0 0 0    x x x x x x
//!                       x x x 0 0 0    x x x x x x
//!   of the second half  0 0 0 x x x    x x x x x x
//!                       0 0 0 x x x    x x x x x x
//! ```

use pulp::{Simd, WithSimd};

use super::columns::Columns;
use super::implicit_ql::Leaf;
use super::merged_basis::{Coefficients, Product};
use super::rows::Rows;
use super::secular::Equation;
use super::tridiagonal::Tridiagonal;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::simd::{LINE_F64S, Scratch, arch, line_start};

/// The largest order of a leaf.
const LEAF: usize = 16;

/// Eigenvalues, largest first, and eigenvectors of a tridiagonal matrix with entries of at most
/// about one. `None` if an iteration does not converge.
///
/// Deflation and the use of zero blocks follow LAPACK's `dlaed2`. At most 8/3·n³ flops.
pub(super) fn eigenvectors(
    t: Tridiagonal<'_>,
    cancellation: Cancellation<'_>,
) -> Result<Option<(Scratch<f64>, Columns)>> {
    let n = t.diagonal.len();
    if n == 0 {
        return Ok(Some((Scratch::zeroed(0), Columns::zeros(0, 0))));
    }
    let solve = DivideAndConquer { t, cancellation };
    let Some((values, basis)) = arch().dispatch(solve)? else {
        return Ok(None);
    };
    let mut order: Scratch<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    let mut vectors = Columns::zeros(n, n);
    for (j, &row) in order.iter().enumerate() {
        vectors.col_mut(j).copy_from_slice(&basis.row(row)[..n]);
    }
    let values = order.iter().map(|&k| values[k]).collect();
    Ok(Some((values, vectors)))
}

struct DivideAndConquer<'a> {
    t: Tridiagonal<'a>,
    cancellation: Cancellation<'a>,
}

impl WithSimd for DivideAndConquer<'_> {
    type Output = Result<Option<(Scratch<f64>, Rows)>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let n = self.t.diagonal.len();
        let mut values = Scratch::copied(self.t.diagonal);
        let mut e = Scratch::copied(self.t.off_diagonal);
        let norm = (0..n).fold(0.0f64, |norm, i| norm.max(values[i].abs() + e[i].abs()));
        // 1. Split T into blocks. Level l has 2ˡ blocks; block i starts at row bound(l, i).
        let mut levels = 0;
        while n >> levels > LEAF {
            levels += 1;
        }
        let bound = |level: usize, i: usize| (i * n) >> level;
        for i in 1..1 << levels {
            let row = bound(levels, i);
            let coupling = e[row - 1].abs();
            values[row - 1] -= coupling;
            values[row] -= coupling;
        }
        // 2. Solve the leaves.
        let mut basis = Rows::identity(n);
        for i in 0..1 << levels {
            let (start, end) = (bound(levels, i), bound(levels, i + 1));
            let e = &mut e[start..end];
            let coupling = std::mem::take(&mut e[end - start - 1]);
            let leaf = Leaf {
                d: &mut values[start..end],
                e,
                basis: &mut basis,
                first: start,
                norm,
            };
            if !leaf.diagonalise(simd) {
                return Ok(None);
            }
            e[end - start - 1] = coupling;
        }
        // 3. Merge, from the leaves up.
        for level in (0..levels).rev() {
            for i in 0..1 << level {
                let [start, middle, end] =
                    [2 * i, 2 * i + 1, 2 * i + 2].map(|i| bound(level + 1, i));
                let merge = Merge {
                    values: &mut values,
                    basis: &mut basis,
                    bounds: [start, middle, end],
                    coupling: e[middle - 1],
                    cancellation: self.cancellation,
                };
                if !merge.run(simd, norm)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some((values, basis)))
    }
}

/// The halves in which an eigenvector may have nonzero entries. Each half is one bit.
type Support = u8;

const FIRST: Support = 1;
const SECOND: Support = 2;
const BOTH: Support = FIRST | SECOND;

/// The merge of two halves, rows `bounds[0]..bounds[1]` and `bounds[1]..bounds[2]`.
struct Merge<'a> {
    /// The eigenvalue of each row.
    values: &'a mut [f64],
    basis: &'a mut Rows,
    bounds: [usize; 3],
    /// β: the off-diagonal entry between the halves.
    coupling: f64,
    cancellation: Cancellation<'a>,
}

/// The rows that remain after deflation, by ascending eigenvalue.
struct Undeflated {
    rows: Scratch<usize>,
    supports: Scratch<Support>,
    z: Scratch<f64>,
}

impl Undeflated {
    /// No rows, with room for `count`.
    fn with_capacity(count: usize) -> Self {
        Self {
            rows: Scratch::with_capacity(count),
            supports: Scratch::with_capacity(count),
            z: Scratch::with_capacity(count),
        }
    }

    fn push(&mut self, (row, support, z): (usize, Support, f64)) {
        self.rows.push(row);
        self.supports.push(support);
        self.z.push(z);
    }
}

impl Merge<'_> {
    /// Merges the halves. Returns whether the secular equation has converged.
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S, norm: f64) -> Result<bool> {
        // Without a coupling, the halves need no merge.
        if self.coupling.abs() <= f64::EPSILON * f64::EPSILON * norm {
            return Ok(true);
        }
        let rho = 2.0 * self.coupling.abs();
        let undeflated = self.deflate(simd, rho);
        match undeflated.rows[..] {
            [] => Ok(true),
            [row] => {
                self.values[row] += rho * undeflated.z[0] * undeflated.z[0];
                Ok(true)
            }
            _ => self.solve(simd, rho, &undeflated),
        }
    }

    /// Separates the eigenpairs of D + ρ z zᵀ that need no secular equation (`dlaed2`):
    ///
    /// - if |zₖ| is tiny, dₖ and its vector do not change;
    /// - if two poles are close, a rotation of their vectors makes the z of one of them zero.
    #[inline(always)]
    fn deflate<S: Simd>(&mut self, simd: S, rho: f64) -> Undeflated {
        let [start, middle, end] = self.bounds;
        // 1. z: the entries of the eigenvectors beside the cut, divided by √2.
        let half_sqrt = std::f64::consts::FRAC_1_SQRT_2;
        let second_factor = half_sqrt.copysign(self.coupling);
        let pole = |row: usize, basis: &Rows| {
            if row < middle {
                (row, FIRST, half_sqrt * basis.row(row)[middle - 1])
            } else {
                (row, SECOND, second_factor * basis.row(row)[middle])
            }
        };
        // 2. Sort the poles.
        let mut ascending: Scratch<usize> = (start..end).collect();
        ascending.sort_unstable_by(|&a, &b| {
            let by_value = self.values[a].total_cmp(&self.values[b]);
            by_value.then(a.cmp(&b))
        });
        let largest = (start..end).fold(0.0f64, |largest, row| {
            let (_, _, z) = pole(row, self.basis);
            largest.max(self.values[row].abs()).max(rho * z.abs())
        });
        let tolerance = 8.0 * f64::EPSILON * largest;
        // 3. Compare each pole with the previous one that was kept.
        let mut undeflated = Undeflated::with_capacity(end - start);
        let mut previous: Option<(usize, Support, f64)> = None;
        for &row in &ascending {
            let (row, mut support, mut z) = pole(row, self.basis);
            if rho * z.abs() <= tolerance {
                continue;
            }
            if let Some((before, before_support, before_z)) = previous {
                let length = z.hypot(before_z);
                let (c, s) = (z / length, -before_z / length);
                let gap = self.values[row] - self.values[before];
                if (gap * c * s).abs() <= tolerance {
                    // Close: the rotation moves all of z to `row`, and `before` is deflated.
                    rotate(simd, self.basis, [before, row], [c, s]);
                    let (a, b) = (self.values[before], self.values[row]);
                    self.values[before] = a * c * c + b * s * s;
                    self.values[row] = a * s * s + b * c * c;
                    z = length;
                    support |= before_support;
                } else {
                    undeflated.push((before, before_support, before_z));
                }
            }
            previous = Some((row, support, z));
        }
        if let Some(last) = previous {
            undeflated.push(last);
        }
        undeflated
    }

    /// Computes the eigenpairs of the undeflated rows. Returns whether the secular equation has
    /// converged.
    #[inline(always)]
    fn solve<S: Simd>(&mut self, simd: S, rho: f64, undeflated: &Undeflated) -> Result<bool> {
        let Undeflated { rows, supports, z } = undeflated;
        // 1. Eigenvalues.
        let poles: Scratch<f64> = rows.iter().map(|&row| self.values[row]).collect();
        let squares: Scratch<f64> = z.iter().map(|z| z * z).collect();
        let equation = Equation::new(&poles, &squares, rho);
        let Some(roots) = equation.roots(simd, self.cancellation)? else {
            return Ok(false);
        };
        for (j, &row) in rows.iter().enumerate() {
            self.values[row] = roots.value(j);
        }
        // 2. The z for which the computed eigenvalues are exact, with the signs of the old z.
        let mut weights = roots.weights(simd);
        for (weight, z) in weights.iter_mut().zip(z) {
            *weight = weight.copysign(*z);
        }
        // 3. Group the rows by support, each group in ascending order, and compute the
        //    eigenvectors of D + ρ z zᵀ with their entries in this order.
        let group = |wanted| (0..rows.len()).filter(move |&k| supports[k] == wanted);
        let first = group(FIRST).count();
        let second = group(SECOND).count();
        let grouped: Scratch<usize> = group(FIRST)
            .chain(group(BOTH))
            .chain(group(SECOND))
            .collect();
        let mut places = Scratch::zeroed(rows.len());
        for (place, &k) in grouped.iter().enumerate() {
            places[k] = place;
        }
        let coefficients = Coefficients::new(simd, &roots, &weights, &places);
        // 4. Multiply the basis by them. Outside the line that contains the cut, one group of
        //    rows is zero:
        //
        //               start      line of the cut      end
        //      FIRST    x x x x x x │ x x 0 0 │ 0 0 0 0 0 0
        //      BOTH     x x x x x x │ x x x x │ x x x x x x
        //      SECOND   0 0 0 0 0 0 │ 0 0 x x │ x x x x x x
        let [start, middle, end] = self.bounds;
        let source: Scratch<usize> = grouped.iter().map(|&k| rows[k]).collect();
        let cut = [line_start(middle), middle.next_multiple_of(LINE_F64S)];
        let regions = [
            (line_start(start)..cut[0], 0..rows.len() - second),
            (cut[0]..cut[1], 0..rows.len()),
            (cut[1]..end.next_multiple_of(LINE_F64S), first..rows.len()),
        ];
        for (columns, sources) in regions {
            let product = Product {
                basis: self.basis,
                from: sources.start,
                source: &source[sources],
                target: rows,
                coefficients: &coefficients,
            };
            product.run(simd, columns, self.cancellation)?;
        }
        Ok(true)
    }
}

/// x ← c x + s y, y ← c y − s x for two rows x and y.
#[inline(always)]
fn rotate<S: Simd>(simd: S, basis: &mut Rows, [x, y]: [usize; 2], [c, s]: [f64; 2]) {
    let stride = basis.stride();
    let swapped = x > y;
    let (before, after) = basis.split_after(x.min(y));
    let other = &mut after[(x.max(y) - x.min(y) - 1) * stride..][..stride];
    let (x, y) = if swapped {
        (other, before)
    } else {
        (before, other)
    };
    let (c, s) = (simd.splat_f64s(c), simd.splat_f64s(s));
    let y = S::as_mut_simd_f64s(y).0;
    for (x, y) in S::as_mut_simd_f64s(x).0.iter_mut().zip(y) {
        let rotated = simd.mul_add_f64s(s, *y, simd.mul_f64s(c, *x));
        *y = simd.mul_add_f64s(c, *y, simd.neg_f64s(simd.mul_f64s(s, *x)));
        *x = rotated;
    }
}
