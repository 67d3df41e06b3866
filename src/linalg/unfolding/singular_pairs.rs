//! Singular values of an unfolding, and singular vectors of its smaller side. The Tucker solvers
//! and the saliency maps both use this routine.
//!
//! With M = X₍ₙ₎ = Σ σᵢ uᵢ zᵢᵀ, the Gram matrix of the smaller side is a small square matrix:
//!
//! ```text
//!    rows ≤ columns                        rows > columns
//!   ┌──────────────┐                           ┌───┐
//!   │      M       │   MMᵀ = Σ σᵢ² uᵢuᵢᵀ       │ M │   MᵀM = Σ σᵢ² zᵢzᵢᵀ
//!   └──────────────┘                           │   │
//!                                              └───┘
//! ```
//!
//! There are three ways to compute the pairs of values and vectors. Each keeps more digits than
//! the one before and takes longer. So each is used only if the one before does not resolve the
//! requested vectors:
//!
//! | computation | resolves |
//! | --- | --- |
//! | Gram matrix of products in `f32` (for `f32` entries, [`single`](super::single)) | a tail above 2e-2, or a first vector with a clear gap; smaller tails after an elimination |
//! | Gram matrix of products in `f64` | a tail above [`DOUBLE_TAIL`]; for `f32` entries every tail |
//! | triangular factor R, RᵀR = MMᵀ or RᵀR = MᵀM | every digit of the entries |
//!
//! For r requested vectors, the *tail* is √(Σ_{i > r} σᵢ²)/‖M‖.
//!
//! The Tucker solvers need uᵢ. If the smaller side has zᵢ, they compute an orthonormal basis of the
//! vectors Mzᵢ = σᵢuᵢ ([`left_singular`](super::left_singular::left_singular)). A saliency map
//! needs only Mᵀuᵢ = σᵢzᵢ.

use std::ops::Range;

use super::accuracy::{Accuracy, Precision, Route};
use super::centring::centre;
use super::elimination::Needed;
use super::qr::scaled_triangular_factor;
use super::vectors::{Side, Unfolding};
use crate::error::{Error, Result};
use crate::linalg::small::{
    Columns, Rung, eigh_in_scratch_until, eigh_leading_until, leading_pair_in_scratch_until,
    rescale, right_singular_until,
};
use crate::monitor::Cancellation;
use crate::scalar::{Scalar, binary_exponent, is_single, scale};
use crate::simd::Scratch;
use crate::tensor::{ModeExtents, TensorRef, largest_magnitude};

/// The smallest tail for which a Gram matrix in `f64` is accurate enough. Its rounding error,
/// about n·ε·‖M‖², changes a tail t by the relative amount n·ε/t²: at most 1e-4 for n = 1000.
const DOUBLE_TAIL: f64 = 5e-5;

/// The smallest tail for which products in `f32` are accurate enough. Their rounding errors
/// average out to about 1e-7·‖M‖² in the energy of the leading subspace.
pub(super) const SINGLE_TAIL: f64 = 2e-2;

/// The range of tr G for which a Gram matrix G in `f64` neither overflows nor loses entries.
const DOUBLE_TRACE: Range<f64> = 1e-200..1e250;

/// The minimum share of Σσᵢ² that centring may leave of a Gram matrix in `f64`. With less, the
/// rounding error of the uncentred matrix would be too large for the centred one.
const CENTRED_SHARE: f64 = 0.03;

/// The singular vectors to compute.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The first vector. The values are σ₁ alone if σ₂² ≤ (1 − `gap`)·σ₁², else σ₁ and σ₂.
    First {
        /// The relative gap.
        gap: f64,
    },
    /// The first r vectors.
    Leading {
        /// Gets all singular values and returns r. If r is above their number, all vectors are
        /// computed.
        count: &'a dyn Fn(&[f64]) -> usize,
        /// The tail that must be resolved, if it is known before.
        needed: Option<Needed>,
    },
    /// All vectors.
    All,
}

/// What to compute of an unfolding, and how.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The singular vectors.
    pub(crate) wanted: Wanted<'a>,
    /// The number of digits.
    pub(crate) accuracy: Accuracy,
    /// Ends the computation when it is set.
    pub(crate) cancellation: Cancellation<'a>,
}

/// Singular values of an unfolding M, and singular vectors of its smaller side.
pub(crate) struct SingularPairs {
    /// The side of the vectors.
    pub(crate) side: Side,
    /// The singular values of M·2⁻ᵉ, largest first. For [`Wanted::First`] one or two of them,
    /// otherwise all.
    pub(crate) values: Scratch<f64>,
    /// The exponent e. It is 0 unless squares of the entries are outside the range of `f64`.
    pub(crate) exponent: i32,
    /// The singular vectors, one in each column: uᵢ for the side of the rows of M, zᵢ for the
    /// side of its columns.
    pub(crate) vectors: Columns,
    /// For [`Wanted::First`], an estimated bound on the error of the entries of Mᵀu₁ = σ₁z₁ that
    /// products in `f32` cause. Otherwise 0.
    pub(crate) error: f64,
    /// Gram matrix or QR.
    pub(crate) route: Route,
    /// The rung on which the eigensolver converged.
    pub(crate) rung: Rung,
}

