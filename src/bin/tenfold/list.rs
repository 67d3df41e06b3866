//! Entries of lists in options. Blanks around an entry are allowed: `--ranks "3, 3, 3"`.

use std::str::FromStr;

pub(crate) fn whole_number(text: &str) -> Result<usize, String> {
    entry(text, "a whole number was expected")
}

pub(crate) fn number(text: &str) -> Result<f64, String> {
    entry(text, "a number was expected")
}

fn entry<T: FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_an_entry_are_allowed() {
        assert_eq!(whole_number(" 3 "), Ok(3));
        assert_eq!(number("\t0.5"), Ok(0.5));
        for text in ["", " ", "-1", "1.5", "two", "3 4"] {
            assert!(whole_number(text).is_err(), "{text}");
        }
    }
}
