//! Singular values and vectors of the smaller side of an unfolding: the one routine below the
//! Tucker solvers and the saliency maps.
//!
//! With M = X₍ₙ₎ = Σ σᵢ uᵢ zᵢᵀ, the smaller side has a small square matrix:
//!
//! ```text
//!    rows ≤ columns                        rows > columns
//!   ┌──────────────┐                           ┌───┐
//!   │      M       │   MMᵀ = Σ σᵢ² uᵢuᵢᵀ       │ M │   MᵀM = Σ σᵢ² zᵢzᵢᵀ
//!   └──────────────┘                           │   │
//!                                              └───┘
//! ```
//!
//! Three computations find the pairs. Each keeps more digits than the one before and takes
//! longer, so each runs only where the one before cannot resolve what is asked for:
//!
//! | computation | resolves |
//! | --- | --- |
//! | Gram matrix of products in `f32` (for `f32` entries) | a tail above [`SINGLE_TAIL`], or a first vector with a clear gap |
//! | Gram matrix of products in `f64` | a tail above [`DOUBLE_TAIL`]; for `f32` entries every tail |
//! | triangular factor R, MMᵀ = RᵀR or MᵀM = RᵀR | every digit of the entries |
//!
//! The *tail* is √(Σ_{i ≥ r} σᵢ²)/‖M‖, r the number of vectors asked for. A caller who needs
//! uᵢ of the longer side lifts zᵢ: uᵢ = Mzᵢ/σᵢ
//! ([`left_singular`](super::left_singular::left_singular)). A saliency map needs
//! Mᵀuᵢ = σᵢzᵢ and nothing else.

use std::ops::Range;

use super::centring::centre;
use super::gram::{Precision, Side, Unfolding};
use super::qr::scaled_triangular_factor;
use crate::error::{Error, Result};
use crate::linalg::small::{
    Columns, Rung, eigh_in_scratch_until, eigh_leading_until, leading_pair_in_scratch_until,
    rescale, right_singular_until,
};
use crate::monitor::Cancellation;
use crate::names::named;
use crate::scalar::{Scalar, binary_exponent, is_single, scale};
use crate::simd::Scratch;
use crate::tensor::{ModeExtents, TensorRef, largest_magnitude};

/// How singular vectors of an unfolding are computed.
///
/// ```
/// use tenfold::{Hosvd, Route, Tensor};
/// let x = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1e-10])?;
/// let every_digit = Hosvd { route: Route::Qr, ..Hosvd::new([1, 1]) };
/// assert_eq!(every_digit.decompose(&x)?.spectrum(0), Some(&[1.0, 1e-10][..]));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// The Gram matrix where its rounding does not show in the result, QR elsewhere.
    #[default]
    Auto,
    /// Eigenvectors of the Gram matrix: the fastest route. It cannot resolve singular values
    /// below √ε·σ₁, with ε of `f64`.
    Gram,
    /// Singular vectors of the triangular factor: all digits.
    Qr,
}

named!(Route, "route", Auto => "auto", Gram => "gram", Qr => "qr");

/// With how many digits singular vectors of an unfolding are computed.
///
/// ```
/// use tenfold::linalg::{Accuracy, Precision};
/// use tenfold::Route;
/// let accuracy = Accuracy { route: Route::Qr, ..Accuracy::default() };
/// assert_eq!(accuracy.precision, Precision::Native);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accuracy {
    /// The route.
    pub route: Route,
    /// The precision of the products with which a Gram matrix starts.
    pub precision: Precision,
}

/// [`Route::Auto`], starting with products in the precision of the tensor.
impl Default for Accuracy {
    fn default() -> Self {
        Self {
            route: Route::default(),
            precision: Precision::Native,
        }
    }
}

/// The tail down to which a Gram matrix in `f64` is trusted. Its rounding, about n·ε·‖M‖²,
/// changes a tail t by the relative amount n·ε/t²: at most 1e-4 for n = 1000.
const DOUBLE_TAIL: f64 = 5e-5;

