//! Non-negative Tucker decompositions.
//!
//! A sweep solves a non-negative least squares problem for each factor and for the core in turn, so
//! that the error never increases. The tensor enters only through its projections on the factors, which
//! the modes share as in a sweep of HOOI ([`sweeps`](super::sweeps)); everything else is small:
//!
//! ```text
//! for each mode n: Yₙ = X ×ₘ≠ₙ Aₘᵀ;  Aₙ by HALS from Yₙ, G and the Gram matrices AₘᵀAₘ
//! G by projected gradient steps from X ×₀ A₀ᵀ ×₁ A₁ᵀ … and the Gram matrices
//! ```
//!
//! Sweeps start ahead of the last result, at W + β(W − W′) with the result W′ before it, cut off at 0
//! (Ang & Gillis, Neural Comput. 2019). If the error after such a sweep is not smaller, the sweep is
//! discarded and repeated from W, and β is halved.

mod least_squares;
mod parts;

use faer::Mat;

use super::computation::Computation;
use super::decomposition::Tucker;
use super::in_range::InRange;
use super::memory::Problem;
use super::outcome::{Convergence, Stop};
use super::relative_error::{is_known_from_norms, relative_error_memory};
use super::st_hosvd::StHosvd;
use super::sweeps::update_memory;
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::{Route, product};
use crate::monitor::{Monitor, Progress};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{
    Tensor, TensorRef, first_non_finite, multi_mode_product, norm, unfold, whole_bytes,
};
use least_squares::{CoreProblem, update_factor};
use parts::{non_negative_parts, normalise};

/// A non-negative Tucker decomposition: a core and factors without negative entries, for a tensor
/// without negative entries, at given ranks. The factors are not orthonormal; their columns have the
/// norm 1.
///
/// Alternating non-negative least squares: HALS for the factors, projected gradients for the core, and
/// extrapolation between sweeps. No sweep increases the error, up to rounding. The result is a local
/// optimum that depends on the start, which is deterministic: from the factors of ST-HOSVD, each
/// column keeps its positive or its negative part, whichever has the larger norm (Boutsidis &
/// Gallopoulos, Pattern Recognition 2008), with a small positive number in place of zeros.
///
/// Cost of a sweep: two projections of X, 2·R·|X| flops each, with R the rank of the first mode of
/// the projection; about 20·ΣIₙRₙ² flops for the factors, and 120·ΣRₙ·ΠRₙ for the core.
///
/// ```
/// use tenfold::{NonNegative, Tensor};
/// let x = Tensor::from_fn(&[8, 9, 10], |i| ((1 + i[0]) * (2 + i[1]) + i[2]) as f64)?;
/// let tucker = NonNegative::new([2, 2, 2]).decompose(&x)?;
/// assert!(tucker.relative_error(&x)? < 0.01);
/// assert!(tucker.core().data().iter().all(|entry| *entry >= 0.0));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NonNegative {
    /// The ranks: one for each mode, or one for each named mode of a partial decomposition.
    pub ranks: Vec<usize>,
    /// The modes to decompose; all for `None`. A mode that is left out has no factor.
    pub modes: Option<Vec<usize>>,
    /// The iteration stops after a sweep that changes the relative error by less than this, or
    /// by less than rounding. With 0 it makes all [`NonNegative::max_sweeps`] sweeps.
    pub sweep_tolerance: f64,
    /// The maximum number of sweeps.
    pub max_sweeps: usize,
    /// Reports each sweep, and cancels the solver on request.
    pub monitor: Monitor,
}

