//! The kind of a file, recognised by its first bytes. The error for a file of the wrong kind names
//! this kind and the kind that was expected.

use std::io::{self, Read, Seek, SeekFrom};

use super::Problem;
#[cfg(feature = "io")]
use super::read_options::ReadOptions;

/// The number of bytes at the start of a file that decide its kind.
pub(super) const START: u64 = 512;

/// The first bytes of an HDF5 file.
const HDF5_SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A `.npy` file.
    Array,
    /// A zip archive, such as a `.npz`.
    Archive,
    /// An HDF5 file, such as NetCDF-4 or MATLAB's files of version 7.3.
    Hdf5,
    /// A NIfTI volume, compressed or not.
    Nifti,
    /// A MATLAB file of version 5 or 7.
    Matlab,
    /// A `.safetensors` file.
    Safetensors,
    /// A picture in a format that can be read, with the name of the format.
    Picture(&'static str),
    /// A known kind of file that no reader accepts, with its name.
    Other(&'static str),
    /// Not recognised. The reader tries to read the file, and its error says what is wrong.
    Unknown,
}

// A build without the feature of a format names the feature.
const HDF5: Kind = if cfg!(feature = "hdf5") {
    Kind::Hdf5
} else {
    Kind::Other("an HDF5 file (tenfold reads it if built with the feature hdf5)")
};
const NIFTI: Kind = if cfg!(feature = "nifti") {
    Kind::Nifti
} else {
    Kind::Other("a NIfTI volume (tenfold reads it if built with the feature nifti)")
};
const MATLAB: Kind = if cfg!(feature = "matlab") {
    Kind::Matlab
} else {
    Kind::Other("a MATLAB file (tenfold reads it if built with the feature matlab)")
};

const CLASSIC: Kind =
    Kind::Other("a NetCDF file in the classic format (nccopy -k nc4 converts it to NetCDF-4)");

const PICKLE: Kind = Kind::Other("a Python pickle");

const TEXT: &str = "a text file";
/// The name of the kind of picture that includes BigTIFF.
pub(super) const TIFF: &str = "a TIFF";

/// The first bytes of each kind of file.
const SIGNATURES: [(&[u8], Kind); 24] = [
    (b"\x93NUMPY", Kind::Array),
    (b"PK\x03\x04", Kind::Archive),
    // A zip archive without entries.
    (b"PK\x05\x06", Kind::Archive),
    (b"\x89PNG\r\n\x1a\n", Kind::Picture("a PNG")),
    (b"\xff\xd8\xff", Kind::Picture("a JPEG")),
    (b"GIF8", Kind::Other("a GIF")),
    (b"II*\0", Kind::Picture(TIFF)),
    (b"MM\0*", Kind::Picture(TIFF)),
    // BigTIFF.
    (b"II+\0", Kind::Picture(TIFF)),
    (b"MM\0+", Kind::Picture(TIFF)),
    (b"%PDF", Kind::Other("a PDF")),
    (&HDF5_SIGNATURE, HDF5),
    // An HDF5 file after 512 bytes of MATLAB's own.
    (b"MATLAB 7.3 MAT-file", HDF5),
    (b"CDF\x01", CLASSIC),
    (b"CDF\x02", CLASSIC),
    (b"CDF\x05", CLASSIC),
    (b"\x1c\x02\0\0n", NIFTI),
    (b"\0\0\x02\x1cn", NIFTI),
    (b"MATLAB 5.0 MAT-file", MATLAB),
    (b"\x1f\x8b", Kind::Other("a file compressed with gzip")),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
];

impl Kind {
    /// The kind of a file that starts with `start`.
    pub(super) fn of(start: &[u8]) -> Self {
        // Some lengths of a header are equal to a signature.
        if is_safetensors(start) {
            return Self::Safetensors;
        }
        let known = SIGNATURES.iter();
        let known = known.copied().find(|(bytes, _)| start.starts_with(bytes));
        let kind = known.map(|(_, kind)| kind);
        match kind.or_else(|| Self::of_later_bytes(start)) {
            #[cfg(feature = "nifti")]
            _ if super::nifti::is_compressed_volume(start) => NIFTI,
            Some(kind) => kind,
            None if is_nifti(start) => NIFTI,
            None if is_text(start) => Self::Other(TEXT),
            None => Self::Unknown,
        }
    }

    /// The kind of a file that starts with bytes of this kind. An HDF5 file may follow bytes of another
    /// program, which the format calls a user block: 512 bytes, or 512 times a power of two.
    pub(super) fn or_after_user_block(self, file: &mut (impl Read + Seek)) -> io::Result<Self> {
        if !matches!(self, Self::Unknown | Self::Other(TEXT)) {
            return Ok(self);
        }
        let size = file.seek(SeekFrom::End(0))?;
        let mut position = START;
        while position < size {
            file.seek(SeekFrom::Start(position))?;
            let mut bytes = Vec::new();
            let length = HDF5_SIGNATURE.len() as u64;
            file.take(length).read_to_end(&mut bytes)?;
            if bytes == HDF5_SIGNATURE {
                return Ok(HDF5);
            }
            position *= 2;
        }
        Ok(self)
    }

    /// The kind of a file with a signature that does not fill the first bytes.
    fn of_later_bytes(start: &[u8]) -> Option<Self> {
        let name = start.get(8..12);
        if start.starts_with(b"RIFF") {
            return Some(match name {
                Some(b"WEBP") => Self::Picture("a WebP"),
                _ => Self::Other("a RIFF file"),
            });
        }
        if start.get(4..8) == Some(b"ftyp") {
            return Some(match name {
                Some(b"avif") => Self::Other("an AVIF picture"),
                Some(b"heic" | b"heix" | b"mif1") => Self::Other("a HEIC picture"),
                _ => Self::Other("a video or audio file (MP4)"),
            });
        }
        // Byte 14 starts a number of 4 bytes below 256. A text that starts with "BM" has no zero
        // bytes.
        let bitmap = start.starts_with(b"BM") && start.get(15..18) == Some(&[0; 3]);
        bitmap.then_some(Self::Picture("a BMP"))
    }

    /// The name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Array => "an array (.npy)",
            Self::Archive => "an archive (.npz)",
            Self::Hdf5 => "an HDF5 file",
            Self::Nifti => "a NIfTI volume",
            Self::Matlab => "a MATLAB file",
            Self::Safetensors => "a .safetensors file",
            Self::Picture(name) | Self::Other(name) => name,
            Self::Unknown => "a file of an unknown kind",
        }
    }
}

