//! Opens files and readers. Data of another kind than expected are an error.

use std::fs::{self, File};
#[cfg(feature = "io")]
use std::io::BufReader;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

#[cfg(feature = "io")]
use zip::ZipArchive;

use super::Problem;
#[cfg(feature = "io")]
use super::archive::{check_entries, damaged, refusal};
use super::kind::{Expected, Kind, START};

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
    let (kind, size) = recognise(&mut file, expected)?;
    Ok(Opened { file, size, kind })
}

/// The kind and the size of the data of a reader. The reader is then at its start. Data of an unknown
/// kind are accepted. Data of a known kind that `expected` does not admit are an error.
pub(super) fn recognise(
    reader: &mut (impl Read + Seek),
    expected: Expected,
) -> Result<(Kind, u64), Problem> {
    let size = reader.seek(SeekFrom::End(0)).map_err(cannot_read)?;
    if size == 0 && expected != Expected::Raw {
        let name = expected.name();
        return Err(Problem::new(format!(
            "the file is empty, {name} was expected"
        )));
    }
    reader.rewind().map_err(cannot_read)?;
    let start = first_bytes(reader)?;
    let kind = Kind::of(&start).or_after_user_block(reader);
    let kind = kind.map_err(cannot_read)?;
    reader.rewind().map_err(cannot_read)?;
    if expected.admits(kind) {
        return Ok((kind, size));
    }
    #[cfg(feature = "io")]
    if kind == Kind::Archive {
        return Err(refusal(reader, expected));
    }
    let mut problem = expected.instead_of(kind.name());
    problem.text += expected.remedy();
    Err(problem)
}

/// The next bytes of a reader, as many as decide the kind of a file.
pub(super) fn first_bytes(reader: &mut impl Read) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = reader.take(START).read_to_end(&mut bytes);
    read.map_err(cannot_read)?;
    Ok(bytes)
}

/// Copies a stream to a temporary file without a name, for formats that need positions in a file. The
/// file is at its start.
#[cfg(feature = "io")]
pub(super) fn copy_to_file(stream: &mut impl Read) -> Result<File, Problem> {
    let cannot_copy = |error| Problem::io("cannot be copied to a temporary file", error);
    let mut file = tempfile::tempfile().map_err(cannot_copy)?;
    std::io::copy(stream, &mut file).map_err(cannot_copy)?;
    file.rewind().map_err(cannot_copy)?;
    Ok(file)
}

fn cannot_read(error: std::io::Error) -> Problem {
    Problem::io("cannot be read", error)
}

/// Opens the archive `path`, a decomposition. Returns the archive and the size of the file.
#[cfg(feature = "io")]
pub(super) fn open_archive(path: &Path) -> Result<(Archive<File>, u64), Problem> {
    let Opened { file, size, kind } = open(path, Expected::Decomposition)?;
    Ok((archive_in(file, kind)?, size))
}

/// The archive in a reader, a decomposition, and its size.
#[cfg(feature = "io")]
pub(super) fn archive_from<R: Read + Seek>(mut reader: R) -> Result<(Archive<R>, u64), Problem> {
    let (kind, size) = recognise(&mut reader, Expected::Decomposition)?;
    Ok((archive_in(reader, kind)?, size))
}

#[cfg(feature = "io")]
type Archive<R> = ZipArchive<BufReader<R>>;

/// The archive in data of a kind. Checks that it has the entries of a decomposition.
#[cfg(feature = "io")]
fn archive_in<R: Read + Seek>(reader: R, kind: Kind) -> Result<Archive<R>, Problem> {
    let archive = ZipArchive::new(BufReader::new(reader)).map_err(|error| match kind {
        Kind::Archive => damaged(error),
        _ => Problem::new("this is not a decomposition (.npz) or another archive"),
    })?;
    check_entries(&archive)?;
    Ok(archive)
}
