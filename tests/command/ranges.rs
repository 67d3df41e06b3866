//! Arrays and options with a range: rounding is allowed, anything beyond is refused with
//! the file, the index and the range.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tenfold::io::write_npy;
use tenfold::{Scalar, TensorRef};

use crate::run::{json, refusal};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn write<T: Scalar>(&self, name: &str, shape: &[usize], entries: &[T]) {
        let x = TensorRef::new(shape, entries).unwrap();
        write_npy(self.root().join(name), x).unwrap();
    }

    /// An array of bytes, which the library does not write.
    fn write_bytes(&self, name: &str, descr: &str, shape: &str, entries: &[u8]) {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}");
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").as_bytes());
        bytes.extend(entries);
        fs::write(self.root().join(name), bytes).unwrap();
    }

    fn evaluate(&self, options: &[&str]) -> Value {
        json(self.root(), &[&["evaluate"], options].concat()).0
    }

    fn refuses(&self, options: &[&str]) -> String {
        refusal(self.root(), &[&["evaluate"], options].concat())
    }
}

const PROBABILITIES: [&str; 4] = [
    "--probabilities",
    "p.npy",
    "--masked-probabilities",
    "o.npy",
];
const MAPS: [&str; 4] = ["--maps", "maps.npy", "--masks", "masks.npy"];

#[test]
fn a_probability_may_be_off_by_rounding() {
    let folder = Folder::new();
    folder.write("p.npy", &[3], &[1.0, 0.5, 0.5]);
    folder.write("o.npy", &[3], &[0.5, 1.0, 0.0]);
    let expected = folder.evaluate(&PROBABILITIES);
    for rounding in [1e-7, 1e-6] {
        folder.write("p.npy", &[3], &[1.0 + rounding, 0.5, 0.5]);
        folder.write("o.npy", &[3], &[0.5, 1.0 + rounding, -rounding]);
        assert_eq!(folder.evaluate(&PROBABILITIES), expected);
        let single = |x: f64| x as f32;
        folder.write("p.npy", &[3], &[1.0 + rounding, 0.5, 0.5].map(single));
        folder.write("o.npy", &[3], &[0.5, 1.0 + rounding, -rounding].map(single));
        assert_eq!(folder.evaluate(&PROBABILITIES), expected);
    }
}

#[test]
fn a_probability_farther_outside_is_refused_with_file_and_index() {
    let folder = Folder::new();
    for (entry, message) in [
        (
            1.000002,
            "is 1.000002, a probability must be between 0 and 1",
        ),
        (
            -0.000002,
            "is -0.000002, a probability must be between 0 and 1",
        ),
        (100.0, "is 100, a probability must be between 0 and 1"),
        (f64::NAN, "is NaN, every entry must be finite"),
        (f64::INFINITY, "is inf, every entry must be finite"),
    ] {
        for file in ["p.npy", "o.npy"] {
            folder.write("p.npy", &[3], &[0.5; 3]);
            folder.write("o.npy", &[3], &[0.5; 3]);
            folder.write(file, &[3], &[0.5, 0.5, entry]);
            let line = folder.refuses(&PROBABILITIES);
            assert_eq!(line, format!("{file}: the entry at [2] {message}"));
        }
    }
    folder.write("p.npy", &[3, 1], &[0.5; 3]);
    folder.write("o.npy", &[3, 1], &[0.5, 2.0, 0.5]);
    let line = folder.refuses(&PROBABILITIES);
    assert!(
        line.starts_with("o.npy: the entry at [1, 0] is 2,"),
        "{line}"
    );
}

#[test]
fn the_probabilities_of_all_classes_are_not_those_of_one() {
    let folder = Folder::new();
    folder.write("p.npy", &[2, 3], &[0.25; 6]);
    folder.write("o.npy", &[2, 3], &[0.25; 6]);
    let line = folder.refuses(&PROBABILITIES);
    assert!(
        line.starts_with("p.npy: shape 2×3 has several probabilities"),
        "{line}"
    );
}

#[test]
fn an_embedding_that_is_not_finite_is_refused_with_file_and_index() {
    let folder = Folder::new();
    let embeddings = ["--embeddings", "z.npy", "--masked-embeddings", "y.npy"];
    for file in ["z.npy", "y.npy"] {
        folder.write("z.npy", &[2, 2], &[0.5; 4]);
        folder.write("y.npy", &[2, 2], &[0.5; 4]);
        folder.write(file, &[2, 2], &[0.5, 0.5, f64::NAN, 0.5]);
        let line = folder.refuses(&embeddings);
        let expected = format!("{file}: the entry at [1, 0] is NaN, every entry must be finite");
        assert_eq!(line, expected);
    }
    // Both: the first file is named.
    folder.write("z.npy", &[2, 2], &[0.5, 0.5, 0.5, f64::INFINITY]);
    folder.write("y.npy", &[2, 2], &[f64::NAN; 4]);
    let line = folder.refuses(&embeddings);
    assert!(
        line.starts_with("z.npy: the entry at [1, 1] is inf"),
        "{line}"
    );
}

