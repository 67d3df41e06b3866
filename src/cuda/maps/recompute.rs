//! Statuses from the outcomes of a batch, and the maps of the items that must be recomputed.

use super::full_rank::FullRank;
use super::job::Job;
use crate::cam::{SaliencyMap, Status, in_batch};
use crate::cuda::buffers::{download, uninitialised, upload};
use crate::cuda::device::Device;
use crate::cuda::launch::{MapChunk, Prepared, Request, no_convergence, outcome, parts};
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tensor::{Tensor, TensorRef, first_non_finite};

/// The status of a map with this outcome.
pub(super) fn status(outcome: i32) -> Status {
    match outcome {
        outcome::CONSTANT => Status::Constant,
        outcome::DEGENERATE => Status::Degenerate,
        _ => Status::Fine,
    }
}

/// Recomputes the maps that the kernels could not compute: items with squares outside the
/// range of `f64`, and items that lost too many digits. `fetch` returns the entries of an
/// item. Returns each recomputed map with the number of its item, in order.
///
/// # Errors
/// [`Error::NonFinite`](crate::Error::NonFinite) for an item with a NaN or an infinity, which
/// the kernels mark as out of range;
/// [`Error::NoConvergence`](crate::Error::NoConvergence);
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn recompute<T: DeviceScalar>(
    device: &Device,
    job: &Job<'_>,
    outcomes: &[i32],
    fetch: impl Fn(usize) -> Result<Vec<T>>,
) -> Result<Vec<(usize, SaliencyMap<T>)>> {
    if outcomes.contains(&outcome::NO_CONVERGENCE) {
        return Err(no_convergence());
    }
    let marked = |code: i32| code == outcome::OUT_OF_RANGE || code == outcome::CANCELLED;
    let mut maps = Vec::new();
    for item in (0..outcomes.len()).filter(|&item| marked(outcomes[item])) {
        job.cancellation().check()?;
        let entries = fetch(item)?;
        if let Some(error) = first_non_finite(TensorRef::new(job.shape(), &entries)?) {
            return Err(in_batch(error, item));
        }
        maps.push((item, map_of_scaled_copy(device, job, &entries)?));
    }
    Ok(maps)
}

/// The map of one finite feature map, from a scaled and centred copy in `f64`.
fn map_of_scaled_copy<T: DeviceScalar>(
    device: &Device,
    job: &Job<'_>,
    entries: &[T],
) -> Result<SaliencyMap<T>> {
    // 1. The copy.
    let queue = device.queue()?;
    let unfoldings = job.unfoldings(1);
    let mut features = uninitialised(&queue, job.size())?;
    let mut prepared = uninitialised::<f64>(&queue, job.size())?;
    let mut exponents = uninitialised(&queue, 1)?;
    let mut outcomes = uninitialised(&queue, 1)?;
    upload(&queue, entries, &mut features)?;
    queue.prepare(
        &features.as_view(),
        unfoldings,
        job.request().centring,
        Prepared {
            magnitudes: &mut *uninitialised(&queue, parts(job.size()))?,
            entries: &mut prepared,
            exponents: &mut exponents,
            outcomes: &mut outcomes,
        },
    )?;
    // 2. The map of the copy. The copy is centred already.
    let request = Request {
        centring: false,
        ..job.request()
    };
    let mut maps = uninitialised::<f64>(&queue, job.positions())?;
    let mut steps = FullRank::new(&queue, unfoldings, request)?;
    steps.enqueue(
        &queue,
        MapChunk {
            features: &prepared.as_view(),
            unfoldings,
            request,
            maps: &mut maps,
            outcomes: &mut outcomes,
        },
    )?;
    // 3. A copy of zeros has a map of zeros.
    let code = download(&queue, &outcomes)?[0];
    let zero = code == outcome::OUT_OF_RANGE;
    let values = download(&queue, &maps.slice(..job.positions()))?;
    let values = values.iter();
    let values = values.map(|&value| T::from_f64(if zero { 0.0 } else { value }));
    let values = Tensor::new(job.map_shape(), values.collect())?;
    match code {
        outcome::NO_CONVERGENCE => Err(no_convergence()),
        outcome::OUT_OF_RANGE => Ok(SaliencyMap::new(values, Status::Constant)),
        _ => Ok(SaliencyMap::new(values, status(code))),
    }
}
