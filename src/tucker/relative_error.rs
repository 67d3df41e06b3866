//! The relative error of a decomposition: measured, or told by norms.

use super::Tucker;
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, distance, mode_product, multi_mode_product, norm};

impl<T: Scalar> Tucker<T> {
    /// The relative error ‖X − X̂‖/‖X‖, measured: the reconstruction is formed
    /// slice by slice and compared with `x`. Zero for a zero tensor.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless `x` has the shape that was decomposed.
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
    /// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
    /// assert!((tucker.relative_error(&x)? - 0.6).abs() < 1e-15);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn relative_error<'a>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<f64>
    where
        T: 'a,
    {
        let x = x.into();
        if x.shape() != self.shape() {
            return Err(Error::ShapeMismatch {
                what: "the tensor to compare with",
                expected: self.shape(),
                actual: x.shape().to_vec(),
            });
        }
        let norm = norm(x);
        if norm == 0.0 {
            return Ok(against_zero(crate::tensor::norm(&self.core)));
        }
        // Everything but mode 0, then slices along it: bounded memory.
        let products = self.products();
        let rest: Vec<_> = products
            .iter()
            .copied()
            .filter(|&(mode, _)| mode > 0)
            .collect();
        let partial = multi_mode_product(&self.core, &rest)?;
        let slice_len: usize = x.shape()[1..].iter().product::<usize>().max(1);
        let slices = (SLICE_ENTRIES / slice_len).max(1);
        let mut squares = 0.0;
        for (chunk, entries) in x.data().chunks(slices * slice_len).enumerate() {
            let count = entries.len() / slice_len;
            let mut shape = x.shape().to_vec();
            shape[0] = count;
            let expected = TensorRef::new(&shape, entries)?;
            let rows = chunk * slices..chunk * slices + count;
            let residual = match self.factor(0) {
                Some(a) => distance(&mode_product(&partial, 0, a.get(rows, ..))?, expected)?,
                None => {
                    let part = &partial.data()[rows.start * slice_len..rows.end * slice_len];
                    distance(TensorRef::new(&shape, part)?, expected)?
                }
            };
            squares += (residual / norm).powi(2);
        }
        Ok(squares.sqrt())
    }

    /// Notes the relative error that norms tell, or, where that is too small to be
    /// told so, the measured one.
    pub(super) fn estimate_error(&mut self, x: TensorRef<'_, T>, from_norms: f64) -> Result<()> {
        // ε in the squares of norms is ε/2e² of an error e.
        let told = (100.0 * T::EPSILON.sqrt()).max(1e-4);
        self.estimated_error = Some(if from_norms < told {
            self.relative_error(x)?
        } else {
            from_norms
        });
        Ok(())
    }
}

/// ‖X − X̂‖/‖X‖ of an orthogonal projection, from the norms of X and the core.
pub(super) fn error_of_projection(norm: f64, core: f64) -> f64 {
    if norm == 0.0 {
        return 0.0;
    }
    (1.0 - (core / norm).powi(2)).max(0.0).sqrt()
}

/// Entries of the reconstruction that [`Tucker::relative_error`] forms at once.
pub(super) const SLICE_ENTRIES: usize = 1 << 20;

/// The relative error against a zero tensor: zero or infinite.
fn against_zero(norm_of_difference: f64) -> f64 {
    if norm_of_difference == 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}
