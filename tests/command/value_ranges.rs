//! Arrays and options with a range of values: `evaluate` accepts rounding beyond the range, and
//! refuses more with the file, the index and the range.

use serde_json::Value;

use crate::folder::Folder;
use crate::npy::row_major;

const PROBABILITIES: &str = "--probabilities p.npy --masked-probabilities o.npy";
const MAPS: &str = "--maps maps.npy --masks masks.npy";

fn evaluate(folder: &Folder, options: &str) -> Value {
    folder.json(&format!("evaluate {options}"))
}

fn refusal(folder: &Folder, options: &str) -> String {
    folder.refusal(&format!("evaluate {options}"))
}

#[test]
fn a_probability_may_exceed_its_range_by_rounding() {
    let folder = Folder::new();
    folder.write("p.npy", &[3], &[1.0, 0.5, 0.5]);
    folder.write("o.npy", &[3], &[0.5, 1.0, 0.0]);
    let expected = evaluate(&folder, PROBABILITIES);
    for rounding in [1e-7, 1e-6] {
        folder.write("p.npy", &[3], &[1.0 + rounding, 0.5, 0.5]);
        folder.write("o.npy", &[3], &[0.5, 1.0 + rounding, -rounding]);
        assert_eq!(evaluate(&folder, PROBABILITIES), expected);
        let single = |x: f64| x as f32;
        folder.write("p.npy", &[3], &[1.0 + rounding, 0.5, 0.5].map(single));
        folder.write("o.npy", &[3], &[0.5, 1.0 + rounding, -rounding].map(single));
        assert_eq!(evaluate(&folder, PROBABILITIES), expected);
    }
}

#[test]
fn a_probability_outside_its_range_is_refused_with_file_and_index() {
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
            let line = refusal(&folder, PROBABILITIES);
            assert_eq!(line, format!("{file}: the entry at [2] {message}"));
        }
    }
    folder.write("p.npy", &[3, 1], &[0.5; 3]);
    folder.write("o.npy", &[3, 1], &[0.5, 2.0, 0.5]);
    let line = refusal(&folder, PROBABILITIES);
    assert!(
        line.starts_with("o.npy: the entry at [1, 0] is 2,"),
        "{line}"
    );
}

#[test]
fn several_probabilities_for_an_image_are_refused() {
    let folder = Folder::new();
    folder.write("p.npy", &[2, 3], &[0.25; 6]);
    folder.write("o.npy", &[2, 3], &[0.25; 6]);
    let line = refusal(&folder, PROBABILITIES);
    assert!(
        line.starts_with("p.npy: shape 2×3 has several probabilities"),
        "{line}"
    );
}

#[test]
fn an_embedding_that_is_not_finite_is_refused_with_file_and_index() {
    let folder = Folder::new();
    let embeddings = "--embeddings z.npy --masked-embeddings y.npy";
    for file in ["z.npy", "y.npy"] {
        folder.write("z.npy", &[2, 2], &[0.5; 4]);
        folder.write("y.npy", &[2, 2], &[0.5; 4]);
        folder.write(file, &[2, 2], &[0.5, 0.5, f64::NAN, 0.5]);
        let line = refusal(&folder, embeddings);
        let expected = format!("{file}: the entry at [1, 0] is NaN, every entry must be finite");
        assert_eq!(line, expected);
    }
    // If both files have such an entry, the first file is named.
    folder.write("z.npy", &[2, 2], &[0.5, 0.5, 0.5, f64::INFINITY]);
    folder.write("y.npy", &[2, 2], &[f64::NAN; 4]);
    let line = refusal(&folder, embeddings);
    assert!(
        line.starts_with("z.npy: the entry at [1, 1] is inf"),
        "{line}"
    );
}

