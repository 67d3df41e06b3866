//! The result of every solver: a core and one factor matrix for each decomposed mode.

use std::sync::OnceLock;

use faer::{Mat, MatRef};

use super::outcome::{Convergence, Shortfall};
use super::scaling::rescaled;
use crate::error::{Error, Result};
use crate::linalg::{Rung, fix_signs, is_orthonormal, rescale_singular_values};
use crate::monitor::Monitor;
use crate::scalar::Scalar;
#[cfg(feature = "cuda")]
use crate::scalar::binary_exponent;
use crate::tensor::{Shape, Tensor, mode_product};

/// A Tucker decomposition: a core and one factor matrix per decomposed mode,
/// X ≈ G ×₀ A₀ ×₁ A₁ …
///
/// In a partial decomposition, a mode that is not decomposed has no factor, and the core has the
/// extent of the tensor in that mode.
///
/// ```
/// use tenfold::{StHosvd, Tensor, Truncation};
/// let x = Tensor::from_fn(&[4, 5, 6], |i| (i[0] + i[1] * i[2]) as f64)?;
/// let tucker = StHosvd::new(Truncation::Ranks(vec![2, 2, 2])).decompose(&x)?;
/// assert_eq!((tucker.shape(), tucker.ranks()), (&[4, 5, 6][..], &[2, 2, 2][..]));
/// assert!(tucker.relative_error(&x)? < 1e-14);
///
/// let (core, factors) = tucker.into_parts();
/// assert_eq!(core.shape(), [2, 2, 2]);
/// assert_eq!(factors[2].as_ref().map(faer::Mat::nrows), Some(6));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Tucker<T> {
    core: Tensor<T>,
    factors: Vec<Option<Mat<T>>>,
    /// The extents of the tensor: the numbers of rows of the factors, and the extents of the core
    /// in modes without a factor.
    shape: Shape,
    spectra: Vec<Option<Vec<f64>>>,
    /// The columns of X₍ₙ₎ that are the columns of each factor. Empty for other factors.
    fibres: Vec<Option<Vec<usize>>>,
    rung: Rung,
    estimated_error: Option<f64>,
    shortfall: Option<Shortfall>,
    convergence: Option<Convergence>,
    /// Whether the factors are orthonormal. Empty until a caller asks, for factors of unknown origin.
    orthonormal: OnceLock<bool>,
}

/// The components from which a solver makes its result.
#[derive(Debug)]
pub(crate) struct Components<T> {
    pub(crate) core: Tensor<T>,
    /// A factor or none for each mode.
    pub(crate) factors: Vec<Option<Mat<T>>>,
    /// The singular values of each decomposed mode.
    pub(crate) spectra: Vec<Option<Vec<f64>>>,
    /// The highest rung that a factorization needed.
    pub(crate) rung: Rung,
    /// How HOOI ended.
    pub(crate) convergence: Option<Convergence>,
}

impl<T: Scalar> Components<T> {
    /// A core and factors, without spectra.
    pub(crate) fn new(core: Tensor<T>, factors: Vec<Option<Mat<T>>>) -> Self {
        Self {
            spectra: vec![None; factors.len()],
            rung: Rung::default(),
            convergence: None,
            core,
            factors,
        }
    }
}

/// A new factor of one mode, and the core that belongs to it.
#[derive(Debug)]
pub(super) struct Replacement<T> {
    pub(super) factor: Mat<T>,
    pub(super) core: Tensor<T>,
    /// The singular values; `None` keeps the previous ones.
    pub(super) values: Option<Vec<f64>>,
    pub(super) rung: Rung,
}

