//! Projected maps from the singular value decomposition of the channel unfolding.
//!
//! Let M = Σ σᵢ uᵢ zᵢᵀ be the C×P unfolding, with P positions. The projected map of uᵢ is
//! Mᵀuᵢ = σᵢzᵢ. If P < C, it comes from eigenvector zᵢ of the P×P Gram matrix, without uᵢ:
//!
//! ```text
//!             P < C                                    P ≥ C
//! MᵀM ── eigenvectors zᵢ ──> σᵢzᵢ        MMᵀ ── eigenvectors uᵢ ──> Mᵀuᵢ
//! ```

use faer::MatRef;

use super::projection::{Projection, Request};
use super::weighting::Vectors;
use crate::error::Result;
use crate::linalg::{
    self, Accuracy, Precision, Route, Side, SingularPairs, Wanted, centred_pairs, singular_pairs,
    subtract_mean,
};
use crate::scalar::{Scalar, is_single};
use crate::simd::{Scratch, vectorize};
use crate::tensor::{TensorRef, mode_product_into};

/// The largest ratio σ₂/σ₁ for which the first vector is well determined.
pub(super) const DEGENERATE_RATIO: f64 = 0.999;

/// The range of the norm of a vector for which its products in `f32` neither overflow nor lose
/// small entries to underflow.
pub(crate) const SAFE_SINGLE_LENGTH: std::ops::Range<f64> = 1e-25..1e37;

