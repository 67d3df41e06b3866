//! The header of a `.npy` file: a Python dictionary as text.
//!
//! ```text
//! \x93NUMPY 1 0 118 {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }  entries
//!           │ │ │              ││
//!     version │ │              │└ type and bytes of an entry
//!       length of the text     └ byte order
//! ```
//!
//! The format is described under `numpy.lib.format` in NumPy's manual.

use std::io::Read;

use py_literal::Value;

use super::super::Problem;
use crate::tensor::Shape;

/// The maximum length of the text in bytes. NumPy's own limit is 10 000.
const MAX_TEXT: usize = 1 << 20;

/// The maximum number of brackets open at once in a header. An array of numbers needs two,
/// an array of records four. Without a limit, each further pair of braces would double the time of
/// the parser, because it parses their content twice: as a dictionary and as a set.
const MAX_DEPTH: usize = 6;

/// The type of the entries in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum Element {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
}

impl Element {
    /// Parses NumPy's type string without the byte order: `f8`, `i2`, …
    fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "b1" | "?" => Self::Bool,
            "i1" => Self::I8,
            "u1" => Self::U8,
            "i2" => Self::I16,
            "u2" => Self::U16,
            "i4" => Self::I32,
            "u4" => Self::U32,
            "i8" => Self::I64,
            "u8" => Self::U64,
            "f2" => Self::F16,
            "f4" => Self::F32,
            "f8" => Self::F64,
            _ => return None,
        })
    }

    /// The name in NumPy.
    pub(in crate::io) fn name(self) -> &'static str {
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
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The number of bytes of an entry in the file.
    pub(in crate::io) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether entries of this type are read as `f64`, because `f32` would lose digits.
    pub(in crate::io) fn is_double(self) -> bool {
        matches!(
            self,
            Self::I32 | Self::U32 | Self::I64 | Self::U64 | Self::F64
        )
    }
}

/// A header, checked against the size of its file.
#[derive(Clone, Debug)]
pub(in crate::io) struct Header {
    pub(in crate::io) shape: Vec<usize>,
    pub(in crate::io) element: Element,
    /// Whether the byte order differs from this machine's.
    pub(in crate::io) swapped: bool,
    /// Whether the first index runs fastest.
    fortran: bool,
    /// The position of the first entry in the file.
    pub(in crate::io) start: u64,
}

impl Header {
    /// Reads the header of an array of real numbers from a file of `size` bytes.
    pub(in crate::io) fn read(
        reader: &mut (impl Read + ?Sized),
        size: u64,
    ) -> Result<Self, Problem> {
        let text = Text::read(reader)?;
        let (order, code) = split_descr(&text.descr);
        let element = Element::from_code(code)
            .ok_or_else(|| Problem::new(unsupported_type(&text.descr, code)))?;
        let header = Self {
            swapped: is_swapped(order) && element.size() > 1,
            shape: text.shape,
            element,
            fortran: text.fortran,
            start: text.bytes,
        };
        let promised = checked_len(&header.shape)
            .and_then(|len| len.checked_mul(element.size() as u64))
            .ok_or_else(|| Problem::new(format!("the shape {:?} is too large", header.shape)))?;
        check_data_size(promised, size.saturating_sub(header.start))?;
        Ok(header)
    }

    /// The shape, if a tensor can have it: 1 to 16 modes.
    pub(in crate::io) fn tensor_shape(&self) -> Result<Shape, Problem> {
        Shape::new(&self.shape).map_err(|error| Problem::new(error.to_string()))
    }

    /// The number of entries.
    pub(in crate::io) fn entries(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of bytes of all entries in memory, as `f32` or `f64`.
    pub(in crate::io) fn memory(&self) -> u64 {
        let scalar = if self.element.is_double() { 8 } else { 4 };
        (self.entries() as u64).saturating_mul(scalar)
    }

    /// Whether the entries must be reordered to row-major order.
    pub(in crate::io) fn is_column_major(&self) -> bool {
        self.fortran && self.shape.len() > 1
    }
}

/// Fails unless the file has exactly the bytes of data that its header promises.
pub(in crate::io) fn check_data_size(promised: u64, present: u64) -> Result<(), Problem> {
    if promised == present {
        return Ok(());
    }
    Err(Problem::new(format!(
        "the header claims {promised} bytes of data, the file has {present}"
    )))
}

/// The product of the extents. `None` if the product of the extents above zero overflows, even if
/// another extent is zero.
fn checked_len(shape: &[usize]) -> Option<u64> {
    let nonzero = shape.iter().filter(|&&extent| extent > 0);
    let product = nonzero
        .copied()
        .try_fold(1u64, |product, extent| product.checked_mul(extent as u64))?;
    Some(if shape.contains(&0) { 0 } else { product })
}

/// The content of a header's text, for an array of any type.
pub(in crate::io) struct Text {
    /// NumPy's type string.
    pub(in crate::io) descr: String,
    /// Whether the first index runs fastest.
    pub(in crate::io) fortran: bool,
    pub(in crate::io) shape: Vec<usize>,
    /// The number of bytes of the whole header.
    pub(in crate::io) bytes: u64,
}

impl Text {
    pub(in crate::io) fn read(reader: &mut (impl Read + ?Sized)) -> Result<Self, Problem> {
        let mut start = [0; 8];
        fill(reader, &mut start, "the start of a .npy file")?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err(Problem::new(
                "this is not a .npy file: it does not start with \\x93NUMPY",
            ));
        }
        let (length, before) = match start[6] {
            1 => {
                let mut length = [0; 2];
                fill(reader, &mut length, "the header")?;
                (usize::from(u16::from_le_bytes(length)), 10)
            }
            2 | 3 => {
                let mut length = [0; 4];
                fill(reader, &mut length, "the header")?;
                (u32::from_le_bytes(length) as usize, 12)
            }
            version => {
                return Err(Problem::new(format!(
                    "version {version} of the .npy format is not supported, only versions 1 to 3"
                )));
            }
        };
        if length > MAX_TEXT {
            return Err(Problem::new(format!(
                "the header claims {length} bytes, at most {MAX_TEXT} are allowed"
            )));
        }
        let mut text = vec![0; length];
        fill(reader, &mut text, "the header")?;
        Self::parse(&text, (before + length) as u64)
            .ok_or_else(|| Problem::new("the header is not the description of an array"))
    }

