//! Tensors whose norm is near an end of the scalar's range.
//!
//! The entries of a core, and of the projections before it, can be as large as ‖X‖. ‖X‖ can
//! exceed the largest scalar although every entry of X is finite. Near the smallest scalars,
//! products lose digits to underflow. The solvers therefore scale such a tensor by a power of
//! two, which rounds nothing, and scale the result back:
//!
//! ```text
//! X ── · 2⁻ᵉ ──> X·2⁻ᵉ ── decompose ──> G·2⁻ᵉ, Aₙ ── · 2ᵉ ──> G, Aₙ
//! ```
//!
//! The last step can fail or round. If an entry of G or of the reconstruction is above the largest
//! scalar, the caller gets [`Error::ResultOutOfRange`]. If an entry of G is subnormal, it is
//! rounded, and the error of the decomposition is measured afterwards.

use super::budget::spectral_norm;
use super::decomposition::Tucker;
use super::scaling::{needs_no_scaling, scaled};
use super::truncation::Truncation;
use crate::error::{Error, Result};
use crate::scalar::{Scalar, binary_exponent};
use crate::tensor::{Tensor, TensorRef, largest_magnitude};

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
    /// The tensor `x`, which has the norm `norm`.
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

    /// Whether the tensor to decompose is a scaled copy.
    pub(super) fn is_scaled(&self) -> bool {
        self.scaled.is_some()
    }

    /// The tensor to decompose.
    pub(super) fn view(&self) -> TensorRef<'_, T> {
        self.scaled
            .as_ref()
            .map_or(self.original, |(tensor, _)| tensor.view())
    }

    /// The decomposition of the original tensor, made from the decomposition of [`InRange::view`].
    /// It records a shortfall if the rounding of subnormal entries of the core makes the error
    /// larger than `requested`.
    ///
    /// # Errors
    /// [`Error::ResultOutOfRange`] if the core or the reconstruction does not fit the scalar.
    pub(super) fn restore(&self, tucker: Tucker<T>, requested: Option<f64>) -> Result<Tucker<T>> {
        let Some((_, exponent)) = &self.scaled else {
            return Ok(tucker);
        };
        let mut tucker = tucker.scaled_by(*exponent)?;
        // The reconstruction must fit the scalar too.
        if *exponent > 0 {
            tucker.reconstruct()?;
        }
        // Rounded subnormal entries of the core can change the error.
        if *exponent < 0 {
            let measured = tucker.relative_error(self.original)?;
            if let Some(requested) = requested {
                tucker.note_shortfall(requested, measured);
            }
            tucker.set_estimated_error(measured);
        }
        Ok(tucker)
    }
}

/// Calls `decompose` with `x`, and again with a scaled copy where the norm of `x` requires
/// scaling. The norm is read from the spectra of the first result, so one of them must belong to
/// `x` itself. This saves a pass over `x`. A solver without such a spectrum uses [`InRange`].
pub(super) fn in_range<T: Scalar>(
    x: TensorRef<'_, T>,
    truncation: &Truncation,
    decompose: impl Fn(TensorRef<'_, T>, &Truncation) -> Result<Tucker<T>>,
) -> Result<Tucker<T>> {
    let found = decompose(x, truncation);
    let norm = match &found {
        Ok(tucker) => norm_of_spectra(tucker),
        // Overflow in a product looks the same as an entry that is not finite.
        Err(Error::NonFinite { .. } | Error::NoConvergence { .. }) => f64::INFINITY,
        Err(_) => return found,
    };
    if needs_no_scaling::<T>(norm) {
        return found;
    }
    let in_range = InRange::new(x, norm)?;
    let requested = truncation.tolerance();
    let tucker = in_range.restore(decompose(in_range.view(), truncation)?, requested)?;
    match requested {
        // A result without truncation may still meet the tolerance.
        Some(requested) if tucker.shortfall().is_some() => {
            let lossless = decompose(in_range.view(), &Truncation::RelativeError(0.0))?;
            in_range.restore(lossless, Some(requested))
        }
        _ => Ok(tucker),
    }
}

/// ‖X‖ from the spectra of a decomposition: the largest of their norms. The first mode that was
/// decomposed has the spectrum of X itself; the norms of the other spectra are not larger.
fn norm_of_spectra<T: Scalar>(tucker: &Tucker<T>) -> f64 {
    let norms = tucker.spectra().map(spectral_norm);
    norms.fold(0.0, |largest: f64, norm| {
        if norm.is_nan() {
            norm
        } else {
            largest.max(norm)
        }
    })
}
