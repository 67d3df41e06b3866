//! The types of the entries of datasets.
//!
//! HDF5 describes a float by the places of its sign, exponent and mantissa, and an integer by its
//! bits within its bytes. The crate keeps only the number of bytes, so that bfloat16 and float16
//! look alike. Types are therefore recognised from the bytes of the description:
//!
//! ```text
//! class, version │ flags, 3 bytes │ size, 4 bytes │ first bit, 2 │ bits, 2 │
//!     floats only: place and bits of the exponent, of the mantissa │ bias, 4 bytes
//! ```

use hdf5_reader::{Dataset, Datatype, EnumMember};

use super::super::Problem;
use super::super::element::Element;
use super::super::fields::Fields;

/// The floats that are read: the type, and what its description says.
const FLOATS: [(Element, Float); 4] = [
    (Element::F16, Float::ieee(16, 5)),
    (Element::BF16, Float::ieee(16, 8)),
    (Element::F32, Float::ieee(32, 8)),
    (Element::F64, Float::ieee(64, 11)),
];

/// The description of a float.
#[derive(PartialEq)]
struct Float {
    bits: u16,
    sign: u8,
    exponent: [u8; 2],
    mantissa: [u8; 2],
    bias: u32,
}

impl Float {
    /// A float in the manner of IEEE 754: from the highest bit, sign, exponent, mantissa.
    const fn ieee(bits: u8, exponent: u8) -> Self {
        let mantissa = bits - 1 - exponent;
        Self {
            bits: bits as u16,
            sign: bits - 1,
            exponent: [mantissa, exponent],
            mantissa: [0, mantissa],
            bias: (1 << (exponent - 1)) - 1,
        }
    }
}

/// The type of the entries, and whether they are big-endian.
pub(super) fn of(dataset: &Dataset) -> Result<(Element, bool), Problem> {
    let datatype = dataset.dtype();
    if is_bool(datatype) {
        return Ok((Element::Bool, false));
    }
    let description = dataset
        .raw_datatype()
        .map_err(|error| Problem::new(format!("damaged: {error}")))?;
    from_description(&description).ok_or_else(|| {
        let advice = match datatype {
            Datatype::Compound { fields, .. } if is_complex(fields) => {
                ": tenfold decomposes real arrays; store the real and the imaginary part as two \
                 datasets"
            }
            _ => ", only bool, integers and floats of 8 to 64 bits",
        };
        Problem::new(format!(
            "entries of type {} cannot be read{advice}",
            name(datatype)
        ))
    })
}

fn from_description(bytes: &[u8]) -> Option<(Element, bool)> {
    // 1. The parts that integers and floats have.
    if bytes.len() < 12 {
        return None;
    }
    let fields = Fields {
        bytes,
        big_endian: false,
    };
    let (class, flags, size) = (bytes[0] & 15, bytes[1], fields.u32(4));
    let (first_bit, bits) = (fields.u16(8), fields.u16(10));
    let big_endian = flags & 1 != 0;
    if first_bit != 0 || u32::from(bits) != size.checked_mul(8)? {
        return None;
    }
    // 2. Integers.
    if class == 0 {
        let signed = flags & 8 != 0;
        let element = match (size, signed) {
            (1, true) => Element::I8,
            (1, false) => Element::U8,
            (2, true) => Element::I16,
            (2, false) => Element::U16,
            (4, true) => Element::I32,
            (4, false) => Element::U32,
            (8, true) => Element::I64,
            (8, false) => Element::U64,
            _ => return None,
        };
        return Some((element, big_endian));
    }
    // 3. Floats. Bit 6 of the flags stands for the byte order of a VAX, the value 2 in the bits 4
    // and 5 for a mantissa without its leading 1.
    if class != 1 || bytes.len() < 20 || flags & 0x40 != 0 || flags & 0x30 != 0x20 {
        return None;
    }
    let float = Float {
        bits,
        sign: bytes[2],
        exponent: [bytes[12], bytes[13]],
        mantissa: [bytes[14], bytes[15]],
        bias: fields.u32(16),
    };
    let known = FLOATS.iter().find(|(_, known)| *known == float);
    known.map(|(element, _)| (*element, big_endian))
}

/// Whether this is the type of bool that h5py writes: an enumeration of FALSE and TRUE.
fn is_bool(datatype: &Datatype) -> bool {
    let Datatype::Enum { base, members } = datatype else {
        return false;
    };
    let is =
        |member: &EnumMember, name: &str, value: u8| member.name == name && member.value == [value];
    matches!(**base, Datatype::FixedPoint { size: 1, .. })
        && matches!(&members[..], [no, yes] if is(no, "FALSE", 0) && is(yes, "TRUE", 1))
}

/// Whether these are the fields of a complex number: h5py names them r and i.
fn is_complex(fields: &[hdf5_reader::CompoundField]) -> bool {
    matches!(fields, [r, i] if r.name == "r" && i.name == "i")
}

/// The name of a type for messages.
pub(super) fn name(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::FixedPoint { .. } => "integer",
        Datatype::FloatingPoint { .. } => "float",
        Datatype::String { .. } => "text",
        Datatype::Compound { fields, .. } if is_complex(fields) => "complex",
        Datatype::Compound { .. } => "compound",
        Datatype::Array { .. } => "array",
        Datatype::Enum { .. } => "enumeration",
        Datatype::VarLen { base, .. } if base.is_vlen_string_base() => "text",
        Datatype::VarLen { .. } => "list",
        Datatype::Opaque { .. } => "opaque",
        Datatype::Reference { .. } => "reference",
        Datatype::Bitfield { .. } => "bit field",
    }
}
