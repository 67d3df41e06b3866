//! Checks of numbers between 0 and 1: probabilities, values of maps, and options.

use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Shape, TensorRef};

/// The maximum distance of a probability or a value of a map from \[0, 1\] that counts as a
/// rounding error. Such an entry counts as 0 or 1.
///
/// ```
/// use tenfold::cam::metrics::{ROUNDING, average_drop};
/// assert_eq!(average_drop(&[1.0 + ROUNDING], &[0.5])?, 50.0);
/// assert!(average_drop(&[1.0 + 2.0 * ROUNDING], &[0.5]).is_err());
/// # Ok::<(), tenfold::Error>(())
/// ```
pub const ROUNDING: f64 = 1e-6;

/// Checks that every entry is between 0 and 1, up to [`ROUNDING`]. `what` describes an entry in
/// the message of the error, for example "a probability".
///
/// The metrics check their arguments themselves. If an array is reshaped or resized before the
/// metric is computed, this function checks it first, and the error has the index in the original
/// array.
///
/// # Errors
/// [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for the first entry outside this range.
///
/// ```
/// use tenfold::{Tensor, cam::metrics::check_fractions};
/// let maps = Tensor::new(&[2, 2], vec![0.0, 0.5, 1.0, 255.0])?;
/// let error = check_fractions("a value of a map", &maps).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the entry at [1, 1] is 255, a value of a map must be between 0 and 1"
/// );
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn check_fractions<'a, T: Scalar>(
    what: &'static str,
    entries: impl Into<TensorRef<'a, T>>,
) -> Result<()> {
    let entries = entries.into();
    let range = -ROUNDING..=1.0 + ROUNDING;
    let outside = |entry: &T| !range.contains(&entry.as_f64());
    let Some(position) = entries.data().iter().position(outside) else {
        return Ok(());
    };
    let value = entries.data()[position].as_f64();
    let index = Shape::new(entries.shape())?
        .index(position)
        .unwrap_or_default();
    Err(if value.is_finite() {
        Error::EntryOutOfRange { what, index, value }
    } else {
        Error::NonFinite { index, value }
    })
}

/// The nearest number in \[0, 1\].
pub(super) fn clamp(entry: f64) -> f64 {
    entry.clamp(0.0, 1.0)
}

/// Fails unless 0 ≤ `value` ≤ 1. There is no margin for rounding, because the value is an option.
pub(super) fn check_fraction(what: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::FractionOutOfRange { what, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_outside_by_more_than_rounding_are_errors() {
        let check = |entry: f64| check_fractions("an entry", TensorRef::new(&[1], &[entry])?);
        for entry in [-1e-6, -0.0, 0.0, 1.0, 1.0 + f64::EPSILON, 1.000001] {
            assert!(check(entry).is_ok(), "{entry:e}");
            assert!((0.0..=1.0).contains(&clamp(entry)));
        }
        for entry in [-1.001e-6, 1.0 + 1.001e-6, -1.0, 255.0, f64::MAX] {
            let error = check(entry).unwrap_err();
            assert!(
                matches!(&error, Error::EntryOutOfRange { index, value, .. }
                    if *index == [0] && *value == entry),
                "{error}"
            );
        }
        for entry in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = check(entry).unwrap_err();
            assert!(matches!(error, Error::NonFinite { .. }), "{error}");
        }
    }

    #[test]
    fn the_error_has_the_index_of_the_first_entry_outside() {
        let mut entries = vec![0.5f32; 24];
        (entries[17], entries[20]) = (2.0, f32::NAN);
        let entries = TensorRef::new(&[2, 3, 4], &entries).unwrap();
        let error = check_fractions("an entry", entries).unwrap_err();
        assert!(
            matches!(&error, Error::EntryOutOfRange { index, .. } if *index == [1, 1, 1]),
            "{error}"
        );
    }
}
