//! Householder reduction of a symmetric matrix to tridiagonal form, S = Q T Qᵀ.
//!
//! Step k reflects column k, below the diagonal, onto a multiple of the first unit vector. With
//! the reflector H = I − σ v vᵀ the matrix becomes (Golub & Van Loan, *Matrix Computations*,
//! §8.3.1)
//!
//! ```text
//!   H A H = A + v wᵀ + w vᵀ,    w = −σ (y − σ/2·(yᵀ v) v),    y = A v
//! ```
//!
//! The product y reads the whole matrix, and the update changes it. The update is delayed until the
//! product of the next step, so that each step reads the matrix once and not twice:
//!
//! ```text
//!   for k in 0..n:
//!     a ← column k of A + v wᵀ + w vᵀ          the last update, for this column alone
//!     v′, dₖ, eₖ ← the reflector that clears a below the first entry
//!     A ← A + v wᵀ + w vᵀ, y ← A v′             in one pass
//!     v ← v′, w ← −σ (y − σ/2·(yᵀ v) v)
//! ```
//!
//! The pass reads half of A. Off the diagonal an entry aᵢⱼ serves twice: aᵢⱼ xⱼ adds to yᵢ, and
//! aᵢⱼ xᵢ to yⱼ. Rows are stored up to the end of a square block on the diagonal, so that
//! registers are always whole:
//!
//! ```text
//!   rows 0 … 7     ■                   ■  8×8 on the diagonal, both triangles: serves once
//!   rows 8 … 15    □ ■                 □  below: serves twice
//!   rows 16 … 23   □ □ ■               four rows at a time
//! ```

use faer::MatRef;
use pulp::{Simd, WithSimd};

use super::rows::Rows;
use super::tridiagonal::Tridiagonal;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::simd::{LINE_F64S, Scratch, arch, axpy, axpy2, dot, line_start, scaled_copy};

/// S = Q T Qᵀ with T tridiagonal and Q = H₀ H₁ … a product of reflectors
/// H = I − scale·v vᵀ.
pub(super) struct Reduction {
    diagonal: Scratch<f64>,
    off_diagonal: Scratch<f64>,
    /// Row k holds the vector of reflector k. Its entries 0 … k are zero.
    pub(super) vectors: Rows,
    pub(super) scales: Scratch<f64>,
}

impl Reduction {
    /// Reduces the symmetric matrix with the lower triangle of `s`. Its entries are at most about
    /// one. 4/3·n³ flops.
    pub(super) fn new(s: MatRef<'_, f64>, cancellation: Cancellation<'_>) -> Result<Self> {
        arch().dispatch(Reduce { s, cancellation })
    }

    /// T.
    pub(super) fn tridiagonal(&self) -> Tridiagonal<'_> {
        Tridiagonal {
            diagonal: &self.diagonal,
            off_diagonal: &self.off_diagonal,
        }
    }
}

struct Reduce<'a> {
    s: MatRef<'a, f64>,
    cancellation: Cancellation<'a>,
}

impl WithSimd for Reduce<'_> {
    type Output = Result<Reduction>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<Reduction> {
        let n = self.s.nrows();
        let mut a = Half::new(self.s);
        let mut vectors = Rows::zeros(n);
        let [mut diagonal, mut off_diagonal, mut scales] = [(); 3].map(|()| Scratch::zeroed(n));
        let [mut v, mut w, mut y] = [(); 3].map(|()| Scratch::<f64>::zeroed(a.stride));
        for k in 0..n {
            self.cancellation.check()?;
            // 1. Column k, after the last update.
            let start = line_start(k);
            let column = vectors.row_mut(k);
            a.copy_column(k, &mut column[k..n]);
            axpy2(
                simd,
                (v[k], &w[start..]),
                (w[k], &v[start..]),
                &mut column[start..],
            );
            diagonal[k] = column[k];
            column[..=k].fill(0.0);
            if k + 1 == n {
                break;
            }
            // 2. The reflector that clears the column below its entry k + 1. `first` is this entry,
            //    and `below` the sum of the squares below it. The sign of alpha avoids
            //    cancellation.
            let start = line_start(k + 1);
            let first = std::mem::take(&mut column[k + 1]);
            let below = dot(simd, &column[start..], &column[start..]);
            if below == 0.0 {
                off_diagonal[k] = first;
            } else {
                let alpha = -(below + first * first).sqrt().copysign(first);
                column[k + 1] = first - alpha;
                scales[k] = 2.0 / (below + column[k + 1] * column[k + 1]);
                off_diagonal[k] = alpha;
            }
            let scale = scales[k];
            // 3. The last update and y = A v in one pass.
            a.update_and_multiply(simd, [&v, &w, column], k + 1, &mut y);
            // 4. The next update.
            v.copy_from_slice(column);
            let along = scale / 2.0 * dot(simd, &y[start..], &v[start..]);
            axpy(simd, -along, &v[start..], &mut y[start..]);
            scaled_copy(simd, -scale, &y[start..], &mut w[start..]);
        }
        Ok(Reduction {
            diagonal,
            off_diagonal,
            vectors,
            scales,
        })
    }
}

/// The number of rows that one pass of [`Half::update_and_multiply`] reads together.
const ROWS: usize = 4;

