//! Archives of arrays (`.npz`). A decomposition is such an archive.

use std::io::{BufReader, Read, Seek};

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::Problem;
use super::deflate::MAX_EXPANSION;
use super::kind::Expected;

/// Whether the archive has the entry `name`.
fn has_entry<R: Read + Seek>(archive: &ZipArchive<R>, name: &str) -> bool {
    archive.index_for_name(&format!("{name}.npy")).is_some()
}

/// Fails if an archive lacks an entry that every decomposition has.
pub(super) fn check_entries<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<(), Problem> {
    if is_decomposition(archive) {
        return Ok(());
    }
    let lacking = if has_entry(archive, "core") {
        "entry \"meta\" and no factor (\"factor_0\", …)"
    } else {
        "entry \"core\""
    };
    let mut problem = Expected::Decomposition.instead_of(in_words(archive));
    let remedy = Expected::Decomposition.remedy();
    problem.text += &format!(": there is no {lacking}{remedy}");
    Err(problem)
}

/// The problem that an archive cannot be read.
pub(super) fn damaged(error: ZipError) -> Problem {
    Problem::new(format!(
        "this archive (.npz) is damaged or cut short: {error}"
    ))
}

/// The problem that the data of a reader are an archive and something else was expected.
pub(super) fn refusal(reader: &mut (impl Read + Seek), expected: Expected) -> Problem {
    let Ok(archive) = ZipArchive::new(BufReader::new(reader)) else {
        return expected.instead_of("an archive (.npz), damaged or cut short");
    };
    let words = in_words(&archive);
    let mut problem = expected.instead_of(words);
    problem.text += match (expected, words) {
        (Expected::Array | Expected::Npy, DECOMPOSITION) => "; tenfold reconstruct writes one",
        (Expected::Npy, ARRAYS) => "; numpy.save writes one of its arrays",
        _ => expected.remedy(),
    };
    problem
}

/// Whether an archive has the entries of a decomposition.
pub(super) fn is_decomposition<R: Read + Seek>(archive: &ZipArchive<R>) -> bool {
    let names = archive.file_names().flatten();
    are_of_decomposition(names.map(|name| name.trim_end_matches(".npy").to_owned()))
}

/// Whether arrays with these names are a decomposition: `core`, and `meta` or a factor. Other programs
/// write files without `meta`.
pub(super) fn are_of_decomposition(names: impl Iterator<Item = String>) -> bool {
    let (mut core, mut others) = (false, false);
    for name in names {
        let mode = name.strip_prefix(FACTOR);
        core |= name == "core";
        others |= name == "meta" || mode.is_some_and(|mode| mode.parse::<usize>().is_ok());
    }
    core && others
}

/// The name of the factor of mode n is this text and n.
pub(super) const FACTOR: &str = "factor_";

/// Whether an archive has arrays.
pub(super) fn has_arrays<R: Read + Seek>(archive: &ZipArchive<R>) -> bool {
    has_name_with_end(archive, ".npy")
}

fn has_name_with_end<R: Read + Seek>(archive: &ZipArchive<R>, end: &str) -> bool {
    let mut names = archive.file_names().flatten();
    names.any(|name| name.ends_with(end))
}

const DECOMPOSITION: &str = "a decomposition (.npz)";
const ARRAYS: &str = "an archive of arrays (.npz)";

/// The kind of an archive, in words for messages.
fn in_words<R: Read + Seek>(archive: &ZipArchive<R>) -> &'static str {
    if is_decomposition(archive) {
        DECOMPOSITION
    } else if has_arrays(archive) {
        ARRAYS
    } else if has_name_with_end(archive, "/data.pkl") {
        "a PyTorch file (.pt)"
    } else {
        "a zip archive"
    }
}

/// The number of bytes of an entry without compression. Fails if an archive of `size` bytes cannot
/// hold as many.
pub(super) fn unpacked(entry: &ZipFile<'_, impl Read>, size: u64) -> Result<u64, Problem> {
    let bytes = entry.size();
    let maximum = match entry.compression() {
        CompressionMethod::Stored => entry.compressed_size(),
        CompressionMethod::Deflated => entry.compressed_size().saturating_mul(MAX_EXPANSION),
        other => return Err(unknown_compression(other)),
    };
    if entry.compressed_size() > size || bytes > maximum {
        return Err(Problem::new(format!(
            "the archive claims {bytes} bytes, more than the file can hold"
        )));
    }
    Ok(bytes)
}

/// The problem that an entry is compressed by a method other than those of NumPy.
fn unknown_compression(method: CompressionMethod) -> Problem {
    let name = match method {
        CompressionMethod::DEFLATE64 => "Deflate64".to_owned(),
        CompressionMethod::BZIP2 => "bzip2".to_owned(),
        CompressionMethod::LZMA => "LZMA".to_owned(),
        CompressionMethod::ZSTD => "Zstandard".to_owned(),
        CompressionMethod::XZ => "XZ".to_owned(),
        other => format!("an unknown method ({other})"),
    };
    Problem::new(format!(
        "compressed by {name}, only Deflate can be read; numpy.savez_compressed writes it"
    ))
}

/// Reads the entry `name` of an archive of `size` bytes. `read` gets the reader of the entry
/// and the number of its bytes. Returns `None` if there is no such entry.
pub(super) fn entry<R>(
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
    size: u64,
    read: impl FnOnce(&mut dyn Read, u64) -> Result<R, Problem>,
) -> Result<Option<R>, Problem> {
    let within = |problem: Problem| Problem {
        text: format!("in \"{name}\": {}", problem.text),
        ..problem
    };
    let mut entry = match archive.by_name(&format!("{name}.npy")) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(within(Problem::new(error.to_string()))),
    };
    let bytes = unpacked(&entry, size).map_err(within)?;
    let result = read(&mut entry, bytes).map_err(within)?;
    // A read past the last byte compares the checksum.
    match entry.read(&mut [0]) {
        Ok(0) => Ok(Some(result)),
        Ok(_) => Err(within(Problem::new(
            "there is data after the end of the array",
        ))),
        Err(error) => Err(within(Problem::io("damaged", error))),
    }
}
