//! Numbers in notes.

/// A number in few digits: as an `f32` where that is the same number, and with an exponent if it is
/// very large or small.
pub(super) fn decimal(value: f64) -> String {
    let single = value as f32;
    let is_single = f64::from(single) == value;
    let has_exponent = value != 0.0 && !(1e-5..1e7).contains(&value.abs());
    match (is_single, has_exponent) {
        (true, true) => format!("{single:e}"),
        (true, false) => single.to_string(),
        (false, true) => format!("{value:e}"),
        (false, false) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_few_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-9999.0, "-9999"),
            (0.01, "0.01"),
            (f64::from(0.01f32), "0.01"),
            (f64::from(9.96921e36f32), "9.96921e36"),
            (-1e300, "-1e300"),
            (2.5e-7, "2.5e-7"),
        ] {
            assert_eq!(decimal(value), text);
        }
    }
}
