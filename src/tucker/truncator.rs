//! The factors and spectra that a solver collects, mode by mode.

use faer::{Mat, MatRef};

use super::budget::{Budget, Discarded};
use super::computation::Computation;
use super::decomposition::{Components, Tucker};
use crate::error::Result;
use crate::linalg::{LeftSingular, Rung};
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef};

/// The factors and spectra of the modes that are truncated so far, and the energy that these modes
/// have discarded.
#[derive(Debug)]
pub(crate) struct Truncator<T> {
    factors: Vec<Option<Mat<T>>>,
    spectra: Vec<Option<Vec<f64>>>,
    rung: Rung,
    discarded: Discarded,
}

impl<T: Scalar> Truncator<T> {
    /// For a tensor of this order, before the first mode is truncated.
    pub(crate) fn new(order: usize) -> Self {
        Self::of_core(order, Discarded::default())
    }

    /// For a core of this order. The decomposition that it belongs to has discarded `discarded`.
    pub(super) fn of_core(order: usize, discarded: Discarded) -> Self {
        Self {
            factors: vec![None; order],
            spectra: vec![None; order],
            rung: Rung::default(),
            discarded,
        }
    }

    /// The energy that the modes so far have discarded.
    pub(crate) fn discarded(&self) -> Discarded {
        self.discarded
    }

    /// Truncates mode n by its budget: Aₙ = leading left singular vectors of Y₍ₙ₎. Returns Aₙᵀ.
    /// The budget is for this mode alone ([`Discarded::budget`]).
    pub(super) fn truncate(
        &mut self,
        y: TensorRef<'_, T>,
        mode: usize,
        budget: Budget,
        computation: Computation<'_>,
    ) -> Result<MatRef<'_, T>> {
        let discarded = self.discarded;
        let rank = |values: &[f64]| discarded.rank(budget, values);
        let leading = computation.leading(y, mode, budget.needed(), rank)?;
        Ok(self.keep(mode, leading))
    }

    /// Adds the leading singular vectors of mode n: factor, spectrum, rung, and the energy that they
    /// discard. Returns Aₙᵀ.
    pub(crate) fn keep(&mut self, mode: usize, leading: LeftSingular<T>) -> MatRef<'_, T> {
        self.discarded.add(&leading.values, leading.vectors.ncols());
        self.spectra[mode] = Some(leading.values);
        self.rung = self.rung.max(leading.rung);
        self.factors[mode].insert(leading.vectors).transpose()
    }

    /// The factors so far, one or none for each mode.
    pub(crate) fn factors(&self) -> &[Option<Mat<T>>] {
        &self.factors
    }

    /// The decomposition with this core. Its estimated error is the square root of the discarded
    /// energy.
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
