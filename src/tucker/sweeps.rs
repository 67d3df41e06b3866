//! The sweeps of HOOI.
//!
//! A sweep updates each factor while the others stay fixed. The modes are halved recursively,
//! so that projections are shared. For four modes, with Y = X projected on the factors of the
//! modes in brackets:
//!
//! ```text
//!                     X
//!          ┌──────────┴──────────┐
//!       Y [2,3]               Y [0,1]
//!      ┌───┴───┐             ┌───┴───┐
//! Y [1,2,3]  Y [0,2,3]  Y [0,1,3]  Y [0,1,2]
//!    A₀         A₁         A₂         A₃
//! ```

use super::computation::Computation;
use super::decomposition::{Replacement, Tucker, transposed};
use super::in_range::InRange;
use super::memory::Problem;
use super::outcome::{Convergence, Stop};
use super::relative_error::error_of_projection;
use super::tolerance::Contract;
use crate::error::Result;
use crate::linalg::{Needed, Route, left_singular_memory};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::tensor::{
    Sizes, Tensor, TensorRef, mode_product_memory, multi_mode_product, multi_mode_product_memory,
    norm,
};

/// One sweep over all modes.
///
/// ```
/// use tenfold::{Hooi, Tensor};
/// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
/// let sweep = Hooi::new([2, 2, 2]).sweeps(&x)?.next().transpose()?;
/// assert_eq!(sweep.map(|sweep| sweep.index), Some(1));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sweep {
    /// The number of the sweep, from 1.
    pub index: usize,
    /// The relative error ‖X − X̂‖/‖X‖ after the sweep, accurate to a few ε of the scalar. It is
    /// computed from ‖X‖² − ‖G‖² if this difference loses few digits, and measured otherwise.
    pub relative_error: f64,
    /// The previous relative error minus this one. If ranks were lowered after the previous sweep,
    /// the error at the lower ranks counts.
    pub change: f64,
}

/// The options of the sweeps.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// The requested relative error; `None` for given ranks.
    pub(super) requested: Option<f64>,
    /// How singular vectors are computed.
    pub(super) route: Route,
    /// Reports each sweep, and cancels the solver on request.
    pub(super) monitor: Monitor,
    /// The change of the relative error at which the iteration stops; 0 for never.
    pub(super) sweep_tolerance: f64,
    /// The maximum number of sweeps.
    pub(super) max_sweeps: usize,
    /// Whether the start cannot be improved, so that there are no sweeps.
    pub(super) starts_at_optimum: bool,
    /// The modes with factors that are not updated.
    pub(super) fixed: Vec<usize>,
    /// The order in which a sweep visits the decomposed modes; ascending for `None`.
    pub(super) order: Option<Vec<usize>>,
    /// The sweeps of earlier starts, and the sweeps of all starts, at most. They count in reports.
    pub(super) steps_before: usize,
    pub(super) steps: usize,
}

impl Options {
    /// The modes that a sweep updates, in its order, of the decomposed modes.
    fn updated(&self, decomposed: Vec<usize>) -> Vec<usize> {
        let mut modes = self.order.clone().unwrap_or(decomposed);
        modes.retain(|mode| !self.fixed.contains(mode));
        modes
    }
}

/// A HOOI run: an iterator over its sweeps, which [`Sweeps::finish`] turns into the
/// decomposition.
///
/// ```
/// use tenfold::{Hooi, Tensor};
/// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
/// let mut sweeps = Hooi::new([2, 2, 2]).sweeps(&x)?;
/// let falling = sweeps.by_ref().all(|sweep| sweep.is_ok_and(|sweep| sweep.change > -1e-12));
/// assert!(falling);
/// assert_eq!(sweeps.finish()?.ranks(), [2, 2, 2]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sweeps<'a, T> {
    pub(super) x: InRange<'a, T>,
    /// X projected on the fixed factors, if there are fixed modes. The sweeps then use this tensor
    /// in place of X.
    projected: Option<Tensor<T>>,
    pub(super) tucker: Tucker<T>,
    pub(super) options: Options,
    /// The number of sweeps made.
    made: usize,
    pub(super) error: KnownError,
    /// The relative error up to which ranks are lowered; `None` for given ranks, and for a tolerance
    /// that the start does not meet.
    pub(super) lowering: Option<f64>,
    stop: Option<Stop>,
}

