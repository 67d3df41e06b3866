//! The choice of ranks within a tolerance, on the host.
//!
//! A first pass on the device keeps as many vectors of each mode as
//! [`FirstPass`](crate::tucker::FirstPass) allows. The host then reads the cores and factors, which
//! are small, and chooses from them as it does for its own tensors. The chosen decompositions go back
//! to the device.

use rayon::prelude::*;

use super::chunk::Chunk;
use super::entries::Entries;
use super::found::{Found, on_device, on_host};
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tucker::{
    Budget, Discarded, EvenBudget, FirstPass, Hosvd, RankChoice, StHosvd, Start, Step, Truncation,
    obey_rank_law,
};

/// The relative error to truncate to, and how the ranks are chosen.
#[derive(Clone, Copy)]
pub(super) struct Aim {
    pub(super) share: f64,
    pub(super) choice: RankChoice,
}

impl Aim {
    /// The budget of all modes together.
    pub(super) fn budget(self) -> f64 {
        self.share * self.share
    }

    /// The budget of HOSVD for this number of modes.
    fn even_budget(self, modes: usize) -> EvenBudget {
        EvenBudget {
            total: self.budget(),
            modes,
            choice: self.choice,
        }
    }
}

/// The rank of a mode.
#[derive(Clone, Copy)]
pub(super) struct RankRule {
    pub(super) aim: Aim,
    /// Whether the start is ST-HOSVD.
    pub(super) sequential: bool,
    /// The number of modes, and of those that are not truncated yet.
    pub(super) modes: usize,
    pub(super) left: usize,
    pub(super) step: Step,
}

impl RankRule {
    /// The number of singular values to keep of a tensor.
    pub(super) fn rank(self, partial: &Partial, values: &[f64]) -> usize {
        let discarded = partial.discarded;
        let total = self.aim.budget();
        let budget = match (self.sequential, self.aim.choice.searches()) {
            (true, true) => return partial.first_pass.rank(discarded, self.step, values),
            (true, false) => discarded.budget(Budget::Energy(total), self.left),
            (false, true) => self.aim.even_budget(self.modes).first_pass(),
            (false, false) => Budget::Energy(total / self.modes as f64),
        };
        discarded.rank(budget, values)
    }
}

/// A tensor with some of its modes truncated.
#[derive(Clone)]
pub(super) struct Partial {
    pub(super) discarded: Discarded,
    pub(super) first_pass: FirstPass,
    pub(super) ranks: Vec<usize>,
    pub(super) factors: Vec<Option<Entries<f64>>>,
    pub(super) spectra: Vec<Option<Vec<f64>>>,
}

impl Partial {
    /// The decomposition of tensor `item` with this core.
    pub(super) fn found(&self, item: usize, core: Entries<f64>) -> Found {
        Found {
            item,
            core,
            ranks: self.ranks.clone(),
            factors: self.factors.clone(),
            spectra: self.spectra.clone(),
            error: self.discarded.relative_error(),
            convergence: None,
        }
    }
}

/// The decompositions with the fewest entries, from the results `found` of a first pass. `partials`
/// holds what each tensor of the chunk has discarded.
pub(super) fn chosen<T: DeviceScalar>(
    chunk: &Chunk<'_, T>,
    aim: Aim,
    found: Vec<Found>,
    partials: &[Partial],
) -> Result<Vec<Found>> {
    let (shapes, start) = (&chunk.shapes, chunk.options.start);
    // 1. The solvers, with the route of the options.
    let truncation = Truncation::RelativeError(aim.share);
    let st_hosvd = StHosvd {
        route: chunk.options.route,
        ..StHosvd::new(truncation.clone())
    };
    let hosvd = Hosvd {
        route: chunk.options.route,
        ..Hosvd::new(truncation)
    };
    let all_together = Budget::Energy(aim.budget());
    let budgets = shapes.order.iter().map(|&mode| (mode, all_together));
    let budgets: Vec<(usize, Budget)> = budgets.collect();
    let even = aim.even_budget(budgets.len());
    // 2. The choice for each tensor.
    let firsts = on_host(chunk.queue, &found, &shapes.tensor)?;
    let items = firsts.into_par_iter().zip(&found);
    let chosen = items.map(|(first, found)| {
        let partial = &partials[found.item];
        let (discarded, first_pass) = (partial.discarded, partial.first_pass);
        obey_rank_law(match start {
            // The options refuse a random start.
            Start::StHosvd | Start::Random => {
                st_hosvd.choose_from(first, discarded, first_pass, &budgets)?
            }
            Start::Hosvd => hosvd.choose_from(first, discarded, even)?,
        })
    });
    let chosen = chosen.collect::<Result<Vec<_>>>()?;
    // 3. Back to the device.
    let on_device = on_device(chunk.queue, found, &chosen)?;
    let with_errors = on_device.into_iter().zip(&chosen);
    let with_errors = with_errors.map(|(found, tucker)| Found {
        error: tucker.estimated_error().unwrap_or(found.error),
        ..found
    });
    Ok(with_errors.collect())
}
