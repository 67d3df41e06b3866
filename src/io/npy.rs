//! NumPy's array files: `.npy`, versions 1 to 3 of the format.

mod entries;
mod header;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub(super) use header::{Element, Header};

use super::Problem;
use super::kind::Expected;
use super::open::{Opened, open};
use super::write::write_file;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{Shape, Tensor, TensorRef};

/// A tensor read from a file. The type of the entries in the file decides the scalar.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::io::AnyTensor;
/// let x = AnyTensor::F32(Tensor::zeros(&[2, 3])?);
/// assert_eq!((x.shape(), x.dtype()), (&[2, 3][..], "f32"));
/// let AnyTensor::F32(x) = x else { unreachable!() };
/// assert_eq!(x.data().len(), 6);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum AnyTensor {
    /// From float32, float16, bool, or integers of 8 or 16 bits.
    F32(Tensor<f32>),
    /// From float64, or integers of 32 or 64 bits.
    F64(Tensor<f64>),
}

impl AnyTensor {
    /// The extents.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(tensor) => tensor.shape(),
            Self::F64(tensor) => tensor.shape(),
        }
    }

    /// The name of the scalar: "f32" or "f64".
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => f32::NAME,
            Self::F64(_) => f64::NAME,
        }
    }
}

/// An open `.npy` file. Only its header has been read: shape and type are available before
/// gigabytes of entries are read.
///
/// [`Npy::read`] brings entries in Fortran order or another byte order to row-major order
/// and this machine's byte order. It makes no second copy.
///
/// ```
/// use tenfold::io::{Npy, write_npy};
/// use tenfold::Tensor;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &Tensor::new(&[2, 3], vec![1.0f32; 6])?)?;
/// let file = Npy::open(&path)?;
/// assert_eq!((file.shape(), file.dtype()), (&[2, 3][..], "f32"));
/// assert_eq!(file.read()?.shape(), [2, 3]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Debug)]
pub struct Npy {
    path: PathBuf,
    file: File,
    shape: Shape,
    header: Header,
}

impl Npy {
    /// Opens the file and checks its header and its size.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] unless the file is an array of bool, integers or
    /// floats of at most 64 bits, has 1 to 16 modes, and has exactly the bytes of data that
    /// the header claims.
    ///
    /// ```
    /// # use tenfold::io::Npy;
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("x.npy");
    /// std::fs::write(&path, b"no array").unwrap();
    /// assert!(Npy::open(&path).is_err());
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open_checked(path).map_err(|problem| problem.at(path))
    }

    fn open_checked(path: &Path) -> Result<Self, Problem> {
        let Opened { mut file, size, .. } = open(path, Expected::Array)?;
        let header = Header::read(&mut file, size)?;
        let shape = header.tensor_shape()?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            shape,
            header,
        })
    }

    /// The extents.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The name of the scalar that the entries are read as: "f32" or "f64".
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        if self.header.element.is_double() {
            f64::NAME
        } else {
            f32::NAME
        }
    }

    /// NumPy's name for the type of the entries in the file: "float32", "int16", …
    #[must_use]
    pub fn stored_dtype(&self) -> &'static str {
        self.header.element.name()
    }

    /// A sentence for the user about the conversion to [`Npy::dtype`]; `None` if the entries
    /// are not converted.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let element = self.header.element;
        if matches!(element, Element::F32 | Element::F64) {
            return None;
        }
        let rounding = match element {
            Element::I64 | Element::U64 => ", rounded above 2^53",
            _ => "",
        };
        Some(format!(
            "{}: {} entries were converted to {}{rounding}",
            self.path.display(),
            element.name(),
            self.dtype()
        ))
    }

    /// Reads the entries.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] if the entries cannot be read or do not fit in memory.
    pub fn read(self) -> Result<AnyTensor> {
        let tensor = if self.header.element.is_double() {
            self.entries().map(AnyTensor::F64)
        } else {
            self.entries().map(AnyTensor::F32)
        };
        tensor.map_err(|problem| problem.at(&self.path))
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    fn entries<T: Scalar>(&self) -> Result<Tensor<T>, Problem> {
        let entries = entries::read(&self.file, self.header.start, &self.header)?;
        tensor(&self.shape, entries)
    }
}

