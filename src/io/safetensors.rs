//! Tensors in `.safetensors` files.
//!
//! ```text
//! 8 bytes   n bytes                                                      the rest
//!    n      {"layer4": {"dtype": "F16", "shape": [8, 7], "data_offsets": [0, 112]}, …}   entries
//! ```
//!
//! Entries are row-major and little-endian. The arrays follow each other without gaps.

use std::io::{Read, Seek, SeekFrom};

use ::safetensors::tensor::{Dtype, Metadata};

use super::Problem;
use super::any_tensor::AnyTensor;
use super::element::Element;
use super::entries::read_from;
use super::kind::MAX_SAFETENSORS_HEADER;
use super::member::Member;
use super::stored::{Stored, check_data_size};

/// The arrays of a file of `size` bytes, in their order in the file.
pub(super) fn members(reader: &mut (impl Read + Seek), size: u64) -> Result<Vec<Member>, Problem> {
    let header = Header::read(reader, size)?;
    let names = header.metadata.offset_keys().into_iter();
    names
        .map(|name| {
            Ok(match header.numbers(&name)? {
                Ok(stored) => Member::numbers(name, &stored, stored.memory()),
                Err((shape, dtype)) => {
                    let problem = format!(
                        "entries of type {dtype} cannot be read, only bool, integers and floats of 8 to \
                         64 bits"
                    );
                    Member::unreadable(name, &shape, &dtype, Problem::new(problem))
                }
            })
        })
        .collect()
}

/// Reads the array `name`.
pub(super) fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    name: &str,
) -> Result<AnyTensor, Problem> {
    let header = Header::read(reader, size)?;
    let stored = header.numbers(name)?;
    let stored = stored
        .map_err(|(_, dtype)| Problem::new(format!("entries of type {dtype} cannot be read")))?;
    let sought = reader.seek(SeekFrom::Start(stored.start));
    sought.map_err(|error| Problem::io("cannot be read", error))?;
    read_from(reader, &stored)
}

/// A header, checked against the size of its file.
struct Header {
    metadata: Metadata,
    /// The position of the first entry of the first array.
    start: u64,
}

impl Header {
    /// Reads the header from the start of a file of `size` bytes.
    fn read(reader: &mut impl Read, size: u64) -> Result<Self, Problem> {
        // 1. The length of the text.
        let mut length = [0; 8];
        let cut_short = |error| Problem::io("the file ends within the header", error);
        reader.read_exact(&mut length).map_err(cut_short)?;
        let length = u64::from_le_bytes(length);
        let start = length.saturating_add(8);
        if length > MAX_SAFETENSORS_HEADER || start > size {
            return Err(Problem::new(format!(
                "the file claims a header of {length} bytes, more than it has or more than \
                 {MAX_SAFETENSORS_HEADER}"
            )));
        }
        // 2. The text. The library checks that the arrays follow each other without gaps, and that
        // each has the bytes of its shape.
        let mut text = Vec::new();
        reader
            .take(length)
            .read_to_end(&mut text)
            .map_err(cut_short)?;
        let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| {
            Problem::new(format!(
                "this is not the header of a .safetensors file: {error}"
            ))
        })?;
        check_data_size(metadata.data_len() as u64, size - start)?;
        Ok(Self { metadata, start })
    }

    /// The array `name` as a block of numbers. For a type that is not read, its shape and its type.
    fn numbers(&self, name: &str) -> Result<Result<Stored, (Vec<usize>, String)>, Problem> {
        let Some(info) = self.metadata.info(name) else {
            return Err(Problem::new(format!("there is no array {name:?}")));
        };
        let Some(element) = element(info.dtype) else {
            return Ok(Err((info.shape.clone(), info.dtype.to_string())));
        };
        let stored = Stored::new(info.shape.clone(), element)?
            .at(self.start + info.data_offsets.0 as u64)
            .in_big_endian(false);
        Ok(Ok(stored))
    }
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::I8 => Element::I8,
        Dtype::U8 => Element::U8,
        Dtype::I16 => Element::I16,
        Dtype::U16 => Element::U16,
        Dtype::I32 => Element::I32,
        Dtype::U32 => Element::U32,
        Dtype::I64 => Element::I64,
        Dtype::U64 => Element::U64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        _ => return None,
    })
}
