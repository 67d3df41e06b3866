//! A run of the command that takes long enough to be cut short: it writes a large file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenfold::io::{Meta, write_tucker};
use tenfold::{StHosvd, Tensor};

/// The content of the output before the run.
pub(crate) const OLD: &[u8] = b"what was there before";

/// A folder with a decomposition of some kilobytes. Its reconstruction has 32 MB.
pub(crate) struct Job {
    folder: TempDir,
}

impl Job {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let x = Tensor::from_fn(&[160, 160, 160], |i| (i[0] + i[1] * i[2]) as f64).unwrap();
        let tucker = StHosvd::new([2, 2, 2]).decompose(&x).unwrap();
        let meta = Meta::new(&tucker, "st-hosvd");
        write_tucker(folder.path().join("x.tucker.npz"), &tucker, &meta).unwrap();
        Self { folder }
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("x.tucker.npz")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("y.npy")
    }

    /// The command that reconstructs into `output`, before it starts.
    pub(crate) fn command(&self, output: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
        command
            .arg("reconstruct")
            .arg(self.input())
            .arg("-o")
            .arg(output)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Writes [`OLD`] to the output and starts the command.
    pub(crate) fn start(&self) -> Child {
        fs::write(self.output(), OLD).unwrap();
        self.command(&self.output()).spawn().unwrap()
    }

    /// The output of a run that nothing cuts short, and the time that it takes.
    pub(crate) fn undisturbed(&self) -> (Vec<u8>, Duration) {
        let started = Instant::now();
        assert!(self.start().wait().unwrap().success());
        (fs::read(self.output()).unwrap(), started.elapsed())
    }

    /// The files in the folder with the ending of temporary files.
    pub(crate) fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "tmp"))
            .collect()
    }
}

/// The one line of a command that must have failed with this status and without a result.
pub(crate) fn failure(output: &Output, status: i32) -> String {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(output.stdout.is_empty());
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors
}
