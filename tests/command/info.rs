//! `tenfold info` of an array and of a decomposition.

use serde_json::json;

use crate::folder::{Folder, tensor};

#[test]
fn an_array_has_its_norm_and_its_spectra() {
    let folder = Folder::with_tensor();
    let object = folder.json("info x.npy");
    let array = &object["files"][0];
    assert_eq!(array["kind"], "tensor");
    assert_eq!(array["dtype"], "f64");
    assert_eq!(array["shape"], json!([12, 10, 8]));
    let norm = tensor().norm();
    assert_eq!(array["norm"].as_f64(), Some(norm));
    for (mode, extent) in [12, 10, 8].into_iter().enumerate() {
        let spectrum = array["spectra"][mode].as_array().unwrap();
        assert_eq!(spectrum.len(), extent);
        let energy: f64 = spectrum.iter().map(|s| s.as_f64().unwrap().powi(2)).sum();
        assert!((energy.sqrt() / norm - 1.0).abs() < 1e-13, "mode {mode}");
    }
}

#[test]
fn a_decomposition_has_what_decompose_reported() {
    let folder = Folder::with_tensor();
    let reported = folder.decompose("--ranks 3,3,2 --method hooi");
    let object = folder.json("info x.npz");
    let decomposition = &object["files"][0];
    assert_eq!(decomposition["kind"], "tucker");
    for key in [
        "ranks",
        "relative_error",
        "compression",
        "method",
        "sweeps",
        "stop",
        "shape",
    ] {
        assert_eq!(decomposition[key], reported[key], "{key}");
    }
}

#[test]
fn several_files_are_listed_in_order() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 3,3,2 --method hooi");
    let object = folder.json("info x.npy x.npz");
    let files = object["files"].as_array().unwrap();
    let kinds: Vec<_> = files.iter().map(|file| &file["kind"]).collect();
    assert_eq!(kinds, ["tensor", "tucker"]);
    let (text, _) = folder.succeeds("info x.npy x.npz");
    assert!(text.contains("tensor 12×10×8 float64"), "{text}");
    assert!(text.contains("ranks 3×3×2"), "{text}");
}
