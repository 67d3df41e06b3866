//! Opens files. A file of another kind than expected is an error.

use std::fs::{self, File};
#[cfg(feature = "io")]
use std::io::BufReader;
use std::io::ErrorKind;
use std::path::Path;

#[cfg(feature = "io")]
use zip::ZipArchive;

use super::Problem;
#[cfg(feature = "io")]
use super::archive::{check_entries, damaged, refusal};
use super::kind::{Expected, Kind};

/// A regular file, open for reading at its start.
pub(super) struct Opened {
    pub(super) file: File,
    /// The number of bytes.
    pub(super) size: u64,
    pub(super) kind: Kind,
}

/// Opens a file. A file of an unknown kind is accepted. A file of a known kind that `expected` does
/// not admit is an error, which names both kinds.
pub(super) fn open(path: &Path, expected: Expected) -> Result<Opened, Problem> {
    let is_link = || fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        _ if is_link() => Problem::new(format!("this link cannot be followed: {error}")),
        ErrorKind::NotFound => Problem {
            text: "there is no such file".into(),
            source: Some(error),
        },
        _ => cannot_read(error),
    })?;
    if metadata.is_dir() {
        return Err(expected.instead_of("a directory"));
    }
    if !metadata.is_file() {
        return Err(expected.instead_of("not a regular file"));
    }
    let mut file = File::open(path).map_err(cannot_read)?;
    let size = metadata.len();
    if size == 0 {
        let name = expected.name();
        return Err(Problem::new(format!(
            "the file is empty, {name} was expected"
        )));
    }
    let kind = Kind::of(&mut file).map_err(cannot_read)?;
    if expected.admits(kind) {
        return Ok(Opened { file, size, kind });
    }
    #[cfg(feature = "io")]
    if kind == Kind::Archive {
        return Err(refusal(path, expected));
    }
    let mut problem = expected.instead_of(kind.name());
    problem.text += expected.remedy();
    Err(problem)
}

fn cannot_read(error: std::io::Error) -> Problem {
    Problem::io("cannot be read", error)
}

/// An archive in a file.
#[cfg(feature = "io")]
type Archive = ZipArchive<BufReader<File>>;

/// Opens the archive `path` and checks that it has the entries of a decomposition. Returns the
/// archive and the size of the file.
#[cfg(feature = "io")]
pub(super) fn open_archive(path: &Path) -> Result<(Archive, u64), Problem> {
    let Opened { file, size, kind } = open(path, Expected::Decomposition)?;
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match kind {
        Kind::Archive => damaged(error),
        _ => Problem::new("this is not a decomposition (.npz) or another archive"),
    })?;
    check_entries(&archive)?;
    Ok((archive, size))
}
