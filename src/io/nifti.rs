//! Volumes in the NIfTI format, versions 1 and 2: `.nii`, and `.nii.gz` compressed by gzip.
//!
//! ```text
//! version 1   348 bytes of header │ extensions │ entries, from the position vox_offset on
//! version 2   540 bytes of header │ extensions │ entries, from the position vox_offset on
//! ```
//!
//! The modes are x, y, z, t, … in this order, and x runs fastest: the shape is the one that
//! nibabel shows. The values are scl_slope · entry + scl_inter, in f64 where this changes the
//! entries.
//!
//! The format is described in `nifti1.h` and `nifti2.h` of <https://nifti.nimh.nih.gov>.

use std::io::{BufReader, Read, Seek};

use flate2::read::MultiGzDecoder;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::deflate::MAX_EXPANSION;
use super::element::Element;
use super::entries;
use super::fields::{Fields, fill, finish, skip};
use super::member::Member;
use super::scaling::Scaling;
use super::stored::Stored;

/// The first two bytes of a file that gzip compressed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The only array of the file. Its name is empty.
pub(super) fn members(reader: &mut (impl Read + Seek), size: u64) -> Result<Vec<Member>, Problem> {
    let mut content = Content::new(reader, size)?;
    let header = Header::read(&mut *content.reader)?;
    let member = match header.element()? {
        Ok(element) => {
            let stored = header.stored(element, &content)?;
            let (double, copy) = (header.is_double(element), stored.bytes());
            Member {
                dtype: Some(if double { "f64" } else { "f32" }),
                memory: stored.memory_as(double).saturating_add(copy),
                note: match header.scaling()? {
                    Some(scaling) => Some(scaling.note(element)),
                    None => element.conversion(),
                },
                ..Member::numbers("", &stored, 0)
            }
        }
        Err(kind) => {
            let problem = format!("{kind} entries cannot be read, only real numbers");
            Member::unreadable("", &header.shape, kind, Problem::new(problem))
        }
    };
    Ok(vec![member])
}

/// Reads the only array of the file.
pub(super) fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    _name: &str,
) -> Result<AnyTensor, Problem> {
    let mut content = Content::new(reader, size)?;
    let header = Header::read(&mut *content.reader)?;
    let element = header.element()?.map_err(|kind| {
        Problem::new(format!("{kind} entries cannot be read, only real numbers"))
    })?;
    let stored = header.stored(element, &content)?;
    skip(&mut *content.reader, stored.start - header.bytes)?;
    let double = header.is_double(element);
    let mut tensor = entries::read_as(&mut *content.reader, &stored, double)?;
    if content.compressed {
        finish(&mut *content.reader)?;
    }
    if let Some(scaling) = header.scaling()? {
        scaling.apply(&mut tensor);
    }
    Ok(tensor)
}

/// Whether `start` is the start of a volume that gzip compressed.
pub(super) fn is_compressed_volume(start: &[u8]) -> bool {
    start.starts_with(&GZIP) && Header::read(&mut MultiGzDecoder::new(start)).is_ok()
}

/// The bytes of a volume, decompressed.
struct Content<'a> {
    reader: Box<dyn Read + 'a>,
    compressed: bool,
    /// The maximum number of bytes that the file can hold.
    maximum: u64,
}

impl<'a> Content<'a> {
    fn new(reader: &'a mut (impl Read + Seek), size: u64) -> Result<Self, Problem> {
        let mut start = [0; 2];
        fill(reader, &mut start, "the header")?;
        reader
            .rewind()
            .map_err(|error| Problem::io("cannot be read", error))?;
        let compressed = start == GZIP;
        let reader = BufReader::new(reader);
        Ok(Self {
            reader: if compressed {
                Box::new(MultiGzDecoder::new(reader))
            } else {
                Box::new(reader)
            },
            compressed,
            maximum: if compressed {
                size.saturating_mul(MAX_EXPANSION)
            } else {
                size
            },
        })
    }
}

/// The fields of a header that say where the entries are and how they are stored.
struct Header {
    /// The number of bytes of the header.
    bytes: u64,
    big_endian: bool,
    shape: Vec<usize>,
    /// The number that stands for the type of the entries.
    datatype: i16,
    /// The number of bits of an entry.
    bits: i16,
    /// The position of the first entry.
    offset: f64,
    slope: f64,
    intercept: f64,
}

