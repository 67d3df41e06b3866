//! The relative error of a decomposition: measured, or from norms.

use super::budget::Discarded;
use super::decomposition::Tucker;
use super::memory::Problem;
use super::scaling::{PartialProducts, needs_no_scaling};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{
    Sizes, TensorRef, distance, largest_magnitude, mode_product, mode_product_memory,
    multi_mode_product_memory, multi_mode_product_until, norm,
};

impl<T: Scalar> Tucker<T> {
    /// Measures the relative error ‖X − X̂‖/‖X‖: computes the reconstruction slice by slice and
    /// compares it with `x`. For a zero tensor the error is 0 if X̂ = 0, and infinite otherwise.
    ///
    /// Cost: the products of the core with the factors, mode 0 last; memory for the product in all
    /// modes but mode 0, and for a slice of X̂.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless `x` has the shape that was decomposed;
    /// [`Error::NonFinite`].
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
        self.relative_error_monitored(x, &Monitor::new())
    }

    /// Like [`Tucker::relative_error`]. The flag of the monitor cancels the computation. There are no
    /// reports.
    ///
    /// # Errors
    /// Those of [`Tucker::relative_error`]; [`Error::Cancelled`].
    pub fn relative_error_monitored<'a>(
        &self,
        x: impl Into<TensorRef<'a, T>>,
        monitor: &Monitor,
    ) -> Result<f64>
    where
        T: 'a,
    {
        let (x, cancellation) = (x.into(), monitor.cancellation());
        if x.shape() != self.shape() {
            return Err(Error::ShapeMismatch {
                what: "the tensor to compare with",
                expected: self.shape().to_vec(),
                actual: x.shape().to_vec(),
            });
        }
        let norm = norm(x);
        let parts = PartialProducts::new(self.core().view(), self.products())?;
        let units = Units::new(x, norm, parts.exponent())?;
        // 1. The product in all modes but mode 0. The reconstruction then needs only slices along
        //    mode 0, and never exists as a whole.
        let (first, rest): (Vec<_>, Vec<_>) = parts
            .matrices()
            .into_iter()
            .partition(|&(mode, _)| mode == 0);
        let partial = multi_mode_product_until(parts.core(), &rest, cancellation)?;
        // 2. The differences, a few slices along mode 0 at a time.
        let slice_len: usize = x.shape()[1..].iter().product::<usize>().max(1);
        let slices = (SLICE_ENTRIES / slice_len).max(1);
        let mut squares = 0.0;
        for (chunk, entries) in x.data().chunks(slices * slice_len).enumerate() {
            cancellation.check()?;
            let count = entries.len() / slice_len;
            let mut shape = x.shape().to_vec();
            shape[0] = count;
            let expected = TensorRef::new(&shape, entries)?;
            let rows = chunk * slices..chunk * slices + count;
            let residual = match first.first() {
                Some((_, a)) => {
                    units.distance(mode_product(&partial, 0, a.get(rows, ..))?.view(), expected)?
                }
                None => {
                    let part = &partial.data()[rows.start * slice_len..rows.end * slice_len];
                    units.distance(TensorRef::new(&shape, part)?, expected)?
                }
            };
            squares += residual.powi(2);
        }
        // 3. The error.
        let error = squares.sqrt();
        Ok(if norm == 0.0 {
            against_zero(error)
        } else {
            error
        })
    }

    /// Sets the estimated error to `from_norms`. If `from_norms` has lost too many digits to
    /// cancellation, measures the error.
    pub(crate) fn estimate_error(&mut self, x: TensorRef<'_, T>, from_norms: f64) -> Result<()> {
        self.set_estimated_error(if is_known_from_norms::<T>(from_norms) {
            from_norms
        } else {
            self.relative_error(x)?
        });
        Ok(())
    }
}

impl<T: Scalar> Tucker<T> {
    /// 1 − ‖G‖²/‖X‖², and the rounding error of this difference: an upper bound of what the
    /// decomposition lacks, as a share of ‖X‖².
    pub(super) fn missing_energy(&self, discarded: Discarded) -> f64 {
        let extents: usize = self.shape().iter().sum();
        let rounding = extents as f64 * T::EPSILON;
        error_of_projection(discarded.norm(), norm(self.core())).powi(2) + rounding
    }

    /// Sets the estimated error of an orthogonal projection of `x` to the error from norms, or measures
    /// it. `norm_of_x` is ‖X‖.
    pub(super) fn measure_estimate(&mut self, x: TensorRef<'_, T>, norm_of_x: f64) -> Result<()> {
        self.estimate_error(x, error_of_projection(norm_of_x, norm(self.core())))
    }

    /// Replaces an estimated error that is an upper bound by the error from norms, where this error
    /// has kept enough digits. `norm_of_x` is ‖X‖.
    pub(super) fn improve_estimate(&mut self, norm_of_x: f64) {
        let from_norms = error_of_projection(norm_of_x, norm(self.core()));
        if is_known_from_norms::<T>(from_norms) {
            let bound = self.estimated_error().unwrap_or(from_norms);
            self.set_estimated_error(from_norms.min(bound));
        }
    }
}

/// Whether a relative error from ‖X‖² − ‖G‖² has kept enough digits. A rounding error of ε·‖X‖² in
/// this difference changes the relative error e by the relative amount ε/(2e²).
pub(crate) fn is_known_from_norms<T: Scalar>(error: f64) -> bool {
    error >= (100.0 * T::EPSILON.sqrt()).max(1e-4)
}

