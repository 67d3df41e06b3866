//! HOOI: higher-order orthogonal iteration. [`sweeps`](super::sweeps) holds the iteration itself.

use faer::Mat;

use super::decomposition::{Components, Tucker, transposed};
use super::hosvd::Hosvd;
use super::in_range::InRange;
use super::memory::Problem;
use super::rank_choice::SMALL;
use super::refinement::refinement_memory;
use super::st_hosvd::StHosvd;
use super::sweeps::{Options, Sweeps, update_memory};
use super::tolerance::RankChoice;
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::{Route, orthonormal_basis};
use crate::monitor::Monitor;
use crate::names::named;
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, multi_mode_product, norm, whole_bytes};

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
    /// The result of [`StHosvd`].
    #[default]
    StHosvd,
    /// The result of [`Hosvd`], as in TensorLy and the Tensor Toolbox.
    Hosvd,
}

named!(Start, "start", StHosvd => "st-hosvd", Hosvd => "hosvd");

/// Higher-order orthogonal iteration (De Lathauwer, De Moor & Vandewalle, SIAM
/// J. Matrix Anal. Appl. 2000; Kolda & Bader, figure 4.4): alternating least
/// squares for the best approximation at given ranks.
///
/// A sweep updates the modes one after the other: Y = X ×ₘ≠ₙ Aₘᵀ, then Aₙ = leading left singular
/// vectors of Y₍ₙ₎. A sweep never increases the error, up to rounding. The iteration converges to a
/// local optimum. The error of the start is at most √d times the best possible, with d the number
/// of modes decomposed.
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
            sweep_tolerance: 1e-8,
            max_sweeps: 100,
            route: Route::default(),
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`: sweeps until the relative error settles, or [`Hooi::max_sweeps`] is reached.
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
        let mut sweeps = self.sweeps(x)?;
        for sweep in &mut sweeps {
            sweep?;
        }
        sweeps.finish()
    }

    /// The iteration as an iterator. Each item is a sweep.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`]; [`Error::ToleranceOutOfRange`] for
    /// [`Hooi::sweep_tolerance`] and [`Error::NotPositive`] for [`Hooi::max_sweeps`].
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
        let x = x.into();
        self.check()?;
        truncation::check(
            &self.truncation,
            x.shape(),
            &truncation::named_modes(self.modes.as_deref(), x.order())?,
        )?;
        let x = InRange::new(x, norm(x))?;
        let start = match self.start {
            Start::StHosvd => self
                .st_hosvd()
                .decompose_by(RankChoice::Refined, x.view())?,
            Start::Hosvd => self.hosvd().decompose_by(RankChoice::Refined, x.view())?,
        };
        Sweeps::new(x, start, self.options(self.truncation.tolerance()))
    }

    /// Like [`Hooi::sweeps`], starting from given factors. A mode with `None` is not decomposed.
    /// The ranks are the numbers of columns. [`Hooi::truncation`], [`Hooi::modes`] and
    /// [`Hooi::start`] are not used.
    ///
    /// The factors need not be orthonormal: the iteration uses orthonormal bases of their column
    /// spaces.
    ///
    /// # Errors
    /// [`Error::FactorCountMismatch`], [`Error::FactorShapeMismatch`], [`Error::NoModes`] if there
    /// is no factor, [`Error::NonFinite`] for an entry of the tensor or of a factor, the errors of
    /// [`Truncation::check`] for the ranks, and the errors of [`Hooi::sweeps`].
    ///
    /// ```
    /// # use tenfold::{Hooi, Tensor};
    /// use tenfold::faer::Mat;
    /// let x = Tensor::from_fn(&[4, 5, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// let factors = vec![Some(Mat::identity(4, 2)), None, Some(Mat::identity(6, 2))];
    /// let mut sweeps = Hooi::new([2, 2]).sweeps_from(&x, factors)?;
    /// sweeps.next().transpose()?;
    /// assert_eq!(sweeps.finish()?.ranks(), [2, 5, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn sweeps_from<'a, T: Scalar>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        factors: Vec<Option<Mat<T>>>,
    ) -> Result<Sweeps<'a, T>> {
        let x = x.into();
        // 1. Check the options, the factors and the ranks.
        self.check()?;
        if factors.len() != x.order() {
            return Err(Error::FactorCountMismatch {
                actual: factors.len(),
                order: x.order(),
            });
        }
        for (mode, factor) in factors.iter().enumerate() {
            let extent = x.shape()[mode];
            if let Some(factor) = factor
                && factor.nrows() != extent
            {
                return Err(Error::FactorShapeMismatch {
                    mode,
                    expected: (extent, factor.ncols()),
                    actual: (factor.nrows(), factor.ncols()),
                });
            }
        }
        let modes: Vec<usize> = (0..x.order()).filter(|&n| factors[n].is_some()).collect();
        truncation::named_modes(Some(&modes), x.order())?;
        let ranks = factors.iter().flatten().map(Mat::ncols).collect();
        truncation::check(&Truncation::Ranks(ranks), x.shape(), &modes)?;
        // 2. Orthonormal bases, and the core that belongs to them.
        let x = InRange::new(x, norm(x))?;
        let orthonormal = factors
            .iter()
            .map(|factor| factor.as_ref().map(|a| orthonormal_basis(a.as_ref())))
            .map(Option::transpose)
            .collect::<Result<Vec<_>>>()?;
        let core = multi_mode_product(x.view(), &transposed(&orthonormal, &modes))?;
        let start = Tucker::from_components(Components::new(core, orthonormal))?;
        Sweeps::new(x, start, self.options(None))
    }

    /// The options of the sweeps. `requested` is the requested relative error; `None` for given
    /// ranks.
    fn options(&self, requested: Option<f64>) -> Options {
        Options {
            requested,
            route: self.route,
            monitor: self.monitor.clone(),
            sweep_tolerance: self.sweep_tolerance,
            max_sweeps: self.max_sweeps,
        }
    }

    /// The solver of [`Start::StHosvd`].
    fn st_hosvd(&self) -> StHosvd {
        StHosvd {
            modes: self.modes.clone(),
            route: self.route,
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(self.truncation.clone())
        }
    }

    /// The solver of [`Start::Hosvd`].
    fn hosvd(&self) -> Hosvd {
        Hosvd {
            modes: self.modes.clone(),
            route: self.route,
            monitor: self.monitor.without_reports(),
            ..Hosvd::new(self.truncation.clone())
        }
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
        let start = match self.start {
            Start::StHosvd => self.st_hosvd().memory::<T>(shape)?,
            Start::Hosvd => self.hosvd().memory::<T>(shape)?,
        };
        // The core and the factors of the previous sweep are kept until they are replaced.
        let sweep = problem.result() + update_memory(&problem, &problem.x, &problem.modes);
        // For a tolerance, the decomposition of a trial, and the refinement of a start at most half as
        // large.
        let lowering = if self.truncation.tolerance().is_some() {
            let first = problem.result() + problem.factors(&problem.ranks);
            (problem.result() + sweep).max(first + SMALL * refinement_memory(&problem))
        } else {
            0.0
        };
        Ok(start.max(whole_bytes(sweep.max(lowering))))
    }

    pub(crate) fn check(&self) -> Result<()> {
        truncation::check_tolerance("the sweep tolerance", self.sweep_tolerance)?;
        if self.max_sweeps == 0 {
            return Err(Error::NotPositive {
                what: "the number of sweeps",
            });
        }
        Ok(())
    }
}
