//! Files: what NumPy wrote, damaged files, and what the library writes and reads again.

#[path = "../common/archive.rs"]
mod archive;
mod inputs;
mod npy;
mod npy_headers;
mod peer_files;
mod round_trips;
#[cfg(any(feature = "hdf5", feature = "matlab", feature = "nifti"))]
mod science;
mod tucker_file;
mod tucker_refusals;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Hooi, Tensor, Tucker};

use crate::common::npy::row_major;

/// The path of a file that NumPy wrote.
fn numpy(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/numpy");
    folder.join(name)
}

fn entries(tensor: &AnyTensor) -> Vec<f64> {
    match tensor {
        AnyTensor::F32(tensor) => tensor.data().iter().map(|&x| x.into()).collect(),
        AnyTensor::F64(tensor) => tensor.data().to_vec(),
    }
}

/// The message of the error that a `.npy` file with these bytes gives, without the path.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, bytes).unwrap();
    let message = read_npy(&path).unwrap_err().to_string();
    let rest = message.strip_prefix(&format!("{}: ", path.display()));
    rest.unwrap().to_owned()
}

/// A decomposition by HOOI.
fn small_tucker() -> Tucker<f64> {
    let entry = |i: &[usize]| ((7 * i[0] + 3 * i[1] * i[2] + i[2]) % 11) as f64;
    let x = Tensor::from_fn(&[6, 5, 4], entry).unwrap();
    Hooi::new([3, 2, 2]).decompose(&x).unwrap()
}

/// The `.npy` file of a text, as NumPy writes one: an array without modes, four bytes a character.
fn text(text: &str) -> Vec<u8> {
    let characters = text.chars().flat_map(|c| u32::from(c).to_le_bytes());
    let data: Vec<u8> = characters.collect();
    row_major(&format!("<U{}", text.len()), "()", &data)
}
