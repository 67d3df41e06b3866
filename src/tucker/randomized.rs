//! Randomized ST-HOSVD.

mod adaptive;
mod sketching;

use self::adaptive::Adaptive;
use self::sketching::Sketching;
use super::computation::Computation;
use super::decomposition::Tucker;
use super::in_range::InRange;
use super::memory::Problem;
use super::relative_error::{error_of_projection, relative_error_memory};
use super::st_hosvd::{StHosvd, truncate_memory};
use super::tolerance::Contract;
use super::truncation::{self, Truncation};
use crate::error::Result;
use crate::linalg::{Needed, Route, left_singular_memory};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::simd::MIXED_ROWS;
use crate::tensor::{TensorRef, mode_product_memory, multi_mode_product_memory, norm, whole_bytes};

/// The randomized sequentially truncated higher-order SVD (after Halko, Martinsson & Tropp, SIAM
/// Review 2011; for Tucker see Minster, Saibaba & Kilmer, SIAM J. Math. Data Sci. 2020). One
/// sketch of the longest mode gives bases for all other modes.
///
/// With s the longest mode:
///
/// 1. S = X ×ₛ Ω, Ω a few rows of random signs;
/// 2. Qₙ for n ≠ s: nearly the leading left singular vectors of S₍ₙ₎, Rₙ + `oversampling` of them;
/// 3. Z = X ×ₙ≠ₛ Qₙᵀ;
/// 4. Qₛ: nearly the leading left singular vectors of Z₍ₛ₎;
/// 5. Z ×ₛ Qₛᵀ ≈ G ×ₙ Bₙ by [`StHosvd`] at the ranks Rₙ; Aₙ = Qₙ Bₙ.
///
/// A power iteration repeats 1 to 3 with Ω = leading left singular vectors of
/// Z₍ₛ₎, transposed. Step 4 is omitted where Rₛ is not much smaller than Iₛ.
///
/// For a tolerance ε, the spectra of the sketch give the number of columns of each Qₙ. The energy
/// ‖X‖² − ‖Z‖² that Z lacks is exact. What it leaves of ε² goes to the choice of ranks of
/// [`StHosvd`]. If the bases are not good enough, they grow. If they become so large that
/// [`StHosvd`] is cheaper, the result is the result of [`StHosvd`]. Below a tolerance of 1e-4 (0.035 for
/// `f32`) the error is measured, which costs as much as steps 1 to 5. For a number of entries the result is
/// the result of [`StHosvd`].
///
/// Cost: two passes over X, about 2·(R + p) flops per entry, p the oversampling;
/// [`StHosvd`] needs Iₙ flops per entry for its first Gram matrix. The vectors of mode n come
/// from 16·|X|/(Iₛ·Iₙ) random columns. With three or more modes the error is therefore one or
/// two percent above the deterministic one, and up to 5 percent where the singular values fall like 1/i.
/// A matrix needs a power iteration for that. The
/// solver computes the error from ‖X‖ and ‖G‖, and measures a small one.
///
/// ```
/// use tenfold::{Randomized, Tensor};
/// let x = Tensor::from_fn(&[12, 12, 12], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
/// let tucker = Randomized::new([3, 3, 3]).decompose(&x)?;
/// assert!(tucker.relative_error(&x)? < 1e-2);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Randomized {
    /// How far to truncate.
    pub truncation: Truncation,
    /// The modes to decompose; `None` for all modes.
    pub modes: Option<Vec<usize>>,
    /// The number of vectors that steps 2 and 3 keep in addition to the rank.
    pub oversampling: usize,
    /// The number of power iterations. Each costs as much as the first sketch.
    pub power_iterations: usize,
    /// The seed of the sketch: the same seed gives the same bits.
    pub seed: u64,
    /// Reports each sketch and the decomposition, and cancels the solver on request.
    pub monitor: Monitor,
}

/// The minimum number of rows of the sketch. With fewer rows, a random sketch may miss a direction
/// of the sketched mode.
const SKETCH_ROWS: usize = MIXED_ROWS;

