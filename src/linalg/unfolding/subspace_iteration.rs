//! Leading left singular vectors of an unfolding M = X₍ₙ₎ by subspace iteration with its Gram matrix:
//!
//! ```text
//! Q = random signs, n×b, b a little more than the number of vectors
//! repeat: Q = orthonormal basis of MMᵀ Q
//! H = Qᵀ MMᵀ Q, b×b; its eigenvectors E; vectors Q E
//! ```
//!
//! Each step multiplies the part of Q in direction uᵢ by σᵢ². The vectors are therefore not exact: a
//! direction uᵢ with a σᵢ close to the first discarded one may be mixed with discarded directions. The
//! energy that the vectors keep is close to the largest possible one all the same. A basis for a
//! randomized solver needs no more, and the eigenproblem of a Gram matrix of order 400 takes five times
//! as long (Halko, Martinsson & Tropp, SIAM Review 2011, section 4.5).

use faer::{Mat, MatRef};

use super::accuracy::Precision;
use super::qr::basis_of_tall;
use super::single::SINGLE_TRACE;
use super::vectors::{Side, Unfolding};
use crate::error::Result;
use crate::linalg::product::product;
use crate::linalg::random::random_signs;
use crate::linalg::small::eigh_leading;
use crate::monitor::Cancellation;
use crate::scalar::{Scalar, is_single};
use crate::tensor::TensorRef;

/// The number of products with the Gram matrix before the last one.
const ITERATIONS: usize = 2;

/// The number of columns of Q in addition to the number of vectors.
const ADDITIONAL: usize = 8;

/// The minimum extent of the mode, relative to the number of columns of Q. Below it the eigenproblem is
/// not much more expensive.
const SHORTENING: usize = 4;

/// The smallest discarded share of ‖X‖² for which a Gram matrix of products in `T` is accurate enough. Its
/// rounding errors move about 1e-7 (2e-16 for `f64`) of ‖X‖² between the vectors and what they discard.
/// This is at most 1 percent of what they discard.
fn smallest_tail<T: Scalar>() -> f64 {
    if is_single::<T>() { 1e-5 } else { 1e-12 }
}

/// `count` orthonormal vectors that keep nearly as much of X₍ₙ₎ as its leading left singular vectors.
/// `None` if the exact vectors cost about the same, or if the Gram matrix of products in the scalar of
/// X does not resolve what the vectors discard.
///
/// Cost: |X|·Iₙ flops for the Gram matrix.
///
/// # Errors
/// Those of [`left_singular`](super::left_singular()), and [`crate::Error::Cancelled`].
pub(crate) fn nearly_leading_vectors<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    count: usize,
    cancellation: Cancellation<'_>,
) -> Result<Option<Mat<T>>> {
    let around = x.extents(mode)?;
    let columns = count.saturating_add(ADDITIONAL);
    if around.extent > around.columns() || columns.saturating_mul(SHORTENING) > around.extent {
        return Ok(None);
    }
    // 1. The Gram matrix.
    let unfolding = Unfolding::new(x, around, Side::Mode).cancelled_by(cancellation);
    let gram = unfolding.gram(Precision::Native)?;
    let gram = gram.as_ref();
    let energy: f64 = (0..gram.ncols()).map(|i| gram[(i, i)]).sum();
    if !SINGLE_TRACE.contains(&energy) {
        return Ok(None);
    }
    // 2. The iteration.
    let mut q: Mat<f64> = random_signs(around.extent, columns, 0);
    for _ in 0..ITERATIONS {
        cancellation.check()?;
        q = basis_of_tall(product(gram, q.as_ref()).as_ref());
    }
    // 3. The best vectors in the range of Q.
    let reduced = product(q.transpose(), product(gram, q.as_ref()).as_ref());
    let eigen = eigh_leading(reduced.as_ref(), |_| count)?;
    let kept: f64 = eigen.values[..count].iter().sum();
    if 1.0 - kept / energy < smallest_tail::<T>() {
        return Ok(None);
    }
    let vectors = product(q.as_ref(), eigen.vectors.as_ref());
    Ok(Some(rounded(vectors.as_ref())))
}

/// The matrix in the scalar of the tensor.
fn rounded<T: Scalar>(a: MatRef<'_, f64>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    /// Vectors of a matrix with these singular values: orthonormal, and the energy that they keep,
    /// relative to the largest possible one.
    fn check<T: Scalar>(values: &[f64], count: usize) -> Option<f64> {
        let matrix = Random::new(4).with_spectrum(values.len(), 150, values);
        let x = Tensor::from_unfolding(matrix.as_ref(), 0, &[values.len(), 150]).unwrap();
        let x: Tensor<T> = Tensor::new(
            x.shape(),
            x.data()
                .iter()
                .map(|&entry: &f64| T::from_f64(entry))
                .collect(),
        )
        .unwrap();
        let none = Cancellation::default();
        let vectors = nearly_leading_vectors(x.view(), 0, count, none).unwrap()?;
        assert_eq!((vectors.nrows(), vectors.ncols()), (values.len(), count));
        let q = oracle::matrix_in_f64(vectors.as_ref());
        let distance = (q.transpose() * &q - Mat::<f64>::identity(count, count)).norm_max();
        assert!(distance < 30.0 * T::EPSILON, "{distance:e}");
        let kept = (q.transpose() * &matrix).squared_norm_l2();
        let most: f64 = values[..count].iter().map(|value| value * value).sum();
        Some(kept / most)
    }

    #[test]
    fn the_vectors_keep_nearly_as_much_as_the_leading_ones() {
        for (decay, least) in [(0.97f64, 0.98), (0.9, 0.999), (0.8, 0.99999)] {
            let values: Vec<f64> = (0..100).map(|i| decay.powi(i)).collect();
            let kept = check::<f64>(&values, 12).unwrap();
            assert!((least..1.0 + 1e-12).contains(&kept), "{decay}: {kept}");
            let kept = check::<f32>(&values, 12).unwrap();
            assert!((least..1.0 + 1e-5).contains(&kept), "{decay}: {kept}");
        }
    }

    #[test]
    fn exact_vectors_are_left_to_others() {
        // Short modes.
        let values: Vec<f64> = (0..60).map(|i| 0.9f64.powi(i)).collect();
        assert!(check::<f64>(&values, 12).is_none());
        // Small tails, and tensors without a tail.
        let values: Vec<f64> = (0..100).map(|i| if i < 12 { 1.0 } else { 1e-8 }).collect();
        assert!(check::<f64>(&values, 12).is_none());
        assert!(check::<f32>(&values, 12).is_none());
        assert!(check::<f64>(&[0.0; 100], 12).is_none());
    }
}
