//! Decompositions in `.npz` files, written by the library and by NumPy.

use std::fs;
use std::path::Path;

use tenfold::faer::Mat;
use tenfold::io::{AnyTucker, Meta, read_tucker, write_tucker};
use tenfold::{Hooi, StHosvd, Stop, Tensor};

use super::archive::write_archive;
use super::{numpy, small_tucker, text};
use crate::common::npy::{column_major, row_major};

#[test]
fn a_decomposition_is_read_as_it_was_written() {
    let tucker = small_tucker();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    let written = Meta::new(&tucker, "hooi");
    write_tucker(&path, &tucker, &written).unwrap();
    let (read, meta) = read_tucker(&path).unwrap();
    assert_eq!(meta, written);
    assert_eq!(meta.relative_error, tucker.estimated_error());
    assert_eq!(meta.stop, Some(Stop::Converged));
    assert_eq!(meta.spectra[1].as_deref(), tucker.spectrum(1));
    let AnyTucker::F64(read) = read else {
        panic!("f64 was written, f32 was read");
    };
    assert_eq!(read.core(), tucker.core());
    for mode in 0..3 {
        assert_eq!(read.factor(mode), tucker.factor(mode));
    }
}

/// The repository has a file of each version of the format, of x[i, j, k] = 1 + i·j + k.
#[test]
fn every_version_of_the_format_is_read() {
    let x = Tensor::from_fn(&[3, 4, 2], |i| (1 + i[0] * i[1] + i[2]) as f64).unwrap();
    let expected = Hooi::new([2, 2, 1]).decompose(&x).unwrap();
    let expected = expected.reconstruct().unwrap();
    for version in 0..=1 {
        let name = format!("tests/data/formats/version{version}.tucker.npz");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let (tucker, meta) = read_tucker(path).unwrap();
        let AnyTucker::F64(tucker) = tucker else {
            panic!("f64 was written, f32 was read");
        };
        assert_eq!(meta.version, version);
        assert_eq!(meta.stop, Some(Stop::Converged));
        let whole = tucker.reconstruct().unwrap();
        let difference = whole.distance(&expected).unwrap();
        assert!(difference <= 1e-13 * x.norm(), "{difference}");
    }
}

#[test]
fn an_old_version_is_written_as_the_current_one() {
    let tucker = small_tucker();
    let current = Meta::new(&tucker, "hooi");
    let old = Meta {
        version: 0,
        ..current.clone()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    write_tucker(&path, &tucker, &old).unwrap();
    assert_eq!(read_tucker(&path).unwrap().1, current);
}

#[test]
fn the_same_decomposition_gives_the_same_file() {
    let tucker = small_tucker();
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::new(&tucker, "hooi");
    let write = |name: &str| {
        let path = folder.path().join(name);
        write_tucker(&path, &tucker, &meta).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(write("one.npz"), write("two.npz"));
    // No temporary file is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_mode_that_is_not_decomposed_has_no_factor() {
    let x = Tensor::from_fn(&[4, 3, 5], |i| (i[0] * i[2] + i[1]) as f32).unwrap();
    let solver = StHosvd {
        modes: Some(vec![2, 0]),
        ..StHosvd::new([2, 2])
    };
    let tucker = solver.decompose(&x).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    write_tucker(&path, &tucker, &Meta::new(&tucker, "st-hosvd")).unwrap();
    let (read, meta) = read_tucker(&path).unwrap();
    let AnyTucker::F32(read) = read else {
        panic!("f32 was written, f64 was read");
    };
    assert_eq!((meta.modes, meta.dtype.as_str()), (vec![0, 2], "f32"));
    assert!(read.factor(1).is_none());
    assert_eq!(read.reconstruct().unwrap(), tucker.reconstruct().unwrap());
}

#[test]
fn a_decomposition_written_by_numpy_is_read() {
    let (tucker, meta) = read_tucker(numpy("tucker.npz")).unwrap();
    let AnyTucker::F64(tucker) = tucker else {
        panic!("f64 was written, f32 was read");
    };
    assert_eq!(tucker.shape(), [3, 2, 5]);
    assert_eq!((meta.relative_error, meta.sweeps), (Some(0.25), None));
    let x = tucker.reconstruct().unwrap();
    // X[i, j, 0] = Σ A₀[i, r] G[r, j, 0]. All other entries are 0.
    assert_eq!(x.get(&[0, 1, 0]), Some(0.6 * 2.0));
    assert_eq!(x.get(&[2, 1, 0]), Some(4.0));
    assert_eq!(x.get(&[2, 1, 3]), Some(0.0));
}

#[test]
fn the_arrays_of_a_decomposition_may_have_any_order_of_entries_and_bytes() {
    let meta = r#"{"version":1,"method":"m","ranks":[2,3],"relative_error":null,"shape":[2,4],"dtype":"f64","modes":[1]}"#;
    let big = |numbers: std::ops::Range<u8>| -> Vec<u8> {
        numbers.flat_map(|n| f64::from(n).to_be_bytes()).collect()
    };
    let entries = [
        ("core.npy", row_major(">f8", "(2, 3)", &big(1..7))),
        ("factor_1.npy", column_major(">f8", "(4, 3)", &big(0..12))),
        ("meta.npy", text(meta)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    write_archive(&path, &entries);
    let AnyTucker::F64(tucker) = read_tucker(&path).unwrap().0 else {
        panic!("f64 was written, f32 was read");
    };
    assert_eq!(tucker.core().data(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let factor = tucker.factor(1).unwrap();
    assert_eq!(factor, Mat::from_fn(4, 3, |i, j| (4 * j + i) as f64));
}
