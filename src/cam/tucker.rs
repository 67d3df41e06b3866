//! Projected maps from a Tucker decomposition at truncated ranks.
//!
//! HOOI computes F ≈ G ×₀ A₀ ×₁ A₁ …. The vector vᵢ is column i of the channel factor A₀, and
//! σᵢ = ‖G[i, …]‖ is the norm of slice i of the core. The projected maps are the rows of A₀ᵀF₍₀₎.

use super::projection::{Projection, Request};
use super::svd::project_on_columns;
use super::weighting::Vectors;
use crate::error::Result;
use crate::linalg::square_roots;
use crate::simd::Scratch;
use crate::tensor::TensorRef;
use crate::tucker::{Hooi, Start};

/// HOOI stops when a sweep changes ‖G‖²/‖F‖² by at most this number. The error of the factors is
/// then about the square root of this number.
pub(crate) const ENERGY_TOLERANCE: f64 = 1e-14;

/// The maximum number of sweeps.
pub(crate) const MAX_SWEEPS: usize = 200;

/// HOOI for TSM and MTSM at the given ranks. The option `sweep_tolerance` is 0, because [`tucker`]
/// ends the sweeps by [`ENERGY_TOLERANCE`].
pub(super) fn hooi(ranks: &[usize]) -> Hooi {
    Hooi {
        start: Start::Hosvd,
        max_sweeps: MAX_SWEEPS,
        sweep_tolerance: 0.0,
        ..Hooi::new(ranks.to_vec())
    }
}

/// Calls `visit` with the projected maps from a Tucker decomposition of `x` at the requested
/// ranks. Returns the singular values σᵢ, which are all 0 for a zero tensor.
pub(super) fn tucker(
    x: TensorRef<'_, f64>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    // 1. Sweeps of HOOI. With the relative error e, ‖G‖²/‖F‖² = 1 − e² changes by about 2·e·Δe.
    let hooi = hooi(request.ranks.unwrap_or_default());
    let mut sweeps = hooi.sweeps(x)?;
    for sweep in &mut sweeps {
        request.cancellation.check()?;
        let sweep = sweep?;
        if 2.0 * sweep.relative_error * sweep.change.abs() <= ENERGY_TOLERANCE {
            break;
        }
    }
    let tucker = sweeps.finish()?;
    // 2. The norms of the slices of the core.
    let core = tucker.core();
    let rank = core.shape()[0];
    let slices = core.data().chunks(core.data().len() / rank);
    let squares = slices.map(|slice| slice.iter().map(|entry| entry * entry).sum());
    let values = square_roots(&squares.collect::<Scratch<f64>>());
    // 3. The projected maps.
    let count = match request.vectors {
        Vectors::First => 1,
        Vectors::All => rank,
    };
    if let Some(factor) = tucker.factor(0)
        && values[0] > 0.0
    {
        let leading = factor.get(.., ..count);
        project_on_columns(x, &values, leading, &mut |weight, projected| {
            visit(Projection {
                weight,
                values: projected,
                error: 0.0,
            });
        })?;
    }
    Ok(values)
}
