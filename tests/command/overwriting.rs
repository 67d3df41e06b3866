//! No command overwrites one of its inputs, by any path or link, or one of its outputs with
//! another output.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tenfold::Tensor;
use tenfold::io::{RgbImage, write_npy, write_png};

use crate::folder::{Folder, refused};

/// A folder of inputs and of links to them.
fn folder_with_links() -> Folder {
    let folder = Folder::new();
    let map = |shape: &[usize]| {
        let x = Tensor::from_fn(shape, |i| ((7 * i[0] + i[1]) % 5) as f32);
        x.unwrap()
    };
    for name in ["sub", "a", "b", "out"] {
        fs::create_dir(folder.at(name)).unwrap();
    }
    for name in [
        "f.npy",
        "f.mtsm.npy",
        "a/f.npy",
        "b/f.npy",
        "sub/g.npy",
        "h.npy",
    ] {
        write_npy(folder.at(name), &map(&[4, 3, 2])).unwrap();
    }
    write_npy(folder.at("batch.npy"), &map(&[2, 4, 3, 2])).unwrap();
    for name in ["p.png", "f.mtsm.png", "batch.mtsm.1.png"] {
        write_png(folder.at(name), &RgbImage::new(6, 4)).unwrap();
    }
    folder.json("decompose f.npy --ranks 2,2,2 -o x.npz");
    fs::hard_link(folder.at("f.npy"), folder.at("hard-link.npy")).unwrap();
    fs::hard_link(folder.at("x.npz"), folder.at("hard-link.npz")).unwrap();
    fs::write(folder.at("out/g.mtsm.npy"), "old").unwrap();
    for (target, link) in [
        ("f.npy", "symlink.npy"),
        ("x.npz", "symlink.npz"),
        ("symlink.npy", "symlink-to-symlink.npy"),
        (".", "linked-folder"),
        // From an output to an input.
        ("../sub/g.npy", "out/f.tsm.npy"),
        // From an output to an output that is written later, and to one that is written earlier.
        ("g.mtsm.npy", "out/g.eigen-cam.npy"),
        ("h.tsm.npy", "out/h.mtsm.npy"),
    ] {
        symlink(target, folder.at(link)).unwrap();
    }
    folder
}

/// Every file below the folder with its bytes.
fn files(folder: &Folder) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.path().to_path_buf()];
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

/// Fails unless the command is refused, because `output` is the input `input`, and changes no
/// file.
fn check_refused(folder: &Folder, command: &str, output: &str, input: &str) {
    let before = files(folder);
    let line = folder.refusal(command);
    let expected = format!("{output}: this output would replace the input {input}");
    assert_eq!(line, expected, "{command}");
    assert!(files(folder) == before, "{command} changed a file");
}

#[test]
fn an_input_is_not_overwritten_by_any_path() {
    let folder = folder_with_links();
    let absolute = folder.at("f.npy").to_str().unwrap().to_owned();
    for path in [
        "f.npy",
        "./f.npy",
        "sub/../f.npy",
        &absolute,
        "symlink.npy",
        "symlink-to-symlink.npy",
        "hard-link.npy",
        "linked-folder/f.npy",
    ] {
        check_refused(&folder, &format!("cam f.npy -o {path}"), path, "f.npy");
        check_refused(&folder, &format!("cam {path} -o f.npy"), "f.npy", path);
        let decompose = format!("decompose f.npy --tolerance 0.1 -o {path}");
        check_refused(&folder, &decompose, path, "f.npy");
    }
    for path in ["x.npz", "./x.npz", "symlink.npz", "hard-link.npz"] {
        let slice = format!("reconstruct x.npz --slice 0,:,: -o {path}");
        check_refused(&folder, &slice, path, "x.npz");
        let whole = format!("reconstruct {path} -o x.npz");
        check_refused(&folder, &whole, "x.npz", path);
    }
}

#[test]
fn a_photograph_is_not_overwritten() {
    let folder = folder_with_links();
    for (command, output) in [
        ("cam f.npy --image p.png -o p.png", "p.png"),
        (
            "cam f.npy --image p.png -o linked-folder/p.png",
            "linked-folder/p.png",
        ),
    ] {
        check_refused(&folder, command, output, "p.png");
    }
}

/// Without `-o FILE` the command makes the names of its outputs.
#[test]
fn an_input_with_the_name_of_a_generated_output_is_not_overwritten() {
    let folder = folder_with_links();
    for (command, output, input) in [
        ("cam f.npy --image f.mtsm.png", "f.mtsm.png", "f.mtsm.png"),
        ("cam f.npy f.mtsm.npy -o .", "./f.mtsm.npy", "f.mtsm.npy"),
        (
            "cam f.npy --image f.mtsm.png -o .",
            "./f.mtsm.png",
            "f.mtsm.png",
        ),
        (
            "cam batch.npy --image batch.mtsm.1.png -o linked-folder",
            "linked-folder/batch.mtsm.1.png",
            "batch.mtsm.1.png",
        ),
        (
            "cam f.npy sub/g.npy --weighting all -o out",
            "out/f.tsm.npy",
            "sub/g.npy",
        ),
    ] {
        check_refused(&folder, command, output, input);
    }
}

