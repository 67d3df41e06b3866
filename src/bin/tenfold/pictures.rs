//! The pictures in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// The extensions of pictures.
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

/// The pictures in a folder and in the folders inside it, sorted by their names. A name is the path
/// below the folder, with `/` between its parts.
pub(crate) fn pictures(folder: &Path) -> Outcome<Vec<(String, PathBuf)>> {
    let mut pictures = Vec::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        let unreadable =
            |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // A link to a folder is not followed, because it may lead back.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((format!("{name}/"), path));
            } else if is_picture(&path) {
                pictures.push((name, path));
            }
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// The failure that a folder contains no photographs.
pub(crate) fn no_photographs(folder: &Path) -> Failure {
    Failure::usage(format!(
        "{}: the folder contains no photographs ({})",
        folder.display(),
        EXTENSIONS.join(", ")
    ))
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_sorted_and_found_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.JPG", "a.png", "c/a.webp", "notes.txt", "c/b.npy"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = pictures(folder.path()).unwrap_or_else(|failure| panic!("{failure}"));
        let names: Vec<&str> = found.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["a.png", "b.JPG", "c/a.webp"]);
        assert!(pictures(&folder.path().join("none")).is_err());
    }
}
