//! Randomized ST-HOSVD.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::range::{Estimate, InRange};
use super::relative_error::error_of_projection;
use super::truncation::{self, Truncation};
use super::{StHosvd, Tucker};
use crate::error::Result;
use crate::linalg::{Accuracy, left_singular, product, random_signs};
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, mode_product, multi_mode_product, norm};

/// The randomized sequentially truncated higher-order SVD: a range finder in one
/// mode serves all the others (after Halko, Martinsson & Tropp, SIAM Review 2011;
/// for Tucker see Minster, Saibaba & Kilmer, SIAM J. Math. Data Sci. 2020).
///
/// With s the longest mode:
///
/// 1. S = X ×ₛ Ω, Ω a few rows of random signs;
/// 2. Qₙ for n ≠ s: leading left singular vectors of S₍ₙ₎, Rₙ + `oversampling` of them;
/// 3. Z = X ×ₙ≠ₛ Qₙᵀ;
/// 4. Z ≈ G ×ₙ Bₙ by [`StHosvd`] at the ranks themselves; Aₛ = Bₛ, Aₙ = Qₙ Bₙ.
///
/// A power iteration repeats 1 to 3 with Ω = leading left singular vectors of
/// Z₍ₛ₎, transposed.
///
/// The whole tensor is met by two thin products, some 2·(16 + R + p) flops per
/// entry, where [`StHosvd`] spends I for a Gram matrix. The mode-n vectors are
/// found from 16·|X|/(Iₛ·Iₙ) random columns, so that for three modes and more the
/// error is within a percent or two of the deterministic one; for a matrix, that
/// takes a power iteration. The error is measured, not hoped for.
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
    /// The modes to decompose; all for `None`.
    pub modes: Option<Vec<usize>>,
    /// Vectors kept beyond the rank until the last step.
    pub oversampling: usize,
    /// Power iterations: each costs as much again.
    pub power_iterations: usize,
    /// The seed of the sketch: the same seed gives the same bits.
    pub seed: u64,
}

/// Rows of the sketch, at least: fewer leave it to chance whether a direction of
/// the sketched mode is seen.
const SKETCH_ROWS: usize = 16;

/// Columns of a sketched unfolding for each vector wanted of it.
const SKETCH_COLUMNS: usize = 32;

impl Randomized {
    /// All modes, 8 vectors more than the ranks, no power iteration, seed 0.
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
            ..StHosvd::new(self.ranks.clone())
        };
        let mut tucker = match self.compress(x, &modes)? {
            Some(compressed) => compressed.lift(at_ranks.decompose(&compressed.z)?)?,
            None => at_ranks.decompose(x)?,
        };
        tucker.estimate_error(x, error_of_projection(in_range.norm, norm(tucker.core())))?;
        in_range.restore(tucker, None, Estimate::Error)
    }

    /// Steps 1 to 3; nothing where a single mode is named, of which there is
    /// nothing to sketch.
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

        let mut compressed =
            Compressed::from_sketch(x, sketched, omega.as_ref(), &others, &wanted)?;
        for _ in 0..self.power_iterations {
            let rank = wanted[sketched].min(compressed.z.data().len() / shape[sketched]);
            let leading = left_singular(&compressed.z, sketched, Accuracy::default(), |_| rank)?;
            let omega = leading.vectors.transpose();
            compressed = Compressed::from_sketch(x, sketched, omega, &others, &wanted)?;
        }
        Ok(Some(compressed))
    }

    /// The mode that the sketch shortens; none where a single mode is named.
    pub(super) fn sketched(shape: &[usize], modes: &[usize]) -> Option<usize> {
        // Of equals the first: what follows can then start with the last mode,
        // whose product is the fastest.
        let longest = modes.iter().copied().rev().max_by_key(|&mode| shape[mode]);
        longest.filter(|_| modes.len() > 1)
    }

    /// The columns that the basis of each mode is to have.
    pub(super) fn wanted(&self, shape: &[usize], modes: &[usize]) -> Vec<usize> {
        let mut wanted = shape.to_vec();
        for (&mode, &rank) in modes.iter().zip(&self.ranks) {
            wanted[mode] = rank.saturating_add(self.oversampling).min(shape[mode]);
        }
        wanted
    }
}

/// Z = X ×ₙ Qₙᵀ, with the bases Qₙ of the modes that are compressed.
struct Compressed<T> {
    z: Tensor<T>,
    bases: Vec<Option<Mat<T>>>,
}

impl<T: Scalar> Compressed<T> {
    /// S = X ×ₛ Ω; Qₙ for the `others`, `wanted[n]` columns of each or as many as
    /// S can tell apart; Z = X ×ₙ≠ₛ Qₙᵀ.
    fn from_sketch(
        x: TensorRef<'_, T>,
        sketched: usize,
        omega: MatRef<'_, T>,
        others: &[usize],
        wanted: &[usize],
    ) -> Result<Self> {
        let sketch = mode_product(x, sketched, omega)?;
        let mut core = sketch.shape().to_vec();
        others.iter().for_each(|&n| core[n] = wanted[n]);
        for &n in others {
            core[n] = core[n].min(core.iter().product::<usize>() / core[n]);
        }
        let found = others
            .par_iter()
            .map(|&n| left_singular(&sketch, n, Accuracy::default(), |_| core[n]))
            .collect::<Result<Vec<_>>>()?;
        let mut bases = vec![None; x.order()];
        for (&n, leading) in others.iter().zip(found) {
            bases[n] = Some(leading.vectors);
        }
        let products: Vec<_> = bases
            .iter()
            .enumerate()
            .filter_map(|(n, q): (_, &Option<Mat<T>>)| Some((n, q.as_ref()?.transpose())))
            .collect();
        let z = multi_mode_product(x, &products)?;
        Ok(Self { z, bases })
    }

    /// The decomposition of X from that of Z: Aₙ = Qₙ Bₙ, signed by the rule, and
    /// the core with the signs of A.
    fn lift(&self, mut small: Tucker<T>) -> Result<Tucker<T>> {
        for (mode, q) in self.bases.iter().enumerate() {
            if let (Some(b), Some(q)) = (&small.factors[mode], q) {
                let factor = product(q.as_ref(), b.as_ref());
                small.set_factor(mode, factor)?;
            }
        }
        let mut tucker = Tucker::new(small.core, small.factors)?;
        tucker.spectra = small.spectra;
        tucker.rung = small.rung;
        Ok(tucker)
    }
}
