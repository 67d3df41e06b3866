//! Lists of the arrays of a file.

use std::io::{Read, Seek};
use std::path::Path;

use super::Problem;
use super::find::block;
use super::formats::{self, ReadSeek};
use super::kind::{Expected, Kind};
use super::member::Member;
use super::open::{Opened, open, recognise};
use super::read_options::ReadOptions;
use crate::error::Result;

/// The arrays that a file holds, from its headers. A `.npy` file has one, without a name.
///
/// # Errors
/// [`crate::Error::UnusableFile`] for a file that cannot be read, holds no arrays in a known format,
/// or has damaged headers.
///
/// ```
/// use tenfold::io::{Meta, members, write_tucker};
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
/// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.tucker.npz");
/// write_tucker(&path, &tucker, &Meta::new(&tucker, "st-hosvd"))?;
/// let members = members(&path)?;
/// assert_eq!((&members[1].name[..], &members[1].shape[..]), ("factor_0", &[3, 1][..]));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn members(path: impl AsRef<Path>) -> Result<Vec<Member>> {
    members_with(path, &ReadOptions::default())
}

/// The arrays that a file holds, as [`members`] lists them, with options.
///
/// # Errors
/// As [`members`].
pub fn members_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Vec<Member>> {
    let path = path.as_ref();
    let opened = open(path, Expected::Array);
    let list = opened.and_then(
        |Opened {
             mut file,
             size,
             kind,
         }| list(&mut file, size, kind, options),
    );
    list.map_err(|problem| problem.at(path))
}

/// The arrays that a reader holds: [`members`] for a reader.
///
/// # Errors
/// As [`members`].
pub fn members_from(mut reader: impl Read + Seek, options: &ReadOptions) -> Result<Vec<Member>> {
    let list = recognise(&mut reader, Expected::of(options))
        .and_then(|(kind, size)| list(&mut reader, size, kind, options));
    list.map_err(Problem::of_stream)
}

/// The arrays of a file of a kind.
fn list(
    reader: &mut impl ReadSeek,
    size: u64,
    kind: Kind,
    options: &ReadOptions,
) -> Result<Vec<Member>, Problem> {
    match formats::of(kind).filter(|_| options.raw.is_none()) {
        Some(format) => (format.members)(reader, size, options),
        None => {
            let stored = block(reader, size, options)?;
            Ok(vec![Member::numbers("", &stored, stored.memory())])
        }
    }
}