impl<'a, T: Scalar> Sweeps<'a, T> {
    /// The sweeps on `x` from the decomposition `start`.
    pub(super) fn new(x: InRange<'a, T>, start: Tucker<T>, options: Options) -> Result<Self> {
        let contract = |tolerance| Contract::new::<T>(tolerance, x.view().shape(), options.route);
        let met = options.requested.filter(|_| start.shortfall().is_none());
        let fixed = transposed(start.factors(), &options.fixed);
        let projected = match fixed.as_slice() {
            [] => None,
            fixed => Some(multi_mode_product(x.view(), fixed)?),
        };
        Ok(Self {
            error: KnownError::of(&start, &x)?,
            projected,
            lowering: met.map(|tolerance| contract(tolerance).share),
            x,
            tucker: start,
            stop: options.starts_at_optimum.then_some(Stop::Converged),
            options,
            made: 0,
        })
    }

    /// The decomposition after the sweeps made so far.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`](crate::Error::ResultOutOfRange) if an entry of the core is above
    /// the largest scalar.
    ///
    /// ```
    /// # use tenfold::{Hooi, Stop, Tensor};
    /// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// let tucker = Hooi::new([2, 2, 2]).sweeps(&x)?.finish()?;
    /// assert_eq!(tucker.convergence().map(|c| c.stop), Some(Stop::Interrupted));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn finish(self) -> Result<Tucker<T>> {
        let mut tucker = self.tucker;
        if self.error.measured {
            tucker.set_estimated_error(self.error.relative_error);
        } else {
            tucker.estimate_error(self.x.view(), self.error.relative_error)?;
        }
        if let (Some(requested), Some(reached)) = (self.options.requested, tucker.estimated_error())
        {
            tucker.note_shortfall(requested, reached);
        }
        tucker.set_convergence(Convergence {
            sweeps: self.made,
            stop: self.stop.unwrap_or(Stop::Interrupted),
        });
        self.x.restore(tucker, self.options.requested)
    }

    /// Sweeps until the iteration stops.
    pub(super) fn run(&mut self) -> Result<()> {
        self.try_for_each(|sweep| sweep.map(drop))
    }

    /// The relative error after the sweeps made so far.
    pub(super) fn relative_error(&self) -> f64 {
        self.error.relative_error
    }

    /// Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎ for each mode n that is not fixed.
    fn sweep(&mut self) -> Result<Sweep> {
        // 1. Update the factors.
        let modes = self.options.updated(self.tucker.decomposed_modes());
        let computation = Computation {
            route: self.options.route,
            monitor: &self.options.monitor,
        };
        let y = self.projected.as_ref().map_or(self.x.view(), Tensor::view);
        update(&mut self.tucker, y, &modes, computation)?;
        // 2. The new error, and whether the iteration stops.
        let previous = self.error.relative_error;
        self.error = KnownError::of(&self.tucker, &self.x)?;
        let relative_error = self.error.relative_error;
        let change = previous - relative_error;
        self.made += 1;
        let settled = self.error.is_settled(change, self.options.sweep_tolerance);
        let lower = if settled {
            self.lower_rank(computation)?
        } else {
            None
        };
        if let Some((tucker, error)) = lower {
            (self.tucker, self.error) = (tucker, error);
        } else if settled {
            self.stop = Some(Stop::Converged);
        }
        if self.stop.is_none() && self.made == self.options.max_sweeps {
            self.stop = Some(Stop::SweepLimit);
        }
        // 3. Report.
        self.options.monitor.step(Progress {
            relative_error: Some(relative_error),
            ..Progress::new(
                self.options.steps_before.saturating_add(self.made),
                self.options.steps,
            )
        })?;
        Ok(Sweep {
            index: self.made,
            relative_error,
            change,
        })
    }
}

/// The relative error of a decomposition.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownError {
    pub(super) relative_error: f64,
    /// The rounding error of the relative error.
    rounding: f64,
    /// Whether the relative error was measured. Otherwise it was computed from norms.
    measured: bool,
}

impl KnownError {
    /// ‖X − X̂‖/‖X‖ and its rounding error. The difference ‖X‖² − ‖G‖² has a rounding error of about
    /// 4ε‖X‖². If this leaves fewer than two digits, the error is measured.
    pub(super) fn of<T: Scalar>(tucker: &Tucker<T>, x: &InRange<'_, T>) -> Result<Self> {
        let from_norms = error_of_projection(x.norm, norm(tucker.core()));
        let measured = from_norms < 10.0 * T::EPSILON.sqrt();
        Ok(if measured {
            Self::measured::<T>(tucker.relative_error(x.view())?)
        } else {
            Self {
                relative_error: from_norms,
                rounding: 2.0 * T::EPSILON / from_norms,
                measured,
            }
        })
    }

