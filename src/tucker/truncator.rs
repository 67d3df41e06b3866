//! The factors and spectra that a solver collects, mode by mode.

use faer::{Mat, MatRef};

use super::budget::{Budget, Discarded};
use super::computation::Computation;
use super::decomposition::{Components, Tucker};
use crate::error::Result;
use crate::linalg::Rung;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef};

/// The modes of a tensor that have been truncated so far.
#[derive(Debug)]
pub(crate) struct Truncator<T> {
    factors: Vec<Option<Mat<T>>>,
    spectra: Vec<Option<Vec<f64>>>,
    rung: Rung,
    discarded: Discarded,
}

impl<T: Scalar> Truncator<T> {
    /// No truncated mode yet, for a tensor of this order.
    pub(crate) fn new(order: usize) -> Self {
        Self {
            factors: vec![None; order],
            spectra: vec![None; order],
            rung: Rung::default(),
            discarded: Discarded::default(),
        }
    }

    /// The energy that the modes so far have discarded.
    pub(crate) fn discarded(&self) -> Discarded {
        self.discarded
    }

    /// Truncates mode n by its budget: Aₙ = leading left singular vectors of Y₍ₙ₎. Returns Aₙᵀ.
    pub(super) fn truncate(
        &mut self,
        y: TensorRef<'_, T>,
        mode: usize,
        budget: Budget,
        computation: Computation<'_>,
    ) -> Result<MatRef<'_, T>> {
        let discarded = self.discarded;
        let rank = |values: &[f64]| discarded.rank(budget, values);
        let leading = computation.leading(y, mode, budget.precision(), rank)?;
        self.rung = self.rung.max(leading.rung);
        Ok(self.keep(mode, leading.values, leading.vectors))
    }

    /// Stores `factor` as the factor of mode n, and `values` as its spectrum. Returns Aₙᵀ.
    pub(crate) fn keep(&mut self, mode: usize, values: Vec<f64>, factor: Mat<T>) -> MatRef<'_, T> {
        self.discarded.add(&values, factor.ncols());
        self.spectra[mode] = Some(values);
        self.factors[mode].insert(factor).transpose()
    }

    /// The factors so far, one or none for each mode.
    pub(crate) fn factors(&self) -> &[Option<Mat<T>>] {
        &self.factors
    }

    /// The same with the factors rounded to another scalar.
    #[cfg(feature = "cuda")]
    pub(crate) fn rounded<S: Scalar>(self) -> Truncator<S> {
        let rounded =
            |a: Mat<T>| Mat::from_fn(a.nrows(), a.ncols(), |i, j| S::from_f64(a[(i, j)].as_f64()));
        Truncator {
            factors: self.factors.into_iter().map(|a| a.map(rounded)).collect(),
            spectra: self.spectra,
            rung: self.rung,
            discarded: self.discarded,
        }
    }

    /// The decomposition with this core. Its estimated error follows from the discarded energy.
    pub(crate) fn finish(self, core: Tensor<T>) -> Result<Tucker<T>> {
        let components = Components {
            spectra: self.spectra,
            rung: self.rung,
            ..Components::new(core, self.factors)
        };
        let mut tucker = Tucker::from_components(components)?;
        tucker.set_estimated_error(self.discarded.relative_error());
        Ok(tucker)
    }
}
