//! Sums of 16 rows with signs, the inner step of a random sketch.
//!
//! A product with a dense matrix of signs costs 16 additions for each entry. A matrix E H D costs
//! six operations, where D and E are diagonals of random signs, and H is the 16×16 Hadamard matrix
//! H[r, i] = (−1)^(number of bits in r and i). H is a product of four sparse matrices:
//!
//! ```text
//!   x₀ ──┬──╲╱── x₀ + x₁          distance 1, then 2, 4 and 8:
//!   x₁ ──┴──╱╲── x₀ − x₁          every result is a sum of all 16 rows
//! ```
//!
//! The columns of H are orthogonal, so the sketch keeps the norm of 16 rows exactly. Independent E
//! and D for each 16 rows mix the groups as well as a dense matrix of signs does.

use std::ops::Neg;

use num_traits::One;
use pulp::{Simd, WithSimd};

use super::prefetch::prefetch_line;
use super::{Lanes, arch, lanes, line_entries};

/// The number of rows of a group, and of a sketch.
pub(crate) const MIXED_ROWS: usize = 16;

/// The signs of a group of rows: the matrix E H D / 4.
#[derive(Clone, Debug)]
pub(crate) struct SignGroup<A> {
    /// The diagonal of D: one sign for each row of the group.
    pub(crate) inputs: [A; MIXED_ROWS],
    /// The diagonal of E / 4: one sign for each row of the sketch, with the factor 1/√16.
    pub(crate) outputs: [A; MIXED_ROWS],
}

impl<A: Copy + One + Neg<Output = A>> SignGroup<A> {
    /// Entry (r, i) of E H D / 4.
    pub(crate) fn entry(&self, r: usize, i: usize) -> A {
        let product = self.outputs[r] * self.inputs[i];
        if (r & i).count_ones().is_multiple_of(2) {
            product
        } else {
            -product
        }
    }
}

/// S ← S + (E H D / 4) X for the rows of X in `rows`, all of the same length. An empty row counts as
/// zeros. `next` are the rows that are added next; they are prefetched. `sums` has [`MIXED_ROWS`] rows
/// of the same length, a multiple of a line and at least the length of the rows of X.
pub(crate) fn add_mixed<A: Lanes + One + Neg<Output = A>>(
    rows: [&[A]; MIXED_ROWS],
    next: [&[A]; MIXED_ROWS],
    signs: &SignGroup<A>,
    sums: &mut [A],
) {
    arch().dispatch(AddMixed {
        rows,
        next,
        signs,
        sums,
    });
}

struct AddMixed<'a, A> {
    rows: [&'a [A]; MIXED_ROWS],
    next: [&'a [A]; MIXED_ROWS],
    signs: &'a SignGroup<A>,
    sums: &'a mut [A],
}

impl<A: Lanes + One + Neg<Output = A>> WithSimd for AddMixed<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let line = line_entries::<A>();
        let lanes = lanes::<S, A>();
        let mut sums = self.sums.chunks_exact_mut(self.sums.len() / MIXED_ROWS);
        let mut sums: [&mut [A::Register<S>]; MIXED_ROWS] =
            std::array::from_fn(|_| A::registers_mut::<S>(sums.next().unwrap_or_default()).0);
        let columns = self.rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let is_full = self.rows.iter().all(|row| row.len() == columns);
        // 1. Whole registers, in place.
        let whole = if is_full { columns / lanes } else { 0 };
        let outputs = |r: usize| A::splat(simd, self.signs.outputs[r]);
        let in_place = self.rows.map(|row| A::registers::<S>(row).0);
        for j in 0..whole {
            if (j * lanes).is_multiple_of(line) {
                for next in &self.next {
                    prefetch_line(bytemuck::cast_slice(next), j * lanes / line);
                }
            }
            let mixed = mix::<A, S>(simd, in_place.map(|row| row[j]), self.signs);
            for (r, (sums, mixed)) in sums.iter_mut().zip(mixed).enumerate() {
                sums[j] = A::mul_add(simd, outputs(r), mixed, sums[j]);
            }
        }
        // 2. The other columns, copied to whole lines.
        let mut copies = [[A::zero(); MAX_LINE]; MIXED_ROWS];
        for start in (whole * lanes..columns).step_by(line) {
            let end = columns.min(start + line);
            for (copy, row) in copies.iter_mut().zip(&self.rows) {
                copy.fill(A::zero());
                let run = row.get(start..end).unwrap_or_default();
                copy[..run.len()].copy_from_slice(run);
            }
            for j in 0..(end - start).div_ceil(lanes) {
                let registers = std::array::from_fn(|i| A::registers::<S>(&copies[i]).0[j]);
                let mixed = mix::<A, S>(simd, registers, self.signs);
                for (r, (sums, mixed)) in sums.iter_mut().zip(mixed).enumerate() {
                    let sum = &mut sums[start / lanes + j];
                    *sum = A::mul_add(simd, outputs(r), mixed, *sum);
                }
            }
        }
    }
}

