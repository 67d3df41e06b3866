//! HOOI within a tolerance ends at ranks of which none can be lowered alone, on the device.
//!
//! As on the host, each rank of a decomposition that has converged is lowered by one on trial: the
//! last vector is dropped, and sweeps follow. The trials of all tensors run together:
//!
//! ```text
//! while a rank of some tensor has been lowered
//!     for k = 0, 1, …
//!         sweeps of each such tensor at its k-th best lower ranks
//!         tensors whose error is at most ε keep these ranks
//! ```

use super::chunk::Chunk;
use super::entries::Entries;
use super::found::{Basis, Found};
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tucker::{Convergence, Stop, Storage};

/// Ranks and leading factors to sweep from.
struct Trial {
    item: usize,
    ranks: Vec<usize>,
    factors: Vec<Option<Entries<f64>>>,
}

/// Lowers the ranks of decompositions whose sweeps have converged, as long as their relative error is
/// at most `limit`. `found` holds the decomposition of each tensor of the chunk, and `wanted` the
/// numbers of the tensors to lower.
pub(super) fn lower_ranks<T: DeviceScalar>(
    chunk: &Chunk<'_, T>,
    found: &mut [Found],
    limit: f64,
    mut wanted: Vec<usize>,
) -> Result<()> {
    let modes = chunk.shapes.modes();
    let storage = Storage::new(&chunk.shapes.tensor, &modes);
    while !wanted.is_empty() {
        wanted.retain(|&item| may_go_on(&found[item], chunk.options.sweeping.max_sweeps));
        let mut lowered = Vec::new();
        for attempt in 0..modes.len() {
            // 1. The trials of the tensors without a success in this round.
            let tried = wanted.iter().filter(|item| !lowered.contains(*item));
            let trials = tried.filter_map(|&item| {
                let before = &found[item];
                let ranks: Vec<usize> = modes.iter().map(|&mode| before.ranks[mode]).collect();
                let lower = storage.lowered(&ranks).into_iter().nth(attempt)?;
                let mut ranks = before.ranks.clone();
                for (&mode, rank) in modes.iter().zip(lower) {
                    ranks[mode] = rank;
                }
                Some(Trial {
                    item,
                    factors: before.leading_factors(&ranks),
                    ranks,
                })
            });
            let trials: Vec<Trial> = trials.collect();
            let bases = trials.iter().map(|trial| Basis {
                item: trial.item,
                ranks: &trial.ranks,
                factors: &trial.factors,
            });
            let bases: Vec<Basis<'_>> = bases.collect();
            // 2. Their sweeps. Those within the tolerance replace the decompositions before them.
            for trial in chunk.by_equal_ranks(&bases, chunk.options.sweeping)? {
                if error(chunk, &trial, limit)? <= limit {
                    let item = trial.item;
                    found[item] = Found {
                        convergence: after(found[item].convergence, trial.convergence),
                        ..trial
                    };
                    lowered.push(item);
                }
            }
        }
        wanted = lowered;
    }
    Ok(())
}

/// Whether the sweeps have converged before their maximum number.
fn may_go_on(found: &Found, max_sweeps: usize) -> bool {
    let converged = |it: Convergence| it.stop == Stop::Converged && it.sweeps < max_sweeps;
    found.convergence.is_some_and(converged)
}

/// The convergence of the sweeps `next` after those of `before`.
fn after(before: Option<Convergence>, next: Option<Convergence>) -> Option<Convergence> {
    let sweeps = before.map_or(0, |before| before.sweeps);
    next.map(|next| Convergence {
        sweeps: sweeps + next.sweeps,
        ..next
    })
}

/// The relative error of a decomposition: from norms, or measured if the rounding error of norms
/// could change whether it is at most `limit`.
fn error<T: DeviceScalar>(chunk: &Chunk<'_, T>, found: &Found, limit: f64) -> Result<f64> {
    let extents: usize = chunk.shapes.tensor.iter().sum();
    let rounding = 2.0 * extents as f64 * f64::EPSILON / found.error;
    if (found.error - limit).abs() > rounding {
        return Ok(found.error);
    }
    let rounded = chunk.rounded(std::slice::from_ref(found))?;
    chunk.measured(found.item, &rounded[0])
}
