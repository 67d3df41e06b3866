//! The photographs of a run, their masks and their classes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "onnx")]
use tenfold::io::PictureFile;

use crate::failure::{Failure, Outcome};
use crate::pictures::{no_photographs, pictures};

/// A photograph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Photograph {
    /// The path below the folder, with `/` between names.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The mask: its path below the folder of the masks, and its path.
    pub(super) mask: Option<(String, PathBuf)>,
    /// The label, if there are labels.
    pub(super) label: Option<usize>,
}

#[cfg(feature = "onnx")]
impl Photograph {
    /// Fails if the network does not have the class of the label. `classes` is 0 for a network without
    /// classes.
    pub(super) fn check_label(&self, classes: usize) -> Outcome {
        match self.label {
            Some(label) if classes > 0 && label >= classes => Err(Failure::usage(format!(
                "{}: the label is class {label}, the network has the classes 0 to {}",
                self.path.display(),
                classes - 1
            ))),
            _ => Ok(()),
        }
    }

    /// Checks the headers of the photograph and its mask. Returns the bytes that reading them allocates.
    pub(super) fn check_headers(&self) -> Outcome<u64> {
        let photograph = PictureFile::open(&self.path)?;
        let Some((_, path)) = &self.mask else {
            return Ok(photograph.memory());
        };
        let mask = PictureFile::open(path)?;
        check_mask(path, mask.dimensions(), photograph.dimensions())?;
        Ok(photograph.memory().saturating_add(mask.memory()))
    }
}

/// Fails if the mask in the file `path` has another width or height than the photograph.
#[cfg(feature = "onnx")]
pub(super) fn check_mask(path: &Path, mask: (u32, u32), photograph: (u32, u32)) -> Outcome {
    if mask == photograph {
        return Ok(());
    }
    let ((mask_width, mask_height), (width, height)) = (mask, photograph);
    Err(Failure::usage(format!(
        "{}: the mask has {mask_height}×{mask_width} pixels, the photograph {height}×{width}",
        path.display()
    )))
}

/// The photographs below the folder `images`, in the order of their names. A mask below `masks` has
/// the same name except for the extension. `labels` is a file with a line `image,index` for each
/// photograph.
pub(super) fn photographs(
    images: &Path,
    masks: Option<&Path>,
    labels: Option<&Path>,
) -> Outcome<Vec<Photograph>> {
    // 1. The photographs.
    let mut photographs: Vec<Photograph> = pictures(images)?
        .into_iter()
        .map(|(name, path)| Photograph {
            name,
            path,
            mask: None,
            label: None,
        })
        .collect();
    check_photographs(images, &photographs)?;

    // 2. Their masks.
    if let Some(folder) = masks {
        let masks = pictures(folder)?.into_iter();
        let masks: HashMap<String, (String, PathBuf)> = masks
            .map(|(name, path)| (stem(&name).to_owned(), (name, path)))
            .collect();
        for photograph in &mut photographs {
            photograph.mask = masks.get(stem(&photograph.name)).cloned();
        }
        // In a folder of photographs and masks, a mask is no photograph.
        let is_own_mask = |photograph: &Photograph| {
            let mask = photograph.mask.as_ref();
            mask.is_some_and(|(_, mask)| *mask == photograph.path)
        };
        if folder == images {
            photographs.retain(|photograph| !is_own_mask(photograph));
            check_photographs(images, &photographs)?;
        }
        if photographs
            .iter()
            .all(|photograph| photograph.mask.is_none())
        {
            return Err(Failure::usage(format!(
                "{}: no photograph has a mask here; the mask of {} is {}.png",
                folder.display(),
                photographs[0].name,
                stem(&photographs[0].name)
            )));
        }
    }

    // 3. Their classes.
    if let Some(file) = labels {
        let labels = read_labels(file)?;
        for photograph in &mut photographs {
            let short = photograph.name.rsplit('/').next().unwrap_or_default();
            let label = labels.get(&photograph.name).or_else(|| labels.get(short));
            photograph.label = label.copied();
        }
        if photographs
            .iter()
            .all(|photograph| photograph.label.is_none())
        {
            return Err(Failure::usage(format!(
                "{}: no photograph has a label here; a line is image,index, such as {},0",
                file.display(),
                photographs[0].name
            )));
        }
    }
    Ok(photographs)
}

