//! The bytes of an ONNX network.

use std::io::Read;
use std::path::Path;

use super::Problem;
use super::kind::Expected;
use super::open::{Opened, open};
use crate::error::Result;

/// Reads the bytes of a network. A file that is recognised as something else is refused.
pub(crate) fn read_network_file(path: &Path) -> Result<Vec<u8>> {
    read(path).map_err(|problem| problem.at(path))
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let Opened { mut file, size, .. } = open(path, Expected::Network)?;
    let mut bytes = Vec::new();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(size)
        .map_err(|_| Problem::new(format!("{size} bytes for this file cannot be allocated")))?;
    let read = file.read_to_end(&mut bytes);
    read.map_err(|error| Problem::io("cannot be read", error))?;
    Ok(bytes)
}
