//! Products of a panel's rows with each other, for rows that lie contiguous.

use pulp::{Arch, Simd, WithSimd};

use super::Lanes;
use super::prefetch::prefetch_line;

/// G ← G + P Pᵀ in the lower triangle, for the row-major panel P of rows of
/// `width` entries.
///
/// `g` is column-major, square, of the order of the number of rows. `width` is
/// a whole number of cache lines, the panel padded with zeros.
///
/// `ahead` gives the memory that is read next, some [`AHEAD_BYTES`] at a time: it
/// is brought into cache meanwhile.
///
/// Products accumulate in registers along a row, one partial sum for each lane,
/// and are added to `g` in `f64`. Half of the flops of the full product; a tile
/// of 5×5 rows loads 10 vectors for 25 multiply-adds (3×3 with 16 registers).
pub(crate) fn add_row_products<'a, A: Lanes>(
    panel: &[A],
    width: usize,
    g: &mut [f64],
    ahead: impl Iterator<Item = &'a [u8]>,
) {
    if panel.is_empty() {
        return;
    }
    Arch::new().dispatch(RowProducts {
        panel,
        width,
        rows: panel.len() / width,
        g,
        ahead,
    });
}

/// Bytes that are asked for during one tile, at most.
pub(crate) const AHEAD_BYTES: usize = 1024;

/// Steps along the rows between two lines that are asked for.
const STEPS_PER_LINE: usize = 4;

struct RowProducts<'a, A, I> {
    panel: &'a [A],
    width: usize,
    rows: usize,
    g: &'a mut [f64],
    ahead: I,
}

impl<'b, A: Lanes, I: Iterator<Item = &'b [u8]>> WithSimd for RowProducts<'_, A, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 5>(simd);
        } else {
            self.tiles::<S, 3>(simd);
        }
    }
}

impl<'b, A: Lanes, I: Iterator<Item = &'b [u8]>> RowProducts<'_, A, I> {
    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(self, simd: S) {
        let Self {
            panel,
            width,
            rows,
            g,
            mut ahead,
        } = self;
        // Rows past the end repeat the last; what they give is not stored.
        let tile_rows = |start: usize| -> [&[A::Vector<S>]; N] {
            let mut tile: [&[A::Vector<S>]; N] = [&[]; N];
            for (offset, row) in tile.iter_mut().enumerate() {
                let index = (start + offset).min(rows - 1);
                *row = A::vectors::<S>(&panel[index * width..(index + 1) * width]).0;
            }
            tile
        };
        for j in (0..rows).step_by(N) {
            let right = tile_rows(j);
            for i in (j..rows).step_by(N) {
                let next = ahead.next().unwrap_or_default();
                let sums = tile_products::<S, A, N>(simd, tile_rows(i), right, next);
                for (b, sums) in sums.iter().enumerate().take(rows - j) {
                    let column = &mut g[(j + b) * rows..(j + b + 1) * rows];
                    for (entry, sum) in column[i..].iter_mut().zip(sums) {
                        *entry += sum;
                    }
                }
            }
        }
    }
}

/// The inner products of N rows with N others: entry [b][a] is ⟨leftₐ, right_b⟩.
#[inline(always)]
fn tile_products<S: Simd, A: Lanes, const N: usize>(
    simd: S,
    left: [&[A::Vector<S>]; N],
    right: [&[A::Vector<S>]; N],
    ahead: &[u8],
) -> [[f64; N]; N] {
    let depth = left[0].len();
    let left = left.map(|row| &row[..depth]);
    let right = right.map(|row| &row[..depth]);
    let mut acc = [[A::splat(simd, A::zeroed()); N]; N];
    for k in 0..depth {
        if k % STEPS_PER_LINE == 0 {
            prefetch_line(ahead, k / STEPS_PER_LINE);
        }
        let mut l = [A::splat(simd, A::zeroed()); N];
        for a in 0..N {
            l[a] = left[a][k];
        }
        for b in 0..N {
            let r = right[b][k];
            for a in 0..N {
                acc[b][a] = A::mul_add(simd, l[a], r, acc[b][a]);
            }
        }
    }
    let mut sums = [[0.0; N]; N];
    for b in 0..N {
        for a in 0..N {
            sums[b][a] = A::sum(simd, acc[b][a]);
        }
    }
    sums
}
