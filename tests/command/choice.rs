//! `decompose --explain` and `info --plot`: what other ranks store, and with which error.

use serde_json::{Value, json};

use crate::folder::Folder;

fn explanation(folder: &Folder, options: &str) -> (Value, Value) {
    let object = folder.decompose(&format!("{options} --explain"));
    (object["explanation"].clone(), object)
}

#[test]
fn the_chosen_ranks_are_among_the_explained_ones() {
    let folder = Folder::with_tensor();
    for options in [
        "--tolerance 0.1",
        "--tolerance 0.1 --method hooi",
        "--ranks 3,3,2",
        "--max-size 2kB --method hosvd",
        "--compression 6",
        "--ranks 3,2 --modes 2,0",
    ] {
        let (explained, object) = explanation(&folder, options);
        let rows = explained["ranks"].as_array().unwrap();
        let chosen: Vec<&Value> = rows.iter().filter(|row| row["chosen"] == true).collect();
        assert_eq!(chosen.len(), 1, "{options}");
        assert_eq!(chosen[0]["ranks"], object["ranks"], "{options}");
        assert_eq!(
            chosen[0]["relative_error"], object["relative_error"],
            "{options}"
        );
        let ratio = 960.0 / chosen[0]["entries"].as_f64().unwrap();
        assert!((ratio / object["compression"].as_f64().unwrap() - 1.0).abs() < 1e-12);
        assert!(rows.len() > 3, "{options}: {rows:?}");
        // Larger ranks of the table have smaller errors.
        let error = |row: &Value| row["relative_error"].as_f64().unwrap();
        assert!(error(&rows[0]) > error(rows.last().unwrap()), "{options}");
        let tails = explained["tails"].as_array().unwrap();
        assert_eq!(tails.len(), object["modes"].as_array().unwrap().len());
        assert_eq!(tails[0]["ranks"][0], json!(1));
    }
}

#[test]
fn an_explanation_fits_a_terminal_and_says_why() {
    let folder = Folder::with_tensor();
    for (options, reason) in [
        ("--tolerance 0.1", ": the fewest entries found"),
        ("--compression 6", ": the smallest error found"),
        ("--ranks 3", "3×3×3: the ranks were given."),
    ] {
        let (text, _) = folder.succeeds(&format!("decompose x.npy -o x.npz {options} --explain"));
        assert!(text.contains(reason) && text.contains("→"), "{text}");
        let start = text.find("relative error with").unwrap();
        let lines = text[start..]
            .lines()
            .filter(|line| !line.starts_with("written"));
        for line in lines {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    let (text, _) = folder.succeeds("decompose x.npy -o x.npz --tolerance 0.1");
    assert!(!text.contains("ranks, the entries"), "{text}");
}

#[test]
fn a_chart_has_a_line_for_each_mode_and_the_error_curve() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 5,4,3");
    folder.decompose("--ranks 5,4,3 --modes 2,0,1");
    for file in ["x.npy", "x.npz"] {
        folder.succeeds(&format!("info {file} --plot {file}.svg"));
        let chart = String::from_utf8(folder.read_bytes(&format!("{file}.svg"))).unwrap();
        for text in [
            "mode 0",
            "mode 2",
            "12×10×8",
            "entries of core and factors",
            "the array",
        ] {
            assert!(chart.contains(text), "{file}: {text}");
        }
        assert!(chart.matches("<polyline").count() >= 4, "{file}");
    }
    let line = folder.refusal("info x.npy --plot x.png");
    assert!(line.contains("the chart is written to an .svg"), "{line}");
    let line = folder.refusal("info x.npy x.npz --plot x.svg");
    assert!(line.contains("draws one file"), "{line}");
}