impl SingularPairs {
    /// The tail: √(Σσᵢ²) over the values without a vector, divided by √(Σσᵢ²) over all values.
    pub(super) fn tail(&self) -> f64 {
        tail(&self.values, self.vectors.ncols())
    }
}

/// √(Σσᵢ²) over the values from `rank` on, divided by √(Σσᵢ²) over all values.
fn tail(values: &[f64], rank: usize) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0);
    let energy = |values: &[f64]| {
        let squares = values.iter().map(|value| (value / largest).powi(2));
        squares.sum::<f64>()
    };
    (energy(&values[rank..]) / energy(values)).sqrt()
}

/// Whether the eigenvalues of a Gram matrix in `f64` have the requested digits, where `rank` vectors
/// are kept. For `f32` entries this is always true: the matrix resolves singular values down to
/// 1e-8·σ₁, which is below the ε of `f32`.
pub(crate) fn gram_resolves<T: Scalar>(values: &[f64], rank: usize) -> bool {
    is_single::<T>() || tail(values, rank) > DOUBLE_TAIL
}

/// The singular values of the mode-n unfolding of `x`, and singular vectors of its smaller side.
/// `x` must have entries.
///
/// Cost of a Gram matrix of order n: |X|·n flops, and at most 9·n³ for its eigenproblem. Cost of
/// the triangular factor: 2·|X|·n flops, and 20·n³ for its singular vectors.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::NonFinite`], [`Error::NoConvergence`],
/// [`Error::Cancelled`]; [`Error::ResultOutOfRange`] for [`Wanted::Leading`] if σ₁ is above the
/// largest `f64`.
pub(crate) fn singular_pairs<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    request: Request<'_>,
) -> Result<SingularPairs> {
    let smaller = SmallerSide::new(x, mode, request, false)?;
    // 1. Products in f32.
    if let Some(pairs) = smaller.pairs_in_single()? {
        return Ok(pairs);
    }
    // 2. Products in f64.
    if request.accuracy.route != Route::Qr {
        let (gram, exponent) = smaller.double_gram()?;
        let pairs = smaller.eigenpairs(&gram, exponent)?;
        if smaller.is_resolved(&pairs) {
            return Ok(pairs);
        }
    }
    // 3. The triangular factor.
    smaller.pairs_of_triangular_factor()
}

/// [`singular_pairs`] of the unfolding with the mean of each row subtracted, by
/// [`Route::Gram`]. `None` if subtracting cancels too many digits of the Gram matrix, or if
/// squares of the entries are outside the range of `f64`. Then the caller scales the entries and
/// subtracts the means from them.
///
/// # Errors
/// The errors of [`singular_pairs`].
pub(crate) fn centred_pairs<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    request: Request<'_>,
) -> Result<Option<SingularPairs>> {
    let smaller = SmallerSide::new(x, mode, request, true)?;
    // 1. Products in f32.
    if let Some(pairs) = smaller.pairs_in_single()? {
        return Ok(Some(pairs));
    }
    // 2. Products in f64.
    let (mut gram, exponent) = smaller.double_gram()?;
    if exponent != 0 {
        return Ok(None);
    }
    let energy = trace(&gram);
    centre(gram.as_mut(), x, smaller.around, smaller.side);
    if !(CENTRED_SHARE..).contains(&(trace(&gram) / energy)) {
        return Ok(None);
    }
    smaller.eigenpairs(&gram, 0).map(Some)
}

/// The smaller side of an unfolding M, and what to compute of it.
#[derive(Clone, Copy)]
pub(super) struct SmallerSide<'a, T> {
    pub(super) x: TensorRef<'a, T>,
    pub(super) around: ModeExtents,
    pub(super) unfolding: Unfolding<'a, T>,
    pub(super) side: Side,
    pub(super) request: Request<'a>,
    /// Whether the mean of each row is subtracted.
    pub(super) centred: bool,
}

impl<'a, T: Scalar> SmallerSide<'a, T> {
    fn new(x: TensorRef<'a, T>, mode: usize, request: Request<'a>, centred: bool) -> Result<Self> {
        let around = x.extents(mode)?;
        let side = Side::smaller(around);
        Ok(Self {
            x,
            around,
            unfolding: Unfolding::new(x, around, side).cancelled_by(request.cancellation),
            side,
            request,
            centred,
        })
    }

    /// The Gram matrix of X·2⁻ᵉ from products in `f64`, and e. The exponent is 0 unless squares
    /// of the entries are outside the range of `f64`.
    fn double_gram(&self) -> Result<(Columns, i32)> {
        let gram = self.unfolding.gram(Precision::Double)?;
        if DOUBLE_TRACE.contains(&trace(&gram)) {
            return Ok((gram, 0));
        }
        let exponent = binary_exponent(largest_magnitude(self.x)?);
        Ok((self.unfolding.scaled_gram(exponent)?, exponent))
    }

