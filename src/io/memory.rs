//! The memory that a reader allocates, estimated from the headers.

use std::io::{Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::Problem;
use super::archive::damaged;
use super::npy::Header;
use super::open::{archive_from, open_archive};
use crate::error::Result;

/// The maximum number of bytes that [`super::read_tucker`] allocates for the arrays of a
/// decomposition: all arrays, and a second copy of the largest array.
///
/// # Errors
/// [`crate::Error::UnusableFile`] for a file that is not an archive with the entries of a
/// decomposition.
///
/// ```
/// use tenfold::io::{Meta, tucker_memory, write_tucker};
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
/// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.tucker.npz");
/// write_tucker(&path, &tucker, &Meta::new(&tucker, "st-hosvd"))?;
/// assert_eq!(tucker_memory(&path)?, 8 * (1 + 3 + 4) + 8 * 4);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn tucker_memory(path: impl AsRef<Path>) -> Result<u64> {
    let path = path.as_ref();
    let arrays = open_archive(path).and_then(|(archive, _)| arrays(archive));
    arrays.map_err(|problem| problem.at(path))
}

/// The maximum number of bytes that [`super::read_tucker_from`] allocates: [`tucker_memory`] for a
/// reader.
///
/// # Errors
/// As [`tucker_memory`].
pub fn tucker_memory_from(reader: impl Read + Seek) -> Result<u64> {
    let arrays = archive_from(reader).and_then(|(archive, _)| arrays(archive));
    arrays.map_err(Problem::of_stream)
}

fn arrays(mut archive: ZipArchive<impl Read + Seek>) -> Result<u64, Problem> {
    let (mut sum, mut largest) = (0u64, 0);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(damaged)?;
        let size = entry.size();
        // Entries that are not arrays of numbers are not read as arrays.
        if let Ok(stored) = Header::read_numbers(&mut entry, size, false) {
            sum = sum.saturating_add(stored.memory());
            largest = stored.memory().max(largest);
        }
    }
    Ok(sum.saturating_add(largest))
}
