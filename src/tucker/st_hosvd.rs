//! ST-HOSVD: the sequentially truncated higher-order SVD.

use std::fmt;
use std::str::FromStr;

use super::budget::{Budget, Discarded, budgets};
use super::computation::Computation;
use super::decomposition::Tucker;
use super::entry_limit::EntryLimit;
use super::in_range::in_range;
use super::memory::Problem;
use super::rank_choice::{FirstPass, Step, choice_memory};
use super::relative_error::relative_error_memory;
use super::tolerance::{RankChoice, Rule, within_tolerance};
use super::truncation::{self, Truncation};
use super::truncator::Truncator;
use crate::error::{Error, Result};
use crate::linalg::{Route, left_singular_memory};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::tensor::{Sizes, Tensor, TensorRef, check_modes, mode_product_memory, whole_bytes};

/// The order in which ST-HOSVD truncates the modes.
///
/// ```
/// use tenfold::{ModeOrder, StHosvd};
/// let last_mode_first = ModeOrder::Given(vec![2, 1, 0]);
/// let st_hosvd = StHosvd { mode_order: last_mode_first, ..StHosvd::new([3, 3, 3]) };
/// # assert_ne!(st_hosvd.mode_order, ModeOrder::FewestFlops);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModeOrder {
    /// The order of fewest flops. For given ranks it minimises the flops of Gram matrices and
    /// products. For a tolerance, smaller extents come first. Of equal modes the last comes
    /// first.
    #[default]
    FewestFlops,
    /// This order. It contains each mode to decompose exactly once.
    Given(Vec<usize>),
}

/// `fewest-flops`, or the modes with commas between them: `2,0,1`.
impl fmt::Display for ModeOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewestFlops => f.pad(FEWEST_FLOPS),
            Self::Given(modes) => {
                let modes: Vec<String> = modes.iter().map(usize::to_string).collect();
                f.pad(&modes.join(","))
            }
        }
    }
}

/// Parses `fewest-flops`, or modes with commas between them.
///
/// # Errors
/// [`Error::UnknownName`].
impl FromStr for ModeOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == FEWEST_FLOPS {
            return Ok(Self::FewestFlops);
        }
        let modes = text.split(',').map(|mode| mode.trim().parse());
        let modes: Option<Vec<usize>> = modes.map(Result::ok).collect();
        modes.map(Self::Given).ok_or_else(|| Error::UnknownName {
            what: "mode order",
            name: text.to_owned(),
            known: "fewest-flops and lists of modes such as 2,0,1",
        })
    }
}

/// The name of [`ModeOrder::FewestFlops`].
const FEWEST_FLOPS: &str = "fewest-flops";

/// The sequentially truncated higher-order SVD (Vannieuwenhoven, Vandebril &
/// Meerbergen, SIAM J. Sci. Comput. 2012, algorithm 1).
///
/// Starts from Y = X. For each mode n: Aₙ = leading left singular vectors of Y₍ₙ₎, then Y ← Y ×ₙ
/// Aₙᵀ. The last Y is the core. The squared error is exactly the sum of the discarded σᵢ², and at
/// most d times the best possible, with d the number of modes decomposed.
///
/// For a maximum number of entries, the first pass keeps all ranks that the best decomposition can
/// have, which the spectra of X bound. The result is the leading block of its core with the smallest
/// error, or ST-HOSVD of this core at the same ranks if that is more accurate. The spectra cost a Gram matrix of X for each mode.
///
/// For a tolerance ε, this algorithm first truncates to 0.7·ε. The result is then the leading block
/// of its core that stores the fewest entries within ε, or ST-HOSVD of this core if that stores
/// fewer.
///
/// Cost: little more than (Iₙ + 2·Rₙ)·|X| flops, with n the first mode, and at most about 1.2 times as
/// many for a tolerance; memory for the result of the first projection.
///
/// ```
/// use tenfold::{StHosvd, Tensor, Truncation};
/// let x = Tensor::from_fn(&[10, 10, 10], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
/// let tucker = StHosvd::new(Truncation::RelativeError(1e-3)).decompose(&x)?;
/// assert!(tucker.relative_error(&x)? <= 1e-3);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StHosvd {
    /// How far to truncate.
    pub truncation: Truncation,
    /// The modes to decompose; `None` for all modes.
    pub modes: Option<Vec<usize>>,
    /// The order of the modes.
    pub mode_order: ModeOrder,
    /// How singular vectors are computed.
    pub route: Route,
    /// Reports each mode, and cancels the solver on request.
    pub monitor: Monitor,
}

