//! A decomposition of a core as a decomposition of the tensor.
//!
//! If X ≈ G ×ₙ Aₙ and G ≈ H ×ₙ Bₙ, then X ≈ H ×ₙ AₙBₙ. The product of matrices with orthonormal columns
//! has orthonormal columns.

use faer::Mat;

use super::decomposition::{Components, Tucker};
use crate::error::Result;
use crate::linalg::product;
use crate::scalar::Scalar;
use crate::tensor::crop;

impl<T: Scalar> Tucker<T> {
    /// The modes with a factor.
    pub(crate) fn decomposed_modes(&self) -> Vec<usize> {
        let modes = 0..self.ranks().len();
        modes.filter(|&mode| self.factor(mode).is_some()).collect()
    }

    /// The ranks of these modes.
    pub(super) fn ranks_of(&self, modes: &[usize]) -> Vec<usize> {
        modes.iter().map(|&mode| self.ranks()[mode]).collect()
    }

    /// The decomposition of X from this decomposition of its core: Aₙ Bₙ for the factors Aₙ in
    /// `outer`, with the signs of [`fix_signs`](crate::linalg::fix_signs). A mode that is `None` in
    /// `outer` keeps its factor Bₙ.
    pub(super) fn lift(mut self, outer: &[Option<Mat<T>>]) -> Result<Self> {
        for (mode, a) in outer.iter().enumerate() {
            if let (Some(b), Some(a)) = (self.factor(mode), a) {
                let factor = product(a.as_ref(), b);
                self.set_factor(mode, factor)?;
            }
        }
        Ok(self)
    }

    /// The decomposition of X with the factors and the core of `of_core`, a decomposition of the
    /// core of `self`. It has the spectra of `self`, and the estimated error of `of_core`.
    pub(super) fn with_decomposed_core(self, of_core: Self) -> Result<Self> {
        let error = of_core.estimated_error();
        let outer = self.into_components();
        let inner = of_core.lift(&outer.factors)?.into_components();
        let mut tucker = Self::from_components(Components {
            spectra: outer.spectra,
            rung: outer.rung.max(inner.rung),
            ..inner
        })?;
        error
            .into_iter()
            .for_each(|error| tucker.set_estimated_error(error));
        Ok(tucker)
    }

    /// The leading block of the core of `self`, with `ranks` in the modes with a factor, as a
    /// decomposition of this core.
    pub(super) fn block_of_core(&self, ranks: &[usize]) -> Result<Self> {
        let mut factors = vec![None; self.ranks().len()];
        for mode in self.decomposed_modes() {
            let rank = self.ranks()[mode];
            factors[mode] = Some(Mat::identity(rank, rank));
        }
        Self::new(self.core().clone(), factors)?.leading_block(ranks)
    }

    /// The leading block of the core with `ranks` in the modes with a factor, and the leading columns
    /// of the factors. The spectra stay the same.
    pub(crate) fn leading_block(self, ranks: &[usize]) -> Result<Self> {
        let mut extents = self.ranks().to_vec();
        for (mode, &rank) in self.decomposed_modes().into_iter().zip(ranks) {
            extents[mode] = rank;
        }
        if extents == self.ranks() {
            return Ok(self);
        }
        let components = self.into_components();
        let ranges: Vec<_> = extents.iter().map(|&rank| 0..rank).collect();
        let factors = components.factors.into_iter().zip(&extents);
        let leading = factors.map(|(factor, &rank)| {
            let columns = |a: Mat<T>| a.get(.., ..rank).to_owned();
            factor.map(columns)
        });
        Self::from_components(Components {
            core: crop(components.core.view(), &ranges)?,
            factors: leading.collect(),
            ..components
        })
    }
}
