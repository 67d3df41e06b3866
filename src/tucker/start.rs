//! The start of HOOI, and several starts. The decomposition with the smallest error is kept.
//!
//! HOOI converges to a local optimum, and the start determines to which one. From ST-HOSVD or HOSVD
//! it is nearly always the best optimum or close to it. Random starts check this, at the cost of a
//! run each:
//!
//! ```text
//! start 0   Hooi::start              ─ sweeps ─> error 0
//! start 1   random, Hooi::seed + 1   ─ sweeps ─> error 1     the decomposition of the smallest
//! start 2   random, Hooi::seed + 2   ─ sweeps ─> error 2     error is the result
//! ```

use faer::Mat;

use super::decomposition::{Components, Tucker, transposed};
use super::hooi::{Hooi, Start};
use super::hosvd::Hosvd;
use super::in_range::InRange;
use super::memory::Problem;
use super::st_hosvd::StHosvd;
use super::sweeps::{Options, Sweeps};
use super::tolerance::RankChoice;
use super::truncation::{self, Truncation};
use crate::error::{Error, Result};
use crate::linalg::{Counter, orthonormal_basis, product};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, multi_mode_product, multi_mode_product_memory, norm, whole_bytes};

/// A factor or none for each mode.
type Factors<T> = Vec<Option<Mat<T>>>;

impl Hooi {
    /// The iteration from start number `index`.
    ///
    /// # Errors
    /// Those of [`Hooi::sweeps`].
    pub(super) fn sweeps_of<'a, T: Scalar>(
        &self,
        x: TensorRef<'a, T>,
        index: usize,
    ) -> Result<Sweeps<'a, T>> {
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        self.check_modes(&modes, x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        let start = if index == 0 {
            self.start
        } else {
            Start::Random
        };
        let ranks = self.ranks_for(start)?;
        let x = InRange::new(x, norm(x))?;
        let first = match start {
            Start::StHosvd => self
                .st_hosvd()
                .decompose_by(RankChoice::Refined, x.view())?,
            Start::Hosvd => self.hosvd().decompose_by(RankChoice::Refined, x.view())?,
            Start::Random => {
                let seed = self.seed.wrapping_add(index as u64);
                let factors = random_factors(x.view().shape(), &modes, ranks, seed)?;
                projection(x.view(), factors)?
            }
        };
        let options = Options {
            starts_at_optimum: index == 0 && self.starts_at_optimum(x.view().shape()),
            ..self.options(self.truncation.tolerance(), index)
        };
        Sweeps::new(x, first, options)
    }

    /// The ranks for a random start or for fixed modes. For other starts an empty list is as good.
    ///
    /// # Errors
    /// [`Error::RanksNeeded`] if there is a tolerance in place of ranks.
    fn ranks_for(&self, start: Start) -> Result<&[usize]> {
        let what = match &self.truncation {
            Truncation::Ranks(ranks) => return Ok(ranks),
            _ if start == Start::Random => "a random start",
            _ if self.starts > 1 => "several starts",
            _ if !self.fixed.is_empty() => "fixed modes",
            _ => return Ok(&[]),
        };
        Err(Error::RanksNeeded { what })
    }

    /// Like [`Hooi::decompose`], starting from given factors as [`Hooi::sweeps_from`] does.
    /// [`Hooi::starts`] is not used.
    ///
    /// # Errors
    /// Those of [`Hooi::sweeps_from`].
    ///
    /// ```
    /// # use tenfold::{Hooi, StHosvd, Tensor};
    /// let x = Tensor::from_fn(&[4, 5, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
    /// let (_, factors) = StHosvd::new([2, 2, 2]).decompose(&x)?.into_parts();
    /// // Mode 0 keeps the given factor.
    /// let hooi = Hooi { fixed: vec![0], ..Hooi::new([2, 2, 2]) };
    /// let tucker = hooi.decompose_from(&x, factors.clone())?;
    /// assert_eq!(tucker.factors()[0], factors[0]);
    /// assert_ne!(tucker.factors()[1], factors[1]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose_from<'a, T: Scalar>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        factors: Vec<Option<Mat<T>>>,
    ) -> Result<Tucker<T>> {
        let mut sweeps = self.sweeps_from(x, factors)?;
        sweeps.run()?;
        sweeps.finish()
    }

    /// Like [`Hooi::sweeps`], starting from given factors. A mode with `None` is not decomposed.
    /// The ranks are the numbers of columns. [`Hooi::truncation`], [`Hooi::modes`] and
    /// [`Hooi::start`] are not used.
    ///
    /// The factors need not be orthonormal: the iteration uses orthonormal bases of their column
    /// spaces. A factor with orthonormal columns, up to rounding, is its own basis. In a mode of
    /// [`Hooi::fixed`], the result has such a factor bit for bit.
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
        self.check_modes(&modes, x.order())?;
        let ranks = factors.iter().flatten().map(Mat::ncols).collect();
        truncation::check(&Truncation::Ranks(ranks), x.shape(), &modes)?;
        // 2. Orthonormal bases, and the core that belongs to them.
        let x = InRange::new(x, norm(x))?;
        let orthonormal = factors
            .into_iter()
            .map(|factor| factor.map(in_orthonormal_columns).transpose())
            .collect::<Result<Vec<_>>>()?;
        let first = projection(x.view(), orthonormal)?;
        Sweeps::new(x, first, self.options(None, 0))
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

    /// The maximum number of bytes that the starts allocate.
    pub(super) fn start_memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        self.ranks_for(self.start)?;
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let first = match self.start {
            Start::StHosvd => self.st_hosvd().memory::<T>(shape)?,
            Start::Hosvd => self.hosvd().memory::<T>(shape)?,
            Start::Random => 0,
        };
        if self.start != Start::Random && self.starts <= 1 {
            return Ok(first);
        }
        // Random entries, and their factorization and its orthonormal factor in `f64`.
        let factors = problem.factors(&problem.ranks);
        let factors = factors + 2.0 * factors * (8.0 / problem.x.scalar);
        let product = multi_mode_product_memory(&problem.x, &problem.steps(&problem.modes));
        Ok(first.max(whole_bytes(factors + product)))
    }
}

