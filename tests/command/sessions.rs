//! The commands that the tutorials show, run as a reader runs them.
//!
//! A block of a page shows commands after `$ `, and below each command lines that it prints:
//!
//! ```text
//!   $ tenfold cam keras.npy --layout nhwc -o map.png
//!   read as 8 feature maps of 512 channels × 7×7 positions
//! ```
//!
//! Each command must succeed, and print the lines below it in this order, on standard output or
//! standard error. It may print other lines between them. Numbers are not compared, because times
//! and last digits differ from machine to machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tenfold::Tensor;
use tenfold::io::{AnyTucker, Meta, read_image, read_tucker, write_npy, write_tucker};

use crate::folder::{Folder, repository};

/// A command of a page, and the lines that the page shows below it.
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The commands of a page, in order.
fn steps(page: &str) -> Vec<Step> {
    let text = fs::read_to_string(repository(page)).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    let (mut in_block, mut in_session) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            in_session = false;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            in_session = true;
            let command = command.to_owned();
            let shown = Vec::new();
            steps.push(Step { command, shown });
        } else if in_session && let Some(step) = steps.last_mut() {
            step.shown.push(line.to_owned());
        }
    }
    steps
}

/// The line with 0 in place of each run of digits, and without blanks around it.
fn without_numbers(line: &str) -> String {
    let mut masked = String::new();
    for c in line.trim().chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !masked.ends_with('0') {
            masked.push('0');
        }
    }
    masked
}

/// The search path of programs, with the folder of the command `tenfold` first.
fn search_path() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_tenfold"));
    let own = program.parent().unwrap().to_path_buf();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([own].into_iter().chain(env::split_paths(&others))).unwrap()
}

impl Step {
    /// Runs the command in a shell, and checks what it prints.
    fn run(&self, folder: &Folder) {
        let command = &self.command;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(folder.path())
            .env("PATH", search_path())
            .stdin(Stdio::null());
        let output = shell.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}\n{printed}");
        let mut lines = printed.lines().map(without_numbers);
        for shown in &self.shown {
            let expected = without_numbers(shown);
            assert!(
                lines.any(|line| line == expected),
                "{command}\ndoes not print (or not in this order)\n{shown}\nbut\n{printed}"
            );
        }
    }
}

/// Writes an array of this shape with positive entries.
fn write_features(folder: &Folder, name: &str, shape: &[usize]) {
    let entry = |i: &[usize]| {
        let mixed = i.iter().fold(7, |sum: usize, &i| sum * 31 % 1009 + i);
        (mixed % 17) as f32
    };
    write_npy(folder.at(name), &Tensor::from_fn(shape, entry).unwrap()).unwrap();
}

#[test]
fn the_tutorial_shows_what_the_commands_print() {
    let folder = Folder::with_sample();
    // The arrays that the page makes with an example and with Python, or takes as given.
    let photograph = read_image(folder.at("chelsea.png")).unwrap();
    let entries = photograph.iter().map(|&byte| f32::from(byte)).collect();
    let cat = Tensor::new(&[224, 224, 3], entries).unwrap();
    write_npy(folder.at("cat.npy"), &cat).unwrap();
    fs::copy(folder.at("chelsea.png"), folder.at("photo.jpg")).unwrap();
    for (name, shape) in [
        ("keras.npy", &[8, 7, 7, 512][..]),
        ("video.npy", &[512, 16, 7, 7]),
        ("vit.npy", &[1, 197, 768]),
        ("dinov2.npy", &[1, 389, 768]),
        ("P3.npy", &[32, 28, 28]),
        ("P4.npy", &[64, 14, 14]),
        ("P5.npy", &[128, 7, 7]),
        ("a3.npy", &[32, 28, 28]),
        ("a4.npy", &[64, 14, 14]),
        ("b3.npy", &[32, 28, 28]),
        ("b4.npy", &[64, 14, 14]),
    ] {
        write_features(&folder, name, shape);
    }
    let steps = steps("docs/tutorial.md");
    assert!(steps.len() >= 15, "{}", steps.len());
    for step in steps {
        if step.command.contains("info brighter") {
            write_brighter(&folder);
        }
        step.run(&folder);
    }
}

#[cfg(feature = "onnx")]
#[test]
fn the_page_on_networks_shows_what_the_commands_print() {
    let folder = Folder::new();
    for name in [
        "quadrants.onnx",
        "transformer.onnx",
        "open_size.onnx",
        "photograph.png",
    ] {
        let path = repository("tests/data/networks").join(name);
        fs::copy(path, folder.at(name)).unwrap();
    }
    let steps = steps("docs/networks.md");
    assert!(steps.len() >= 8, "{}", steps.len());
    for step in steps {
        step.run(&folder);
    }
}

#[cfg(feature = "onnx")]
#[test]
fn the_tutorial_on_photographs_shows_what_the_commands_print() {
    let folder = Folder::with_sample();
    let network = repository("tests/data/networks/quadrants.onnx");
    fs::copy(network, folder.at("quadrants.onnx")).unwrap();
    let steps = steps("docs/saliency.md");
    assert!(steps.len() >= 9, "{}", steps.len());
    for step in steps {
        step.run(&folder);
    }
}

/// Writes the decomposition that the page makes in Python.
fn write_brighter(folder: &Folder) {
    let (AnyTucker::F32(tucker), _) = read_tucker(folder.at("cat.tucker.npz")).unwrap() else {
        panic!("f32 was expected");
    };
    let meta = Meta {
        relative_error: None,
        input_bytes: None,
        ..Meta::new(&tucker, "by hand")
    };
    write_tucker(folder.at("brighter.tucker.npz"), &tucker, &meta).unwrap();
}