impl<T: Scalar> Tucker<T> {
    /// A decomposition from a core, and a factor or `None` for each mode. The factors need not be
    /// orthonormal, and a rank may be above the extent of its mode.
    ///
    /// # Errors
    /// [`Error::FactorCountMismatch`]; [`Error::FactorShapeMismatch`] if the number of columns of a
    /// factor differs from the extent of the core in its mode; [`Error::ShapeOverflow`];
    /// [`Error::Empty`] and [`Error::ZeroRank`] if the tensor or the core has no entries.
    ///
    /// ```
    /// use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1, 2], vec![1.0, 2.0])?;
    /// let tucker = Tucker::new(core, vec![Some(faer::mat![[1.0], [3.0]]), None])?;
    /// assert_eq!(tucker.reconstruct()?.data(), [1.0, 2.0, 3.0, 6.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn new(core: Tensor<T>, factors: Vec<Option<Mat<T>>>) -> Result<Self> {
        let tucker = Self::from_components(Components::new(core, factors))?;
        Ok(Self {
            orthonormal: OnceLock::new(),
            ..tucker
        })
    }

    /// A decomposition from its components. The factors are orthonormal.
    ///
    /// # Errors
    /// Those of [`Tucker::new`].
    pub(crate) fn from_components(components: Components<T>) -> Result<Self> {
        let Components {
            core,
            factors,
            spectra,
            rung,
            convergence,
        } = components;
        let order = core.order();
        if factors.len() != order {
            return Err(Error::FactorCountMismatch {
                actual: factors.len(),
                order,
            });
        }
        for (mode, factor) in factors.iter().enumerate() {
            if let Some(factor) = factor {
                check_columns(&core, mode, factor)?;
            }
        }
        let extents = core.shape().iter().zip(&factors);
        let extents: Vec<usize> = extents
            .map(|(&rank, factor)| factor.as_ref().map_or(rank, Mat::nrows))
            .collect();
        let shape = Shape::new(&extents)?;
        if extents.contains(&0) {
            return Err(Error::Empty { shape: extents });
        }
        if let Some(mode) = core.shape().iter().position(|&rank| rank == 0) {
            return Err(Error::ZeroRank { mode });
        }
        Ok(Self {
            core,
            factors,
            shape,
            spectra,
            fibres: Vec::new(),
            rung,
            estimated_error: None,
            shortfall: None,
            convergence,
            orthonormal: OnceLock::from(true),
        })
    }

    /// The components, without the errors.
    pub(super) fn into_components(self) -> Components<T> {
        Components {
            core: self.core,
            factors: self.factors,
            spectra: self.spectra,
            rung: self.rung,
            convergence: self.convergence,
        }
    }

    /// The core, and the factor or `None` of each mode.
    #[must_use]
    pub fn into_parts(self) -> (Tensor<T>, Vec<Option<Mat<T>>>) {
        (self.core, self.factors)
    }

    /// The core G.
    #[must_use]
    pub fn core(&self) -> &Tensor<T> {
        &self.core
    }

    /// The factor Aₙ, Iₙ×Rₙ; `None` for a mode that is not decomposed, or that does not exist.
    #[must_use]
    pub fn factor(&self, mode: usize) -> Option<MatRef<'_, T>> {
        self.factors.get(mode)?.as_ref().map(Mat::as_ref)
    }

    /// The factor or `None` of each mode.
    #[must_use]
    pub fn factors(&self) -> &[Option<Mat<T>>] {
        &self.factors
    }

    /// The multilinear rank: the extents of the core.
    #[must_use]
    pub fn ranks(&self) -> &[usize] {
        self.core.shape()
    }

    /// The extents of the tensor that was decomposed.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The singular values of the mode-n unfolding from which the solver took the factor, kept and
    /// discarded ones, largest first: for [`Hosvd`](crate::Hosvd) those of X, for
    /// [`StHosvd`](crate::StHosvd) those of X projected on the factors of earlier modes (for a
    /// tolerance, of the first pass), for
    /// [`Randomized`](crate::Randomized) the same of the compressed tensor Z, for
    /// [`Hooi`](crate::Hooi) those of the last projection (without sweeps, those of the start), for [`Interpolatory`](crate::Interpolatory)
    /// those of X. `None` for a mode that is not
    /// decomposed, and for a decomposition that did not come from a solver.
    #[must_use]
    pub fn spectrum(&self, mode: usize) -> Option<&[f64]> {
        self.spectra.get(mode)?.as_deref()
    }

    /// The relative error ‖X − X̂‖/‖X‖ as the solver computed it, exact up to rounding. `None` where
    /// the parts did not come from a solver.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let error = StHosvd::new([1, 1]).decompose(&x)?.estimated_error();
    /// assert!((error.unwrap() - 0.6).abs() < 1e-15);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn estimated_error(&self) -> Option<f64> {
        self.estimated_error
    }

    /// The requested tolerance and the error that was reached, if the decomposition does not meet
    /// the tolerance. `None` if it does, or if no tolerance was requested.
    #[must_use]
    pub fn shortfall(&self) -> Option<Shortfall> {
        self.shortfall
    }

    /// The highest [`Rung`] that a factorization of the solver needed to converge.
    #[must_use]
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// The number of sweeps of HOOI, and why it stopped; `None` for other solvers.
    #[must_use]
    pub fn convergence(&self) -> Option<Convergence> {
        self.convergence
    }

    /// Whether the columns of every factor Aₙ are orthonormal: ‖AₙᵀAₙ − I‖ ≤ min(30·Iₙ·ε, √ε) in the
    /// Frobenius norm. Then ‖X̂‖ = ‖G‖, up to a relative difference of at most this bound for each
    /// factor. The factors of [`Hosvd`](crate::Hosvd), [`StHosvd`](crate::StHosvd),
    /// [`Hooi`](crate::Hooi) and [`Randomized`](crate::Randomized) are orthonormal. Other factors
    /// are checked by the first call, which costs 2·Iₙ·Rₙ² flops for each of them.
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1], vec![5.0])?;
    /// let of = |a| Tucker::new(core.clone(), vec![Some(a)]);
    /// assert!(of(faer::mat![[0.6], [0.8]])?.has_orthonormal_factors());
    /// assert!(!of(faer::mat![[3.0], [4.0]])?.has_orthonormal_factors());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn has_orthonormal_factors(&self) -> bool {
        let check = || {
            self.factors
                .iter()
                .flatten()
                .all(|a| is_orthonormal(a.as_ref()))
        };
        *self.orthonormal.get_or_init(check)
    }

    /// The compression ratio: the number of entries of the tensor, divided by the number of entries
    /// of core and factors together.
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1, 1], vec![1.0])?;
    /// let ones = faer::Mat::<f64>::ones(10, 1);
    /// let tucker = Tucker::new(core, vec![Some(ones.clone()), Some(ones)])?;
    /// assert_eq!(tucker.compression(), 100.0 / 21.0);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn compression(&self) -> f64 {
        let factors = self.factors.iter().flatten();
        let stored = self.core.data().len() + factors.map(|a| a.nrows() * a.ncols()).sum::<usize>();
        let entries: f64 = self.shape.iter().map(|&extent| extent as f64).product();
        entries / stored.max(1) as f64
    }

    /// The tensor X̂ = G ×₀ A₀ ×₁ A₁ … that the decomposition represents.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`] if an entry of X̂ is above the largest scalar;
    /// [`Error::OutOfMemory`]; [`Error::ShapeOverflow`] if the product of the core with some of the
    /// factors is too large to address.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[3, 3], |i| (i[0] * i[1]) as f64)?;
    /// let tucker = StHosvd::new(Truncation::RelativeError(1e-10)).decompose(&x)?;
    /// assert!(tucker.reconstruct()?.distance(&x)? < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruct(&self) -> Result<Tensor<T>> {
        self.reconstruct_monitored(None, &Monitor::new())
    }

    /// The factors with their modes, as [`multi_mode_product`](crate::tensor::multi_mode_product)
    /// takes them.
    pub(super) fn products(&self) -> Vec<(usize, MatRef<'_, T>)> {
        let factors = self.factors.iter().enumerate();
        factors
            .filter_map(|(mode, factor)| Some((mode, factor.as_ref()?.as_ref())))
            .collect()
    }

    /// Replaces the factor Aₙ, with the signs of [`fix_signs`], and the core.
    ///
    /// # Errors
    /// [`Error::FactorShapeMismatch`] if the columns of the factor do not fit the core.
    pub(super) fn replace_mode(&mut self, mode: usize, new: Replacement<T>) -> Result<()> {
        check_columns(&new.core, mode, &new.factor)?;
        self.core = new.core;
        if let Some(values) = new.values {
            self.spectra[mode] = Some(values);
        }
        self.rung = self.rung.max(new.rung);
        self.set_factor(mode, new.factor)
    }

    /// Aₙ ← `factor`, with the signs of [`fix_signs`]. The core gets the same signs, so that the
    /// product does not change.
    pub(super) fn set_factor(&mut self, mode: usize, mut factor: Mat<T>) -> Result<()> {
        check_columns(&self.core, mode, &factor)?;
        let signs = fix_signs(factor.as_mut());
        if signs.iter().any(|&sign| sign < T::zero()) {
            let diagonal = Mat::from_fn(signs.len(), signs.len(), |i, j| {
                if i == j { signs[i] } else { T::zero() }
            });
            self.core = mode_product(&self.core, mode, diagonal.as_ref())?;
        }
        self.shape = self.shape.with(mode, factor.nrows())?;
        self.fibres.clear();
        self.factors[mode] = Some(factor);
        Ok(())
    }

    /// The same with another core, and orthonormal factors in the modes that have a factor. The signs
    /// are those of [`fix_signs`].
    pub(super) fn with_orthonormal(
        mut self,
        core: Tensor<T>,
        factors: Vec<(usize, Mat<T>)>,
    ) -> Result<Self> {
        self.core = core;
        for (mode, factor) in factors {
            self.set_factor(mode, factor)?;
        }
        self.orthonormal = OnceLock::from(true);
        Ok(self)
    }

    /// The decomposition of X·2ᵉ, made from a decomposition of X.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`].
    pub(super) fn scaled_by(mut self, exponent: i32) -> Result<Self> {
        self.core = rescaled(&self.core, exponent, "the core")?;
        for values in self.spectra.iter_mut().flatten() {
            rescale_singular_values(values, exponent)?;
        }
        Ok(self)
    }

    /// The columns of X₍ₙ₎ that are the columns of the factor Aₙ, if
    /// [`Interpolatory`](crate::Interpolatory) computed it.
    #[must_use]
    pub fn fibres(&self, mode: usize) -> Option<&[usize]> {
        self.fibres.get(mode)?.as_deref()
    }

    /// Sets the columns of the unfoldings of X that are the columns of the factors, and the spectra
    /// of X.
    pub(super) fn set_fibres(
        &mut self,
        fibres: Vec<Option<Vec<usize>>>,
        spectra: Vec<Option<Vec<f64>>>,
    ) {
        self.fibres = fibres;
        self.spectra = spectra;
    }

    /// The spectra of the decomposed modes.
    pub(super) fn spectra(&self) -> impl Iterator<Item = &[f64]> {
        self.spectra.iter().flatten().map(Vec::as_slice)
    }

    pub(crate) fn set_estimated_error(&mut self, error: f64) {
        self.estimated_error = Some(error);
    }

    pub(super) fn set_convergence(&mut self, convergence: Convergence) {
        self.convergence = Some(convergence);
    }

    /// Records a shortfall if the error `reached` is above the one that was `requested`.
    pub(crate) fn note_shortfall(&mut self, requested: f64, reached: f64) {
        self.shortfall = (reached > requested).then_some(Shortfall { requested, reached });
    }
}

