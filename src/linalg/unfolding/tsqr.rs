//! The triangular factor of a tall matrix, computed panel by panel (TSQR).
//!
//! A [`Triangle`] is the upper triangular factor R of all rows that were appended to it, so RᵀR
//! is the Gram matrix of these rows. Appending a panel P of rows factorizes R on top of P:
//!
//! ```text
//!   ┌ R ┐       ┌ R′┐
//!   │   │ = Q · │   │        Q orthogonal, so RᵀR + PᵀP = R′ᵀR′
//!   └ P ┘       └ 0 ┘
//! ```
//!
//! The factorization takes 8 columns at a time (the kernels TSQRT and TSMQR of Buttari, Langou,
//! Kurzak & Dongarra, Parallel Computing 2009):
//!
//! ```text
//!   for each block of 8 columns, from the left:
//!     1. for each column of the block: a Householder reflector clears the column of P;
//!        apply the reflector to the columns after it in the block       FactorizeBlock
//!     2. apply the 8 reflectors together, as I − V T Vᵀ, to all columns
//!        after the block                                                simd::Reflect
//! ```
//!
//! The documentation of `simd::reflectors` shows step 2. To merge two triangles, the rows of one
//! are appended to the other.

use faer::Mat;
use pulp::{Simd, WithSimd};

use crate::simd::{COLUMN_STEP, REFLECTORS, Reflect, Scratch, arch, axpy, dot, inner_products};

/// The maximum number of rows of a panel. The 8 columns of a block and a few other columns of
/// this length stay in the first level of cache.
pub(super) const PANEL_ROWS: usize = if cfg!(test) { 1 } else { 6 } * COLUMN_STEP;

/// A column with a squared norm below this number counts as zero. Entries are at most about
/// one, so this is far below their rounding errors. It is far above the smallest `f64`.
const NEGLIGIBLE: f64 = 1e-280;

/// The columns of a panel: column j starts at entry j·`stride`.
pub(super) struct PanelColumns<'a> {
    pub(super) entries: &'a mut [f64],
    pub(super) stride: usize,
}

/// The upper triangular factor R of the rows that were appended.
///
/// Entries are at most about one. A panel of m rows costs 2·m·n² flops.
pub(super) struct Triangle {
    /// R by columns. The order is padded to a multiple of [`REFLECTORS`].
    r: Vec<f64>,
    order: usize,
    /// A panel by columns, the number of columns padded in the same way.
    panel: Scratch<f64>,
}

impl Triangle {
    /// The factor of no rows. Rows have `order` entries.
    pub(super) fn new(order: usize) -> Self {
        let padded = order.next_multiple_of(REFLECTORS);
        Self {
            r: vec![0.0; padded * padded],
            order,
            panel: Scratch::zeroed(padded * PANEL_ROWS),
        }
    }

    /// Appends `rows` rows, at most [`PANEL_ROWS`]. `write` gets the columns of a panel of zeros
    /// and writes the rows to the first entries of each column.
    pub(super) fn append(&mut self, rows: usize, write: impl FnOnce(PanelColumns<'_>)) {
        // 1. Write the panel.
        let len = rows.next_multiple_of(COLUMN_STEP);
        let stride = self.order.next_multiple_of(REFLECTORS);
        let mut panel = &mut self.panel[..stride * len];
        panel.fill(0.0);
        write(PanelColumns {
            entries: &mut panel[..self.order * len],
            stride: len,
        });
        for first in (0..self.order).step_by(REFLECTORS) {
            // 2. Clear a block of columns.
            let (v, others) = panel.split_at_mut(REFLECTORS * len);
            let r = &mut self.r[first * stride + first..];
            let t = arch().dispatch(FactorizeBlock { v, len, r, stride });
            // 3. Apply its reflectors to the columns after it.
            if !others.is_empty() {
                let reflect = Reflect {
                    v,
                    t: &t,
                    r: &mut r[REFLECTORS * stride..],
                    stride,
                    b: others,
                    len,
                };
                reflect.run();
            }
            panel = others;
        }
    }

    /// Appends the rows of another triangle of the same order.
    pub(super) fn merge(&mut self, other: &Self) {
        let stride = self.order.next_multiple_of(REFLECTORS);
        for first in (0..self.order).step_by(PANEL_ROWS) {
            let last = self.order.min(first + PANEL_ROWS);
            self.append(last - first, |panel| {
                let columns = panel.entries.chunks_exact_mut(panel.stride);
                for (to, from) in columns.zip(other.r.chunks_exact(stride)) {
                    to[..last - first].copy_from_slice(&from[first..last]);
                }
            });
        }
    }

    /// R.
    pub(super) fn into_matrix(self) -> Mat<f64> {
        let stride = self.order.next_multiple_of(REFLECTORS);
        Mat::from_fn(self.order, self.order, |i, j| {
            if i <= j { self.r[j * stride + i] } else { 0.0 }
        })
    }
}

/// The factorization of a block of [`REFLECTORS`] columns: the diagonal block of R on top of the
/// columns of a panel. The result is the triangular T of I − V T Vᵀ, the product of the
/// reflectors, by columns.
struct FactorizeBlock<'a> {
    /// The columns of the panel, replaced by the entries v of the reflectors (1; v).
    v: &'a mut [f64],
    /// The number of entries of each of these columns.
    len: usize,
    /// R by columns, from the first diagonal entry of the block on.
    r: &'a mut [f64],
    /// The number of entries from one column of R to the next.
    stride: usize,
}

