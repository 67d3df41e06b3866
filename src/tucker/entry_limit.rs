//! The most accurate decomposition with a limited number of entries.
//!
//! A first pass keeps all ranks that the best decomposition can have. Its core then shows what each
//! block of ranks would discard:
//!
//! ```text
//!  X ── spectra of X ──> upper bounds of the ranks ── first pass ──> core ── the closest block
//! ```
//!
//! The spectra of X bound the error of each decomposition of multilinear ranks R from both sides. Let
//! tₙ(r) be the share of ‖X‖² beyond the first r singular values of X₍ₙ₎:
//!
//! ```text
//! max tₙ(Rₙ)  ≤  ‖X − X̂‖²/‖X‖²,         and HOSVD reaches      ‖X − X̂‖²/‖X‖²  ≤  Σ tₙ(Rₙ).
//! ```
//!
//! 1. Ranks within the limit with a small sum E = Σ tₙ(Rₙ), found by raising one rank after the other,
//!    the one with the largest gain for an entry first.
//! 2. The best decomposition is no worse than E, so its ranks have tₙ(Rₙ) ≤ E: lower bounds.
//! 3. The other modes need at least their lower bounds, which leaves an upper bound for each mode.

use super::budget::{Discarded, spectral_norm};
use super::computation::Computation;
use super::core_energies::{Block, Core};
use super::decomposition::Tucker;
use super::rank_law::obey_rank_law;
use super::storage::Storage;
use super::truncation::Truncation;
use crate::error::Result;
use crate::linalg::Needed;
use crate::monitor::Progress;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The bound E is increased by this share, and by the rounding error of the spectra.
const SLACK: f64 = 0.01;

/// A limit on the entries that core and factors store.
#[derive(Clone, Debug)]
pub(super) struct EntryLimit<'a> {
    limit: usize,
    modes: &'a [usize],
    storage: Storage,
    shape: &'a [usize],
}

impl<'a> EntryLimit<'a> {
    /// At most `limit` entries for a tensor of extents `shape`, decomposed in `modes`.
    pub(super) fn new(limit: usize, shape: &'a [usize], modes: &'a [usize]) -> Self {
        Self {
            limit,
            modes,
            storage: Storage::new(shape, modes),
            shape,
        }
    }

    /// The ranks of the first pass: those of the best decomposition are no larger. Reports a step for
    /// each mode.
    pub(super) fn largest_ranks<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        computation: Computation<'_>,
    ) -> Result<Truncation> {
        // 1. The tails of the spectra.
        let mut tails = Vec::new();
        for (step, &mode) in self.modes.iter().enumerate() {
            let spectrum = computation
                .leading(x, mode, Needed::Tail(0.0), |_| 0)?
                .values;
            tails.push(tails_of(&spectrum));
            let monitor = computation.monitor;
            monitor.step(Progress::new(step + 1, self.modes.len() + 1))?;
        }
        // 2. The bounds.
        let extents: usize = self.shape.iter().sum();
        let rounding = 100.0 * extents as f64 * f64::EPSILON;
        let bound = self.reachable(&tails) * (1.0 + SLACK) + rounding;
        let within = |tails: &Vec<f64>| tails.iter().position(|&tail| tail <= bound);
        let lower: Vec<usize> = tails
            .iter()
            .map(|tails| within(tails).unwrap_or(0).max(1))
            .collect();
        let upper: Vec<usize> = (0..lower.len())
            .map(|place| self.storage.largest_rank(place, &lower, self.limit))
            .collect();
        Truncation::at_most(&upper, self.shape, Some(self.modes))
    }

    /// A small Σ tₙ(Rₙ) of ranks R within the limit. `tails` holds tₙ(r) for r = 0, 1, ….
    fn reachable(&self, tails: &[Vec<f64>]) -> f64 {
        let mut ranks = vec![1; tails.len()];
        let mut entries = self.storage.entries(&ranks);
        loop {
            // The rank to raise: the one with the largest gain for an entry.
            let mut best: Option<(f64, usize, usize)> = None;
            for place in 0..ranks.len() {
                let Some(next) = tails[place].get(ranks[place] + 1) else {
                    continue;
                };
                let gain = tails[place][ranks[place]] - next;
                ranks[place] += 1;
                let with = self.storage.entries(&ranks);
                ranks[place] -= 1;
                let for_entry = gain / (with - entries).max(1) as f64;
                let better = best.is_none_or(|(most, ..)| for_entry > most);
                if with <= self.limit && gain > 0.0 && better {
                    best = Some((for_entry, place, with));
                }
            }
            let Some((_, place, with)) = best else { break };
            ranks[place] += 1;
            entries = with;
        }
        ranks
            .iter()
            .zip(tails)
            .map(|(&rank, tails)| tails[rank])
            .sum()
    }

    /// The closest block of the core of the first pass `first`, which has discarded `discarded`. The
    /// ranks are those of the modes in ascending order.
    pub(super) fn closest_block<T: Scalar>(
        &self,
        first: &Tucker<T>,
        discarded: Discarded,
    ) -> Block {
        let mut modes = self.modes.to_vec();
        modes.sort_unstable();
        let core = Core {
            entries: first.core().view(),
            modes: &modes,
            norm: discarded.norm(),
        };
        let storage = Storage::new(self.shape, &modes);
        // The energies of a zero tensor have no shares: any block is exact.
        let none = || Block {
            ranks: vec![1; modes.len()],
            outside: 0.0,
        };
        core.closest_block(&storage, self.limit)
            .unwrap_or_else(none)
    }

    /// `first` with this block of its core. The ranks obey the rank law.
    pub(super) fn keep<T: Scalar>(
        first: Tucker<T>,
        block: &Block,
        discarded: Discarded,
    ) -> Result<Tucker<T>> {
        let mut chosen = first.leading_block(&block.ranks)?;
        chosen.set_estimated_error((discarded.share() + block.outside).sqrt());
        obey_rank_law(chosen)
    }
}

/// The shares of the energy beyond the first r values, for r = 0, 1, …. All zero for a zero spectrum.
fn tails_of(spectrum: &[f64]) -> Vec<f64> {
    let norm = spectral_norm(spectrum);
    let mut tails = vec![0.0; spectrum.len() + 1];
    for (r, value) in spectrum.iter().enumerate().rev() {
        let share = if *value > 0.0 {
            (value / norm).powi(2)
        } else {
            0.0
        };
        tails[r] = tails[r + 1] + share;
    }
    tails
}
