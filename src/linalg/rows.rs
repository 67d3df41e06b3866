//! Small square matrices by rows, padded to whole vector registers, and the few
//! operations on rows that the small eigensolvers consist of.

use faer::MatRef;

use crate::kernel::Aligned;

/// Lanes that one operation works on.
const LANES: usize = 8;

/// A small square matrix, row-major, each row padded with zeros.
pub(super) struct Rows {
    entries: Aligned<f64>,
    stride: usize,
}

impl Rows {
    pub(super) fn zeros(n: usize) -> Self {
        let stride = n.next_multiple_of(LANES);
        Self {
            entries: Aligned::zeroed(n * stride),
            stride,
        }
    }

    pub(super) fn identity(n: usize) -> Self {
        let mut rows = Self::zeros(n);
        for i in 0..n {
            rows.row_mut(i)[i] = 1.0;
        }
        rows
    }

    pub(super) fn from_symmetric(s: MatRef<'_, f64>) -> Self {
        let n = s.nrows();
        let mut rows = Self::zeros(n);
        for i in 0..n {
            for (j, entry) in rows.row_mut(i)[..n].iter_mut().enumerate() {
                *entry = s[(i.max(j), i.min(j))];
            }
        }
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() / self.stride
    }

    /// Entries of a row, padding included.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.entries[i * self.stride..(i + 1) * self.stride]
    }

    #[inline(always)]
    pub(super) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.entries[i * self.stride..(i + 1) * self.stride]
    }

    /// Row `i`, and the rows after it.
    #[inline(always)]
    pub(super) fn split_after(&mut self, i: usize) -> (&[f64], &mut [f64]) {
        let (before, after) = self.entries.split_at_mut((i + 1) * self.stride);
        (&before[i * self.stride..], after)
    }

    /// All rows, one after the other.
    #[inline(always)]
    pub(super) fn entries_mut(&mut self) -> &mut [f64] {
        &mut self.entries
    }
}

/// Σ aᵢ bᵢ over slices of a whole number of lanes.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (a, b) in a
        .as_chunks::<LANES>()
        .0
        .iter()
        .zip(b.as_chunks::<LANES>().0)
    {
        for lane in 0..LANES {
            lanes[lane] = f64::mul_add(a[lane], b[lane], lanes[lane]);
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

/// y ← y + α x over slices of a whole number of lanes.
#[inline(always)]
pub(super) fn axpy(alpha: f64, x: &[f64], y: &mut [f64]) {
    let x = x.as_chunks::<LANES>().0;
    for (y, x) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(x) {
        for lane in 0..LANES {
            y[lane] = f64::mul_add(alpha, x[lane], y[lane]);
        }
    }
}

/// y ← y + α x + β z over slices of a whole number of lanes.
#[inline(always)]
pub(super) fn axpy2(alpha: f64, x: &[f64], beta: f64, z: &[f64], y: &mut [f64]) {
    let x = x.as_chunks::<LANES>().0;
    let z = z.as_chunks::<LANES>().0;
    for ((y, x), z) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(x).zip(z) {
        for lane in 0..LANES {
            y[lane] = f64::mul_add(beta, z[lane], f64::mul_add(alpha, x[lane], y[lane]));
        }
    }
}

/// The largest multiple of the lanes up to `i`: where a range of a row starts.
#[inline(always)]
pub(super) fn lane_start(i: usize) -> usize {
    i / LANES * LANES
}
