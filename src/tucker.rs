//! Tucker decompositions X ≈ G ×₀ A₀ ×₁ A₁ … of a dense tensor.
//!
//! | solver | what it is | cost |
//! | --- | --- | --- |
//! | [`Hosvd`] | leading singular vectors of each unfolding of X | a Gram matrix of X per mode |
//! | [`StHosvd`] | the same, each mode on what the previous ones left | little more than one Gram matrix of X |
//! | [`Randomized`] | ST-HOSVD on random sketches | a few thin products with X |
//! | [`Hooi`] | alternating least squares, started from either | some projections of X per sweep |
//!
//! Factors have orthonormal columns. The entry of largest magnitude in each
//! column is positive. Terms and notation follow Kolda & Bader, *Tensor
//! Decompositions and Applications*, SIAM Review 2009.

mod hooi;
mod hosvd;
mod memory;
mod randomized;
mod range;
mod rank_law;
mod relative_error;
mod slice;
mod st_hosvd;
mod tolerance;
mod truncation;

pub use hooi::{Hooi, Start, Stop, Sweep, Sweeps};
pub use hosvd::Hosvd;
pub use randomized::Randomized;
pub use st_hosvd::{ModeOrder, StHosvd};
pub use tolerance::Shortfall;
pub(crate) use truncation::Discarded;
pub use truncation::Truncation;
#[cfg(feature = "cuda")]
pub(crate) use {
    range::check_finite, rank_law::obey_rank_law, tolerance::Contract, truncation::Budget,
};

use faer::{Mat, MatRef};

use range::Parts;

use crate::error::{Error, Result};
use crate::linalg::{Precision, Route, Rung, fix_signs, left_singular};
use crate::scalar::Scalar;
use crate::tensor::{Shape, Tensor, TensorRef, mode_product};

/// A Tucker decomposition: a core and one factor matrix per decomposed mode,
/// X ≈ G ×₀ A₀ ×₁ A₁ …
///
/// A mode that a partial decomposition leaves alone has no factor; the core
/// has the tensor's own extent there.
///
/// ```
/// use tenfold::{StHosvd, Tensor, Truncation};
/// let x = Tensor::from_fn(&[4, 5, 6], |i| (i[0] + i[1] * i[2]) as f64)?;
/// let tucker = StHosvd::new(Truncation::Ranks(vec![2, 2, 2])).decompose(&x)?;
/// assert_eq!(tucker.core().shape(), [2, 2, 2]);
/// assert!(tucker.relative_error(&x)? < 1e-14);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tucker<T> {
    core: Tensor<T>,
    factors: Vec<Option<Mat<T>>>,
    spectra: Vec<Option<Vec<f64>>>,
    rung: Rung,
    estimated_error: Option<f64>,
    shortfall: Option<Shortfall>,
    convergence: Option<Convergence>,
}

/// How a HOOI run ended.
///
/// ```
/// use tenfold::{Convergence, Hooi, Stop, Tensor};
/// let x = Tensor::from_fn(&[3, 4, 5], |i| (i[0] * i[1] * i[2]) as f64)?;
/// let tucker = Hooi::new([1, 1, 1]).decompose(&x)?;
/// let expected = Convergence { sweeps: 1, stop: Stop::Converged };
/// assert_eq!(tucker.convergence(), Some(expected));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// The sweeps that were made.
    pub sweeps: usize,
    /// Why there were no more.
    pub stop: Stop,
}

