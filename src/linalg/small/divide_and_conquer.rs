//! All eigenvectors of a symmetric tridiagonal matrix by divide and conquer.

use pulp::{Simd, WithSimd};

use super::columns::Columns;
use super::implicit_ql::implicit_ql;
use super::merged_basis::{Coefficients, Product};
use super::rows::Rows;
use super::secular::Roots;
use crate::simd::{LINE_F64S, Scratch, arch, line_start};

/// The order up to which a matrix is not divided.
const LEAF: usize = 16;

/// Eigenvalues, largest first, and eigenvectors of the tridiagonal matrix whose
/// entries are at most one or so; entry i of `off_diagonal` couples i and i + 1,
/// its last entry is zero. Nothing where an iteration does not converge.
///
/// The matrix is torn in halves by modifications of rank one, down to leaves for
/// the implicit QL iteration, and the halves' bases are merged by the secular
/// equation (Cuppen, Numer. Math. 1981; Gu & Eisenstat, SIAM J. Matrix Anal. Appl.
/// 1995), with the deflation and the zero structure of LAPACK's `dlaed2`. At most
/// 8/3·n³ flops.
pub(super) fn eigenvectors(
    diagonal: &[f64],
    off_diagonal: &[f64],
) -> Option<(Scratch<f64>, Columns)> {
    let n = diagonal.len();
    if n == 0 {
        return Some((Scratch::zeroed(0), Columns::zeros(0, 0)));
    }
    let (values, basis) = arch().dispatch(DivideAndConquer {
        diagonal,
        off_diagonal,
    })?;
    let mut order: Scratch<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    let mut vectors = Columns::zeros(n, n);
    for (j, &row) in order.iter().enumerate() {
        vectors.col_mut(j).copy_from_slice(&basis.row(row)[..n]);
    }
    Some((order.iter().map(|&k| values[k]).collect(), vectors))
}

struct DivideAndConquer<'a> {
    diagonal: &'a [f64],
    off_diagonal: &'a [f64],
}

impl WithSimd for DivideAndConquer<'_> {
    type Output = Option<(Scratch<f64>, Rows)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let n = self.diagonal.len();
        let mut values = Scratch::copied(self.diagonal);
        let mut e = Scratch::copied(self.off_diagonal);
        let norm = (0..n).fold(0.0f64, |norm, i| norm.max(values[i].abs() + e[i].abs()));
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

        let mut basis = Rows::identity(n);
        for i in 0..1 << levels {
            let (start, end) = (bound(levels, i), bound(levels, i + 1));
            let e = &mut e[start..end];
            let coupling = std::mem::take(&mut e[end - start - 1]);
            if !implicit_ql(simd, &mut values[start..end], e, &mut basis, start, norm) {
                return None;
            }
            e[end - start - 1] = coupling;
        }
        for level in (0..levels).rev() {
            for i in 0..1 << level {
                let [start, middle, end] =
                    [2 * i, 2 * i + 1, 2 * i + 2].map(|i| bound(level + 1, i));
                let merge = Merge {
                    values: &mut values,
                    basis: &mut basis,
                    bounds: [start, middle, end],
                    coupling: e[middle - 1],
                };
                merge.run(simd, norm)?;
            }
        }
        Some((values, basis))
    }
}

/// The halves in which the vector of a pole may have entries that are not zero,
/// each a bit.
type Support = u8;

const UPPER: Support = 1;
const LOWER: Support = 2;
const BOTH: Support = UPPER | LOWER;

/// Two halves, rows `bounds[0]..bounds[1]` and `bounds[1]..bounds[2]`, to be made
/// one.
struct Merge<'a> {
    /// The eigenvalue of each row.
    values: &'a mut [f64],
    basis: &'a mut Rows,
    bounds: [usize; 3],
    /// The off-diagonal entry between the halves.
    coupling: f64,
}

/// The rows that are left to the secular equation, by ascending value.
struct Undeflated {
    rows: Scratch<usize>,
    supports: Scratch<Support>,
    z: Scratch<f64>,
}

impl Undeflated {
    /// None yet, of `count` rows.
    fn none(count: usize) -> Self {
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
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S, norm: f64) -> Option<()> {
        // Halves that are apart.
        if self.coupling.abs() > f64::EPSILON * f64::EPSILON * norm {
            let rho = 2.0 * self.coupling.abs();
            let undeflated = self.deflate(simd, rho);
            match undeflated.rows[..] {
                [] => {}
                [row] => self.values[row] += rho * undeflated.z[0] * undeflated.z[0],
                _ => self.solve(simd, rho, &undeflated)?,
            }
        }
        Some(())
    }

    /// Takes out the eigenpairs that the coupling does not move by more than
    /// rounding, after a rotation where two poles are close (`dlaed2`).
    #[inline(always)]
    fn deflate<S: Simd>(&mut self, simd: S, rho: f64) -> Undeflated {
        let [start, middle, end] = self.bounds;
        let half_sqrt = std::f64::consts::FRAC_1_SQRT_2;
        let lower_factor = half_sqrt.copysign(self.coupling);
        let pole = |row: usize, basis: &Rows| {
            if row < middle {
                (row, UPPER, half_sqrt * basis.row(row)[middle - 1])
            } else {
                (row, LOWER, lower_factor * basis.row(row)[middle])
            }
        };
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
        let mut undeflated = Undeflated::none(end - start);
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

    /// The eigenpairs of the undeflated rows.
    #[inline(always)]
    fn solve<S: Simd>(&mut self, simd: S, rho: f64, undeflated: &Undeflated) -> Option<()> {
        let Undeflated { rows, supports, z } = undeflated;
        let poles: Scratch<f64> = rows.iter().map(|&row| self.values[row]).collect();
        let squares: Scratch<f64> = z.iter().map(|z| z * z).collect();
        let roots = Roots::find(simd, &poles, &squares, rho)?;
        let mut weights = roots.weights(simd);
        for (weight, z) in weights.iter_mut().zip(z) {
            *weight = weight.copysign(*z);
        }
        for (j, &row) in rows.iter().enumerate() {
            self.values[row] = roots.value(j);
        }

        // Poles grouped by support, each group ascending.
        let group = |wanted| (0..rows.len()).filter(move |&k| supports[k] == wanted);
        let upper = group(UPPER).count();
        let lower = group(LOWER).count();
        let grouped: Scratch<usize> = group(UPPER)
            .chain(group(BOTH))
            .chain(group(LOWER))
            .collect();
        let mut places = Scratch::zeroed(rows.len());
        for (place, &k) in grouped.iter().enumerate() {
            places[k] = place;
        }
        let coefficients = Coefficients::new(simd, &roots, &poles, &weights, &places);

        let [start, middle, end] = self.bounds;
        let source: Scratch<usize> = grouped.iter().map(|&k| rows[k]).collect();
        let straddled = [line_start(middle), middle.next_multiple_of(LINE_F64S)];
        let regions = [
            (line_start(start), straddled[0], 0, rows.len() - lower),
            (straddled[0], straddled[1], 0, rows.len()),
            (
                straddled[1],
                end.next_multiple_of(LINE_F64S),
                upper,
                rows.len(),
            ),
        ];
        for (first, last, from, to) in regions {
            let product = Product {
                basis: self.basis,
                source: &source[from..to],
                target: rows,
                coefficients: &coefficients,
                from,
            };
            product.run(simd, first..last);
        }
        Some(())
    }
}

/// x ← c x + s y, y ← c y − s x for two rows.
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
