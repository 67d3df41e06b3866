//! HOOI: higher-order orthogonal iteration.
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

use faer::Mat;

use super::computation::Computation;
use super::decomposition::{Convergence, Replacement, Stop, Tucker, transposed};
use super::hosvd::Hosvd;
use super::in_range::{Estimate, InRange};
use super::memory::Problem;
use super::relative_error::error_of_projection;
use super::st_hosvd::StHosvd;
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::{Precision, Route, left_singular_memory, orthonormal_basis};
use crate::monitor::{Monitor, Progress};
use crate::names::named;
use crate::scalar::Scalar;
use crate::tensor::{
    Sizes, TensorRef, mode_product_memory, multi_mode_product, multi_mode_product_memory, norm,
    whole_bytes,
};

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
/// A sweep updates the modes one after the other: Y = X ×ₘ≠ₙ Aₘᵀ, then Aₙ = leading left
/// singular vectors of Y₍ₙ₎. A sweep never increases the error, up to rounding. The iteration
/// converges to a local optimum. The error of the start is at most √d times the best.
///
/// Cost of a sweep: little more than two projections of X, 2·R·|X| flops each.
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
    /// The ranks, or a tolerance by which the start chooses them.
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

    /// Decomposes `x`: sweeps until the relative error settles.
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

    /// The iteration as an iterator: each step is a sweep.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`]; [`Error::ToleranceOutOfRange`] and
    /// [`Error::NotPositive`] for the sweeps' own tolerance and limit.
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
            Start::StHosvd => self.st_hosvd().decompose(x.view())?,
            Start::Hosvd => self.hosvd().decompose(x.view())?,
        };
        Sweeps::new(self, x, start, self.truncation.tolerance())
    }

    /// [`Hooi::sweeps`] from given factors. A mode with `None` is not decomposed. The ranks are
    /// the numbers of columns.
    ///
    /// The factors need not be orthonormal: the iteration uses orthonormal bases of their column
    /// spaces.
    ///
    /// # Errors
    /// [`Error::FactorCountMismatch`], [`Error::FactorShapeMismatch`], [`Error::NoModes`] where
    /// there is no factor, [`Error::NonFinite`] for an entry of the tensor or of a factor, the
    /// errors of ranks, and the errors of [`Hooi::sweeps`].
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
        let x = InRange::new(x, norm(x))?;
        let orthonormal = factors
            .iter()
            .map(|factor| factor.as_ref().map(|a| orthonormal_basis(a.as_ref())))
            .map(Option::transpose)
            .collect::<Result<Vec<_>>>()?;
        let core = multi_mode_product(x.view(), &transposed(&orthonormal, &modes))?;
        Sweeps::new(self, x, Tucker::new(core, orthonormal)?, None)
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
    /// `shape`, the tensor itself not included; [`Tucker::relative_error`] after it allocates
    /// no more.
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
        Ok(start.max(whole_bytes(sweep)))
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
    /// The relative error ‖X − X̂‖/‖X‖ after the sweep, right to a few ε of the scalar. It
    /// follows from ‖X‖² − ‖G‖² where this difference loses few digits, and is measured
    /// elsewhere.
    pub relative_error: f64,
    /// The previous relative error minus this one.
    pub change: f64,
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
    x: InRange<'a, T>,
    /// The relative error that was asked for; `None` for given ranks.
    requested: Option<f64>,
    tucker: Tucker<T>,
    route: Route,
    monitor: Monitor,
    sweep_tolerance: f64,
    max_sweeps: usize,
    made: usize,
    relative_error: f64,
    /// The rounding error of the relative error.
    rounding: f64,
    /// Whether the relative error was measured; else it follows from norms.
    measured: bool,
    stop: Option<Stop>,
}

