//! HOSVD: the truncated higher-order SVD.

use super::budget::{Budget, Discarded, budgets};
use super::computation::Computation;
use super::decomposition::{Tucker, transposed};
use super::entry_limit::EntryLimit;
use super::in_range::in_range;
use super::memory::Problem;
use super::rank_choice::{EvenBudget, choice_memory};
use super::relative_error::relative_error_memory;
use super::tolerance::{RankChoice, Rule, within_tolerance};
use super::truncation::{self, Truncation};
use super::truncator::Truncator;
use crate::error::Result;
use crate::linalg::{Route, left_singular_memory};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, multi_mode_product_memory, whole_bytes};

/// The truncated higher-order SVD (De Lathauwer, De Moor & Vandewalle, SIAM J.
/// Matrix Anal. Appl. 2000; Kolda & Bader, figure 4.3).
///
/// Aₙ = leading left singular vectors of X₍ₙ₎ for every mode; G = X ×₀ A₀ᵀ ×₁ A₁ᵀ …. The squared
/// error is at most the sum of all discarded σᵢ², and at most d times the best possible, with d the
/// number of modes decomposed. It is computed from ‖X‖ and ‖G‖, and a small one is measured. The spectra are those of X itself. If they are not needed,
/// [`StHosvd`](super::StHosvd) is as accurate and cheaper.
///
/// Cost: ΣIₙ·|X| flops; memory for the result of the first projection.
///
/// ```
/// use tenfold::{Hosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4, 5], |i| (i[0] * i[1] + i[2]) as f64)?;
/// let tucker = Hosvd::new([2, 2, 2]).decompose(&x)?;
/// assert_eq!(tucker.spectrum(2).map(<[f64]>::len), Some(5));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hosvd {
    /// How far to truncate.
    pub truncation: Truncation,
    /// The modes to decompose; `None` for all modes.
    pub modes: Option<Vec<usize>>,
    /// How singular vectors are computed.
    pub route: Route,
    /// Reports each mode and the core, and cancels the solver on request.
    pub monitor: Monitor,
}

