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

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;
    use crate::linalg::instruction_sets::on_every_instruction_set;
    use crate::linalg::unfolding::singular_pairs::{Request, Wanted};
    use crate::linalg::{Accuracy, eigh, leading_vectors, left_singular};
    use crate::monitor::Cancellation;
    use crate::tensor::Tensor;

    /// The tail above which products in `f32` without elimination are accurate.
    const RESOLVED: f64 = 2e-2;

    fn unfolding<T: Scalar>(x: &Tensor<T>, mode: usize) -> Unfolding<'_, T> {
        let around = x.view().extents(mode).unwrap();
        Unfolding::new(x.view(), around, Side::smaller(around))
    }

    /// A tensor with an unfolding of mode `mode` that has `n` rows and the given singular values.
    fn with_spectrum(mode: usize, n: usize, values: &[f64]) -> Tensor<f32> {
        let shape = [vec![n, 20, 12], vec![20, n, 12], vec![20, 12, n]][mode].clone();
        let a = Random::new(5).with_spectrum(n, 240, values);
        let x = Tensor::from_unfolding(a.as_ref(), mode, &shape).unwrap();
        oracle::scaled(&x, 1.0)
    }

    /// Three large values, one of them `middle`, and a flat tail of the given size.
    fn three_and_tail(n: usize, middle: f64, tail: f64) -> Vec<f64> {
        let small = tail / ((n - 3) as f64).sqrt();
        let mut values = vec![1.0, 0.5, middle];
        values.resize(n, small);
        values
    }

    fn elimination(plan: Option<Plan<f32>>) -> Option<Elimination<f32>> {
        match plan {
            Some(Plan::Eliminate(elimination)) => Some(elimination),
            _ => None,
        }
    }

    #[test]
    fn multiples_of_pivot_rows_are_subtracted_exactly() {
        on_every_instruction_set(|| {
            // Small integers, so that no rounding occurs.
            for shape in [[2, 21, 30], [1, 13, 47], [61, 1, 17], [5, 12, 1]] {
                let entry = |i: &[usize]| ((7 * i[0] + 5 * i[1] + 3 * i[2]) % 11) as f32 - 4.0;
                let x = Tensor::from_fn(&shape, entry).unwrap();
                for mode in 0..3 {
                    let unfolding = unfolding(&x, mode);
                    let n = unfolding.order;
                    let mut elimination = Elimination::new(n);
                    for (j, pivot) in [n - 1, 0, n / 2].into_iter().enumerate() {
                        if !elimination.pivots().contains(&pivot) {
                            let multiple = move |i: usize| ((i + j) % 3) as f32 - 1.0;
                            elimination.push(pivot, n, multiple);
                        }
                    }
                    let exact = unfolding.gram(Precision::Double).unwrap();
                    let (gram, _) = unfolding.eliminated_gram(&elimination).unwrap();
                    assert_eq!(gram.as_ref(), exact.as_ref(), "{shape:?}, mode {mode}");
                }
            }
        });
    }

    /// With k vectors of the spectrum that the function eigh finds in `gram`: the energy that they
    /// miss of `exact`.
    fn missed(gram: &Columns, exact: &Columns, k: usize) -> f64 {
        let u = eigh(gram.as_ref()).unwrap().vectors;
        let u = u.get(.., ..k);
        let rest = Mat::<f64>::identity(u.nrows(), u.nrows()) - u * u.transpose();
        let rest = &rest * exact.as_ref() * &rest;
        (0..rest.nrows()).map(|i| rest[(i, i)]).sum()
    }

    #[test]
    fn a_small_tail_keeps_its_digits() {
        let n = 24;
        for mode in 0..3 {
            for (middle, tail) in [(0.3, 1e-2), (0.1, 1e-3), (0.02, 1e-4), (1e-3, 2e-5)] {
                let x = with_spectrum(mode, n, &three_and_tail(n, middle, tail));
                let unfolding = unfolding(&x, mode);
                for needed in [Needed::Rank(3), Needed::Rank(5), Needed::Tail(tail)] {
                    let what = format!("mode {mode}, tail {tail:e}, {needed:?}");
                    let plan = unfolding.plan(needed, RESOLVED).unwrap();
                    let elimination = elimination(plan).expect(&what);
                    let (gram, remaining) = unfolding.eliminated_gram(&elimination).unwrap();
                    assert!(remaining.sqrt() <= 2.0 * REMAINING * tail, "{what}");
                    // All but one ten-thousandth of the tail is resolved.
                    let exact = unfolding.gram(Precision::Double).unwrap();
                    let best = missed(&exact, &exact, 3);
                    let energy = missed(&gram, &exact, 3);
                    assert!(
                        (energy / best - 1.0).abs() < 1e-4,
                        "{what}: {energy:e}, {best:e}"
                    );
                    let values = eigh(gram.as_ref()).unwrap().values;
                    let computed: f64 = values[3..].iter().sum();
                    assert!((computed / best - 1.0).abs() < 1e-3, "{what}: {computed:e}");
                }
            }
        }
    }

    #[test]
    fn the_plan_follows_the_spectrum() {
        let n = 24;
        let plan = |values: &[f64], needed| {
            let x = with_spectrum(1, n, values);
            match unfolding(&x, 1).plan(needed, RESOLVED).unwrap() {
                Some(Plan::Single) => "single".to_owned(),
                Some(Plan::Double) => "double".to_owned(),
                Some(Plan::Eliminate(elimination)) => elimination.pivots().len().to_string(),
                None => "none".to_owned(),
            }
        };
        // A large tail needs no pivots.
        assert_eq!(plan(&three_and_tail(n, 0.4, 0.5), Needed::Rank(3)), "0");
        assert_eq!(plan(&three_and_tail(n, 0.4, 0.5), Needed::Tail(0.3)), "0");
        // A small tail behind few directions.
        assert_eq!(plan(&three_and_tail(n, 0.4, 1e-3), Needed::Rank(3)), "3");
        // A tail behind all vectors, and a tail below the digits of the entries.
        assert_eq!(
            plan(&three_and_tail(n, 0.4, 1e-3), Needed::Rank(n)),
            "double"
        );
        assert_eq!(
            plan(&three_and_tail(n, 0.4, 1e-7), Needed::Rank(3)),
            "double"
        );
        assert_eq!(
            plan(&three_and_tail(n, 0.4, 1e-3), Needed::Tail(1e-6)),
            "double"
        );
        // More large directions than pivots: `f64`.
        let many: Vec<f64> = (0..n).map(|i| 0.3f64.powi(i as i32)).collect();
        assert_eq!(plan(&many, Needed::Tail(1e-4)), "double");
        assert_eq!(plan(&many, Needed::Rank(12)), "double");
        // A flat spectrum behind more vectors than are searched.
        assert_eq!(plan(&vec![1.0; n], Needed::Rank(12)), "single");
        // No entries that show anything.
        assert_eq!(plan(&vec![0.0; n], Needed::Rank(3)), "none");
        let mut x = with_spectrum(1, n, &three_and_tail(n, 0.4, 1e-3));
        x.data_mut().fill(f32::NAN);
        assert!(
            unfolding(&x, 1)
                .plan(Needed::Rank(3), RESOLVED)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn directions_outside_the_sample_do_not_harm_the_result() {
        let n = 24;
        let x = with_spectrum(1, n, &three_and_tail(n, 0.4, 1e-3));
        let around = x.view().extents(1).unwrap();
        let mut entries = x.data().to_vec();
        // A large entry in a vector that is not sampled.
        let of = unfolding(&x, 1);
        let groups = (SAMPLE * n).div_ceil(NEIGHBOURS);
        let sampled: Vec<usize> = (0..groups)
            .flat_map(|group| {
                let first = of.start_of_group(group, groups);
                first..first + NEIGHBOURS
            })
            .collect();
        let hidden = (0..of.depth).find(|k| !sampled.contains(k)).unwrap();
        let slab = hidden / around.right * n * around.right;
        entries[slab + 7 * around.right + hidden % around.right] = 3.0;
        let x = Tensor::new(x.shape(), entries).unwrap();
        let unfolding = unfolding(&x, 1);
        let plan = unfolding.plan(Needed::Rank(4), RESOLVED).unwrap();
        let (_, remaining) = unfolding
            .eliminated_gram(&elimination(plan).unwrap())
            .unwrap();
        assert!(remaining > 1.0, "the sample misses the entry");
        let exact = oracle::singular_values(oracle::unfold(&x, 1).as_ref());
        let request = Request {
            wanted: Wanted::Leading {
                count: &|_| 4,
                needed: Some(Needed::Rank(4)),
            },
            accuracy: Accuracy::default(),
            cancellation: Cancellation::default(),
        };
        let leading = leading_vectors(x.view(), 1, request).unwrap();
        let double = Accuracy {
            precision: Precision::Double,
            ..Accuracy::default()
        };
        let values = left_singular(&x, 1, double, |_| 4).unwrap().values;
        assert_eq!(leading.values, values);
        let difference = oracle::largest_difference(&values, &exact);
        assert!(difference < 1e-6, "{difference:e}");
    }
}
