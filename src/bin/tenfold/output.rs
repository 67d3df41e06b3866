//! Checks a command's outputs before the work starts: each can be written, and none replaces
//! an input or another output.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use tenfold::io::{Meta, check_writable, write_npy_entries, write_npy_entries_to, write_tucker_to};
use tenfold::{Scalar, Tucker};

use crate::arrays::is_dash;
use crate::failure::{Failure, Outcome};

/// Fails if an output cannot be written, or would replace an input or another output.
pub(crate) fn check(outputs: &[PathBuf], inputs: &[PathBuf]) -> Outcome {
    check_distinct(outputs, inputs)?;
    // For new files it is enough to check one in each folder.
    let mut folders = HashSet::new();
    for output in outputs.iter().filter(|output| !is_dash(output)) {
        if output.exists() || folders.insert(output.parent()) {
            check_writable(output)?;
        }
    }
    Ok(())
}

/// Fails if an output or the standard output is the same file as an input, or if two outputs are
/// the same file. Different paths and links to the same file are recognised.
pub(crate) fn check_distinct(outputs: &[PathBuf], inputs: &[PathBuf]) -> Outcome {
    let inputs: HashMap<Identity, &Path> = inputs
        .iter()
        .filter_map(|input| Some((Identity::of_existing(input)?, input.as_path())))
        .collect();
    if let Some(input) = identity_of_standard_output().and_then(|identity| inputs.get(&identity)) {
        return Err(Failure::usage(format!(
            "standard output goes to the input {}",
            input.display()
        )));
    }
    let mut taken = HashMap::new();
    let mut taken_in_lower_case = HashMap::new();
    for output in outputs.iter().filter(|output| !is_dash(output)) {
        let Some(identity) = Identity::of(output) else {
            continue;
        };
        if let Some(input) = inputs.get(&identity) {
            return Err(would_replace(output, "input", input));
        }
        if let Identity::New(folder, name) = &identity {
            let lower = name.to_string_lossy().to_lowercase();
            let other = taken_in_lower_case.insert((folder.clone(), lower), output);
            if let Some(other) = other.filter(|_| ignores_case(folder)) {
                return Err(would_replace(output, "output", other));
            }
        }
        if let Some(other) = taken.insert(identity, output) {
            return Err(would_replace(output, "output", other));
        }
    }
    Ok(())
}

fn would_replace(output: &Path, what: &str, other: &Path) -> Failure {
    Failure::usage(format!(
        "{}: this output would replace the {what} {}",
        output.display(),
        other.display()
    ))
}

/// The identity of a file: equal for all paths that lead to it.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    /// The device and the inode. Hard links share them.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path with all links resolved.
    #[cfg(not(unix))]
    Path(PathBuf),
    /// For a file that does not exist yet: its folder with all links resolved, and its name.
    New(PathBuf, OsString),
}

impl Identity {
    /// The identity of a file. `None` for a device or a pipe, which is never replaced, and
    /// for a path that names no file.
    fn of(path: &Path) -> Option<Self> {
        if path.exists() {
            return Self::of_existing(path);
        }
        let path = behind_links(path);
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        Some(Self::New(folder, path.file_name()?.to_os_string()))
    }

    /// The identity of a regular file that exists.
    fn of_existing(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        metadata
            .is_file()
            .then(|| Self::of_regular(path, &metadata))?
    }

    #[cfg(unix)]
    fn of_regular(_: &Path, metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self::Inode(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of_regular(path: &Path, _: &Metadata) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self::Path)
    }
}

/// The path to which a chain of links leads. No file need exist there. If `path` is not a link, the
/// result is `path`.
fn behind_links(path: &Path) -> PathBuf {
    // Linux has the same limit.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Fails if the name of an output has the extension of another format. `what` says what is written.
pub(crate) fn check_format(output: &Path, other: &str, what: &str) -> Outcome {
    let extension = output
        .extension()
        .map(|extension| extension.to_string_lossy());
    if extension.is_some_and(|extension| extension.eq_ignore_ascii_case(other)) {
        return Err(Failure::usage(format!(
            "{}: {what}, its name cannot end with .{other}",
            output.display()
        )));
    }
    Ok(())
}

/// Writes an array as `.npy` to a file, or to standard output.
pub(crate) fn write_array<T: Scalar>(path: &Path, shape: &[usize], entries: &[T]) -> Outcome {
    if is_dash(path) {
        let written = write_npy_entries_to(std::io::stdout().lock(), shape, entries);
        return written.map_err(in_standard_output);
    }
    Ok(write_npy_entries(path, shape, entries)?)
}

/// Writes a decomposition to a file, or to standard output.
pub(crate) fn write_tucker<T: Scalar>(path: &Path, tucker: &Tucker<T>, meta: &Meta) -> Outcome {
    if is_dash(path) {
        let written = write_tucker_to(std::io::stdout().lock(), tucker, meta);
        return written.map_err(in_standard_output);
    }
    Ok(tenfold::io::write_tucker(path, tucker, meta)?)
}

fn in_standard_output(error: tenfold::Error) -> Failure {
    Failure::other(format!("standard output {error}"))
}

/// Whether `path` is the standard output: `-`, or a path such as `/dev/stdout`.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    is_dash(path) || is_path_of_standard_output(path)
}

#[cfg(unix)]
fn is_path_of_standard_output(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let path = fs::metadata(path).ok().map(identity);
    path.is_some() && path == standard_output().map(identity)
}

#[cfg(not(unix))]
fn is_path_of_standard_output(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn standard_output() -> Option<Metadata> {
    use std::os::fd::AsFd;
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    fs::File::from(stdout).metadata().ok()
}

/// The identity of the file that standard output is redirected to, if it is a file.
#[cfg(unix)]
fn identity_of_standard_output() -> Option<Identity> {
    let metadata = standard_output()?;
    metadata
        .is_file()
        .then(|| Identity::of_regular(Path::new(""), &metadata))?
}

#[cfg(not(unix))]
fn identity_of_standard_output() -> Option<Identity> {
    None
}

/// Whether file names in `folder` that differ only in the case of letters name the same file.
/// This creates a temporary file in the folder, or in the nearest folder above that exists.
fn ignores_case(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.is_dir());
    let existing = existing.unwrap_or(Path::new("."));
    let probe = tempfile::Builder::new()
        .prefix(".tenfold-case-")
        .tempfile_in(existing);
    probe.is_ok_and(|probe| {
        let name = probe.path().file_name().unwrap_or_default();
        let other = name.to_string_lossy().to_uppercase();
        existing.join(other).exists()
    })
}
