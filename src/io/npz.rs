//! Archives of arrays: `.npz`, a zip archive of `.npy` files, stored or compressed.

use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::archive::{damaged, entry, unpacked};
use super::member::Member;
use super::npy;

/// The arrays of an archive. Other files in the archive are not listed.
pub(super) fn members(
    reader: &mut (impl Read + Seek),
    size: u64,
    bfloat16: bool,
) -> Result<Vec<Member>, Problem> {
    let mut archive = ZipArchive::new(BufReader::new(reader)).map_err(damaged)?;
    let mut members = Vec::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).map_err(damaged)?;
        let path = file.name().map_err(damaged)?.into_owned();
        let Some(name) = path.strip_suffix(".npy") else {
            continue;
        };
        let described = describe(name, &mut file, size, bfloat16);
        members.push(
            described.unwrap_or_else(|problem| Member::unreadable(name, &[], "unknown", problem)),
        );
    }
    Ok(members)
}

/// The description of the array in an entry of an archive of `size` bytes.
fn describe(
    name: &str,
    entry: &mut ZipFile<'_, impl Read>,
    size: u64,
    bfloat16: bool,
) -> Result<Member, Problem> {
    let bytes = unpacked(entry, size)?;
    let header = npy::Header::read(entry)?;
    Ok(match header.numbers_in(bytes, bfloat16) {
        Ok(stored) => Member::numbers(name, &stored, stored.memory_from_reader()),
        Err(problem) => Member::unreadable(name, &header.shape, &header.descr, problem),
    })
}

/// Reads the array `name`.
pub(super) fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &str,
    bfloat16: bool,
) -> Result<AnyTensor, Problem> {
    let mut archive = ZipArchive::new(BufReader::new(reader)).map_err(damaged)?;
    let array = entry(&mut archive, name, size, |reader, bytes| {
        npy::read_array(reader, bytes, bfloat16)
    })?;
    array.ok_or_else(|| Problem::new(format!("there is no array {name:?}")))
}
