//! Tensors whose norm is near an end of the scalar's range.
//!
//! The entries of a core, and of what a solver forms on the way to it, are at most ‖X‖ in
//! magnitude, and ‖X‖ can exceed the largest scalar though every entry of X is finite. Near
//! the smallest scalars, products lose their digits to underflow. Such a tensor is
//! decomposed after scaling by a power of two, which rounds nothing:
//!
//! ```text
//! X ── · 2⁻ᵉ ──> X·2⁻ᵉ ── decompose ──> G·2⁻ᵉ, Aₙ ── · 2ᵉ ──> G, Aₙ
//! ```
//!
//! The last step fails where an entry of G or of the reconstruction is above the largest scalar,
//! and rounds where an entry of G is subnormal. In the first case the caller gets
//! [`Error::ResultOutOfRange`], in the second the error of the decomposition is measured after the
//! step.

use faer::{Mat, MatRef};

use super::truncation::spectral_norm;
use super::{Truncation, Tucker};
use crate::error::{Error, Result};
use crate::linalg::rescale_singular_values;
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{Tensor, TensorRef, largest_magnitude, multi_mode_product};

/// Powers of two between the smallest normal scalar and the smallest norm that needs no
/// scaling. Each product adds an error of at most one subnormal step, 2⁻²³ (2⁻⁵²) of the
/// smallest normal scalar; the sum of those over 2³⁰ entries and 2¹⁰ products each
/// is then at most ε·‖X‖.
const MARGIN: i32 = 32;

/// The rounding of an entry of a reconstruction in units of ε, at most.
const ROUNDING: f64 = 64.0;

/// What a solver knows of the error of its decomposition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Estimate {
    /// The error itself, up to rounding.
    Error,
    /// An upper bound.
    Bound,
}

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

/// A tensor to decompose, scaled by a power of two if its norm requires that.
#[derive(Clone, Debug)]
pub(super) struct InRange<'a, T> {
    original: TensorRef<'a, T>,
    /// X·2⁻ᵉ and e.
    scaled: Option<(Tensor<T>, i32)>,
    /// The norm of the tensor to decompose.
    pub(super) norm: f64,
}

impl<'a, T: Scalar> InRange<'a, T> {
    /// The tensor `x` of this norm.
    ///
    /// # Errors
    /// [`Error::NonFinite`].
    pub(super) fn new(x: TensorRef<'a, T>, norm: f64) -> Result<Self> {
        if needs_no_scaling::<T>(norm) {
            return Ok(Self {
                original: x,
                scaled: None,
                norm,
            });
        }
        let exponent = binary_exponent(largest_magnitude(x)?);
        let scaled = scaled(x, -exponent)?;
        Ok(Self {
            original: x,
            norm: crate::tensor::norm(&scaled),
            scaled: Some((scaled, exponent)),
        })
    }

    /// The tensor to decompose.
    pub(super) fn view(&self) -> TensorRef<'_, T> {
        self.scaled
            .as_ref()
            .map_or(self.original, |(tensor, _)| tensor.view())
    }

    /// The decomposition of the original from that of [`InRange::view`]. A shortfall
    /// is noted where rounding the core to subnormal numbers exceeds the error
    /// `requested`.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`] where the core or the reconstruction does not fit the scalar.
    pub(super) fn restore(
        &self,
        tucker: Tucker<T>,
        requested: Option<f64>,
        estimate: Estimate,
    ) -> Result<Tucker<T>> {
        let Some((_, exponent)) = &self.scaled else {
            return Ok(tucker);
        };
        let mut tucker = tucker.scaled_by(*exponent)?;
        if *exponent > 0 {
            tucker.reconstruct()?;
        }
        if *exponent < 0 {
            let measured = tucker.relative_error(self.original)?;
            if let Some(requested) = requested {
                tucker.note_shortfall(requested, measured);
            }
            let bound = match estimate {
                Estimate::Bound if tucker.shortfall.is_none() => tucker.estimated_error,
                _ => None,
            };
            tucker.estimated_error = Some(bound.map_or(measured, |bound| bound.max(measured)));
        }
        Ok(tucker)
    }
}

