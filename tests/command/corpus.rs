//! The fuzz targets, run on every file of the corpus in the repository. Every input that ever failed
//! is in the corpus.

#[allow(unreachable_pub)]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::fs;

use crate::folder::repository;

/// Calls the target with each file of its corpus, whole and cut short at seven places.
fn replay(name: &str, target: fn(&[u8])) {
    let mut files = 0;
    for entry in fs::read_dir(repository("fuzz/corpus").join(name)).unwrap() {
        let data = fs::read(entry.unwrap().path()).unwrap();
        target(&data);
        for part in 1..8 {
            target(&data[..data.len() * part / 8]);
        }
        files += 1;
    }
    assert!(files >= 3, "{files} files");
}

#[test]
fn npy() {
    replay("npy", targets::npy);
}

#[test]
fn npz() {
    replay("npz", targets::npz);
}

#[test]
fn archive() {
    replay("archive", targets::archive);
}

#[test]
fn safetensors() {
    replay("safetensors", targets::safetensors);
}

#[test]
fn hdf5() {
    replay("hdf5", targets::hdf5);
}

#[test]
fn nifti() {
    replay("nifti", targets::nifti);
}

#[test]
fn matlab() {
    replay("matlab", targets::matlab);
}

#[test]
fn raw() {
    replay("raw", targets::raw);
}

#[test]
fn image() {
    replay("image", targets::image);
}

#[cfg(feature = "onnx")]
#[test]
fn network() {
    replay("network", targets::network);
}

#[test]
fn text() {
    replay("text", targets::text);
}

#[test]
fn solvers() {
    replay("solvers", targets::solvers);
}