/// The lower half of a symmetric matrix, stored by rows. Each row ends with its square block of
/// order [`LINE_F64S`] on the diagonal.
struct Half {
    entries: Scratch<f64>,
    stride: usize,
}

impl Half {
    /// The symmetric matrix with the lower triangle of `s`.
    fn new(s: MatRef<'_, f64>) -> Self {
        let n = s.nrows();
        let stride = n.next_multiple_of(LINE_F64S);
        let mut entries = Scratch::zeroed(stride * stride);
        for j in 0..n {
            let end = (line_start(j) + LINE_F64S).min(n);
            for i in j..n {
                entries[i * stride + j] = s[(i, j)];
            }
            for i in j..end {
                entries[j * stride + i] = s[(i, j)];
            }
        }
        Self { entries, stride }
    }

    /// Copies column k from the diagonal down.
    fn copy_column(&self, k: usize, column: &mut [f64]) {
        let below = self.entries[k * self.stride + k..].iter();
        for (to, from) in column.iter_mut().zip(below.step_by(self.stride)) {
            *to = *from;
        }
    }

    /// A ← A + v wᵀ + w vᵀ and y ← A·x, for rows and columns from `first` on. Entries of `x` before
    /// `first` are zero. The rows of A before `first` may have any values afterwards.
    #[inline(always)]
    fn update_and_multiply<S: Simd>(
        &mut self,
        simd: S,
        [v, w, x]: [&[f64]; 3],
        first: usize,
        y: &mut [f64],
    ) {
        let start = line_start(first);
        y[start..].fill(0.0);
        let groups = self.entries.chunks_exact_mut(ROWS * self.stride);
        for (group, rows) in groups.enumerate().skip(first / ROWS) {
            let row = group * ROWS;
            let diagonal = line_start(row);
            let mut group = Group {
                v: splat_rows(simd, &v[row..]),
                w: splat_rows(simd, &w[row..]),
                x: splat_rows(simd, &x[row..]),
                sums: [simd.splat_f64s(0.0); ROWS],
            };
            // 1. Left of the diagonal block: sums along rows and along columns.
            group.pass(simd, rows, [v, w, x], (start, &mut y[start..diagonal]));
            // 2. The diagonal block, with both triangles: the sums along columns are unused.
            group.pass(simd, rows, [v, w, x], (diagonal, &mut [0.0; LINE_F64S]));
            // 3. The sums along rows.
            for (y, sum) in y[row..].iter_mut().zip(group.sums) {
                *y += simd.reduce_sum_f64s(sum);
            }
        }
        // Columns before `first` in the same line are finished.
        y[start..first].fill(0.0);
    }
}

/// [`ROWS`] rows during [`Half::update_and_multiply`].
struct Group<S: Simd> {
    /// The entries of v, w and x that belong to the rows, each in all lanes of a register.
    v: [S::f64s; ROWS],
    w: [S::f64s; ROWS],
    x: [S::f64s; ROWS],
    /// The inner products of the rows with x, lane by lane.
    sums: [S::f64s; ROWS],
}

impl<S: Simd> Group<S> {
    /// Updates the columns from `start` on, one for each entry of `y`, and adds the inner
    /// products of the columns with x to `y`.
    #[inline(always)]
    fn pass(
        &mut self,
        simd: S,
        rows: &mut [f64],
        [v, w, x]: [&[f64]; 3],
        (start, y): (usize, &mut [f64]),
    ) {
        let end = start + y.len();
        let (a, rest) = rows.split_at_mut(v.len());
        let (b, rest) = rest.split_at_mut(v.len());
        let (c, d) = rest.split_at_mut(v.len());
        let a = S::as_mut_simd_f64s(&mut a[start..end]).0.iter_mut();
        let b = S::as_mut_simd_f64s(&mut b[start..end]).0.iter_mut();
        let c = S::as_mut_simd_f64s(&mut c[start..end]).0.iter_mut();
        let d = S::as_mut_simd_f64s(&mut d[start..end]).0.iter_mut();
        let v = S::as_simd_f64s(&v[start..end]).0.iter();
        let w = S::as_simd_f64s(&w[start..end]).0.iter();
        let x = S::as_simd_f64s(&x[start..end]).0.iter();
        let y = S::as_mut_simd_f64s(y).0.iter_mut();
        let rows = a.zip(b).zip(c).zip(d);
        for ((((((a, b), c), d), (&v, &w)), &x), y) in rows.zip(v.zip(w)).zip(x).zip(y) {
            for (r, row) in [a, b, c, d].into_iter().enumerate() {
                *row = simd.mul_add_f64s(self.w[r], v, simd.mul_add_f64s(self.v[r], w, *row));
                self.sums[r] = simd.mul_add_f64s(*row, x, self.sums[r]);
                *y = simd.mul_add_f64s(*row, self.x[r], *y);
            }
        }
    }
}

/// The first entries of `x`, each in all lanes of a register.
#[inline(always)]
fn splat_rows<S: Simd>(simd: S, x: &[f64]) -> [S::f64s; ROWS] {
    let mut splat = [simd.splat_f64s(0.0); ROWS];
    for (splat, &x) in splat.iter_mut().zip(x) {
        *splat = simd.splat_f64s(x);
    }
    splat
}
