//! NumPy's array files: `.npy`, versions 1 to 3 of the format.

mod header;

use std::io::{self, Read, Write};
use std::path::Path;

pub(super) use header::Text as Header;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::entries::{read_file, read_from};
use super::kind::Expected;
use super::open::{Opened, open};
use super::stored::check_data_size;
use super::write::write_file;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// Reads a `.npy` file. [`super::ArrayFile`] also reads other formats, and gives shape and type before
/// it reads the entries.
///
/// Entries in Fortran order or another byte order are brought to row-major order and this machine's
/// byte order, without a second copy.
///
/// # Errors
/// [`crate::Error::UnusableFile`] unless the file is an array of bool, integers or floats of at most
/// 64 bits, has 1 to 16 modes, has exactly the bytes of data that the header claims, and fits in
/// memory.
///
/// ```
/// use tenfold::io::read_npy;
/// let error = read_npy("no-such-file.npy").unwrap_err();
/// assert_eq!(error.to_string(), "no-such-file.npy: there is no such file");
/// ```
pub fn read_npy(path: impl AsRef<Path>) -> Result<AnyTensor> {
    let path = path.as_ref();
    let read = || {
        let Opened { mut file, size, .. } = open(path, Expected::Npy)?;
        let stored = Header::read_numbers(&mut file, size, false)?;
        stored.tensor_shape()?;
        read_file(&file, &stored)
    };
    read().map_err(|problem| problem.at(path))
}

/// Reads a `.npy` array from a reader that need not seek, such as standard input.
///
/// # Errors
/// As [`read_npy`], except that data after the array is not an error: the reader then stands behind
/// the array.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::io::{AnyTensor, read_npy_from, write_npy_to};
/// let x = Tensor::new(&[2], vec![1.0, 2.0])?;
/// let mut bytes = Vec::new();
/// write_npy_to(&mut bytes, &x)?;
/// write_npy_to(&mut bytes, &x)?;
/// let mut reader = &bytes[..];
/// assert_eq!(read_npy_from(&mut reader)?, AnyTensor::F64(x));
/// assert_eq!(reader.len(), bytes.len() / 2);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn read_npy_from(mut reader: impl Read) -> Result<AnyTensor> {
    let mut read = || {
        let stored = Header::read(&mut reader)?.numbers(false)?;
        stored.tensor_shape()?;
        read_from(&mut reader, &stored)
    };
    read().map_err(Problem::of_stream)
}

/// Writes a tensor as `.npy` in row-major order and this machine's byte order. The file is
/// written as a whole or not at all.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the file cannot be written.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::io::{AnyTensor, read_npy, write_npy};
/// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &x)?;
/// assert_eq!(read_npy(&path)?, AnyTensor::F64(x));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_npy<'a, T: Scalar>(
    path: impl AsRef<Path>,
    x: impl Into<TensorRef<'a, T>>,
) -> Result<()> {
    let x = x.into();
    write_file(path.as_ref(), |file| write_array(file, x.shape(), x.data()))
}

/// Writes a tensor as `.npy`, as [`write_npy`] does, to a writer.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the writer fails.
///
/// ```
/// use tenfold::io::write_npy_to;
/// let mut bytes = Vec::new();
/// write_npy_to(&mut bytes, &tenfold::Tensor::new(&[2], vec![1.0f32, 2.0])?)?;
/// assert_eq!(bytes.len(), 128 + 2 * 4);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_npy_to<'a, T: Scalar>(
    writer: impl Write,
    x: impl Into<TensorRef<'a, T>>,
) -> Result<()> {
    let x = x.into();
    write_npy_entries_to(writer, x.shape(), x.data())
}

/// Writes `entries`, in row-major order, as a `.npy` array of shape `shape`. Unlike a
/// [`crate::Tensor`], the array may have no modes: it then holds a single number.
///
/// # Errors
/// [`crate::Error::DataLengthMismatch`] if the number of entries does not match the shape;
/// [`crate::Error::UnusableFile`] if the file cannot be written.
///
/// ```
/// use tenfold::io::write_npy_entries;
/// let folder = tempfile::tempdir().unwrap();
/// write_npy_entries(folder.path().join("x.npy"), &[], &[1.5f32])?;
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_npy_entries<T: Scalar>(
    path: impl AsRef<Path>,
    shape: &[usize],
    entries: &[T],
) -> Result<()> {
    check_entries(shape, entries)?;
    write_file(path.as_ref(), |file| write_array(file, shape, entries))
}

