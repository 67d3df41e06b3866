//! Transposition of rows into lines: line k holds entry k of each row.
//!
//! A sliver of a panel holds the entries of one vector side by side. If memory holds the
//! same entry of all vectors side by side, packing transposes the entries:
//!
//! ```text
//!   row 0   a₀ a₁ a₂ …             line 0   a₀ b₀ c₀ …
//!   row 1   b₀ b₁ b₂ …       →     line 1   a₁ b₁ c₁ …
//!   row 2   c₀ c₁ c₂ …             line 2   a₂ b₂ c₂ …
//! ```
//!
//! With AVX-512, square blocks as wide as a line are transposed in registers. First, pairs of rows
//! are interleaved within the 128-bit quarters of a register, so that each quarter holds entries of
//! the same column. Then two rounds of shuffles move whole quarters.

#[cfg(target_arch = "x86_64")]
use pulp::Arch;
#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;

use super::{Lanes, arch, line_entries};

/// A scalar that has a transposition of square blocks in registers.
pub trait Transpose: Lanes {
    /// Transposes a square block: [`line_entries`] rows that are `stride` entries apart, into
    /// as many lines that lie one after the other.
    #[cfg(target_arch = "x86_64")]
    fn transpose_block(simd: V4, rows: &[Self], stride: usize, lines: &mut [Self]);
}

/// Transposes [`line_entries`] rows of `depth` entries, `stride` entries apart, to `depth` lines.
pub(super) fn transpose_rows<A: Transpose>(
    rows: &[A],
    stride: usize,
    depth: usize,
    lines: &mut [A],
) {
    let width = line_entries::<A>();
    // 1. Square blocks in registers.
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if let Arch::V4(simd) = arch() {
        done = depth / width * width;
        simd.vectorize(
            #[inline(always)]
            || {
                let blocks = lines.chunks_exact_mut(width * width);
                for (start, block) in (0..done).step_by(width).zip(blocks) {
                    A::transpose_block(simd, &rows[start..], stride, block);
                }
            },
        );
    }
    // 2. The other lines, entry by entry.
    let rest = lines.chunks_exact_mut(width).enumerate().take(depth);
    for (k, line) in rest.skip(done) {
        for (r, entry) in line.iter_mut().enumerate() {
            *entry = rows[r * stride + k];
        }
    }
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m512, __m512d};

/// Shuffle: quarters 0 and 2 of each of two registers.
#[cfg(target_arch = "x86_64")]
const EVEN: i32 = 0b10_00_10_00;
/// Shuffle: quarters 1 and 3 of each of two registers.
#[cfg(target_arch = "x86_64")]
const ODD: i32 = 0b11_01_11_01;

impl Transpose for f64 {
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn transpose_block(simd: V4, rows: &[Self], stride: usize, lines: &mut [Self]) {
        let avx = simd.avx512f;
        let row = |r: usize| -> __m512d {
            bytemuck::pod_read_unaligned(bytemuck::cast_slice(&rows[r * stride..][..8]))
        };
        // 1. Interleave pairs of rows: quarter q of even[p] holds column 2q of rows 2p and
        //    2p + 1, and of odd[p] column 2q + 1.
        let mut even = [avx._mm512_setzero_pd(); 4];
        let mut odd = even;
        for pair in 0..4 {
            let (first, second) = (row(2 * pair), row(2 * pair + 1));
            even[pair] = avx._mm512_unpacklo_pd(first, second);
            odd[pair] = avx._mm512_unpackhi_pd(first, second);
        }
        // 2. Move quarters: each line collects its quarter of the four pairs.
        let (lines, _) = lines.as_chunks_mut::<8>();
        for (parity, pairs) in [even, odd].into_iter().enumerate() {
            let [a, b, c, d] = pairs;
            let low = [
                avx._mm512_shuffle_f64x2::<EVEN>(a, b),
                avx._mm512_shuffle_f64x2::<EVEN>(c, d),
            ];
            let high = [
                avx._mm512_shuffle_f64x2::<ODD>(a, b),
                avx._mm512_shuffle_f64x2::<ODD>(c, d),
            ];
            for (k, [first, second]) in [(0, low), (2, high)] {
                let near = avx._mm512_shuffle_f64x2::<EVEN>(first, second);
                let far = avx._mm512_shuffle_f64x2::<ODD>(first, second);
                lines[k + parity] = bytemuck::cast(near);
                lines[k + parity + 4] = bytemuck::cast(far);
            }
        }
    }
}

impl Transpose for f32 {
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn transpose_block(simd: V4, rows: &[Self], stride: usize, lines: &mut [Self]) {
        let avx = simd.avx512f;
        let row = |r: usize| -> __m512 {
            bytemuck::pod_read_unaligned(bytemuck::cast_slice(&rows[r * stride..][..16]))
        };
        // 1. Interleave groups of four rows: quarter q of groups[m][g] holds column 4q + m of
        //    the four rows of group g.
        let mut groups = [[avx._mm512_setzero_ps(); 4]; 4];
        for g in (0..16).step_by(4) {
            let (a, b, c, d) = (row(g), row(g + 1), row(g + 2), row(g + 3));
            let pairs = [
                (avx._mm512_unpacklo_ps(a, b), avx._mm512_unpacklo_ps(c, d)),
                (avx._mm512_unpackhi_ps(a, b), avx._mm512_unpackhi_ps(c, d)),
            ];
            for (half, (ab, cd)) in pairs.into_iter().enumerate() {
                let (ab, cd) = (avx._mm512_castps_pd(ab), avx._mm512_castps_pd(cd));
                groups[2 * half][g / 4] = avx._mm512_castpd_ps(avx._mm512_unpacklo_pd(ab, cd));
                groups[2 * half + 1][g / 4] = avx._mm512_castpd_ps(avx._mm512_unpackhi_pd(ab, cd));
            }
        }
        // 2. Move quarters: each line collects its quarter of the four groups.
        let (lines, _) = lines.as_chunks_mut::<16>();
        for (m, [a, b, c, d]) in groups.into_iter().enumerate() {
            let low = [
                avx._mm512_shuffle_f32x4::<EVEN>(a, b),
                avx._mm512_shuffle_f32x4::<EVEN>(c, d),
            ];
            let high = [
                avx._mm512_shuffle_f32x4::<ODD>(a, b),
                avx._mm512_shuffle_f32x4::<ODD>(c, d),
            ];
            for (k, [first, second]) in [(0, low), (4, high)] {
                let near = avx._mm512_shuffle_f32x4::<EVEN>(first, second);
                let far = avx._mm512_shuffle_f32x4::<ODD>(first, second);
                lines[k + m] = bytemuck::cast(near);
                lines[k + m + 8] = bytemuck::cast(far);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transposes<A: Transpose + PartialEq + std::fmt::Debug>(entry: impl Fn(usize) -> A) {
        let width = line_entries::<A>();
        for (depth, gap) in [
            (0, 1),
            (1, 0),
            (width - 1, 2),
            (width, 0),
            (3 * width + 5, 3),
        ] {
            let stride = depth + gap;
            let rows: Vec<A> = (0..width * stride).map(&entry).collect();
            let mut lines = vec![entry(0); width * depth];
            transpose_rows(&rows, stride, depth, &mut lines);
            for (at, &value) in lines.iter().enumerate() {
                assert_eq!(
                    value,
                    rows[at % width * stride + at / width],
                    "depth {depth}"
                );
            }
        }
    }

    #[test]
    fn lines_hold_one_entry_of_each_row() {
        transposes(|i| i as f64);
        transposes(|i| i as f32);
    }
}