impl StHosvd {
    /// Decomposes all modes in the order of fewest flops by [`Route::Auto`].
    ///
    /// ```
    /// # use tenfold::{Route, StHosvd};
    /// assert_eq!(StHosvd::new([2, 3]).route, Route::Auto);
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            mode_order: ModeOrder::default(),
            route: Route::default(),
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// With a tolerance ε, the relative error is at most ε, or [`Tucker::shortfall`] holds the
    /// error that was reached.
    ///
    /// # Errors
    /// Those of [`Truncation::check`]; [`Error::NotAPermutation`] for [`StHosvd::mode_order`];
    /// [`Error::NonFinite`], [`Error::NoConvergence`], [`Error::OutOfMemory`],
    /// [`Error::Cancelled`]; [`Error::ResultOutOfRange`] if an entry of the core is above the
    /// largest scalar.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::from_fn(&[4, 5, 6], |i| (i[0] + i[1] * i[2]) as f64)?;
    /// let partial = StHosvd { modes: Some(vec![0, 2]), ..StHosvd::new([2, 2]) };
    /// assert_eq!(partial.decompose(&x)?.ranks(), [2, 5, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        self.decompose_by(RankChoice::FewestEntries, x.into())
    }

    /// [`StHosvd::decompose`] with this choice of the ranks for a tolerance.
    pub(super) fn decompose_by<T: Scalar>(
        &self,
        choice: RankChoice,
        x: TensorRef<'_, T>,
    ) -> Result<Tucker<T>> {
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        let order = self.order(x.shape(), &modes)?;
        // The budget is for all modes together.
        let total = |tolerance: f64| tolerance * tolerance;
        let route = self.route;
        let truncate = |x: TensorRef<'_, T>, truncation: &Truncation| {
            if let Truncation::MaxEntries(limit) = *truncation {
                return self.most_accurate(x, EntryLimit::new(limit, x.shape(), &modes), &modes);
            }
            within_tolerance(x, truncation, Rule { choice, route }, |aim, choice| {
                let budgets = budgets(aim, &modes, &order, total);
                if let (&Truncation::RelativeError(error), true) = (aim, choice.searches()) {
                    let first_pass = FirstPass::new(total(error), choice);
                    return self.fewest_entries(x, &budgets, first_pass);
                }
                Ok(self.truncate(x, &budgets, Discarded::default(), None)?.0)
            })
        };
        in_range(x, &self.truncation, truncate)
    }

    /// The most accurate decomposition of `modes` within `limit`: the closest block of the core of a
    /// first pass, or ST-HOSVD of this core at the ranks of the block.
    fn most_accurate<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        limit: EntryLimit<'_>,
        modes: &[usize],
    ) -> Result<Tucker<T>> {
        let computation = Computation {
            route: self.route,
            monitor: &self.monitor,
        };
        let first_pass = Self {
            truncation: limit.largest_ranks(x, computation)?,
            monitor: self.monitor.without_reports(),
            ..self.clone()
        };
        let order = first_pass.order(x.shape(), modes)?;
        let budgets = budgets(&first_pass.truncation, modes, &order, |_| 0.0);
        let (first, discarded) = first_pass.truncate(x, &budgets, Discarded::default(), None)?;
        let block = limit.closest_block(&first, discarded);
        let mut ascending = modes.to_vec();
        ascending.sort_unstable();
        let ranks = Truncation::at_most(&block.ranks, first.ranks(), Some(&ascending))?;
        let budgets = self::budgets(&ranks, &ascending, &order, |_| 0.0);
        let (of_core, all) = first_pass.truncate(first.core().view(), &budgets, discarded, None)?;
        let chosen = if all.share() < discarded.share() + block.outside {
            first.with_decomposed_core(of_core)?
        } else {
            EntryLimit::keep(first, &block, discarded)?
        };
        self.report(modes.len() + 1, modes.len() + 1, chosen.estimated_error())?;
        Ok(chosen)
    }

    /// The decomposition with the fewest entries that `first_pass` finds. The budgets are those of an
    /// even split.
    fn fewest_entries<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        budgets: &[(usize, Budget)],
        mut first_pass: FirstPass,
    ) -> Result<Tucker<T>> {
        let nothing = Discarded::default();
        let (first, discarded) = self.truncate(x, budgets, nothing, Some(&mut first_pass))?;
        let chosen = self.choose_from(first, discarded, first_pass, budgets)?;
        self.report(budgets.len(), budgets.len(), chosen.estimated_error())?;
        Ok(chosen)
    }

    /// The decomposition with the fewest entries, from the result `first` of a first pass that has
    /// discarded `discarded`. The budgets are those of an even split.
    pub(crate) fn choose_from<T: Scalar>(
        &self,
        first: Tucker<T>,
        discarded: Discarded,
        first_pass: FirstPass,
        budgets: &[(usize, Budget)],
    ) -> Result<Tucker<T>> {
        let silent = Self {
            monitor: self.monitor.without_reports(),
            ..self.clone()
        };
        let computation = Computation {
            route: self.route,
            monitor: &silent.monitor,
        };
        first_pass.fewest_entries(first, discarded, computation, |first| {
            let core = first.core().view();
            Ok(silent.truncate(core, budgets, discarded, None)?.0)
        })
    }

    /// Reports that `done` of `modes` modes are truncated.
    fn report(&self, done: usize, modes: usize, relative_error: Option<f64>) -> Result<()> {
        self.monitor.step(Progress {
            relative_error,
            ..Progress::new(done, modes)
        })
    }

    /// Aₙ = leading left singular vectors of Y₍ₙ₎, Y ← Y ×ₙ Aₙᵀ, for each mode, starting from
    /// Y = X. `discarded` is what X itself lacks, if it is the core of a decomposition. A `first_pass`
    /// chooses the ranks in place of the budgets. Returns what is discarded too.
    pub(super) fn truncate<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        budgets: &[(usize, Budget)],
        discarded: Discarded,
        mut first_pass: Option<&mut FirstPass>,
    ) -> Result<(Tucker<T>, Discarded)> {
        let mut truncator = Truncator::of_core(x.order(), discarded);
        let computation = Computation {
            route: self.route,
            monitor: &self.monitor,
        };
        let order: Vec<usize> = budgets.iter().map(|&(mode, _)| mode).collect();
        let mut y: Option<Tensor<T>> = None;
        for (step, &(mode, budget)) in budgets.iter().enumerate() {
            let current = y.as_ref().map_or(x, Tensor::view);
            let discarded = truncator.discarded();
            let own = discarded.budget(budget, order.len() - step);
            let sizes = Step::new(current.shape(), &order[step..]);
            // 1. The factor.
            let rank = |values: &[f64]| match &first_pass {
                Some(pass) => pass.rank(discarded, sizes, values),
                None => discarded.rank(own, values),
            };
            let leading = computation.leading(current, mode, own.needed(), rank)?;
            if let Some(pass) = &mut first_pass {
                pass.count(discarded, sizes, &leading.values);
            }
            // 2. The projection.
            let transposed = truncator.keep(mode, leading);
            y = Some(computation.mode_product(current, mode, transposed)?);
            // The last report of a first pass follows when the ranks are chosen.
            if first_pass.is_none() || step + 1 < budgets.len() {
                let error = truncator.discarded().relative_error();
                self.report(step + 1, budgets.len(), Some(error))?;
            }
        }
        let discarded = truncator.discarded();
        let core = y.unwrap_or_else(|| x.to_tensor());
        Ok((truncator.finish(core)?, discarded))
    }

    /// The maximum number of bytes that [`StHosvd::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::StHosvd;
    /// let shape = [1000, 1000, 1000];
    /// let bytes = StHosvd::new([10, 10, 10]).memory::<f32>(&shape)?;
    /// assert!(bytes < 2_000_000_000, "half of the tensor itself");
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let steps = problem.steps(&self.order(shape, &problem.modes)?);
        let truncating = truncate_memory(&problem.x, &steps);
        let even_split = truncate_memory(&problem.of_core().x, &steps);
        let choosing = choice_memory(&self.truncation, &problem, even_split);
        let solving = truncating.max(choosing);
        Ok(whole_bytes(solving.max(relative_error_memory(&problem))))
    }

    /// The order in which the modes are truncated.
    ///
    /// # Errors
    /// Those of options that do not fit tensors of extents `shape`.
    #[cfg(feature = "cuda")]
    pub(crate) fn resolved_order(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let modes = truncation::named_modes(self.modes.as_deref(), shape.len())?;
        truncation::check(&self.truncation, shape, &modes)?;
        self.order(shape, &modes)
    }

    /// The extents of the core of a tensor of extents `shape`, for options that fit the shape. A
    /// tolerance bounds no rank, so that the extents of the tensor are their upper bounds.
    #[cfg(feature = "cuda")]
    pub(crate) fn largest_core(&self, shape: &[usize]) -> Vec<usize> {
        let mut core = shape.to_vec();
        if let Truncation::Ranks(ranks) = &self.truncation {
            let all: Vec<usize> = (0..shape.len()).collect();
            let named = self.modes.as_ref().unwrap_or(&all);
            for (&mode, &rank) in named.iter().zip(ranks) {
                core[mode] = rank;
            }
        }
        core
    }

    /// The order in which `modes` are truncated.
    pub(super) fn order(&self, shape: &[usize], modes: &[usize]) -> Result<Vec<usize>> {
        match &self.mode_order {
            ModeOrder::Given(order) => {
                check_modes(order, shape.len())?;
                if order.len() != modes.len() || !order.iter().all(|mode| modes.contains(mode)) {
                    return Err(Error::NotAPermutation {
                        permutation: order.clone(),
                        order: modes.len(),
                    });
                }
                Ok(order.clone())
            }
            ModeOrder::FewestFlops => {
                let mut order: Vec<(f64, usize)> = modes
                    .iter()
                    .enumerate()
                    .map(|(position, &mode)| {
                        let rank = self.truncation.ranks().map(|ranks| ranks[position]);
                        (cost_key(shape[mode], rank), mode)
                    })
                    .collect();
                // Of equal modes the last comes first: its fibres are contiguous, so its unfolding
                // is read fastest.
                order.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
                Ok(order.into_iter().map(|(_, mode)| mode).collect())
            }
        }
    }
}

