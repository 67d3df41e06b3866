//! HOOI: higher-order orthogonal iteration. [`sweeps`](super::sweeps) holds the iteration itself.

use super::decomposition::Tucker;
use super::memory::Problem;
use super::rank_choice::SMALL;
use super::refinement::refinement_memory;
use super::sweeps::{Options, Sweeps, sweep_memory};
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::Route;
use crate::monitor::Monitor;
use crate::names::named;
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, check_modes, whole_bytes};

/// The start of HOOI.
///
/// ```
/// use tenfold::{Hooi, Start};
/// let as_in_tensorly = Hooi { start: Start::Hosvd, ..Hooi::new([2, 2, 2]) };
/// assert_eq!(Hooi::new([2, 2, 2]).start, Start::StHosvd);
/// # assert_eq!(as_in_tensorly.start, Start::Hosvd);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// The result of [`StHosvd`](crate::StHosvd).
    #[default]
    StHosvd,
    /// The result of [`Hosvd`](crate::Hosvd), as in TensorLy and the Tensor Toolbox.
    Hosvd,
    /// Orthonormal bases of random matrices, drawn with [`Hooi::seed`]. Needs ranks.
    Random,
}

named!(Start, "start", StHosvd => "st-hosvd", Hosvd => "hosvd", Random => "random");

/// Higher-order orthogonal iteration (De Lathauwer, De Moor & Vandewalle, SIAM
/// J. Matrix Anal. Appl. 2000; Kolda & Bader, figure 4.4): alternating least
/// squares for the best approximation at given ranks.
///
/// A sweep updates the modes one after the other: Y = X ×ₘ≠ₙ Aₘᵀ, then Aₙ = leading left singular
/// vectors of Y₍ₙ₎. A sweep never increases the error, up to rounding. The iteration converges to a
/// local optimum. The error of the start is at most √d times the best possible, with d the number
/// of modes decomposed.
///
/// If at most one mode is truncated, the start from ST-HOSVD or HOSVD is a best decomposition, and no
/// sweep is made, unless the sweep tolerance is 0.
///
/// For a tolerance, sweeps on the compressed tensor of a first pass lower the ranks of the start. When
/// the sweeps on X settle, each rank is lowered by one on trial, and the iteration goes on from the
/// first ranks within the tolerance. It ends at ranks of which none can be lowered alone. A sweep
/// after lower ranks may have a larger error than the sweep before, but not above the tolerance. If
/// [`Hooi::max_sweeps`] ends the iteration before it settles, no trial is made.
///
/// Cost of a sweep: little more than two projections of X, 2·R·|X| flops each, with R the rank of
/// the first mode of the projection.
///
/// ```
/// use tenfold::{Hooi, Tensor};
/// let x = Tensor::from_fn(&[8, 8, 8], |i| 1.0 / (1 + i[0] + 2 * i[1] + i[2]) as f64)?;
/// let hooi = Hooi { sweep_tolerance: 1e-10, ..Hooi::new([2, 2, 2]) };
/// let tucker = hooi.decompose(&x)?;
/// assert!(tucker.relative_error(&x)? < 0.1);
///
/// // Progress, logging and early stop, without callbacks:
/// let mut sweeps = hooi.sweeps(&x)?;
/// while let Some(sweep) = sweeps.next().transpose()? {
///     if sweep.relative_error < 0.5 {
///         break;
///     }
/// }
/// let early = sweeps.finish()?;
/// assert_eq!(early.convergence().map(|c| c.sweeps), Some(1));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hooi {
    /// The ranks, a tolerance, or a maximum number of entries.
    pub truncation: Truncation,
    /// The modes to decompose; all for `None`.
    pub modes: Option<Vec<usize>>,
    /// The start.
    pub start: Start,
    /// The number of starts. The first is [`Hooi::start`], the others are random, with the seeds
    /// that follow [`Hooi::seed`]. [`Hooi::decompose`] sweeps from each, and returns the
    /// decomposition of the smallest error, the first one on a tie. More than one needs ranks.
    pub starts: usize,
    /// The seed of [`Start::Random`].
    pub seed: u64,
    /// Decomposed modes with factors that stay as the start has them. The sweeps find the best
    /// factors of the other modes for them. Needs ranks; mostly of use with
    /// [`Hooi::decompose_from`].
    pub fixed: Vec<usize>,
    /// The order in which a sweep updates the modes: all decomposed modes, each once. `None` for
    /// ascending order.
    pub order: Option<Vec<usize>>,
    /// The iteration stops after a sweep that changes the relative error by less than this, or
    /// by less than the rounding error. With 0 it makes all [`Hooi::max_sweeps`] sweeps.
    pub sweep_tolerance: f64,
    /// The maximum number of sweeps.
    pub max_sweeps: usize,
    /// How singular vectors are computed.
    pub route: Route,
    /// Reports each sweep, and cancels the solver on request.
    pub monitor: Monitor,
}

