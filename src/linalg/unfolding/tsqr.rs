//! Triangular factors of tall matrices, panel by panel (TSQR).

use faer::Mat;
use pulp::{Simd, WithSimd};

use crate::simd::{COLUMN_STEP, REFLECTORS, Reflect, Scratch, arch, axpy, dot, inner_products};

/// Rows of a panel: a block of reflectors of this length, and a few columns
/// beside it, stay in the first level of cache.
pub(super) const PANEL_ROWS: usize = if cfg!(test) { 1 } else { 6 } * COLUMN_STEP;

/// The squared norm below which a column counts as zero, relative to entries near
/// one: far below their rounding, far above the smallest numbers.
const NEGLIGIBLE: f64 = 1e-280;

/// An upper triangular factor R, which takes in one panel of rows after the other:
/// RᵀR is the Gram matrix of all of them.
///
/// Entries are near one at most. Each panel costs 2·m·n² flops for m rows.
pub(super) struct Triangle {
    /// By columns, their length padded to whole blocks of reflectors.
    r: Vec<f64>,
    order: usize,
    /// The panel by columns, padded to whole blocks as well.
    panel: Scratch<f64>,
}

impl Triangle {
    /// The factor of no rows of `order` entries.
    pub(super) fn new(order: usize) -> Self {
        let padded = order.next_multiple_of(REFLECTORS);
        Self {
            r: vec![0.0; padded * padded],
            order,
            panel: Scratch::zeroed(padded * PANEL_ROWS),
        }
    }

    /// Takes in `rows` rows, [`PANEL_ROWS`] at most: `write(columns, stride)` is to
    /// write them to `columns`, which are zero, column j from entry j·`stride` on.
    pub(super) fn append(&mut self, rows: usize, write: impl FnOnce(&mut [f64], usize)) {
        let len = rows.next_multiple_of(COLUMN_STEP);
        let stride = self.order.next_multiple_of(REFLECTORS);
        let mut panel = &mut self.panel[..stride * len];
        panel.fill(0.0);
        write(&mut panel[..self.order * len], len);
        for first in (0..self.order).step_by(REFLECTORS) {
            let (v, others) = panel.split_at_mut(REFLECTORS * len);
            let rows = &mut self.r[first * stride + first..];
            let t = arch().dispatch(Factor {
                v,
                len,
                rows,
                stride,
            });
            if !others.is_empty() {
                let rows = &mut rows[REFLECTORS * stride..];
                let block = Reflect {
                    v,
                    t: &t,
                    r: rows,
                    stride,
                    b: others,
                    len,
                };
                block.run();
            }
            panel = others;
        }
    }

    /// Takes in the rows of another triangle.
    pub(super) fn merge(&mut self, other: &Self) {
        let stride = self.order.next_multiple_of(REFLECTORS);
        for first in (0..self.order).step_by(PANEL_ROWS) {
            let last = self.order.min(first + PANEL_ROWS);
            self.append(last - first, |columns, panel_stride| {
                let from = other.r.chunks_exact(stride);
                for (to, from) in columns.chunks_exact_mut(panel_stride).zip(from) {
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

/// The QR factorization of a triangle on top of a block of columns (the kernel
/// TSQRT of Buttari, Langou, Kurzak & Dongarra, Parallel Computing 2009): `v` becomes
/// the reflectors below their ones; the T of their product I − V T Vᵀ, by columns,
/// is the result.
struct Factor<'a> {
    v: &'a mut [f64],
    /// Entries of each of these columns.
    len: usize,
    /// From the diagonal entry of R that the first reflector meets.
    rows: &'a mut [f64],
    stride: usize,
}

impl WithSimd for Factor<'_> {
    type Output = [[f64; REFLECTORS]; REFLECTORS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self {
            v,
            len,
            rows,
            stride,
        } = self;
        let mut scales = [0.0; REFLECTORS];
        for (j, scale) in scales.iter_mut().enumerate() {
            let (x, others) = v[j * len..].split_at_mut(len);
            let alpha = rows[j * stride + j];
            let squares = dot(simd, x, x);
            let length = (alpha * alpha + squares).sqrt();
            if squares == 0.0 || length * length < NEGLIGIBLE {
                x.fill(0.0);
                continue;
            }
            let beta = -length.copysign(alpha);
            rows[j * stride + j] = beta;
            *scale = (beta - alpha) / beta;
            let reciprocal = 1.0 / (alpha - beta);
            x.iter_mut().for_each(|entry| *entry *= reciprocal);
            let others = others.chunks_exact_mut(len);
            for (c, other) in (j + 1..REFLECTORS).zip(others) {
                let entry = &mut rows[c * stride + j];
                let w = *scale * (*entry + dot(simd, x, other));
                *entry -= w;
                axpy(simd, -w, x, other);
            }
        }

        let mut products = [0.0; REFLECTORS * REFLECTORS];
        inner_products(v, v, len, &mut products);
        let mut t = [[0.0; REFLECTORS]; REFLECTORS];
        for (i, products) in products.chunks_exact(REFLECTORS).enumerate() {
            let (before, column) = t.split_at_mut(i);
            for (k, entry) in column[0].iter_mut().enumerate().take(i) {
                let along = before
                    .iter()
                    .zip(products)
                    .map(|(t, product)| t[k] * product);
                *entry = -scales[i] * along.sum::<f64>();
            }
            column[0][i] = scales[i];
        }
        t
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::random::Counter;

    /// RᵀR against the Gram matrix of all rows, over panels and a merge.
    fn takes_in_and_merges(order: usize, upper: usize, lower: usize) {
        let mut random = Counter::new(order as u64);
        let rows = Mat::from_fn(upper + lower, order, |_, _| random.uniform() - 0.3);
        let triangle = |from: usize, to: usize| {
            let mut triangle = Triangle::new(order);
            for start in (from..to).step_by(PANEL_ROWS) {
                let end = to.min(start + PANEL_ROWS);
                triangle.append(end - start, |columns, stride| {
                    for j in 0..order {
                        for i in start..end {
                            columns[j * stride + i - start] = rows[(i, j)];
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
        takes_in_and_merges(1, 1, 2);
        takes_in_and_merges(7, 900, 3);
        takes_in_and_merges(16, 400, 800);
        takes_in_and_merges(27, 20, 5);
        takes_in_and_merges(400, 500, 450);
    }
}
