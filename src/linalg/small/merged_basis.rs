//! Eigenvectors of D + z zᵀ, and the basis of two halves multiplied by them.

use std::ops::Range;

use pulp::Simd;

use super::rows::Rows;
use super::secular::Roots;
use crate::simd::{LINE_F64S, Register, Scratch};

/// Eigenvectors of D + z zᵀ, those of eight roots beside one another.
pub(super) struct Coefficients {
    /// For each eight roots, for each pole in its group, the eight entries.
    entries: Scratch<f64>,
    /// The reciprocal lengths of the vectors.
    scales: Scratch<f64>,
}

impl Coefficients {
    /// zₖ/(dₖ − λⱼ), pole k at `places[k]`.
    #[inline(always)]
    pub(super) fn new<S: Simd>(
        simd: S,
        roots: &Roots,
        poles: &[f64],
        weights: &[f64],
        places: &[usize],
    ) -> Self {
        let count = poles.len();
        let (origins, offsets) = roots.vectors::<S>();
        let padded = count.next_multiple_of(LINE_F64S);
        let mut entries = Scratch::zeroed(count * padded);
        let mut scales = Scratch::zeroed(padded);
        let one = Register::splat(simd, 1.0);
        let in_panel = LINE_F64S / S::F64_LANES;
        let (pole_pairs, last_pole) = poles.as_chunks::<2>();
        let (weight_pairs, last_weight) = weights.as_chunks::<2>();
        let (place_pairs, last_place) = places.as_chunks::<2>();
        let panels = entries.chunks_exact_mut(count * LINE_F64S);
        let panel_scales = S::as_mut_simd_f64s(&mut scales)
            .0
            .chunks_exact_mut(in_panel);
        for (p, (panel, scales)) in panels.zip(panel_scales).enumerate() {
            let panel = S::as_mut_simd_f64s(panel).0;
            for (i, scale) in scales.iter_mut().enumerate() {
                let (origin, offset) = (origins[p * in_panel + i], offsets[p * in_panel + i]);
                let origin = Register::new(simd, origin);
                let offset = Register::new(simd, offset);
                let mut squares = [Register::splat(simd, 0.0); 2];
                // Two share a division.
                let pairs = pole_pairs.iter().zip(weight_pairs).zip(place_pairs);
                for ((&[d, e], &[v, w]), &[place, other]) in pairs {
                    let d = (Register::splat(simd, d) - origin) - offset;
                    let e = (Register::splat(simd, e) - origin) - offset;
                    let inverse = one / (d * e);
                    let first = Register::splat(simd, v) * (e * inverse);
                    let second = Register::splat(simd, w) * (d * inverse);
                    squares[0] = first.mul_add(first, squares[0]);
                    squares[1] = second.mul_add(second, squares[1]);
                    panel[place * in_panel + i] = first.lanes;
                    panel[other * in_panel + i] = second.lanes;
                }
                for ((&d, &w), &place) in last_pole.iter().zip(last_weight).zip(last_place) {
                    let d = (Register::splat(simd, d) - origin) - offset;
                    let entry = Register::splat(simd, w) / d;
                    squares[0] = entry.mul_add(entry, squares[0]);
                    panel[place * in_panel + i] = entry.lanes;
                }
                *scale = (one / (squares[0] + squares[1]).sqrt()).lanes;
            }
        }
        Self { entries, scales }
    }
}

/// Vectors of columns that are multiplied at once.
const WIDTH: usize = 3;

/// Rows `target` of the basis ← coefficients · rows `source`, within some columns.
pub(super) struct Product<'a> {
    pub(super) basis: &'a mut Rows,
    pub(super) source: &'a [usize],
    pub(super) target: &'a [usize],
    pub(super) coefficients: &'a Coefficients,
    /// The place of the first source.
    pub(super) from: usize,
}

impl Product<'_> {
    /// Computes `columns`, whole vectors of them.
    #[inline(always)]
    pub(super) fn run<S: Simd>(mut self, simd: S, columns: Range<usize>) {
        let mut panel = Scratch::zeroed(self.source.len() * WIDTH * S::F64_LANES);
        let mut column = columns.start / S::F64_LANES;
        let end = columns.end / S::F64_LANES;
        while column < end {
            // Four as two and two.
            let width = match end - column {
                4 => 2,
                rest => rest.min(WIDTH),
            };
            match width {
                1 => self.strip::<S, 1>(simd, column, &mut panel),
                2 => self.strip::<S, 2>(simd, column, &mut panel),
                _ => self.strip::<S, 3>(simd, column, &mut panel),
            }
            column += width;
        }
    }

    /// V vectors of columns from vector `column` on, the sources copied to `panel`.
    #[inline(always)]
    fn strip<S: Simd, const V: usize>(&mut self, simd: S, column: usize, panel: &mut [f64]) {
        let panel = S::as_mut_simd_f64s(panel).0.as_chunks_mut::<V>().0;
        for (entries, &row) in panel.iter_mut().zip(self.source) {
            let row = S::as_simd_f64s(self.basis.row(row)).0;
            entries.copy_from_slice(&row[column..column + V]);
        }
        let panel = &panel[..self.source.len()];
        // Registers for eight rows only where there are 32 of them.
        if S::F64_LANES >= 8 {
            self.multiply::<S, 8, V>(simd, column, panel);
        } else {
            self.multiply::<S, 4, V>(simd, column, panel);
        }
    }

    /// R rows of the product at a time.
    #[inline(always)]
    fn multiply<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        column: usize,
        panel: &[[S::f64s; V]],
    ) {
        let Coefficients { entries, scales } = self.coefficients;
        let blocks = entries.chunks_exact(self.target.len() * LINE_F64S);
        for (p, block) in blocks.enumerate() {
            let block = &block.as_chunks::<LINE_F64S>().0[self.from..];
            for first in (0..LINE_F64S).step_by(R) {
                let mut sums = [[simd.splat_f64s(0.0); V]; R];
                for (entries, row) in block.iter().zip(panel) {
                    let Some(entries) = entries[first..].first_chunk::<R>() else {
                        return;
                    };
                    for (sum, &entry) in sums.iter_mut().zip(entries) {
                        let entry = simd.splat_f64s(entry);
                        for v in 0..V {
                            sum[v] = simd.mul_add_f64s(entry, row[v], sum[v]);
                        }
                    }
                }
                let number = p * LINE_F64S + first;
                let targets = self.target.iter().skip(number);
                for ((sum, &scale), &row) in sums.iter().zip(&scales[number..]).zip(targets) {
                    let scale = simd.splat_f64s(scale);
                    let row = S::as_mut_simd_f64s(self.basis.row_mut(row)).0;
                    let row = &mut row[column..column + V];
                    for (entry, &sum) in row.iter_mut().zip(sum) {
                        *entry = simd.mul_f64s(sum, scale);
                    }
                }
            }
        }
    }
}
