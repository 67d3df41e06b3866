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
use super::super::element::Element;
use super::super::stored::{Stored, check_data_size};

/// The maximum length of the text in bytes. NumPy's own limit is 10 000.
const MAX_TEXT: usize = 1 << 20;

/// The maximum number of brackets open at once in a header. An array of numbers needs two,
/// an array of records four. Without a limit, each further pair of braces would double the time of
/// the parser, because it parses their content twice: as a dictionary and as a set.
const MAX_DEPTH: usize = 6;

/// Parses NumPy's type string without the byte order: `f8`, `i2`, …
fn element(code: &str) -> Option<Element> {
    Some(match code {
        "b1" | "?" => Element::Bool,
        "i1" => Element::I8,
        "u1" => Element::U8,
        "i2" => Element::I16,
        "u2" => Element::U16,
        "i4" => Element::I32,
        "u4" => Element::U32,
        "i8" => Element::I64,
        "u8" => Element::U64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => return None,
    })
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
    /// Reads the header of a file of `size` bytes that holds an array of real numbers.
    pub(in crate::io) fn read_numbers(
        reader: &mut (impl Read + ?Sized),
        size: u64,
        bfloat16: bool,
    ) -> Result<Stored, Problem> {
        Self::read(reader)?.numbers_in(size, bfloat16)
    }

    /// The block of numbers in a file of `size` bytes. [`Text::numbers`] describes `bfloat16`.
    pub(in crate::io) fn numbers_in(&self, size: u64, bfloat16: bool) -> Result<Stored, Problem> {
        let stored = self.numbers(bfloat16)?;
        check_data_size(stored.bytes(), size.saturating_sub(stored.start))?;
        Ok(stored)
    }

    /// The block of numbers that the header describes. With `bfloat16`, entries of two bytes without
    /// a type of numbers are bfloat16.
    pub(in crate::io) fn numbers(&self, bfloat16: bool) -> Result<Stored, Problem> {
        let (order, code) = split_descr(&self.descr);
        let element = match code {
            "V2" if bfloat16 => Some(Element::BF16),
            _ => element(code),
        };
        let element = element.ok_or_else(|| Problem::new(unsupported_type(&self.descr, code)))?;
        let stored = Stored::new(self.shape.clone(), element)?
            .at(self.bytes)
            .in_fortran_order(self.fortran);
        Ok(match order {
            '<' => stored.in_big_endian(false),
            '>' => stored.in_big_endian(true),
            _ => stored,
        })
    }

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
        let dictionary = text.parse().ok();
        let dictionary = dictionary.or_else(|| without_long_marks(text).parse().ok());
        let Value::Dict(entries) = dictionary? else {
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

/// The text without the marks of long integers, which Python 2 wrote: `(6L, 7L)` becomes `(6, 7)`.
/// A quoted text is not changed.
fn without_long_marks(text: &str) -> String {
    let mut quote = None;
    let mut before = ' ';
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        if !(c == 'L' && quote.is_none() && before.is_ascii_digit()) {
            kept.push(c);
        }
        before = c;
    }
    kept
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
        "V2" => {
            return format!(
                "entries of type '{descr}' are 2 bytes without a type of numbers; if they are bfloat16, \
                 --bfloat16 reads them (in the library, ReadOptions::bfloat16)"
            );
        }
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
        Some('[') => "structured",
        Some('V') => "bytes without a type of numbers",
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