/// Has `decompose` truncate `x`, scaled by a power of two if its norm requires that.
///
/// The norm is known from the spectra only, so `decompose` runs on `x` itself first.
pub(super) fn in_range<T: Scalar>(
    x: TensorRef<'_, T>,
    truncation: &Truncation,
    estimate: Estimate,
    decompose: impl Fn(TensorRef<'_, T>, &Truncation) -> Result<Tucker<T>>,
) -> Result<Tucker<T>> {
    let found = decompose(x, truncation);
    let norm = match &found {
        Ok(tucker) => tucker.norm_of_spectra(),
        // Overflow in a product looks the same as an entry that is not finite.
        Err(Error::NonFinite { .. } | Error::NoConvergence { .. }) => f64::INFINITY,
        Err(_) => return found,
    };
    if needs_no_scaling::<T>(norm) {
        return found;
    }
    let in_range = InRange::new(x, norm)?;
    let requested = match truncation {
        Truncation::Ranks(_) => None,
        Truncation::RelativeError(tolerance) => Some(*tolerance),
    };
    let tucker = in_range.restore(decompose(in_range.view(), truncation)?, requested, estimate)?;
    match requested {
        Some(requested) if tucker.shortfall().is_some() => {
            let lossless = decompose(in_range.view(), &Truncation::RelativeError(0.0))?;
            in_range.restore(lossless, Some(requested), estimate)
        }
        _ => Ok(tucker),
    }
}

/// X·2ᵉ.
fn scaled<T: Scalar>(x: TensorRef<'_, T>, exponent: i32) -> Result<Tensor<T>> {
    let entries = x.data().iter();
    let entries = entries.map(|entry| T::from_f64(scale(entry.as_f64(), exponent)));
    Tensor::new(x.shape(), entries.collect())
}

/// X·2ᵉ, `what` of a decomposition.
///
/// # Errors
/// [`Error::ResultOutOfRange`].
fn rescaled<T: Scalar>(x: &Tensor<T>, exponent: i32, what: &'static str) -> Result<Tensor<T>> {
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

/// Fails where an entry of `x`, which was rounded to the scalar from a finite number, is not
/// finite.
#[cfg(feature = "cuda")]
pub(crate) fn check_finite<T: Scalar>(x: &Tensor<T>, what: &'static str) -> Result<()> {
    if x.data().iter().all(|entry| entry.is_finite()) {
        return Ok(());
    }
    Err(Error::ResultOutOfRange {
        what,
        exponent: binary_exponent(T::max_value().as_f64()) + 1,
        scalar: T::NAME,
    })
}

impl<T: Scalar> Tucker<T> {
    /// The decomposition of X·2ᵉ from that of X.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`].
    fn scaled_by(mut self, exponent: i32) -> Result<Self> {
        self.core = rescaled(&self.core, exponent, "the core")?;
        for values in self.spectra.iter_mut().flatten() {
            rescale_singular_values(values, exponent)?;
        }
        Ok(self)
    }

    /// ‖X‖ from the spectra: the first mode that was decomposed has all of it.
    fn norm_of_spectra(&self) -> f64 {
        let norms = self.spectra.iter().flatten().map(|s| spectral_norm(s));
        norms.fold(0.0, |largest, norm| {
            if norm.is_nan() {
                norm
            } else {
                largest.max(norm)
            }
        })
    }
}

/// The parts of a product G ×ₙ Aₙ …, of which each partial product is in the scalar's
/// range: G and the Aₙ themselves, or scaled by powers of two.
pub(super) struct Parts<'a, T> {
    core: TensorRef<'a, T>,
    matrices: Vec<(usize, MatRef<'a, T>)>,
    scaled: Option<ScaledParts<T>>,
}

struct ScaledParts<T> {
    core: Tensor<T>,
    matrices: Vec<(usize, Mat<T>)>,
    /// The product of the parts as given is 2ᵉ times that of the scaled ones.
    exponent: i32,
}

impl<'a, T: Scalar> Parts<'a, T> {
    pub(super) fn new(
        core: TensorRef<'a, T>,
        matrices: Vec<(usize, MatRef<'a, T>)>,
    ) -> Result<Self> {
        let scaled = if need_scaling(core, &matrices) {
            Some(ScaledParts::new(core, &matrices)?)
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

impl<T: Scalar> ScaledParts<T> {
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
