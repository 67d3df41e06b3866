//! Inner products, norms and distances, accumulated in `f64` in a fixed order.
//!
//! Chunks of fixed size are summed by any number of threads, and the sums of the chunks are
//! added in order. So the bits do not depend on the number of threads:
//!
//! ```text
//!   entries   ├──── chunk 0 ────┼──── chunk 1 ────┼──── chunk 2 ──┤
//!   16 sums     s₀ s₁ … s₁₅       s₀ s₁ … s₁₅       …                entry i of a chunk adds
//!               └────┬────┘       └────┬────┘                        to sum i mod 16
//!   result           Σ        +        Σ        +   …
//! ```

use rayon::prelude::*;

use super::TensorRef;
use crate::error::{Error, Result};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::simd::vectorize;

/// The number of entries of a chunk. It does not depend on the number of threads.
const CHUNK: usize = if cfg!(test) { 40 } else { 1 << 14 };

/// The number of partial sums of a chunk, to which entries are added in turn. With several sums the
/// compiler can vectorise the loop.
const SUMS: usize = 16;

/// Σ term(xᵢ, yᵢ).
///
/// The rounding error is at most (CHUNK/SUMS + SUMS + N/CHUNK)·ε·Σ|term| for N entries.
fn sum<T: Scalar>(x: &[T], y: &[T], term: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
    let chunk_sum = |(x, y): (&[T], &[T])| sum_of_chunk(x, y, &term);
    let chunks: Vec<f64> = x
        .par_chunks(CHUNK)
        .zip(y.par_chunks(CHUNK))
        .map(chunk_sum)
        .collect();
    chunks.iter().sum()
}

/// Σ term(xᵢ, yᵢ) over the entries of a chunk.
fn sum_of_chunk<T: Scalar>(x: &[T], y: &[T], term: impl Fn(f64, f64) -> f64) -> f64 {
    vectorize(
        #[inline(always)]
        || {
            let mut sums = [0.0; SUMS];
            let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<SUMS>(), y.as_chunks::<SUMS>());
            for (x, y) in x.iter().zip(y) {
                for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
                    *sum += term(x.as_f64(), y.as_f64());
                }
            }
            for ((sum, x), y) in sums.iter_mut().zip(x_rest).zip(y_rest) {
                *sum += term(x.as_f64(), y.as_f64());
            }
            sums.iter().sum::<f64>()
        },
    )
}

/// Σ xᵢ² over a short run of entries, in `f64`.
pub(super) fn squares<T: Scalar>(x: &[T]) -> f64 {
    sum_of_chunk(x, x, |x, _| x * x)
}

/// √`squares`, if no square can have overflowed or lost digits to underflow.
pub(super) fn norm_of_squares(squares: f64) -> Option<f64> {
    let accurate = squares.is_nan() || (1e-200..1e300).contains(&squares);
    accurate.then(|| squares.sqrt())
}

/// The inner product ⟨X, Y⟩ = Σ xᵢ yᵢ over all entries (Kolda & Bader, §2),
/// in `f64`.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless the shapes are equal.
pub(crate) fn inner<'a, 'b, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    y: impl Into<TensorRef<'b, T>>,
) -> Result<f64> {
    let (x, y) = (x.into(), y.into());
    check_same_shape(x, y)?;
    Ok(sum(x.data, y.data, |x, y| x * y))
}

/// The Frobenius norm ‖X‖ = √Σ xᵢ², in `f64`.
///
/// Squares neither overflow nor underflow: if they would, the entries are scaled by a power of two.
/// A norm above the largest `f64` is infinite.
pub(crate) fn norm<'a, T: Scalar>(x: impl Into<TensorRef<'a, T>>) -> f64 {
    let x = x.into();
    scaled_norm(x.data, x.data, |x, _| x)
}

/// The distance ‖X − Y‖ in the Frobenius norm, in `f64`.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless the shapes are equal.
pub(crate) fn distance<'a, 'b, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    y: impl Into<TensorRef<'b, T>>,
) -> Result<f64> {
    let (x, y) = (x.into(), y.into());
    check_same_shape(x, y)?;
    Ok(scaled_norm(x.data, y.data, |x, y| x - y))
}

/// √Σ entry(xᵢ, yᵢ)², without overflow and underflow.
fn scaled_norm<T: Scalar>(x: &[T], y: &[T], entry: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
    // 1. Without scaling. This is accurate enough if the sum is far from both ends of the range.
    let squares = sum(x, y, |x, y| entry(x, y).powi(2));
    if let Some(norm) = norm_of_squares(squares) {
        return norm;
    }
    // 2. Scaled by the power of two near the largest entry.
    let largest = x
        .iter()
        .zip(y)
        .map(|(x, y)| entry(x.as_f64(), y.as_f64()).abs())
        .fold(0.0, f64::max);
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let exponent = binary_exponent(largest);
    let squares = sum(x, y, |x, y| scale(entry(x, y), -exponent).powi(2));
    scale(squares.sqrt(), exponent)
}

