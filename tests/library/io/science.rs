//! HDF5, NetCDF-4, NIfTI and MATLAB files, which h5py, netCDF4, nibabel and SciPy wrote
//! (tests/interop/make_science.py). A test of a format is compiled with the format's feature.

#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "matlab")]
mod matlab;
#[cfg(feature = "nifti")]
mod nifti;

use std::path::{Path, PathBuf};

use tenfold::io::{AnyTensor, ArrayFile, Member, Source, members};

use super::entries;

/// The path of a sample file.
fn sample(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inputs");
    folder.join(name)
}

/// The entries of the samples, row-major: their positions modulo 101, minus 50 for signed types.
fn values(shape: &[usize], signed: bool) -> Vec<f64> {
    let first = if signed { -50.0 } else { 0.0 };
    let positions = 0..shape.iter().product::<usize>();
    positions.map(|p| (p % 101) as f64 + first).collect()
}

/// Opens the array `name` of a sample file, or the only array for an empty name.
fn open(file: &str, name: &str) -> tenfold::Result<ArrayFile> {
    let path = sample(file);
    ArrayFile::open(match name {
        "" => Source::new(path),
        name => Source::member(path, name),
    })
}

/// Reads an array, and checks that its description was right.
fn read(file: &str, name: &str) -> AnyTensor {
    let array = open(file, name).unwrap();
    let (shape, dtype) = (array.shape().to_vec(), array.dtype());
    let tensor = array.read().unwrap();
    assert_eq!((tensor.shape(), tensor.dtype()), (&shape[..], dtype));
    tensor
}

/// Reads an array and checks shape, scalar and values.
fn check(file: &str, name: &str, shape: &[usize], dtype: &str, expected: &[f64]) {
    let tensor = read(file, name);
    let context = format!("{file}:{name}");
    assert_eq!(
        (tensor.shape(), tensor.dtype()),
        (shape, dtype),
        "{context}"
    );
    assert_eq!(entries(&tensor), expected, "{context}");
}

/// The description of an array.
fn described(file: &str, name: &str) -> Member {
    let mut members = members(sample(file)).unwrap().into_iter();
    members.find(|member| member.name == name).unwrap()
}

/// The message of the error that reading an array gives, without the path.
fn refusal(file: &str, name: &str) -> String {
    let error = open(file, name).and_then(ArrayFile::read).unwrap_err();
    let message = error.to_string();
    let (_, problem) = message.split_once(&format!("{name}: ")).unwrap();
    problem.to_owned()
}

/// The scalar that entries of a type are read as. `code` is NumPy's: "i2", "f8", …
#[cfg(any(feature = "hdf5", feature = "matlab"))]
fn scalar(code: &str) -> &'static str {
    match code {
        "i4" | "i8" | "u4" | "u8" | "f8" => "f64",
        _ => "f32",
    }
}

/// The shape of most samples.
const SHAPE: [usize; 3] = [5, 6, 7];
