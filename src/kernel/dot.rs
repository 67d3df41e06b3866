//! Products of a panel's rows with each other, for rows that lie contiguous.

use pulp::{Arch, Simd, WithSimd};

use super::Lanes;

/// G ← G + P Pᵀ in the lower triangle, for the row-major panel P of rows of
/// `width` entries.
///
/// `g` is column-major, square, of the order of the number of rows. `width` is
/// a whole number of cache lines, the panel padded with zeros.
///
/// Products accumulate in registers along a row, one partial sum for each lane,
/// and are added to `g` in `f64`. Half of the flops of the full product; a tile
/// of 5×5 rows loads 10 vectors for 25 multiply-adds (3×3 with 16 registers).
pub(crate) fn add_row_products<A: Lanes>(panel: &[A], width: usize, g: &mut [f64]) {
    if panel.is_empty() {
        return;
    }
    Arch::new().dispatch(RowProducts {
        panel,
        width,
        rows: panel.len() / width,
        g,
    });
}

struct RowProducts<'a, A> {
    panel: &'a [A],
    width: usize,
    rows: usize,
    g: &'a mut [f64],
}

impl<A: Lanes> WithSimd for RowProducts<'_, A> {
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

impl<A: Lanes> RowProducts<'_, A> {
    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(self, simd: S) {
        let Self {
            panel,
            width,
            rows,
            g,
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
                let sums = tile_products::<S, A, N>(simd, tile_rows(i), right);
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
) -> [[f64; N]; N] {
    let depth = left[0].len();
    let left = left.map(|row| &row[..depth]);
    let right = right.map(|row| &row[..depth]);
    let mut acc = [[A::splat(simd, A::zeroed()); N]; N];
    for k in 0..depth {
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
