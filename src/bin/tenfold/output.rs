//! Checks of a command's outputs before the work starts: that they can be written, and
//! that they replace no input and no other output.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use tenfold::io::check_writable;

use crate::failure::{Failure, Outcome};

/// Fails where an output could not be written, or would replace an input or another
/// output.
pub(crate) fn check(outputs: &[PathBuf], inputs: &[&Path]) -> Outcome {
    check_distinct(outputs, inputs)?;
    // One new file stands for all those of its folder.
    let mut folders = HashSet::new();
    for output in outputs {
        if output.exists() || folders.insert(output.parent()) {
            check_writable(output)?;
        }
    }
    Ok(())
}

/// Fails where an output or the standard output leads to an input, or an output to
/// another one, by whatever path or link.
pub(crate) fn check_distinct(outputs: &[PathBuf], inputs: &[&Path]) -> Outcome {
    let inputs: HashMap<Place, &Path> = inputs
        .iter()
        .filter_map(|input| Some((Place::of_existing(input)?, *input)))
        .collect();
    if let Some(input) = place_of_standard_output().and_then(|place| inputs.get(&place)) {
        return Err(Failure::usage(format!(
            "standard output goes to the input {}",
            input.display()
        )));
    }
    let mut taken = HashMap::new();
    let mut taken_in_lower_case = HashMap::new();
    for output in outputs {
        let Some(place) = Place::of(output) else {
            continue;
        };
        if let Some(input) = inputs.get(&place) {
            return Err(would_replace(output, "input", input));
        }
        if let Place::New(folder, name) = &place {
            let lower = name.to_string_lossy().to_lowercase();
            let other = taken_in_lower_case.insert((folder.clone(), lower), output);
            if let Some(other) = other.filter(|_| ignores_case(folder)) {
                return Err(would_replace(output, "output", other));
            }
        }
        if let Some(other) = taken.insert(place, output) {
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

/// Where a file is: the same for all paths that lead to it.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    /// Device and inode, which hard links share too.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path without links.
    #[cfg(not(unix))]
    Path(PathBuf),
    /// Of a file that does not exist yet: its folder without links, and its name.
    New(PathBuf, OsString),
}

impl Place {
    /// The place of a file; none for a device or a pipe, which is not replaced, nor for a
    /// path that names no file.
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

    /// The place of a regular file that exists.
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

/// The file that a link leads to, whether it exists or not; `path` itself where it is no
/// link.
fn behind_links(path: &Path) -> PathBuf {
    // Linux follows as many.
    const MOST: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Whether `path` is the standard output, `/dev/stdout` for instance.
#[cfg(unix)]
pub(crate) fn is_standard_output(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let path = fs::metadata(path).ok().map(identity);
    path.is_some() && path == standard_output().map(identity)
}

#[cfg(not(unix))]
pub(crate) fn is_standard_output(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn standard_output() -> Option<Metadata> {
    use std::os::fd::AsFd;
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    fs::File::from(stdout).metadata().ok()
}

/// The place of the file that standard output is redirected to, if it is one.
#[cfg(unix)]
fn place_of_standard_output() -> Option<Place> {
    let metadata = standard_output()?;
    metadata
        .is_file()
        .then(|| Place::of_regular(Path::new(""), &metadata))?
}

#[cfg(not(unix))]
fn place_of_standard_output() -> Option<Place> {
    None
}

/// Whether names that differ in the case of letters alone name the same file in `folder`,
/// or in the folder that it is to be made in: a file made for the purpose tells.
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
