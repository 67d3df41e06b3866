//! Numbers in the headers of binary files.

use std::io::{self, Read};

use super::Problem;

/// The bytes of a header, with the byte order of its numbers. Positions are constants of a format
/// and lie within the header.
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big_endian: bool,
}

macro_rules! number {
    ($name:ident, $type:ty) => {
        /// The number at position `at`.
        pub(super) fn $name(&self, at: usize) -> $type {
            let mut bytes = [0; size_of::<$type>()];
            bytes.copy_from_slice(&self.bytes[at..at + size_of::<$type>()]);
            if self.big_endian {
                <$type>::from_be_bytes(bytes)
            } else {
                <$type>::from_le_bytes(bytes)
            }
        }
    };
}

impl Fields<'_> {
    number!(u16, u16);
    number!(i16, i16);
    number!(u32, u32);
    number!(i32, i32);
    number!(i64, i64);
    number!(f32, f32);
    number!(f64, f64);
}

/// Fills `bytes`. `what` names them in the message that the file ends before.
pub(super) fn fill(
    reader: &mut (impl Read + ?Sized),
    bytes: &mut [u8],
    what: &str,
) -> Result<(), Problem> {
    reader
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::new(format!("the file ends within {what}")),
            _ => Problem::io("cannot be read", error),
        })
}

/// Skips `bytes` bytes, without memory for them.
pub(super) fn skip(reader: &mut (impl Read + ?Sized), bytes: u64) -> Result<(), Problem> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink());
    match skipped {
        Ok(skipped) if skipped == bytes => Ok(()),
        Ok(_) => Err(Problem::new("the file ends before its data")),
        Err(error) => Err(Problem::io("cannot be read", error)),
    }
}

/// Reads to the end, so that the reader of a compressed stream compares the checksum.
pub(super) fn finish(reader: &mut (impl Read + ?Sized)) -> Result<(), Problem> {
    io::copy(reader, &mut io::sink()).map_err(|error| Problem::io("damaged", error))?;
    Ok(())
}