#[test]
fn maps_lie_between_0_and_1() {
    let folder = Folder::new();
    folder.write("masks.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 1.0]);
    folder.write("maps.npy", &[2, 1, 2], &[0.0, 1.0, 0.45, 0.55]);
    let expected = folder.evaluate(&MAPS);
    folder.write("maps.npy", &[2, 1, 2], &[-1e-7, 1.0 + 1e-7, 0.45, 0.55]);
    assert_eq!(folder.evaluate(&MAPS), expected);
    folder.write("maps.npy", &[2, 1, 2], &[-1e-7f32, 1.0 + 2e-7, 0.45, 0.55]);
    assert_eq!(folder.evaluate(&MAPS), expected);

    for (entry, message) in [
        (
            255.0,
            "is 255, a value of a saliency map must be between 0 and 1",
        ),
        (
            -0.5,
            "is -0.5, a value of a saliency map must be between 0 and 1",
        ),
        (
            1.00001,
            "is 1.00001, a value of a saliency map must be between 0 and 1",
        ),
        (f64::NAN, "is NaN, every entry must be finite"),
    ] {
        folder.write("maps.npy", &[2, 1, 2], &[0.0, 1.0, 0.5, entry]);
        // Of the masks' size, and resized to it: the index is that of the file.
        for width in [2, 6] {
            folder.write("masks.npy", &[2, 1, width], &vec![1.0; 2 * width]);
            let line = folder.refuses(&MAPS);
            assert_eq!(line, format!("maps.npy: the entry at [1, 0, 1] {message}"));
        }
    }
    // Those of a picture, as integers.
    folder.write_bytes("maps.npy", "|u1", "(1, 3)", &[0, 1, 128]);
    folder.write("masks.npy", &[1, 3], &[1.0; 3]);
    let line = json_refusal(&folder);
    assert!(line.contains("the entry at [0, 2] is 128"), "{line}");
}

/// The last line of a refusal that may follow a note.
fn json_refusal(folder: &Folder) -> String {
    folder.refuses(&[&MAPS[..], &["--quiet"]].concat())
}

#[test]
fn any_finite_number_but_0_is_inside_a_mask() {
    let folder = Folder::new();
    folder.write("maps.npy", &[2, 2], &[0.0, 0.95, 0.45, 0.55]);
    folder.write("masks.npy", &[2, 2], &[0.0, 1.0, 1.0, 0.0]);
    let expected = folder.evaluate(&MAPS);
    folder.write("masks.npy", &[2, 2], &[0.0f32, 255.0, -0.5, 0.0]);
    assert_eq!(folder.evaluate(&MAPS), expected);
    folder.write_bytes("masks.npy", "|u1", "(2, 2)", &[0, 15, 255, 0]);
    assert_eq!(folder.evaluate(&MAPS), expected);
    folder.write_bytes("masks.npy", "|b1", "(2, 2)", &[0, 1, 1, 0]);
    assert_eq!(folder.evaluate(&MAPS), expected);

    folder.write("masks.npy", &[2, 2], &[0.0, 1.0, f64::NAN, 0.0]);
    let line = folder.refuses(&MAPS);
    assert!(
        line.starts_with("masks.npy: the entry at [1, 0] is NaN"),
        "{line}"
    );
}

#[test]
fn options_with_a_range_name_themselves() {
    let folder = Folder::new();
    folder.write("maps.npy", &[1, 2], &[0.0, 1.0]);
    folder.write("masks.npy", &[1, 2], &[0.0, 1.0]);
    let thresholds = |list| [&MAPS[..], &["--thresholds", list]].concat();
    let sweep = folder.evaluate(&thresholds("0, 0.5, 1"));
    assert_eq!(sweep["mean_iou"].as_array().unwrap().len(), 3);
    for (list, value) in [("1.5", "1.5"), ("0.5,-0.1", "-0.1"), ("nan", "NaN")] {
        let line = folder.refuses(&thresholds(list));
        let expected = format!("--thresholds is {value}, it must be between 0 and 1");
        assert_eq!(line, expected);
    }
    folder.write(
        "x.npy",
        &[2, 2, 2],
        &[1.0, 2.0, 3.0, 5.0, 7.0, 1.0, 2.0, 4.0],
    );
    let cam = ["cam", "x.npy", "-o", "out.png"];
    for (options, expected) in [
        (
            ["--alpha", "1.5"],
            "--alpha is 1.5, it must be between 0 and 1",
        ),
        (
            ["--alpha", "nan"],
            "--alpha is NaN, it must be between 0 and 1",
        ),
        (["--size", "9000x9000"], "is more than 67108864 pixels"),
    ] {
        let line = refusal(folder.root(), &[&cam[..], &options].concat());
        assert!(line.contains(expected), "{line}");
    }
}