/// Fails unless the number of columns of the factor is the extent of the core in its mode.
fn check_columns<T: Scalar>(core: &Tensor<T>, mode: usize, factor: &Mat<T>) -> Result<()> {
    let rank = core.shape()[mode];
    if factor.ncols() == rank {
        return Ok(());
    }
    Err(Error::FactorShapeMismatch {
        mode,
        expected: (factor.nrows(), rank),
        actual: (factor.nrows(), factor.ncols()),
    })
}

/// The transposes of the factors of `modes`, with their modes, as
/// [`multi_mode_product`](crate::tensor::multi_mode_product) takes them: the projection
/// X ×ₙ Aₙᵀ ….
pub(crate) fn transposed<'a, T: Scalar>(
    factors: &'a [Option<Mat<T>>],
    modes: &[usize],
) -> Vec<(usize, MatRef<'a, T>)> {
    let factors = modes.iter().map(|&mode| (mode, &factors[mode]));
    factors
        .filter_map(|(mode, factor)| Some((mode, factor.as_ref()?.transpose())))
        .collect()
}

/// The error for a result that is above the largest scalar.
#[cfg(feature = "cuda")]
pub(crate) fn out_of_range<T: Scalar>(what: &'static str) -> Error {
    Error::ResultOutOfRange {
        what,
        exponent: binary_exponent(T::max_value().as_f64()) + 1,
        scalar: T::NAME,
    }
}
