//! Tucker decompositions of tensors with missing entries.
//!
//! The iteration minimises ‖P(X − X̂)‖, the error over the observed entries, where P sets missing
//! entries to 0. Two kinds of steps never increase it:
//!
//! - **imputation**: the missing entries of X are replaced by those of X̂, and a sweep of HOOI follows.
//!   The filled tensor Z differs from X̂ only where X is observed, so that
//!   ‖P(X − X̂′)‖ ≤ ‖Z − X̂′‖ ≤ ‖Z − X̂‖ = ‖P(X − X̂)‖. This is what other libraries do. With a share p
//!   of the entries observed, the distance to the optimum falls by a factor of about 1 − p in a step.
//! - **a Gauss-Newton step** (`gauss_newton`), on the tangent space (`tangent`) of X̂. It
//!   converges in few steps with any share of observed entries, but gains little while the factors
//!   are far from an optimum.
//!
//! ```text
//! X̂ ← ST-HOSVD of X with the mean in place of missing entries
//! repeat: the kind of step that made the error fall faster per unit of cost last time
//!         keep the new X̂ if its error is smaller
//! until neither kind makes the error fall by more than the tolerance
//! ```
//!
//! A rate is the fall of the error, divided by the number of reconstructions that the step took. The
//! rate of the kind in use falls near an optimum, and the other kind is then tried again.

mod gauss_newton;
mod observed;
mod tangent;

pub use observed::{Coverage, Observed};

use super::computation::Computation;
use super::decomposition::Tucker;
use super::memory::Problem;
use super::outcome::{Convergence, Stop};
use super::relative_error::relative_error_memory;
use super::scaling::{needs_no_scaling, scaled};
use super::st_hosvd::StHosvd;
use super::sweeps::{update, update_memory};
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::Route;
use crate::monitor::{Monitor, Progress};
use crate::scalar::{Scalar, binary_exponent};
use crate::tensor::{
    Tensor, TensorRef, mode_product_memory, multi_mode_product_memory, whole_bytes,
};
use gauss_newton::direction;
use tangent::Tangent;

/// Norms with squares in the range of `f64`, with room for products of squares with small numbers.
const SQUARES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// The maximum number of halvings of a Gauss-Newton step.
const MAX_HALVINGS: i32 = 3;

/// A Tucker decomposition from the observed entries of a tensor: HOOI with imputation, accelerated by
/// Gauss-Newton steps. It minimises the error over the observed entries, for given ranks.
///
/// No step increases the error. The result has orthonormal factors, and its
/// [`Tucker::estimated_error`] is the relative error over the observed entries.
/// [`Tucker::reconstruct`] has estimates of the missing ones. How good these are depends on what is
/// observed: see [`Coverage`].
///
/// Cost of an imputation: a reconstruction and a sweep of HOOI, about 6·R·|X| flops, with R the rank
/// of the first mode of the projection. A Gauss-Newton step costs as much for the gradient and as
/// much again for each of at most 12 steps of conjugate gradients. Missing entries cost as much as
/// observed ones.
///
/// ```
/// use tenfold::{Completion, Observed, Tensor};
/// let x = Tensor::from_fn(&[8, 9, 10], |i| ((1 + i[0]) * (2 + i[1])) as f64 / (3 + i[2]) as f64)?;
/// let mut damaged = x.clone();
/// damaged.data_mut().iter_mut().step_by(3).for_each(|entry| *entry = f64::NAN);
/// let observed = Observed::without_nan(&damaged)?;
/// let tucker = Completion::new([1, 1, 1]).decompose(&damaged, &observed)?;
/// assert!(tucker.relative_error(&x)? < 1e-8);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Completion {
    /// The rank of each mode.
    pub ranks: Vec<usize>,
    /// The iteration stops when steps of both kinds change the relative error by less than this, or
    /// by less than rounding. With 0 it stops only when no step makes the error smaller.
    pub sweep_tolerance: f64,
    /// The maximum number of steps of both kinds together.
    pub max_sweeps: usize,
    /// How singular vectors are computed.
    pub route: Route,
    /// Reports each step with the error over the observed entries, and cancels the solver on request.
    pub monitor: Monitor,
}