impl NonNegative {
    /// Decomposes all modes, and stops at a change below 1e-6 or after 500 sweeps.
    pub fn new(ranks: impl Into<Vec<usize>>) -> Self {
        Self {
            ranks: ranks.into(),
            modes: None,
            sweep_tolerance: 1e-6,
            max_sweeps: 500,
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// # Errors
    /// [`Error::Negative`] for the first negative entry; [`Error::NonFinite`];
    /// [`Error::ToleranceOutOfRange`] and [`Error::NotPositive`] for the options; the errors of
    /// [`StHosvd::decompose`].
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        // 1. Check the options and the entries.
        let modes = self.check(x.shape())?;
        if let Some(error) = first_non_finite(x) {
            return Err(error);
        }
        check_signs(x)?;
        // 2. Sweeps on a tensor in range.
        let in_range = InRange::new(x, norm(x))?;
        let exponent = if in_range.norm == 0.0 {
            0
        } else {
            binary_exponent(in_range.norm)
        };
        let sweeping = Sweeping {
            x: in_range.view(),
            exponent,
            norm: scale(in_range.norm, -exponent),
            modes,
            solver: self,
        };
        let tucker = sweeping.run()?;
        in_range.restore(tucker, None)
    }

    /// Checks the options. Returns the modes.
    fn check(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let modes = truncation::named_modes(self.modes.as_deref(), shape.len())?;
        truncation::check(&Truncation::Ranks(self.ranks.clone()), shape, &modes)?;
        truncation::check_tolerance("the sweep tolerance", self.sweep_tolerance)?;
        if self.max_sweeps == 0 {
            return Err(Error::NotPositive {
                what: "the number of sweeps",
            });
        }
        Ok(modes)
    }

    fn start_solver(&self) -> StHosvd {
        StHosvd {
            modes: self.modes.clone(),
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(self.ranks.clone())
        }
    }

    /// The maximum number of bytes that [`NonNegative::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`NonNegative::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::NonNegative;
    /// let bytes = NonNegative::new([10, 10, 10]).memory::<f64>(&[200, 200, 200])?;
    /// assert!(bytes < 8 * 200 * 200 * 200);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        self.check(shape)?;
        let truncation = Truncation::Ranks(self.ranks.clone());
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &truncation)?;
        let start = self.start_solver().memory::<T>(shape)?;
        // Four decompositions and the parts of a small problem in `f64`, and the factors in `T`.
        let small = 10.0 * problem.result() * 8.0 / problem.x.scalar;
        let sweep = small + update_memory(&problem, &problem.x, &problem.modes);
        let after = relative_error_memory(&problem);
        Ok(start.max(whole_bytes(sweep.max(small + after))))
    }
}

/// Fails at the first negative entry.
fn check_signs<T: Scalar>(x: TensorRef<'_, T>) -> Result<()> {
    let Some(position) = x.data().iter().position(|entry| *entry < T::zero()) else {
        return Ok(());
    };
    let mut index = vec![0; x.order()];
    let mut rest = position;
    for (place, &extent) in index.iter_mut().zip(x.shape()).rev() {
        (*place, rest) = (rest % extent, rest / extent);
    }
    Err(Error::Negative {
        index,
        value: x.data()[position].as_f64(),
    })
}

/// A core and factors in `f64`, and their error. Modes that are not decomposed have empty factors.
#[derive(Clone)]
struct Point {
    core: Tensor<f64>,
    factors: Vec<Mat<f64>>,
    error: f64,
}

/// The first β, its maximum, and its growth after a sweep that was not discarded.
const EXTRAPOLATION: (f64, f64, f64) = (0.5, 0.99, 1.1);

/// The sweeps on a tensor without negative entries.
struct Sweeping<'a, T> {
    x: TensorRef<'a, T>,
    /// Small problems are divided by 2ᵉ with this e, so that no square leaves the range of `f64`.
    exponent: i32,
    /// ‖X‖/2ᵉ.
    norm: f64,
    modes: Vec<usize>,
    solver: &'a NonNegative,
}