/// The units in which slices of X and of X̂ are compared, so that no square leaves the range of
/// `f64`.
struct Units {
    /// (a, b): X̂ is 2ᵃ times the product that is computed, and both tensors are divided by 2ᵇ
    /// for the comparison. `None` for a = b = 0.
    exponents: Option<(i32, i32)>,
    /// ‖X‖ in these units; 1 for a zero tensor.
    norm: f64,
}

impl Units {
    fn new<T: Scalar>(x: TensorRef<'_, T>, norm: f64, exponent: i32) -> Result<Self> {
        if exponent == 0 && needs_no_scaling::<T>(norm) {
            return Ok(Self {
                exponents: None,
                norm: if norm == 0.0 { 1.0 } else { norm },
            });
        }
        let unit = binary_exponent(largest_magnitude(x)?);
        let entries = x.data().iter();
        let squares = entries.map(|entry| scale(entry.as_f64(), -unit).powi(2));
        Ok(Self {
            exponents: Some((exponent, unit)),
            norm: if norm == 0.0 {
                1.0
            } else {
                squares.sum::<f64>().sqrt()
            },
        })
    }

    /// ‖X − X̂‖ over the entries of a slice, divided by ‖X‖ of the whole tensor.
    fn distance<T: Scalar>(
        &self,
        found: TensorRef<'_, T>,
        expected: TensorRef<'_, T>,
    ) -> Result<f64> {
        let Some((exponent, unit)) = self.exponents else {
            return Ok(distance(found, expected)? / self.norm);
        };
        let pairs = found.data().iter().zip(expected.data());
        let squares = pairs.map(|(&found, &expected)| {
            // Subnormal entries are rounded as in the reconstruction.
            let entry = T::from_f64(scale(found.as_f64(), exponent));
            let entry = if entry.is_finite() {
                scale(entry.as_f64(), -unit)
            } else {
                scale(found.as_f64(), exponent - unit)
            };
            (entry - scale(expected.as_f64(), -unit)).powi(2)
        });
        Ok(squares.sum::<f64>().sqrt() / self.norm)
    }
}

/// ‖X − X̂‖/‖X‖ of an orthogonal projection, from the norms of X and the core.
pub(super) fn error_of_projection(norm: f64, core: f64) -> f64 {
    if norm == 0.0 {
        return 0.0;
    }
    (1.0 - (core / norm).powi(2)).max(0.0).sqrt()
}

/// The number of entries of the reconstruction that [`Tucker::relative_error`] computes at once.
const SLICE_ENTRIES: usize = if cfg!(test) { 64 } else { 1 << 20 };

/// The maximum number of bytes of a decomposition and of what [`Tucker::relative_error`]
/// allocates: core and factors, the product in all modes but mode 0, and a slice.
pub(super) fn relative_error_memory(problem: &Problem) -> f64 {
    let Problem { x, ranks, .. } = problem;
    let core = Sizes {
        extents: ranks.clone(),
        scalar: x.scalar,
    };
    let rest: Vec<_> = x.extents.iter().copied().enumerate().skip(1).collect();
    let partial = x.with(0, ranks[0]);
    let slice_len = x.entries() / x.extents[0];
    let slices = (SLICE_ENTRIES as f64 / slice_len)
        .max(1.0)
        .min(x.extents[0]);
    let comparing = partial.bytes() + mode_product_memory(&partial, 0, slices);
    problem.result() + multi_mode_product_memory(&core, &rest).max(comparing)
}

/// The relative error against a zero tensor: zero or infinite.
fn against_zero(norm_of_difference: f64) -> f64 {
    if norm_of_difference == 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    /// A random decomposition, with factors in `modes` alone, against a random tensor.
    fn check<T: Scalar>(shape: &[usize], modes: &[usize]) {
        let mut random = Random::new(5);
        let core: Vec<usize> = (0..shape.len())
            .map(|n| if modes.contains(&n) { 2 } else { shape[n] })
            .collect();
        let factors = (0..shape.len()).map(|n| modes.contains(&n).then_some(shape[n]));
        let factors = factors.map(|rows| rows.map(|rows| random.matrix::<T>(rows, 2)));
        let factors: Vec<_> = factors.collect();
        let tucker = Tucker::new(random.tensor::<T>(&core), factors).unwrap();
        let x: Tensor<T> = random.tensor(shape);

        let mut x_hat = oracle::in_f64(tucker.core());
        for &mode in modes {
            let factor = oracle::matrix_in_f64(tucker.factor(mode).unwrap());
            x_hat = oracle::mode_product(&x_hat, mode, factor.as_ref());
        }
        let exact = oracle::relative_distance(&oracle::in_f64(&x), &x_hat);
        let measured = tucker.relative_error(&x).unwrap();
        assert!(
            (measured - exact).abs() <= 30.0 * T::EPSILON * exact,
            "{shape:?}, {modes:?}: {measured:e} for {exact:e}"
        );
    }

    #[test]
    fn every_slice_is_compared_with_its_own_rows() {
        for (shape, modes) in [
            (&[40, 3, 4][..], &[0, 1, 2][..]),
            (&[40, 3, 4], &[1, 2]),
            (&[9, 5, SLICE_ENTRIES / 5], &[0, 2]),
            (&[3, SLICE_ENTRIES + 1], &[0, 1]),
            (&[3 * SLICE_ENTRIES + 5], &[0]),
            (&[7, 2 * SLICE_ENTRIES], &[1]),
        ] {
            check::<f64>(shape, modes);
            check::<f32>(shape, modes);
        }
    }
}