/// Calls `visit` with the requested projected maps from the SVD of the channel unfolding M of `x`,
/// in order. Returns the singular values of M. If M is zero, there are no projected maps.
///
/// Returns `None` if squares of the entries are outside the range of `f64`, or if centring cancels
/// too many digits of the Gram matrix. Then the caller scales and centres the entries.
pub(super) fn svd<T: Scalar>(
    x: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Option<Scratch<f64>>> {
    let wanted = match request.vectors {
        Vectors::First => Wanted::First {
            gap: 1.0 - DEGENERATE_RATIO.powi(2),
        },
        Vectors::All => Wanted::All,
    };
    let pairs_request = linalg::Request {
        wanted,
        accuracy: Accuracy {
            route: Route::Gram,
            precision: request.precision,
        },
        cancellation: request.cancellation,
    };
    let pairs = if request.centring {
        centred_pairs(x, 0, pairs_request)?
    } else {
        Some(singular_pairs(x, 0, pairs_request)?)
    };
    let Some(pairs) = pairs.filter(|pairs| pairs.exponent == 0) else {
        return Ok(None);
    };
    if pairs.values[0] > 0.0 {
        let unfolding = ChannelUnfolding {
            x,
            centring: request.centring,
        };
        match (pairs.side, request.vectors) {
            (Side::Rest, vectors) => scale_vectors(&pairs, vectors, visit),
            (Side::Mode, Vectors::First) => unfolding.project_first(&pairs, visit),
            (Side::Mode, Vectors::All) => {
                unfolding.project_all(&pairs, request.precision, visit)?;
            }
        }
    }
    Ok(Some(pairs.values))
}

/// Calls `visit` with the projected maps σᵢzᵢ.
fn scale_vectors(pairs: &SingularPairs, vectors: Vectors, visit: &mut impl FnMut(Projection<'_>)) {
    let count = match vectors {
        Vectors::First => 1,
        Vectors::All => pairs.values.len(),
    };
    let mut projected = Scratch::zeroed(pairs.vectors.nrows());
    for (i, &sigma) in pairs.values[..count].iter().enumerate() {
        for (entry, z) in projected.iter_mut().zip(pairs.vectors.col(i)) {
            *entry = sigma * z;
        }
        visit(Projection {
            weight: sigma / pairs.values[0],
            values: &projected,
            error: pairs.error,
        });
    }
}

/// The C×P channel unfolding M of a feature map.
#[derive(Clone, Copy)]
struct ChannelUnfolding<'a, T> {
    x: TensorRef<'a, T>,
    /// Whether the mean of each row of M is subtracted.
    centring: bool,
}

impl<T: Scalar> ChannelUnfolding<'_, T> {
    /// Calls `visit` with the projected map Mᵀu₁, computed in `f64`.
    fn project_first(self, pairs: &SingularPairs, visit: &mut impl FnMut(Projection<'_>)) {
        let positions = positions(self.x);
        let mut projected = Scratch::zeroed(positions);
        let channels = self.x.data().chunks(positions);
        for (weight, channel) in pairs.vectors.col(0).iter().zip(channels) {
            for (entry, feature) in projected.iter_mut().zip(channel) {
                *entry += weight * feature.as_f64();
            }
        }
        self.centre(&mut projected);
        visit(Projection {
            weight: 1.0,
            values: &projected,
            error: pairs.error,
        });
    }

    /// Calls `visit` with the projected maps Mᵀuᵢ of all left singular vectors.
    fn project_all(
        self,
        pairs: &SingularPairs,
        precision: Precision,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<()> {
        if is_single::<T>() && precision == Precision::Double {
            let entries = self.x.data().iter().map(|entry| entry.as_f64());
            let entries: Scratch<f64> = entries.collect();
            let double = ChannelUnfolding {
                x: TensorRef::new(self.x.shape(), &entries)?,
                centring: self.centring,
            };
            return double.project_all(pairs, precision, visit);
        }
        let error = self.rounding_error();
        let vectors = pairs.vectors.as_ref();
        let entries = vectors.col_iter().flat_map(|column| column.iter());
        let entries: Scratch<T> = entries.map(|&entry| T::from_f64(entry)).collect();
        let (rows, columns) = vectors.shape();
        let vectors = MatRef::from_column_major_slice(&entries, rows, columns);
        project_on_columns(self.x, &pairs.values, vectors, &mut |weight, projected| {
            self.centre(projected);
            visit(Projection {
                weight,
                values: projected,
                error,
            });
        })
    }

    /// An estimate of the error of a projected map from products and sums in `f32`:
    /// (√C + 1)·u·(the largest norm of a column of M), with the unit roundoff u. The term √C is for
    /// the sum over the channels, the term 1 for the rounding of the vector. The estimate is
    /// infinite if the products can overflow or underflow. It is 0 if `T` is `f64`.
    fn rounding_error(self) -> f64 {
        if !is_single::<T>() {
            return 0.0;
        }
        let (channels, positions) = (self.x.shape()[0], positions(self.x));
        let mut squares = Scratch::<f64>::zeroed(positions);
        vectorize(
            #[inline(always)]
            || {
                for channel in self.x.data().chunks(positions) {
                    for (sum, entry) in squares.iter_mut().zip(channel) {
                        *sum += entry.as_f64() * entry.as_f64();
                    }
                }
            },
        );
        let longest = squares.iter().copied().fold(0.0, f64::max).sqrt();
        if SAFE_SINGLE_LENGTH.contains(&longest) {
            0.5 * T::EPSILON * (1.0 + (channels as f64).sqrt()) * longest
        } else {
            f64::INFINITY
        }
    }

    /// Centres a projected map of M, if requested. Subtracting the mean of the projected map has
    /// the same effect as centring the rows of M.
    fn centre(self, projected: &mut [f64]) {
        if self.centring {
            subtract_mean(projected);
        }
    }
}

/// The number of positions P.
fn positions<T>(x: TensorRef<'_, T>) -> usize {
    x.data().len() / x.shape()[0]
}

/// Calls `visit` with the weight σᵢ/σ₁ and the projected map of each column of `vectors`.
pub(super) fn project_on_columns<T: Scalar>(
    x: TensorRef<'_, T>,
    values: &[f64],
    vectors: MatRef<'_, T>,
    visit: &mut impl FnMut(f64, &mut [f64]),
) -> Result<()> {
    let positions = positions(x);
    let mut products = Scratch::<T>::unspecified(vectors.ncols() * positions);
    mode_product_into(x, 0, vectors.transpose(), &mut products)?;
    let mut projected = Scratch::zeroed(positions);
    for (&sigma, product) in values.iter().zip(products.chunks(positions)) {
        for (entry, product) in projected.iter_mut().zip(product) {
            *entry = product.as_f64();
        }
        visit(sigma / values[0], &mut projected);
    }
    Ok(())
}
