//! Damaged files of the optional formats: samples cut short, and with changed bytes. No call may
//! panic or allocate more than the headers let it state, and an array has the shape that its
//! description says. An allocator counts the bytes, so that this file has only one test.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tenfold::io::{ReadOptions, members_from, read_array_from};

/// The system's allocator, which counts the bytes of all threads.
struct Counting;

/// The bytes that are allocated now, and their maximum.
static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = BYTES.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(bytes, Relaxed);
        // SAFETY: the caller guarantees what the system's allocator requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls `work` and returns its result with the maximum of the bytes that it allocated.
fn with_peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = BYTES.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (result, PEAK.load(Relaxed) - before)
}

/// The samples, with the distance of the positions that are damaged. In files with many arrays
/// only some bytes are damaged, because all arrays are read each time.
const SAMPLES: &[(&str, usize)] = &[
    #[cfg(feature = "hdf5")]
    ("chunked_earliest.h5", 131),
    #[cfg(feature = "hdf5")]
    ("chunked_latest.h5", 613),
    #[cfg(feature = "hdf5")]
    ("earliest.h5", 613),
    #[cfg(feature = "hdf5")]
    ("latest.h5", 211),
    #[cfg(feature = "hdf5")]
    ("packed.nc", 617),
    #[cfg(feature = "hdf5")]
    ("refused.h5", 307),
    #[cfg(feature = "hdf5")]
    ("version73.mat", 37),
    #[cfg(feature = "nifti")]
    ("second.nii.gz", 1),
    #[cfg(feature = "nifti")]
    ("second.nii", 3),
    #[cfg(feature = "nifti")]
    ("volume.nii.gz", 1),
    #[cfg(feature = "nifti")]
    ("volume.nii", 1),
    #[cfg(feature = "matlab")]
    ("compressed.mat", 23),
    #[cfg(feature = "matlab")]
    ("one.mat", 1),
    #[cfg(feature = "matlab")]
    ("plain.mat", 23),
];

/// The maximum number of bytes for headers, buffers and the state of decompression. A node of an
/// HDF5 file claims up to 65 535 entries, and the crate that reads it allocates up to 144 bytes for
/// each.
const HEADERS: usize = 16 << 20;

/// Arrays above this size are not read. Compression lets a damaged file claim such sizes.
const MAX_READ: u64 = 1 << 20;

/// Lists the arrays and reads each that can be read. Returns how many were read.
fn read_all(bytes: &[u8], name: &str) -> usize {
    let options = ReadOptions::default();
    let (members, peak) = with_peak(|| members_from(Cursor::new(bytes), &options));
    assert!(peak <= HEADERS, "{name}: the list allocated {peak} bytes");
    let Ok(members) = members else { return 0 };
    let mut read = 0;
    for member in members {
        if member.problem.is_some() || member.memory > MAX_READ {
            continue;
        }
        let member_name = Some(&member.name[..]).filter(|name| !name.is_empty());
        let (tensor, peak) =
            with_peak(|| read_array_from(Cursor::new(bytes), member_name, &options));
        let stated = member.memory as usize + HEADERS;
        assert!(peak <= stated, "{name}: {peak} bytes for {member:?}");
        if let Ok(tensor) = tensor {
            assert_eq!(tensor.shape(), member.shape, "{name}: {member:?}");
            read += 1;
        }
    }
    read
}

#[test]
fn damaged_files_give_errors_and_allocate_what_they_state() {
    for &(name, step) in SAMPLES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inputs");
        let mut bytes = fs::read(folder.join(name)).unwrap();
        let whole = read_all(&bytes, name);
        assert!(whole > 0, "{name}");
        for place in (0..bytes.len()).step_by(step) {
            let read = read_all(&bytes[..place], name);
            assert!(read <= whole, "{name}, {place} bytes");
            for change in [0x01, 0x80, 0xff] {
                bytes[place] ^= change;
                read_all(&bytes, name);
                bytes[place] ^= change;
            }
        }
    }
}