impl<'a, T: Scalar> Sweeps<'a, T> {
    fn new(
        hooi: &Hooi,
        x: InRange<'a, T>,
        start: Tucker<T>,
        requested: Option<f64>,
    ) -> Result<Self> {
        let mut sweeps = Self {
            x,
            requested,
            tucker: start,
            route: hooi.route,
            monitor: hooi.monitor.clone(),
            sweep_tolerance: hooi.sweep_tolerance,
            max_sweeps: hooi.max_sweeps,
            made: 0,
            relative_error: 0.0,
            rounding: 0.0,
            measured: false,
            stop: None,
        };
        sweeps.find_error()?;
        Ok(sweeps)
    }

    /// Computes ‖X − X̂‖/‖X‖ and its rounding error. The difference ‖X‖² − ‖G‖² has a rounding
    /// error of about 4ε‖X‖². Where this leaves fewer than two digits, the error is measured.
    fn find_error(&mut self) -> Result<()> {
        let from_norms = error_of_projection(self.x.norm, norm(self.tucker.core()));
        self.measured = from_norms < 10.0 * T::EPSILON.sqrt();
        (self.relative_error, self.rounding) = if self.measured {
            (self.tucker.relative_error(self.x.view())?, 4.0 * T::EPSILON)
        } else {
            (from_norms, 2.0 * T::EPSILON / from_norms)
        };
        Ok(())
    }

    /// The decomposition after the sweeps made so far.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`] where an entry of the core is above the largest scalar.
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
        if self.measured {
            tucker.set_estimated_error(self.relative_error);
        } else {
            tucker.estimate_error(self.x.view(), self.relative_error)?;
        }
        if let (Some(requested), Some(reached)) = (self.requested, tucker.estimated_error()) {
            tucker.note_shortfall(requested, reached);
        }
        tucker.set_convergence(Convergence {
            sweeps: self.made,
            stop: self.stop.unwrap_or(Stop::Interrupted),
        });
        self.x.restore(tucker, self.requested, Estimate::Error)
    }

    /// Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎ for each mode n.
    fn sweep(&mut self) -> Result<Sweep> {
        let x = &self.x;
        let modes: Vec<usize> = (0..x.view().order())
            .filter(|&mode| self.tucker.factor(mode).is_some())
            .collect();
        let computation = Computation {
            route: self.route,
            monitor: &self.monitor,
        };
        update(&mut self.tucker, x.view(), &modes, computation)?;
        let previous = self.relative_error;
        self.find_error()?;
        let relative_error = self.relative_error;
        let change = previous - relative_error;
        self.made += 1;
        let settled = change.abs() < self.sweep_tolerance
            || change.abs() <= self.rounding
            || relative_error == 0.0;
        if settled && self.sweep_tolerance > 0.0 {
            self.stop = Some(Stop::Converged);
        } else if self.made == self.max_sweeps {
            self.stop = Some(Stop::SweepLimit);
        }
        self.monitor.step(Progress {
            relative_error: Some(relative_error),
            ..Progress::new(self.made, self.max_sweeps)
        })?;
        Ok(Sweep {
            index: self.made,
            relative_error,
            change,
        })
    }
}

/// Updates the factors of `modes` one after the other. `y` is X projected on the current factors
/// of all other modes.
///
/// The binary tree in the file's head: each half of the modes works on the projection on the
/// other half. A sweep projects the whole of X twice instead of once for each mode (Phan,
/// Tichavský & Cichocki, IEEE Trans. Signal Process. 2013, §III).
fn update<T: Scalar>(
    tucker: &mut Tucker<T>,
    y: TensorRef<'_, T>,
    modes: &[usize],
    computation: Computation<'_>,
) -> Result<()> {
    if let &[mode] = modes {
        let rank = tucker.ranks()[mode];
        let leading = computation.leading(y, mode, Precision::Native, |_| rank)?;
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

/// The maximum number of bytes that [`update`] allocates, where `y` has these sizes.
fn update_memory(problem: &Problem, y: &Sizes, modes: &[usize]) -> f64 {
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
