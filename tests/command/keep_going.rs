//! `--keep-going`: commands with several inputs, some of them bad.

use std::fs;

use serde_json::{Value, json};

use crate::folder::{Folder, repository};
use crate::npy::row_major;

/// A folder with the sample, and with a bad file of each kind.
fn with_bad_files() -> Folder {
    let folder = Folder::with_sample();
    let mut entries = [1.0f64; 12];
    entries[7] = f64::NAN;
    folder.write("nan.npy", &[3, 2, 2], &entries);
    folder.write("five.npy", &[1, 2, 1, 2, 1], &[1.0f32; 4]);
    folder.write("constant.npy", &[4, 3, 3], &[0.1f32; 36]);
    // As f32, the entries take four times as many bytes.
    let large = row_major("|u1", "(20, 500, 1000)", &vec![1; 10_000_000]);
    folder.write_bytes("large.npy", large);
    folder
}

/// The bad files of [`with_bad_files`], and a part of the reason for each.
const BAD: [(&str, &str); 5] = [
    ("no-such.npy", "there is no such file"),
    ("chelsea.png", "this is a PNG"),
    ("five.npy", "has too many modes"),
    ("large.npy", "needs "),
    ("nan.npy", "the entry at [1, 1, 1] is NaN"),
];

/// Runs a command with bad inputs. It must end with status 1 and list the bad inputs on standard
/// error, after all notes, with the reasons of its JSON object. Returns the object.
fn with_failures(folder: &Folder, arguments: &str, bad: &[(&str, &str)]) -> Value {
    let command = format!("{arguments} --keep-going --json");
    let output = folder.tenfold(&command).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<&str> = errors.lines().collect();
    let listed = &lines[lines.len() - bad.len()..];
    let failed = object["failed"].as_array().unwrap();
    assert_eq!(failed.len(), bad.len(), "{errors}");
    for ((file, reason), (line, failed)) in bad.iter().zip(listed.iter().zip(failed)) {
        assert_eq!(failed["file"], *file);
        let full = failed["reason"].as_str().unwrap();
        assert!(full.contains(reason) && !full.contains(file), "{full}");
        assert_eq!(*line, format!("tenfold: {file}: {full}"));
    }
    object
}

#[test]
fn cam_writes_the_maps_of_the_good_files() {
    let folder = with_bad_files();
    let names: Vec<&str> = BAD.iter().map(|(file, _)| *file).collect();
    let arguments = format!(
        "cam {} chelsea.npy constant.npy -o maps --threads 1 --max-memory 50MB",
        names.join(" ")
    );
    let object = with_failures(&folder, &arguments, &BAD);
    assert_eq!(object["inputs"], json!(["chelsea.npy", "constant.npy"]));
    assert_eq!(object["shapes"], json!([[1280, 7, 7], [4, 3, 3]]));
    assert_eq!(object["maps"][0]["input"], "chelsea.npy");
    assert_eq!(object["maps"][1]["status"], "constant");
    folder.succeeds("cam chelsea.npy -o alone.npy");
    assert_eq!(
        folder.read_f32("maps/chelsea.mtsm.npy"),
        folder.read_f32("alone.npy")
    );
    assert_eq!(fs::read_dir(folder.at("maps")).unwrap().count(), 4);
}

/// The picture has a row for each good file.
#[test]
fn one_picture_holds_the_good_files() {
    let folder = with_bad_files();
    let object = with_failures(
        &folder,
        "cam nan.npy chelsea.npy -o maps.png",
        &[("nan.npy", "NaN")],
    );
    assert_eq!(object["outputs"], json!(["maps.png"]));
    folder.succeeds("cam chelsea.npy -o alone.png");
    assert_eq!(
        folder.read_bytes("maps.png"),
        folder.read_bytes("alone.png")
    );
}

/// A group with a bad file has no map. The groups after it keep their own files.
#[test]
fn cam_writes_the_maps_of_the_good_groups() {
    let folder = with_bad_files();
    folder.write("batch.npy", &[2, 1, 1, 2], &[1.0f32, 2.0, 3.0, 4.0]);
    let arguments = "cam --group chelsea.npy,no-such.npy --group nan.npy,chelsea.npy \
                     --group batch.npy,chelsea.npy --group constant.npy,chelsea.npy -o maps";
    let bad = [
        ("no-such.npy", "there is no such file"),
        ("batch.npy", "holds 2 feature maps and"),
        ("nan.npy", "the entry at [1, 1, 1] is NaN"),
    ];
    let object = with_failures(&folder, arguments, &bad);
    assert_eq!(object["inputs"], json!(["constant.npy", "chelsea.npy"]));
    assert_eq!(object["maps"].as_array().unwrap().len(), 1);
    assert_eq!(object["maps"][0]["input"], "constant.npy+chelsea.npy");
    folder.succeeds("cam --group constant.npy,chelsea.npy -o alone.npy");
    assert_eq!(
        folder.read_f32("maps/constant+chelsea.mtsm.npy"),
        folder.read_f32("alone.npy")
    );
    assert_eq!(fs::read_dir(folder.at("maps")).unwrap().count(), 2);
}