/// X projected on the given factors, with these factors: the best decomposition that has them.
fn projection<T: Scalar>(x: TensorRef<'_, T>, factors: Factors<T>) -> Result<Tucker<T>> {
    let modes: Vec<usize> = (0..x.order()).collect();
    let core = multi_mode_product(x, &transposed(&factors, &modes))?;
    Tucker::from_components(Components::new(core, factors))
}

/// An orthonormal basis of the columns of a random matrix for each of `modes`.
fn random_factors<T: Scalar>(
    shape: &[usize],
    modes: &[usize],
    ranks: &[usize],
    seed: u64,
) -> Result<Factors<T>> {
    let mut random = Counter::new(seed);
    let mut factors = vec![None; shape.len()];
    for (&mode, &rank) in modes.iter().zip(ranks) {
        let entries = Mat::from_fn(shape[mode], rank, |_, _| {
            T::from_f64(2.0 * random.uniform() - 1.0)
        });
        factors[mode] = Some(orthonormal_basis(entries.as_ref())?);
    }
    Ok(factors)
}

/// The factor itself if its columns are orthonormal up to rounding. Otherwise an orthonormal basis of
/// its columns.
fn in_orthonormal_columns<T: Scalar>(factor: Mat<T>) -> Result<Mat<T>> {
    let gram = product(factor.transpose(), factor.as_ref());
    let rounding = 4.0 * factor.nrows() as f64 * T::EPSILON;
    let is_orthonormal = (0..gram.ncols()).all(|j| {
        (0..gram.nrows()).all(|i| {
            let expected = if i == j { 1.0 } else { 0.0 };
            (gram[(i, j)].as_f64() - expected).abs() <= rounding
        })
    });
    if is_orthonormal {
        return Ok(factor);
    }
    orthonormal_basis(factor.as_ref())
}
