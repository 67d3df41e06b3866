//! The table of formats for files with named arrays. Each format is a module with two functions, which
//! read from the start of any `R: Read + Seek` of `size` bytes:
//!
//! ```text
//! members(reader, size)      -> the arrays, from the headers; nothing large is allocated
//! read(reader, size, name)   -> the array with this name
//! ```
//!
//! A module for files of many arrays can have a third function, which does not list them all:
//!
//! ```text
//! find(reader, size, name)   -> the description of the array with this name, if there is one
//! ```

use std::io::{Read, Seek};

use super::Problem;
use super::any_tensor::AnyTensor;
#[cfg(feature = "hdf5")]
use super::hdf5;
use super::kind::Kind;
#[cfg(feature = "matlab")]
use super::matlab;
use super::member::Member;
#[cfg(feature = "nifti")]
use super::nifti;
use super::npz;
use super::read_options::ReadOptions;
use super::safetensors;

/// A reader of a format.
pub(super) trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

type Members = fn(&mut dyn ReadSeek, u64, &ReadOptions) -> Result<Vec<Member>, Problem>;
type ReadArray = fn(&mut dyn ReadSeek, u64, &str, &ReadOptions) -> Result<AnyTensor, Problem>;
type Find = fn(&mut dyn ReadSeek, u64, &str) -> Result<Option<Member>, Problem>;

/// A format.
pub(super) struct Format {
    kind: Kind,
    find: Option<Find>,
    pub(super) members: Members,
    pub(super) read: ReadArray,
}

impl Format {
    /// The arrays of a file, or the array `name` alone where it is found without the others.
    pub(super) fn candidates(
        &self,
        reader: &mut dyn ReadSeek,
        size: u64,
        name: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Vec<Member>, Problem> {
        if let (Some(find), Some(name)) = (self.find, name)
            && let Some(member) = find(reader, size, name)?
        {
            return Ok(vec![member]);
        }
        (self.members)(reader, size, options)
    }
}

/// A line of the table: a kind of file and its module. A module with `bfloat16` gets
/// [`ReadOptions::bfloat16`] as a further argument.
macro_rules! format {
    ($kind:expr, $module:ident) => {
        Format {
            kind: $kind,
            find: None,
            members: |mut reader, size, _| $module::members(&mut reader, size),
            read: |mut reader, size, name, _| $module::read(&mut reader, size, name),
        }
    };
    ($kind:expr, $module:ident with bfloat16) => {
        Format {
            kind: $kind,
            find: None,
            members: |mut reader, size, options| {
                $module::members(&mut reader, size, options.bfloat16)
            },
            read: |mut reader, size, name, options| {
                $module::read(&mut reader, size, name, options.bfloat16)
            },
        }
    };
}

const FORMATS: &[Format] = &[
    format!(Kind::Archive, npz with bfloat16),
    #[cfg(feature = "hdf5")]
    Format {
        find: Some(|mut reader, size, name| hdf5::find(&mut reader, size, name)),
        ..format!(Kind::Hdf5, hdf5)
    },
    #[cfg(feature = "nifti")]
    format!(Kind::Nifti, nifti),
    #[cfg(feature = "matlab")]
    format!(Kind::Matlab, matlab),
    format!(Kind::Safetensors, safetensors),
];

/// The format of files of this kind, if they hold named arrays.
pub(super) fn of(kind: Kind) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.kind == kind)
}