/// The sort key of a mode, smallest first. A mode of extent I and rank R costs I + 2R flops per
/// entry and reduces the number of entries by R/I. Exchanging two neighbours saves flops if
/// (I + 2R)/(1 − R/I) is larger for the first.
fn cost_key(extent: usize, rank: Option<usize>) -> f64 {
    let extent = extent as f64;
    match rank {
        Some(rank) if (rank as f64) < extent => {
            let rank = rank as f64;
            (extent + 2.0 * rank) / (1.0 - rank / extent)
        }
        Some(_) => f64::INFINITY,
        None => extent,
    }
}

/// The maximum number of bytes that [`StHosvd::truncate`] allocates for (mode, rank) steps. A step
/// needs its input (unless this is `x`), the factors so far, and the larger of the memory for the
/// singular vectors and for the product.
pub(super) fn truncate_memory(x: &Sizes, steps: &[(usize, f64)]) -> f64 {
    let (mut y, mut beside, mut factors, mut most) = (x.clone(), 0.0, 0.0, 0.0f64);
    for &(mode, rank) in steps {
        factors += y.extents[mode] * rank * y.scalar;
        let singular = left_singular_memory(&y, mode, rank);
        let product = mode_product_memory(&y, mode, rank);
        most = most.max(factors + beside + singular.max(product));
        y = y.with(mode, rank);
        beside = y.bytes();
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flops of Gram matrices (I per entry) and products (2R per entry) in this order.
    fn flops(shape: &[usize], ranks: &[usize], order: &[usize]) -> f64 {
        let mut entries: f64 = shape.iter().map(|&extent| extent as f64).product();
        let steps = order.iter().map(|&mode| {
            let (extent, rank) = (shape[mode] as f64, ranks[mode] as f64);
            let flops = entries * (extent + 2.0 * rank);
            entries *= rank / extent;
            flops
        });
        steps.sum()
    }

    #[test]
    fn no_order_takes_fewer_flops_than_the_chosen_one() {
        for (shape, ranks) in [
            ([40, 50, 60], [30, 5, 58]),
            ([100, 10, 40], [50, 2, 39]),
            ([9, 200, 30], [8, 180, 3]),
            ([20, 20, 20], [5, 19, 20]),
        ] {
            let st_hosvd = StHosvd::new(ranks);
            let chosen = st_hosvd.order(&shape, &[0, 1, 2]).unwrap();
            let least = flops(&shape, &ranks, &chosen);
            for other in crate::common::oracle::ORDERS_OF_THREE {
                let other_flops = flops(&shape, &ranks, &other);
                assert!(least <= other_flops * (1.0 + 1e-12), "{shape:?}: {other:?}");
            }
        }
    }
}
