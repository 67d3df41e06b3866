//! Checks that several metrics share.

use crate::error::{Error, Result};

/// Fails unless a list has the expected length.
pub(super) fn check_length(what: &'static str, expected: usize, actual: usize) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        what,
        expected,
        actual,
    })
}

/// Fails for an empty list. `what` describes the list.
pub(super) fn check_samples(what: &'static str, count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::NoSamples { what });
    }
    Ok(())
}