#[test]
fn without_a_good_file_nothing_is_written() {
    let folder = with_bad_files();
    let before = folder.names();
    for output in ["maps", "maps.png"] {
        let arguments = format!("cam no-such.npy nan.npy -o {output}");
        let bad = [("no-such.npy", "no such file"), ("nan.npy", "NaN")];
        let object = with_failures(&folder, &arguments, &bad);
        assert_eq!(object["maps"], json!([]));
        assert_eq!(object["outputs"], json!([]));
    }
    assert_eq!(folder.names(), before);
    let output = folder
        .tenfold("info no-such.npy --keep-going")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn without_the_option_the_first_bad_file_ends_the_command() {
    let folder = with_bad_files();
    for arguments in [
        "cam chelsea.npy nan.npy no-such.npy -o maps",
        "info chelsea.npy no-such.npy nan.npy",
    ] {
        let line = folder.refusal(arguments);
        assert!(
            line.starts_with("no-such.npy: there is no such file"),
            "{line}"
        );
    }
}

#[test]
fn the_option_changes_nothing_if_all_files_are_good() {
    let folder = with_bad_files();
    for arguments in ["info chelsea.npy", "cam chelsea.npy -o map.npy"] {
        let with = folder.json(&format!("{arguments} --keep-going"));
        assert_eq!(with["failed"], json!([]));
        assert_eq!(folder.json(arguments)["failed"], json!([]));
    }
    let (_, errors) = folder.succeeds("info chelsea.npy --keep-going");
    assert_eq!(errors, "");
}

/// A mistake in the options is not a bad input.
#[test]
fn bad_options_end_the_command() {
    let folder = with_bad_files();
    let line = folder.refusal("cam chelsea.npy --alpha 7 --keep-going -o map.png");
    assert!(line.contains("--alpha is 7"), "{line}");
}

#[test]
fn info_describes_the_good_files() {
    let folder = with_bad_files();
    fs::copy(
        repository("tests/data/numpy/tucker.npz"),
        folder.at("x.npz"),
    )
    .unwrap();
    folder.write_bytes("damaged.npz", &folder.read_bytes("x.npz")[..300]);
    let arguments =
        "info damaged.npz chelsea.npy large.npy x.npz nan.npy --threads 1 --max-memory 50MB";
    let bad = [
        ("damaged.npz", "archive"),
        ("large.npy", "needs "),
        ("nan.npy", "NaN"),
    ];
    let object = with_failures(&folder, arguments, &bad);
    let files = object["files"].as_array().unwrap().iter();
    let files: Vec<&Value> = files.map(|file| &file["file"]).collect();
    assert_eq!(files, ["chelsea.npy", "x.npz"]);
}

#[test]
fn evaluate_computes_the_metrics_of_the_good_pairs() {
    let folder = Folder::new();
    folder.write("p.npy", &[2], &[0.5, 0.4]);
    folder.write("o.npy", &[2], &[0.25, 1.8]);
    folder.write("z.npy", &[2, 2], &[0.0f32, 0.0, 1.0, 1.0]);
    folder.write("y.npy", &[2, 2], &[3.0f32, 4.0, 1.0, 2.0]);
    folder.write("maps.npy", &[1, 2], &[0.0, 1.0]);
    let arguments = "evaluate --probabilities p.npy --masked-probabilities o.npy \
                     --embeddings z.npy --masked-embeddings y.npy --maps maps.npy --masks no-such.npy";
    let bad = [
        ("no-such.npy", "there is no such file"),
        ("o.npy", "the entry at [1] is 1.8"),
    ];
    let object = with_failures(&folder, arguments, &bad);
    assert_eq!(object["embedding_mse"], 13.0);
    for key in ["average_drop_percent", "mean_iou"] {
        assert!(object.get(key).is_none(), "{key}");
    }
}
