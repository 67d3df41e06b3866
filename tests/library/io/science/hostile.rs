//! Damaged files: each sample cut short at every position, and with each byte changed. No call may
//! panic, and an array has the shape that its description says.

use std::fs;
use std::io::Cursor;

use tenfold::io::{ReadOptions, members_from, read_array_from};

use super::sample;

/// The samples, with the distance of the positions that are damaged. Files with many datasets are
/// read many times, so that only some of their bytes are damaged.
const SAMPLES: &[(&str, usize)] = &[
    #[cfg(feature = "hdf5")]
    ("chunked_earliest.h5", 23),
    #[cfg(feature = "hdf5")]
    ("chunked_latest.h5", 67),
    #[cfg(feature = "hdf5")]
    ("earliest.h5", 41),
    #[cfg(feature = "hdf5")]
    ("latest.h5", 37),
    #[cfg(feature = "hdf5")]
    ("packed.nc", 53),
    #[cfg(feature = "hdf5")]
    ("refused.h5", 43),
    #[cfg(feature = "hdf5")]
    ("version73.mat", 3),
    #[cfg(feature = "nifti")]
    ("second.nii.gz", 1),
    #[cfg(feature = "nifti")]
    ("second.nii", 1),
    #[cfg(feature = "nifti")]
    ("volume.nii.gz", 1),
    #[cfg(feature = "nifti")]
    ("volume.nii", 1),
    #[cfg(feature = "matlab")]
    ("compressed.mat", 1),
    #[cfg(feature = "matlab")]
    ("one.mat", 1),
    #[cfg(feature = "matlab")]
    ("plain.mat", 3),
];

/// The maximum number of bytes that an array of a damaged file may claim: what a sample expands to.
const MAX_MEMORY: u64 = 1 << 28;

/// Lists the arrays and reads each that can be read. Returns how many were read.
fn read_all(bytes: &[u8]) -> usize {
    let options = ReadOptions::default();
    let Ok(members) = members_from(Cursor::new(bytes), &options) else {
        return 0;
    };
    let mut read = 0;
    for member in members {
        assert!(member.memory <= MAX_MEMORY, "{member:?}");
        if member.problem.is_some() || member.memory > 1 << 20 {
            continue;
        }
        let name = Some(&member.name[..]).filter(|name| !name.is_empty());
        if let Ok(tensor) = read_array_from(Cursor::new(bytes), name, &options) {
            assert_eq!(tensor.shape(), member.shape, "{member:?}");
            read += 1;
        }
    }
    read
}

#[test]
fn files_cut_short_give_errors() {
    for &(name, step) in SAMPLES {
        let bytes = fs::read(sample(name)).unwrap();
        let whole = read_all(&bytes);
        assert!(whole > 0, "{name}");
        for length in (0..bytes.len()).step_by(step) {
            let read = read_all(&bytes[..length]);
            assert!(read <= whole, "{name}, {length} bytes");
        }
    }
}

#[test]
fn changed_bytes_give_errors_or_arrays() {
    for &(name, step) in SAMPLES {
        let mut bytes = fs::read(sample(name)).unwrap();
        for place in (0..bytes.len()).step_by(step) {
            for change in [0x01, 0x80, 0xff] {
                bytes[place] ^= change;
                read_all(&bytes);
                bytes[place] ^= change;
            }
        }
    }
}