#[test]
fn values_of_maps_lie_between_0_and_1_up_to_rounding() {
    let folder = Folder::new();
    folder.write("masks.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 1.0]);
    folder.write("maps.npy", &[2, 1, 2], &[0.0, 1.0, 0.45, 0.55]);
    let expected = evaluate(&folder, MAPS);
    folder.write("maps.npy", &[2, 1, 2], &[-1e-7, 1.0 + 1e-7, 0.45, 0.55]);
    assert_eq!(evaluate(&folder, MAPS), expected);
    folder.write("maps.npy", &[2, 1, 2], &[-1e-7f32, 1.0 + 2e-7, 0.45, 0.55]);
    assert_eq!(evaluate(&folder, MAPS), expected);

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
        // With masks of the same size and of another size. The index refers to the file.
        for width in [2, 6] {
            folder.write("masks.npy", &[2, 1, width], &vec![1.0; 2 * width]);
            let line = refusal(&folder, MAPS);
            assert_eq!(line, format!("maps.npy: the entry at [1, 0, 1] {message}"));
        }
    }
    // Integers of a picture. --quiet leaves out the note on their conversion.
    folder.write_bytes("maps.npy", row_major("|u1", "(1, 3)", &[0, 1, 128]));
    folder.write("masks.npy", &[1, 3], &[1.0; 3]);
    let line = refusal(&folder, &format!("{MAPS} --quiet"));
    assert!(line.contains("the entry at [0, 2] is 128"), "{line}");
}

#[test]
fn every_finite_number_other_than_0_is_inside_a_mask() {
    let folder = Folder::new();
    folder.write("maps.npy", &[2, 2], &[0.0, 0.95, 0.45, 0.55]);
    folder.write("masks.npy", &[2, 2], &[0.0, 1.0, 1.0, 0.0]);
    let expected = evaluate(&folder, MAPS);
    folder.write("masks.npy", &[2, 2], &[0.0f32, 255.0, -0.5, 0.0]);
    assert_eq!(evaluate(&folder, MAPS), expected);
    folder.write_bytes("masks.npy", row_major("|u1", "(2, 2)", &[0, 15, 255, 0]));
    assert_eq!(evaluate(&folder, MAPS), expected);
    folder.write_bytes("masks.npy", row_major("|b1", "(2, 2)", &[0, 1, 1, 0]));
    assert_eq!(evaluate(&folder, MAPS), expected);

    folder.write("masks.npy", &[2, 2], &[0.0, 1.0, f64::NAN, 0.0]);
    let line = refusal(&folder, MAPS);
    assert!(
        line.starts_with("masks.npy: the entry at [1, 0] is NaN"),
        "{line}"
    );
}

#[test]
fn an_option_outside_its_range_is_refused_by_name() {
    let folder = Folder::new();
    folder.write("maps.npy", &[1, 2], &[0.0, 1.0]);
    folder.write("masks.npy", &[1, 2], &[0.0, 1.0]);
    let report = folder.json(&[
        "evaluate",
        "--maps",
        "maps.npy",
        "--masks",
        "masks.npy",
        "--thresholds",
        "0, 0.5, 1",
    ]);
    assert_eq!(report["mean_iou"].as_array().unwrap().len(), 3);
    for (list, value) in [("1.5", "1.5"), ("0.5,-0.1", "-0.1"), ("nan", "NaN")] {
        let line = refusal(&folder, &format!("{MAPS} --thresholds {list}"));
        let expected = format!("--thresholds is {value}, it must be between 0 and 1");
        assert_eq!(line, expected);
    }
    folder.write(
        "x.npy",
        &[2, 2, 2],
        &[1.0, 2.0, 3.0, 5.0, 7.0, 1.0, 2.0, 4.0],
    );
    for (options, expected) in [
        ("--alpha 1.5", "--alpha is 1.5, it must be between 0 and 1"),
        ("--alpha nan", "--alpha is NaN, it must be between 0 and 1"),
        ("--size 9000x9000", "is more than 67108864 pixels"),
    ] {
        let line = folder.refusal(&format!("cam x.npy -o out.png {options}"));
        assert!(line.contains(expected), "{line}");
    }
}
