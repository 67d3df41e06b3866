//! The basis of two merged halves: the product of the halves' bases with the eigenvectors of
//! D + z zᵀ. Here z includes the factor √ρ of the secular equation.
//!
//! The eigenvector of the root λⱼ has the entries zₖ/(dₖ − λⱼ), divided by its length. The vectors
//! of a basis are rows ([`Rows`]). Row j of the new basis is the sum of the old rows k, each times
//! entry k of this eigenvector. So the product is
//!
//! ```text
//!   new rows  ←  coefficients · old rows
//!
//!    j ┌───┐        j ┌────────────┐      k ┌─────┬─────┬─
//!      ├───┤  tile    ├────────────┤ 8      │strip│strip│ …
//!      ├───┤          ├────────────┤        │     │     │
//!      └───┘          └────────────┘        └─────┴─────┴─
//!                     k: the poles          up to 3 registers wide
//! ```
//!
//! The coefficients of eight roots make a sliver: entry k of all eight, then entry k + 1. The old
//! rows are also copied to a sliver, strip by strip, so that new rows can overwrite them. A tile of
//! eight rows by a strip reads both slivers step by step.

use std::ops::Range;

use pulp::Simd;

use super::rows::Rows;
use super::secular::Roots;
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::simd::{LINE_F64S, Register, Scratch};

/// The eigenvectors of D + z zᵀ.
pub(super) struct Coefficients {
    /// Slivers of [`LINE_F64S`] roots. A step of a sliver holds the entries of these roots for one
    /// pole, before division by the lengths. The poles are in the order of their places.
    entries: Scratch<f64>,
    /// The reciprocal length of each vector.
    scales: Scratch<f64>,
}

impl Coefficients {
    /// zₖ/(dₖ − λⱼ) for zₖ = `weights[k]`, with pole k at `places[k]` in the slivers.
    #[inline(always)]
    pub(super) fn new<S: Simd>(simd: S, roots: &Roots, weights: &[f64], places: &[usize]) -> Self {
        let poles = roots.poles();
        let count = poles.len();
        let (origins, offsets) = roots.registers::<S>();
        let padded = count.next_multiple_of(LINE_F64S);
        let mut entries = Scratch::zeroed(count * padded);
        let mut scales = Scratch::zeroed(padded);
        let one = Register::splat(simd, 1.0);
        // The number of registers of one step of a sliver.
        let in_line = LINE_F64S / S::F64_LANES;
        let (pole_pairs, last_pole) = poles.as_chunks::<2>();
        let (weight_pairs, last_weight) = weights.as_chunks::<2>();
        let (place_pairs, last_place) = places.as_chunks::<2>();
        let slivers = entries.chunks_exact_mut(count * LINE_F64S);
        let sliver_scales = S::as_mut_simd_f64s(&mut scales).0.chunks_exact_mut(in_line);
        for (p, (sliver, scales)) in slivers.zip(sliver_scales).enumerate() {
            let sliver = S::as_mut_simd_f64s(sliver).0;
            for (i, scale) in scales.iter_mut().enumerate() {
                let (origin, offset) = (origins[p * in_line + i], offsets[p * in_line + i]);
                let origin = Register::new(simd, origin);
                let offset = Register::new(simd, offset);
                let mut squares = [Register::splat(simd, 0.0); 2];
                // Two entries share a division: 1/d = e·(1/(d e)) and 1/e = d·(1/(d e)).
                let pairs = pole_pairs.iter().zip(weight_pairs).zip(place_pairs);
                for ((&[d, e], &[v, w]), &[place, other]) in pairs {
                    let d = (Register::splat(simd, d) - origin) - offset;
                    let e = (Register::splat(simd, e) - origin) - offset;
                    let inverse = one / (d * e);
                    let first = Register::splat(simd, v) * (e * inverse);
                    let second = Register::splat(simd, w) * (d * inverse);
                    squares[0] = first.mul_add(first, squares[0]);
                    squares[1] = second.mul_add(second, squares[1]);
                    sliver[place * in_line + i] = first.lanes;
                    sliver[other * in_line + i] = second.lanes;
                }
                for ((&d, &w), &place) in last_pole.iter().zip(last_weight).zip(last_place) {
                    let d = (Register::splat(simd, d) - origin) - offset;
                    let entry = Register::splat(simd, w) / d;
                    squares[0] = entry.mul_add(entry, squares[0]);
                    sliver[place * in_line + i] = entry.lanes;
                }
                *scale = (one / (squares[0] + squares[1]).sqrt()).lanes;
            }
        }
        Self { entries, scales }
    }
}

