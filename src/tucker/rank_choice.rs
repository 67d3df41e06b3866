//! The ranks for a tolerance: those that store the fewest entries in core and factors.
//!
//! An even split of the budget ε² gives each mode an equal share. This is far from the fewest entries
//! where a short mode needs its share less than a long one, or where noise just below the tolerance
//! uses up the shares of the first modes. Here a solver first truncates less. The core of this first
//! pass then shows what each block of ranks would discard:
//!
//! ```text
//!  X ── a first pass to θ·ε ──> core ──┬── the cheapest block within ε² ([`sub_block`])
//!                                      └── an even split of ε²
//!                                              the one that stores fewer entries
//! ```
//!
//! The even split is the second candidate so that no result stores more than with an even split. In
//! HOSVD it is a block of the core too. In ST-HOSVD it is ST-HOSVD of the core, up to the small part of
//! X that the first pass has discarded. It is not computed where its first rank alone shows that it
//! stores more than the block.
//!
//! The additional vectors of a first pass of ST-HOSVD cost flops. Each mode keeps at least the rank of
//! an even split of ε², and more only while the first pass costs at most [`COST`] times as much. If no
//! mode keeps more, the first pass is the even split itself, and the second candidate is not needed.
//!
//! [`sub_block`]: super::sub_block

use super::budget::{Budget, Discarded};
use super::computation::Computation;
use super::core_energies::{Block, Core};
use super::decomposition::Tucker;
use super::memory::Problem;
use super::refinement::Refinement;
use super::storage::Storage;
use super::sub_block::search_memory;
use super::tolerance::RankChoice;
use super::truncation::Truncation;
use crate::error::Result;
use crate::scalar::Scalar;

/// θ: a first pass truncates to an error of θ·ε.
const FIRST_PASS: f64 = 0.7;

/// The maximum cost of a first pass of ST-HOSVD, relative to an even split.
const COST: f64 = 1.2;

/// The maximum number of entries of a core for [`Refinement`], relative to the tensor. Sweeps on a
/// larger core are not much cheaper than the sweeps on X that follow.
pub(super) const SMALL: f64 = 0.5;

/// The first pass of ST-HOSVD, step by step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstPass {
    /// The budget ε² of all modes together.
    budget: f64,
    choice: RankChoice,
    /// The flops so far.
    flops: f64,
    /// Whether a mode keeps more than the rank of an even split.
    keeps_more: bool,
    /// The first mode, and its rank in an even split.
    first_even: Option<(usize, usize)>,
}

/// The truncation of a mode of a tensor Y.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    mode: usize,
    /// The entries of Y.
    entries: f64,
    /// The extent of Y in this mode, and in the next one.
    extent: f64,
    next: f64,
    /// The number of modes that are not truncated yet, this one included.
    left: usize,
}

impl Step {
    /// The truncation of the first of the modes `left`, in their order, of a tensor of extents
    /// `shape`.
    pub(crate) fn new(shape: &[usize], left: &[usize]) -> Self {
        let extent = |place: usize| left.get(place).map_or(0.0, |&mode| shape[mode] as f64);
        Self {
            mode: left.first().copied().unwrap_or(0),
            entries: shape.iter().map(|&extent| extent as f64).product(),
            extent: extent(0),
            next: extent(1),
            left: left.len(),
        }
    }

    /// The flops of the Gram matrix.
    fn gram(self) -> f64 {
        self.entries * self.extent
    }

    /// The flops of the product with one vector.
    fn product(self) -> f64 {
        2.0 * self.entries
    }

    /// The flops that one more vector causes: in the product, and in the next Gram matrix.
    fn vector(self) -> f64 {
        self.product() + self.entries / self.extent * self.next
    }
}

impl FirstPass {
    /// For the budget ε².
    pub(crate) fn new(budget: f64, choice: RankChoice) -> Self {
        Self {
            budget,
            choice,
            flops: 0.0,
            keeps_more: false,
            first_even: None,
        }
    }

    /// The rank of an even split, and the rank that the first pass keeps.
    fn ranks(&self, discarded: Discarded, step: Step, values: &[f64]) -> (usize, usize) {
        let rank = |budget: f64| {
            let share = discarded.budget(Budget::Energy(budget), step.left);
            discarded.rank(share, values)
        };
        let even = rank(self.budget);
        let wanted = rank(self.budget * FIRST_PASS * FIRST_PASS).max(even);
        let flops = self.flops + step.gram() + even as f64 * step.vector();
        let affordable = (COST - 1.0) * flops / step.vector();
        (even, wanted.min(even + affordable as usize))
    }

