//! Gram matrices in `f32` for a small tail.
//!
//! A Gram matrix of products in `f32` has rounding errors near 1e-7·‖M‖², which hide a tail below
//! 2e-2·‖M‖. Products in `f64` take twice as long. If a few directions hold almost all of ‖M‖²,
//! there is a faster way: eliminate these directions first, as Gaussian elimination does with pivot
//! rows. The rows that remain are small, and so are the rounding errors of their products.
//!
//! ```text
//!  M     = L W        L: unit lower triangular up to a permutation, a column for each pivot row
//!  WWᵀ                in f32, by blocks of vectors: eliminate (`simd`), then sum outer products
//!  MMᵀ   = L WWᵀ Lᵀ   in f64
//!
//!  row p₀ of M   ████████   large          row p₀ of W   ████████   unchanged
//!  row p₁        ████████   large    →     row p₁        ▒▒▒▒▒▒▒▒   smaller
//!  other rows    ████████   large          other rows    ········   near the tail
//! ```
//!
//! The pivots and L come from a sample of the vectors: the pivoted Cholesky factorization of its Gram
//! matrix S, S ≈ L D Lᵀ. The equation M = L W is exact for any L, so a sample that represents M badly
//! leaves larger rows, but no error. The caller compares the remaining rows with the tail.
//!
//! Rounding: the error of entry (i, j) of WWᵀ is near 1e-7·‖wᵢ‖·‖wⱼ‖. A vector in the tail is
//! almost orthogonal to the columns of L, up to the tail itself, so the errors in pivot rows, which
//! are larger, hardly change the tail.
//!
//! Cost, with k pivots and N vectors of n entries: N·n·(n + 2k) flops.

#[cfg(test)]
mod tests;

use super::accuracy::Precision;
use super::gram::Prepared;
use super::vectors::{Side, Unfolding};
use crate::error::Result;
use crate::linalg::small::Columns;
use crate::scalar::Scalar;
use crate::simd::Elimination;
use crate::tensor::TensorRef;

/// The number of sampled vectors, relative to the entries of a vector.
const SAMPLE: usize = 2;

/// The number of neighbouring vectors that are sampled together. Their entries share cache lines.
const NEIGHBOURS: usize = 16;

/// The number of pivots, relative to n, up to which a tail behind them is looked for.
const SEARCHED: f64 = 0.25;

/// The maximum number of pivots, relative to n. With more of them, products in `f64` are faster.
const PIVOTS: f64 = 0.125;

/// The norm of the rows after elimination, relative to the tail, at which elimination ends.
const REMAINING: f64 = 10.0;

/// The smallest tail that rows of `f32` contain: rounding of the entries themselves is near 1e-7.
const SMALLEST_TAIL: f64 = 1e-5;

/// The orders for which a sample is taken. For a smaller matrix it costs too much.
const MIN_ORDER: usize = if cfg!(test) { 12 } else { 96 };

/// The number of digits that singular vectors need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Needed {
    /// The tail behind this number of vectors.
    Rank(usize),
    /// A tail of this size, relative to the norm. Tails are compared with it.
    Tail(f64),
}

/// How to compute a Gram matrix for a tail that is needed.
pub(super) enum Plan<T> {
    /// By products in `f32`: the sample does not show the tail, which may be large.
    Single,
    /// By products in `f32` after an elimination, without pivots for a large tail.
    Eliminate(Elimination<T>),
    /// By products in `f64`.
    Double,
}