impl Header {
    fn read(reader: &mut dyn Read) -> Result<Self, Problem> {
        // 1. The size of the header says the version and the byte order.
        let mut bytes = [0; 540];
        fill(reader, &mut bytes[..4], "the header")?;
        let size = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (size, big_endian) = match (size, size.swap_bytes()) {
            (348 | 540, _) => (size, false),
            (_, swapped @ (348 | 540)) => (swapped, true),
            _ => {
                return Err(Problem::new(
                    "this is not a NIfTI volume: its header has neither 348 nor 540 bytes",
                ));
            }
        };
        let bytes = &mut bytes[..size as usize];
        fill(reader, &mut bytes[4..], "the header")?;
        // 2. The magic says whether the entries are in the same file.
        let first = size == 348;
        let magic = if first {
            &bytes[344..348]
        } else {
            &bytes[4..8]
        };
        match magic {
            b"n+1\0" if first => {}
            b"n+2\0" if !first => {}
            b"ni1\0" | b"ni2\0" => {
                return Err(Problem::new(
                    "this header has its entries in another file (.img), a volume in one file \
                     (.nii) was expected; nibabel.save writes one",
                ));
            }
            _ => {
                return Err(Problem::new(
                    "this is not a NIfTI volume: the header lacks the mark n+1 or n+2",
                ));
            }
        }
        // 3. The fields.
        let fields = Fields { bytes, big_endian };
        let extent = |mode: usize| {
            if first {
                i64::from(fields.i16(40 + 2 * mode))
            } else {
                fields.i64(16 + 8 * mode)
            }
        };
        let modes = extent(0);
        if !(1..=7).contains(&modes) {
            return Err(Problem::new(format!(
                "the header claims {modes} modes, a NIfTI volume has 1 to 7"
            )));
        }
        let extents = (1..=modes as usize).map(|mode| match extent(mode) {
            extent @ 1.. => usize::try_from(extent).ok(),
            _ => None,
        });
        let shape: Option<Vec<usize>> = extents.collect();
        let shape = shape.ok_or_else(|| {
            let extents: Vec<i64> = (1..=modes as usize).map(extent).collect();
            Problem::new(format!(
                "the header claims the shape {extents:?}, extents of at least 1 were expected"
            ))
        })?;
        Ok(if first {
            Self {
                bytes: 348,
                big_endian,
                shape,
                datatype: fields.i16(70),
                bits: fields.i16(72),
                offset: fields.f32(108).into(),
                slope: fields.f32(112).into(),
                intercept: fields.f32(116).into(),
            }
        } else {
            Self {
                bytes: 540,
                big_endian,
                shape,
                datatype: fields.i16(12),
                bits: fields.i16(14),
                offset: fields.i64(168) as f64,
                slope: fields.f64(176),
                intercept: fields.f64(184),
            }
        })
    }

    /// The type of the entries; the name of the type if entries of this type are not read.
    fn element(&self) -> Result<Result<Element, &'static str>, Problem> {
        let element = match self.datatype {
            2 => Element::U8,
            4 => Element::I16,
            8 => Element::I32,
            16 => Element::F32,
            64 => Element::F64,
            256 => Element::I8,
            512 => Element::U16,
            768 => Element::U32,
            1024 => Element::I64,
            1280 => Element::U64,
            1 => return Ok(Err("one-bit")),
            32 => return Ok(Err("complex64")),
            128 => return Ok(Err("RGB")),
            1536 => return Ok(Err("float128")),
            1792 => return Ok(Err("complex128")),
            2048 => return Ok(Err("complex256")),
            2304 => return Ok(Err("RGBA")),
            datatype => {
                return Err(Problem::new(format!(
                    "the header claims entries of type {datatype}, which NIfTI does not define"
                )));
            }
        };
        if i64::from(self.bits) == 8 * element.size() as i64 {
            return Ok(Ok(element));
        }
        Err(Problem::new(format!(
            "the header claims {} entries of {} bits",
            element.numpy_name(),
            self.bits
        )))
    }

    /// The block of entries, checked against the size of the file.
    fn stored(&self, element: Element, content: &Content<'_>) -> Result<Stored, Problem> {
        // The field of version 1 is a float. Zero stands for the end of the header.
        let start = match self.offset {
            0.0 => self.bytes,
            offset if offset >= self.bytes as f64 && offset < 9e15 && offset.fract() == 0.0 => {
                offset as u64
            }
            offset => {
                return Err(Problem::new(format!(
                    "the header claims that the entries start at position {offset}"
                )));
            }
        };
        let stored = Stored::new(self.shape.clone(), element)?
            .in_fortran_order(true)
            .in_big_endian(self.big_endian)
            .at(start);
        let present = content.maximum.saturating_sub(start);
        if stored.bytes() <= present {
            return Ok(stored);
        }
        let (claimed, most) = (
            stored.bytes(),
            if content.compressed { "at most " } else { "" },
        );
        Err(Problem::new(format!(
            "the header claims {claimed} bytes of data, the file has {most}{present}"
        )))
    }

    /// How the values follow from the entries. A slope of 0 or NaN stands for no scaling.
    fn scaling(&self) -> Result<Option<Scaling>, Problem> {
        if self.slope == 0.0 || !self.slope.is_finite() {
            return Ok(None);
        }
        if self.intercept.is_finite() {
            return Ok(Scaling::new(self.slope, self.intercept));
        }
        Err(Problem::new(format!(
            "the header claims the intercept {} (scl_inter)",
            self.intercept
        )))
    }

    /// Whether the values are read as `f64`: always if they are scaled, because an intercept can
    /// be large.
    fn is_double(&self, element: Element) -> bool {
        element.is_double() || !matches!(self.scaling(), Ok(None))
    }
}
