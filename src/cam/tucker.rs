//! Projected maps from a Tucker decomposition at truncated ranks.

use super::projection::{Projection, Request};
use super::svd::project_all;
use super::weighting::Vectors;
use crate::error::Result;
use crate::linalg::square_roots;
use crate::simd::Scratch;
use crate::tensor::TensorRef;
use crate::tucker::{Hooi, Start};

/// HOOI stops where a sweep changes the captured share ‖G‖²/‖X‖² by at most this. The error of
/// the factors is about its square root.
pub(crate) const ENERGY_TOLERANCE: f64 = 1e-14;

/// The maximum number of sweeps.
pub(crate) const MAX_SWEEPS: usize = 200;

/// The iteration below the maps of TSM and MTSM at the given ranks.
pub(super) fn hooi(ranks: &[usize]) -> Hooi {
    Hooi {
        start: Start::Hosvd,
        max_sweeps: MAX_SWEEPS,
        sweep_tolerance: 0.0,
        ..Hooi::new(ranks.to_vec())
    }
}

/// The channel factor of a Tucker decomposition of `x` at the requested ranks:
/// σᵢ is the norm of the core's i-th slice, vᵢ column i of the factor.
pub(super) fn tucker(
    x: TensorRef<'_, f64>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Scratch<f64>> {
    // 1. HOOI until the captured share of ‖X‖² settles.
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
    // 2. The norms of the core's slices.
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
        project_all(x, &values, leading, &mut |weight, projected| {
            visit(Projection {
                weight,
                values: projected,
                error: 0.0,
            });
        })?;
    }
    Ok(values)
}