impl Completion {
    /// Stops at a change below 1e-8 or after 500 steps.
    pub fn new(ranks: impl Into<Vec<usize>>) -> Self {
        Self {
            ranks: ranks.into(),
            sweep_tolerance: 1e-8,
            max_sweeps: 500,
            route: Route::default(),
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x` from its observed entries. The other entries are not read and may be NaN.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless the mask has the shape of `x`; [`Error::NonFinite`] for an
    /// observed entry; [`Error::ToleranceOutOfRange`], [`Error::NotPositive`] and the errors of
    /// [`Truncation::check`] for the options; [`Error::ResultOutOfRange`] if the core or the
    /// reconstruction does not fit the scalar; [`Error::NoConvergence`]; [`Error::Cancelled`].
    pub fn decompose<'a, T: Scalar>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        observed: &Observed,
    ) -> Result<Tucker<T>> {
        let x = x.into();
        // 1. Check the options and the entries.
        self.check(x.shape())?;
        observed.check(x)?;
        // 2. Scale, so that squares and sums of all observed entries fit the scalar.
        let largest = observed.largest(x.data());
        let sum = largest * (observed.count() as f64).sqrt();
        let fits = |size| needs_no_scaling::<T>(size) && (size == 0.0 || SQUARES.contains(&size));
        let exponent = if fits(largest) && fits(sum) {
            0
        } else {
            binary_exponent(largest)
        };
        let copy = (exponent != 0).then(|| scaled(x, -exponent)).transpose()?;
        let x = copy.as_ref().map_or(x, Tensor::view);
        // 3. The iteration, and the original scale.
        let tucker = Iteration::start(self, x, observed)?.run()?;
        if exponent == 0 {
            return Ok(tucker);
        }
        let tucker = tucker.scaled_by(exponent)?;
        if exponent > 0 {
            tucker.reconstruct()?;
        }
        Ok(tucker)
    }

    fn check(&self, shape: &[usize]) -> Result<()> {
        Truncation::Ranks(self.ranks.clone()).check(shape, None)?;
        truncation::check_tolerance("the sweep tolerance", self.sweep_tolerance)?;
        if self.max_sweeps == 0 {
            return Err(Error::NotPositive {
                what: "the number of sweeps",
            });
        }
        Ok(())
    }

    /// The maximum number of bytes that [`Completion::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor and its mask. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`Completion::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::Completion;
    /// let bytes = Completion::new([10, 10, 10]).memory::<f64>(&[200, 200, 200])?;
    /// assert!(bytes < 4 * 8 * 200 * 200 * 200);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        self.check(shape)?;
        let truncation = Truncation::Ranks(self.ranks.clone());
        let problem = Problem::new::<T>(shape, None, &truncation)?;
        let x = &problem.x;
        let start = self.start_solver().memory::<T>(shape)? as f64;
        // Beside the estimate of all entries: a sweep from a copy of the decomposition, or a tangent
        // tensor with the sum before its last product, and the projections of a tensor.
        let sweep = 2.0 * problem.result() + update_memory(&problem, x, &problem.modes);
        let others: Vec<_> = x.extents.iter().copied().enumerate().skip(1).collect();
        let core = problem.of_core().x;
        let first = x.with(0, problem.ranks[0]);
        let both = x.with(0, 2.0 * problem.ranks[0]);
        let lists = 4.0 * 8.0 * problem.result() / x.scalar;
        let twice: f64 = problem.ranks.iter().map(|rank| 2.0 * rank).product();
        let terms = 2.0 * first.bytes() + multi_mode_product_memory(&core, &others);
        let image = both.bytes() + mode_product_memory(&both, 0, x.extents[0]);
        let halves = problem.modes.split_at(problem.modes.len() / 2);
        let projecting = [halves.0, halves.1]
            .map(|half| multi_mode_product_memory(x, &problem.steps(half)))
            .into_iter()
            .fold(0.0, f64::max);
        let tangent = first.bytes() + 6.0 * problem.result() + lists + 4.0 * twice * x.scalar;
        let gauss_newton = tangent + terms.max(image).max(x.bytes() + 2.0 * projecting);
        let reconstruction = multi_mode_product_memory(&core, &{
            let all = x.extents.iter().copied().enumerate();
            all.collect::<Vec<_>>()
        });
        let most = start.max(sweep).max(gauss_newton).max(reconstruction);
        let after = relative_error_memory(&problem);
        Ok(whole_bytes(
            (x.bytes() + problem.result() + most).max(after),
        ))
    }

    fn start_solver(&self) -> StHosvd {
        StHosvd {
            route: self.route,
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(self.ranks.clone())
        }
    }
}

/// The kinds of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Imputation,
    GaussNewton,
}

/// How fast the error fell at the last step of a kind.
#[derive(Clone, Copy)]
struct Rate {
    /// The fall of the relative error for each reconstruction; infinite before the first step.
    fall: f64,
    /// Whether the step changed the error by less than the tolerance.
    settled: bool,
}

/// X̂ with all its entries, and its error.
struct Estimate<T> {
    tucker: Tucker<T>,
    entries: Tensor<T>,
    /// ‖P(X − X̂)‖/‖PX‖.
    error: f64,
}

/// The iteration on a tensor with a norm that needs no scaling.
struct Iteration<'a, T> {
    solver: &'a Completion,
    x: TensorRef<'a, T>,
    observed: &'a Observed,
    /// ‖PX‖; 1 if it is 0.
    norm: f64,
}

impl<'a, T: Scalar> Iteration<'a, T> {
    fn start(solver: &'a Completion, x: TensorRef<'a, T>, observed: &'a Observed) -> Result<Self> {
        let norm = observed.sum(x.data(), x.data(), |x, _| x * x).sqrt();
        Ok(Self {
            solver,
            x,
            observed,
            norm: if norm == 0.0 { 1.0 } else { norm },
        })
    }

    fn computation(&self) -> Computation<'a> {
        Computation {
            route: self.solver.route,
            monitor: &self.solver.monitor,
        }
    }

    /// Steps until the error settles.
    fn run(self) -> Result<Tucker<T>> {
        let solver = self.solver;
        let mut current = self.first()?;
        let mut rates = [Rate {
            fall: f64::INFINITY,
            settled: false,
        }; 2];
        let (mut made, mut stop) = (0, Stop::SweepLimit);
        while made < solver.max_sweeps {
            // 1. A step of the faster kind.
            let kind = if rates[0].fall >= rates[1].fall {
                Kind::Imputation
            } else {
                Kind::GaussNewton
            };
            let previous = current.error;
            let cost;
            (current, cost) = match kind {
                Kind::Imputation => (self.impute(current)?, 1),
                Kind::GaussNewton => self.gauss_newton(current)?,
            };
            made += 1;
            solver.monitor.step(Progress {
                relative_error: Some(current.error),
                ..Progress::new(made, solver.max_sweeps)
            })?;
            // 2. Its rate, and whether the iteration stops.
            let change = previous - current.error;
            let tolerance = solver.sweep_tolerance;
            let negligible = change < tolerance || change <= 4.0 * T::EPSILON;
            rates[kind as usize] = Rate {
                fall: change / f64::from(cost),
                settled: change == 0.0 || tolerance > 0.0 && negligible,
            };
            if rates.iter().all(|rate| rate.settled) || current.error == 0.0 {
                stop = Stop::Converged;
                break;
            }
        }
        let mut tucker = current.tucker;
        tucker.set_estimated_error(current.error);
        tucker.set_convergence(Convergence { sweeps: made, stop });
        Ok(tucker)
    }

    /// ST-HOSVD of X with the mean of the observed entries in place of the missing ones.
    fn first(&self) -> Result<Estimate<T>> {
        let sum = self.observed.sum(self.x.data(), self.x.data(), |x, _| x);
        let mean = T::from_f64(sum / self.observed.count() as f64);
        let mut filled = Tensor::zeros(self.x.shape())?;
        self.observed
            .replace(filled.data_mut(), self.x.data(), |_, x, observed| {
                if observed { x } else { mean }
            });
        let tucker = self.solver.start_solver().decompose(&filled)?;
        drop(filled);
        self.estimate(tucker)
    }

    /// The entries and the error of a decomposition.
    fn estimate(&self, tucker: Tucker<T>) -> Result<Estimate<T>> {
        let computation = self.computation();
        let entries = computation.multi_mode_product(tucker.core().view(), &tucker.products())?;
        let difference = |x: f64, y: f64| (x - y).powi(2);
        let squares = self.observed.sum(self.x.data(), entries.data(), difference);
        Ok(Estimate {
            error: squares.sqrt() / self.norm,
            tucker,
            entries,
        })
    }

    /// A sweep of HOOI on X with the entries of X̂ in place of the missing ones.
    fn impute(&self, current: Estimate<T>) -> Result<Estimate<T>> {
        let Estimate {
            tucker,
            entries: mut filled,
            error,
        } = current;
        self.observed
            .replace(filled.data_mut(), self.x.data(), |entry, x, observed| {
                if observed { x } else { entry }
            });
        let mut swept = tucker.clone();
        let modes: Vec<usize> = (0..self.x.order()).collect();
        update(&mut swept, filled.view(), &modes, self.computation())?;
        drop(filled);
        let next = self.estimate(swept)?;
        if next.error < error {
            return Ok(next);
        }
        drop(next);
        self.estimate(tucker)
    }

    /// A Gauss-Newton step, and its cost: the number of reconstructions.
    fn gauss_newton(&self, current: Estimate<T>) -> Result<(Estimate<T>, u32)> {
        let Estimate {
            tucker,
            entries: mut difference,
            error,
        } = current;
        // 1. E = P(X − X̂), and the step.
        self.observed.replace(
            difference.data_mut(),
            self.x.data(),
            |entry, x, observed| {
                if observed { x - entry } else { T::zero() }
            },
        );
        let tangent = Tangent::new(&tucker, self.computation())?;
        let mut step = direction(&tangent, &difference, self.observed)?;
        drop(difference);
        // 2. The longest part of it that makes the error smaller.
        let mut cost = 1 + step.steps as u32;
        for _ in 0..=MAX_HALVINGS {
            let next = self.estimate(tangent.retract(&step.list)?)?;
            if next.error < error {
                return Ok((next, cost));
            }
            step.list.iter_mut().for_each(|entry| *entry /= 2.0);
            cost += 1;
        }
        Ok((self.estimate(tucker)?, cost))
    }
}
