//! Writes a temporary file beside the target and renames it to the target.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use super::Problem;
use super::unfinished::Unfinished;
use crate::error::Result;

/// What an output path names.
enum Target {
    /// A regular file or a new one: a temporary file is renamed to this path and gets the
    /// permissions of the old file, if there is one.
    File(PathBuf, Option<Permissions>),
    /// A device or a pipe. A rename would replace it, so it is written directly.
    Stream,
}

/// Checks that `path` can be written, and leaves no file behind. The check is meant for outputs of
/// long computations, before they start.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the folder does not exist or is not writable, or if the
/// path is a directory or a read-only file.
///
/// ```
/// use tenfold::io::check_writable;
/// assert!(check_writable("no/such/folder/x.npy").is_err());
/// ```
pub fn check_writable(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    probe(path).map_err(|problem| problem.at(path))
}

fn probe(path: &Path) -> Result<(), Problem> {
    match target(path)? {
        Target::File(file, _) => create_beside(&file).map(drop),
        Target::Stream => open_stream(path).map(drop),
    }
}

/// Writes `text` to the file `path`, as a whole or not at all.
///
/// # Errors
/// [`crate::Error::UnusableFile`] if the file cannot be written.
///
/// ```
/// use tenfold::io::write_text;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.svg");
/// write_text(&path, "<svg/>")?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "<svg/>");
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn write_text(path: impl AsRef<Path>, text: &str) -> Result<()> {
    write_file(path.as_ref(), |file| {
        io::Write::write_all(file, text.as_bytes())
    })
}

/// Writes the file `path` with `write`, as a whole or not at all.
pub(super) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<()> {
    replace(path, write).map_err(|problem| problem.at(path))
}

fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Problem> {
    match target(path)? {
        Target::File(file, permissions) => {
            let mut beside = create_beside(&file)?;
            if let Some(permissions) = permissions {
                // Some file systems have no permissions; this is not an error.
                let _ = beside.as_file_mut().set_permissions(permissions);
            }
            write(beside.as_file_mut()).map_err(cannot_write)?;
            beside.finish(&file).map_err(cannot_write)?;
        }
        Target::Stream => {
            let mut stream = open_stream(path)?;
            // A temporary file first, so that the stream gets nothing if `write` fails.
            let mut whole = tempfile::tempfile().map_err(cannot_write)?;
            write(&mut whole)
                .and_then(|()| io::Seek::rewind(&mut whole))
                .and_then(|()| io::copy(&mut whole, &mut stream))
                .map_err(cannot_write)?;
        }
    }
    Ok(())
}

fn target(path: &Path) -> Result<Target, Problem> {
    if path.file_name().is_none() {
        return Err(Problem::new("this path names no file"));
    }
    let last = path.as_os_str().as_encoded_bytes().last();
    if last.is_some_and(|&byte| std::path::is_separator(byte.into())) {
        return Err(Problem::new(
            "this path ends with a separator, the name of a file was expected",
        ));
    }
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(Target::File(path.to_path_buf(), None));
    };
    if metadata.is_dir() {
        Err(Problem::new(
            "this is a directory, the name of a file was expected",
        ))
    } else if !metadata.is_file() {
        Ok(Target::Stream)
    } else if metadata.permissions().readonly() {
        Err(Problem::new("this file exists and is read-only"))
    } else {
        // If `path` is a link, the file that it leads to is replaced, and the link stays.
        let file = fs::canonicalize(path).map_err(cannot_write)?;
        Ok(Target::File(file, Some(metadata.permissions())))
    }
}

fn create_beside(file: &Path) -> Result<Unfinished, Problem> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tenfold-").suffix(".tmp");
    #[cfg(unix)]
    {
        // The permissions of other new files; the umask restricts them.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    Unfinished::begin(&builder, folder).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Problem {
                text: format!("the folder {} does not exist", folder.display()),
                source: Some(error),
            }
        } else {
            Problem::io(&format!("cannot write to {}", folder.display()), error)
        }
    })
}

fn open_stream(path: &Path) -> Result<File, Problem> {
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(cannot_write)
}

fn cannot_write(error: io::Error) -> Problem {
    Problem::io("cannot be written", error)
}
