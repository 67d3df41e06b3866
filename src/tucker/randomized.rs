//! Randomized ST-HOSVD.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::computation::Computation;
use super::decomposition::{Tucker, transposed};
use super::in_range::InRange;
use super::memory::Problem;
use super::relative_error::{error_of_projection, relative_error_memory};
use super::st_hosvd::{StHosvd, truncate_memory};
use super::truncation::{self, Truncation};
use crate::error::Result;
use crate::linalg::{Precision, Route, left_singular_memory, random_signs};
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::tensor::{
    Tensor, TensorRef, mode_product_memory, multi_mode_product_memory, norm, whole_bytes,
};

/// The randomized sequentially truncated higher-order SVD (after Halko, Martinsson & Tropp, SIAM
/// Review 2011; for Tucker see Minster, Saibaba & Kilmer, SIAM J. Math. Data Sci. 2020). One
/// sketch of the longest mode gives bases for all other modes.
///
/// With s the longest mode:
///
/// 1. S = X ×ₛ Ω, Ω a few rows of random signs;
/// 2. Qₙ for n ≠ s: leading left singular vectors of S₍ₙ₎, Rₙ + `oversampling` of them;
/// 3. Z = X ×ₙ≠ₛ Qₙᵀ;
/// 4. Z ≈ G ×ₙ Bₙ by [`StHosvd`] at the ranks Rₙ; Aₛ = Bₛ, Aₙ = Qₙ Bₙ.
///
/// A power iteration repeats 1 to 3 with Ω = leading left singular vectors of
/// Z₍ₛ₎, transposed.
///
/// Cost: two thin products with X, about 2·(16 + R + p) flops per entry, p the oversampling;
/// [`StHosvd`] needs Iₙ flops per entry for its first Gram matrix. The vectors of mode n come
/// from 16·|X|/(Iₛ·Iₙ) random columns. With three or more modes the error is therefore one or
/// two percent above the deterministic one. A matrix needs a power iteration for that. The
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
    /// The ranks, one for each mode to decompose.
    pub ranks: Vec<usize>,
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
const SKETCH_ROWS: usize = 16;

/// The minimum number of columns of a sketched unfolding for each vector that is computed from it.
const SKETCH_COLUMNS: usize = 32;

impl Randomized {
    /// Decomposes all modes with an oversampling of 8, without power iterations, with seed 0.
    ///
    /// ```
    /// # use tenfold::Randomized;
    /// let randomized = Randomized::new([4, 4, 4]);
    /// assert_eq!((randomized.oversampling, randomized.power_iterations), (8, 0));
    /// ```
    pub fn new(ranks: impl Into<Vec<usize>>) -> Self {
        Self {
            ranks: ranks.into(),
            modes: None,
            oversampling: 8,
            power_iterations: 0,
            seed: 0,
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`].
    ///
    /// ```
    /// # use tenfold::{Randomized, Tensor};
    /// let x = Tensor::from_fn(&[9, 8, 7], |i| (i[0] + i[1] * i[2]) as f64)?;
    /// let tucker = Randomized { seed: 7, ..Randomized::new([2, 2, 2]) }.decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? < 1e-13);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&Truncation::Ranks(self.ranks.clone()), x.shape(), &modes)?;
        let in_range = InRange::new(x, norm(x))?;
        let x = in_range.view();
        let at_ranks = StHosvd {
            modes: Some(modes.clone()),
            monitor: self.monitor.without_reports(),
            ..StHosvd::new(self.ranks.clone())
        };
        let mut tucker = match self.compress(x, &modes)? {
            Some(Compressed { z, bases }) => at_ranks.decompose(&z)?.lift(&bases)?,
            None => at_ranks.decompose(x)?,
        };
        self.report(self.steps())?;
        tucker.estimate_error(x, error_of_projection(in_range.norm, norm(tucker.core())))?;
        in_range.restore(tucker, None)
    }

    /// The number of steps: the sketches and the decomposition.
    fn steps(&self) -> usize {
        self.power_iterations.saturating_add(2)
    }

    fn report(&self, done: usize) -> Result<()> {
        self.monitor.step(Progress::new(done, self.steps()))
    }

    /// Steps 1 to 3; `None` for a single mode, since there is nothing to sketch.
    fn compress<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        modes: &[usize],
    ) -> Result<Option<Compressed<T>>> {
        let shape = x.shape();
        let Some(sketched) = Self::sketched(shape, modes) else {
            return Ok(None);
        };
        let wanted = self.wanted(shape, modes);
        let others: Vec<usize> = modes.iter().copied().filter(|&n| n != sketched).collect();

        // 1. The number of rows of Ω.
        let entries = shape.iter().product::<usize>() / shape[sketched];
        let enough = |&n: &usize| (SKETCH_COLUMNS * wanted[n]).div_ceil(entries / shape[n]);
        let rows = others
            .iter()
            .map(enough)
            .max()
            .unwrap_or(0)
            .max(SKETCH_ROWS);
        let rows = rows.min(2 * wanted[sketched]).min(shape[sketched]);
        let omega = random_signs(rows, shape[sketched], self.seed);

        // 2. The first sketch.
        let computation = Computation {
            route: Route::Auto,
            monitor: &self.monitor,
        };
        let sketching = Sketching {
            x,
            sketched,
            others: &others,
            wanted: &wanted,
            computation,
        };
        let mut compressed = sketching.compress(omega.as_ref())?;
        self.report(1)?;
        // 3. Power iterations.
        for iteration in 0..self.power_iterations {
            let rank = wanted[sketched].min(compressed.z.data().len() / shape[sketched]);
            let z = compressed.z.view();
            let leading = computation.leading(z, sketched, Precision::Native, |_| rank)?;
            compressed = sketching.compress(leading.vectors.transpose())?;
            self.report(iteration + 2)?;
        }
        Ok(Some(compressed))
    }

