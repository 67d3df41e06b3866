//! From a feature map to the singular values σᵢ of its channel mode and the
//! projected maps Σ_c vᵢ[c]·F[c].

use super::centring::centre_channel;
use super::projection::{Projection, Request};
use super::svd::{project_all, square_roots, svd};
use super::weighting::Vectors;
use crate::error::Result;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::simd::Scratch;
use crate::tensor::{TensorRef, first_non_finite};
use crate::tucker::{Hooi, Start};

/// The singular values σ₁ ≥ σ₂ ≥ … of `x`, C×(any trailing shape), up to a common
/// factor that is a power of two: all of them; if only the first vector is asked
/// for, σ₁, and σ₂ where it exceeds [`DEGENERATE_RATIO`](super::svd::DEGENERATE_RATIO)·σ₁. Calls `visit` with the
/// projected map of each vector asked for, in order.
///
/// A zero feature map, or one that centring makes zero, gives σ₁ = 0 and no
/// projected map.
pub(super) fn spectrum<T: Scalar>(
    x: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    if let Some(ranks) = request.ranks {
        let exponent = largest_exponent(x)?.unwrap_or(0);
        let prepared = prepared(x, request.centring, exponent);
        let prepared = TensorRef::new(x.shape(), &prepared)?;
        return tucker(prepared, ranks, request.vectors, visit);
    }
    let matrix = [x.shape()[0], x.data().len() / x.shape()[0]];
    let m = TensorRef::new(&matrix, x.data())?;
    if let Some(values) = svd(m, request, visit)? {
        return Ok(values);
    }
    if let Some(exponent) = largest_exponent(x)? {
        let prepared = prepared(x, request.centring, exponent);
        let m = TensorRef::new(&matrix, &prepared)?;
        let centred = Request {
            centring: false,
            ..request
        };
        if let Some(values) = svd(m, centred, visit)? {
            return Ok(values);
        }
    }
    Ok(square_roots(&[0.0]))
}

/// `x`·2⁻ᵉ, centred if asked.
fn prepared<T: Scalar>(x: TensorRef<'_, T>, centring: bool, exponent: i32) -> Scratch<f64> {
    let entries = x.data().iter().map(|entry| entry.as_f64());
    let mut prepared: Scratch<f64> = if exponent == 0 {
        entries.collect()
    } else {
        entries.map(|entry| scale(entry, -exponent)).collect()
    };
    if centring {
        let positions = x.data().len() / x.shape()[0];
        prepared.chunks_mut(positions).for_each(centre_channel);
    }
    prepared
}

/// The channel factor of a Tucker decomposition of `x` at the given ranks:
/// σᵢ is the norm of the core's i-th slice, vᵢ column i of the factor.
fn tucker(
    x: TensorRef<'_, f64>,
    ranks: &[usize],
    vectors: Vectors,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    let hooi = Hooi {
        start: Start::Hosvd,
        max_sweeps: MAX_SWEEPS,
        sweep_tolerance: 0.0,
        ..Hooi::new(ranks.to_vec())
    };
    let mut sweeps = hooi.sweeps(x)?;
    for sweep in &mut sweeps {
        let sweep = sweep?;
        if 2.0 * sweep.relative_error * sweep.change.abs() <= ENERGY_TOLERANCE {
            break;
        }
    }
    let tucker = sweeps.finish()?;
    let rank = tucker.ranks()[0];
    let slices = tucker
        .core()
        .data()
        .chunks(tucker.core().data().len() / rank);
    let squares = slices.map(|slice| slice.iter().map(|entry| entry * entry).sum());
    let values = square_roots(&squares.collect::<Scratch<f64>>());
    let count = match vectors {
        Vectors::First => 1,
        Vectors::All => rank,
    };
    if let Some(factor) = tucker.factor(0)
        && values[0] > 0.0
    {
        let matrix = [x.shape()[0], x.data().len() / x.shape()[0]];
        let matrix = TensorRef::new(&matrix, x.data())?;
        let leading = factor.get(.., ..count);
        project_all(matrix, &values, leading, &mut |weight, projected| {
            visit(Projection {
                weight,
                values: projected,
                error: 0.0,
            });
        })?;
    }
    Ok(values)
}

/// HOOI stops where a sweep changes the captured share ‖G‖²/‖X‖² by no more.
/// The error of the factors goes with its square root.
pub(crate) const ENERGY_TOLERANCE: f64 = 1e-14;

/// HOOI stops after so many sweeps in any case.
pub(crate) const MAX_SWEEPS: usize = 200;

/// The binary exponent of the largest entry; `None` for a zero tensor.
fn largest_exponent<T: Scalar>(x: TensorRef<'_, T>) -> Result<Option<i32>> {
    if let Some(error) = first_non_finite(x) {
        return Err(error);
    }
    let magnitudes = x.data().iter().map(|entry| entry.as_f64().abs());
    let largest = magnitudes.fold(0.0, f64::max);
    Ok((largest > 0.0).then(|| binary_exponent(largest)))
}
