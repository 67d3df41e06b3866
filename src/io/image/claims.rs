//! Compares the sizes in the headers of a picture with the size of its file. The decoders of WebP and
//! TIFF allocate memory for sizes deep in the file, which are checked here first.
//!
//! ```text
//!   WebP   RIFF, length, WEBP, then chunks, one after the other:
//!          name (4 bytes), length (4 bytes), data, a filling byte if the length is odd
//!   TIFF   II*0 or MM0*, the position of the directory (4 bytes);
//!          the directory: the number of entries (2), then for each entry
//!          tag (2), type (2), count (4), value (4);
//!          the position of the directory of the next page (4), or 0
//! BigTIFF  II+0 or MM0+, 8 0 in 4 bytes, and the same with 8 bytes in place of 4, and for the
//!          number of entries
//! ```

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::io::Problem;

/// The maximum number of bytes of a picture for each byte of its file. Photographs have far
/// fewer.
const MAX_EXPANSION: u64 = 10_000;

/// Pictures of at most this many bytes are allowed for a file of any size.
pub(in crate::io) const ALWAYS_ALLOWED: u64 = 1 << 22;

/// Fails if a picture of `bytes` bytes is too large for a file of `size` bytes.
pub(in crate::io) fn check_claim(
    (width, height): (u32, u32),
    bytes: u64,
    size: u64,
) -> Result<(), Problem> {
    if bytes > size.saturating_mul(MAX_EXPANSION).max(ALWAYS_ALLOWED) {
        return Err(Problem::new(format!(
            "the header claims {width}×{height} pixels, more than a file of {size} bytes holds"
        )));
    }
    Ok(())
}

/// What the headers of a picture claim.
#[derive(Default)]
pub(super) struct Claims {
    /// Whether the file has more pages than the first.
    pub(super) has_more_pages: bool,
}

impl Claims {
    /// Fails if a chunk of a WebP or the directory of a TIFF names more data than the file of
    /// `size` bytes can hold, or a feature that is not supported. Other formats pass. The reader is
    /// at the start of the file afterwards.
    pub(super) fn check(reader: &mut (impl BufRead + Seek), size: u64) -> Result<Self, Problem> {
        // A header that ends too early passes here, and the decoder reports it.
        let claims = find(reader, size).unwrap_or_else(|_| Ok(Self::default()));
        let rewound = reader.rewind();
        rewound.map_err(|error| Problem::io("cannot be read", error))?;
        claims
    }
}

/// The claims, or the problem with them. Fails with the error of a header that ends too early.
fn find(reader: &mut (impl BufRead + Seek), size: u64) -> io::Result<Result<Claims, Problem>> {
    let start = bytes::<12>(reader)?;
    if start.starts_with(b"RIFF") && start.ends_with(b"WEBP") {
        let problem = of_webp(reader, size)?;
        return Ok(problem.map_or(Ok(Claims::default()), Err));
    }
    let tiff = match start {
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Tiff::new(start[0], false),
        [b'I', b'I', b'+', 0, ..] | [b'M', b'M', 0, b'+', ..] => Tiff::new(start[0], true),
        _ => return Ok(Ok(Claims::default())),
    };
    of_tiff(reader, tiff)
}

/// Checks each chunk: its length, and the number of pixels of a lossy picture.
fn of_webp(reader: &mut (impl BufRead + Seek), size: u64) -> io::Result<Option<Problem>> {
    let mut position = 12;
    while position + 8 <= size {
        reader.seek(SeekFrom::Start(position))?;
        let header = bytes::<8>(reader)?;
        let [name, length] = [0, 4].map(|at| [0, 1, 2, 3].map(|i| header[at + i]));
        let length = u64::from(u32::from_le_bytes(length));
        let end = position + 8 + length;
        match &name {
            b"ANIM" | b"ANMF" => {
                return Ok(Some(Problem::new(
                    "this is an animated WebP, one picture was expected; \
                     webpmux -get frame 1 writes its first",
                )));
            }
            b"ALPH" | b"EXIF" | b"ICCP" | b"VP8 " | b"VP8L" | b"XMP " if end > size => {
                return Ok(Some(Problem::new(format!(
                    "this is a WebP that is damaged or cut short: \
                     {length} bytes were expected at byte {}, the file has {size} bytes",
                    position + 8,
                ))));
            }
            b"VP8 " => {
                let [.., w0, w1, h0, h1] = bytes::<10>(reader)?;
                let [width, height] = [[w0, w1], [h0, h1]].map(u16::from_le_bytes);
                // The two highest bits are a scale for viewers.
                let [width, height] = [width, height].map(|extent| u32::from(extent & 0x3fff));
                let claimed = 3 * u64::from(width) * u64::from(height);
                if let Err(problem) = check_claim((width, height), claimed, size) {
                    return Ok(Some(problem));
                }
            }
            _ => {}
        }
        position = end + length % 2;
    }
    Ok(None)
}

/// Refuses JPEG compression: the sizes in the JPEG are independent of the sizes in the directory,
/// and the decoder allocates memory for them.
fn of_tiff(reader: &mut (impl BufRead + Seek), tiff: Tiff) -> io::Result<Result<Claims, Problem>> {
    const COMPRESSION: u64 = 259;
    const OLD_JPEG: u64 = 6;
    const JPEG: u64 = 7;
    // 1. The first directory.
    reader.seek(SeekFrom::Start(if tiff.big { 8 } else { 4 }))?;
    let directory = tiff.long(reader)?;
    reader.seek(SeekFrom::Start(directory))?;
    let entries = match tiff.big {
        true => tiff.long(reader)?,
        false => tiff.number(&bytes::<2>(reader)?),
    };
    // 2. Its entries. A compression may be a number of any length.
    for _ in 0..entries {
        let [t0, t1, _, _] = bytes::<4>(reader)?;
        tiff.long(reader)?;
        let value = &tiff.bytes(reader)?[..tiff.length()];
        let lengths = [1, 2, 4, tiff.length()].into_iter();
        let mut values = lengths.map(|length| tiff.number(&value[..length]));
        if tiff.number(&[t0, t1]) == COMPRESSION
            && values.any(|value| value == OLD_JPEG || value == JPEG)
        {
            return Ok(Err(Problem::new(
                "this is a TIFF with JPEG compression, which is not supported; \
                 tiffcp -c lzw writes one that is",
            )));
        }
    }
    // 3. The next page.
    let has_more_pages = tiff.long(reader)? != 0;
    Ok(Ok(Claims { has_more_pages }))
}

/// How the numbers of a TIFF are stored.
#[derive(Clone, Copy)]
struct Tiff {
    big_endian: bool,
    /// Whether this is a BigTIFF.
    big: bool,
}

impl Tiff {
    /// `first` is the first byte, `I` or `M`.
    fn new(first: u8, big: bool) -> Self {
        Self {
            big_endian: first == b'M',
            big,
        }
    }

    /// The bytes of a position, a count and a value.
    fn length(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// The bytes of the next position, count or value, in the first bytes of the result.
    fn bytes(self, reader: &mut impl Read) -> io::Result<[u8; 8]> {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes[..self.length()])?;
        Ok(bytes)
    }

    /// The next position, count or value.
    fn long(self, reader: &mut impl Read) -> io::Result<u64> {
        Ok(self.number(&self.bytes(reader)?[..self.length()]))
    }

    /// The number in at most 8 bytes.
    fn number(self, bytes: &[u8]) -> u64 {
        let append = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        if self.big_endian {
            bytes.iter().fold(0, append)
        } else {
            bytes.iter().rev().fold(0, append)
        }
    }
}

/// The next N bytes.
fn bytes<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
