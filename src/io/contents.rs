//! What a file holds: an array, a decomposition, or several arrays.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::Problem;
use super::archive::{damaged, has_arrays, is_decomposition, refusal};
use super::formats;
use super::kind::{Expected, Kind};
use super::open::{Opened, open, recognise};
use crate::error::Result;

/// What a file holds: the result of [`contents`].
///
/// ```
/// use tenfold::io::{Contents, contents, write_npy};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.npy");
/// write_npy(&path, &tenfold::Tensor::new(&[2], vec![1.0, 2.0])?)?;
/// assert_eq!(contents(&path)?, Contents::Array);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contents {
    /// One array, for [`super::ArrayFile`].
    Array,
    /// A decomposition, for [`super::read_tucker`]. Its parts are arrays with names too.
    Decomposition,
    /// Arrays with names, for [`super::members`] and [`super::ArrayFile`].
    Members,
}

/// What a file holds. Only its first bytes are read, and the list of entries of an archive. A file of
/// an unknown kind counts as an array, and the error of [`super::ArrayFile::open`] then says what is
/// wrong.
///
/// # Errors
/// [`crate::Error::UnusableFile`] for a file that cannot be read, is of another known kind, or is a
/// damaged archive.
///
/// ```
/// use tenfold::io::contents;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.csv");
/// std::fs::write(&path, "1,2,3\n").unwrap();
/// let message = contents(&path).unwrap_err().to_string();
/// assert!(message.contains("this is a text file, an array file (such as .npy)"));
/// ```
pub fn contents(path: impl AsRef<Path>) -> Result<Contents> {
    let path = path.as_ref();
    of_file(path).map_err(|problem| problem.at(path))
}

fn of_file(path: &Path) -> Result<Contents, Problem> {
    let Opened { file, kind, .. } = open(path, Expected::ArrayOrDecomposition)?;
    of_kind(file, kind)
}

/// What a reader holds: [`contents`] for a reader.
///
/// # Errors
/// As [`contents`].
///
/// ```
/// use tenfold::io::contents_from;
/// let message = contents_from(std::io::Cursor::new(b"1,2,3\n")).unwrap_err().to_string();
/// assert!(message.starts_with("this is a text file, an array file (such as .npy)"));
/// ```
pub fn contents_from(mut reader: impl Read + Seek) -> Result<Contents> {
    let contents = recognise(&mut reader, Expected::ArrayOrDecomposition)
        .and_then(|(kind, _)| of_kind(reader, kind));
    contents.map_err(Problem::of_stream)
}

/// What data of a kind are.
fn of_kind(mut reader: impl Read + Seek, kind: Kind) -> Result<Contents, Problem> {
    if kind == Kind::Archive {
        let archive = ZipArchive::new(BufReader::new(&mut reader)).map_err(damaged)?;
        if is_decomposition(&archive) {
            return Ok(Contents::Decomposition);
        }
        if !has_arrays(&archive) {
            return Err(refusal(&mut reader, Expected::ArrayOrDecomposition));
        }
    }
    Ok(match formats::of(kind) {
        Some(_) => Contents::Members,
        None => Contents::Array,
    })
}