#[test]
fn an_output_is_not_overwritten_by_another() {
    let folder = folder_with_links();
    let before = files(&folder);
    for output in ["new", "out"] {
        let line = folder.refusal(&format!("cam a/f.npy b/f.npy -o {output}"));
        for name in ["a/f.npy", "b/f.npy", output] {
            assert!(line.contains(name), "{line}");
        }
    }
    for (file, output, other) in [
        ("sub/g.npy", "out/g.mtsm.npy", "out/g.eigen-cam.npy"),
        ("h.npy", "out/h.mtsm.npy", "out/h.tsm.npy"),
    ] {
        let line = folder.refusal(&format!("cam {file} --weighting all -o out"));
        let expected = format!("{output}: this output would replace the output {other}");
        assert_eq!(line, expected);
    }
    assert!(files(&folder) == before, "a file was changed");
}

/// It depends on the file system whether `f` and `F` name the same file.
#[test]
fn names_that_differ_in_case_are_two_outputs_unless_they_are_one_file() {
    let folder = folder_with_links();
    fs::copy(folder.at("a/f.npy"), folder.at("b/F.npy")).unwrap();
    let command = "cam a/f.npy b/F.npy -o new";
    if folder.at("A").exists() {
        let line = folder.refusal(command);
        assert!(
            line.contains("would replace the output new/f.mtsm.npy"),
            "{line}"
        );
    } else {
        folder.json(command);
        assert_eq!(fs::read_dir(folder.at("new")).unwrap().count(), 4);
    }
    let is_temporary = |path: &PathBuf| path.to_str().unwrap().contains(".tenfold-");
    assert!(!files(&folder).keys().any(is_temporary));
}

/// As in `tenfold info f.npy >> f.npy`.
#[test]
fn standard_output_is_not_appended_to_an_input() {
    let folder = folder_with_links();
    let before = files(&folder);
    for (command, input) in [
        ("info p.png f.npy", "f.npy"),
        ("cam f.npy -o new.npy", "f.npy"),
        ("decompose f.npy --ranks 1,1,1 -o new.npz", "f.npy"),
        ("reconstruct x.npz -o /dev/stdout", "x.npz"),
        (
            "evaluate --probabilities f.npy --masked-probabilities sub/g.npy",
            "sub/g.npy",
        ),
    ] {
        let file = fs::File::options().append(true).open(folder.at(input));
        let run = folder.tenfold(command).stdout(file.unwrap()).output();
        let line = refused(run.unwrap());
        assert_eq!(line, format!("standard output goes to the input {input}"));
        assert!(files(&folder) == before, "{command} changed a file");
    }
}

#[test]
fn files_that_are_not_inputs_are_overwritten() {
    let folder = folder_with_links();
    folder.json("cam f.npy -o f.mtsm.npy");
    folder.json("decompose f.npy --ranks 1,1,1 -o x.npz");
    folder.json("reconstruct x.npz -o hard-link.npy");
    folder.json("cam batch.npy -o out");
    folder.json("cam batch.npy -o out");
    assert!(fs::metadata(folder.at("f.mtsm.npy")).unwrap().len() < 200);
    // hard-link.npy is a new file. f.npy, which it linked to, is unchanged.
    assert!(folder.read_bytes("f.npy") == folder.read_bytes("a/f.npy"));
}

/// The second picture of a batch cannot be written, so that the first is not written either.
#[test]
fn all_outputs_in_a_folder_are_checked_before_the_work() {
    let folder = folder_with_links();
    fs::create_dir(folder.at("out/batch.mtsm.1.png")).unwrap();
    let before = files(&folder);
    let line = folder.refusal("cam batch.npy -o out");
    assert!(
        line.starts_with("out/batch.mtsm.1.png: this is a directory"),
        "{line}"
    );
    assert!(files(&folder) == before, "a file was changed");
}

/// With `-o /dev/stdout` standard output has the array and nothing else. The summary or the JSON
/// object goes to standard error.
#[test]
fn an_array_on_standard_output_comes_alone() {
    let folder = folder_with_links();
    folder.json("reconstruct x.npz -o y.npy");
    let command = "reconstruct x.npz -o /dev/stdout";
    let output = folder.tenfold(command).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == folder.read_bytes("y.npy"));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("written: /dev/stdout"), "{errors}");
    let output = folder
        .tenfold(&format!("{command} --json"))
        .output()
        .unwrap();
    assert!(output.stdout == folder.read_bytes("y.npy"));
    assert!(output.stderr.starts_with(b"{"));
}

#[test]
fn a_name_with_a_slash_at_its_end_is_not_taken_for_a_file() {
    let folder = folder_with_links();
    let before = files(&folder);
    for command in [
        "decompose f.npy --ranks 1,1,1 -o new/",
        "decompose f.npy --ranks 1,1,1 -o f.npy/",
        "reconstruct x.npz -o new.npy/",
        "cam f.npy -o f.npy/",
    ] {
        let line = folder.refusal(command);
        assert!(line.contains("this path ends with a separator"), "{line}");
        assert!(files(&folder) == before, "{command} changed a file");
    }
    folder.json("cam f.npy -o maps.v1/");
    assert_eq!(fs::read_dir(folder.at("maps.v1")).unwrap().count(), 2);
}
