//! `tenfold bench` on small shapes: results, table and chart. No time is asserted.

use std::collections::HashMap;
use std::fs;

use crate::folder::Folder;

const WEIGHTINGS: [&str; 4] = ["eigen-cam", "tsm", "multivec-eigen-cam", "mtsm"];

#[test]
fn maps_agree_with_the_reference_computations() {
    let folder = Folder::new();
    for reference in ["thin", "full"] {
        let object = folder.json(&format!(
            "bench --shape 40x3x4,5x6x6,9x2x3x2 --dtype f64 --repeat 1 --reference {reference}"
        ));
        let shapes = object["shapes"].as_array().unwrap();
        assert_eq!(shapes.len(), 3);
        for shape in shapes {
            for row in shape["weightings"].as_array().unwrap() {
                let difference = row["largest_difference"].as_f64().unwrap();
                assert!(difference < 1e-6, "{row}");
                assert!(row["seconds"].as_f64().unwrap() > 0.0);
                let is_tucker = row["compared_with"] == "HOOI at full ranks";
                assert_eq!(row["tucker_to_svd"].is_f64(), is_tucker, "{row}");
            }
        }
    }
}

#[test]
fn a_reported_ratio_is_that_of_the_reported_times() {
    let object = Folder::new().json("bench --shape 20x3x3 --repeat 1 --threads 3");
    assert_eq!(object["threads"], 3);
    let rows = &object["shapes"][0]["weightings"];
    let number = |row: usize, key: &str| rows[row][key].as_f64().unwrap();
    // Rows 0 to 3: EigenCAM, TSM, Multivec-EigenCAM, MTSM.
    for (svd, tucker) in [(0, 1), (2, 3)] {
        let ratio = number(tucker, "seconds") / number(svd, "seconds");
        assert_eq!(number(tucker, "tucker_to_svd"), ratio);
    }
}

#[test]
fn the_table_names_every_weighting() {
    let (text, _) = Folder::new().succeeds("bench --shape 20x3x3 --repeat 1");
    for name in WEIGHTINGS {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn bad_shapes_are_refused() {
    let folder = Folder::new();
    for shape in ["7", "0x7x7", "axb", "", "8x"] {
        folder.refusal(&["bench", "--shape", shape]);
    }
}

#[test]
fn the_chart_has_a_mark_for_every_shape_and_weighting() {
    let folder = Folder::new();
    for count in [1, 3, 10] {
        let shapes: Vec<String> = (0..count).map(|i| format!("{}x2x3", i + 8)).collect();
        let object = folder.json(&format!(
            "bench --shape {} --repeat 1 --plot chart.svg",
            shapes.join(",")
        ));
        assert_eq!(object["plot"], "chart.svg");

        let svg = fs::read_to_string(folder.at("chart.svg")).unwrap();
        let svg = roxmltree::Document::parse(&svg).unwrap();
        let elements = |name| {
            let elements = svg.descendants();
            elements.filter(move |node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
        };
        let texts: Vec<&str> = elements("text")
            .map(|node| node.text().unwrap().trim())
            .collect();
        for name in WEIGHTINGS {
            assert!(texts.contains(&name), "{texts:?}");
        }
        for shape in &shapes {
            let name = shape.replace('x', "×");
            // One label under the times and one under the ratios.
            assert_eq!(texts.iter().filter(|&&text| text == name).count(), 2);
        }
        assert!(texts.contains(&"time [ms]"), "{texts:?}");
        assert!(texts.contains(&"time, Tucker / SVD"), "{texts:?}");

        let mut marks: HashMap<&str, Vec<f64>> = HashMap::new();
        for mark in elements("circle") {
            let x = mark.attribute("cx").unwrap().parse().unwrap();
            let colour = mark.attribute("fill").unwrap();
            marks.entry(colour).or_default().push(x);
        }
        assert_eq!(marks.len(), 4, "one colour for each weighting");
        for xs in marks.values() {
            assert_eq!(xs.len(), count);
            assert!(xs.is_sorted_by(|a, b| a < b), "{xs:?}");
        }
        // Two bars for each shape, four squares of the legend, and the background.
        assert_eq!(elements("rect").count(), 2 * count + 4 + 1);
    }
    assert_eq!(folder.names(), ["chart.svg"]);
}

#[test]
fn a_chart_that_cannot_be_written_is_refused_before_the_measurements() {
    let folder = Folder::new();
    for name in ["folder", "directory.svg"] {
        fs::create_dir(folder.at(name)).unwrap();
    }
    folder.write_bytes("old.svg", "old");
    let mut permissions = fs::metadata(folder.at("old.svg")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.at("old.svg"), permissions).unwrap();
    for path in [
        "no/such/folder/chart.svg",
        "chart.png",
        "chart",
        "folder",
        "directory.svg",
        "old.svg",
    ] {
        // The shape is so large that the measurements would not end.
        let line = folder.refusal(&format!("bench --shape 65536x256x256 --plot {path}"));
        assert!(line.contains(path), "{line}");
    }
    assert_eq!(folder.read_bytes("old.svg"), b"old");
}
