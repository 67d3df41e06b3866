//! `tenfold bench`, driven on small shapes; no time is asserted.
#![allow(missing_docs)]
#![cfg(feature = "cli")]

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
