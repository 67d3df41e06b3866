//! Reads the entries of an array and brings them to row-major order and this machine's byte
//! order.
//!
//! From a file, several threads read. Row-major files are read in chunks, in parallel. A column-major file is transposed tile by
//! tile, so that both the reads and the writes access consecutive entries:
//!
//! ```text
//! file, column-major                    result, row-major
//!
//!   other indices p →                     last index l →
//! l ┌──────────────┐                    p ┌──────────────┐
//! ↓ │  ░░░░ tile   │  a stretch of p    ↓ │  ░░          │  a run of l
//!   │  ░░░░        │  for each l          │  ░░          │  for each p
//!   └──────────────┘                      └──────────────┘
//! ```

use std::fs::File;
use std::io::{self, Read};

use bytemuck::Pod;
use rayon::prelude::*;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::element::Element;
use super::stored::Stored;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// The number of entries that a thread reads and decodes at once. They fit in its cache.
const CHUNK: usize = if cfg!(test) { 96 } else { 1 << 17 };

/// Indices of the last mode in a tile: the result is written in runs of this many entries,
/// a few cache lines.
const RUN: usize = if cfg!(test) { 8 } else { 64 };

/// Other indices in a tile: the file is read in stretches of this many entries.
const STRETCH: usize = CHUNK / RUN;

/// A source that several threads read at any position.
pub(super) trait ReadAt: Sync {
    /// Fills `bytes` with the bytes from `offset` on.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, bytes, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    bytes = &mut bytes[read..];
                    offset += read as u64;
                }
            }
        }
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..));
        rest.unwrap_or_default().read_exact(bytes)
    }
}

/// A vector of zeros. The operating system provides pages of zeros, so this function writes none.
pub(super) fn zeroed<T: Pod>(length: usize) -> Result<Vec<T>, Problem> {
    bytemuck::allocation::try_zeroed_vec(length).map_err(|()| {
        Problem::new(format!(
            "memory for {length} entries of {} bytes cannot be allocated",
            size_of::<T>()
        ))
    })
}

/// Reads an array from a file.
pub(super) fn read_file(file: &impl ReadAt, stored: &Stored) -> Result<AnyTensor, Problem> {
    if stored.element.is_double() {
        tensor(stored, read(file, stored.start, stored)?).map(AnyTensor::F64)
    } else {
        tensor(stored, read(file, stored.start, stored)?).map(AnyTensor::F32)
    }
}

/// Reads an array from a reader that stands at the first entry.
pub(super) fn read_from(
    reader: &mut (impl Read + ?Sized),
    stored: &Stored,
) -> Result<AnyTensor, Problem> {
    read_as(reader, stored, stored.element.is_double())
}

/// Reads an array from a reader that stands at the first entry: as `f64` if `double`, otherwise as
/// `f32`.
pub(super) fn read_as(
    reader: &mut (impl Read + ?Sized),
    stored: &Stored,
    double: bool,
) -> Result<AnyTensor, Problem> {
    if double {
        tensor(stored, sequential(reader, stored)?).map(AnyTensor::F64)
    } else {
        tensor(stored, sequential(reader, stored)?).map(AnyTensor::F32)
    }
}

fn tensor<T>(stored: &Stored, entries: Vec<T>) -> Result<Tensor<T>, Problem> {
    Tensor::new(&stored.shape, entries).map_err(|error| Problem::new(error.to_string()))
}

/// Reads the entries from a reader that cannot seek.
fn sequential<T: Scalar>(
    reader: &mut (impl Read + ?Sized),
    stored: &Stored,
) -> Result<Vec<T>, Problem> {
    if stored.is_column_major() {
        let mut bytes: Vec<u8> = zeroed(stored.entries() * stored.element.size())?;
        reader.read_exact(&mut bytes).map_err(cannot_read)?;
        return read(&bytes, 0, stored);
    }
    let mut entries: Vec<T> = zeroed(stored.entries())?;
    let size = stored.element.size();
    let mut bytes = vec![0; size * CHUNK.min(entries.len())];
    for entries in entries.chunks_mut(CHUNK) {
        if is_plain::<T>(stored) {
            let bytes = bytemuck::cast_slice_mut(entries);
            reader.read_exact(bytes).map_err(cannot_read)?;
            to_native_order(bytes, stored);
        } else {
            let bytes = &mut bytes[..size * entries.len()];
            reader.read_exact(bytes).map_err(cannot_read)?;
            decode(bytes, stored, entries);
        }
    }
    Ok(entries)
}

fn cannot_read(error: io::Error) -> Problem {
    Problem::io("cannot be read", error)
}

/// Reads the entries from position `start` of `source` on.
fn read<T: Scalar>(source: &impl ReadAt, start: u64, stored: &Stored) -> Result<Vec<T>, Problem> {
    let entries = if stored.is_column_major() {
        read_column_major(source, start, stored)
    } else {
        read_row_major(source, start, stored)
    };
    entries?.map_err(cannot_read)
}

/// Whether an entry has the same bytes in the file as in memory, except for their order.
fn is_plain<T>(stored: &Stored) -> bool {
    matches!(stored.element, Element::F32 | Element::F64) && stored.element.size() == size_of::<T>()
}