    /// The number of vectors to keep of a mode with the singular values `values`, where `discarded`
    /// is what the modes before have discarded.
    pub(crate) fn rank(&self, discarded: Discarded, step: Step, values: &[f64]) -> usize {
        self.ranks(discarded, step, values).1
    }

    /// Counts the truncation of a mode for which [`FirstPass::rank`] was called with these
    /// arguments.
    pub(crate) fn count(&mut self, discarded: Discarded, step: Step, values: &[f64]) {
        let (even, rank) = self.ranks(discarded, step, values);
        self.flops += step.gram() + rank as f64 * step.product();
        self.keeps_more |= rank > even;
        self.first_even.get_or_insert((step.mode, even));
    }

    /// Whether an even split may store fewer entries than `block`. Its first rank is known. Each other
    /// rank is at least the smallest one within the whole budget.
    fn even_split_may_store_less<T: Scalar>(
        &self,
        search: &Candidates<'_, T>,
        block: &Block,
    ) -> bool {
        let ranks = search.modes.iter().map(|&mode| match self.first_even {
            Some((first, rank)) if first == mode => rank,
            _ => search.smallest_rank(mode),
        });
        let ranks: Vec<usize> = ranks.collect();
        search.storage.entries(&ranks) < search.entries(block)
    }

    /// The decomposition with the fewest entries within the budget, from the decomposition `first`
    /// of the first pass. `even_split` truncates a core with an even split of the budget.
    pub(super) fn fewest_entries<T: Scalar>(
        &self,
        first: Tucker<T>,
        discarded: Discarded,
        computation: Computation<'_>,
        even_split: impl Fn(&Tucker<T>) -> Result<Tucker<T>>,
    ) -> Result<Tucker<T>> {
        let search = Candidates::new(&first, discarded, self.budget);
        // 1. The candidates.
        let Some(block) = search.cheapest_block() else {
            return Ok(first);
        };
        let even = if self.keeps_more && self.even_split_may_store_less(&search, &block) {
            Some(even_split(&first)?)
                .filter(|even| search.entries_of(even) < search.entries(&block))
        } else {
            None
        };
        // 2. The one with fewer entries.
        if self.choice == RankChoice::Refined && search.is_small() {
            let refined = match even {
                Some(even) => search.refined(even, computation)?,
                None => search.refined_block(&block, computation)?,
            };
            return first.with_decomposed_core(refined);
        }
        if let Some(even) = even {
            return first.with_decomposed_core(even);
        }
        let error = search.error(&block);
        let mut chosen = first.leading_block(&block.ranks)?;
        chosen.set_estimated_error(error);
        Ok(chosen)
    }
}

/// The budget of HOSVD. The factors of HOSVD do not depend on each other, so the decomposition for an
/// even split is a block of the core for a smaller error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvenBudget {
    /// The budget ε² of all modes together.
    pub(crate) total: f64,
    /// The number of modes.
    pub(crate) modes: usize,
    pub(crate) choice: RankChoice,
}

impl EvenBudget {
    /// The budget of a mode in the first pass.
    pub(crate) fn first_pass(self) -> Budget {
        Budget::Energy(self.total * FIRST_PASS * FIRST_PASS / self.modes as f64)
    }

    /// The decomposition with the fewest entries within the budget, from the decomposition `first`
    /// of the first pass: a block of its core, or the ranks of an even split. `discarded` is an upper
    /// bound of what `first` lacks.
    pub(super) fn fewest_entries<T: Scalar>(
        self,
        first: Tucker<T>,
        discarded: Discarded,
        computation: Computation<'_>,
    ) -> Result<Tucker<T>> {
        // 1. The candidates: the cheapest block, and the block of an even split.
        let lacking = discarded.with_share(discarded.share().min(first.missing_energy(discarded)));
        let search = Candidates::new(&first, lacking, self.total);
        let even = self.even_split(&first, lacking);
        let fewer = |block: &Block| search.entries(block) <= search.entries(&even);
        let block = search.cheapest_block().filter(fewer).unwrap_or(even);
        // 2. The one with fewer entries.
        let error = search.error(&block);
        let mut chosen = if self.choice == RankChoice::Refined && search.is_small() {
            let refined = search.refined_block(&block, computation)?;
            first.with_decomposed_core(refined)?
        } else {
            let mut chosen = first.leading_block(&block.ranks)?;
            chosen.set_estimated_error(error);
            chosen
        };
        chosen.improve_estimate(discarded.norm());
        Ok(chosen)
    }

