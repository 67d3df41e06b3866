//! Finds an array in a file or a reader: one of several arrays, or a block of numbers.

use std::io::Read;

use super::Problem;
use super::archive::{are_of_decomposition, refusal};
use super::formats::{self, Format, ReadSeek};
use super::kind::{Expected, Kind};
use super::member::{COLON, IN_A_READER, Member, choose};
use super::npy::Header;
use super::read_options::ReadOptions;
use super::source::Source;
use super::stored::Stored;

/// The array that a caller asks for.
pub(super) struct Request<'a> {
    member: Option<&'a str>,
    options: &'a ReadOptions,
    /// How to name a member, for messages.
    remedy: &'static str,
}

impl<'a> Request<'a> {
    pub(super) fn in_file(source: &'a Source, options: &'a ReadOptions) -> Self {
        Self {
            member: source.member.as_deref(),
            options,
            remedy: COLON,
        }
    }

    pub(super) fn in_reader(member: Option<&'a str>, options: &'a ReadOptions) -> Self {
        Self {
            member,
            options,
            remedy: IN_A_READER,
        }
    }
}

/// Where an array was found in a file.
pub(super) enum Place {
    /// It is an array with a name, in a file of this format.
    Member(&'static Format),
    /// It is a block of numbers, and the reader is at its start.
    Block(Stored),
}

/// Finds an array in data of a kind and a size.
pub(super) fn find(
    reader: &mut impl ReadSeek,
    kind: Kind,
    size: u64,
    request: &Request,
) -> Result<(Member, Place), Problem> {
    let &Request {
        member: name,
        options,
        remedy,
    } = request;
    if options.raw.is_none() && kind == Kind::Unknown {
        return Err(Problem::new(
            "this is not an array file of a known format (such as .npy); \
             --raw TYPE --shape N,… reads a file of raw numbers",
        ));
    }
    let Some(format) = formats::of(kind).filter(|_| options.raw.is_none()) else {
        let stored = block(reader, size, options)?;
        return Ok((unnamed(&stored, name)?, Place::Block(stored)));
    };
    let members = format.candidates(reader, size, name, options)?;
    let is_archive = name.is_none() && kind == Kind::Archive;
    let names = members.iter().map(|member| member.name.clone());
    if is_archive && (members.is_empty() || are_of_decomposition(names)) {
        return Err(refusal(reader, Expected::Array));
    }
    let member = choose(members, name, kind.name(), remedy)?;
    Ok((member, Place::Member(format)))
}

/// The block of numbers that a file without named arrays is: raw or `.npy`.
pub(super) fn block(
    reader: &mut impl Read,
    size: u64,
    options: &ReadOptions,
) -> Result<Stored, Problem> {
    match &options.raw {
        Some(raw) => raw.stored_in(size),
        None => Header::read_numbers(reader, size, options.bfloat16),
    }
}

/// The member that a file without named arrays has. Fails for a shape that a tensor cannot have, and
/// if a name was given.
pub(super) fn unnamed(stored: &Stored, name: Option<&str>) -> Result<Member, Problem> {
    if let Some(name) = name {
        return Err(Problem::new(format!(
            "this file holds one array without a name, not {name:?}"
        )));
    }
    stored.tensor_shape()?;
    Ok(Member::numbers("", stored, stored.memory()))
}
