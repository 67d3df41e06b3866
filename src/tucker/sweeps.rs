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
use super::decomposition::{Convergence, Replacement, Stop, Tucker, transposed};
use super::in_range::{Estimate, InRange};
use super::memory::Problem;
use super::relative_error::error_of_projection;
use crate::error::Result;
use crate::linalg::{Precision, Route, left_singular_memory};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::tensor::{Sizes, TensorRef, mode_product_memory, multi_mode_product_memory, norm};

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
    /// The previous relative error minus this one.
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
    tucker: Tucker<T>,
    options: Options,
    /// The number of sweeps made.
    made: usize,
    relative_error: f64,
    /// The rounding error of the relative error.
    rounding: f64,
    /// Whether the relative error was measured. Otherwise it was computed from norms.
    measured: bool,
    stop: Option<Stop>,
}

impl<'a, T: Scalar> Sweeps<'a, T> {
    /// The sweeps on `x` from the decomposition `start`.
    pub(super) fn new(x: InRange<'a, T>, start: Tucker<T>, options: Options) -> Result<Self> {
        let mut sweeps = Self {
            x,
            tucker: start,
            options,
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
    /// error of about 4ε‖X‖². If this leaves fewer than two digits, the error is measured.
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
        if self.measured {
            tucker.set_estimated_error(self.relative_error);
        } else {
            tucker.estimate_error(self.x.view(), self.relative_error)?;
        }
        if let (Some(requested), Some(reached)) = (self.options.requested, tucker.estimated_error())
        {
            tucker.note_shortfall(requested, reached);
        }
        tucker.set_convergence(Convergence {
            sweeps: self.made,
            stop: self.stop.unwrap_or(Stop::Interrupted),
        });
        self.x
            .restore(tucker, self.options.requested, Estimate::Error)
    }

    /// Aₙ = leading left singular vectors of (X ×ₘ≠ₙ Aₘᵀ)₍ₙ₎ for each mode n.
    fn sweep(&mut self) -> Result<Sweep> {
        // 1. Update the factors.
        let x = &self.x;
        let modes: Vec<usize> = (0..x.view().order())
            .filter(|&mode| self.tucker.factor(mode).is_some())
            .collect();
        let computation = Computation {
            route: self.options.route,
            monitor: &self.options.monitor,
        };
        update(&mut self.tucker, x.view(), &modes, computation)?;
        // 2. The new error, and whether the iteration stops.
        let previous = self.relative_error;
        self.find_error()?;
        let relative_error = self.relative_error;
        let change = previous - relative_error;
        self.made += 1;
        let settled = change.abs() < self.options.sweep_tolerance
            || change.abs() <= self.rounding
            || relative_error == 0.0;
        if settled && self.options.sweep_tolerance > 0.0 {
            self.stop = Some(Stop::Converged);
        } else if self.made == self.options.max_sweeps {
            self.stop = Some(Stop::SweepLimit);
        }
        // 3. Report.
        self.options.monitor.step(Progress {
            relative_error: Some(relative_error),
            ..Progress::new(self.made, self.options.max_sweeps)
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
/// The recursion is the tree in the documentation of this file: each half of the modes uses the
/// projection of `y` on the factors of the other half. A sweep projects the whole of X twice
/// instead of once for each mode (Phan, Tichavský & Cichocki, IEEE Trans. Signal Process. 2013,
/// §III).
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
pub(super) fn update_memory(problem: &Problem, y: &Sizes, modes: &[usize]) -> f64 {
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