fn read_row_major<T: Scalar>(
    source: &impl ReadAt,
    start: u64,
    stored: &Stored,
) -> Result<io::Result<Vec<T>>, Problem> {
    let mut entries: Vec<T> = zeroed(stored.entries())?;
    let size = stored.element.size();
    let chunks = entries.par_chunks_mut(CHUNK).enumerate();
    let read = chunks.try_for_each(|(chunk, entries)| {
        let offset = start + (chunk * CHUNK * size) as u64;
        if is_plain::<T>(stored) {
            let bytes = bytemuck::cast_slice_mut(entries);
            source.read_at(bytes, offset)?;
            to_native_order(bytes, stored);
        } else {
            let mut bytes = vec![0; entries.len() * size];
            source.read_at(&mut bytes, offset)?;
            decode(&bytes, stored, entries);
        }
        Ok(())
    });
    Ok(read.map(|()| entries))
}

/// Reads tile by tile, as the head of this file shows.
fn read_column_major<T: Scalar>(
    source: &impl ReadAt,
    start: u64,
    stored: &Stored,
) -> Result<io::Result<Vec<T>>, Problem> {
    let mut entries: Vec<T> = zeroed(stored.entries())?;
    let Some((&last, others)) = stored.shape.split_last().filter(|_| !entries.is_empty()) else {
        return Ok(Ok(entries));
    };
    let positions: usize = others.iter().product();
    let size = stored.element.size();
    let mut bytes = vec![0; STRETCH * size];
    // The padding makes the columns of the tile start in different sets of the cache.
    let pitch = STRETCH + 8;
    let mut tile = vec![T::zero(); RUN * pitch];
    for p in (0..positions).step_by(STRETCH) {
        let stretch = STRETCH.min(positions - p);
        let bytes = &mut bytes[..stretch * size];
        for l in (0..last).step_by(RUN) {
            let run = RUN.min(last - l);
            // 1. Read a stretch of the file for each index l.
            for (column, tile) in tile.chunks_mut(pitch).take(run).enumerate() {
                let offset = ((l + column) * positions + p) * size;
                if let Err(error) = source.read_at(bytes, start + offset as u64) {
                    return Ok(Err(error));
                }
                decode(bytes, stored, &mut tile[..stretch]);
            }
            // 2. Write a run of the result for each other index p.
            let mut position = Position::new(others, p);
            for i in 0..stretch {
                let row = &mut entries[position.row_major * last + l..][..run];
                for (column, entry) in row.iter_mut().enumerate() {
                    *entry = tile[column * pitch + i];
                }
                position.advance();
            }
        }
    }
    Ok(Ok(entries))
}

/// An index that advances in column-major order, with its position in row-major order.
struct Position<'a> {
    extents: &'a [usize],
    strides: Vec<usize>,
    index: Vec<usize>,
    row_major: usize,
}

impl<'a> Position<'a> {
    /// The index at position `column_major` of the column-major order.
    fn new(extents: &'a [usize], mut column_major: usize) -> Self {
        let mut strides = vec![1; extents.len()];
        for mode in (1..extents.len()).rev() {
            strides[mode - 1] = strides[mode] * extents[mode];
        }
        let index: Vec<usize> = extents
            .iter()
            .map(|extent| {
                let i = column_major % extent;
                column_major /= extent;
                i
            })
            .collect();
        let row_major = index
            .iter()
            .zip(&strides)
            .map(|(i, stride)| i * stride)
            .sum();
        Self {
            extents,
            strides,
            index,
            row_major,
        }
    }

    /// Moves to the next index in column-major order.
    fn advance(&mut self) {
        for mode in 0..self.extents.len() {
            self.index[mode] += 1;
            self.row_major += self.strides[mode];
            if self.index[mode] < self.extents[mode] {
                return;
            }
            self.row_major -= self.index[mode] * self.strides[mode];
            self.index[mode] = 0;
        }
    }
}

/// Brings the bytes of entries of `f32` or `f64` into this machine's order.
fn to_native_order(bytes: &mut [u8], stored: &Stored) {
    match (stored.swapped, stored.element.size()) {
        (false, _) => {}
        (true, 4) => swap_each::<4>(bytes),
        (true, _) => swap_each::<8>(bytes),
    }
}

fn swap_each<const N: usize>(bytes: &mut [u8]) {
    for entry in bytes.as_chunks_mut::<N>().0 {
        entry.reverse();
    }
}

