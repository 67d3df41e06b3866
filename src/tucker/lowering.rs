//! HOOI within a tolerance ends at ranks of which none can be lowered alone.
//!
//! Sweeps make the error smaller than the tolerance requires. When they have settled, each rank is
//! lowered by one on trial: the last vector of the mode is dropped, and sweeps follow.
//!
//! ```text
//! settled at the ranks R
//! for each mode n, the one that saves the most entries first
//!     sweeps at R − 1 in mode n, until the error is at most ε   ──> these ranks, and go on
//!                                or can no longer become so     ──> the next mode
//! no mode: the iteration ends
//! ```

use super::computation::Computation;
use super::decomposition::Tucker;
use super::storage::Storage;
use super::sweeps::{KnownError, Sweeps, update};
use crate::error::Result;
use crate::scalar::Scalar;

/// A trial ends when the error above the tolerance is more than this many times the last change.
/// Changes that fall by a factor of at most 0.99 per sweep add up to 99 times the last one.
const CHANGES: f64 = 99.0;

/// A decomposition and its error.
type Lowered<T> = (Tucker<T>, KnownError);

impl<T: Scalar> Sweeps<'_, T> {
    /// The decomposition with one rank lowered by one, the rank that saves the most entries of
    /// those that can be lowered within the tolerance. `None` if no rank can be lowered.
    pub(super) fn lower_rank(&self, computation: Computation<'_>) -> Result<Option<Lowered<T>>> {
        let Some(limit) = self.lowering else {
            return Ok(None);
        };
        let modes = self.tucker.decomposed_modes();
        let storage = Storage::new(self.tucker.shape(), &modes);
        for lower in storage.lowered(&self.tucker.ranks_of(&modes)) {
            let trial = self.tucker.clone().leading_block(&lower)?;
            let found = self.settle_below(limit, trial, computation)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Sweeps from `trial` until its error is at most `limit`. `None` if it does not become so.
    fn settle_below(
        &self,
        limit: f64,
        mut trial: Tucker<T>,
        computation: Computation<'_>,
    ) -> Result<Option<Lowered<T>>> {
        let modes = trial.decomposed_modes();
        let mut previous = KnownError::of(&trial, &self.x)?;
        for _ in 0..=self.options.max_sweeps {
            let error = previous.decided(limit, &trial, &self.x)?;
            if error.relative_error <= limit {
                return Ok(Some((trial, error)));
            }
            update(&mut trial, self.x.view(), &modes, computation)?;
            let error = KnownError::of(&trial, &self.x)?;
            let change = previous.relative_error - error.relative_error;
            let out_of_reach = error.relative_error - limit > CHANGES * change;
            if out_of_reach || error.is_settled(change, self.options.sweep_tolerance) {
                let error = error.decided(limit, &trial, &self.x)?;
                return Ok((error.relative_error <= limit).then_some((trial, error)));
            }
            previous = error;
        }
        Ok(None)
    }
}
