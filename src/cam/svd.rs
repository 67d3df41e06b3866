//! The singular value decomposition of an unfolding, from the Gram matrix of its
//! smaller side.
//!
//! Write M = Σ σᵢ uᵢ zᵢᵀ for the C×P unfolding, P the number of positions. The
//! projected map of uᵢ is Mᵀuᵢ = σᵢzᵢ, so that where P < C it comes from the
//! P×P Gram matrix alone, and uᵢ is never formed.

use faer::MatRef;

use super::centring::{centre, centre_channel};
use super::projection::{Projection, Request};
use super::weighting::Vectors;
use crate::error::Result;
use crate::linalg::{
    Precision, Side, eigh_in_scratch, gram_in_scratch, leading_pair_in_scratch, trace,
};
use crate::scalar::Scalar;
use crate::simd::{Scratch, vectorize};
use crate::tensor::{TensorRef, mode_product_into};

/// The ratio σ₂/σ₁ above which the first vector does not stand apart.
pub(super) const DEGENERATE_RATIO: f64 = 0.999;

/// The traces of Gram matrices whose entries can be squared without leaving the
/// range of `f64`.
const SAFE_TRACE: std::ops::Range<f64> = 1e-120..1e120;

/// The traces of Gram matrices in `f32` that neither overflow nor lose entries.
const SAFE_SINGLE_TRACE: std::ops::Range<f64> = 1e-20..1e30;

/// The lengths of vectors of which products in `f32` neither overflow nor lose
/// entries.
pub(crate) const SAFE_SINGLE_LENGTH: std::ops::Range<f64> = 1e-25..1e37;

/// The relative gap 1 − σ₂²/σ₁² that is asked of a first vector from an `f32` Gram
/// matrix; more is asked for where centring leaves less of ‖M‖² than there was.
const CLEAR_GAP: f64 = 0.2;

/// ‖E‖/√(max Gᵢᵢ · tr G) of the error E in a Gram matrix G of products in `f32`.
///
/// A run of k = 256 products rounds by u√k/3 of √(Gᵢᵢ·Gⱼⱼ), u = 2⁻²⁴ the unit roundoff,
/// if roundings are independent (Higham & Mary, SIAM J. Sci. Comput. 41, 2019), and
/// the norm of a symmetric matrix of independent entries of variance s²·GᵢᵢGⱼⱼ is at
/// most 2s·√(max Gᵢᵢ · tr G).
const GRAM_ROUNDING: f64 = 2.0 / 3.0 * 16.0 * (0.5 * f32::EPSILON as f64);

/// The share of Σσᵢ² that centring must leave of a Gram matrix: the rounding in the
/// matrix stays that of the uncentred one. Below, the features themselves are centred.
const CENTRED_SHARE: f64 = 0.03;

/// The singular value decomposition of the matrix `m`, C×P, from the Gram
/// matrix of its smaller side, centred if asked; nothing where an entry is not
/// finite, or so large or small that its fourth power leaves the range of `f64`,
/// and where centring would cancel too many digits.
pub(super) fn svd<T: Scalar>(
    m: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(Projection<'_>),
) -> Result<Option<Scratch<f64>>> {
    let unfolding = Unfolding {
        m,
        side: if m.shape()[0] <= m.shape()[1] {
            Side::Mode
        } else {
            Side::Rest
        },
        centring: request.centring,
    };
    if is_single::<T>()
        && request.precision == Precision::Native
        && request.vectors == Vectors::First
        && let Some(values) = unfolding.first_vector_in_single(visit)?
    {
        return Ok(Some(values));
    }
    let mut gram = gram_in_scratch(m, 0, unfolding.side, Precision::Double)?;
    let energy = trace(gram.as_ref());
    if !SAFE_TRACE.contains(&energy) {
        return Ok(None);
    }
    if request.centring {
        centre(gram.as_mut(), m, unfolding.side);
        let share = trace(gram.as_ref()) / energy;
        if !(CENTRED_SHARE..).contains(&share) {
            return Ok(None);
        }
    }
    let gram = gram.as_ref();
    let values = match request.vectors {
        Vectors::First => unfolding.first_vector(gram, visit)?,
        Vectors::All => unfolding.all_vectors(gram, request.precision, visit)?,
    };
    Ok(Some(values))
}

/// The C×P unfolding M of a feature map.
#[derive(Clone, Copy)]
struct Unfolding<'a, T> {
    m: TensorRef<'a, T>,
    /// The smaller side, to which the Gram matrix belongs.
    side: Side,
    /// Whether each row's mean is subtracted.
    centring: bool,
}

