//! The entries of an array, brought to row-major order and this machine's
//! byte order while they are read.

use std::io::{Read, Seek, SeekFrom};

use bytemuck::Pod;

use super::super::Problem;
use super::header::{Element, Header};
use crate::scalar::Scalar;

/// Entries that are decoded, or transposed, at once.
const TILE: usize = 1 << 20;

/// Rows of the destination get this many neighbours at once: some cache lines.
const RUN: usize = 64;

/// A vector of zeros that the system need not touch before it is read into.
pub(super) fn zeroed<T: Pod>(length: usize) -> Result<Vec<T>, Problem> {
    bytemuck::allocation::try_zeroed_vec(length).map_err(|()| {
        Problem::new(format!(
            "there is not enough memory for {length} entries of {} bytes",
            size_of::<T>()
        ))
    })
}

/// Reads the entries of a row-major array, in one go where they are what is
/// asked for.
pub(super) fn read<T: Scalar>(
    reader: &mut (impl Read + ?Sized),
    header: &Header,
) -> Result<Vec<T>, Problem> {
    let mut entries: Vec<T> = zeroed(header.entries())?;
    if matches!(header.element, Element::F32 | Element::F64) {
        let bytes = bytemuck::cast_slice_mut(&mut entries);
        reader.read_exact(bytes).map_err(cannot_read)?;
        if header.swapped {
            swap(bytes, header.element.size());
        }
        return Ok(entries);
    }
    let size = header.element.size();
    let mut bytes = vec![0; TILE.min(entries.len()) * size];
    for part in entries.chunks_mut(TILE) {
        let bytes = &mut bytes[..part.len() * size];
        reader.read_exact(bytes).map_err(cannot_read)?;
        decode(bytes, header, part);
    }
    Ok(entries)
}

/// Reads the entries of a column-major array into row-major order.
///
/// With the last index l and all the others p, tiles of some p and some l are
/// read as stretches of the file, one for each l, and written as stretches of
/// the result, one for each p.
pub(super) fn read_column_major<T: Scalar>(
    reader: &mut (impl Read + Seek),
    header: &Header,
) -> Result<Vec<T>, Problem> {
    let mut entries: Vec<T> = zeroed(header.entries())?;
    if entries.is_empty() {
        return Ok(entries);
    }
    let (&last, others) = match header.shape.split_last() {
        Some(split) => split,
        None => return read(reader, header),
    };
    let positions: usize = others.iter().product();
    let run = RUN.min(last);
    let stretch = (TILE / run).min(positions);
    let size = header.element.size();
    let mut bytes = vec![0; stretch * size];
    let mut tile = vec![T::default(); run * stretch];
    for l in (0..last).step_by(run) {
        let run = run.min(last - l);
        for p in (0..positions).step_by(stretch) {
            let stretch = stretch.min(positions - p);
            let bytes = &mut bytes[..stretch * size];
            for (column, tile) in tile.chunks_mut(stretch).take(run).enumerate() {
                let offset = ((l + column) * positions + p) * size;
                reader
                    .seek(SeekFrom::Start(header.start + offset as u64))
                    .and_then(|_| reader.read_exact(bytes))
                    .map_err(cannot_read)?;
                decode(bytes, header, tile);
            }
            let mut position = Position::new(others, p);
            for i in 0..stretch {
                let row = &mut entries[position.row_major * last + l..][..run];
                for (column, entry) in row.iter_mut().enumerate() {
                    *entry = tile[column * stretch + i];
                }
                position.advance();
            }
        }
    }
    Ok(entries)
}

/// An index that counts with the first mode fastest and knows its place in
/// row-major order.
struct Position<'a> {
    extents: &'a [usize],
    strides: Vec<usize>,
    index: Vec<usize>,
    row_major: usize,
}

impl<'a> Position<'a> {
    /// The index at position `column_major` in column-major order.
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

/// Reverses the bytes of each entry.
fn swap(bytes: &mut [u8], size: usize) {
    match size {
        4 => swap_each::<4>(bytes),
        _ => swap_each::<8>(bytes),
    }
}

fn swap_each<const N: usize>(bytes: &mut [u8]) {
    for entry in bytes.as_chunks_mut::<N>().0 {
        entry.reverse();
    }
}

/// The entries that `bytes` stand for.
fn decode<T: Scalar>(bytes: &[u8], header: &Header, entries: &mut [T]) {
    let swapped = header.swapped;
    match header.element {
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
        Element::F32 => each(bytes, swapped, entries, |b| f32::from_ne_bytes(b).into()),
        Element::F64 => each(bytes, swapped, entries, f64::from_ne_bytes),
    }
}

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

fn cannot_read(error: std::io::Error) -> Problem {
    Problem::io("cannot be read", error)
}