/// The largest number of entries of a line.
const MAX_LINE: usize = line_entries::<f32>();

/// H D times one register of each row.
#[inline(always)]
fn mix<A: Lanes + One + Neg<Output = A>, S: Simd>(
    simd: S,
    mut v: [A::Register<S>; MIXED_ROWS],
    signs: &SignGroup<A>,
) -> [A::Register<S>; MIXED_ROWS] {
    let zero = A::splat(simd, A::zero());
    for (v, &sign) in v.iter_mut().zip(&signs.inputs) {
        *v = A::mul_add(simd, A::splat(simd, sign), *v, zero);
    }
    v = butterflies::<A, S, 1>(simd, v);
    v = butterflies::<A, S, 2>(simd, v);
    v = butterflies::<A, S, 4>(simd, v);
    butterflies::<A, S, 8>(simd, v)
}

/// The sums and the differences of the rows that are `DISTANCE` apart.
#[inline(always)]
fn butterflies<A: Lanes + One + Neg<Output = A>, S: Simd, const DISTANCE: usize>(
    simd: S,
    mut v: [A::Register<S>; MIXED_ROWS],
) -> [A::Register<S>; MIXED_ROWS] {
    let one = A::splat(simd, A::one());
    let minus_one = A::splat(simd, -A::one());
    for i in 0..MIXED_ROWS {
        if i & DISTANCE == 0 {
            let (a, b) = (v[i], v[i | DISTANCE]);
            v[i] = A::mul_add(simd, one, a, b);
            v[i | DISTANCE] = A::mul_add(simd, minus_one, b, a);
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, so that all sums are exact.
    fn check<A: Lanes + One + Neg<Output = A>>(from: impl Fn(f64) -> A) {
        let sign = |k: usize| from(if k.is_multiple_of(3) { -1.0 } else { 1.0 });
        let quarter = from(0.25);
        let signs = SignGroup {
            inputs: std::array::from_fn(|i| sign(i * 5 + 1)),
            outputs: std::array::from_fn(|r| sign(r * 7) * quarter),
        };
        for (columns, count) in [
            (1, 16),
            (13, 16),
            (16, 5),
            (40, 16),
            (45, 16),
            (45, 1),
            (33, 15),
        ] {
            let width = 64;
            let entry = |i: usize, j: usize| from(((i * 31 + j * 7) % 23) as f64 - 11.0);
            let x: Vec<Vec<A>> = (0..count)
                .map(|i| (0..columns).map(|j| entry(i, j)).collect())
                .collect();
            let rows = std::array::from_fn(|i| x.get(i).map(Vec::as_slice).unwrap_or_default());
            let mut sums = vec![from(1.0); MIXED_ROWS * width];
            add_mixed(rows, [&[]; MIXED_ROWS], &signs, &mut sums);
            for (r, sums) in sums.chunks_exact(width).enumerate() {
                for (j, &sum) in sums[..columns].iter().enumerate() {
                    let terms = (0..count).map(|i| signs.entry(r, i) * entry(i, j));
                    let expected = terms.fold(from(1.0), |sum, term| sum + term);
                    assert_eq!(sum.widen(), expected.widen(), "{count}×{columns}: {r}, {j}");
                }
            }
        }
    }

    #[test]
    fn rows_are_multiplied_by_the_matrix_of_signs() {
        check::<f64>(|value| value);
        check::<f32>(|value| value as f32);
    }

    #[test]
    fn the_columns_of_a_group_are_orthonormal() {
        let signs = SignGroup {
            inputs: [1.0; MIXED_ROWS],
            outputs: [0.25; MIXED_ROWS],
        };
        for i in 0..MIXED_ROWS {
            for j in 0..MIXED_ROWS {
                let products = (0..MIXED_ROWS).map(|r| signs.entry(r, i) * signs.entry(r, j));
                assert_eq!(products.sum::<f64>(), f64::from(i == j));
            }
        }
    }
}
