//! Raw binary files: the entries of an array, and nothing else.

use super::Problem;
use super::element::Element;
use super::stored::Stored;

/// How an array is stored in a file without a header, and how [`super::ArrayFile::open_with`] reads
/// it.
///
/// ```
/// use tenfold::io::{ArrayFile, Element, Raw, ReadOptions};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.raw");
/// std::fs::write(&path, [1, 0, 2, 0, 3, 0]).unwrap();
/// let options = ReadOptions {
///     raw: Some(Raw::new(Element::U16, [3])),
///     ..ReadOptions::default()
/// };
/// let file = ArrayFile::open_with(&path, &options)?;
/// assert_eq!((file.shape(), file.dtype()), (&[3][..], "f32"));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The type of the entries.
    pub element: Element,
    /// The extents.
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest, as in Fortran. Otherwise the last index does.
    pub fortran: bool,
    /// Whether the first byte of an entry is the most significant one.
    pub big_endian: bool,
}

impl Raw {
    /// A row-major array of little-endian entries.
    pub fn new(element: Element, shape: impl Into<Vec<usize>>) -> Self {
        Self {
            element,
            shape: shape.into(),
            fortran: false,
            big_endian: false,
        }
    }

    /// The block of numbers. Fails for a shape that a tensor cannot have.
    pub(super) fn stored(&self) -> Result<Stored, Problem> {
        let stored = Stored::new(self.shape.clone(), self.element)?
            .in_fortran_order(self.fortran)
            .in_big_endian(self.big_endian);
        stored.tensor_shape()?;
        Ok(stored)
    }

    /// The block of numbers, if a file of `size` bytes has exactly its length.
    pub(super) fn stored_in(&self, size: u64) -> Result<Stored, Problem> {
        let stored = self.stored()?;
        if stored.bytes() == size {
            return Ok(stored);
        }
        let extents: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        Err(Problem::new(format!(
            "the shape {} of {} has {} bytes, the file has {size}",
            extents.join("×"),
            self.element,
            stored.bytes()
        )))
    }
}
