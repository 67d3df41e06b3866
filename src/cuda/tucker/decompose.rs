//! The decompositions of a chunk: at given ranks, or within a tolerance.

use super::chunk::Chunk;
use super::found::{Basis, Found};
use super::lowering::lower_ranks;
use super::result::DeviceTucker;
use super::tolerance::WithinTolerance;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tucker::Contract;

/// The decompositions of the tensors of a chunk, in the order of the tensors.
pub(super) fn decompose<T: DeviceScalar>(chunk: &Chunk<'_, T>) -> Result<Vec<DeviceTucker<T>>> {
    let options = chunk.options;
    let Some(tolerance) = options.tolerance else {
        let found = chunk.by_ranks()?;
        return chunk.with_errors(&found, None);
    };
    let within = WithinTolerance { chunk, tolerance };
    let starts = within.truncate()?;
    if options.sweeping.max_sweeps == 0 {
        return Ok(starts.results);
    }
    let bases: Vec<Basis<'_>> = starts.found.iter().map(Found::basis).collect();
    let mut found = chunk.by_equal_ranks(&bases, options.sweeping)?;
    // Ranks are lowered where the tolerance can be met.
    let met = starts.results.iter().enumerate();
    let met = met.filter(|(_, result)| result.shortfall.is_none());
    let met: Vec<usize> = met.map(|(item, _)| item).collect();
    let contract = Contract::new::<T>(tolerance, &chunk.shapes.tensor, options.route);
    lower_ranks(chunk, &mut found, contract.share, met)?;
    chunk.with_errors(&found, Some(tolerance))
}
