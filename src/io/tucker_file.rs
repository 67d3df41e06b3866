//! Decompositions as `.npz`: an archive of arrays that NumPy opens without pickles.
//!
//! | entry | content |
//! | --- | --- |
//! | `core` | the core G, in the scalar of the tensor |
//! | `factor_0`, `factor_1`, … | the factor Aₙ, Iₙ×Rₙ, of each decomposed mode |
//! | `meta` | [`Meta`] as JSON, in an array without modes that holds one text |
//!
//! Files of other programs may lack `meta`: it is then made from the arrays. Their factors need not be
//! orthonormal.
//!
//! Entries are not compressed and have a fixed date, so that equal decompositions make equal
//! files. Compressed entries are read too.

use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use faer::{Mat, MatRef};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::Problem;
use super::any_tensor::AnyTensor;
use super::archive::{FACTOR, entry};
use super::meta::Meta;
use super::npy;
use super::open::{archive_from, open_archive};
use super::write::write_file;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, first_non_finite};
use crate::tucker::Tucker;

/// The maximum number of characters of the description.
const MAX_META: usize = 1 << 24;

/// A decomposition read from a file. The type of the core in the file decides the scalar.
///
/// ```
/// use tenfold::io::AnyTucker;
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f32)?;
/// let read = AnyTucker::F32(StHosvd::new([1, 1]).decompose(&x)?);
/// assert!(matches!(read, AnyTucker::F32(tucker) if tucker.ranks() == [1, 1]));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum AnyTucker {
    /// A decomposition of a tensor of `f32`.
    F32(Tucker<f32>),
    /// A decomposition of a tensor of `f64`.
    F64(Tucker<f64>),
}

/// Writes a decomposition. The file is written as a whole or not at all.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the file cannot be written.
///
/// ```
/// use tenfold::io::{AnyTucker, Meta, read_tucker, write_tucker};
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
/// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.tucker.npz");
/// write_tucker(&path, &tucker, &Meta::new(&tucker, "st-hosvd"))?;
/// let (read, meta) = read_tucker(&path)?;
/// assert!(matches!(read, AnyTucker::F64(read) if read.core() == tucker.core()));
/// assert_eq!(meta.method, "st-hosvd");
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_tucker<T: Scalar>(
    path: impl AsRef<Path>,
    tucker: &Tucker<T>,
    meta: &Meta,
) -> Result<()> {
    write_file(path.as_ref(), |file| {
        let mut archive = ZipWriter::new(BufWriter::new(file));
        write_entries(&mut archive, tucker, meta)?;
        archive.finish()?.flush()
    })
}

/// Writes a decomposition to a writer that need not seek, such as standard output. The sizes of the
/// entries then follow the entries; [`read_tucker`] and NumPy read both forms.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the writer fails.
///
/// ```
/// use tenfold::io::{AnyTucker, Meta, read_tucker_from, write_tucker_to};
/// use tenfold::{StHosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
/// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
/// let mut bytes = Vec::new();
/// write_tucker_to(&mut bytes, &tucker, &Meta::new(&tucker, "st-hosvd"))?;
/// let (read, _) = read_tucker_from(std::io::Cursor::new(bytes))?;
/// assert!(matches!(read, AnyTucker::F64(read) if read.core() == tucker.core()));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_tucker_to<T: Scalar>(
    writer: impl Write,
    tucker: &Tucker<T>,
    meta: &Meta,
) -> Result<()> {
    let write = || {
        let mut archive = ZipWriter::new_stream(BufWriter::new(writer));
        write_entries(&mut archive, tucker, meta)?;
        archive.finish()?.flush()
    };
    write().map_err(|error: io::Error| Problem::io("cannot be written", error).of_stream())
}

