//! The register tile: the innermost loop of the matrix kernels.
//!
//! A tile is a block of the result, N rows by R registers. It stays in registers while the
//! products of its entries are summed:
//!
//! ```text
//! for k in 0..depth:
//!     load the R registers v₀, v₁, … of step k
//!     for n in 0..N:
//!         copy factor fₙ of step k to all lanes of a register
//!         tₙᵣ ← tₙᵣ + fₙ·vᵣ   for each r
//! ```
//!
//! N·R multiply-adds need N + R loads, so a large tile computes faster than memory delivers.
//! With 32 registers (AVX-512) a tile has up to 24 registers of sums, with 16 (AVX2) up to 12.

use pulp::Simd;

use super::{Lanes, lanes};

/// A tile: entry [n][r] is register r of row n.
pub(super) type Tile<V, const R: usize, const N: usize> = [[V; R]; N];

/// The operands of a tile, for `depth` steps.
pub(super) struct Walk<'a, A, const R: usize> {
    /// The number of products that each entry of the tile sums.
    pub(super) depth: usize,
    /// Register r of step k starts at entry k·`step` of `registers[r]`.
    pub(super) registers: [&'a [A]; R],
    pub(super) step: usize,
    pub(super) factors: Factors<'a, A>,
}

/// The factors of a tile: the factor of row n in step k is entry n·`apart` + k·`step` of `data`.
pub(super) struct Factors<'a, A> {
    pub(super) data: &'a [A],
    pub(super) apart: usize,
    pub(super) step: usize,
}

impl<A: Lanes, const R: usize> Walk<'_, A, R> {
    /// Σₖ fₖ vₖᵀ, with fₖ the N factors and vₖ the R registers of step k. Calls `before(k)`
    /// before step k = 0, EVERY, 2·EVERY, ….
    #[inline(always)]
    pub(super) fn sum<S: Simd, const N: usize, const EVERY: usize>(
        self,
        simd: S,
        before: impl Fn(usize),
    ) -> Tile<A::Register<S>, R, N> {
        let zero = [[A::splat(simd, A::zero()); R]; N];
        self.add_to::<S, N, EVERY>(simd, zero, before)
    }

    /// `tile` + [`Walk::sum`].
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(super) fn add_to<S: Simd, const N: usize, const EVERY: usize>(
        self,
        simd: S,
        mut tile: Tile<A::Register<S>, R, N>,
        before: impl Fn(usize),
    ) -> Tile<A::Register<S>, R, N> {
        // 1. Check the bounds of the last step. They imply the bounds of all steps.
        let (depth, factors) = (self.depth, &self.factors);
        let last = depth.saturating_sub(1);
        for entries in self.registers {
            assert!(last * self.step + lanes::<S, A>() <= entries.len());
        }
        assert!(last * factors.step + (N - 1) * factors.apart < factors.data.len());
        // 2. Run all steps. The compiler unrolls the steps between two calls of `before`, so that
        //    the sums stay in the same registers.
        let starts = Starts {
            registers: self.registers.map(<[A]>::as_ptr),
            step: self.step,
            factors: factors.data.as_ptr(),
            factors_step: factors.step,
            apart: factors.apart,
        };
        let whole = depth / EVERY * EVERY;
        for start in (0..whole).step_by(EVERY) {
            before(start);
            for k in start..start + EVERY {
                // SAFETY: the bounds of all steps are checked.
                unsafe { starts.add(simd, &mut tile, k) };
            }
        }
        if whole < depth {
            before(whole);
        }
        for k in whole..depth {
            // SAFETY: the bounds of all steps are checked.
            unsafe { starts.add(simd, &mut tile, k) };
        }
        tile
    }
}

/// A [`Walk`] as pointers to its first step.
#[derive(Clone, Copy)]
struct Starts<A, const R: usize> {
    registers: [*const A; R],
    step: usize,
    factors: *const A,
    factors_step: usize,
    apart: usize,
}

impl<A: Lanes, const R: usize> Starts<A, R> {
    /// Adds the products of step k. Must be inlined: a function of its own would not be compiled
    /// for the instruction set of the caller.
    ///
    /// # Safety
    /// The registers and the factors of step k lie in the slices of the walk.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn add<S: Simd, const N: usize>(
        self,
        simd: S,
        tile: &mut Tile<A::Register<S>, R, N>,
        k: usize,
    ) {
        let mut registers = [A::splat(simd, A::zero()); R];
        for (register, start) in registers.iter_mut().zip(self.registers) {
            // SAFETY: the register lies in its slice, and any bytes make a register of plain
            // numbers.
            *register = unsafe {
                start
                    .add(k * self.step)
                    .cast::<A::Register<S>>()
                    .read_unaligned()
            };
        }
        for (n, row) in tile.iter_mut().enumerate() {
            // SAFETY: the entry lies in the slice.
            let factor = unsafe { *self.factors.add(k * self.factors_step + n * self.apart) };
            let factor = A::splat(simd, factor);
            for (sum, register) in row.iter_mut().zip(registers) {
                *sum = A::mul_add(simd, register, factor, *sum);
            }
        }
    }
}
