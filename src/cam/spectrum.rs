//! From a feature map to the singular values σᵢ of its channel mode and the
//! projected maps Σ_c vᵢ[c]·F[c], by the decomposition that is asked for.

use super::projection::{Projection, Request};
use super::svd::svd;
use super::tucker::tucker;
use crate::error::Result;
use crate::linalg::{square_roots, subtract_mean};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::simd::Scratch;
use crate::tensor::{TensorRef, largest_magnitude};

/// The singular values σ₁ ≥ σ₂ ≥ … of `x`, C×(any trailing shape), up to a common
/// factor that is a power of two: all of them; if only the first vector is asked
/// for, σ₁, and σ₂ where it exceeds [`DEGENERATE_RATIO`](super::svd::DEGENERATE_RATIO)·σ₁.
/// Calls `visit` with the projected map of each vector asked for, in order.
///
/// A zero feature map, or one that centring makes zero, gives σ₁ = 0 and no
/// projected map.
pub(super) fn spectrum<T: Scalar>(
    x: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    if request.ranks.is_some() {
        let prepared = prepared(x, request.centring)?;
        return tucker(TensorRef::new(x.shape(), &prepared)?, request, visit);
    }
    // 1. From the features as they are.
    if let Some(values) = svd(x, request, visit)? {
        return Ok(values);
    }
    // 2. From a copy, scaled and centred.
    let prepared = prepared(x, request.centring)?;
    let as_they_are = Request {
        centring: false,
        ..request
    };
    let values = svd(TensorRef::new(x.shape(), &prepared)?, as_they_are, visit)?;
    Ok(values.unwrap_or_else(|| square_roots(&[0.0])))
}

/// `x`·2⁻ᵉ with its largest entry between 1 and 2, and centred if asked.
fn prepared<T: Scalar>(x: TensorRef<'_, T>, centring: bool) -> Result<Scratch<f64>> {
    let exponent = binary_exponent(largest_magnitude(x)?);
    let entries = x.data().iter().map(|entry| entry.as_f64());
    let mut prepared: Scratch<f64> = if exponent == 0 {
        entries.collect()
    } else {
        entries.map(|entry| scale(entry, -exponent)).collect()
    };
    if centring {
        let positions = x.data().len() / x.shape()[0];
        prepared.chunks_mut(positions).for_each(subtract_mean);
    }
    Ok(prepared)
}
