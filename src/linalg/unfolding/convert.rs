//! The conversion of the entries of a tensor to the scalar of the products.

use crate::scalar::{Scalar, power_of_two};
use crate::simd::Transpose;

/// A conversion of entries of the scalar `T`.
pub(super) trait Convert<T>: Copy + Sync {
    /// The scalar of the converted entries.
    type Product: Transpose + Send + Sync;

    /// One converted entry.
    fn convert(self, entry: T) -> Self::Product;

    /// `entries` themselves if the conversion changes nothing, so that no copy is needed.
    fn unchanged(self, entries: &[T]) -> Option<&[Self::Product]>;
}

/// No conversion.
#[derive(Clone, Copy)]
pub(super) struct Unchanged;

impl<T: Scalar> Convert<T> for Unchanged {
    type Product = T;

    #[inline(always)]
    fn convert(self, entry: T) -> T {
        entry
    }

    fn unchanged(self, entries: &[T]) -> Option<&[T]> {
        Some(entries)
    }
}

/// Conversion to `f64`.
#[derive(Clone, Copy)]
pub(super) struct ToDouble;

impl<T: Scalar> Convert<T> for ToDouble {
    type Product = f64;

    #[inline(always)]
    fn convert(self, entry: T) -> f64 {
        entry.as_f64()
    }

    fn unchanged(self, _: &[T]) -> Option<&[f64]> {
        None
    }
}

/// Conversion to `f64` and multiplication by 2⁻ᵉ.
#[derive(Clone, Copy)]
pub(super) struct ScaledToDouble {
    /// The two factors of 2⁻ᵉ.
    factors: [f64; 2],
}

impl ScaledToDouble {
    /// Multiplication by 2⁻ᵉ for the given e.
    pub(super) fn by_exponent(exponent: i32) -> Self {
        Self {
            factors: power_of_two(-exponent),
        }
    }
}

impl<T: Scalar> Convert<T> for ScaledToDouble {
    type Product = f64;

    #[inline(always)]
    fn convert(self, entry: T) -> f64 {
        let [first, second] = self.factors;
        entry.as_f64() * first * second
    }

    fn unchanged(self, _: &[T]) -> Option<&[f64]> {
        None
    }
}

/// Writes the converted entries of `pieces`, one piece after the other, to the start of `to`.
#[inline(always)]
pub(super) fn convert_pieces<'a, T: Scalar, C: Convert<T>>(
    pieces: impl Iterator<Item = &'a [T]>,
    to: &mut [C::Product],
    conversion: C,
) {
    let mut rest = to;
    for piece in pieces {
        let (to, others) = rest.split_at_mut(piece.len());
        for (to, &from) in to.iter_mut().zip(piece) {
            *to = conversion.convert(from);
        }
        rest = others;
    }
}
