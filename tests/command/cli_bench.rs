//! `tenfold bench`, driven on small shapes; no time is asserted.

use std::collections::HashMap;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .arg("bench")
        .args(arguments)
        .output()
        .expect("the command starts")
}

#[test]
fn closed_forms_agree_with_the_reference_routes() {
    for reference in ["thin", "full"] {
        let shapes = "40x3x4,5x6x6,9x2x3x2";
        let arguments = [
            "--shape", shapes, "--dtype", "f64", "--repeat", "1", "--json",
        ];
        let output = bench(&[&arguments[..], &["--reference", reference]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        let shapes = json["shapes"].as_array().expect("shapes");
        assert_eq!(shapes.len(), 3);
        for shape in shapes {
            for row in shape["weightings"].as_array().expect("weightings") {
                let difference = row["largest_difference"].as_f64().expect("a number");
                assert!(difference < 1e-6, "{row}");
                assert!(row["seconds"].as_f64().expect("a number") > 0.0);
                let tucker = row["compared_with"] == "HOOI at full ranks";
                assert_eq!(row["tucker_to_svd"].is_f64(), tucker, "{row}");
            }
        }
    }
}

/// Ratios are those of the times beside them, and the threads those asked for.
#[test]
fn ratios_and_threads_are_what_they_are_called() {
    let arguments = [
        "--shape",
        "20x3x3",
        "--repeat",
        "1",
        "--threads",
        "3",
        "--json",
    ];
    let output = bench(&arguments);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(json["threads"], 3);
    let rows = &json["shapes"][0]["weightings"];
    let number = |row: usize, key: &str| rows[row][key].as_f64().expect("a number");
    // EigenCAM, TSM, Multivec-EigenCAM, MTSM.
    for (svd, tucker) in [(0, 1), (2, 3)] {
        let ratio = number(tucker, "seconds") / number(svd, "seconds");
        assert_eq!(number(tucker, "tucker_to_svd"), ratio);
    }
}

#[test]
fn the_table_names_every_weighting() {
    let output = bench(&["--shape", "20x3x3", "--repeat", "1"]);
    let text = String::from_utf8(output.stdout).expect("text");
    for name in ["eigen-cam", "tsm", "multivec-eigen-cam", "mtsm"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn bad_shapes_are_refused_in_one_line() {
    for shape in ["7", "0x7x7", "axb", "", "8x"] {
        let output = bench(&["--shape", shape]);
        assert_eq!(output.status.code(), Some(2), "{shape}");
        let message = String::from_utf8(output.stderr).expect("text");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn the_chart_has_a_mark_for_every_shape_and_weighting() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chart.svg");
    let plot = path.to_str().expect("a name");
    for shapes in [1, 3, 10] {
        let extents: Vec<String> = (0..shapes).map(|i| format!("{}x2x3", i + 8)).collect();
        let list = extents.join(",");
        let arguments = ["--shape", &list, "--repeat", "1", "--plot", plot, "--json"];
        let output = bench(&arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(json["plot"], plot);

        let svg = std::fs::read_to_string(&path).expect("a chart");
        let svg = roxmltree::Document::parse(&svg).expect("well-formed");
        let elements = |name| {
            let elements = svg.descendants();
            elements.filter(move |node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
        };
        let texts: Vec<&str> = elements("text")
            .map(|node| node.text().expect("a text").trim())
            .collect();
        for name in ["eigen-cam", "tsm", "multivec-eigen-cam", "mtsm"] {
            assert!(texts.contains(&name), "{texts:?}");
        }
        for extents in &extents {
            let name = extents.replace('x', "×");
            // Under the times and under the ratios.
            assert_eq!(texts.iter().filter(|&&text| text == name).count(), 2);
        }
        assert!(texts.contains(&"time [ms]"), "{texts:?}");
        assert!(texts.contains(&"time, Tucker / SVD"), "{texts:?}");

        let mut marks: HashMap<&str, Vec<f64>> = HashMap::new();
        for mark in elements("circle") {
            let colour = mark.attribute("fill").expect("a colour");
            let x = mark.attribute("cx").expect("a place");
            let x = x.parse().expect("a number");
            marks.entry(colour).or_default().push(x);
        }
        assert_eq!(marks.len(), 4, "one colour for each weighting");
        for places in marks.values() {
            assert_eq!(places.len(), shapes);
            assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        }
        // Two bars for each shape, one entry for each weighting, the ground.
        assert_eq!(elements("rect").count(), 2 * shapes + 4 + 1);
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
}

#[test]
fn charts_that_cannot_be_written_are_refused_before_the_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("directory.svg");
    std::fs::create_dir(&directory).expect("a folder");
    let read_only = folder.path().join("old.svg");
    std::fs::write(&read_only, "old").expect("a file");
    let mut permissions = read_only.metadata().expect("a file").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&read_only, permissions).expect("a file of ours");
    for path in [
        folder.path().join("no/such/folder/chart.svg"),
        folder.path().join("chart.png"),
        folder.path().join("chart"),
        folder.path().to_path_buf(),
        directory,
        read_only.clone(),
    ] {
        let path = path.to_str().expect("a name");
        // So large that the test would not end if it were measured.
        let output = bench(&["--shape", "65536x256x256", "--plot", path]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let message = String::from_utf8(output.stderr).expect("text");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(path), "{message}");
    }
    assert_eq!(std::fs::read_to_string(&read_only).expect("a file"), "old");
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 2);
}