    fn measured<T: Scalar>(relative_error: f64) -> Self {
        Self {
            relative_error,
            rounding: 4.0 * T::EPSILON,
            measured: true,
        }
    }

    /// Whether a change of the error by `change` ends an iteration with this tolerance. With a
    /// tolerance of 0 none does.
    pub(super) fn is_settled(self, change: f64, sweep_tolerance: f64) -> bool {
        let settled = change.abs() < sweep_tolerance
            || change.abs() <= self.rounding
            || self.relative_error == 0.0;
        settled && sweep_tolerance > 0.0
    }

    /// The error that decides whether it is at most `limit`: measured, if rounding could change the
    /// answer. The rounding errors of the products in G change ‖G‖² by at most ΣIₙ·ε·‖X‖².
    pub(super) fn decided<T: Scalar>(
        self,
        limit: f64,
        tucker: &Tucker<T>,
        x: &InRange<'_, T>,
    ) -> Result<Self> {
        let extents: usize = tucker.shape().iter().sum();
        let rounding = extents as f64 * self.rounding;
        if self.measured || (self.relative_error - limit).abs() > rounding {
            return Ok(self);
        }
        Ok(Self::measured::<T>(tucker.relative_error(x.view())?))
    }
}

/// Updates the factors of `modes` one after the other. `y` is X projected on the current factors
/// of all other modes.
///
/// The recursion is the tree in the documentation of this file: each half of the modes uses the
/// projection of `y` on the factors of the other half. A sweep projects the whole of X twice
/// instead of once for each mode (Phan, Tichavský & Cichocki, IEEE Trans. Signal Process. 2013,
/// §III).
pub(super) fn update<T: Scalar>(
    tucker: &mut Tucker<T>,
    y: TensorRef<'_, T>,
    modes: &[usize],
    computation: Computation<'_>,
) -> Result<()> {
    if modes.is_empty() {
        return Ok(());
    }
    if let &[mode] = modes {
        let rank = tucker.ranks()[mode];
        let leading = computation.leading(y, mode, Needed::Rank(rank), |_| rank)?;
        let replacement = Replacement {
            core: computation.mode_product(y, mode, leading.vectors.transpose())?,
            factor: leading.vectors,
            values: Some(leading.values),
            rung: leading.rung,
        };
        return tucker.replace_mode(mode, replacement);
    }
    let (first, second) = modes.split_at(modes.len() / 2);
    for (half, other) in [(first, second), (second, first)] {
        let projected = computation.multi_mode_product(y, &transposed(tucker.factors(), other))?;
        update(tucker, projected.view(), half, computation)?;
    }
    Ok(())
}

/// The maximum number of bytes that a sweep allocates, with X projected on the fixed factors.
pub(super) fn sweep_memory(problem: &Problem, options: &Options) -> f64 {
    let updated = options.updated(problem.modes.clone());
    if options.fixed.is_empty() {
        return update_memory(problem, &problem.x, &updated);
    }
    let products = problem.steps(&options.fixed);
    let y = products
        .iter()
        .fold(problem.x.clone(), |y, &(mode, rank)| y.with(mode, rank));
    let sweep = y.bytes() + update_memory(problem, &y, &updated);
    multi_mode_product_memory(&problem.x, &products).max(sweep)
}

/// The maximum number of bytes that [`update`] allocates, where `y` has these sizes.
pub(super) fn update_memory(problem: &Problem, y: &Sizes, modes: &[usize]) -> f64 {
    if modes.is_empty() {
        return 0.0;
    }
    if let &[mode] = modes {
        let rank = problem.ranks[mode];
        return left_singular_memory(y, mode, rank).max(mode_product_memory(y, mode, rank));
    }
    let (first, second) = modes.split_at(modes.len() / 2);
    let halves = [(first, second), (second, first)].map(|(half, other)| {
        let products = problem.steps(other);
        let projected = products
            .iter()
            .fold(y.clone(), |y, &(mode, rank)| y.with(mode, rank));
        let updating = projected.bytes() + update_memory(problem, &projected, half);
        multi_mode_product_memory(y, &products).max(updating)
    });
    halves[0].max(halves[1])
}

impl<T: Scalar> Iterator for Sweeps<'_, T> {
    type Item = Result<Sweep>;

    fn next(&mut self) -> Option<Self::Item> {
        self.stop.is_none().then(|| self.sweep())
    }
}