    /// The block of the core of `first` for an even split.
    fn even_split<T: Scalar>(self, first: &Tucker<T>, lacking: Discarded) -> Block {
        let share = Budget::Energy(self.total / self.modes as f64);
        let (mut ranks, mut discarded) = (Vec::new(), lacking.with_share(0.0));
        for values in first.spectra() {
            let rank = discarded.rank(share, values);
            discarded.add(values, rank);
            ranks.push(rank);
        }
        let outside = (discarded.share() - lacking.share()).max(0.0);
        Block { ranks, outside }
    }
}

/// The decompositions of the core of a first pass.
struct Candidates<'a, T> {
    first: &'a Tucker<T>,
    modes: Vec<usize>,
    storage: Storage,
    /// What `first` lacks, and the budget.
    discarded: Discarded,
    budget: f64,
}

impl<'a, T: Scalar> Candidates<'a, T> {
    fn new(first: &'a Tucker<T>, discarded: Discarded, budget: f64) -> Self {
        let modes = first.decomposed_modes();
        Self {
            storage: Storage::new(first.shape(), &modes),
            first,
            modes,
            discarded,
            budget,
        }
    }

    /// Whether sweeps on the core cost at most [`SMALL`] times the sweeps on X.
    fn is_small(&self) -> bool {
        let entries: f64 = self
            .first
            .shape()
            .iter()
            .map(|&extent| extent as f64)
            .product();
        self.first.core().data().len() as f64 <= SMALL * entries
    }

    /// The smallest rank in `mode` that any decomposition within the budget has. The spectrum of the
    /// first pass is at most the spectrum of X.
    fn smallest_rank(&self, mode: usize) -> usize {
        let values = self.first.spectrum(mode).unwrap_or_default();
        self.discarded.rank(Budget::Energy(self.budget), values)
    }

    /// The entries that a block stores.
    fn entries(&self, block: &Block) -> usize {
        self.storage.entries(&block.ranks)
    }

    /// The entries that a decomposition of the core stores as a decomposition of X.
    fn entries_of(&self, of_core: &Tucker<T>) -> usize {
        self.storage.entries(&of_core.ranks_of(&self.modes))
    }

    /// The relative error with a block of the core.
    fn error(&self, block: &Block) -> f64 {
        (self.discarded.share() + block.outside).sqrt()
    }

    /// The cheapest block of the core within the budget. `None` for a zero tensor.
    fn cheapest_block(&self) -> Option<Block> {
        let core = Core {
            entries: self.first.core().view(),
            modes: &self.modes,
            norm: self.discarded.norm(),
        };
        let positive = self.discarded.norm() > 0.0;
        let rest = self.discarded.rest(self.budget);
        positive
            .then(|| core.cheapest_block(&self.storage, rest))
            .flatten()
    }

    /// The decomposition of the core that [`Refinement`] finds from `block`.
    fn refined_block(&self, block: &Block, computation: Computation<'_>) -> Result<Tucker<T>> {
        let mut start = self.first.block_of_core(&block.ranks)?;
        start.set_estimated_error(self.error(block));
        self.refined(start, computation)
    }

    /// The decomposition of the core that [`Refinement`] finds from `start`.
    fn refined(&self, start: Tucker<T>, computation: Computation<'_>) -> Result<Tucker<T>> {
        let refinement = Refinement {
            core: self.first.core().view(),
            storage: &self.storage,
            budget: self.budget,
            discarded: self.discarded,
            computation,
        };
        refinement.of(start)
    }
}

/// The maximum number of bytes that the choice among candidates allocates for a tolerance: the first
/// decomposition, and beside it the larger of the search for a block, the chosen decomposition, and
/// `deciding`, what else is computed from the core. No choice is made for given ranks.
pub(super) fn choice_memory(truncation: &Truncation, problem: &Problem, deciding: f64) -> f64 {
    if truncation.ranks().is_some() {
        return 0.0;
    }
    let mut modes = problem.modes.clone();
    modes.sort_unstable();
    let search = search_memory(modes.iter().map(|&mode| problem.ranks[mode]));
    let chosen = problem.result() + problem.factors(&problem.ranks);
    problem.result() + search.max(chosen).max(deciding)
}
