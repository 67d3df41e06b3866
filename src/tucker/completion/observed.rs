//! Which entries of a tensor are observed, and whether they are enough for given ranks.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{Shape, TensorRef};
use crate::tucker::decomposition::Tucker;
use crate::tucker::truncation::Truncation;

/// The number of entries of a chunk. It does not depend on the number of threads.
const CHUNK: usize = if cfg!(test) { 40 } else { 1 << 14 };

/// The observed entries of a tensor. The others are missing: their values are never read.
///
/// ```
/// use tenfold::{Observed, Tensor};
/// let x = Tensor::new(&[2, 2], vec![1.0, f64::NAN, 3.0, 4.0])?;
/// let observed = Observed::without_nan(&x)?;
/// assert_eq!(observed.mask(), [true, false, true, true]);
/// assert_eq!(observed.count(), 3);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    shape: Vec<usize>,
    mask: Vec<bool>,
    count: usize,
}

/// How much of a tensor is observed, compared with the unknowns of a decomposition.
///
/// With fewer observed entries than unknowns, many decompositions agree with all of them. A row of a
/// factor has as many unknowns as columns, and only the entries of its slice determine it.
///
/// ```
/// use tenfold::Observed;
/// let mask = (0..60).map(|position| position % 3 != 0).collect();
/// let coverage = Observed::new(&[3, 4, 5], mask)?.coverage(&[2, 2, 2])?;
/// assert_eq!((coverage.observed, coverage.unknowns), (40, 8 + 2 + 4 + 6));
/// assert!(coverage.is_sufficient());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The number of observed entries.
    pub observed: usize,
    /// The degrees of freedom of a decomposition with these ranks: ΠRₙ + ΣRₙ(Iₙ − Rₙ).
    pub unknowns: usize,
    /// The mode and the index of each slice with fewer observed entries than its mode's rank.
    pub scarce_slices: Vec<(usize, usize)>,
    /// The number of fibres of each mode without an observed entry.
    pub empty_fibres: Vec<usize>,
}

impl Coverage {
    /// Whether there are at least as many observed entries as unknowns, in all and in each slice.
    #[must_use]
    pub fn is_sufficient(&self) -> bool {
        self.observed >= self.unknowns && self.scarce_slices.is_empty()
    }
}

impl Observed {
    /// The entries of a tensor of extents `shape` where `mask` is true, in row-major order.
    ///
    /// # Errors
    /// [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`], [`Error::DataLengthMismatch`];
    /// [`Error::NothingObserved`] if no entry is observed.
    pub fn new(shape: &[usize], mask: Vec<bool>) -> Result<Self> {
        let expected = Shape::new(shape)?.iter().product();
        if mask.len() != expected {
            return Err(Error::DataLengthMismatch {
                shape: shape.to_vec(),
                expected,
                actual: mask.len(),
            });
        }
        let count = mask.iter().filter(|observed| **observed).count();
        if count == 0 {
            return Err(Error::NothingObserved);
        }
        Ok(Self {
            shape: shape.to_vec(),
            mask,
            count,
        })
    }

