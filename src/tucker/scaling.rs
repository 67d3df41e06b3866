//! Tensors and products whose entries are near an end of the scalar's range.
//!
//! A product G ×ₙ Aₙ … whose result fits the scalar can have partial products that do not: they
//! overflow, or lose digits to underflow. Then each part is scaled by a power of two, which
//! rounds nothing, and the product is scaled back:
//!
//! ```text
//! G·2⁻ᵃ ×₀ A₀·2⁻ᵇ ×₁ A₁·2⁻ᶜ ── · 2ᵃ⁺ᵇ⁺ᶜ ──> G ×₀ A₀ ×₁ A₁
//! ```

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{Tensor, TensorRef, largest_magnitude, multi_mode_product};

/// Powers of two between the smallest normal scalar and the smallest norm that needs no
/// scaling. Each product adds an error of at most one subnormal step, 2⁻²³ (2⁻⁵²) of the
/// smallest normal scalar; the sum of those over 2³⁰ entries and 2¹⁰ products each
/// is then at most ε·‖X‖.
const MARGIN: i32 = 32;

/// The rounding of an entry of a reconstruction in units of ε, at most.
const ROUNDING: f64 = 64.0;

/// Whether a solver can work on a tensor of this norm as it is.
pub(super) fn needs_no_scaling<T: Scalar>(norm: f64) -> bool {
    norm == 0.0 || (smallest::<T>()..=largest::<T>()).contains(&norm)
}

/// The largest magnitude that is safe in sums of products, a quarter of the largest scalar.
fn largest<T: Scalar>() -> f64 {
    T::max_value().as_f64() / 4.0
}

/// The smallest norm beside which errors of underflow are at most ε.
fn smallest<T: Scalar>() -> f64 {
    scale(T::min_positive_value().as_f64(), MARGIN)
}

/// X·2ᵉ.
pub(super) fn scaled<T: Scalar>(x: TensorRef<'_, T>, exponent: i32) -> Result<Tensor<T>> {
    let entries = x.data().iter();
    let entries = entries.map(|entry| T::from_f64(scale(entry.as_f64(), exponent)));
    Tensor::new(x.shape(), entries.collect())
}

/// X·2ᵉ, `what` of a decomposition.
///
/// # Errors
/// [`Error::ResultOutOfRange`].
pub(super) fn rescaled<T: Scalar>(
    x: &Tensor<T>,
    exponent: i32,
    what: &'static str,
) -> Result<Tensor<T>> {
    let mut result = scaled(x.view(), exponent)?;
    // Entries that only rounding takes above the largest scalar become that.
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

/// The parts of a product G ×ₙ Aₙ …, of which each partial product is in the scalar's
/// range: G and the Aₙ themselves, or scaled by powers of two.
pub(super) struct PartialProducts<'a, T> {
    core: TensorRef<'a, T>,
    matrices: Vec<(usize, MatRef<'a, T>)>,
    scaled: Option<Scaled<T>>,
}

struct Scaled<T> {
    core: Tensor<T>,
    matrices: Vec<(usize, Mat<T>)>,
    /// The product of the parts as given is 2ᵉ times that of the scaled ones.
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

    /// The exponent e: what the parts give is to be multiplied by 2ᵉ.
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
    /// [`Error::ResultOutOfRange`].
    pub(super) fn product(&self) -> Result<Tensor<T>> {
        let product = multi_mode_product(self.core(), &self.matrices())?;
        match &self.scaled {
            None => Ok(product),
            Some(scaled) => rescaled(&product, scaled.exponent, "the reconstruction"),
        }
    }
}

impl<T: Scalar> Scaled<T> {
    /// The parts, each scaled so that its largest entry is between 1 and 2.
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

/// Whether a partial product of finite parts can leave the scalar's range, by the largest
/// entries of the parts.
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
