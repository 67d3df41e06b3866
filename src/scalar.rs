//! The scalars of a tensor: `f32` and `f64`.

use std::fmt::{Debug, Display, LowerExp};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A real scalar: `f32` or `f64`. No other type can implement this trait.
///
/// Scalars convert from and to `f64`, because small dense problems (Gram matrices, triangular
/// factors and their decompositions) are always solved in `f64`.
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
    /// The name of the type: "f32" or "f64".
    const NAME: &'static str;
    /// The distance from 1 to the next larger number.
    const EPSILON: f64;

    /// `value`, rounded to the nearest scalar.
    fn from_f64(value: f64) -> Self;

    /// The exact value as an `f64`.
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

/// Whether `T` is `f32`, which has a larger rounding error than `f64`.
pub(crate) fn is_single<T: Scalar>() -> bool {
    T::EPSILON > f64::EPSILON
}

/// The exponent e with 1 ≤ `largest`·2⁻ᵉ < 2, up to rounding; 0 if `largest` is 0 or not
/// finite.
pub(crate) fn binary_exponent(largest: f64) -> i32 {
    if largest > 0.0 && largest.is_finite() {
        largest.log2().floor() as i32
    } else {
        0
    }
}

/// `value`·2^`exponent`. The power of two is split into two factors, so that it does not overflow.
pub(crate) fn scale(value: f64, exponent: i32) -> f64 {
    let [first, second] = power_of_two(exponent);
    value * first * second
}

/// Two factors with the product 2^`exponent`. Neither overflows.
pub(crate) fn power_of_two(exponent: i32) -> [f64; 2] {
    let half = exponent / 2;
    [2f64.powi(half), 2f64.powi(exponent - half)]
}
