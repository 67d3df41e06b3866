//! The scalars a tensor can hold: `f32` and `f64`.

use std::fmt::{Debug, Display, LowerExp};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A real scalar: `f32` or `f64`. Sealed.
///
/// Small dense problems (Gram matrices, triangular factors and their
/// decompositions) are always solved in `f64`, whatever the tensor holds, so
/// a scalar converts both ways.
///
/// ```
/// use tenfold::Scalar;
/// assert_eq!(f32::from_f64(0.5), 0.5f32);
/// assert_eq!(<f64 as Scalar>::NAME, "f64");
/// ```
pub trait Scalar:
    sealed::Sealed
    + num_traits::Float
    + num_traits::NumAssign
    + faer::traits::RealField
    + bytemuck::Pod
    + crate::simd::Transpose
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + 'static
{
    /// The type's Rust name.
    const NAME: &'static str;
    /// The spacing of numbers just above one, as an `f64`.
    const EPSILON: f64;

    /// The nearest scalar to `value`.
    fn from_f64(value: f64) -> Self;

    /// The same value as an `f64`, exactly.
    fn as_f64(self) -> f64;
}

impl Scalar for f32 {
    const NAME: &'static str = "f32";
    const EPSILON: f64 = f32::EPSILON as f64;

    fn from_f64(value: f64) -> Self {
        value as f32
    }

    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    const NAME: &'static str = "f64";
    const EPSILON: f64 = f64::EPSILON;

    fn from_f64(value: f64) -> Self {
        value
    }

    fn as_f64(self) -> f64 {
        self
    }
}

/// Whether products in `T` round more than products in `f64`.
pub(crate) fn is_single<T: Scalar>() -> bool {
    T::EPSILON > f64::EPSILON
}

/// The exponent e for which `largest`·2⁻ᵉ lies in [1, 2), up to rounding; 0 for
/// zero and for what is not finite.
pub(crate) fn binary_exponent(largest: f64) -> i32 {
    if largest > 0.0 && largest.is_finite() {
        largest.log2().floor() as i32
    } else {
        0
    }
}

/// `value`·2^`exponent`, in two steps so that the power itself cannot overflow.
pub(crate) fn scale(value: f64, exponent: i32) -> f64 {
    let [first, second] = power_of_two(exponent);
    value * first * second
}

/// 2^`exponent` as two factors, so that neither overflows.
pub(crate) fn power_of_two(exponent: i32) -> [f64; 2] {
    let half = exponent / 2;
    [2f64.powi(half), 2f64.powi(exponent - half)]
}