/// Writes `entries` as a `.npy` array, as [`write_npy_entries`] does, to a writer.
///
/// # Errors
/// As [`write_npy_entries`].
///
/// ```
/// use tenfold::io::write_npy_entries_to;
/// let mut bytes = Vec::new();
/// write_npy_entries_to(&mut bytes, &[], &[1.5f32])?;
/// assert_eq!(bytes.len(), 128 + 4);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_npy_entries_to<T: Scalar>(
    mut writer: impl Write,
    shape: &[usize],
    entries: &[T],
) -> Result<()> {
    check_entries(shape, entries)?;
    let written = write_array(&mut writer, shape, entries).and_then(|()| writer.flush());
    written.map_err(|error| Problem::io("cannot be written", error).of_stream())
}

/// Fails if the number of entries does not match the shape.
fn check_entries<T: Scalar>(shape: &[usize], entries: &[T]) -> Result<()> {
    if !shape.is_empty() || entries.len() != 1 {
        TensorRef::new(shape, entries)?;
    }
    Ok(())
}

/// Writes the header and the entries.
pub(super) fn write_array<T: Scalar>(
    writer: &mut impl Write,
    shape: &[usize],
    entries: &[T],
) -> io::Result<()> {
    let descr = header::native_descr('f', size_of::<T>());
    writer.write_all(&header::format(&descr, shape))?;
    writer.write_all(bytemuck::cast_slice(entries))
}

/// Writes `text` as an array without modes that holds one string.
pub(super) fn write_text(writer: &mut impl Write, text: &str) -> io::Result<()> {
    let length = text.chars().count();
    writer.write_all(&header::format(&header::native_descr('U', length), &[]))?;
    let bytes = text.chars().flat_map(|c| u32::from(c).to_ne_bytes());
    writer.write_all(&bytes.collect::<Vec<_>>())
}

/// Reads an array that holds one text of at most `max_length` characters: of characters (U), or of
/// bytes in UTF-8 (S). `reader` has `size` bytes, including the header.
pub(super) fn read_text(
    reader: &mut (impl Read + ?Sized),
    size: u64,
    max_length: usize,
) -> Result<String, Problem> {
    let header = Header::read(reader)?;
    let (order, code) = header::split_descr(&header.descr);
    let other = || {
        let hint = if code == "O" {
            ", not a pickled Python object: save str(meta)"
        } else {
            ""
        };
        Problem::new(format!("an array with one text was expected{hint}"))
    };
    // 1. The bytes.
    let width = match code.chars().next() {
        Some('U') => 4,
        Some('S') => 1,
        _ => return Err(other()),
    };
    let length: Option<usize> = code[1..].parse().ok();
    let is_one = header.shape.iter().all(|&extent| extent == 1);
    let Some(length) = length.filter(|&length| is_one && length <= max_length) else {
        return Err(other());
    };
    check_data_size((width * length) as u64, size.saturating_sub(header.bytes))?;
    let mut bytes = vec![0; width * length];
    reader
        .read_exact(&mut bytes)
        .map_err(|error| Problem::io("cannot be read", error))?;
    // 2. The characters.
    let text = if width == 1 {
        String::from_utf8(bytes).ok()
    } else {
        let swapped = header::is_swapped(order);
        let characters = bytes.as_chunks::<4>().0.iter().map(|&bytes| {
            let code = u32::from_ne_bytes(bytes);
            char::from_u32(if swapped { code.swap_bytes() } else { code })
        });
        characters.collect()
    };
    text.map(|text| text.trim_end_matches('\0').to_owned())
        .ok_or_else(other)
}

/// Reads an array. `reader` has `size` bytes, including the header.
pub(super) fn read_array(
    reader: &mut (impl Read + ?Sized),
    size: u64,
    bfloat16: bool,
) -> Result<AnyTensor, Problem> {
    let stored = Header::read_numbers(reader, size, bfloat16)?;
    stored.tensor_shape()?;
    read_from(reader, &stored)
}
