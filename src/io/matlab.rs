//! MATLAB's files of version 5 (`save -v6`) and 7 (`save -v7`, the default): `.mat`.
//!
//! ```text
//! text, 116 bytes │ 8 bytes │ version │ byte order │ variable │ variable │ …
//!
//! variable: [compressed by zlib: ] tag │ flags and class │ extents │ name │ entries
//! ```
//!
//! Each part of a variable starts with a *tag*, its type and its number of bytes. MATLAB stores
//! entries in the smallest type that holds them. They are read as the scalar of the variable's
//! *class*: a `double` whose entries are stored as bytes is read as f64. The first index runs
//! fastest, and every variable has at least two modes.
//!
//! The format is described in "MAT-File Format" by MathWorks.

use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::read::ZlibDecoder;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::deflate::MAX_EXPANSION;
use super::element::Element;
use super::entries;
use super::fields::{Fields, fill, finish, skip};
use super::member::Member;
use super::stored::Stored;

/// The number of bytes of the file's header.
const HEADER: usize = 128;

/// The types of tags.
const INT8: u32 = 1;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// The maximum number of bytes of a name. MATLAB's own limit is 63.
const MAX_NAME: u32 = 4096;

/// The maximum number of modes whose extents are read.
const MAX_MODES: u32 = 64;

/// The variables of the file.
pub(super) fn members(reader: &mut (impl Read + Seek), size: u64) -> Result<Vec<Member>, Problem> {
    let mut members = Vec::new();
    let mut variables = Variables::new(reader, size)?;
    while let Some(mut content) = variables.next()? {
        let variable = Variable::read(&mut content)?;
        // MATLAB keeps data of its own in a variable without a name.
        if !variable.name.is_empty() {
            members.push(variable.member());
        }
    }
    Ok(members)
}

/// Reads the variable `name`.
pub(super) fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &str,
) -> Result<AnyTensor, Problem> {
    let mut variables = Variables::new(reader, size)?;
    while let Some(mut content) = variables.next()? {
        let variable = Variable::read(&mut content)?;
        if variable.name != name {
            continue;
        }
        let numbers = variable.numbers.map_err(Problem::new)?;
        let double = numbers.class.is_double();
        let tensor = match numbers.small {
            Some(bytes) => entries::read_as(&mut &bytes[..], &numbers.stored, double)?,
            None => entries::read_as(&mut *content.reader, &numbers.stored, double)?,
        };
        finish(&mut *content.reader)?;
        return Ok(tensor);
    }
    Err(Problem::new(format!("there is no array {name:?}")))
}

/// The variables of a file, one after the other.
struct Variables<'a, R> {
    reader: &'a mut R,
    big_endian: bool,
    position: u64,
    size: u64,
}

impl<'a, R: Read + Seek> Variables<'a, R> {
    fn new(reader: &'a mut R, size: u64) -> Result<Self, Problem> {
        let mut header = [0; HEADER];
        fill(reader, &mut header, "the header")?;
        let big_endian = match &header[126..] {
            b"IM" => false,
            b"MI" => true,
            _ => {
                return Err(Problem::new(
                    "this is not a MATLAB file of version 5: its header lacks the byte order",
                ));
            }
        };
        let bytes = &header;
        let version = Fields { bytes, big_endian }.u16(124);
        if version != 0x0100 {
            return Err(Problem::new(format!(
                "version {version:#06x} of MATLAB's format cannot be read, only 0x0100"
            )));
        }
        let position = HEADER as u64;
        Ok(Self {
            reader,
            big_endian,
            position,
            size,
        })
    }

    /// The next variable, decompressed. `None` at the end of the file.
    fn next(&mut self) -> Result<Option<Content<'_>>, Problem> {
        if self.position >= self.size {
            return Ok(None);
        }
        let cannot_read = |error| Problem::io("cannot be read", error);
        let start = SeekFrom::Start(self.position);
        self.reader.seek(start).map_err(cannot_read)?;
        let tag = Tag::read(self.reader, self.big_endian)?;
        let bytes = u64::from(tag.bytes);
        self.position += 8 + bytes;
        if self.position > self.size || tag.small.is_some() {
            return Err(Problem::new("the file ends within a variable"));
        }
        let reader = BufReader::new(self.reader.by_ref().take(bytes));
        let big_endian = self.big_endian;
        match tag.kind {
            MATRIX => Ok(Some(Content {
                reader: Box::new(reader),
                bytes,
                big_endian,
            })),
            COMPRESSED => {
                let mut reader = ZlibDecoder::new(reader);
                let inner = Tag::read(&mut reader, big_endian)?;
                let claimed = u64::from(inner.bytes);
                if inner.kind != MATRIX || inner.small.is_some() {
                    return Err(unexpected(inner.kind));
                }
                if claimed > bytes.saturating_mul(MAX_EXPANSION) {
                    return Err(Problem::new(format!(
                        "a variable claims {claimed} bytes, more than its {bytes} compressed \
                         bytes can hold"
                    )));
                }
                Ok(Some(Content {
                    reader: Box::new(reader),
                    bytes: claimed,
                    big_endian,
                }))
            }
            kind => Err(unexpected(kind)),
        }
    }
}

