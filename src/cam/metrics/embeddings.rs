//! Metrics of embeddings: how far masking moves the output of a network without classes.

use super::check::check_samples;
use crate::error::{Error, Result};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{TensorRef, largest_magnitude};

/// The mean squared error of embeddings:
///
/// > MSE = (1/N)·Σᵢ ‖zᵢ − z̄ᵢ‖²
///
/// zᵢ is the embedding of image i, z̄ᵢ the embedding of masked image i, and N the number of images.
/// The arrays are N×D, or N×(any trailing shape). The squares are summed over the D entries, not
/// averaged.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless both arrays have the same shape, [`Error::TooFewModes`] for an
/// array of one mode, [`Error::NoSamples`] for N = 0, [`Error::NonFinite`],
/// [`Error::ResultOutOfRange`] if the error is above the largest `f64`.
///
/// ```
/// use tenfold::{TensorRef, cam::metrics::embedding_mse};
/// let z = TensorRef::new(&[2, 2], &[0.0, 0.0, 1.0, 1.0])?;
/// let masked = TensorRef::new(&[2, 2], &[3.0, 4.0, 1.0, 2.0])?;
/// assert_eq!(embedding_mse(z, masked)?, 13.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn embedding_mse<'a, 'b, T: Scalar>(
    embeddings: impl Into<TensorRef<'a, T>>,
    masked: impl Into<TensorRef<'b, T>>,
) -> Result<f64> {
    let (embeddings, masked) = (embeddings.into(), masked.into());
    check_shapes(embeddings, masked)?;
    let &[images, _, ..] = embeddings.shape() else {
        return Err(Error::TooFewModes {
            what: "an array of embeddings",
            expected: 2,
            shape: embeddings.shape().to_vec(),
        });
    };
    check_samples("embeddings", images)?;
    mean_of_squares(embeddings, masked, images)
}

/// The squared error of the embedding of one image, ‖z − z̄‖², for embeddings of any shape.
/// [`embedding_mse`] is its mean over images.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless both embeddings have the same shape, [`Error::NonFinite`],
/// [`Error::ResultOutOfRange`] if the error is above the largest `f64`.
///
/// ```
/// use tenfold::{TensorRef, cam::metrics::embedding_error};
/// let z = TensorRef::new(&[2], &[0.0, 0.0])?;
/// let masked = TensorRef::new(&[2], &[3.0, 4.0])?;
/// assert_eq!(embedding_error(z, masked)?, 25.0);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn embedding_error<'a, 'b, T: Scalar>(
    embedding: impl Into<TensorRef<'a, T>>,
    masked: impl Into<TensorRef<'b, T>>,
) -> Result<f64> {
    let (embedding, masked) = (embedding.into(), masked.into());
    check_shapes(embedding, masked)?;
    mean_of_squares(embedding, masked, 1)
}

fn check_shapes<T: Scalar>(embeddings: TensorRef<'_, T>, masked: TensorRef<'_, T>) -> Result<()> {
    if embeddings.shape() == masked.shape() {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what: "embeddings of the masked images",
        expected: embeddings.shape().to_vec(),
        actual: masked.shape().to_vec(),
    })
}

/// The sum of the squared differences of two arrays of the same shape, divided by `images`.
fn mean_of_squares<T: Scalar>(
    embeddings: TensorRef<'_, T>,
    masked: TensorRef<'_, T>,
    images: usize,
) -> Result<f64> {
    // Scale the entries to magnitudes below 2, so that squares and sums stay in the range of f64.
    let largest = largest_magnitude(embeddings)?.max(largest_magnitude(masked)?);
    let exponent = binary_exponent(largest);
    let entry = |value: T| scale(value.as_f64(), -exponent);
    let pairs = embeddings.data().iter().zip(masked.data());
    let squares = pairs.map(|(&z, &o)| (entry(z) - entry(o)).powi(2));
    let mean = squares.fold(0.0, |sum, square| sum + square) / images as f64;
    // In two steps, because 2^(2·exponent) may be above the largest f64 although the error is not.
    let mse = scale(scale(mean, exponent), exponent);
    if mse.is_infinite() {
        return Err(Error::ResultOutOfRange {
            what: "the error of the embeddings",
            exponent: binary_exponent(mean) + 2 * exponent,
            scalar: f64::NAME,
        });
    }
    Ok(mse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_large_embeddings_is_finite_or_out_of_range() {
        let column = |rows: usize, entry: f64| {
            crate::tensor::Tensor::from_fn(&[rows, 1], |_| entry).unwrap()
        };
        // The sum of the squares is above the largest f64, but not their mean.
        let mse = embedding_mse(&column(100, 1.3e154), &column(100, 0.0)).unwrap();
        assert!((mse / 1.69e308 - 1.0).abs() < 1e-14, "{mse:e}");
        let mse = embedding_mse(&column(3, 1e-160), &column(3, 0.0)).unwrap();
        assert!((mse / 1e-320 - 1.0).abs() < 1e-3, "{mse:e}");
        let refused = embedding_mse(&column(2, 1e308), &column(2, -1e308));
        assert!(
            matches!(refused, Err(Error::ResultOutOfRange { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn equal_embeddings_have_no_error() {
        for largest in [f64::MAX, 1e308, 1.0, f64::MIN_POSITIVE] {
            let z = crate::tensor::Tensor::from_fn(&[4, 5], |_| largest).unwrap();
            assert_eq!(embedding_mse(&z, &z).unwrap(), 0.0);
        }
        let empty = crate::tensor::Tensor::<f64>::new(&[3, 0], Vec::new()).unwrap();
        assert!(embedding_mse(&empty, &empty).unwrap().is_sign_positive());
    }

    #[test]
    fn embeddings_that_do_not_fit_together_are_refused() {
        let z = TensorRef::new(&[2], &[1.0, 2.0]).unwrap();
        let other = TensorRef::new(&[1, 2], &[1.0, 2.0]).unwrap();
        let nan = TensorRef::new(&[2], &[1.0, f64::NAN]).unwrap();
        assert!(matches!(
            embedding_error(z, other),
            Err(Error::ShapeMismatch { .. })
        ));
        assert!(matches!(
            embedding_error(z, nan),
            Err(Error::NonFinite { .. })
        ));
    }
}