impl<T: Scalar> Sweeping<'_, T> {
    fn computation(&self) -> Computation<'_> {
        Computation {
            route: Route::default(),
            monitor: &self.solver.monitor,
        }
    }

    /// Sweeps until the error settles.
    fn run(self) -> Result<Tucker<T>> {
        let solver = self.solver;
        let mut current = self.start()?;
        let mut previous: Option<Point> = None;
        let (mut beta, largest, growth) = EXTRAPOLATION;
        let (mut made, mut stop) = (0, Stop::SweepLimit);
        while made < solver.max_sweeps {
            // 1. A sweep from a point ahead, or from the last point if it is not better.
            let ahead = previous
                .as_ref()
                .map(|previous| current.beyond(previous, beta));
            let extrapolated = ahead.is_some();
            let next = self.sweep(ahead.unwrap_or_else(|| current.clone()))?;
            made += 1;
            let better = next.error <= current.error;
            let change = current.error - next.error;
            if better {
                beta = (beta * growth).min(largest);
                previous = Some(std::mem::replace(&mut current, next));
            } else {
                beta /= 2.0;
                previous = None;
            }
            // 2. Report.
            solver.monitor.step(Progress {
                relative_error: Some(current.error),
                ..Progress::new(made, solver.max_sweeps)
            })?;
            // 3. A discarded sweep from a point ahead does not show that the iteration has settled.
            let negligible = change < solver.sweep_tolerance || change <= 4.0 * T::EPSILON;
            let settled = negligible && (better || !extrapolated);
            if solver.sweep_tolerance > 0.0 && settled || current.error == 0.0 {
                stop = Stop::Converged;
                break;
            }
        }
        let error = current.error;
        let mut tucker = self.tucker(&current)?;
        if is_known_from_norms::<T>(error) {
            tucker.set_estimated_error(error);
        } else {
            tucker.set_estimated_error(tucker.relative_error(self.x)?);
        }
        tucker.set_convergence(Convergence { sweeps: made, stop });
        Ok(tucker)
    }

    /// The start: non-negative parts of the factors of ST-HOSVD, and the best core for them.
    fn start(&self) -> Result<Point> {
        let start = self.solver.start_solver().decompose(self.x)?;
        let mut factors = vec![Mat::new(); self.x.order()];
        for &mode in &self.modes {
            if let Some(a) = start.factor(mode) {
                factors[mode] = non_negative_parts(a);
            }
        }
        let projection = self.project(self.x, &self.modes, &factors)?;
        let projection = self.in_f64(projection.view())?;
        let grams = self.grams(&factors);
        let mut core = projection.clone();
        core.data_mut()
            .iter_mut()
            .for_each(|entry| *entry = entry.max(0.0));
        let problem = CoreProblem {
            projection: &projection,
            grams: &grams,
        };
        let core = problem.solve(&core)?;
        let error = self.error(&problem, &core, &factors)?;
        Ok(Point {
            core,
            factors,
            error,
        })
    }

    /// One sweep over the factors and the core.
    fn sweep(&self, mut point: Point) -> Result<Point> {
        let mut grams = self.grams(&point.factors);
        let mut projection = None;
        let state = (&mut point, &mut grams, &mut projection);
        self.update(self.x, &self.modes, state)?;
        let Some(projection) = projection else {
            return Ok(point);
        };
        let problem = CoreProblem {
            projection: &projection,
            grams: &grams,
        };
        point.core = problem.solve(&point.core)?;
        point.error = self.error(&problem, &point.core, &point.factors)?;
        Ok(point)
    }

    /// Updates the factors of `modes`, where `y` is projected on all other factors. The last update
    /// leaves the projection on all factors.
    fn update(
        &self,
        y: TensorRef<'_, T>,
        modes: &[usize],
        (point, grams, projection): (&mut Point, &mut Vec<Mat<f64>>, &mut Option<Tensor<f64>>),
    ) -> Result<()> {
        if let &[mode] = modes {
            // 1. The matrices C and H.
            let y = self.in_f64(y)?;
            let unfolded = unfold(&point.core, mode)?;
            let c = product(unfold(&y, mode)?.as_ref(), unfolded.transpose());
            let others = grams.iter().map(Mat::as_ref).enumerate();
            let others: Vec<_> = others.filter(|&(other, _)| other != mode).collect();
            let image = multi_mode_product(point.core.view(), &others)?;
            let h = product(unfold(&image, mode)?.as_ref(), unfolded.transpose());
            // 2. The factor, with columns of norm 1.
            update_factor(&mut point.factors[mode], c.as_ref(), h.as_ref());
            let norms = normalise(&mut point.factors[mode]);
            let scaling = Mat::from_fn(norms.len(), norms.len(), |i, j| {
                if i == j { norms[i] } else { 0.0 }
            });
            point.core = multi_mode_product(point.core.view(), &[(mode, scaling.as_ref())])?;
            let a = point.factors[mode].as_ref();
            grams[mode] = product(a.transpose(), a);
            *projection = Some(multi_mode_product(y.view(), &[(mode, a.transpose())])?);
            return Ok(());
        }
        let (first, second) = modes.split_at(modes.len() / 2);
        for (half, other) in [(first, second), (second, first)] {
            let projected = self.project(y, other, &point.factors)?;
            self.update(projected.view(), half, (point, grams, projection))?;
        }
        Ok(())
    }

    /// Y ×ₙ Aₙᵀ for the given modes.
    fn project(
        &self,
        y: TensorRef<'_, T>,
        modes: &[usize],
        factors: &[Mat<f64>],
    ) -> Result<Tensor<T>> {
        let matrices: Vec<_> = modes.iter().map(|&n| (n, to_scalar(&factors[n]))).collect();
        let matrices: Vec<_> = matrices.iter().map(|(n, a)| (*n, a.transpose())).collect();
        self.computation().multi_mode_product(y, &matrices)
    }

    /// Y/2ᵉ in `f64`.
    fn in_f64(&self, y: TensorRef<'_, T>) -> Result<Tensor<f64>> {
        let entries = y.data().iter();
        let entries = entries.map(|entry| scale(entry.as_f64(), -self.exponent));
        Tensor::new(y.shape(), entries.collect())
    }

    /// The Gram matrices of the factors; the identity in modes without a factor.
    fn grams(&self, factors: &[Mat<f64>]) -> Vec<Mat<f64>> {
        let shape = self.x.shape().iter().enumerate();
        let gram = |(mode, &extent): (usize, &usize)| {
            if self.modes.contains(&mode) {
                product(factors[mode].transpose(), factors[mode].as_ref())
            } else {
                Mat::identity(extent, extent)
            }
        };
        shape.map(gram).collect()
    }

    /// ‖X − X̂‖/‖X‖: from the value of the core's problem if this keeps enough digits, else measured.
    fn error(
        &self,
        problem: &CoreProblem<'_>,
        core: &Tensor<f64>,
        factors: &[Mat<f64>],
    ) -> Result<f64> {
        if self.norm == 0.0 {
            return Ok(0.0);
        }
        let share = problem.value(core)? / self.norm / self.norm;
        let from_norms = (1.0 + share).max(0.0).sqrt();
        if is_known_from_norms::<T>(from_norms) {
            return Ok(from_norms);
        }
        let point = Point {
            core: core.clone(),
            factors: factors.to_vec(),
            error: 0.0,
        };
        self.tucker(&point)?.relative_error(self.x)
    }

    /// The decomposition in the scalar of the tensor.
    fn tucker(&self, point: &Point) -> Result<Tucker<T>> {
        let core = point.core.data().iter();
        let core = core.map(|&entry| T::from_f64(scale(entry, self.exponent)));
        let core = Tensor::new(point.core.shape(), core.collect())?;
        let factors = point.factors.iter().enumerate();
        let factors = factors.map(|(mode, a)| self.modes.contains(&mode).then(|| to_scalar(a)));
        Tucker::new(core, factors.collect())
    }
}

impl Point {
    /// W + β(W − W′), cut off at 0, where W′ is `previous`.
    fn beyond(&self, previous: &Self, beta: f64) -> Self {
        let ahead = |new: f64, old: f64| (new + beta * (new - old)).max(0.0);
        let mut point = self.clone();
        let entries = point.core.data_mut().iter_mut().zip(previous.core.data());
        entries.for_each(|(entry, &old)| *entry = ahead(*entry, old));
        for (a, old) in point.factors.iter_mut().zip(&previous.factors) {
            for j in 0..a.ncols() {
                let old = old.col(j);
                let entries = a.col_mut(j).iter_mut().zip(old.iter());
                entries.for_each(|(entry, &old)| *entry = ahead(*entry, old));
            }
        }
        point
    }
}

fn to_scalar<T: Scalar>(a: &Mat<f64>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)]))
}
