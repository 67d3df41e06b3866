//! Singular pairs from a Gram matrix of products in `f32`, and when it resolves them.
//!
//! ```text
//!   leading vectors, and the needed tail is known        anything else
//!                    │                                         │
//!           a sample of the vectors (`elimination`)            │
//!        ┌───────────┼────────────────┐                        │
//!     large tail   small tail     no estimate                  │
//!        │      few directions        │                        │
//!        │           ▼                ▼                        ▼
//!        │   eliminate, products   products in f32       products in f32
//!        │      in f32                │                        │
//!        └───────────┴────────────────┴──── resolved? ─────────┘
//!                                             no: products in `f64` (`singular_pairs`)
//! ```

use std::ops::Range;

use super::accuracy::{Accuracy, Precision, Route};
use super::centring::centre;
use super::elimination::{Needed, Plan};
use super::singular_pairs::{
    Request, SINGLE_TAIL, SingularPairs, SmallerSide, Wanted, square_roots, trace,
};
use super::vectors::Side;
use crate::error::Result;
use crate::linalg::small::{Columns, leading_pair_in_scratch_until};
use crate::scalar::{Scalar, is_single};
use crate::simd::Elimination;

/// The largest norm of rows after an elimination, relative to a tail with which energies are
/// compared. Their errors are then at most 4e-5 of the tail's energy.
const ENERGY_ROWS: f64 = 20.0;

/// The largest ratio of the longer side to the shorter for which the eigenproblem takes longer
/// than the Gram matrix. Up to this ratio, the computation starts with products in `f64`, so that
/// it does not solve the eigenproblem twice.
const SHORT: usize = 8;

/// The range of tr G for which a Gram matrix G in `f32` neither overflows nor loses entries.
pub(super) const SINGLE_TRACE: Range<f64> = 1e-20..1e30;

/// The minimum relative gap 1 − σ₂²/σ₁² for a first vector from a Gram matrix in `f32`. If
/// centring leaves a share s of ‖M‖², the minimum is this number divided by s.
const CLEAR_GAP: f64 = 0.2;

/// An estimate of ‖E‖/√(max Gᵢᵢ · tr G) for the rounding error E of a Gram matrix G of products
/// in `f32`.
///
/// Let u = 2⁻²⁴ be the unit roundoff, and let roundings be independent. The error of a run of
/// k = 256 products in entry (i, j) is then s·√(Gᵢᵢ·Gⱼⱼ) with s = u√k/3 (Higham & Mary, SIAM J.
/// Sci. Comput. 41, 2019). A symmetric matrix of independent entries with variances s²·Gᵢᵢ·Gⱼⱼ
/// has a norm of at most 2s·√(max Gᵢᵢ · tr G).
const GRAM_ROUNDING: f64 = 2.0 / 3.0 * 16.0 * (0.5 * f32::EPSILON as f64);

impl<T: Scalar> SmallerSide<'_, T> {
    /// Whether products in `f32` may suffice.
    fn can_start_in_single(&self) -> bool {
        let Accuracy { route, precision } = self.request.accuracy;
        if !is_single::<T>() || precision == Precision::Double || route == Route::Qr {
            return false;
        }
        match self.request.wanted {
            Wanted::First { .. } => true,
            Wanted::Leading { .. } => {
                let (rows, columns) = (self.around.extent, self.around.columns());
                let is_short = rows.max(columns) <= SHORT * rows.min(columns);
                !self.centred && (route == Route::Gram || !is_short)
            }
            Wanted::All => false,
        }
    }

    /// The pairs from a Gram matrix of products in `f32`. `None` if it does not resolve them.
    pub(super) fn pairs_in_single(&self) -> Result<Option<SingularPairs>> {
        if let Some(needed) = self.needed() {
            match self.unfolding.plan(needed, SINGLE_TAIL)? {
                Some(Plan::Eliminate(elimination)) => {
                    return self.pairs_after_elimination(needed, &elimination);
                }
                Some(Plan::Double) => return Ok(None),
                Some(Plan::Single) | None => {}
            }
        }
        if !self.can_start_in_single() {
            return Ok(None);
        }
        let gram = self.unfolding.gram(Precision::Native)?;
        let energy = trace(&gram);
        if !SINGLE_TRACE.contains(&energy) {
            return Ok(None);
        }
        match self.request.wanted {
            Wanted::First { .. } => self.first_pair_in_single(gram, energy),
            Wanted::Leading { .. } | Wanted::All => {
                let pairs = self.eigenpairs(&gram, 0)?;
                let route = self.request.accuracy.route;
                let resolved = route == Route::Gram || pairs.tail() > SINGLE_TAIL;
                Ok(resolved.then_some(pairs))
            }
        }
    }

    /// The tail for which a sample decides how products are computed.
    fn needed(&self) -> Option<Needed> {
        let Request {
            wanted, accuracy, ..
        } = self.request;
        let applies = is_single::<T>() && accuracy.route == Route::Auto && !self.centred;
        match wanted {
            Wanted::Leading { needed, .. } if applies => needed,
            _ => None,
        }
    }

    /// The pairs from a Gram matrix of products in `f32` after an elimination. `None` if it does
    /// not resolve them.
    fn pairs_after_elimination(
        &self,
        needed: Needed,
        elimination: &Elimination<T>,
    ) -> Result<Option<SingularPairs>> {
        let (gram, remaining) = self.unfolding.eliminated_gram(elimination)?;
        let energy = trace(&gram);
        if !SINGLE_TRACE.contains(&energy) || !SINGLE_TRACE.contains(&remaining) {
            return Ok(None);
        }
        let rows = (remaining / energy).sqrt();
        if matches!(needed, Needed::Tail(tail) if rows > ENERGY_ROWS * tail) {
            return Ok(None);
        }
        let pairs = self.eigenpairs(&gram, 0)?;
        let resolved = match needed {
            Needed::Rank(_) => pairs.tail() > SINGLE_TAIL * rows,
            Needed::Tail(_) => true,
        };
        Ok(resolved.then_some(pairs))
    }

    /// The first pair from a Gram matrix of products in `f32` with the trace `energy`. `None` if
    /// the gap to the second eigenvalue may be too small.
    fn first_pair_in_single(
        &self,
        mut gram: Columns,
        energy: f64,
    ) -> Result<Option<SingularPairs>> {
        // 1. Estimate the rounding error of the Gram matrix.
        let diagonal = (0..gram.ncols()).map(|i| gram.as_ref()[(i, i)]);
        let rounding = GRAM_ROUNDING * (energy * diagonal.fold(0.0, f64::max)).sqrt();
        // 2. Centre it. With a large mean, the remaining share of the trace consists of rounding
        //    errors and may be negative.
        if self.centred {
            centre(gram.as_mut(), self.x, self.around, self.side);
        }
        let share = trace(&gram) / energy;
        if !(CLEAR_GAP..).contains(&share) {
            return Ok(None);
        }
        // 3. Compute the first vector.
        let gap = CLEAR_GAP / share;
        let cancellation = self.request.cancellation;
        let pair = leading_pair_in_scratch_until(gram.as_ref(), gap, cancellation)?;
        let Some((value, vector)) = pair else {
            return Ok(None);
        };
        // 4. Estimate its error. Rounding rotates it by an angle of at most ‖E‖/(λ₁ − λ₂) (Davis &
        //    Kahan) towards an orthogonal vector v. For u₁, the error of Mᵀu₁ is at most the angle
        //    times ‖Mᵀv‖ ≤ σ₂. For z₁, the error of σ₁z₁ is at most the angle times σ₁.
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
}