fn unexpected(kind: u32) -> Problem {
    Problem::new(format!(
        "a part of type {kind} was found where a variable was expected"
    ))
}

/// The bytes of a variable, decompressed.
struct Content<'a> {
    reader: Box<dyn Read + 'a>,
    /// The number of bytes that the tag claims.
    bytes: u64,
    big_endian: bool,
}

/// The type of a part and the number of its bytes. A part of at most 4 bytes is in the tag itself.
struct Tag {
    kind: u32,
    bytes: u32,
    small: Option<[u8; 4]>,
}

impl Tag {
    fn read(reader: &mut (impl Read + ?Sized), big_endian: bool) -> Result<Self, Problem> {
        let mut tag = [0; 8];
        fill(reader, &mut tag, "a variable")?;
        let bytes = &tag;
        let fields = Fields { bytes, big_endian };
        let (kind, bytes) = (fields.u32(0), fields.u32(4));
        if kind >> 16 == 0 {
            return Ok(Self {
                kind,
                bytes,
                small: None,
            });
        }
        match kind >> 16 {
            bytes @ 1..=4 => Ok(Self {
                kind: kind & 0xffff,
                bytes,
                small: Some([tag[4], tag[5], tag[6], tag[7]]),
            }),
            bytes => Err(Problem::new(format!(
                "a part of a variable claims {bytes} bytes within 4"
            ))),
        }
    }

    /// Reads the bytes of a part of type `kind` and at most `maximum` bytes.
    fn content(
        content: &mut Content<'_>,
        kind: u32,
        maximum: u32,
        what: &str,
    ) -> Result<Vec<u8>, Problem> {
        let tag = Self::read(&mut *content.reader, content.big_endian)?;
        if tag.kind != kind || tag.bytes > maximum {
            return Err(Problem::new(format!(
                "{what} of a variable has type {} and {} bytes",
                tag.kind, tag.bytes
            )));
        }
        if let Some(bytes) = tag.small {
            return Ok(bytes[..tag.bytes as usize].to_vec());
        }
        let mut bytes = vec![0; tag.bytes as usize];
        fill(&mut *content.reader, &mut bytes, "a variable")?;
        let padding = tag.bytes.next_multiple_of(8) - tag.bytes;
        skip(&mut *content.reader, padding.into())?;
        Ok(bytes)
    }
}

/// What the parts before the entries say about a variable.
struct Variable {
    name: String,
    shape: Vec<usize>,
    /// The name of the class in MATLAB.
    class: &'static str,
    /// The entries; why they cannot be read if they cannot.
    numbers: Result<Numbers, String>,
}

/// The entries of a variable.
struct Numbers {
    /// The type of the variable.
    class: Element,
    /// The block of entries, with the type in which they are stored.
    stored: Stored,
    /// At most 4 bytes of entries are in their tag.
    small: Option<[u8; 4]>,
}

