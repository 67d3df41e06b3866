//! The compression of a tensor X to a smaller tensor Z by bases from a sketch of mode s:
//!
//! ```text
//! 1. S = X ×ₛ Ω                  Ω: a few rows of random signs
//! 2. Qₙ for n ≠ s                a basis of the columns of S₍ₙ₎
//! 3. Z = X ×ₙ≠ₛ Qₙᵀ
//! ```
//!
//! ‖X‖ is computed in the pass over X that computes the sketch.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::super::computation::Computation;
use super::super::decomposition::transposed;
use super::super::in_range::InRange;
use crate::error::Result;
use crate::linalg::{Needed, nearly_leading_vectors, random_groups, random_signs};
use crate::scalar::Scalar;
use crate::simd::MIXED_ROWS;
use crate::tensor::{Tensor, TensorRef, norm, sketch_with_norm};

/// The minimum number of columns of a sketched unfolding for each vector that is computed from it.
pub(super) const SKETCH_COLUMNS: usize = 32;

/// A tensor, and its mode s that is sketched.
#[derive(Clone, Copy)]
pub(super) struct Sketching<'a, T> {
    pub(super) x: TensorRef<'a, T>,
    /// Mode s.
    pub(super) sketched: usize,
    /// The other modes to decompose.
    pub(super) others: &'a [usize],
    pub(super) computation: Computation<'a>,
}

/// Z = X ×ₙ Qₙᵀ, with the bases Qₙ of the modes that are compressed.
pub(super) struct Compressed<T> {
    pub(super) z: Tensor<T>,
    pub(super) bases: Vec<Option<Mat<T>>>,
}

impl<'a, T: Scalar> Sketching<'a, T> {
    /// X, or a copy of X scaled by a power of two if its norm requires that, and the sketch of this
    /// tensor with `rows` rows.
    pub(super) fn in_range(&self, rows: usize, seed: u64) -> Result<(InRange<'a, T>, Tensor<T>)> {
        let (sketch, norm) = self.sketch(rows, seed)?;
        let in_range = InRange::new(self.x, norm)?;
        if !in_range.is_scaled() {
            return Ok((in_range, sketch));
        }
        let of_copy = Sketching {
            x: in_range.view(),
            ..*self
        };
        let sketch = of_copy.sketch(rows, seed)?.0;
        Ok((in_range, sketch))
    }

    /// The smallest number of rows of Ω, at least `least`, for which S₍ₙ₎ has [`SKETCH_COLUMNS`] columns
    /// for each of the `wanted` vectors of mode n.
    pub(super) fn rows(&self, wanted: &[usize], least: usize) -> usize {
        let shape = self.x.shape();
        let entries = shape.iter().product::<usize>() / shape[self.sketched];
        let enough = |&n: &usize| (SKETCH_COLUMNS * wanted[n]).div_ceil(entries / shape[n]);
        let rows = self.others.iter().map(enough).max().unwrap_or(0);
        rows.max(least)
    }

    /// The sketch S with `rows` rows, and ‖X‖.
    pub(super) fn sketch(&self, rows: usize, seed: u64) -> Result<(Tensor<T>, f64)> {
        let extent = self.x.shape()[self.sketched];
        let cancellation = self.computation.monitor.cancellation();
        if rows == MIXED_ROWS {
            let groups = random_groups(extent, seed);
            return sketch_with_norm(self.x, self.sketched, &groups, cancellation);
        }
        let omega = random_signs(rows, extent, seed);
        Ok((self.product(omega.as_ref())?, norm(self.x)))
    }

    /// X ×ₛ Ω.
    pub(super) fn product(&self, omega: MatRef<'_, T>) -> Result<Tensor<T>> {
        self.computation.mode_product(self.x, self.sketched, omega)
    }

    /// Bases with the `wanted` numbers of columns, or fewer if S₍ₙ₎ has a lower rank.
    pub(super) fn bases(
        &self,
        sketch: &Tensor<T>,
        wanted: &[usize],
    ) -> Result<Vec<Option<Mat<T>>>> {
        let mut core = sketch.shape().to_vec();
        self.others.iter().for_each(|&n| core[n] = wanted[n]);
        for &n in self.others {
            core[n] = core[n].min(core.iter().product::<usize>() / core[n]);
        }
        self.of_others(|n| self.basis(sketch.view(), n, core[n]))
    }

    /// `count` orthonormal vectors that keep most of the columns of Y₍ₙ₎.
    pub(super) fn basis(&self, y: TensorRef<'_, T>, mode: usize, count: usize) -> Result<Mat<T>> {
        let cancellation = self.computation.monitor.cancellation();
        if let Some(basis) = nearly_leading_vectors(y, mode, count, cancellation)? {
            return Ok(basis);
        }
        let leading = self
            .computation
            .leading(y, mode, Needed::Rank(count), |_| count)?;
        Ok(leading.vectors)
    }

    /// The matrices that `basis` computes for the modes other than s, in parallel.
    pub(super) fn of_others(
        &self,
        basis: impl Fn(usize) -> Result<Mat<T>> + Sync,
    ) -> Result<Vec<Option<Mat<T>>>> {
        let found = self.others.par_iter().map(|&n| basis(n));
        let found = found.collect::<Result<Vec<_>>>()?;
        let mut bases = vec![None; self.x.order()];
        for (&n, basis) in self.others.iter().zip(found) {
            bases[n] = Some(basis);
        }
        Ok(bases)
    }

    /// Z = X ×ₙ≠ₛ Qₙᵀ.
    pub(super) fn compress(&self, bases: Vec<Option<Mat<T>>>) -> Result<Compressed<T>> {
        let transposed = transposed(&bases, self.others);
        let z = self.computation.multi_mode_product(self.x, &transposed)?;
        Ok(Compressed { z, bases })
    }

    /// Compresses mode s of Z too, to `count` vectors, where they are much fewer than the extent.
    pub(super) fn compress_last(
        &self,
        compressed: Compressed<T>,
        count: usize,
    ) -> Result<Compressed<T>> {
        let Compressed { z, mut bases } = compressed;
        let (mode, cancellation) = (self.sketched, self.computation.monitor.cancellation());
        let Some(basis) = nearly_leading_vectors(z.view(), mode, count, cancellation)? else {
            return Ok(Compressed { z, bases });
        };
        let z = self
            .computation
            .mode_product(z.view(), mode, basis.transpose())?;
        bases[mode] = Some(basis);
        Ok(Compressed { z, bases })
    }
}
