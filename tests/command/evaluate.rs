//! `tenfold evaluate`: the metrics of arrays. `value_ranges` has the ranges of entries.

use std::fs;

use serde_json::{Value, json};

use crate::folder::{Folder, repository};

#[test]
fn the_metrics_of_arrays_are_printed() {
    let folder = Folder::new();
    folder.write("p.npy", &[2], &[0.5, 0.4]);
    folder.write("o.npy", &[2], &[0.25, 0.8]);
    folder.write("z.npy", &[2, 2], &[0.0f32, 0.0, 1.0, 1.0]);
    folder.write("y.npy", &[2, 2], &[3.0f32, 4.0, 1.0, 2.0]);
    let data = repository("tests/data/cam");
    for (name, copy) in [
        ("chelsea.last.mtsm.published224.npy", "maps.npy"),
        ("mask224.npy", "masks.npy"),
    ] {
        fs::copy(data.join(name), folder.at(copy)).unwrap();
    }
    let report = folder.json(
        "evaluate --probabilities p.npy --masked-probabilities o.npy \
         --embeddings z.npy --masked-embeddings y.npy --maps maps.npy --masks masks.npy",
    );
    assert_eq!(report["average_drop_percent"], 25.0);
    assert_eq!(report["average_increase_percent"], 50.0);
    assert_eq!(report["average_absolute_drop_percent"], 12.5);
    assert_eq!(report["average_gain_percent"], 100.0 / 3.0);
    // Each resample of two images has a drop of 0, 25 or 50 percent.
    assert_eq!(report["average_drop_percent_interval"], json!([0.0, 50.0]));
    assert_eq!(report["embedding_mse"], 13.0);
    let manifest = fs::read_to_string(data.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let thresholds = report["mean_iou"].as_array().unwrap();
    assert_eq!(thresholds.len(), 6);
    for entry in thresholds {
        let threshold = entry["threshold"].to_string();
        let expected = manifest["iou"]["at_threshold"][threshold].as_f64().unwrap();
        assert!((entry["mean_iou"].as_f64().unwrap() - expected).abs() < 1e-12);
    }
}

#[test]
fn maps_are_resized_to_their_masks() {
    let folder = Folder::new();
    folder.write("maps.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 0.0]);
    let mask = [0.0f32, 0.0, 1.0, 1.0];
    folder.write("masks.npy", &[2, 1, 4], &[mask, mask].concat());
    let report = folder.json("evaluate --maps maps.npy --masks masks.npy --thresholds 0.5,0.8");
    // The resized maps are 0, 0.25, 0.75, 1 and the same reversed. Above 0.5 they cover all and
    // none of the mask, above 0.8 half and none.
    assert_eq!(report["mean_iou"][0]["mean_iou"], 0.5);
    assert_eq!(report["mean_iou"][1]["mean_iou"], 0.25);
}

#[test]
fn variants_have_options_of_their_own() {
    let folder = Folder::new();
    folder.write("p.npy", &[2], &[1e-7, 0.4]);
    folder.write("o.npy", &[2], &[0.0, 0.8]);
    let pair = "evaluate --probabilities p.npy --masked-probabilities o.npy";
    let report = folder.json(&format!("{pair} --epsilon 1e-7 --bootstrap 0"));
    assert_eq!(report["average_drop_percent"], 50.0);
    assert_eq!(report["average_drop_with_epsilon_percent"], 25.0);
    assert_eq!(report["average_drop_percent_interval"], Value::Null);
    let (text, _) = folder.succeeds(pair);
    assert!(
        text.contains(
            "average drop (lower is better): 50.0000 % (95% interval 0.0000 to 100.0000)"
        ),
        "{text}"
    );
    let line = folder.refusal(&format!("{pair} --epsilon 2"));
    assert!(line.contains("epsilon is 2"), "{line}");

    folder.write("maps.npy", &[1, 4], &[0.9, 0.5, 0.7, 0.0]);
    folder.write("masks.npy", &[1, 4], &[7.0, 0.0, 255.0, 1.0]);
    let pair = "evaluate --maps maps.npy --masks masks.npy --thresholds 0.5";
    let iou = |options: &str| folder.json(&format!("{pair} {options}"))["mean_iou"][0].clone();
    assert_eq!(iou("")["mean_iou"], 0.5);
    assert_eq!(iou("--void 255")["mean_iou"], 1.0 / 3.0);
    assert_eq!(iou("--void 255")["interval"], Value::Null);
}

#[test]
fn areas_of_curves_are_averaged() {
    let folder = Folder::new();
    folder.write("i.npy", &[2, 3], &[0.0, 0.5, 1.0, 0.0, 1.0, 1.0]);
    folder.write("d.npy", &[1, 2], &[1.0, 0.0]);
    let report = folder.json("evaluate --insertion i.npy --deletion d.npy");
    assert_eq!(report["insertion_area"], 0.625);
    assert_eq!(report["insertion_area_interval"], json!([0.5, 0.75]));
    assert_eq!(report["deletion_area"], 0.5);
    folder.write("one.npy", &[2, 1], &[0.0, 1.0]);
    folder.write("flat.npy", &[2], &[0.0, 1.0]);
    for (file, problem) in [
        ("one.npy", "a curve: 2 entries were expected, 1 given"),
        ("flat.npy", "curves have shape N×(S+1), not 2"),
    ] {
        let line = folder.refusal(&format!("evaluate --insertion {file}"));
        assert!(line.contains(problem), "{line}");
    }
}

#[test]
fn arrays_that_do_not_fit_together_are_refused() {
    let folder = Folder::new();
    folder.write("p.npy", &[2], &[0.5, 0.4]);
    folder.write("three.npy", &[3], &[0.5, 0.4, 0.1]);
    folder.write("beyond.npy", &[2], &[0.5, 1.4]);
    folder.write("maps.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 0.0]);
    folder.write("nan.npy", &[2, 1, 2], &[0.0, 1.0, f64::NAN, 0.0]);
    folder.write("masks.npy", &[3, 1, 2], &[1.0; 6]);
    for (arguments, message) in [
        ("", "required"),
        ("--probabilities p.npy", "--masked-probabilities"),
        (
            "--probabilities p.npy --masked-probabilities three.npy",
            "shape 2 was expected, not 3",
        ),
        (
            "--probabilities p.npy --masked-probabilities beyond.npy",
            "the entry at [1] is 1.4, a probability must be between 0 and 1",
        ),
        (
            "--embeddings p.npy --masked-embeddings p.npy",
            "modes are needed",
        ),
        (
            "--maps maps.npy --masks masks.npy",
            "shape 3×1×2 was expected",
        ),
        ("--maps nan.npy --masks maps.npy", "NaN"),
        (
            "--maps maps.npy --masks maps.npy --thresholds 1.5",
            "--thresholds is 1.5",
        ),
    ] {
        let line = folder.refusal(&format!("evaluate {arguments}"));
        assert!(line.contains(message), "{arguments}: {line}");
    }
}