impl Variable {
    /// Reads up to the first entry.
    fn read(content: &mut Content<'_>) -> Result<Self, Problem> {
        let big_endian = content.big_endian;
        // 1. Flags and class.
        let bytes = &Tag::content(content, UINT32, 8, "the class")?[..];
        if bytes.len() != 8 {
            return Err(Problem::new("the class of a variable is cut short"));
        }
        let flags = Fields { bytes, big_endian }.u32(0);
        let (complex, logical) = (flags & 0x0800 != 0, flags & 0x0200 != 0);
        let class = Class::of(flags & 0xff)?;
        if class == Class::Opaque {
            // Objects have no extents.
            return Ok(Self::unreadable(name(content)?, vec![], "object"));
        }
        // 2. Extents and name.
        let bytes = &Tag::content(content, INT32, 4 * MAX_MODES, "the shape")?[..];
        let fields = Fields { bytes, big_endian };
        let extents = (0..bytes.len() / 4).map(|mode| fields.i32(4 * mode));
        let shape: Option<Vec<usize>> =
            extents.map(|extent| usize::try_from(extent).ok()).collect();
        let shape =
            shape.ok_or_else(|| Problem::new("the shape of a variable has a negative extent"))?;
        let name = name(content)?;
        // 3. The type of the entries.
        let element = match class {
            Class::Numbers(Element::U8) if logical => Element::Bool,
            Class::Numbers(element) => element,
            Class::Other(class) => return Ok(Self::unreadable(name, shape, class)),
            Class::Opaque => return Ok(Self::unreadable(name, shape, "object")),
        };
        let class = element.numpy_name();
        if complex {
            return Ok(Self {
                name,
                shape,
                class,
                numbers: Err(
                    "complex entries cannot be read: tenfold decomposes real arrays; save the \
                     real and the imaginary part as two variables"
                        .into(),
                ),
            });
        }
        let tag = Tag::read(&mut *content.reader, big_endian)?;
        let stored = stored_element(tag.kind)
            .map(|element| Stored::new(shape.clone(), element))
            .ok_or_else(|| unexpected_entries(tag.kind, &name))??
            .in_fortran_order(true)
            .in_big_endian(big_endian);
        if stored.bytes() != u64::from(tag.bytes) || stored.bytes() > content.bytes {
            return Err(Problem::new(format!(
                "the shape {shape:?} of {name:?} needs {} bytes of data, the variable has {}",
                stored.bytes(),
                tag.bytes
            )));
        }
        let numbers = Ok(Numbers {
            class: element,
            stored,
            small: tag.small,
        });
        Ok(Self {
            name,
            shape,
            class,
            numbers,
        })
    }

    fn unreadable(name: String, shape: Vec<usize>, class: &'static str) -> Self {
        Self {
            name,
            shape,
            class,
            numbers: Err(format!(
                "this is a MATLAB variable of class {class}, only full arrays of numbers can be \
                 read"
            )),
        }
    }

    fn member(self) -> Member {
        match self.numbers {
            Err(problem) => {
                let problem = Problem::new(problem);
                Member::unreadable(self.name, &self.shape, self.class, problem)
            }
            Ok(numbers) => {
                let (double, copy) = (numbers.class.is_double(), numbers.stored.bytes());
                Member {
                    stored_dtype: self.class.into(),
                    dtype: Some(numbers.class.scalar()),
                    memory: numbers.stored.memory_as(double).saturating_add(copy),
                    note: numbers.class.conversion(),
                    ..Member::numbers(self.name, &numbers.stored, 0)
                }
            }
        }
    }
}

fn unexpected_entries(kind: u32, name: &str) -> Problem {
    Problem::new(format!(
        "the entries of {name:?} have the unknown type {kind}"
    ))
}

/// Reads the name of a variable.
fn name(content: &mut Content<'_>) -> Result<String, Problem> {
    let name = Tag::content(content, INT8, MAX_NAME, "the name")?;
    String::from_utf8(name).map_err(|_| Problem::new("the name of a variable is not a text"))
}

/// The class of a variable.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Numbers(Element),
    /// An object, which has parts of its own.
    Opaque,
    Other(&'static str),
}

impl Class {
    fn of(number: u32) -> Result<Self, Problem> {
        Ok(match number {
            1 => Self::Other("cell"),
            2 => Self::Other("struct"),
            3 => Self::Other("object"),
            4 => Self::Other("char"),
            5 => Self::Other("sparse"),
            6 => Self::Numbers(Element::F64),
            7 => Self::Numbers(Element::F32),
            8 => Self::Numbers(Element::I8),
            9 => Self::Numbers(Element::U8),
            10 => Self::Numbers(Element::I16),
            11 => Self::Numbers(Element::U16),
            12 => Self::Numbers(Element::I32),
            13 => Self::Numbers(Element::U32),
            14 => Self::Numbers(Element::I64),
            15 => Self::Numbers(Element::U64),
            16 => Self::Other("function"),
            17 => Self::Opaque,
            class => {
                return Err(Problem::new(format!(
                    "a variable has the unknown class {class}"
                )));
            }
        })
    }
}

/// The type of entries in a part of type `kind`.
fn stored_element(kind: u32) -> Option<Element> {
    Some(match kind {
        1 => Element::I8,
        2 => Element::U8,
        3 => Element::I16,
        4 => Element::U16,
        5 => Element::I32,
        6 => Element::U32,
        7 => Element::F32,
        9 => Element::F64,
        12 => Element::I64,
        13 => Element::U64,
        _ => return None,
    })
}