impl WithSimd for FactorizeBlock<'_> {
    type Output = [[f64; REFLECTORS]; REFLECTORS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { v, len, r, stride } = self;
        // 1. Column j: with α on the diagonal of R and x in the panel, the reflector
        //      I − τ (1; v)(1; v)ᵀ,   β = −sign(α)·√(α² + ‖x‖²),   τ = (β − α)/β,   v = x/(α − β)
        //    maps (α; x) to (β; 0).
        let mut taus = [0.0; REFLECTORS];
        for (j, tau) in taus.iter_mut().enumerate() {
            let (x, others) = v[j * len..].split_at_mut(len);
            let alpha = r[j * stride + j];
            let squares = dot(simd, x, x);
            let length = (alpha * alpha + squares).sqrt();
            if squares == 0.0 || length * length < NEGLIGIBLE {
                x.fill(0.0);
                continue;
            }
            let beta = -length.copysign(alpha);
            r[j * stride + j] = beta;
            *tau = (beta - alpha) / beta;
            let reciprocal = 1.0 / (alpha - beta);
            x.iter_mut().for_each(|entry| *entry *= reciprocal);
            // 2. The columns after it in the block: w = τ (r + vᵀ b), r ← r − w, b ← b − w v.
            let others = others.chunks_exact_mut(len);
            for (c, other) in (j + 1..REFLECTORS).zip(others) {
                let entry = &mut r[c * stride + j];
                let w = *tau * (*entry + dot(simd, x, other));
                *entry -= w;
                axpy(simd, -w, x, other);
            }
        }

        // 3. Column i of T: τᵢ on the diagonal, and above it −τᵢ T (Vᵀvᵢ) of the columns before.
        let mut products = [0.0; REFLECTORS * REFLECTORS];
        inner_products(v, v, len, &mut products);
        let mut t = [[0.0; REFLECTORS]; REFLECTORS];
        for (i, products) in products.chunks_exact(REFLECTORS).enumerate() {
            let (before, column) = t.split_at_mut(i);
            for (k, entry) in column[0].iter_mut().enumerate().take(i) {
                let terms = before
                    .iter()
                    .zip(products)
                    .map(|(t, product)| t[k] * product);
                *entry = -taus[i] * terms.sum::<f64>();
            }
            column[0][i] = taus[i];
        }
        t
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::random::Counter;

    /// Checks RᵀR against the Gram matrix of all rows, for two triangles of `upper` and `lower`
    /// rows that are merged.
    fn check_merged(order: usize, upper: usize, lower: usize) {
        let mut random = Counter::new(order as u64);
        let rows = Mat::from_fn(upper + lower, order, |_, _| random.uniform() - 0.3);
        let triangle = |from: usize, to: usize| {
            let mut triangle = Triangle::new(order);
            for start in (from..to).step_by(PANEL_ROWS) {
                let end = to.min(start + PANEL_ROWS);
                triangle.append(end - start, |panel| {
                    for j in 0..order {
                        for i in start..end {
                            panel.entries[j * panel.stride + i - start] = rows[(i, j)];
                        }
                    }
                });
            }
            triangle
        };
        let mut whole = triangle(0, upper);
        whole.merge(&triangle(upper, upper + lower));
        let r = whole.into_matrix();
        let (ours, exact) = (r.transpose() * &r, rows.transpose() * &rows);
        let bound = 30.0 * (upper + lower) as f64 * f64::EPSILON * exact.norm_l2();
        assert!((&ours - &exact).norm_l2() < bound, "order {order}");
    }

    #[test]
    fn panels_and_merges_keep_the_gram_matrix() {
        check_merged(1, 1, 2);
        check_merged(7, 900, 3);
        check_merged(16, 400, 800);
        check_merged(27, 20, 5);
        check_merged(400, 500, 450);
    }
}
