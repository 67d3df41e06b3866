//! No command overwrites one of its inputs, by whatever path or link, nor one of its
//! outputs with another.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenfold::Tensor;
use tenfold::io::{RgbImage, write_npy, write_png};

use crate::run::{json, refusal, refusal_of, tenfold};

/// A folder of inputs, and of links to them.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = folder.root();
        let map = |shape: &[usize]| Tensor::from_fn(shape, |i| ((7 * i[0] + i[1]) % 5) as f32);
        for sub in ["sub", "a", "b", "out"] {
            fs::create_dir(root.join(sub)).unwrap();
        }
        for name in [
            "f.npy",
            "f.mtsm.npy",
            "a/f.npy",
            "b/f.npy",
            "sub/g.npy",
            "h.npy",
        ] {
            write_npy(root.join(name), &map(&[4, 3, 2]).unwrap()).unwrap();
        }
        write_npy(root.join("batch.npy"), &map(&[2, 4, 3, 2]).unwrap()).unwrap();
        for name in ["p.png", "f.mtsm.png", "batch.mtsm.1.png"] {
            write_png(root.join(name), &RgbImage::new(6, 4)).unwrap();
        }
        json(
            root,
            &["decompose", "f.npy", "--ranks", "2,2,2", "-o", "x.npz"],
        );
        symlink("f.npy", root.join("symlink.npy")).unwrap();
        symlink("x.npz", root.join("symlink.npz")).unwrap();
        symlink("symlink.npy", root.join("symlink-to-symlink.npy")).unwrap();
        symlink(".", root.join("linked-folder")).unwrap();
        fs::hard_link(root.join("f.npy"), root.join("hard-link.npy")).unwrap();
        fs::hard_link(root.join("x.npz"), root.join("hard-link.npz")).unwrap();
        symlink("../sub/g.npy", root.join("out/f.tsm.npy")).unwrap();
        symlink("g.mtsm.npy", root.join("out/g.eigen-cam.npy")).unwrap();
        fs::write(root.join("out/g.mtsm.npy"), "old").unwrap();
        // A link to a file that is written before.
        symlink("h.tsm.npy", root.join("out/h.mtsm.npy")).unwrap();
        folder
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// Every file and its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.path().is_file() {
                    files.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        files
    }
}

#[test]
fn no_input_is_overwritten() {
    let folder = Folder::new();
    let absolute = folder.root().join("f.npy");
    let absolute = absolute.to_str().unwrap();
    let before = folder.files();
    let every_path = [
        "f.npy",
        "./f.npy",
        "sub/../f.npy",
        absolute,
        "symlink.npy",
        "symlink-to-symlink.npy",
        "hard-link.npy",
        "linked-folder/f.npy",
    ];
    let mut cases: Vec<(Vec<&str>, &str, &str)> = Vec::new();
    for path in every_path {
        cases.push((vec!["cam", "f.npy", "-o", path], path, "f.npy"));
        cases.push((vec!["cam", path, "-o", "f.npy"], "f.npy", path));
        let decompose = vec!["decompose", "f.npy", "--tolerance", "0.1", "-o", path];
        cases.push((decompose, path, "f.npy"));
    }
    for path in ["x.npz", "./x.npz", "symlink.npz", "hard-link.npz"] {
        let part = vec!["reconstruct", "x.npz", "--slice", "0,:,:", "-o", path];
        cases.push((part, path, "x.npz"));
        cases.push((vec!["reconstruct", path, "-o", "x.npz"], "x.npz", path));
    }
    for (arguments, output, input) in [
        (
            &["cam", "f.npy", "--image", "p.png", "-o", "p.png"][..],
            "p.png",
            "p.png",
        ),
        (
            &[
                "cam",
                "f.npy",
                "--image",
                "p.png",
                "-o",
                "linked-folder/p.png",
            ],
            "linked-folder/p.png",
            "p.png",
        ),
        // The name that the command gives by itself.
        (
            &["cam", "f.npy", "--image", "f.mtsm.png"],
            "f.mtsm.png",
            "f.mtsm.png",
        ),
        // Files that are generated in a folder.
        (
            &["cam", "f.npy", "f.mtsm.npy", "-o", "."],
            "./f.mtsm.npy",
            "f.mtsm.npy",
        ),
        (
            &["cam", "f.npy", "--image", "f.mtsm.png", "-o", "."],
            "./f.mtsm.png",
            "f.mtsm.png",
        ),
        (
            &[
                "cam",
                "batch.npy",
                "--image",
                "batch.mtsm.1.png",
                "-o",
                "linked-folder",
            ],
            "linked-folder/batch.mtsm.1.png",
            "batch.mtsm.1.png",
        ),
        (
            &[
                "cam",
                "f.npy",
                "sub/g.npy",
                "--weighting",
                "all",
                "-o",
                "out",
            ],
            "out/f.tsm.npy",
            "sub/g.npy",
        ),
    ] {
        cases.push((arguments.to_vec(), output, input));
    }
    for (arguments, output, input) in cases {
        let line = refusal(folder.root(), &arguments);
        let expected = format!("{output}: this output would replace the input {input}");
        assert_eq!(line, expected, "{arguments:?}");
        assert!(folder.files() == before, "{arguments:?} changed a file");
    }
}

