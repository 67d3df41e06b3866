//! Temporary files that have not replaced their targets yet.
//!
//! A list of them allows a program to remove them when it is interrupted.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile};

/// The temporary names of the files that are being written.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary files that are being written. A program calls this before it ends
/// early; finished files stay.
///
/// A thread that starts to write another file after this call blocks forever.
///
/// ```no_run
/// // In the thread that receives Ctrl-C:
/// tenfold::io::abandon_unfinished();
/// std::process::exit(130);
/// ```
pub fn abandon_unfinished() {
    let files = unfinished();
    for file in files.iter() {
        // There is no way to report an error here.
        let _ = fs::remove_file(file);
    }
    // The lock is never released, so that no other file is started.
    std::mem::forget(files);
}

/// A file under a temporary name. It is removed if it is dropped before it is finished.
pub(super) struct Unfinished {
    file: NamedTempFile,
    _listed: Listed,
}

/// Keeps a path in the list of unfinished files until it is dropped.
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

impl Unfinished {
    /// Creates a file in `folder` with a temporary name, and adds it to the list.
    pub(super) fn begin(name: &Builder<'_, '_>, folder: &Path) -> io::Result<Self> {
        let mut files = unfinished();
        // The message of tempfile names the temporary file, which no longer exists.
        let file = name.tempfile_in(folder);
        let file = file.map_err(|error| io::Error::from(error.kind()))?;
        let path = file.path().to_path_buf();
        files.push(path.clone());
        Ok(Self {
            file,
            _listed: Listed(path),
        })
    }

    pub(super) fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Renames the file to `name`. An older file of this name is replaced.
    pub(super) fn finish(self, name: &Path) -> io::Result<()> {
        let Self { file, _listed } = self;
        file.persist(name).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_does_not_name_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no such folder");
        let error = Unfinished::begin(&Builder::new(), &missing).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains("no such folder"), "{error}");
    }
}