/// Converts the bytes of entries in the file to `entries`.
fn decode<T: Scalar>(bytes: &[u8], stored: &Stored, entries: &mut [T]) {
    let swapped = stored.swapped;
    match stored.element {
        Element::Bool => each(bytes, swapped, entries, |[byte]| {
            f64::from(u8::from(byte != 0))
        }),
        Element::I8 => each(bytes, swapped, entries, |b| i8::from_ne_bytes(b).into()),
        Element::U8 => each(bytes, swapped, entries, |b| u8::from_ne_bytes(b).into()),
        Element::I16 => each(bytes, swapped, entries, |b| i16::from_ne_bytes(b).into()),
        Element::U16 => each(bytes, swapped, entries, |b| u16::from_ne_bytes(b).into()),
        Element::I32 => each(bytes, swapped, entries, |b| i32::from_ne_bytes(b).into()),
        Element::U32 => each(bytes, swapped, entries, |b| u32::from_ne_bytes(b).into()),
        Element::I64 => each(bytes, swapped, entries, |b| i64::from_ne_bytes(b) as f64),
        Element::U64 => each(bytes, swapped, entries, |b| u64::from_ne_bytes(b) as f64),
        Element::F16 => each(bytes, swapped, entries, |b| {
            half::f16::from_ne_bytes(b).into()
        }),
        Element::BF16 => each(bytes, swapped, entries, |b| {
            half::bf16::from_ne_bytes(b).into()
        }),
        Element::F32 => each(bytes, swapped, entries, |b| f32::from_ne_bytes(b).into()),
        Element::F64 => each(bytes, swapped, entries, f64::from_ne_bytes),
    }
}

/// Sets each entry to `value` of its N bytes in this machine's order.
fn each<T: Scalar, const N: usize>(
    bytes: &[u8],
    swapped: bool,
    entries: &mut [T],
    value: impl Fn([u8; N]) -> f64,
) {
    for (&bytes, entry) in bytes.as_chunks::<N>().0.iter().zip(entries) {
        let mut bytes = bytes;
        if swapped {
            bytes.reverse();
        }
        *entry = T::from_f64(value(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    /// The bytes of `value` as an entry of the file, in the given order.
    fn encoded(value: f64, element: Element, big_endian: bool) -> Vec<u8> {
        let mut bytes = match element {
            Element::Bool | Element::U8 => (value as u8).to_le_bytes().to_vec(),
            Element::I8 => (value as i8).to_le_bytes().to_vec(),
            Element::I16 => (value as i16).to_le_bytes().to_vec(),
            Element::U16 => (value as u16).to_le_bytes().to_vec(),
            Element::I32 => (value as i32).to_le_bytes().to_vec(),
            Element::U32 => (value as u32).to_le_bytes().to_vec(),
            Element::I64 => (value as i64).to_le_bytes().to_vec(),
            Element::U64 => (value as u64).to_le_bytes().to_vec(),
            Element::F16 => half::f16::from_f64(value).to_le_bytes().to_vec(),
            Element::BF16 => half::bf16::from_f64(value).to_le_bytes().to_vec(),
            Element::F32 => (value as f32).to_le_bytes().to_vec(),
            Element::F64 => value.to_le_bytes().to_vec(),
        };
        if big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn in_f64(tensor: AnyTensor) -> Vec<f64> {
        match tensor {
            AnyTensor::F32(x) => x.data().iter().map(|&x| x.into()).collect(),
            AnyTensor::F64(x) => x.into_data(),
        }
    }

    /// Reads an array of known entries from a file and from a reader: the entry at position p of
    /// the file is p modulo a number that fits the type and does not divide a chunk.
    fn check(shape: &[usize], fortran: bool, element: Element, big_endian: bool) {
        let modulus = match element {
            Element::Bool => 2,
            Element::I8 | Element::U8 | Element::BF16 => 101,
            Element::F16 => 1009,
            _ => 30_011,
        };
        let value = |position: usize| (position % modulus) as f64;
        let before = b"header";
        let stored = Stored::new(shape.to_vec(), element).unwrap();
        let stored = stored
            .at(before.len() as u64)
            .in_fortran_order(fortran)
            .in_big_endian(big_endian);
        let count = shape.iter().product();
        let mut bytes = before.to_vec();
        bytes.extend((0..count).flat_map(|p| encoded(value(p), element, big_endian)));

        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let (own, reversed) = (Shape::new(shape).unwrap(), Shape::new(&reversed).unwrap());
        let expected = Tensor::from_fn(shape, |index| {
            let backwards: Vec<usize> = index.iter().rev().copied().collect();
            let position = if fortran {
                reversed.offset(&backwards)
            } else {
                own.offset(index)
            };
            value(position.unwrap())
        });
        let expected = expected.unwrap().into_data();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &bytes).unwrap();
        let what = format!("{shape:?} {element} {fortran} {big_endian}");
        let read = in_f64(read_file(&file, &stored).unwrap());
        assert_eq!(read, expected, "{what}");
        let mut reader = &bytes[before.len()..];
        let read = in_f64(read_from(&mut reader, &stored).unwrap());
        assert_eq!(read, expected, "{what}, from a reader");
    }

    #[test]
    fn every_chunk_and_every_tile_goes_to_its_place() {
        for shape in [
            &[3 * CHUNK + 5][..],
            &[7, CHUNK - 1],
            &[2 * STRETCH + 1, 2 * RUN + 3],
            &[STRETCH, RUN],
            &[4, 9, 2 * RUN],
            &[3, 1, 5, RUN + 1, 2],
        ] {
            for fortran in [false, true] {
                for element in Element::ALL {
                    check(shape, fortran, element, false);
                    check(shape, fortran, element, true);
                }
            }
        }
    }
}
