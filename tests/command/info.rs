//! `tenfold info` of an array and of a decomposition.

use std::path::Path;

use serde_json::{Value, json};

use crate::folder::{Folder, notes, tensor};

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

/// The first words of the error where no GPU can be used.
const NO_GPU: &str = if cfg!(feature = "cuda") {
    "no CUDA device can be used"
} else {
    "this tenfold was built without CUDA"
};

/// On a machine with a GPU this test checks nothing.
#[test]
fn without_a_gpu_cuda_fails_and_auto_takes_the_cpu() {
    let folder = Folder::with_tensor();
    let arguments = ["info", "--device", "cuda", "--benchmark", "0"];
    let output = folder.tenfold(&arguments).output().unwrap();
    if output.status.success() {
        return;
    }
    let expected = if cfg!(feature = "cuda") { 1 } else { 2 };
    assert_eq!(output.status.code(), Some(expected));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains(NO_GPU), "{message}");
    assert!(output.stdout.is_empty());

    let object = folder.json("info --device auto --benchmark 0");
    assert_eq!(object["devices"], json!([]));
    assert!(notes(&object)[0].contains(NO_GPU));
    let object = folder.json("info x.npy --device auto");
    assert_eq!(object["files"][0]["kind"], "tensor");
    assert!(object["files"][0].get("estimates").is_none());
    assert!(notes(&object)[0].contains("--device auto takes the CPU"));
}

#[test]
fn a_file_or_a_gpu_is_needed() {
    let folder = Folder::new();
    assert!(folder.refusal("info").contains("FILE"));
    let message = folder.refusal("info --device cpu");
    assert!(message.contains("a file is needed"), "{message}");
    let message = folder.refusal("info x.npy --benchmark 3");
    assert!(message.contains("--device"), "{message}");
}

/// `--layout` says how an array is read as feature maps.
#[test]
fn a_layout_describes_feature_maps() {
    let folder = Folder::new();
    folder.write("x.npy", &[2, 3, 4, 8], &[1.0f32; 192]);
    let object = folder.json("info x.npy --layout nhwc");
    let sentence = "2 feature maps of 8 channels × 3×4 positions";
    assert_eq!(object["files"][0]["read_as"], sentence);
    let (text, _) = folder.succeeds("info x.npy --layout nhwc");
    assert!(text.ends_with(&format!("  read as {sentence}\n")), "{text}");
    let object = folder.json("info x.npy");
    assert!(object["files"][0].get("read_as").is_none());
    let line = folder.refusal("info x.npy --layout hwc");
    assert!(line.starts_with("x.npy: "), "{line}");
    folder.succeeds("decompose x.npy --ranks 1 -o x.npz");
    let object = folder.json("info x.npz --layout nhwc");
    assert_eq!(
        notes(&object)[0],
        "x.npz: --layout describes an array of feature maps, the file is a decomposition"
    );
}

/// `tests/interop/make_peers.py` wrote these decompositions with TensorLy, without a description.
#[test]
fn decompositions_of_other_programs_are_described_and_reconstructed() {
    let folder = Folder::new();
    for (name, orthonormal) in [("tensorly", true), ("tensorly_non_negative", false)] {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/peers");
        std::fs::copy(peers.join(format!("{name}.npz")), folder.at("x.npz")).unwrap();
        let file = &folder.json("info x.npz")["files"][0];
        assert_eq!(file["kind"], "tucker");
        assert_eq!(
            (&file["method"], &file["orthonormal"]),
            (&json!("unknown"), &json!(orthonormal))
        );
        assert_eq!(
            (&file["ranks"], &file["relative_error"]),
            (&json!([3, 2, 4]), &json!(null))
        );
        folder.succeeds("reconstruct x.npz -o y.npy");
        let array = &folder.json("info y.npy")["files"][0];
        let close = |a: &Value, b: &Value| {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-12, "{name}: {a} {b}");
        };
        close(&file["norm"], &array["norm"]);
        for (mode, rank) in [3, 2, 4].into_iter().enumerate() {
            for i in 0..rank {
                close(&file["spectra"][mode][i], &array["spectra"][mode][i]);
            }
        }
        let (text, _) = folder.succeeds("info x.npz");
        assert!(
            text.starts_with("x.npz: decomposition of 5×6×7 f64, ranks 3×2×4"),
            "{text}"
        );
        assert_eq!(text.contains("not orthonormal"), !orthonormal, "{text}");
        let message = folder.refusal("decompose x.npz --ranks 1 -o z.npz");
        assert!(
            message.contains("this is a decomposition (.npz)"),
            "{message}"
        );
    }
}
