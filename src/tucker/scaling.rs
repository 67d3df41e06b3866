//! Tensors and products whose entries are near an end of the scalar's range.
//!
//! Partial products of G ×ₙ Aₙ … can overflow or lose digits to underflow, although the result fits
//! the scalar. Each matrix and the core are then scaled by powers of two, which rounds nothing, and
//! the product is scaled back:
//!
//! ```text
//! G·2⁻ᵃ ×₀ A₀·2⁻ᵇ ×₁ A₁·2⁻ᶜ ── · 2ᵃ⁺ᵇ⁺ᶜ ──> G ×₀ A₀ ×₁ A₁
//! ```

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::monitor::Cancellation;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{Tensor, TensorRef, largest_magnitude, multi_mode_product_until};

/// The smallest norm that needs no scaling is 2^`MARGIN` times the smallest normal scalar. The
/// underflow of a product adds an error of at most 2⁻²³ (2⁻⁵² for `f64`) of the smallest normal
/// scalar. The sum of these errors over 2³⁰ entries with 2¹⁰ products each is then at most
/// ε·‖X‖.
const MARGIN: i32 = 32;

/// The maximum relative rounding error of an entry of a reconstruction, in units of ε.
const ROUNDING: f64 = 64.0;

/// Whether a solver can work on a tensor of this norm without scaling.
pub(super) fn needs_no_scaling<T: Scalar>(norm: f64) -> bool {
    norm == 0.0 || (smallest::<T>()..=largest::<T>()).contains(&norm)
}

/// The largest magnitude for which sums of products cannot overflow: a quarter of the largest
/// scalar.
fn largest<T: Scalar>() -> f64 {
    T::max_value().as_f64() / 4.0
}

/// The smallest norm relative to which errors of underflow are at most ε.
fn smallest<T: Scalar>() -> f64 {
    scale(T::min_positive_value().as_f64(), MARGIN)
}

/// X·2ᵉ.
pub(super) fn scaled<T: Scalar>(x: TensorRef<'_, T>, exponent: i32) -> Result<Tensor<T>> {
    let entries = x.data().iter();
    let entries = entries.map(|entry| T::from_f64(scale(entry.as_f64(), exponent)));
    Tensor::new(x.shape(), entries.collect())
}

/// X·2ᵉ for the part `what` of a decomposition.
///
/// # Errors
/// [`Error::ResultOutOfRange`].
pub(super) fn rescaled<T: Scalar>(
    x: &Tensor<T>,
    exponent: i32,
    what: &'static str,
) -> Result<Tensor<T>> {
    let mut result = scaled(x.view(), exponent)?;
    // An entry that exceeds the largest scalar by rounding alone becomes the largest scalar.
    let largest = T::max_value();
    let limit = scale(largest.as_f64(), -exponent) * (1.0 + ROUNDING * T::EPSILON);
    for (entry, before) in result.data_mut().iter_mut().zip(x.data()) {
        if entry.is_infinite() && before.as_f64().abs() <= limit {
            *entry = largest.copysign(*entry);
        }
    }
    if result.data().iter().all(|entry| entry.is_finite()) {
        return Ok(result);
    }
    Err(Error::ResultOutOfRange {
        what,
        exponent: binary_exponent(largest_magnitude(x.view())?) + exponent,
        scalar: T::NAME,
    })
}

/// A product G ×ₙ Aₙ … with partial products in the scalar's range: G and the Aₙ are scaled by
/// powers of two where needed.
pub(super) struct PartialProducts<'a, T> {
    core: TensorRef<'a, T>,
    matrices: Vec<(usize, MatRef<'a, T>)>,
    scaled: Option<Scaled<T>>,
}

struct Scaled<T> {
    core: Tensor<T>,
    matrices: Vec<(usize, Mat<T>)>,
    /// The product of G and the Aₙ is 2ᵉ times the product of the scaled ones.
    exponent: i32,
}

impl<'a, T: Scalar> PartialProducts<'a, T> {
    pub(super) fn new(
        core: TensorRef<'a, T>,
        matrices: Vec<(usize, MatRef<'a, T>)>,
    ) -> Result<Self> {
        let scaled = if need_scaling(core, &matrices) {
            Some(Scaled::new(core, &matrices)?)
        } else {
            None
        };
        Ok(Self {
            core,
            matrices,
            scaled,
        })
    }

    /// The exponent e: the product is 2ᵉ times the product of [`PartialProducts::core`] and
    /// [`PartialProducts::matrices`].
    pub(super) fn exponent(&self) -> i32 {
        self.scaled.as_ref().map_or(0, |scaled| scaled.exponent)
    }

    /// The core.
    pub(super) fn core(&self) -> TensorRef<'_, T> {
        self.scaled
            .as_ref()
            .map_or(self.core, |scaled| scaled.core.view())
    }

    /// The matrices with their modes.
    pub(super) fn matrices(&self) -> Vec<(usize, MatRef<'_, T>)> {
        match &self.scaled {
            None => self.matrices.clone(),
            Some(scaled) => {
                let matrices = scaled.matrices.iter();
                matrices.map(|(mode, a)| (*mode, a.as_ref())).collect()
            }
        }
    }

    /// G ×ₙ Aₙ ….
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`]; [`Error::Cancelled`].
    pub(super) fn product(&self, cancellation: Cancellation<'_>) -> Result<Tensor<T>> {
        let product = multi_mode_product_until(self.core(), &self.matrices(), cancellation)?;
        match &self.scaled {
            None => Ok(product),
            Some(scaled) => rescaled(&product, scaled.exponent, "the reconstruction"),
        }
    }
}

impl<T: Scalar> Scaled<T> {
    /// Scales G and each Aₙ so that its largest entry is between 1 and 2.
    fn new(core: TensorRef<'_, T>, matrices: &[(usize, MatRef<'_, T>)]) -> Result<Self> {
        let mut exponent = binary_exponent(largest_magnitude(core)?);
        let core = scaled(core, -exponent)?;
        let mut scaled_matrices = Vec::with_capacity(matrices.len());
        for &(mode, a) in matrices {
            let own = binary_exponent(a.norm_max().as_f64());
            let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
                T::from_f64(scale(a[(i, j)].as_f64(), -own))
            });
            scaled_matrices.push((mode, scaled));
            exponent = exponent.saturating_add(own);
        }
        Ok(Self {
            core,
            matrices: scaled_matrices,
            exponent,
        })
    }
}

/// Whether a partial product can leave the scalar's range, judged by the largest entries of G
/// and the Aₙ.
fn need_scaling<T: Scalar>(core: TensorRef<'_, T>, matrices: &[(usize, MatRef<'_, T>)]) -> bool {
    let Ok(magnitude) = largest_magnitude(core) else {
        return false;
    };
    let (mut most, mut least) = (magnitude, magnitude);
    for (_, a) in matrices {
        let magnitude = a.norm_max().as_f64();
        if magnitude == 0.0 || !magnitude.is_finite() {
            return false;
        }
        most *= (a.ncols() as f64 * magnitude).max(1.0);
        least *= magnitude.min(1.0);
    }
    magnitude > 0.0 && !(least >= smallest::<T>() && most <= largest::<T>())
}