impl<T: Scalar> Unfolding<'_, T> {
    /// σ₁ and the first projected map from products in `f32`, which take half the
    /// time; nothing where the second eigenvalue may come too close.
    fn first_vector_in_single(
        self,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<Option<Scratch<f64>>> {
        // 1. The Gram matrix, and the rounding in it.
        let mut gram = gram_in_scratch(self.m, 0, self.side, Precision::Native)?;
        let energy = trace(gram.as_ref());
        if !SAFE_SINGLE_TRACE.contains(&energy) {
            return Ok(None);
        }
        let diagonal = (0..gram.as_ref().nrows()).map(|i| gram.as_ref()[(i, i)]);
        let rounding = GRAM_ROUNDING * (energy * diagonal.fold(0.0, f64::max)).sqrt();
        // 2. What centring leaves of the trace: rounding alone where the mean is
        // large, and that may be negative.
        if self.centring {
            centre(gram.as_mut(), self.m, self.side);
        }
        let share = trace(gram.as_ref()) / energy;
        if !(CLEAR_GAP..).contains(&share) {
            return Ok(None);
        }
        // 3. The first vector. Rounding turns it by ‖E‖/(λ₁ − λ₂) at most (Davis & Kahan)
        // towards vectors whose projected maps are no longer than σ₂.
        let gap = CLEAR_GAP / share;
        let Some((value, vector)) = leading_pair_in_scratch(gram.as_ref(), gap) else {
            return Ok(None);
        };
        let angle = rounding / (gap * value);
        let values = square_roots(&[value]);
        let length = match self.side {
            Side::Mode => ((1.0 - gap) * value).max(0.0).sqrt(),
            Side::Rest => values[0],
        };
        self.project_first(values[0], &vector, length * angle, visit);
        Ok(Some(values))
    }

    /// σ₁ and the first projected map, and σ₂ where it comes close.
    fn first_vector(
        self,
        gram: MatRef<'_, f64>,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<Scratch<f64>> {
        let gap = 1.0 - DEGENERATE_RATIO.powi(2);
        if let Some((value, vector)) = leading_pair_in_scratch(gram, gap) {
            let values = square_roots(&[value]);
            self.project_first(values[0], &vector, 0.0, visit);
            return Ok(values);
        }
        let (eigen, _) = eigh_in_scratch(gram)?;
        let values = square_roots(&eigen.values[..eigen.values.len().min(2)]);
        self.project_first(values[0], eigen.vectors.col(0), 0.0, visit);
        Ok(values)
    }

    /// The first projected map from σ₁ and the leading eigenvector of a Gram matrix.
    fn project_first(
        self,
        sigma: f64,
        vector: &[f64],
        error: f64,
        visit: &mut impl FnMut(Projection<'_>),
    ) {
        let positions = self.m.shape()[1];
        let mut projected = Scratch::zeroed(positions);
        match self.side {
            Side::Rest => {
                for (entry, z) in projected.iter_mut().zip(vector) {
                    *entry = sigma * z;
                }
            }
            Side::Mode => {
                for (weight, channel) in vector.iter().zip(self.m.data().chunks(positions)) {
                    for (entry, feature) in projected.iter_mut().zip(channel) {
                        *entry += weight * feature.as_f64();
                    }
                }
                self.centre_projected(&mut projected);
            }
        }
        visit(Projection {
            weight: 1.0,
            values: &projected,
            error,
        });
    }

    /// Every σᵢ and every projected map.
    fn all_vectors(
        self,
        gram: MatRef<'_, f64>,
        precision: Precision,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<Scratch<f64>> {
        let (eigen, _) = eigh_in_scratch(gram)?;
        let values = square_roots(&eigen.values);
        if self.side == Side::Mode {
            self.project_every(&values, eigen.vectors.as_ref(), precision, visit)?;
            return Ok(values);
        }
        let mut projected = Scratch::zeroed(self.m.shape()[1]);
        for (i, &sigma) in values.iter().enumerate() {
            for (entry, z) in projected.iter_mut().zip(eigen.vectors.col(i)) {
                *entry = sigma * z;
            }
            visit(Projection {
                weight: sigma / values[0],
                values: &projected,
                error: 0.0,
            });
        }
        Ok(values)
    }

    /// The projected maps of all left singular vectors.
    fn project_every(
        self,
        values: &[f64],
        vectors: MatRef<'_, f64>,
        precision: Precision,
        visit: &mut impl FnMut(Projection<'_>),
    ) -> Result<()> {
        if is_single::<T>() && precision == Precision::Double {
            let entries = self.m.data().iter().map(|entry| entry.as_f64());
            let entries: Scratch<f64> = entries.collect();
            let double = Unfolding {
                m: TensorRef::new(self.m.shape(), &entries)?,
                side: self.side,
                centring: self.centring,
            };
            return double.project_every(values, vectors, precision, visit);
        }
        let error = self.projection_error();
        let entries = vectors.col_iter().flat_map(|column| column.iter());
        let entries: Scratch<T> = entries.map(|&entry| T::from_f64(entry)).collect();
        let (rows, columns) = vectors.shape();
        let vectors = MatRef::from_column_major_slice(&entries, rows, columns);
        project_all(self.m, values, vectors, &mut |weight, projected| {
            self.centre_projected(projected);
            visit(Projection {
                weight,
                values: projected,
                error,
            });
        })
    }

    /// The error of a projected map from products and sums in `T`: √C roundings of
    /// the longest column, and that of the vector; infinite where `f32` could overflow
    /// or lose entries.
    fn projection_error(self) -> f64 {
        if !is_single::<T>() {
            return 0.0;
        }
        let [channels, positions] = [self.m.shape()[0], self.m.shape()[1]];
        let mut squares = Scratch::<f64>::zeroed(positions);
        vectorize(
            #[inline(always)]
            || {
                for channel in self.m.data().chunks(positions) {
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

    /// Projected maps of M itself are centred as the rows of M are.
    fn centre_projected(self, projected: &mut [f64]) {
        if self.centring {
            centre_channel(projected);
        }
    }
}

/// Whether products in `T` itself round more than those in `f64`.
fn is_single<T: Scalar>() -> bool {
    T::EPSILON > f64::EPSILON
}

/// The projected maps of every column of `vectors`: calls `visit` with σᵢ/σ₁ and
/// each.
pub(super) fn project_all<T: Scalar>(
    m: TensorRef<'_, T>,
    values: &[f64],
    vectors: MatRef<'_, T>,
    visit: &mut impl FnMut(f64, &mut [f64]),
) -> Result<()> {
    let positions = m.shape()[1];
    let mut products = Scratch::<T>::unspecified(vectors.ncols() * positions);
    mode_product_into(m, 0, vectors.transpose(), &mut products)?;
    let mut projected = Scratch::zeroed(positions);
    for (&sigma, product) in values.iter().zip(products.chunks(positions)) {
        for (entry, product) in projected.iter_mut().zip(product) {
            *entry = product.as_f64();
        }
        visit(sigma / values[0], &mut projected);
    }
    Ok(())
}

/// Singular values from their squares, which rounding may have made negative.
pub(super) fn square_roots(squares: &[f64]) -> Scratch<f64> {
    let values = squares.iter().map(|square| square.max(0.0).sqrt());
    values.collect()
}
