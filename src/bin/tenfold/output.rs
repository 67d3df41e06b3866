//! Checks of an output before the work starts.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// Fails where `output` could not be written, or where it is the file `input`.
pub(crate) fn check(output: &Path, input: &Path) -> Outcome {
    tenfold::io::check_writable(output)?;
    match (fs::canonicalize(output), fs::canonicalize(input)) {
        (Ok(output), Ok(input)) if output == input => Err(Failure::usage(format!(
            "{}: the output would replace the input",
            input.display()
        ))),
        _ => Ok(()),
    }
}
