//! Files that are being written beside their targets.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile};

/// The files that have been begun and not finished, under their temporary names.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the files that are being written under temporary names, for a program
/// that is about to end: a thread that would begin another from now on waits for ever.
///
/// What has been written before stays as it was.
///
/// ```no_run
/// // In the thread that learns of Ctrl-C:
/// tenfold::io::abandon_unfinished();
/// std::process::exit(130);
/// ```
pub fn abandon_unfinished() {
    let files = unfinished();
    for file in files.iter() {
        // What cannot be removed now cannot be helped any more.
        let _ = fs::remove_file(file);
    }
    std::mem::forget(files);
}

/// A file under a temporary name; dropped before it is finished, it is removed.
pub(super) struct Unfinished {
    file: NamedTempFile,
    _listed: Listed,
}

/// The place of a path among the unfinished, until dropped.
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

impl Unfinished {
    pub(super) fn begin(name: &Builder<'_, '_>, folder: &Path) -> io::Result<Self> {
        let mut files = unfinished();
        let file = name.tempfile_in(folder)?;
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

    /// Gives the file its name, in place of any other file of that name.
    pub(super) fn finish(self, name: &Path) -> io::Result<()> {
        let Self { file, _listed } = self;
        file.persist(name).map(drop).map_err(|error| error.error)
    }
}