impl<T: Scalar> Tucker<T> {
    /// A decomposition from its parts, a factor or none for each mode.
    ///
    /// # Errors
    /// [`Error::FactorCountMismatch`]; [`Error::FactorShapeMismatch`] where the columns of a
    /// factor are not the core's extent in its mode; [`Error::ShapeOverflow`];
    /// [`Error::Empty`] and [`Error::ZeroRank`] where the tensor or the core has no
    /// entries.
    ///
    /// ```
    /// use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1, 2], vec![1.0, 2.0])?;
    /// let tucker = Tucker::new(core, vec![Some(faer::mat![[1.0], [3.0]]), None])?;
    /// assert_eq!(tucker.reconstruct()?.data(), [1.0, 2.0, 3.0, 6.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn new(core: Tensor<T>, factors: Vec<Option<Mat<T>>>) -> Result<Self> {
        let order = core.order();
        if factors.len() != order {
            return Err(Error::FactorCountMismatch {
                actual: factors.len(),
                order,
            });
        }
        for (mode, factor) in factors.iter().enumerate() {
            let rank = core.shape()[mode];
            if let Some(factor) = factor
                && factor.ncols() != rank
            {
                return Err(Error::FactorShapeMismatch {
                    mode,
                    expected: (factor.nrows(), rank),
                    actual: (factor.nrows(), factor.ncols()),
                });
            }
        }
        let tucker = Self {
            spectra: vec![None; order],
            rung: Rung::default(),
            core,
            factors,
            estimated_error: None,
            shortfall: None,
            convergence: None,
        };
        let shape = tucker.shape();
        Shape::new(&shape)?;
        if shape.contains(&0) {
            return Err(Error::Empty { shape });
        }
        if let Some(mode) = tucker.ranks().iter().position(|&rank| rank == 0) {
            return Err(Error::ZeroRank { mode });
        }
        Ok(tucker)
    }

    /// A decomposition by truncation, which discarded so much.
    pub(crate) fn truncated(
        core: Tensor<T>,
        factors: Vec<Option<Mat<T>>>,
        spectra: Vec<Option<Vec<f64>>>,
        rung: Rung,
        discarded: Discarded,
    ) -> Result<Self> {
        Ok(Self {
            spectra,
            rung,
            estimated_error: Some(discarded.relative_error()),
            ..Self::new(core, factors)?
        })
    }

    /// A decomposition of `x` that was found elsewhere: core, factors and spectra, and
    /// the relative error as the norms of core and tensor tell it.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`]: the core came from numbers of a wider range.
    #[cfg(feature = "cuda")]
    pub(crate) fn found(
        core: Tensor<T>,
        factors: Vec<Option<Mat<T>>>,
        spectra: Vec<Option<Vec<f64>>>,
        convergence: Option<Convergence>,
        x: TensorRef<'_, T>,
        from_norms: f64,
    ) -> Result<Self> {
        check_finite(&core, "the core")?;
        let mut tucker = Self {
            spectra,
            convergence,
            ..Self::new(core, factors)?
        };
        tucker.estimate_error(x, from_norms)?;
        Ok(tucker)
    }

    /// The core G.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
    /// assert_eq!(tucker.core().data(), [4.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn core(&self) -> &Tensor<T> {
        &self.core
    }

    /// The factor Aₙ, Iₙ×Rₙ; `None` for a mode that was left alone (and for
    /// one that does not exist).
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
    /// assert_eq!(tucker.factor(0).unwrap(), faer::mat![[0.0], [1.0]]);
    /// assert!(tucker.factor(2).is_none());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn factor(&self, mode: usize) -> Option<MatRef<'_, T>> {
        self.factors.get(mode)?.as_ref().map(Mat::as_ref)
    }

    /// The factors, one or none for each mode.
    #[cfg(feature = "cuda")]
    pub(crate) fn factors(&self) -> &[Option<Mat<T>>] {
        &self.factors
    }

    /// The multilinear rank: the extents of the core.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::from_fn(&[4, 5, 6], |i| (i[0] + i[1] * i[2]) as f64)?;
    /// assert_eq!(StHosvd::new([2, 3, 2]).decompose(&x)?.ranks(), [2, 3, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn ranks(&self) -> &[usize] {
        self.core.shape()
    }

    /// The extents of the tensor that was decomposed.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::from_fn(&[4, 5, 6], |i| (i[0] + i[1] * i[2]) as f64)?;
    /// assert_eq!(StHosvd::new([2, 3, 2]).decompose(&x)?.shape(), [4, 5, 6]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn shape(&self) -> Vec<usize> {
        let extents = self.core.shape().iter().zip(&self.factors);
        extents
            .map(|(&rank, factor)| factor.as_ref().map_or(rank, Mat::nrows))
            .collect()
    }

    /// The singular values of the mode-n unfolding as the solver met them,
    /// kept and discarded ones, largest first: for [`Hosvd`] those of X, for
    /// [`StHosvd`] those of X as the earlier modes left it, for [`Hooi`] those
    /// of the last projection. `None` for a mode left alone, and for a
    /// decomposition that did not come from a solver.
    ///
    /// ```
    /// # use tenfold::{Hosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let tucker = Hosvd::new([1, 1]).decompose(&x)?;
    /// assert_eq!(tucker.spectrum(0), Some(&[4.0, 3.0][..]));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn spectrum(&self, mode: usize) -> Option<&[f64]> {
        self.spectra.get(mode)?.as_deref()
    }

    /// The relative error ‖X − X̂‖/‖X‖ as the solver knows it from what it
    /// discarded: exact up to rounding for [`StHosvd`] and [`Hooi`], an upper
    /// bound for [`Hosvd`]. `None` where the parts did not come from a solver.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let error = StHosvd::new([1, 1]).decompose(&x)?.estimated_error();
    /// assert!((error.unwrap() - 0.6).abs() < 1e-15);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn estimated_error(&self) -> Option<f64> {
        self.estimated_error
    }

    /// By how much the decomposition fails a tolerance that the precision of
    /// the scalar cannot reach; `None` where the tolerance holds.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f32)?;
    /// let tucker = StHosvd::new(Truncation::RelativeError(1e-12)).decompose(&x)?;
    /// let shortfall = tucker.shortfall().unwrap();
    /// assert_eq!(shortfall.requested, 1e-12);
    /// assert!(shortfall.reached < 1e-6);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn shortfall(&self) -> Option<Shortfall> {
        self.shortfall
    }

    /// The last rung of the ladder that any of the factorizations had to climb
    /// to before it converged.
    ///
    /// ```
    /// # use tenfold::{Hosvd, Tensor, linalg::Rung};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// assert_eq!(Hosvd::new([1, 1]).decompose(&x)?.rung(), Rung::DivideAndConquer);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// How many sweeps HOOI made and why it stopped; `None` for other solvers.
    ///
    /// ```
    /// # use tenfold::{Hooi, Stop, Tensor};
    /// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// let hooi = Hooi { max_sweeps: 1, ..Hooi::new([2, 2, 2]) };
    /// let convergence = hooi.decompose(&x)?.convergence().unwrap();
    /// assert_eq!(convergence.stop, Stop::SweepLimit);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn convergence(&self) -> Option<Convergence> {
        self.convergence
    }

    /// The number of entries of the tensor, divided by that of core and
    /// factors together.
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1, 1], vec![1.0])?;
    /// let ones = faer::Mat::<f64>::ones(10, 1);
    /// let tucker = Tucker::new(core, vec![Some(ones.clone()), Some(ones)])?;
    /// assert_eq!(tucker.compression(), 100.0 / 21.0);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn compression(&self) -> f64 {
        let factors = self.factors.iter().flatten();
        let stored = self.core.data().len() + factors.map(|a| a.nrows() * a.ncols()).sum::<usize>();
        let entries: f64 = self.shape().iter().map(|&extent| extent as f64).product();
        entries / stored.max(1) as f64
    }

    /// The tensor X̂ = G ×₀ A₀ ×₁ A₁ … that the decomposition stands for.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`] where an entry of X̂ is above the largest scalar;
    /// [`Error::OutOfMemory`]; [`Error::ShapeOverflow`] where a product of the core with
    /// some of the factors alone is too large to address.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[3, 3], |i| (i[0] * i[1]) as f64)?;
    /// let tucker = StHosvd::new(Truncation::RelativeError(1e-10)).decompose(&x)?;
    /// assert!(x.distance(&tucker.reconstruct()?)? < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruct(&self) -> Result<Tensor<T>> {
        Parts::new(self.core.view(), self.products())?.product()
    }

    /// Takes `factor` for mode n, signed by the rule, and the core with its signs.
    fn set_factor(&mut self, mode: usize, mut factor: Mat<T>) -> Result<()> {
        let signs = fix_signs(factor.as_mut());
        let diagonal = Mat::from_fn(signs.len(), signs.len(), |i, j| {
            if i == j { signs[i] } else { T::zero() }
        });
        self.core = mode_product(&self.core, mode, diagonal.as_ref())?;
        self.factors[mode] = Some(factor);
        Ok(())
    }

    /// The factors with their modes, as [`multi_mode_product`] takes them.
    fn products(&self) -> Vec<(usize, MatRef<'_, T>)> {
        let factors = self.factors.iter().enumerate();
        factors
            .filter_map(|(mode, factor)| Some((mode, factor.as_ref()?.as_ref())))
            .collect()
    }
}

/// All singular values of the mode-n unfolding, largest first.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::NonFinite`], [`Error::NoConvergence`].
///
/// ```
/// use tenfold::{Tensor, mode_spectrum};
/// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
/// assert_eq!(mode_spectrum(&x, 0)?, [4.0, 3.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn mode_spectrum<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
) -> Result<Vec<f64>> {
    let x = x.into();
    if let Some(error) = crate::tensor::first_non_finite(x) {
        return Err(error);
    }
    Ok(left_singular(x, mode, Route::Qr, Precision::Double, |_| 0)?.values)
}
