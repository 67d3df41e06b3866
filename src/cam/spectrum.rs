//! The singular values σᵢ of the channel mode of a feature map, and its projected maps
//! Σ_c vᵢ\[c\]·F\[c\], from the requested decomposition.

use super::projection::{Projection, Request};
use super::svd::svd;
use super::tucker::tucker;
use crate::error::Result;
use crate::linalg::{square_roots, subtract_mean};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::simd::Scratch;
use crate::tensor::{TensorRef, largest_magnitude};

/// Calls `visit` with the projected map of each requested vector of `x`, C×(any trailing shape),
/// in order. Returns singular values, multiplied by a common power of two:
///
/// - if all vectors are requested, σ₁ ≥ σ₂ ≥ …;
/// - if the first vector is requested, σ₁, and also σ₂ if σ₂ is above
///   [`DEGENERATE_RATIO`](super::svd::DEGENERATE_RATIO)·σ₁.
///
/// If `x` is zero, or zero after centring, σ₁ is 0 and there are no projected maps.
pub(super) fn spectrum<T: Scalar>(
    x: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    // 1. With truncated ranks: the Tucker decomposition of a scaled and centred copy.
    if request.ranks.is_some() {
        let copy = scaled_copy(x, request.centring)?;
        return tucker(TensorRef::new(x.shape(), &copy)?, request, visit);
    }
    // 2. Else the SVD of the features themselves.
    if let Some(values) = svd(x, request, visit)? {
        return Ok(values);
    }
    // 3. If that SVD would lose digits: the SVD of a scaled and centred copy.
    let copy = scaled_copy(x, request.centring)?;
    let of_copy = Request {
        centring: false,
        ..request
    };
    let values = svd(TensorRef::new(x.shape(), &copy)?, of_copy, visit)?;
    Ok(values.unwrap_or_else(|| square_roots(&[0.0])))
}

/// A copy of `x`·2⁻ᵉ with the largest magnitude between 1 and 2. With `centring`, the mean of each
/// channel is subtracted.
fn scaled_copy<T: Scalar>(x: TensorRef<'_, T>, centring: bool) -> Result<Scratch<f64>> {
    let exponent = binary_exponent(largest_magnitude(x)?);
    let entries = x.data().iter().map(|entry| entry.as_f64());
    let mut copy: Scratch<f64> = if exponent == 0 {
        entries.collect()
    } else {
        entries.map(|entry| scale(entry, -exponent)).collect()
    };
    if centring {
        let positions = x.data().len() / x.shape()[0];
        copy.chunks_mut(positions).for_each(subtract_mean);
    }
    Ok(copy)
}
