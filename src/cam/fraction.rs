//! Numbers that lie between 0 and 1: probabilities, the values of maps, shares.

use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Shape, TensorRef};

/// How far a probability or the value of a map may lie outside \[0, 1\] and count as
/// rounding: such an entry is taken as 0 or 1.
///
/// ```
/// use tenfold::cam::metrics::{ROUNDING, average_drop};
/// assert_eq!(average_drop(&[1.0 + ROUNDING], &[0.5])?, 50.0);
/// assert!(average_drop(&[1.0 + 2.0 * ROUNDING], &[0.5]).is_err());
/// # Ok::<(), tenfold::Error>(())
/// ```
pub const ROUNDING: f64 = 1e-6;

/// Fails unless every entry lies between 0 and 1, but for [`ROUNDING`]. `what` names an
/// entry in the error: "a probability".
///
/// The functions of this module check their arguments themselves. This is for a caller
/// who wants the index in an array that is reshaped or resized first.
///
/// # Errors
/// [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for the first such entry.
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

/// The entry without its rounding: within \[0, 1\].
pub(super) fn clamp(entry: f64) -> f64 {
    entry.clamp(0.0, 1.0)
}

/// Fails unless 0 ≤ `value` ≤ 1: of an option, which no computation rounds.
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
    fn rounding_is_allowed_and_no_more() {
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
    fn the_first_entry_is_named_by_its_index() {
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