/// The tail down to which products in `f32` are trusted. Their rounding averages out to about
/// 1e-7·‖M‖² in the energy of the leading subspace.
const SINGLE_TAIL: f64 = 2e-2;

/// The longer side over the shorter, up to which the eigenproblem takes longer than the Gram
/// matrix. Below it the computation starts with products in `f64`, so that it never solves
/// the eigenproblem twice.
const SHORT: usize = 8;

/// The traces of Gram matrices in `f32` that neither overflow nor lose entries.
const SINGLE_TRACE: Range<f64> = 1e-20..1e30;

/// The same for `f64`.
const DOUBLE_TRACE: Range<f64> = 1e-200..1e250;

/// The relative gap 1 − σ₂²/σ₁² that a first vector from an `f32` Gram matrix needs. Where
/// centring leaves a share s of ‖M‖², it needs this gap divided by s.
const CLEAR_GAP: f64 = 0.2;

/// The share of Σσᵢ² that centring must leave of a Gram matrix in `f64`, so that the rounding
/// is that of the uncentred matrix.
const CENTRED_SHARE: f64 = 0.03;

/// ‖E‖/√(max Gᵢᵢ · tr G) of the error E in a Gram matrix G of products in `f32`.
///
/// A run of k = 256 products rounds by u√k/3 of √(Gᵢᵢ·Gⱼⱼ), u = 2⁻²⁴ the unit roundoff,
/// if roundings are independent (Higham & Mary, SIAM J. Sci. Comput. 41, 2019), and
/// the norm of a symmetric matrix of independent entries of variance s²·GᵢᵢGⱼⱼ is at
/// most 2s·√(max Gᵢᵢ · tr G).
const GRAM_ROUNDING: f64 = 2.0 / 3.0 * 16.0 * (0.5 * f32::EPSILON as f64);

/// Which singular vectors are asked for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The first. If it stands apart, σ₂² ≤ (1 − `gap`)·σ₁², then σ₁ alone is computed; else
    /// σ₁ and σ₂.
    First {
        /// The gap.
        gap: f64,
    },
    /// As many as this function makes of all singular values; all where it makes more.
    Leading(&'a dyn Fn(&[f64]) -> usize),
    /// All.
    All,
}

/// What is asked of an unfolding.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Which vectors.
    pub(crate) wanted: Wanted<'a>,
    /// With how many digits.
    pub(crate) accuracy: Accuracy,
    /// Ends the computation on request.
    pub(crate) cancellation: Cancellation<'a>,
}

/// Singular values of an unfolding M, and singular vectors of its smaller side.
pub(crate) struct SingularPairs {
    /// The side of the vectors.
    pub(crate) side: Side,
    /// The singular values of M·2⁻ᵉ, largest first: all of them, or those that
    /// [`Wanted::First`] asks for.
    pub(crate) values: Scratch<f64>,
    /// The exponent e; not 0 only where squares of the entries leave the range of `f64`.
    pub(crate) exponent: i32,
    /// The singular vectors, one column each: of M's rows (uᵢ) or of its columns (zᵢ).
    pub(crate) vectors: Columns,
    /// For [`Wanted::First`] an estimate from above of how far the rounding of products in
    /// `f32` moves an entry of Mᵀu₁ = σ₁z₁; else 0.
    pub(crate) error: f64,
    /// The route that was taken.
    pub(crate) route: Route,
    /// The computation that converged.
    pub(crate) rung: Rung,
}

impl SingularPairs {
    /// √(Σσᵢ²) over the values without a vector, relative to that of all.
    fn tail(&self) -> f64 {
        let largest = self.values.first().copied().unwrap_or(0.0);
        let energy = |values: &[f64]| {
            let squares = values.iter().map(|value| (value / largest).powi(2));
            squares.sum::<f64>()
        };
        (energy(&self.values[self.vectors.ncols()..]) / energy(&self.values)).sqrt()
    }
}

