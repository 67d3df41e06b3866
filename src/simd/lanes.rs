//! The few register operations that the kernels need.

use bytemuck::Pod;
use pulp::Simd;

/// A scalar that `pulp` has registers for: `f32` or `f64`.
pub trait Lanes: Pod + num_traits::Zero {
    /// A register of this scalar.
    type Register<S: Simd>: Pod;

    /// The same value as an `f64`, exactly.
    fn widen(self) -> f64;

    /// A register with `value` in every lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Register<S>;

    /// a·b + c, rounded once.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;

    /// The sum of the lanes, as an `f64`.
    fn sum<S: Simd>(simd: S, a: Self::Register<S>) -> f64;

    /// The slice as whole registers, and the entries after the last whole register.
    fn registers<S: Simd>(slice: &[Self]) -> (&[Self::Register<S>], &[Self]);

    /// Like [`Lanes::registers`], mutable.
    fn registers_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Register<S>], &mut [Self]);
}

macro_rules! lanes {
    ($scalar:ty, $register:ident, $splat:ident, $mul_add:ident, $sum:ident, $split:ident, $split_mut:ident) => {
        impl Lanes for $scalar {
            type Register<S: Simd> = S::$register;

            #[inline(always)]
            fn widen(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$register {
                simd.$splat(value)
            }

            #[inline(always)]
            fn mul_add<S: Simd>(
                simd: S,
                a: S::$register,
                b: S::$register,
                c: S::$register,
            ) -> S::$register {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$register) -> f64 {
                f64::from(simd.$sum(a))
            }

            #[inline(always)]
            fn registers<S: Simd>(slice: &[Self]) -> (&[S::$register], &[Self]) {
                S::$split(slice)
            }

            #[inline(always)]
            fn registers_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$register], &mut [Self]) {
                S::$split_mut(slice)
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    splat_f32s,
    mul_add_f32s,
    reduce_sum_f32s,
    as_simd_f32s,
    as_mut_simd_f32s
);
lanes!(
    f64,
    f64s,
    splat_f64s,
    mul_add_f64s,
    reduce_sum_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