impl<T: Scalar> Unfolding<'_, T> {
    /// The fastest computation that resolves the `needed` tail, judged by a sample of the vectors.
    /// `None` if the unfolding is too small for a sample.
    pub(super) fn plan(self, needed: Needed, resolved: f64) -> Result<Option<Plan<T>>> {
        let (n, sample) = (self.order, SAMPLE * self.order);
        if n < MIN_ORDER || self.depth < 4 * sample {
            return Ok(None);
        }
        let is_too_small = match needed {
            Needed::Rank(rank) => rank >= n,
            Needed::Tail(tail) => tail < SMALLEST_TAIL,
        };
        if is_too_small {
            return Ok(Some(Plan::Double));
        }
        // 1. The Gram matrix S of the sample.
        let entries = self.sample(sample);
        let sampled = TensorRef::new(&[sample, n], &entries)?;
        let around = sampled.extents(1)?;
        let gram = Unfolding::new(sampled, around, Side::Mode).gram(Precision::Double)?;
        // 2. Pivots, up to the rank or the tail that is needed.
        let searched = (SEARCHED * n as f64) as usize;
        let steps = match needed {
            Needed::Rank(rank) => rank.min(searched),
            Needed::Tail(_) => (PIVOTS * n as f64) as usize,
        };
        let end = match needed {
            Needed::Rank(_) => 0.0,
            Needed::Tail(tail) => REMAINING * tail,
        };
        let pivoted = Pivoted::new(gram, steps, end);
        Ok(pivoted.map(|pivoted| pivoted.plan(needed, resolved)))
    }

    /// `count` vectors, spread over the unfolding, one after the other.
    fn sample(self, count: usize) -> Vec<T> {
        let n = self.order;
        let mut entries = vec![T::default(); count * n];
        let groups = count.div_ceil(NEIGHBOURS);
        for (group, vectors) in entries.chunks_mut(NEIGHBOURS * n).enumerate() {
            let len = vectors.len() / n;
            let first = self.start_of_group(group, groups);
            if self.vectors_are_contiguous() {
                for (k, vector) in vectors.chunks_exact_mut(n).enumerate() {
                    let pieces = self.vector(first + k).flatten();
                    vector
                        .iter_mut()
                        .zip(pieces)
                        .for_each(|(to, &from)| *to = from);
                }
                continue;
            }
            for p in 0..n {
                let row = self.row(p, first..first + len).flatten();
                let entries = vectors[p..].iter_mut().step_by(n);
                entries.zip(row).for_each(|(to, &from)| *to = from);
            }
        }
        entries
    }

    /// The first vector of a group of the sample. The unfolding has a stretch for each group. The
    /// positions in the stretches differ, so that no period of the tensor hides entries.
    fn start_of_group(&self, group: usize, groups: usize) -> usize {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let stretch = (self.depth - NEIGHBOURS) as f64 / groups as f64;
        let place = (group as f64 * GOLDEN).fract();
        ((group as f64 + place) * stretch) as usize
    }

    /// The Gram matrix by products in `f32` after `elimination`, and the energy of the rows that
    /// remain: Σ‖wᵢ‖² over all rows except the pivots.
    pub(super) fn eliminated_gram(self, elimination: &Elimination<T>) -> Result<(Columns, f64)> {
        let mut gram = self.prepared_gram(Prepared::Eliminate(elimination))?;
        let pivots = elimination.pivots();
        let remaining = (0..gram.ncols()).filter(|i| !pivots.contains(i));
        let remaining = remaining.map(|i| gram.col(i)[i]).sum();
        // G ← L G, column by column. The last pivot comes first, since row pⱼ loses multiples of
        // the pivot rows before it.
        let n = gram.ncols();
        let columns: Vec<Vec<f64>> = (0..pivots.len())
            .map(|j| {
                elimination.negated(j)[..n]
                    .iter()
                    .map(|l| -l.as_f64())
                    .collect()
            })
            .collect();
        for c in 0..n {
            let column = gram.col_mut(c);
            for (l, &pivot) in columns.iter().zip(pivots).rev() {
                let factor = column[pivot];
                column.iter_mut().zip(l).for_each(|(g, l)| *g += factor * l);
            }
        }
        // G ← G Lᵀ.
        for (l, &pivot) in columns.iter().zip(pivots).rev() {
            let of_pivot = gram.col(pivot).to_vec();
            for (i, &factor) in l.iter().enumerate().filter(|&(_, &factor)| factor != 0.0) {
                let column = gram.col_mut(i);
                column
                    .iter_mut()
                    .zip(&of_pivot)
                    .for_each(|(g, p)| *g += factor * p);
            }
        }
        Ok((gram, remaining))
    }
}