impl Randomized {
    /// Decomposes all modes with an oversampling of 8, without power iterations, with seed 0.
    ///
    /// ```
    /// # use tenfold::Randomized;
    /// let randomized = Randomized::new([4, 4, 4]);
    /// assert_eq!((randomized.oversampling, randomized.power_iterations), (8, 0));
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            oversampling: 8,
            power_iterations: 0,
            seed: 0,
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// With a tolerance ε, the relative error is at most ε, or [`Tucker::shortfall`] holds the
    /// error that was reached.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`].
    ///
    /// ```
    /// # use tenfold::{Randomized, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[9, 8, 7], |i| (i[0] + i[1] * i[2]) as f64)?;
    /// let tucker = Randomized { seed: 7, ..Randomized::new([2, 2, 2]) }.decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? < 1e-13);
    /// let tucker = Randomized::new(Truncation::RelativeError(1e-3)).decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? <= 1e-3);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        match &self.truncation {
            Truncation::Ranks(ranks) => self.at_ranks(x, &modes, ranks),
            Truncation::RelativeError(_) | Truncation::MaxEntries(_) => {
                self.choosing_ranks(x, &modes)
            }
        }
    }

    /// The decomposition at given ranks.
    fn at_ranks<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        modes: &[usize],
        ranks: &[usize],
    ) -> Result<Tucker<T>> {
        let solver = StHosvd {
            modes: Some(modes.to_vec()),
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(ranks.to_vec())
        };
        let wanted = self.wanted(x.shape(), modes, ranks);
        let sketched_and_others = self.others(x.shape(), modes);
        let (in_range, tucker) = match &sketched_and_others {
            None => {
                let in_range = InRange::new(x, norm(x))?;
                let tucker = solver.decompose(in_range.view())?;
                (in_range, tucker)
            }
            &Some((sketched, ref others)) => {
                let sketching = Sketching {
                    x,
                    sketched,
                    others,
                    computation: self.computation(),
                };
                // 1. The sketch.
                let rows = sketching.rows(&wanted, SKETCH_ROWS);
                let rows = rows.min(2 * wanted[sketched]).min(x.shape()[sketched]);
                let (in_range, sketch) = sketching.in_range(rows, self.seed)?;
                let sketching = Sketching {
                    x: in_range.view(),
                    ..sketching
                };
                // 2. The compressed tensor.
                let bases = sketching.bases(&sketch, &wanted)?;
                let mut compressed = sketching.compress(bases)?;
                self.report(1)?;
                // 3. Power iterations.
                for iteration in 0..self.power_iterations {
                    let z = compressed.z.view();
                    let rank = wanted[sketched].min(z.data().len() / x.shape()[sketched]);
                    let leading =
                        self.computation()
                            .leading(z, sketched, Needed::Rank(rank), |_| rank)?;
                    let sketch = sketching.product(leading.vectors.transpose())?;
                    compressed = sketching.compress(sketching.bases(&sketch, &wanted)?)?;
                    self.report(iteration + 2)?;
                }
                // 4. The decomposition of the compressed tensor.
                let compressed = sketching.compress_last(compressed, wanted[sketched])?;
                let tucker = solver.decompose(&compressed.z)?.lift(&compressed.bases)?;
                (in_range, tucker)
            }
        };
        self.finish(&in_range, tucker)
    }

    /// The decomposition with ranks that follow from the entries of X: by sketches where they are
    /// cheaper than [`StHosvd`].
    fn choosing_ranks<T: Scalar>(&self, x: TensorRef<'_, T>, modes: &[usize]) -> Result<Tucker<T>> {
        self.monitor.cancellation().check()?;
        let found = match self.truncation.tolerance() {
            Some(tolerance) => self.adaptive(x, modes, tolerance)?,
            None => None,
        };
        self.report(1)?;
        if let Some(tucker) = found
            && tucker.shortfall().is_none()
        {
            self.report(self.steps())?;
            return Ok(tucker);
        }
        let deterministic = StHosvd {
            modes: Some(modes.to_vec()),
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(self.truncation.clone())
        };
        let tucker = deterministic.decompose(x)?;
        self.report(self.steps())?;
        Ok(tucker)
    }

    /// The decomposition within a tolerance by sketches. `None` if they would not be cheaper than
    /// [`StHosvd`].
    fn adaptive<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        modes: &[usize],
        tolerance: f64,
    ) -> Result<Option<Tucker<T>>> {
        let contract = Contract::new::<T>(tolerance, x.shape(), Route::Auto);
        let Some((sketched, others)) = self.others(x.shape(), modes) else {
            return Ok(None);
        };
        let rows = SKETCH_ROWS;
        if contract.share == 0.0 || 2 * rows > x.shape()[sketched] {
            return Ok(None);
        }
        let sketching = Sketching {
            x,
            sketched,
            others: &others,
            computation: self.computation(),
        };
        let (in_range, sketch) = sketching.in_range(rows, self.seed)?;
        if in_range.norm == 0.0 {
            return Ok(None);
        }
        let sketching = Sketching {
            x: in_range.view(),
            ..sketching
        };
        let adaptive = Adaptive {
            sketching,
            modes,
            contract,
            tolerance,
            norm: in_range.norm,
            oversampling: self.oversampling,
            seed: self.seed,
        };
        let tucker = adaptive.decompose(sketch)?;
        let restore = |tucker| in_range.restore(tucker, Some(tolerance));
        tucker.map(restore).transpose()
    }

    /// The result for the original tensor, with its error.
    fn finish<T: Scalar>(
        &self,
        in_range: &InRange<'_, T>,
        mut tucker: Tucker<T>,
    ) -> Result<Tucker<T>> {
        self.report(self.steps())?;
        let from_norms = error_of_projection(in_range.norm, norm(tucker.core()));
        tucker.estimate_error(in_range.view(), from_norms)?;
        in_range.restore(tucker, None)
    }

    /// The number of steps: the sketches and the decomposition.
    fn steps(&self) -> usize {
        match self.truncation {
            Truncation::Ranks(_) => self.power_iterations.saturating_add(2),
            Truncation::RelativeError(_) | Truncation::MaxEntries(_) => 2,
        }
    }

    fn report(&self, done: usize) -> Result<()> {
        self.monitor.step(Progress::new(done, self.steps()))
    }

    fn computation(&self) -> Computation<'_> {
        Computation {
            route: Route::Auto,
            monitor: &self.monitor,
        }
    }

    /// The mode that is sketched, the longest one, and the other modes. `None` for a single mode,
    /// since there is nothing to sketch.
    fn others(&self, shape: &[usize], modes: &[usize]) -> Option<(usize, Vec<usize>)> {
        // Of modes of equal extent, the first: the products that follow can then start with the
        // last mode, which is the fastest.
        let longest = modes.iter().copied().rev().max_by_key(|&mode| shape[mode]);
        let sketched = longest.filter(|_| modes.len() > 1)?;
        let others = modes.iter().copied().filter(|&mode| mode != sketched);
        Some((sketched, others.collect()))
    }

    /// The number of columns of the basis of each mode, for given ranks.
    fn wanted(&self, shape: &[usize], modes: &[usize], ranks: &[usize]) -> Vec<usize> {
        let mut wanted = shape.to_vec();
        for (&mode, &rank) in modes.iter().zip(ranks) {
            wanted[mode] = rank.saturating_add(self.oversampling).min(shape[mode]);
        }
        wanted
    }

    /// The maximum number of bytes that [`Randomized::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`Randomized::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::Randomized;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Randomized::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let (x, modes) = (&problem.x, &problem.modes);
        let measuring = relative_error_memory(&problem);
        let all = problem.steps(modes);
        let Some((sketched, others)) = self.others(shape, modes) else {
            return Ok(whole_bytes(truncate_memory(x, &all).max(measuring)));
        };
        let mut wanted: Vec<f64> = match &self.truncation {
            Truncation::Ranks(ranks) => self
                .wanted(shape, modes, ranks)
                .iter()
                .map(|&n| n as f64)
                .collect(),
            // Larger bases are not cheaper than ST-HOSVD, and no basis exceeds the columns.
            Truncation::RelativeError(_) | Truncation::MaxEntries(_) => {
                let columns = |extent: &f64| x.entries() / extent;
                x.extents
                    .iter()
                    .map(|n| (n / 2.0).min(columns(n)))
                    .collect()
            }
        };
        (0..shape.len())
            .filter(|mode| !modes.contains(mode))
            .for_each(|mode| wanted[mode] = x.extents[mode]);
        let steps: Vec<_> = others.iter().map(|&n| (n, wanted[n])).collect();
        // 1. The sketch, and the bases of all modes, which are computed in parallel.
        let rows = match self.truncation {
            Truncation::Ranks(_) => 2.0 * wanted[sketched],
            Truncation::RelativeError(_) | Truncation::MaxEntries(_) => wanted[sketched],
        };
        let rows = rows.min(x.extents[sketched]);
        let sketch = x.with(sketched, rows);
        let bases = steps.iter().map(|&(n, columns)| {
            left_singular_memory(&sketch, n, columns) + x.extents[n] * columns * x.scalar
        });
        let packing = mode_product_memory(x, sketched, rows) - sketch.bytes();
        let sketching = sketch.bytes() + bases.sum::<f64>().max(packing);
        // 2. The compressed tensor Z, and its decomposition.
        let compressing = multi_mode_product_memory(x, &steps);
        let z = steps
            .iter()
            .fold(x.clone(), |z, &(mode, rows)| z.with(mode, rows));
        let basis = left_singular_memory(&z, sketched, wanted[sketched])
            + z.with(sketched, wanted[sketched]).bytes();
        let solving = truncate_memory(&z, &all).max(basis);
        // Z and its bases are kept while a power iteration computes the next ones.
        let previous = z.bytes() + problem.factors(&wanted);
        let most = sketching.max(compressing).max(solving);
        let own = whole_bytes((previous + most).max(measuring));
        if let Truncation::Ranks(_) = self.truncation {
            return Ok(own);
        }
        let deterministic = StHosvd {
            modes: self.modes.clone(),
            ..StHosvd::new(self.truncation.clone())
        };
        Ok(own.max(deterministic.memory::<T>(shape)?))
    }
}
