//! Projected maps from the singular value decomposition of the channel unfolding.
//!
//! Write M = Σ σᵢ uᵢ zᵢᵀ for the C×P unfolding, P the number of positions. The projected map of
//! uᵢ is Mᵀuᵢ = σᵢzᵢ. Where P < C, zᵢ comes from the P×P Gram matrix, and uᵢ is never formed:
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

/// The ratio σ₂/σ₁ above which the first vector does not stand apart.
pub(super) const DEGENERATE_RATIO: f64 = 0.999;

/// The lengths of vectors of which products in `f32` neither overflow nor lose
/// entries.
pub(crate) const SAFE_SINGLE_LENGTH: std::ops::Range<f64> = 1e-25..1e37;

/// The singular values of the channel unfolding of `x`, centred if asked. Calls `visit` with each
/// projected map that is asked for; with none for a zero matrix. `None` where the caller
/// has to scale the entries or to subtract the means from them: squares of the entries leave
/// the range of `f64`, or centring cancels too many digits of the Gram matrix.
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
    let of_pairs = linalg::Request {
        wanted,
        accuracy: Accuracy {
            route: Route::Gram,
            precision: request.precision,
        },
        cancellation: request.cancellation,
    };
    let pairs = if request.centring {
        centred_pairs(x, 0, of_pairs)?
    } else {
        Some(singular_pairs(x, 0, of_pairs)?)
    };
    let Some(pairs) = pairs.filter(|pairs| pairs.exponent == 0) else {
        return Ok(None);
    };
    if pairs.values[0] > 0.0 {
        let projecting = Projecting {
            x,
            centring: request.centring,
        };
        match (pairs.side, request.vectors) {
            (Side::Rest, vectors) => scale_vectors(&pairs, vectors, visit),
            (Side::Mode, Vectors::First) => projecting.first(&pairs, visit),
            (Side::Mode, Vectors::All) => projecting.all(&pairs, request.precision, visit)?,
        }
    }
    Ok(Some(pairs.values))
}

/// The projected maps σᵢzᵢ.
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

/// A feature map; the left singular vectors of its C×P channel unfolding M are projected.
#[derive(Clone, Copy)]
struct Projecting<'a, T> {
    x: TensorRef<'a, T>,
    /// Whether the mean of each row of M is subtracted.
    centring: bool,
}

impl<T: Scalar> Projecting<'_, T> {
    /// The projected map Mᵀu₁, in `f64`.
    fn first(self, pairs: &SingularPairs, visit: &mut impl FnMut(Projection<'_>)) {
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

    /// The projected maps Mᵀuᵢ of all left singular vectors.
    fn all(
        self,
        pairs: &SingularPairs,
        precision: Precision,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<()> {
        if is_single::<T>() && precision == Precision::Double {
            let entries = self.x.data().iter().map(|entry| entry.as_f64());
            let entries: Scratch<f64> = entries.collect();
            let double = Projecting {
                x: TensorRef::new(self.x.shape(), &entries)?,
                centring: self.centring,
            };
            return double.all(pairs, precision, visit);
        }
        let error = self.rounding();
        let vectors = pairs.vectors.as_ref();
        let entries = vectors.col_iter().flat_map(|column| column.iter());
        let entries: Scratch<T> = entries.map(|&entry| T::from_f64(entry)).collect();
        let (rows, columns) = vectors.shape();
        let vectors = MatRef::from_column_major_slice(&entries, rows, columns);
        project_all(self.x, &pairs.values, vectors, &mut |weight, projected| {
            self.centre(projected);
            visit(Projection {
                weight,
                values: projected,
                error,
            });
        })
    }

    /// The error of a projected map from products and sums in `T`: √C roundings of
    /// the longest column, and the rounding of the vector. Infinite where `f32` could overflow
    /// or lose entries.
    fn rounding(self) -> f64 {
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

    /// Subtracts the mean of a projected map of M itself, as centring the rows of M does.
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

/// The projected maps of every column of `vectors`: calls `visit` with σᵢ/σ₁ and
/// each.
pub(super) fn project_all<T: Scalar>(
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
