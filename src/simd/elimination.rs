//! Elimination of pivot rows from a panel, as in Gaussian elimination.
//!
//! Row p of a panel holds entry p of all its vectors. For the pivot rows p₀, p₁, … and the columns
//! ℓ₀, ℓ₁, … of a unit lower triangular matrix, in the order of the pivots:
//!
//! ```text
//! for j = 0, 1, …:
//!     row i ← row i − ℓⱼ[i]·(row pⱼ)     for each row i except p₀, …, pⱼ
//! ```
//!
//! A pivot row changes until its own turn. So the pivot rows come first, and then each tile of the
//! panel subtracts all multiples of them while it stays in registers.

use pulp::{Simd, WithSimd};

use super::tile::{Factors, Walk};
use super::{Panel, Scratch, Transpose, arch, lanes, line_entries};

/// Pivot rows p₀, p₁, …, and the multiples of them that other rows lose.
pub(crate) struct Elimination<A> {
    pivots: Vec<usize>,
    /// −ℓ₀, −ℓ₁, …, each padded with zeros to whole lines. Entry i of −ℓⱼ is zero for the pivots
    /// i = p₀, …, pⱼ.
    negated: Scratch<A>,
    /// Entries from one column to the next.
    stride: usize,
}

impl<A: Transpose> Elimination<A> {
    /// An elimination without pivots, for vectors of `order` entries.
    pub(crate) fn new(order: usize) -> Self {
        Self {
            pivots: Vec::new(),
            negated: Scratch::zeroed(0),
            stride: order.next_multiple_of(line_entries::<A>()),
        }
    }

    /// Adds a pivot. `negated(i)` is −ℓ[i]. It is not called for the pivots so far.
    pub(crate) fn push(&mut self, pivot: usize, order: usize, negated: impl Fn(usize) -> A) {
        self.pivots.push(pivot);
        for i in 0..self.stride {
            let is_zero = i >= order || self.pivots.contains(&i);
            self.negated
                .push(if is_zero { A::zero() } else { negated(i) });
        }
    }

    /// The pivots, in their order.
    pub(crate) fn pivots(&self) -> &[usize] {
        &self.pivots
    }

    /// −ℓⱼ.
    pub(crate) fn negated(&self, j: usize) -> &[A] {
        &self.negated[j * self.stride..(j + 1) * self.stride]
    }
}

impl<A: Transpose> Panel<A> {
    /// Subtracts the multiples of the pivot rows from all rows.
    pub(crate) fn eliminate(&mut self, elimination: &Elimination<A>) {
        if elimination.pivots.is_empty() || self.depth() == 0 {
            return;
        }
        arch().dispatch(Eliminate {
            panel: self,
            elimination,
        });
    }
}

/// [`Panel::eliminate`] for an instruction set.
struct Eliminate<'a, A> {
    panel: &'a mut Panel<A>,
    elimination: &'a Elimination<A>,
}

/// The pivot rows, each padded with zeros to whole lines.
struct PivotRows<A> {
    entries: Scratch<A>,
    stride: usize,
}

impl<A: Transpose> WithSimd for Eliminate<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rows = self.pivot_rows(simd);
        // Three registers by eight or four vectors fill the registers.
        if S::REGISTER_COUNT >= 32 {
            self.all_tiles::<S, 8>(simd, &rows);
        } else {
            self.all_tiles::<S, 4>(simd, &rows);
        }
    }
}

impl<A: Transpose> Eliminate<'_, A> {
    /// The pivot rows after the elimination of the pivots before them.
    #[inline(always)]
    fn pivot_rows<S: Simd>(&self, simd: S) -> PivotRows<A> {
        let depth = self.panel.depth();
        let stride = depth.next_multiple_of(line_entries::<A>());
        let pivots = self.elimination.pivots();
        let mut entries = Scratch::<A>::zeroed(pivots.len() * stride);
        for (j, &pivot) in pivots.iter().enumerate() {
            let (before, row) = entries.split_at_mut(j * stride);
            let row = &mut row[..stride];
            self.panel.copy_row(pivot, row);
            for (i, before) in before.chunks_exact(stride).enumerate() {
                let factor = A::splat(simd, self.elimination.negated(i)[pivot]);
                let before = A::registers::<S>(before).0;
                for (to, &from) in A::registers_mut::<S>(row).0.iter_mut().zip(before) {
                    *to = A::mul_add(simd, from, factor, *to);
                }
            }
        }
        PivotRows { entries, stride }
    }

    /// Subtracts from all tiles of N vectors, and from the vectors after the last whole tile.
    #[inline(always)]
    fn all_tiles<S: Simd, const N: usize>(&mut self, simd: S, rows: &PivotRows<A>) {
        let lanes = lanes::<S, A>();
        let registers = self.elimination.stride / lanes;
        let groups = registers.div_ceil(3);
        for group in 0..groups {
            let from = group * registers / groups;
            let count = (group + 1) * registers / groups - from;
            match count {
                1 => self.tiles::<S, 1, N>(simd, rows, from * lanes),
                2 => self.tiles::<S, 2, N>(simd, rows, from * lanes),
                _ => self.tiles::<S, 3, N>(simd, rows, from * lanes),
            }
        }
    }

    /// Subtracts from R registers of rows, from row `i` on.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: &PivotRows<A>,
        i: usize,
    ) {
        let depth = self.panel.depth();
        let whole = depth / N * N;
        for k in (0..whole).step_by(N) {
            self.tile::<S, R, N>(simd, rows, [i, k]);
        }
        for k in whole..depth {
            self.tile::<S, R, 1>(simd, rows, [i, k]);
        }
    }

    /// Subtracts from R registers of rows, from row `i` on, in N vectors, from vector `k` on.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: &PivotRows<A>,
        [i, k]: [usize; 2],
    ) {
        let (lanes, line) = (lanes::<S, A>(), line_entries::<A>());
        let row = |r: usize| i + r * lanes;
        let stride = self.panel.sliver_stride();
        let position = |n: usize, r: usize| row(r) / line * stride + (k + n) * line + row(r) % line;
        let data = self.panel.data_mut();
        let mut tile = [[A::splat(simd, A::zero()); R]; N];
        for (n, sums) in tile.iter_mut().enumerate() {
            for (r, sum) in sums.iter_mut().enumerate() {
                *sum = A::registers::<S>(&data[position(n, r)..][..lanes]).0[0];
            }
        }
        let elimination = self.elimination;
        let walk = Walk {
            depth: elimination.pivots.len(),
            registers: std::array::from_fn(|r| &elimination.negated[row(r)..]),
            step: elimination.stride,
            factors: Factors {
                data: &rows.entries[k..],
                apart: 1,
                step: rows.stride,
            },
        };
        let tile = walk.add_to::<S, N, 1>(simd, tile, |_| {});
        for (n, sums) in tile.iter().enumerate() {
            for (r, &sum) in sums.iter().enumerate() {
                A::registers_mut::<S>(&mut data[position(n, r)..][..lanes]).0[0] = sum;
            }
        }
    }
}
