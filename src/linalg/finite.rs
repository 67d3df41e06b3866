//! Matrices that are to be finite.

use faer::MatRef;

use crate::error::{Error, Result};

/// Fails at the first entry that is not finite, in the order of the columns, of
/// those from row `first(j)` of column j on.
pub(super) fn check_finite(a: MatRef<'_, f64>, first: impl Fn(usize) -> usize) -> Result<()> {
    for j in 0..a.ncols() {
        for i in first(j)..a.nrows() {
            if !a[(i, j)].is_finite() {
                return Err(Error::NonFinite {
                    index: vec![i, j],
                    value: a[(i, j)],
                });
            }
        }
    }
    Ok(())
}