impl Hosvd {
    /// Decomposes all modes by [`Route::Auto`].
    ///
    /// ```
    /// # use tenfold::{Hosvd, Truncation};
    /// assert_eq!(Hosvd::new([2, 3]).truncation, Truncation::Ranks(vec![2, 3]));
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            route: Route::default(),
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// With a tolerance ε, the result is the leading block with the fewest entries of the core for
    /// 0.7·ε. The relative error is at most ε, or [`Tucker::shortfall`] holds the error that was
    /// reached.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`](super::StHosvd::decompose).
    ///
    /// ```
    /// # use tenfold::{Hosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
    /// let tucker = Hosvd::new(Truncation::RelativeError(1e-4)).decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? <= 1e-4);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        self.decompose_by(RankChoice::FewestEntries, x.into())
    }

    /// [`Hosvd::decompose`] with this choice of the ranks for a tolerance.
    pub(super) fn decompose_by<T: Scalar>(
        &self,
        choice: RankChoice,
        x: TensorRef<'_, T>,
    ) -> Result<Tucker<T>> {
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        // Each mode has its own budget.
        let even = |tolerance: f64| tolerance * tolerance / modes.len() as f64;
        let route = self.route;
        let truncate = |x: TensorRef<'_, T>, truncation: &Truncation| {
            if let Truncation::MaxEntries(limit) = *truncation {
                return self.most_accurate(x, EntryLimit::new(limit, x.shape(), &modes), &modes);
            }
            within_tolerance(x, truncation, Rule { choice, route }, |aim, choice| {
                if let (&Truncation::RelativeError(error), true) = (aim, choice.searches()) {
                    let budget = EvenBudget {
                        total: error * error,
                        modes: modes.len(),
                        choice,
                    };
                    return self.fewest_entries(x, &modes, budget);
                }
                let (mut tucker, discarded) =
                    self.truncate(x, &budgets(aim, &modes, &modes, even))?;
                tucker.measure_estimate(x, discarded.norm())?;
                self.report(modes.len() + 1, modes.len(), tucker.estimated_error())?;
                Ok(tucker)
            })
        };
        in_range(x, &self.truncation, truncate)
    }

    /// The most accurate decomposition of `modes` within `limit`: the closest block of the core of a
    /// first pass.
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
        let ranks = limit.largest_ranks(x, computation)?;
        let first_pass = Self {
            monitor: self.monitor.without_reports(),
            ..self.clone()
        };
        let budgets = budgets(&ranks, modes, modes, |_| 0.0);
        let (first, discarded) = first_pass.truncate(x, &budgets)?;
        let block = limit.closest_block(&first, discarded);
        let mut chosen = EntryLimit::keep(first, &block, discarded)?;
        chosen.measure_estimate(x, discarded.norm())?;
        self.report(modes.len() + 1, modes.len(), chosen.estimated_error())?;
        Ok(chosen)
    }

    /// The decomposition with the fewest entries that `budget` finds.
    fn fewest_entries<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        modes: &[usize],
        budget: EvenBudget,
    ) -> Result<Tucker<T>> {
        let first_pass = modes.iter().map(|&mode| (mode, budget.first_pass()));
        let (first, discarded) = self.truncate(x, &first_pass.collect::<Vec<_>>())?;
        let mut chosen = self.choose_from(first, discarded, budget)?;
        chosen.measure_estimate(x, discarded.norm())?;
        self.report(modes.len() + 1, modes.len(), chosen.estimated_error())?;
        Ok(chosen)
    }

    /// The decomposition with the fewest entries, from the result `first` of a first pass that lacks
    /// at most `discarded`.
    pub(crate) fn choose_from<T: Scalar>(
        &self,
        first: Tucker<T>,
        discarded: Discarded,
        budget: EvenBudget,
    ) -> Result<Tucker<T>> {
        let computation = Computation {
            route: self.route,
            monitor: &self.monitor.without_reports(),
        };
        budget.fewest_entries(first, discarded, computation)
    }

    /// Reports that `done` steps are done: one for each mode, and one for the core.
    fn report(&self, done: usize, modes: usize, relative_error: Option<f64>) -> Result<()> {
        self.monitor.step(Progress {
            relative_error,
            ..Progress::new(done, modes + 1)
        })
    }

    /// Aₙ = leading left singular vectors of X₍ₙ₎ for each mode; G = X ×ₙ Aₙᵀ …. Returns what the modes
    /// discard too: an upper bound of the error. Does not report the core.
    fn truncate<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        budgets: &[(usize, Budget)],
    ) -> Result<(Tucker<T>, Discarded)> {
        let mut truncator = Truncator::new(x.order());
        let computation = Computation {
            route: self.route,
            monitor: &self.monitor,
        };
        for (step, &(mode, budget)) in budgets.iter().enumerate() {
            truncator.truncate(x, mode, budget, computation)?;
            let error = truncator.discarded().relative_error();
            self.report(step + 1, budgets.len(), Some(error))?;
        }
        let modes: Vec<usize> = budgets.iter().map(|&(mode, _)| mode).collect();
        let core = computation.multi_mode_product(x, &transposed(truncator.factors(), &modes))?;
        let discarded = truncator.discarded();
        Ok((truncator.finish(core)?, discarded))
    }

    /// The maximum number of bytes that [`Hosvd::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`Hosvd::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::Hosvd;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Hosvd::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let steps = problem.steps(&problem.modes);
        let singular = steps
            .iter()
            .map(|&(mode, rank)| left_singular_memory(&problem.x, mode, rank));
        let projecting = multi_mode_product_memory(&problem.x, &steps);
        let truncating = problem.result() + singular.fold(projecting, f64::max);
        let choosing = choice_memory(&self.truncation, &problem, 0.0);
        let solving = truncating.max(choosing);
        Ok(whole_bytes(solving.max(relative_error_memory(&problem))))
    }
}
