//! How an array is stored in a file: a block of numbers of one type.

use super::Problem;
use super::element::Element;

use crate::tensor::Shape;

/// A block of numbers in a file. Its size in bytes is known not to overflow.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) shape: Vec<usize>,
    pub(super) element: Element,
    /// Whether the byte order differs from this machine's.
    pub(super) swapped: bool,
    /// Whether the first index runs fastest.
    fortran: bool,
    /// The position of the first entry in the file.
    pub(super) start: u64,
}

impl Stored {
    /// A row-major block at the start of the file, in this machine's byte order.
    ///
    /// Fails if the size of the block, or of the array in memory, overflows.
    pub(super) fn new(shape: Vec<usize>, element: Element) -> Result<Self, Problem> {
        let bytes = element.size().max(size_of::<f64>());
        if checked_len(&shape)
            .and_then(|len| len.checked_mul(bytes))
            .is_none()
        {
            return Err(Problem::new(format!("the shape {shape:?} is too large")));
        }
        Ok(Self {
            shape,
            element,
            swapped: false,
            fortran: false,
            start: 0,
        })
    }

    /// The block with its first entry at position `start` of the file.
    pub(super) fn at(self, start: u64) -> Self {
        Self { start, ..self }
    }

    /// The block in another order of the entries.
    pub(super) fn in_fortran_order(self, fortran: bool) -> Self {
        Self { fortran, ..self }
    }

    /// The block in another byte order. Entries of one byte have no byte order.
    pub(super) fn in_big_endian(self, big_endian: bool) -> Self {
        let native = cfg!(target_endian = "big");
        Self {
            swapped: big_endian != native && self.element.size() > 1,
            ..self
        }
    }

    /// The shape, if a tensor can have it: 1 to 16 modes.
    pub(super) fn tensor_shape(&self) -> Result<Shape, Problem> {
        Shape::new(&self.shape).map_err(|error| Problem::new(error.to_string()))
    }

    /// The number of entries.
    pub(super) fn entries(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of bytes in the file.
    pub(super) fn bytes(&self) -> u64 {
        self.entries() as u64 * self.element.size() as u64
    }

    /// The number of bytes of all entries in memory, as `f32` or `f64`.
    pub(super) fn memory(&self) -> u64 {
        self.memory_as(self.element.is_double())
    }

    /// The number of bytes of all entries in memory: as `f64` if `double`, otherwise as `f32`.
    pub(super) fn memory_as(&self, double: bool) -> u64 {
        let scalar = if double {
            size_of::<f64>()
        } else {
            size_of::<f32>()
        };
        self.entries() as u64 * scalar as u64
    }

    /// The number of bytes that [`super::entries::read_from`] allocates: in Fortran order it also
    /// needs a copy of the bytes in the file.
    pub(super) fn memory_from_reader(&self) -> u64 {
        let copy = if self.is_column_major() {
            self.bytes()
        } else {
            0
        };
        self.memory().saturating_add(copy)
    }

    /// Whether the entries must be reordered to row-major order.
    pub(super) fn is_column_major(&self) -> bool {
        self.fortran && self.shape.len() > 1
    }

    /// The name of the scalar that the entries are read as.
    pub(super) fn scalar(&self) -> &'static str {
        self.element.scalar()
    }
}

/// Fails unless a file has exactly the bytes of data that its header claims.
pub(super) fn check_data_size(claimed: u64, present: u64) -> Result<(), Problem> {
    if claimed == present {
        return Ok(());
    }
    Err(Problem::new(format!(
        "the header claims {claimed} bytes of data, the file has {present}"
    )))
}

/// The product of the extents. `None` if the product of the extents above zero overflows, even if
/// another extent is zero.
fn checked_len(shape: &[usize]) -> Option<usize> {
    let nonzero = shape.iter().filter(|&&extent| extent > 0);
    let product = nonzero
        .copied()
        .try_fold(1usize, |product, extent| product.checked_mul(extent))?;
    Some(if shape.contains(&0) { 0 } else { product })
}
