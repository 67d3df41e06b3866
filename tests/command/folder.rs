//! A folder of a user's files, and runs of the command `tenfold` in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tenfold::io::{AnyTensor, AnyTucker, read_npy, read_tucker, write_npy};
use tenfold::{Scalar, Tensor, TensorRef, Tucker};

/// The arguments of a command: a text with blanks between them, or a list where an argument has
/// blanks or is empty.
pub(crate) trait Arguments {
    fn list(&self) -> Vec<&str>;
}

impl Arguments for str {
    fn list(&self) -> Vec<&str> {
        self.split_whitespace().collect()
    }
}

impl Arguments for String {
    fn list(&self) -> Vec<&str> {
        self.as_str().list()
    }
}

impl<const N: usize> Arguments for [&str; N] {
    fn list(&self) -> Vec<&str> {
        self.to_vec()
    }
}

/// A temporary folder. Commands run in it, so that their arguments are short file names.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with [`tensor`] in `x.npy`.
    pub(crate) fn with_tensor() -> Self {
        let folder = Self::new();
        write_npy(folder.at("x.npy"), &tensor()).unwrap();
        folder
    }

    /// A folder with the sample of the README: the features `chelsea.npy` of the photograph
    /// `chelsea.png`.
    pub(crate) fn with_sample() -> Self {
        let folder = Self::new();
        for name in ["chelsea.npy", "chelsea.png"] {
            fs::copy(repository("examples").join(name), folder.at(name)).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The sorted names of the files and folders in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    pub(crate) fn write<T: Scalar>(&self, name: &str, shape: &[usize], entries: &[T]) {
        let x = TensorRef::new(shape, entries).unwrap();
        write_npy(self.at(name), x).unwrap();
    }

    pub(crate) fn write_bytes(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    pub(crate) fn read_bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    pub(crate) fn read_f32(&self, name: &str) -> Tensor<f32> {
        match read_npy(self.at(name)).unwrap() {
            AnyTensor::F32(x) => x,
            AnyTensor::F64(_) => panic!("{name} is f64, f32 was expected"),
        }
    }

    pub(crate) fn read_f64(&self, name: &str) -> Tensor<f64> {
        match read_npy(self.at(name)).unwrap() {
            AnyTensor::F64(x) => x,
            AnyTensor::F32(_) => panic!("{name} is f32, f64 was expected"),
        }
    }

    pub(crate) fn read_tucker(&self, name: &str) -> Tucker<f64> {
        match read_tucker(self.at(name)).unwrap().0 {
            AnyTucker::F64(tucker) => tucker,
            AnyTucker::F32(_) => panic!("{name} is f32, f64 was expected"),
        }
    }

    /// The command with its arguments, before it starts.
    pub(crate) fn tenfold(&self, arguments: &(impl Arguments + ?Sized)) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
        command
            .args(arguments.list())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed. Returns standard output and standard error.
    pub(crate) fn succeeds(&self, arguments: &(impl Arguments + ?Sized)) -> (String, String) {
        let output = self.tenfold(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        assert_eq!(code, Some(0), "{:?}: {errors}", arguments.list());
        (String::from_utf8(output.stdout).unwrap(), errors)
    }

    /// Runs a command that must succeed. Returns the one JSON object that it prints. Standard
    /// error must have the same notes as the object.
    pub(crate) fn json(&self, arguments: &(impl Arguments + ?Sized)) -> Value {
        let list = arguments.list();
        let output = self.tenfold(arguments).arg("--json").output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{list:?}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{list:?}: {text}");
        let object: Value = serde_json::from_str(&text).unwrap();
        let printed = notes(&object).into_iter();
        let printed: String = printed.map(|note| format!("note: {note}\n")).collect();
        let is_quiet = list.contains(&"--quiet");
        assert_eq!(errors, if is_quiet { "" } else { &printed }, "{list:?}");
        object
    }

    /// Runs a command that must fail as [`refused`] checks, and leave no file behind. Returns
    /// its message.
    pub(crate) fn refusal(&self, arguments: &(impl Arguments + ?Sized)) -> String {
        let before = self.names();
        let line = refused(self.tenfold(arguments).output().unwrap());
        assert_eq!(self.names(), before, "{:?}: {line}", arguments.list());
        line
    }

    /// Decomposes `x.npy` into `x.npz` with these options.
    pub(crate) fn decompose(&self, options: &str) -> Value {
        self.json(&format!("decompose x.npy -o x.npz {options}"))
    }
}

/// The notes of the JSON object that a command prints.
pub(crate) fn notes(object: &Value) -> Vec<&str> {
    let notes = object["notes"].as_array().unwrap().iter();
    notes.map(|note| note.as_str().unwrap()).collect()
}

/// The message of a run that must have failed with status 2, printed one line on standard error
/// and nothing on standard output.
pub(crate) fn refused(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty(), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let line = errors.strip_prefix("tenfold: ").unwrap();
    line.trim_end().to_owned()
}

/// The path of a file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A 12×10×8 tensor of low rank plus a small remainder.
pub(crate) fn tensor() -> Tensor<f64> {
    let entry = |i: &[usize]| {
        let (a, b, c) = (i[0] as f64, i[1] as f64, i[2] as f64);
        (0.3 * a + b).sin() * (c + 1.0)
            + (a * b * 0.1).cos()
            + 1e-3 * ((7.0 * a + 5.0 * b) * (c + 2.0)).sin()
    };
    Tensor::from_fn(&[12, 10, 8], entry).unwrap()
}