    /// The mode that is sketched: the longest one. `None` for a single mode.
    fn sketched(shape: &[usize], modes: &[usize]) -> Option<usize> {
        // Of modes of equal extent, the first: the products that follow can then start with the
        // last mode, which is the fastest.
        let longest = modes.iter().copied().rev().max_by_key(|&mode| shape[mode]);
        longest.filter(|_| modes.len() > 1)
    }

    /// The number of columns of the basis of each mode.
    fn wanted(&self, shape: &[usize], modes: &[usize]) -> Vec<usize> {
        let mut wanted = shape.to_vec();
        for (&mode, &rank) in modes.iter().zip(&self.ranks) {
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
        let truncation = Truncation::Ranks(self.ranks.clone());
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &truncation)?;
        let (x, modes) = (&problem.x, &problem.modes);
        let measuring = relative_error_memory(&problem);
        let all = problem.steps(modes);
        let Some(sketched) = Self::sketched(shape, modes) else {
            return Ok(whole_bytes(truncate_memory(x, &all).max(measuring)));
        };
        let wanted: Vec<f64> = self
            .wanted(shape, modes)
            .iter()
            .map(|&n| n as f64)
            .collect();
        let others = modes.iter().filter(|&&mode| mode != sketched);
        let steps: Vec<_> = others.map(|&n| (n, wanted[n])).collect();
        // 1. The sketch, and the bases of all modes, which are computed in parallel.
        let rows = (2.0 * wanted[sketched]).min(x.extents[sketched]);
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
        let solving = truncate_memory(&z, &all);
        // 3. The rows of Ω of a power iteration.
        let iterating = if self.power_iterations > 0 {
            left_singular_memory(&z, sketched, wanted[sketched])
        } else {
            0.0
        };
        // Z and its bases are kept while a power iteration computes the next ones.
        let previous = z.bytes() + problem.factors(&wanted);
        let most = sketching.max(compressing).max(solving).max(iterating);
        Ok(whole_bytes((previous + most).max(measuring)))
    }
}

/// A tensor whose mode s is sketched.
struct Sketching<'a, T> {
    x: TensorRef<'a, T>,
    /// Mode s.
    sketched: usize,
    /// The other modes to decompose.
    others: &'a [usize],
    /// The number of columns of the basis of each mode.
    wanted: &'a [usize],
    computation: Computation<'a>,
}

impl<T: Scalar> Sketching<'_, T> {
    /// S = X ×ₛ Ω; Qₙ for the other modes, with the wanted number of columns, or fewer if S₍ₙ₎ has
    /// a lower rank; Z = X ×ₙ≠ₛ Qₙᵀ.
    fn compress(&self, omega: MatRef<'_, T>) -> Result<Compressed<T>> {
        let computation = self.computation;
        let sketch = computation.mode_product(self.x, self.sketched, omega)?;
        let mut core = sketch.shape().to_vec();
        self.others.iter().for_each(|&n| core[n] = self.wanted[n]);
        for &n in self.others {
            core[n] = core[n].min(core.iter().product::<usize>() / core[n]);
        }
        let found = self
            .others
            .par_iter()
            .map(|&n| computation.leading(sketch.view(), n, Precision::Native, |_| core[n]))
            .collect::<Result<Vec<_>>>()?;
        let mut bases = vec![None; self.x.order()];
        for (&n, leading) in self.others.iter().zip(found) {
            bases[n] = Some(leading.vectors);
        }
        let z = computation.multi_mode_product(self.x, &transposed(&bases, self.others))?;
        Ok(Compressed { z, bases })
    }
}

/// Z = X ×ₙ Qₙᵀ, with the bases Qₙ of the modes that are compressed.
struct Compressed<T> {
    z: Tensor<T>,
    bases: Vec<Option<Mat<T>>>,
}