/// Whether `start` is the start of a NIfTI volume of version 1. Its mark is at the end of the
/// header.
fn is_nifti(start: &[u8]) -> bool {
    matches!(start.get(344..348), Some(b"n+1\0" | b"ni1\0"))
}

/// The maximum length of the header of a `.safetensors` file, as the format defines it.
pub(super) const MAX_SAFETENSORS_HEADER: u64 = 100_000_000;

/// Whether `start` is the length of a header, in 8 bytes, and the first byte of a JSON object.
fn is_safetensors(start: &[u8]) -> bool {
    match start.split_first_chunk() {
        Some((length, [b'{', ..])) => u64::from_le_bytes(*length) <= MAX_SAFETENSORS_HEADER,
        _ => false,
    }
}

/// Whether `start` is the start of a UTF-8 text. The last character may be cut off. A text has
/// no control characters other than tabs, line breaks and form feeds.
fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c');
    !text.is_empty() && text.chars().all(allowed)
}

/// The kind of file that a reader expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "io", feature = "image")), allow(dead_code))]
pub(super) enum Expected {
    /// A `.npy` file alone.
    Npy,
    /// An array in any format.
    Array,
    /// A file that is read as raw numbers, whatever its kind is.
    Raw,
    Decomposition,
    ArrayOrDecomposition,
    Picture,
    /// An ONNX network. Such a file starts with no fixed bytes.
    #[cfg_attr(not(feature = "onnx"), allow(dead_code))]
    Network,
}

impl Expected {
    /// What is expected where an array is read with these options.
    #[cfg(feature = "io")]
    pub(super) fn of(options: &ReadOptions) -> Self {
        match &options.raw {
            Some(_) => Self::Raw,
            None => Self::Array,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Npy => "a .npy file",
            Self::Array => "an array file (such as .npy)",
            Self::Raw => "a file of numbers",
            Self::Decomposition => "a decomposition (.npz)",
            Self::ArrayOrDecomposition => "an array file (such as .npy) or a decomposition (.npz)",
            Self::Picture => "a PNG, JPEG, WebP, BMP or TIFF",
            Self::Network => "an ONNX network",
        }
    }

    /// The end of a message: which program writes such a file.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Npy | Self::Array => "; numpy.save writes one",
            Self::Decomposition => "; tenfold decompose writes one",
            Self::Raw | Self::ArrayOrDecomposition | Self::Picture | Self::Network => "",
        }
    }

    /// Whether a file of this kind can be the expected file.
    pub(super) fn admits(self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Raw, _) | (_, Kind::Unknown) => true,
            (_, Kind::Other(_)) => false,
            (_, Kind::Picture(_)) => self == Self::Picture,
            (Self::Picture | Self::Network, _) => false,
            (Self::Npy, _) => kind == Kind::Array,
            (Self::Decomposition, _) => kind == Kind::Archive,
            (Self::Array | Self::ArrayOrDecomposition, _) => true,
        }
    }

    /// The problem that the file is `what`.
    pub(super) fn instead_of(self, what: &str) -> Problem {
        Problem::new(format!("this is {what}, {} was expected", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_the_kind() {
        const UNKNOWN: &str = "a file of an unknown kind";
        for (start, name) in [
            (&b"\x93NUMPY\x01\0"[..], "an array (.npy)"),
            (b"PK\x03\x04\0\0", "an archive (.npz)"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG"),
            (b"\x80\x02\0\0\0\0\0\0{\"a\":", "a .safetensors file"),
            (b"\x80\x02\0\0\0\0\0\x01{\"a\":", "a Python pickle"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "a RIFF file"),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02", "a BMP"),
            (b"BMI,age,sex\n23.5,41,f\n", "a text file"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
            (
                b"\0\0\0\x20ftypisom\0\0\x02\0",
                "a video or audio file (MP4)",
            ),
            (b"a,b\r\n1,2\r\n", "a text file"),
            ("Größe".as_bytes(), "a text file"),
            // A character of two bytes, cut after the first.
            (b"Gr\xc3", "a text file"),
            (b"\xc3", UNKNOWN),
            (b"Gr\xc3x", UNKNOWN),
            (b"text\0", UNKNOWN),
            (b"\x93NU", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(Kind::of(start).name(), name, "{start:?}");
        }
    }

    #[test]
    fn an_hdf5_file_may_follow_a_user_block() {
        let kind = |file: &[u8]| {
            let kind = Kind::of(&file[..512]);
            kind.or_after_user_block(&mut io::Cursor::new(file))
                .unwrap()
        };
        for block in [512, 1024, 4096] {
            for fill in [b'a', 0xff] {
                let mut file = vec![fill; block];
                file.extend(HDF5_SIGNATURE);
                assert_eq!(kind(&file), HDF5, "{block}");
                // Any other position holds no superblock.
                file.insert(0, fill);
                assert_ne!(kind(&file), HDF5, "{block}");
            }
        }
    }
}