    fn parse(text: &[u8], bytes: u64) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim_end();
        if depth(text) > MAX_DEPTH {
            return None;
        }
        let Value::Dict(entries) = text.parse().ok()? else {
            return None;
        };
        let entry = |key: &str| {
            let mut entries = entries.iter();
            entries.find_map(|(k, value)| (k.as_string()? == key).then_some(value))
        };
        let Value::Boolean(fortran) = entry("fortran_order")? else {
            return None;
        };
        let extents = match entry("shape")? {
            Value::Tuple(extents) | Value::List(extents) => extents,
            _ => return None,
        };
        let shape = extents
            .iter()
            .map(|extent| match extent {
                Value::Integer(extent) => usize::try_from(extent).ok(),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let descr = match entry("descr")? {
            Value::String(descr) => descr.clone(),
            structured => structured.to_string(),
        };
        Some(Self {
            descr,
            fortran: *fortran,
            shape,
            bytes,
        })
    }
}

/// The maximum number of brackets open at once. Brackets inside strings count too.
fn depth(text: &str) -> usize {
    let mut open = 0usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Splits a type string into the byte order and the rest.
pub(in crate::io) fn split_descr(descr: &str) -> (char, &str) {
    match descr.chars().next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
        _ => ('=', descr),
    }
}

/// Whether a byte order differs from this machine's.
pub(in crate::io) fn is_swapped(order: char) -> bool {
    match order {
        '<' => cfg!(target_endian = "big"),
        '>' => cfg!(target_endian = "little"),
        _ => false,
    }
}

/// The type string of numbers of `size` bytes in this machine's byte order.
pub(in crate::io) fn native_descr(kind: char, size: usize) -> String {
    let order = if cfg!(target_endian = "little") {
        '<'
    } else {
        '>'
    };
    format!("{order}{kind}{size}")
}

/// The message for entries of a type that is not read.
fn unsupported_type(descr: &str, code: &str) -> String {
    let complex = match code {
        "c8" => "complex64",
        "c16" => "complex128",
        _ => {
            return format!(
                "entries of type {} cannot be read, only bool, integers and floats of 8 to 64 bits",
                describe(descr)
            );
        }
    };
    format!(
        "{complex} entries cannot be read: tenfold decomposes real arrays; pass the real and \
         the imaginary part as two arrays"
    )
}

/// A type string with a word for the kind of type.
fn describe(descr: &str) -> String {
    let kind = match split_descr(descr).1.chars().next() {
        Some('c') => "complex",
        Some('U') => "text",
        Some('S' | 'a') => "bytes",
        Some('O') => "Python object",
        Some('M') => "date",
        Some('m') => "time difference",
        Some('f') => "float",
        Some('[' | 'V') => "structured",
        _ => return format!("'{}'", shorten(descr)),
    };
    format!("'{}' ({kind})", shorten(descr))
}

/// At most 40 characters of `text`, with control characters replaced.
fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(40)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The header of a row-major array, padded so that the entries start at a multiple of 64.
pub(in crate::io) fn format(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    if shape.len() != 1 {
        extents.truncate(extents.len().saturating_sub(2));
    } else {
        extents.truncate(extents.len() - 1);
    }
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    let unpadded = 10 + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend(length.to_le_bytes());
    header.extend(text.into_bytes());
    header
}

/// Fills `bytes` from a reader; `what` names them in the message.
fn fill(reader: &mut (impl Read + ?Sized), bytes: &mut [u8], what: &str) -> Result<(), Problem> {
    reader.read_exact(bytes).map_err(|error| {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            Problem::new(format!("the file ends within {what}"))
        } else {
            Problem::io("cannot be read", error)
        }
    })
}