/// The pivoted Cholesky factorization S ≈ L D Lᵀ of a Gram matrix.
struct Pivoted {
    pivots: Vec<usize>,
    /// The columns of L. Column j is 1 in row pⱼ and 0 in the rows of the pivots before it.
    columns: Vec<Vec<f64>>,
    /// √(tr(S − L D Lᵀ)/tr S) with the first k pivots, for k = 0, 1, ….
    remaining: Vec<f64>,
}

impl Pivoted {
    /// At most `steps` pivots, until less than `end` remains. `None` for a matrix that is zero or
    /// not finite.
    fn new(gram: Columns, steps: usize, end: f64) -> Option<Self> {
        let n = gram.ncols();
        let mut diagonal: Vec<f64> = (0..n).map(|i| gram.col(i)[i]).collect();
        let total: f64 = diagonal.iter().sum();
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let mut result = Self {
            pivots: Vec::new(),
            columns: Vec::new(),
            remaining: vec![1.0],
        };
        let mut values: Vec<f64> = Vec::new();
        while result.pivots.len() < steps && result.remaining.last().is_some_and(|&r| r > end) {
            // 1. The largest remaining row.
            let largest = (0..n).max_by(|&i, &j| diagonal[i].total_cmp(&diagonal[j]))?;
            let value = diagonal[largest];
            if value <= 0.0 {
                break;
            }
            // 2. Its column of S − L D Lᵀ, divided by the pivot.
            let mut column = gram.col(largest).to_vec();
            for (before, &value) in result.columns.iter().zip(&values) {
                let factor = before[largest] * value;
                column
                    .iter_mut()
                    .zip(before)
                    .for_each(|(c, b)| *c -= factor * b);
            }
            column.iter_mut().for_each(|c| *c /= value);
            for &pivot in &result.pivots {
                column[pivot] = 0.0;
            }
            column[largest] = 1.0;
            // 3. What remains.
            for (d, l) in diagonal.iter_mut().zip(&column) {
                *d -= value * l * l;
            }
            diagonal[largest] = 0.0;
            let rest: f64 = diagonal.iter().map(|d| d.max(0.0)).sum();
            result.remaining.push((rest / total).sqrt());
            result.pivots.push(largest);
            result.columns.push(column);
            values.push(value);
        }
        Some(result)
    }

    /// The fastest computation for the `needed` tail. Plain products in `f32` resolve a tail above
    /// `resolved`.
    fn plan<T: Scalar>(self, needed: Needed, resolved: f64) -> Plan<T> {
        let found = self.remaining.last().copied().unwrap_or(1.0);
        let tail = match needed {
            // The search ended before the rank. The tail is at most what remains.
            Needed::Rank(rank) if rank > self.pivots.len() && found > resolved => {
                return Plan::Single;
            }
            Needed::Rank(_) => found,
            Needed::Tail(tail) => tail,
        };
        let count = self.remaining.iter().position(|&r| r <= REMAINING * tail);
        let most = (PIVOTS * self.columns.first().map_or(0, Vec::len) as f64) as usize;
        match count {
            Some(count) if count <= most && tail >= SMALLEST_TAIL => {
                Plan::Eliminate(self.elimination(count))
            }
            _ => Plan::Double,
        }
    }

    /// The elimination of the first `count` pivots.
    fn elimination<T: Scalar>(&self, count: usize) -> Elimination<T> {
        let n = self.columns.first().map_or(0, Vec::len);
        let mut elimination = Elimination::new(n);
        for (&pivot, column) in self.pivots.iter().zip(&self.columns).take(count) {
            elimination.push(pivot, n, |i| T::from_f64(-column[i]));
        }
        elimination
    }
}
