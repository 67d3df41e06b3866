//! The register tile that every kernel is made of.

use pulp::Simd;

use super::Lanes;

/// A tile: entry [n][r] is register r of row n.
pub(super) type Tile<V, const R: usize, const N: usize> = [[V; R]; N];

/// Factors of a tile: that of row n in step k is entry n·`apart` + k·`step`.
pub(super) struct Factors<'a, A> {
    pub(super) data: &'a [A],
    pub(super) apart: usize,
    pub(super) step: usize,
}

/// Σₖ fₖ vₖᵀ over `depth` steps: fₖ the N factors and vₖ the R registers of step
/// k, register r of which starts at entry k·`step` of `vectors[r]`.
///
/// The tile stays in registers for all steps; N·R multiply-adds need N + R loads.
/// `each` runs before step k.
#[inline(always)]
pub(super) fn tile<S: Simd, A: Lanes, const R: usize, const N: usize>(
    simd: S,
    depth: usize,
    vectors: [&[A]; R],
    step: usize,
    factors: Factors<'_, A>,
    each: impl Fn(usize),
) -> Tile<A::Vector<S>, R, N> {
    let zero = [[A::splat(simd, A::zeroed()); R]; N];
    add_to_tile(simd, zero, depth, vectors, step, factors, each)
}

/// [`tile`], added to what `acc` holds.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn add_to_tile<S: Simd, A: Lanes, const R: usize, const N: usize>(
    simd: S,
    mut acc: Tile<A::Vector<S>, R, N>,
    depth: usize,
    vectors: [&[A]; R],
    step: usize,
    factors: Factors<'_, A>,
    each: impl Fn(usize),
) -> Tile<A::Vector<S>, R, N> {
    let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
    let last = depth.saturating_sub(1);
    for vector in vectors {
        assert!(last * step + lanes <= vector.len());
    }
    assert!(last * factors.step + (N - 1) * factors.apart < factors.data.len());
    let vectors = vectors.map(<[A]>::as_ptr);
    let data = factors.data.as_ptr();
    for k in 0..depth {
        each(k);
        let mut registers = [A::splat(simd, A::zeroed()); R];
        for (register, vector) in registers.iter_mut().zip(vectors) {
            // SAFETY: the register lies in its slice, as was asserted for the last
            // step; vectors are plain numbers.
            *register = unsafe { vector.add(k * step).cast::<A::Vector<S>>().read_unaligned() };
        }
        for (n, row) in acc.iter_mut().enumerate() {
            // SAFETY: the entry lies in the slice, as was asserted for the last
            // step and the last row.
            let factor = unsafe { *data.add(k * factors.step + n * factors.apart) };
            let factor = A::splat(simd, factor);
            for (sum, register) in row.iter_mut().zip(registers) {
                *sum = A::mul_add(simd, register, factor, *sum);
            }
        }
    }
    acc
}
