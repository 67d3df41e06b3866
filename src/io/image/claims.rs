//! Compares the sizes in the headers of a picture with the size of its file. The decoders of WebP and
//! TIFF allocate memory for sizes deep in the file, which are checked here first.
//!
//! ```text
//!   WebP   RIFF, length, WEBP, then chunks, one after the other:
//!          name (4 bytes), length (4 bytes), data, a filling byte if the length is odd
//!   TIFF   II*0 or MM0*, the position of the directory;
//!          the directory: the number of entries, then 12 bytes for each:
//!          tag (2 bytes), type (2), count (4), value (4)
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

/// Fails if a chunk of a WebP or the directory of a TIFF names more data than the file of `size`
/// bytes can hold, or a feature that is not supported. Other formats pass. The reader is at the
/// start of the file afterwards.
pub(super) fn check_claims(reader: &mut (impl BufRead + Seek), size: u64) -> Result<(), Problem> {
    // A header that ends too early passes here, and the decoder reports it.
    let problem = find_problem(reader, size).unwrap_or(None);
    let rewound = reader.rewind();
    rewound.map_err(|error| Problem::io("cannot be read", error))?;
    problem.map_or(Ok(()), Err)
}

fn find_problem(reader: &mut (impl BufRead + Seek), size: u64) -> io::Result<Option<Problem>> {
    let start = bytes::<12>(reader)?;
    if start.starts_with(b"RIFF") && start.ends_with(b"WEBP") {
        return of_webp(reader, size);
    }
    if start.starts_with(b"II*\0") || start.starts_with(b"MM\0*") {
        return of_tiff(reader, Endian::of(start[0]));
    }
    Ok(None)
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
                    "this is an animated WebP, a picture was expected",
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
fn of_tiff(reader: &mut (impl BufRead + Seek), endian: Endian) -> io::Result<Option<Problem>> {
    const COMPRESSION: u16 = 259;
    const OLD_JPEG: u16 = 6;
    const JPEG: u16 = 7;
    reader.seek(SeekFrom::Start(4))?;
    let directory = endian.u32(bytes(reader)?);
    reader.seek(SeekFrom::Start(directory.into()))?;
    for _ in 0..endian.u16(bytes(reader)?) {
        let [t0, t1, _, _, _, _, _, _, v0, v1, ..] = bytes::<12>(reader)?;
        let value = endian.u16([v0, v1]);
        if endian.u16([t0, t1]) == COMPRESSION && (value == OLD_JPEG || value == JPEG) {
            return Ok(Some(Problem::new(
                "this is a TIFF with JPEG compression, which is not supported: \
                 another compression or a JPEG was expected",
            )));
        }
    }
    Ok(None)
}

/// The order of the bytes of a number in a TIFF.
#[derive(Clone, Copy)]
enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The order for the first byte of a TIFF, `I` or `M`.
    fn of(first: u8) -> Self {
        match first {
            b'M' => Self::Big,
            _ => Self::Little,
        }
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// The next N bytes.
fn bytes<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