    /// The entries of `x` that are not NaN.
    ///
    /// # Errors
    /// [`Error::NothingObserved`].
    pub fn without_nan<'a, T: Scalar>(x: impl Into<TensorRef<'a, T>>) -> Result<Self> {
        let x = x.into();
        let mask = x.data().iter().map(|entry| !entry.is_nan()).collect();
        Self::new(x.shape(), mask)
    }

    /// The extents of the tensor.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether each entry is observed, in row-major order.
    #[must_use]
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// The number of observed entries.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Compares the observed entries with the unknowns of a decomposition with these ranks.
    ///
    /// # Errors
    /// Those of [`Truncation::check`].
    pub fn coverage(&self, ranks: &[usize]) -> Result<Coverage> {
        Truncation::Ranks(ranks.to_vec()).check(&self.shape, None)?;
        let core = ranks.iter().fold(1usize, |all, &r| all.saturating_mul(r));
        let extents = self.shape.iter().zip(ranks);
        let unknowns = extents.fold(core, |all, (&extent, &rank)| {
            all.saturating_add(rank.saturating_mul(extent - rank))
        });
        let (mut scarce_slices, mut empty_fibres) = (Vec::new(), Vec::new());
        for (mode, &rank) in ranks.iter().enumerate() {
            let (in_slices, empty) = self.along(mode);
            let scarce = in_slices.iter().enumerate();
            scarce_slices.extend(
                scarce
                    .filter(|(_, observed)| **observed < rank)
                    .map(|(index, _)| (mode, index)),
            );
            empty_fibres.push(empty);
        }
        Ok(Coverage {
            observed: self.count,
            unknowns,
            scarce_slices,
            empty_fibres,
        })
    }

    /// The number of observed entries in each slice of a mode, and the number of its fibres without
    /// one.
    fn along(&self, mode: usize) -> (Vec<usize>, usize) {
        let extent = self.shape[mode];
        let columns: usize = self.shape[mode + 1..].iter().product();
        let mut in_slices = vec![0; extent];
        let mut empty = 0;
        for slab in self.mask.chunks(extent * columns) {
            let mut in_fibres = vec![false; columns];
            for (row, observed) in slab.chunks(columns).zip(&mut in_slices) {
                for (&entry, fibre) in row.iter().zip(&mut in_fibres) {
                    *observed += usize::from(entry);
                    *fibre |= entry;
                }
            }
            empty += in_fibres.iter().filter(|any| !**any).count();
        }
        (in_slices, empty)
    }

    /// Fails unless `x` has the shape of the mask, and all observed entries are finite.
    pub(super) fn check<T: Scalar>(&self, x: TensorRef<'_, T>) -> Result<()> {
        if x.shape() != self.shape {
            return Err(Error::ShapeMismatch {
                what: "the tensor with these observed entries",
                expected: self.shape.clone(),
                actual: x.shape().to_vec(),
            });
        }
        let wrong = |(entry, observed): (&T, &bool)| *observed && !entry.is_finite();
        let Some(position) = x.data().iter().zip(&self.mask).position(wrong) else {
            return Ok(());
        };
        let mut index = vec![0; self.shape.len()];
        let mut rest = position;
        for (place, &extent) in index.iter_mut().zip(&self.shape).rev() {
            (*place, rest) = (rest % extent, rest / extent);
        }
        Err(Error::NonFinite {
            index,
            value: x.data()[position].as_f64(),
        })
    }

    /// The largest magnitude of an observed entry.
    pub(super) fn largest<T: Scalar>(&self, x: &[T]) -> f64 {
        let observed = x.iter().zip(&self.mask).filter(|(_, observed)| **observed);
        observed.fold(0.0, |largest: f64, (entry, _)| {
            largest.max(entry.as_f64().abs())
        })
    }

    /// entry ← new(entry, x, whether x is observed), for each entry of `entries`.
    pub(super) fn replace<T: Scalar>(
        &self,
        entries: &mut [T],
        x: &[T],
        new: impl Fn(T, T, bool) -> T + Sync,
    ) {
        let masks = self.mask.par_chunks(CHUNK);
        let chunks = entries.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
        chunks.zip(masks).for_each(|((entries, x), mask)| {
            for ((entry, &x), &observed) in entries.iter_mut().zip(x).zip(mask) {
                *entry = new(*entry, x, observed);
            }
        });
    }

    /// Sets the missing entries to 0.
    pub(super) fn clear_missing<T: Scalar>(&self, entries: &mut [T]) {
        let chunks = entries.par_chunks_mut(CHUNK);
        let chunks = chunks.zip(self.mask.par_chunks(CHUNK));
        chunks.for_each(|(entries, mask)| {
            for (entry, &observed) in entries.iter_mut().zip(mask) {
                *entry = if observed { *entry } else { T::zero() };
            }
        });
    }

    /// Σ term(xᵢ, yᵢ) over the observed entries. The bits do not depend on the number of threads.
    pub(super) fn sum<T: Scalar>(
        &self,
        x: &[T],
        y: &[T],
        term: impl Fn(f64, f64) -> f64 + Sync,
    ) -> f64 {
        let chunks = x.par_chunks(CHUNK).zip(y.par_chunks(CHUNK));
        let chunks = chunks.zip(self.mask.par_chunks(CHUNK));
        let sums: Vec<f64> = chunks
            .map(|((x, y), mask)| {
                let entries = x.iter().zip(y).zip(mask);
                let terms = entries.map(|((x, y), &observed)| {
                    if observed {
                        term(x.as_f64(), y.as_f64())
                    } else {
                        0.0
                    }
                });
                terms.sum::<f64>()
            })
            .collect();
        sums.iter().sum()
    }
}

impl<T: Scalar> Tucker<T> {
    /// The relative error over the observed entries, ‖P(X − X̂)‖/‖PX‖, where P sets missing entries
    /// to 0. If all observed entries are 0, it is 0 if X̂ is 0 at all of them, and infinite otherwise.
    ///
    /// Cost: the reconstruction, in memory as a whole.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`]; [`Error::NonFinite`] for an observed entry; the errors of
    /// [`Tucker::reconstruct`].
    ///
    /// ```
    /// use tenfold::{Observed, StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
    /// // X̂ has the entry 4 and is 0 elsewhere.
    /// let observed = Observed::new(&[2, 2], vec![false, true, true, true])?;
    /// assert!(tucker.relative_error_over(&x, &observed)? < 1e-15);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn relative_error_over<'a>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        observed: &Observed,
    ) -> Result<f64>
    where
        T: 'a,
    {
        self.relative_error_over_monitored(x, observed, &Monitor::new())
    }

    /// Like [`Tucker::relative_error_over`]. The flag of the monitor cancels the computation. There are
    /// no reports.
    ///
    /// # Errors
    /// Those of [`Tucker::relative_error_over`]; [`Error::Cancelled`].
    pub fn relative_error_over_monitored<'a>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        observed: &Observed,
        monitor: &Monitor,
    ) -> Result<f64>
    where
        T: 'a,
    {
        let x = x.into();
        observed.check(x)?;
        if x.shape() != self.shape() {
            return Err(Error::ShapeMismatch {
                what: "the tensor to compare with",
                expected: self.shape().to_vec(),
                actual: x.shape().to_vec(),
            });
        }
        let estimate = self.reconstruct_monitored(None, monitor)?;
        let largest = observed.largest(x.data());
        let unit = if largest == 0.0 {
            0
        } else {
            binary_exponent(largest)
        };
        let in_unit = |value| scale(value, -unit);
        let squares = |x: f64, y: f64| (in_unit(x) - in_unit(y)).powi(2);
        let residual = observed.sum(x.data(), estimate.data(), squares).sqrt();
        let norm = observed.sum(x.data(), x.data(), |x, _| in_unit(x).powi(2));
        Ok(if residual == 0.0 {
            0.0
        } else {
            residual / norm.sqrt()
        })
    }
}