#[test]
fn no_output_is_overwritten_with_another() {
    let folder = Folder::new();
    let root = folder.root();
    let before = folder.files();
    for folder in ["new", "out"] {
        let line = refusal(root, &["cam", "a/f.npy", "b/f.npy", "-o", folder]);
        for name in ["a/f.npy", "b/f.npy", folder] {
            assert!(line.contains(name), "{line}");
        }
    }
    // A link from one output to another.
    let weightings = ["--weighting", "all", "-o", "out"];
    let line = refusal(root, &[&["cam", "sub/g.npy"], &weightings[..]].concat());
    assert!(
        line.contains("would replace the output out/g.eigen-cam.npy"),
        "{line}"
    );
    assert!(line.starts_with("out/g.mtsm.npy: "), "{line}");
    let line = refusal(root, &[&["cam", "h.npy"], &weightings[..]].concat());
    let expected = "out/h.mtsm.npy: this output would replace the output out/h.tsm.npy";
    assert_eq!(line, expected);
    assert!(folder.files() == before);
    assert!(!root.join("new").exists());
}

/// Whether the names of files differ by the case of letters is a matter of the folder.
#[test]
fn names_that_differ_in_case_are_one_output_only_where_they_are_one_file() {
    let folder = Folder::new();
    let root = folder.root();
    fs::copy(root.join("a/f.npy"), root.join("b/F.npy")).unwrap();
    let arguments = ["cam", "a/f.npy", "b/F.npy", "-o", "new"];
    if root.join("A").exists() {
        let line = refusal(root, &arguments);
        assert!(
            line.contains("would replace the output new/f.mtsm.npy"),
            "{line}"
        );
    } else {
        json(root, &arguments);
        assert_eq!(fs::read_dir(root.join("new")).unwrap().count(), 4);
    }
    let left = folder.files();
    assert!(
        left.keys()
            .all(|path| !path.to_str().unwrap().contains(".tenfold-"))
    );
}

/// A shell's `tenfold info f.npy >> f.npy`.
#[test]
fn standard_output_is_not_added_to_an_input() {
    let folder = Folder::new();
    let before = folder.files();
    for (arguments, input) in [
        (&["info", "p.png", "f.npy"][..], "f.npy"),
        (&["cam", "f.npy", "-o", "new.npy"], "f.npy"),
        (
            &["decompose", "f.npy", "--ranks", "1,1,1", "-o", "new.npz"],
            "f.npy",
        ),
        (&["reconstruct", "x.npz", "-o", "/dev/stdout"], "x.npz"),
        (
            &[
                "evaluate",
                "--probabilities",
                "f.npy",
                "--masked-probabilities",
                "sub/g.npy",
            ],
            "sub/g.npy",
        ),
    ] {
        let file = fs::File::options()
            .append(true)
            .open(folder.root().join(input));
        let run = tenfold(folder.root(), arguments)
            .stdout(file.unwrap())
            .output();
        let line = refusal_of(run.unwrap());
        assert_eq!(line, format!("standard output goes to the input {input}"));
        assert!(folder.files() == before, "{arguments:?} changed a file");
    }
}

/// What is no input may be replaced, as before.
#[test]
fn other_files_are_overwritten() {
    let folder = Folder::new();
    let root = folder.root();
    json(root, &["cam", "f.npy", "-o", "f.mtsm.npy"]);
    json(
        root,
        &["decompose", "f.npy", "--ranks", "1,1,1", "-o", "x.npz"],
    );
    json(root, &["reconstruct", "x.npz", "-o", "hard-link.npy"]);
    json(root, &["cam", "batch.npy", "-o", "out"]);
    json(root, &["cam", "batch.npy", "-o", "out"]);
    assert!(fs::metadata(root.join("f.mtsm.npy")).unwrap().len() < 200);
    // A file of its own name now, the other one as it was.
    assert!(fs::read(root.join("f.npy")).unwrap() == fs::read(root.join("a/f.npy")).unwrap());
}

/// A picture of a batch that cannot be written is refused before the first is.
#[test]
fn every_output_in_a_folder_is_checked_before_the_work() {
    let folder = Folder::new();
    fs::create_dir(folder.root().join("out/batch.mtsm.1.png")).unwrap();
    let before = folder.files();
    let line = refusal(folder.root(), &["cam", "batch.npy", "-o", "out"]);
    assert!(
        line.starts_with("out/batch.mtsm.1.png: this is a directory"),
        "{line}"
    );
    assert!(folder.files() == before);
}

/// The array of `-o /dev/stdout` comes alone: what people read goes to standard error.
#[test]
fn an_output_on_standard_output_comes_alone() {
    let folder = Folder::new();
    let root = folder.root();
    json(root, &["reconstruct", "x.npz", "-o", "y.npy"]);
    let expected = fs::read(root.join("y.npy")).unwrap();
    let arguments = ["reconstruct", "x.npz", "-o", "/dev/stdout"];
    let output = tenfold(root, &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == expected);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("written: /dev/stdout")
    );
    let line = refusal(root, &[&arguments[..], &["--json"]].concat());
    assert!(
        line.contains("only the JSON object goes to standard output"),
        "{line}"
    );
}

/// A name that ends as that of a folder does is no file's: told before the work.
#[test]
fn a_name_of_a_folder_is_not_that_of_a_file() {
    let folder = Folder::new();
    let root = folder.root();
    let before = folder.files();
    for arguments in [
        &["decompose", "f.npy", "--ranks", "1,1,1", "-o", "new/"][..],
        &["decompose", "f.npy", "--ranks", "1,1,1", "-o", "f.npy/"],
        &["reconstruct", "x.npz", "-o", "new.npy/"],
        &["cam", "f.npy", "-o", "f.npy/"],
    ] {
        let line = refusal(root, arguments);
        assert!(line.contains("this path ends with a separator"), "{line}");
        assert!(folder.files() == before);
    }
    json(root, &["cam", "f.npy", "-o", "maps.v1/"]);
    assert_eq!(fs::read_dir(root.join("maps.v1")).unwrap().count(), 2);
}
