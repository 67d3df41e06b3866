//! The types of numbers in files.

use crate::names::named;
use crate::scalar::Scalar;

/// The type of the entries of an array in a file. [`Element::name`] is its name on the command
/// line, such as "f32"; [`Element::numpy_name`] is its name in NumPy, such as "float32".
///
/// ```
/// use tenfold::io::Element;
/// let element: Element = "bf16".parse()?;
/// assert_eq!((element.size(), element.numpy_name()), (2, "bfloat16"));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// One byte; every value other than 0 is read as 1.
    Bool,
    /// A signed integer of 8 bits.
    I8,
    /// An unsigned integer of 8 bits.
    U8,
    /// A signed integer of 16 bits.
    I16,
    /// An unsigned integer of 16 bits.
    U16,
    /// A signed integer of 32 bits.
    I32,
    /// An unsigned integer of 32 bits.
    U32,
    /// A signed integer of 64 bits.
    I64,
    /// An unsigned integer of 64 bits.
    U64,
    /// A float of 16 bits with 5 bits of exponent (IEEE 754).
    F16,
    /// A float of 16 bits with 8 bits of exponent: the upper half of an `f32`.
    BF16,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
}

named!(Element, "type of numbers",
    Bool => "bool",
    I8 => "i8",
    U8 => "u8",
    I16 => "i16",
    U16 => "u16",
    I32 => "i32",
    U32 => "u32",
    I64 => "i64",
    U64 => "u64",
    F16 => "f16",
    BF16 => "bf16",
    F32 => "f32",
    F64 => "f64",
);

impl Element {
    /// The name in NumPy. NumPy itself has no bfloat16; the Python package ml_dtypes adds it.
    #[must_use]
    pub fn numpy_name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
            Self::U32 => "uint32",
            Self::I64 => "int64",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The number of bytes of an entry in the file.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// The name of the scalar that the entries are read as: "f64" for 32-bit and 64-bit integers
    /// and for `f64`, because `f32` would lose digits; "f32" for the others.
    #[must_use]
    pub fn scalar(self) -> &'static str {
        if self.is_double() {
            f64::NAME
        } else {
            f32::NAME
        }
    }

    /// Whether the entries are read as `f64`.
    pub(super) fn is_double(self) -> bool {
        matches!(
            self,
            Self::I32 | Self::U32 | Self::I64 | Self::U64 | Self::F64
        )
    }

    /// A note for the user about the conversion to [`Element::scalar`]. `None` if the entries are
    /// not converted.
    pub(super) fn conversion(self) -> Option<String> {
        if matches!(self, Self::F32 | Self::F64) {
            return None;
        }
        let rounding = match self {
            Self::I64 | Self::U64 => ", rounded above 2^53",
            _ => "",
        };
        Some(format!(
            "{} entries were converted to {}{rounding}",
            self.numpy_name(),
            self.scalar()
        ))
    }
}