fn write_entries<T: Scalar>(
    archive: &mut ZipWriter<impl Write + Seek>,
    tucker: &Tucker<T>,
    meta: &Meta,
) -> io::Result<()> {
    let core = tucker.core();
    start(archive, "core", size_of_val(core.data()))?;
    npy::write_array(archive, core.shape(), core.data())?;
    for mode in 0..core.order() {
        if let Some(factor) = tucker.factor(mode) {
            let entries = row_major(factor);
            start(archive, &factor_name(mode), size_of_val(&entries[..]))?;
            npy::write_array(archive, &[factor.nrows(), factor.ncols()], &entries)?;
        }
    }
    let json = meta.to_json()?;
    start(archive, "meta", 4 * json.len())?;
    npy::write_text(archive, &json)
}

/// Starts the entry `name` for an array of `bytes` bytes. An entry of 4 GiB or more needs the
/// larger size fields of Zip64. They are used from half of that size on, which leaves room for the
/// header.
fn start(archive: &mut ZipWriter<impl Write + Seek>, name: &str, bytes: usize) -> io::Result<()> {
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Stored)
        .large_file(bytes as u64 >= u64::from(u32::MAX) / 2);
    Ok(archive.start_file(format!("{name}.npy"), options)?)
}

fn factor_name(mode: usize) -> String {
    format!("{FACTOR}{mode}")
}

fn row_major<T: Scalar>(matrix: MatRef<'_, T>) -> Vec<T> {
    (0..matrix.nrows())
        .flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)]))
        .collect()
}

/// Reads a decomposition and its description. A file of another program may lack the description. Its
/// method is then [`Meta::UNKNOWN_METHOD`].
///
/// # Errors
/// [`crate::Error::UnusableFile`] for a file that is not a decomposition, is damaged or cut
/// short, lacks an entry, has a newer version of the format, or has arrays that do not fit
/// together or have an entry that is not finite.
///
/// ```
/// use tenfold::io::read_tucker;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.tucker.npz");
/// let message = read_tucker(&path).unwrap_err().to_string();
/// assert!(message.contains("x.tucker.npz"));
/// ```
pub fn read_tucker(path: impl AsRef<Path>) -> Result<(AnyTucker, Meta)> {
    let path = path.as_ref();
    let read = open_archive(path).and_then(|(mut archive, size)| read(&mut archive, size));
    read.map_err(|problem| problem.at(path))
}

/// Reads a decomposition and its description from a reader.
///
/// # Errors
/// As [`read_tucker`].
///
/// ```
/// use tenfold::io::read_tucker_from;
/// let message = read_tucker_from(std::io::Cursor::new(b"no archive")).unwrap_err().to_string();
/// assert!(message.starts_with("this is a text file, a decomposition (.npz) was expected"));
/// ```
pub fn read_tucker_from(reader: impl Read + Seek) -> Result<(AnyTucker, Meta)> {
    let read = archive_from(reader).and_then(|(mut archive, size)| read(&mut archive, size));
    read.map_err(Problem::of_stream)
}

/// Reads a decomposition from an archive of `size` bytes.
fn read<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    size: u64,
) -> Result<(AnyTucker, Meta), Problem> {
    // 1. The parts.
    let meta = read_meta(archive, size)?;
    let core =
        array(archive, "core", size)?.ok_or_else(|| Problem::new("there is no entry \"core\""))?;
    let tucker = match core {
        AnyTensor::F32(core) => AnyTucker::F32(assemble(archive, core, size)?),
        AnyTensor::F64(core) => AnyTucker::F64(assemble(archive, core, size)?),
    };
    // 2. The description must match the decomposition.
    let Some(meta) = meta else {
        let meta = match &tucker {
            AnyTucker::F32(tucker) => Meta::of_arrays(tucker),
            AnyTucker::F64(tucker) => Meta::of_arrays(tucker),
        };
        return Ok((tucker, meta));
    };
    let described = match &tucker {
        AnyTucker::F32(tucker) => meta.describes(tucker),
        AnyTucker::F64(tucker) => meta.describes(tucker),
    };
    if !described {
        return Err(Problem::new(
            "shape, ranks, modes or scalar in \"meta\" differ from those of the core and the factors",
        ));
    }
    Ok((tucker, meta))
}