    /// Whether the pairs from a Gram matrix in `f64` have the requested digits.
    fn is_resolved(&self, pairs: &SingularPairs) -> bool {
        self.request.accuracy.route == Route::Gram
            || gram_resolves::<T>(&pairs.values, pairs.vectors.ncols())
    }

    /// The pairs from the eigenvalues and eigenvectors of a Gram matrix of X·2⁻ᵉ.
    pub(super) fn eigenpairs(&self, gram: &Columns, exponent: i32) -> Result<SingularPairs> {
        let (gram, cancellation) = (gram.as_ref(), self.request.cancellation);
        let pairs = match self.request.wanted {
            Wanted::First { gap } => {
                match leading_pair_in_scratch_until(gram, gap, cancellation)? {
                    Some((value, vector)) => {
                        self.pairs(square_roots(&[value]), Columns::from_column(vector))
                    }
                    None => {
                        let (eigen, rung) = eigh_in_scratch_until(gram, cancellation)?;
                        let two = &eigen.values[..eigen.values.len().min(2)];
                        SingularPairs {
                            rung,
                            ..self.pairs(square_roots(two), eigen.vectors)
                        }
                    }
                }
            }
            Wanted::Leading { count, .. } => {
                let singular = |eigenvalues: &[f64]| {
                    let mut values = square_roots(eigenvalues);
                    rescale(&mut values, exponent);
                    values
                };
                let count = |eigenvalues: &[f64]| count(&singular(eigenvalues));
                let eigen = eigh_leading_until(gram, count, cancellation)?;
                let values = square_roots(&eigen.values);
                check_range(values.first().copied().unwrap_or(0.0), exponent)?;
                SingularPairs {
                    rung: eigen.rung,
                    ..self.pairs(values, Columns::copied(eigen.vectors.as_ref()))
                }
            }
            Wanted::All => {
                let (eigen, rung) = eigh_in_scratch_until(gram, cancellation)?;
                SingularPairs {
                    rung,
                    ..self.pairs(square_roots(&eigen.values), eigen.vectors)
                }
            }
        };
        Ok(SingularPairs { exponent, ..pairs })
    }

    /// The pairs from the singular values and right singular vectors of the triangular factor.
    fn pairs_of_triangular_factor(&self) -> Result<SingularPairs> {
        let (r, exponent) = scaled_triangular_factor(self.x, self.unfolding)?;
        let svd = right_singular_until(r.as_ref(), self.request.cancellation)?;
        check_range(svd.values.first().copied().unwrap_or(0.0), exponent)?;
        let count = match self.request.wanted {
            Wanted::First { .. } => 1,
            Wanted::Leading { count, .. } => {
                let mut values = svd.values.clone();
                rescale(&mut values, exponent);
                count(&values)
            }
            Wanted::All => svd.values.len(),
        };
        let leading = svd.vectors.get(.., ..count.min(svd.values.len()));
        Ok(SingularPairs {
            exponent,
            route: Route::Qr,
            rung: svd.rung,
            ..self.pairs(Scratch::copied(&svd.values), Columns::copied(leading))
        })
    }

    /// Pairs from a Gram matrix of X itself, by the eigensolver that is tried first.
    pub(super) fn pairs(&self, values: Scratch<f64>, vectors: Columns) -> SingularPairs {
        SingularPairs {
            side: self.side,
            values,
            exponent: 0,
            vectors,
            error: 0.0,
            route: Route::Gram,
            rung: Rung::default(),
        }
    }
}

/// Singular values from the eigenvalues of a Gram matrix. Eigenvalues that are negative because
/// of rounding give 0.
pub(crate) fn square_roots(eigenvalues: &[f64]) -> Scratch<f64> {
    let roots = eigenvalues.iter().map(|value| value.max(0.0).sqrt());
    roots.collect()
}

/// Multiplies singular values, largest first, by 2ᵉ.
///
/// # Errors
/// [`Error::ResultOutOfRange`] if the first product is above the largest `f64`.
pub(crate) fn rescale_singular_values(values: &mut [f64], exponent: i32) -> Result<()> {
    check_range(values.first().copied().unwrap_or(0.0), exponent)?;
    rescale(values, exponent);
    Ok(())
}

/// Fails if the singular value `largest`·2ᵉ is above the largest `f64`.
fn check_range(largest: f64, exponent: i32) -> Result<()> {
    if scale(largest, exponent).is_infinite() {
        return Err(Error::ResultOutOfRange {
            what: "a singular value",
            exponent: binary_exponent(largest) + exponent,
            scalar: f64::NAME,
        });
    }
    Ok(())
}

/// The sum of the diagonal entries.
pub(super) fn trace(a: &Columns) -> f64 {
    (0..a.ncols()).map(|i| a.as_ref()[(i, i)]).sum()
}