impl Hooi {
    /// Decomposes all modes, starts from ST-HOSVD, and stops at a change below 1e-8 or after 100
    /// sweeps.
    ///
    /// ```
    /// # use tenfold::Hooi;
    /// let hooi = Hooi::new([3, 3, 3]);
    /// assert_eq!((hooi.sweep_tolerance, hooi.max_sweeps), (1e-8, 100));
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            start: Start::default(),
            starts: 1,
            seed: 0,
            fixed: Vec::new(),
            order: None,
            sweep_tolerance: 1e-8,
            max_sweeps: 100,
            route: Route::default(),
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`: sweeps until the relative error settles, or [`Hooi::max_sweeps`] is reached,
    /// from each of [`Hooi::starts`].
    ///
    /// # Errors
    /// Those of [`Hooi::sweeps`].
    ///
    /// ```
    /// # use tenfold::{Hooi, Tensor};
    /// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// assert!(Hooi::new([3, 3, 3]).decompose(&x)?.relative_error(&x)? < 0.02);
    /// assert!(Hooi::new([3, 3]).decompose(&x).is_err());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        let mut best = self.sweeps(x)?;
        best.run()?;
        for index in 1..self.starts {
            let mut sweeps = self.sweeps_of(x, index)?;
            sweeps.run()?;
            if sweeps.relative_error() < best.relative_error() {
                best = sweeps;
            }
        }
        best.finish()
    }

    /// The iteration from the first start as an iterator. Each item is a sweep.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`](crate::StHosvd::decompose); [`Error::ToleranceOutOfRange`]
    /// for [`Hooi::sweep_tolerance`]; [`Error::NotPositive`] for [`Hooi::max_sweeps`] and
    /// [`Hooi::starts`]; [`Error::ModeOutOfRange`], [`Error::RepeatedMode`],
    /// [`Error::ModeNotDecomposed`] and [`Error::LengthMismatch`] for [`Hooi::fixed`] and
    /// [`Hooi::order`]; [`Error::RanksNeeded`] for a tolerance with a random start, several starts
    /// or fixed modes.
    ///
    /// ```
    /// # use tenfold::{Hooi, Tensor};
    /// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// let hooi = Hooi { max_sweeps: 2, sweep_tolerance: 0.0, ..Hooi::new([2, 2, 2]) };
    /// for sweep in hooi.sweeps(&x)? {
    ///     assert!(sweep?.relative_error < 0.2);
    /// }
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn sweeps<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Sweeps<'a, T>> {
        self.check()?;
        self.sweeps_of(x.into(), 0)
    }

    /// The options of sweeps from given factors, or from start number `index`. `requested` is the
    /// requested relative error; `None` for given ranks.
    pub(super) fn options(&self, requested: Option<f64>, index: usize) -> Options {
        Options {
            requested,
            fixed: self.fixed.clone(),
            order: self.order.clone(),
            steps_before: index.saturating_mul(self.max_sweeps),
            steps: self.starts.saturating_mul(self.max_sweeps),
            route: self.route,
            monitor: self.monitor.clone(),
            sweep_tolerance: self.sweep_tolerance,
            max_sweeps: self.max_sweeps,
            starts_at_optimum: false,
        }
    }

    /// Whether the start is a best decomposition of a tensor of extents `shape`, so that no sweep can
    /// improve it. This holds for given ranks if at most one mode is truncated: the start then has the
    /// leading left singular vectors of that mode (Eckart & Young 1936).
    pub(crate) fn starts_at_optimum(&self, shape: &[usize]) -> bool {
        let (Some(ranks), Ok(modes)) = (
            self.truncation.ranks(),
            truncation::named_modes(self.modes.as_deref(), shape.len()),
        ) else {
            return false;
        };
        let truncated = modes
            .iter()
            .zip(ranks)
            .filter(|(mode, rank)| shape[**mode] != **rank);
        self.start != Start::Random && self.sweep_tolerance > 0.0 && truncated.count() <= 1
    }

    /// The maximum number of bytes that [`Hooi::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`Hooi::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::Hooi;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Hooi::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        self.check_modes(&problem.modes, shape.len())?;
        let start = self.start_memory::<T>(shape)?;
        // The core and the factors of the previous sweep are kept until they are replaced.
        let sweep = problem.result() + sweep_memory(&problem, &self.options(None, 0));
        // For a tolerance, the decomposition of a trial, and the refinement of a start at most half as
        // large.
        let lowering = if self.truncation.tolerance().is_some() {
            let first = problem.result() + problem.factors(&problem.ranks);
            (problem.result() + sweep).max(first + SMALL * refinement_memory(&problem))
        } else {
            0.0
        };
        // With several starts, the best decomposition so far is kept.
        let best = if self.starts > 1 {
            whole_bytes(problem.result())
        } else {
            0
        };
        let most = start.max(whole_bytes(sweep.max(lowering)));
        Ok(most.saturating_add(best))
    }

    pub(crate) fn check(&self) -> Result<()> {
        truncation::check_tolerance("the sweep tolerance", self.sweep_tolerance)?;
        let counts = [
            (self.max_sweeps, "the number of sweeps"),
            (self.starts, "the number of starts"),
        ];
        match counts.iter().find(|(count, _)| *count == 0) {
            Some(&(_, what)) => Err(Error::NotPositive { what }),
            None => Ok(()),
        }
    }

    /// Checks [`Hooi::fixed`] and [`Hooi::order`] for the decomposed modes of a tensor with `order`
    /// modes.
    pub(super) fn check_modes(&self, decomposed: &[usize], order: usize) -> Result<()> {
        let given = self.order.as_deref();
        for modes in [Some(self.fixed.as_slice()), given].into_iter().flatten() {
            check_modes(modes, order)?;
            if let Some(&mode) = modes.iter().find(|mode| !decomposed.contains(mode)) {
                return Err(Error::ModeNotDecomposed { mode });
            }
        }
        match given {
            Some(given) if given.len() != decomposed.len() => Err(Error::LengthMismatch {
                what: "the order of the modes",
                expected: decomposed.len(),
                actual: given.len(),
            }),
            _ => Ok(()),
        }
    }
}