/// Reads a `.npy` file: [`Npy::open`], then [`Npy::read`].
///
/// # Errors
/// The errors of [`Npy::open`] and [`Npy::read`].
///
/// ```
/// use tenfold::io::read_npy;
/// let error = read_npy("no-such-file.npy").unwrap_err();
/// assert_eq!(error.to_string(), "no-such-file.npy: there is no such file");
/// ```
pub fn read_npy(path: impl AsRef<Path>) -> Result<AnyTensor> {
    Npy::open(path)?.read()
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

/// Writes `entries`, in row-major order, as a `.npy` array of shape `shape`. Unlike a
/// [`Tensor`], the array may have no modes: it then holds a single number.
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
    if !shape.is_empty() || entries.len() != 1 {
        TensorRef::new(shape, entries)?;
    }
    write_file(path.as_ref(), |file| write_array(file, shape, entries))
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

/// Reads an array without modes that holds one string of at most `max_length` characters.
/// `reader` has `size` bytes, including the header.
pub(super) fn read_text(
    reader: &mut (impl Read + ?Sized),
    size: u64,
    max_length: usize,
) -> Result<String, Problem> {
    let header = header::Text::read(reader)?;
    let (order, code) = header::split_descr(&header.descr);
    let length = code
        .strip_prefix('U')
        .and_then(|length| length.parse().ok());
    let length: usize = match length {
        Some(length) if header.shape.is_empty() && length <= max_length => length,
        _ => return Err(Problem::new("an array with one text was expected")),
    };
    header::check_data_size(4 * length as u64, size.saturating_sub(header.bytes))?;
    let mut bytes = vec![0; 4 * length];
    reader
        .read_exact(&mut bytes)
        .map_err(|error| Problem::io("cannot be read", error))?;
    let swapped = header::is_swapped(order);
    let characters = bytes.as_chunks::<4>().0.iter().map(|&bytes| {
        let code = u32::from_ne_bytes(bytes);
        char::from_u32(if swapped { code.swap_bytes() } else { code })
    });
    let text: Option<String> = characters.collect();
    text.map(|text| text.trim_end_matches('\0').to_owned())
        .ok_or_else(|| Problem::new("an array with one text was expected"))
}

/// Reads an array. `reader` has `size` bytes, including the header.
pub(super) fn read_array(
    reader: &mut (impl Read + ?Sized),
    size: u64,
) -> Result<AnyTensor, Problem> {
    let header = Header::read(reader, size)?;
    let shape = header.tensor_shape()?;
    if header.element.is_double() {
        Ok(AnyTensor::F64(tensor(
            &shape,
            sequential(reader, &header)?,
        )?))
    } else {
        Ok(AnyTensor::F32(tensor(
            &shape,
            sequential(reader, &header)?,
        )?))
    }
}

/// Reads the entries from a reader that cannot seek.
fn sequential<T: Scalar>(
    reader: &mut (impl Read + ?Sized),
    header: &Header,
) -> Result<Vec<T>, Problem> {
    let cannot_read = |error| Problem::io("cannot be read", error);
    if entries::is_plain(header) && !header.is_column_major() {
        let mut entries = entries::zeroed(header.entries())?;
        let bytes = bytemuck::cast_slice_mut(&mut entries);
        reader.read_exact(bytes).map_err(cannot_read)?;
        entries::to_native_order(bytes, header);
        return Ok(entries);
    }
    let mut bytes: Vec<u8> = entries::zeroed(header.entries() * header.element.size())?;
    reader.read_exact(&mut bytes).map_err(cannot_read)?;
    entries::read(&bytes, 0, header)
}

fn tensor<T>(shape: &[usize], data: Vec<T>) -> Result<Tensor<T>, Problem> {
    Tensor::new(shape, data).map_err(|error| Problem::new(error.to_string()))
}