/// The singular values of the mode-n unfolding of `x`, which has entries, and singular vectors
/// of its smaller side.
///
/// |X|·n flops for a Gram matrix of order n and at most 9·n³ for its eigenproblem; 2·|X|·n and
/// 20·n³ for the triangular factor.
///
/// # Errors
/// [`Error::ModeOutOfRange`], [`Error::NonFinite`], [`Error::NoConvergence`],
/// [`Error::Cancelled`]; [`Error::ResultOutOfRange`] where a singular value that
/// [`Wanted::Leading`] asks for is above the largest `f64`.
pub(crate) fn singular_pairs<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    request: Request<'_>,
) -> Result<SingularPairs> {
    let smaller = SmallerSide::new(x, mode, request, false)?;
    // 1. Products in f32.
    if smaller.can_start_in_single()
        && let Some(pairs) = smaller.from_single_gram()?
    {
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
    smaller.from_triangular_factor()
}

/// [`singular_pairs`] of the unfolding with the mean of each row subtracted, by
/// [`Route::Gram`]. `None` where that cancels too many digits of the Gram matrix, and where
/// squares of the entries leave the range of `f64`: the caller then scales the entries and
/// subtracts the means from them.
///
/// # Errors
/// Those of [`singular_pairs`].
pub(crate) fn centred_pairs<T: Scalar>(
    x: TensorRef<'_, T>,
    mode: usize,
    request: Request<'_>,
) -> Result<Option<SingularPairs>> {
    let smaller = SmallerSide::new(x, mode, request, true)?;
    // 1. Products in f32.
    if smaller.can_start_in_single()
        && let Some(pairs) = smaller.from_single_gram()?
    {
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

/// The smaller side of an unfolding M, and what is asked of it.
#[derive(Clone, Copy)]
struct SmallerSide<'a, T> {
    x: TensorRef<'a, T>,
    around: ModeExtents,
    unfolding: Unfolding<'a, T>,
    side: Side,
    request: Request<'a>,
    /// Whether the mean of each row is subtracted.
    centred: bool,
}

impl<'a, T: Scalar> SmallerSide<'a, T> {
    fn new(x: TensorRef<'a, T>, mode: usize, request: Request<'a>, centred: bool) -> Result<Self> {
        let around = x.extents(mode)?;
        let side = Side::smaller(around);
        Ok(Self {
            x,
            around,
            unfolding: Unfolding::new(x, around, side).until(request.cancellation),
            side,
            request,
            centred,
        })
    }

    /// Whether products in `f32` may suffice.
    fn can_start_in_single(&self) -> bool {
        let Accuracy { route, precision } = self.request.accuracy;
        if !is_single::<T>() || precision == Precision::Double || route == Route::Qr {
            return false;
        }
        match self.request.wanted {
            Wanted::First { .. } => true,
            Wanted::Leading(_) => {
                let (rows, columns) = (self.around.extent, self.around.columns());
                let is_short = rows.max(columns) <= SHORT * rows.min(columns);
                !self.centred && (route == Route::Gram || !is_short)
            }
            Wanted::All => false,
        }
    }

    /// The pairs from a Gram matrix of products in `f32`; `None` where it cannot resolve them.
    fn from_single_gram(&self) -> Result<Option<SingularPairs>> {
        let gram = self.unfolding.gram(Precision::Native)?;
        let energy = trace(&gram);
        if !SINGLE_TRACE.contains(&energy) {
            return Ok(None);
        }
        match self.request.wanted {
            Wanted::First { .. } => self.first_pair_in_single(gram, energy),
            Wanted::Leading(_) | Wanted::All => {
                let pairs = self.eigenpairs(&gram, 0)?;
                let route = self.request.accuracy.route;
                let resolved = route == Route::Gram || pairs.tail() > SINGLE_TAIL;
                Ok(resolved.then_some(pairs))
            }
        }
    }

    /// The first pair from a Gram matrix of products in `f32`, whose trace is `energy`; `None`
    /// where the second eigenvalue may come too close.
    fn first_pair_in_single(
        &self,
        mut gram: Columns,
        energy: f64,
    ) -> Result<Option<SingularPairs>> {
        // 1. The rounding in the Gram matrix.
        let diagonal = (0..gram.ncols()).map(|i| gram.as_ref()[(i, i)]);
        let rounding = GRAM_ROUNDING * (energy * diagonal.fold(0.0, f64::max)).sqrt();
        // 2. The share of the trace that centring leaves. With a large mean the difference
        // consists of rounding and may be negative.
        if self.centred {
            centre(gram.as_mut(), self.x, self.around, self.side);
        }
        let share = trace(&gram) / energy;
        if !(CLEAR_GAP..).contains(&share) {
            return Ok(None);
        }
        // 3. The first vector. Rounding turns it by at most ‖E‖/(λ₁ − λ₂) (Davis & Kahan),
        // towards vectors v with ‖Mᵀv‖ ≤ σ₂.
        let gap = CLEAR_GAP / share;
        let cancellation = self.request.cancellation;
        let pair = leading_pair_in_scratch_until(gram.as_ref(), gap, cancellation)?;
        let Some((value, vector)) = pair else {
            return Ok(None);
        };
        let angle = rounding / (gap * value);
        let values = square_roots(&[value]);
        let length = match self.side {
            Side::Mode => ((1.0 - gap) * value).max(0.0).sqrt(),
            Side::Rest => values[0],
        };
        Ok(Some(SingularPairs {
            error: length * angle,
            ..self.pairs(values, Columns::from_column(vector))
        }))
    }

    /// The Gram matrix of X·2⁻ᵉ of products in `f64`, and e: not 0 only where squares of the
    /// entries leave the range.
    fn double_gram(&self) -> Result<(Columns, i32)> {
        let gram = self.unfolding.gram(Precision::Double)?;
        if DOUBLE_TRACE.contains(&trace(&gram)) {
            return Ok((gram, 0));
        }
        let exponent = binary_exponent(largest_magnitude(self.x)?);
        Ok((self.unfolding.scaled_gram(exponent)?, exponent))
    }

    /// Whether the pairs from a Gram matrix in `f64` are right to the digits asked for. For
    /// `f32` entries they are: singular values are resolved down to 1e-8·σ₁, below the ε of
    /// `f32`.
    fn is_resolved(&self, pairs: &SingularPairs) -> bool {
        is_single::<T>() || self.request.accuracy.route == Route::Gram || pairs.tail() > DOUBLE_TAIL
    }

    /// The pairs from the eigenpairs of a Gram matrix of X·2⁻ᵉ.
    fn eigenpairs(&self, gram: &Columns, exponent: i32) -> Result<SingularPairs> {
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
            Wanted::Leading(count) => {
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
    fn from_triangular_factor(&self) -> Result<SingularPairs> {
        let (r, exponent) = scaled_triangular_factor(self.x, self.unfolding)?;
        let svd = right_singular_until(r.as_ref(), self.request.cancellation)?;
        check_range(svd.values.first().copied().unwrap_or(0.0), exponent)?;
        let count = match self.request.wanted {
            Wanted::First { .. } => 1,
            Wanted::Leading(count) => {
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

    /// Pairs from a Gram matrix of X itself, on the first rung.
    fn pairs(&self, values: Scratch<f64>, vectors: Columns) -> SingularPairs {
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

/// Singular values from eigenvalues of a Gram matrix, which rounding can make negative.
pub(crate) fn square_roots(eigenvalues: &[f64]) -> Scratch<f64> {
    let roots = eigenvalues.iter().map(|value| value.max(0.0).sqrt());
    roots.collect()
}

/// σᵢ·2ᵉ for singular values, largest first.
///
/// # Errors
/// [`Error::ResultOutOfRange`] where the largest is then above the largest `f64`.
pub(crate) fn rescale_singular_values(values: &mut [f64], exponent: i32) -> Result<()> {
    check_range(values.first().copied().unwrap_or(0.0), exponent)?;
    rescale(values, exponent);
    Ok(())
}

/// Fails where the singular value `largest`·2ᵉ is above the largest `f64`.
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

/// Σ of a matrix's diagonal.
fn trace(a: &Columns) -> f64 {
    (0..a.ncols()).map(|i| a.as_ref()[(i, i)]).sum()
}