/// Fails if there are no photographs.
fn check_photographs(folder: &Path, photographs: &[Photograph]) -> Outcome {
    match photographs {
        [] => Err(no_photographs(folder)),
        _ => Ok(()),
    }
}

/// A name without its extension.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The class index of each image in a file of lines `image,index`. A first line with another text
/// in place of the index is a heading.
fn read_labels(file: &Path) -> Outcome<HashMap<String, usize>> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let mut labels = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let fields = line.rsplit_once(',');
        let label = fields.and_then(|(image, index)| {
            let image = image.trim().trim_matches('"').to_owned();
            Some((image, index.trim().parse().ok()?))
        });
        match label {
            Some((image, index)) => {
                if labels
                    .insert(image, index)
                    .is_some_and(|other| other != index)
                {
                    return Err(bad_label(file, number, "the image has another index above"));
                }
            }
            None if number == 0 && is_heading(fields) => {}
            None => return Err(bad_label(file, number, "image,index was expected")),
        }
    }
    Ok(labels)
}

/// Whether the text after the comma is a word, not a number.
fn is_heading(fields: Option<(&str, &str)>) -> bool {
    fields.is_some_and(|(_, index)| index.trim().parse::<f64>().is_err())
}

fn bad_label(file: &Path, number: usize, problem: &str) -> Failure {
    Failure::usage(format!(
        "{}: line {}: {problem}",
        file.display(),
        number + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn of(
        images: &Path,
        masks: Option<&Path>,
        labels: Option<&Path>,
    ) -> Result<Vec<Photograph>, String> {
        photographs(images, masks, labels).map_err(|failure| failure.to_string())
    }

    #[test]
    fn photographs_are_sorted_and_found_in_folders() {
        let images = folder(&["b.JPG", "a.png", "c/a.webp", "notes.txt", "c/b.npy"]);
        let masks = folder(&["a.png", "c/a.bmp", "other.png"]);
        let found = of(images.path(), Some(masks.path()), None).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|photograph| &photograph.name[..])
            .collect();
        assert_eq!(names, ["a.png", "b.JPG", "c/a.webp"]);
        let masks: Vec<_> = found
            .iter()
            .map(|photograph| photograph.mask.as_ref().map(|mask| &mask.0[..]))
            .collect();
        assert_eq!(masks, [Some("a.png"), None, Some("c/a.bmp")]);
    }

    #[test]
    fn masks_beside_photographs_are_no_photographs() {
        let both = folder(&["a.jpg", "a.png", "b.jpg", "b.png"]);
        let found = of(both.path(), Some(both.path()), None).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|photograph| &photograph.name[..])
            .collect();
        assert_eq!(names, ["a.jpg", "b.jpg"]);
        assert_eq!(found[0].mask.as_ref().unwrap().0, "a.png");
        // A folder of masks alone.
        let masks = folder(&["a.png"]);
        assert!(of(masks.path(), Some(masks.path()), None).is_err());
    }

    #[test]
    fn labels_are_found_by_path_and_by_name() {
        let images = folder(&["a.png", "c/b.png", "c/d.png"]);
        let file = images.path().join("labels.csv");
        fs::write(&file, "image,index\na.png,7\n\nb.png, 3\n").unwrap();
        let found = of(images.path(), None, Some(&file)).unwrap();
        let labels: Vec<_> = found.iter().map(|photograph| photograph.label).collect();
        assert_eq!(labels, [Some(7), Some(3), None]);
        for (text, problem) in [
            ("a.png,7\na.png,8\n", "line 2: the image has another index"),
            ("a.png,7\nb.png,-1\n", "line 2: image,index was expected"),
            ("a.png\n", "line 1: image,index was expected"),
            ("a.png,-1\n", "line 1: image,index was expected"),
            ("x.png,1\n", "no photograph has a label here"),
        ] {
            fs::write(&file, text).unwrap();
            let message = of(images.path(), None, Some(&file)).unwrap_err();
            assert!(message.contains(problem), "{text}: {message}");
        }
    }

    #[test]
    fn folders_without_photographs_are_refused() {
        let empty = folder(&["x.txt"]);
        let message = of(empty.path(), None, None).unwrap_err();
        assert!(message.contains("no photographs"), "{message}");
        let images = folder(&["a.png"]);
        let message = of(images.path(), Some(empty.path()), None).unwrap_err();
        assert!(message.contains("the mask of a.png is a.png"), "{message}");
        assert!(of(&images.path().join("none"), None, None).is_err());
    }
}