/// Reads the factors and joins them with the core.
fn assemble<T: Entries>(
    archive: &mut ZipArchive<impl Read + Seek>,
    core: Tensor<T>,
    size: u64,
) -> Result<Tucker<T>, Problem> {
    check_finite("core", &core)?;
    // 1. There must be no factor of a mode that the core does not have.
    let order = core.order();
    let beyond = archive.file_names().flatten().find(|name| {
        let mode = name
            .strip_prefix(FACTOR)
            .and_then(|rest| rest.strip_suffix(".npy"));
        mode.is_some_and(|mode| mode.parse().map_or(true, |mode: usize| mode >= order))
    });
    if let Some(name) = beyond {
        return Err(Problem::new(format!(
            "the entry {name:?} is for a mode that does not exist: the core has {order} modes"
        )));
    }
    // 2. A mode without an entry has no factor.
    let mut factors = Vec::with_capacity(order);
    for mode in 0..order {
        let name = factor_name(mode);
        let Some(factor) = array(archive, &name, size)? else {
            factors.push(None);
            continue;
        };
        let found = (factor.shape().to_vec(), factor.dtype());
        let factor = T::from_any(factor)
            .filter(|factor| factor.order() == 2)
            .ok_or_else(|| {
                Problem::new(format!(
                    "the entry \"{name}\" is {} of shape {:?}, a matrix of {} was expected",
                    found.1,
                    found.0,
                    T::NAME
                ))
            })?;
        if factor.data().is_empty() {
            return Err(Problem::new(format!("the entry \"{name}\" is empty")));
        }
        check_finite(&name, &factor)?;
        let columns = factor.shape()[1];
        let entries = factor.data();
        factors.push(Some(Mat::from_fn(factor.shape()[0], columns, |i, j| {
            entries[i * columns + j]
        })));
    }
    Tucker::new(core, factors).map_err(|error| Problem::new(error.to_string()))
}

fn check_finite<T: Scalar>(name: &str, x: &Tensor<T>) -> Result<(), Problem> {
    match first_non_finite(TensorRef::from(x)) {
        None => Ok(()),
        Some(error) => Err(Problem::new(format!("in \"{name}\": {error}"))),
    }
}

/// The scalars of tensors in files.
trait Entries: Scalar {
    /// The tensor, if its scalar is `Self`.
    fn from_any(tensor: AnyTensor) -> Option<Tensor<Self>>;
}

impl Entries for f32 {
    fn from_any(tensor: AnyTensor) -> Option<Tensor<f32>> {
        match tensor {
            AnyTensor::F32(tensor) => Some(tensor),
            AnyTensor::F64(_) => None,
        }
    }
}

impl Entries for f64 {
    fn from_any(tensor: AnyTensor) -> Option<Tensor<f64>> {
        match tensor {
            AnyTensor::F64(tensor) => Some(tensor),
            AnyTensor::F32(_) => None,
        }
    }
}

/// Reads the array `name` of an archive of `size` bytes. Returns `None` if there is no such entry.
fn array(
    archive: &mut ZipArchive<impl Read + Seek>,
    name: &str,
    size: u64,
) -> Result<Option<AnyTensor>, Problem> {
    entry(archive, name, size, |reader, bytes| {
        npy::read_array(reader, bytes, false)
    })
}

fn read_meta(
    archive: &mut ZipArchive<impl Read + Seek>,
    size: u64,
) -> Result<Option<Meta>, Problem> {
    let text = entry(archive, "meta", size, |reader, bytes| {
        npy::read_text(reader, bytes, MAX_META)
    })?;
    text.map(|text| Meta::from_json(&text)).transpose()
}