/// Fails unless the shapes are equal.
fn check_same_shape<T>(x: TensorRef<'_, T>, y: TensorRef<'_, T>) -> Result<()> {
    if x.shape == y.shape {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what: "second tensor",
        expected: x.shape.to_vec(),
        actual: y.shape.to_vec(),
    })
}

/// The error for the first entry that is NaN or infinite; `None` if all entries are finite.
pub(crate) fn first_non_finite<T: Scalar>(x: TensorRef<'_, T>) -> Option<Error> {
    let position = x
        .data
        .par_chunks(CHUNK)
        .enumerate()
        .find_map_first(|(chunk, entries)| {
            let within = entries.iter().position(|entry| !entry.as_f64().is_finite());
            within.map(|within| chunk * CHUNK + within)
        })?;
    Some(Error::NonFinite {
        index: x.shape.index(position)?,
        value: x.data[position].as_f64(),
    })
}

/// max |xᵢ|. Fails if an entry is NaN or infinite.
pub(crate) fn largest_magnitude<T: Scalar>(x: TensorRef<'_, T>) -> Result<f64> {
    // The largest magnitude of a chunk, or infinity if an entry is not finite.
    let largest = |entries: &[T]| {
        vectorize(
            #[inline(always)]
            || {
                let mut maxima = [0.0f64; SUMS];
                let (blocks, rest) = entries.as_chunks::<SUMS>();
                for block in blocks {
                    for (maximum, entry) in maxima.iter_mut().zip(block) {
                        *maximum = larger(*maximum, entry.as_f64().abs());
                    }
                }
                for (maximum, entry) in maxima.iter_mut().zip(rest) {
                    *maximum = larger(*maximum, entry.as_f64().abs());
                }
                maxima.into_iter().fold(0.0, larger)
            },
        )
    };
    let chunks: Vec<f64> = x.data.par_chunks(CHUNK).map(largest).collect();
    let all_finite = chunks.iter().all(|chunk| chunk.is_finite());
    if let Some(error) = (!all_finite).then(|| first_non_finite(x)).flatten() {
        return Err(error);
    }
    Ok(chunks.into_iter().fold(0.0, f64::max))
}

/// The larger of two magnitudes. If `b` is NaN, it counts as infinity.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    let b = if b.is_nan() { f64::INFINITY } else { b };
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    /// Compares sums of every length up to three chunks with sums entry by entry.
    fn check_sums<T: Scalar>() {
        let mut random = Random::new(1);
        for len in 0..=3 * CHUNK + SUMS {
            let (x, y): (Tensor<T>, Tensor<T>) = (random.tensor(&[len]), random.tensor(&[len]));
            let rounding = (len + 8) as f64 * f64::EPSILON;
            let pairs = x.data().iter().zip(y.data());
            let products: Vec<f64> = pairs.map(|(x, y)| x.as_f64() * y.as_f64()).collect();
            let exact: f64 = products.iter().sum();
            let size: f64 = products.iter().map(|product| product.abs()).sum();
            assert!(
                (inner(&x, &y).unwrap() - exact).abs() <= rounding * size,
                "{len}"
            );
            let exact = oracle::norm(&x);
            assert!((norm(&x) - exact).abs() <= rounding * exact, "{len}");
            let exact = oracle::distance(&x, &y);
            assert!(
                (distance(&x, &y).unwrap() - exact).abs() <= rounding * exact,
                "{len}"
            );
        }
    }

    #[test]
    fn sums_run_over_all_chunks() {
        check_sums::<f64>();
        check_sums::<f32>();
    }

    #[test]
    fn the_first_entry_that_is_not_finite_is_named_in_every_chunk() {
        let columns = CHUNK + 7;
        let mut x = Tensor::<f32>::zeros(&[3, columns]).unwrap();
        // All entries after the first are not finite either.
        for position in (0..x.data().len()).rev() {
            x.data_mut()[position] = if position % 2 == 0 {
                f32::NAN
            } else {
                f32::INFINITY
            };
            let expected = [position / columns, position % columns];
            for error in [
                first_non_finite(x.view()),
                largest_magnitude(x.view()).err(),
            ] {
                let Some(Error::NonFinite { index, value }) = error else {
                    panic!("entry {position} is not finite");
                };
                assert_eq!(index, expected);
                assert_eq!(value.is_nan(), position % 2 == 0);
            }
        }
    }

    #[test]
    fn the_largest_magnitude_is_found_in_every_chunk() {
        for position in 0..3 * CHUNK + SUMS {
            let mut x = Tensor::<f64>::zeros(&[3 * CHUNK + SUMS]).unwrap();
            x.data_mut().fill(3.0);
            x.data_mut()[position] = -5.0;
            assert_eq!(largest_magnitude(x.view()).unwrap(), 5.0);
        }
    }
}