/// The largest number of registers of a strip.
const WIDTH: usize = 3;

/// Rows `target` of the basis ← coefficients · rows `source`, in some columns.
pub(super) struct Product<'a> {
    pub(super) basis: &'a mut Rows,
    pub(super) source: &'a [usize],
    pub(super) target: &'a [usize],
    pub(super) coefficients: &'a Coefficients,
    /// The place of the first source row in the slivers of coefficients.
    pub(super) from: usize,
}

impl Product<'_> {
    /// Computes the columns `columns`, which are whole lines.
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        mut self,
        simd: S,
        columns: Range<usize>,
        cancellation: Cancellation<'_>,
    ) -> Result<()> {
        let mut packed = Scratch::zeroed(self.source.len() * WIDTH * S::F64_LANES);
        let mut column = columns.start / S::F64_LANES;
        let end = columns.end / S::F64_LANES;
        while column < end {
            cancellation.check()?;
            // Four registers are split into two and two; otherwise three at a time.
            let width = match end - column {
                4 => 2,
                rest => rest.min(WIDTH),
            };
            match width {
                1 => self.strip::<S, 1>(simd, column, &mut packed),
                2 => self.strip::<S, 2>(simd, column, &mut packed),
                _ => self.strip::<S, 3>(simd, column, &mut packed),
            }
            column += width;
        }
        Ok(())
    }

    /// The strip of R registers from register `column` on.
    #[inline(always)]
    fn strip<S: Simd, const R: usize>(&mut self, simd: S, column: usize, packed: &mut [f64]) {
        // 1. Pack the source rows.
        let sliver = S::as_mut_simd_f64s(packed).0.as_chunks_mut::<R>().0;
        for (step, &row) in sliver.iter_mut().zip(self.source) {
            let row = S::as_simd_f64s(self.basis.row(row)).0;
            step.copy_from_slice(&row[column..column + R]);
        }
        let sliver = &sliver[..self.source.len()];
        // 2. Multiply, eight rows at a time if there are 32 registers.
        if S::F64_LANES >= 8 {
            self.multiply::<S, 8, R>(simd, column, sliver);
        } else {
            self.multiply::<S, 4, R>(simd, column, sliver);
        }
    }

    /// The target rows within the strip, by tiles of N rows and R registers.
    #[inline(always)]
    fn multiply<S: Simd, const N: usize, const R: usize>(
        &mut self,
        simd: S,
        column: usize,
        sliver: &[[S::f64s; R]],
    ) {
        let Coefficients { entries, scales } = self.coefficients;
        let coefficients = entries.chunks_exact(self.target.len() * LINE_F64S);
        for (p, coefficients) in coefficients.enumerate() {
            let coefficients = &coefficients.as_chunks::<LINE_F64S>().0[self.from..];
            for first in (0..LINE_F64S).step_by(N) {
                // 1. Sum the tile over all source rows.
                let mut tile = [[simd.splat_f64s(0.0); R]; N];
                for (factors, registers) in coefficients.iter().zip(sliver) {
                    let Some(factors) = factors[first..].first_chunk::<N>() else {
                        return;
                    };
                    for (sums, &factor) in tile.iter_mut().zip(factors) {
                        let factor = simd.splat_f64s(factor);
                        for r in 0..R {
                            sums[r] = simd.mul_add_f64s(factor, registers[r], sums[r]);
                        }
                    }
                }
                // 2. Divide by the lengths, and store the rows that exist.
                let number = p * LINE_F64S + first;
                let targets = self.target.iter().skip(number);
                for ((sums, &scale), &row) in tile.iter().zip(&scales[number..]).zip(targets) {
                    let scale = simd.splat_f64s(scale);
                    let row = S::as_mut_simd_f64s(self.basis.row_mut(row)).0;
                    let row = &mut row[column..column + R];
                    for (entry, &sum) in row.iter_mut().zip(sums) {
                        *entry = simd.mul_f64s(sum, scale);
                    }
                }
            }
        }
    }
}
