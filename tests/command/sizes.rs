//! Sizes of decompositions in entries and in bytes, as `decompose` and `info` print them.

use std::fs;

use serde_json::Value;

use crate::folder::{Folder, notes};
use crate::npy::row_major;

/// The keys about sizes, which `decompose` and `info` share.
const KEYS: [&str; 4] = [
    "compression",
    "input_bytes",
    "output_bytes",
    "file_compression",
];

/// A folder with an array `x.npy` of rank 1 and shape 40×30×20, as `uint8`.
fn with_bytes() -> Folder {
    let folder = Folder::new();
    let entry = |i: usize| ((1 + i / 600) % 3) * ((1 + i % 20) % 4);
    let entries: Vec<u8> = (0..24_000).map(|i| entry(i) as u8).collect();
    folder.write_bytes("x.npy", row_major("|u1", "(40, 30, 20)", &entries));
    folder
}

fn bytes(folder: &Folder, name: &str) -> u64 {
    fs::metadata(folder.at(name)).unwrap().len()
}

#[test]
fn the_type_in_the_file_counts() {
    let folder = with_bytes();
    let report = folder.decompose("--ranks 1,1,1");
    // A core of 1 entry and factors of 40, 30 and 20 entries.
    assert_eq!(report["compression"], 24_000.0 / 91.0);
    assert_eq!(report["input_bytes"], 24_000);
    assert_eq!(report["output_bytes"], bytes(&folder, "x.npz"));
    let ratio = 24_000.0 / bytes(&folder, "x.npz") as f64;
    assert_eq!(report["file_compression"], ratio);
    // `info` reads the size of the array from the file of the decomposition.
    fs::remove_file(folder.at("x.npy")).unwrap();
    let info = folder.json("info x.npz");
    for key in KEYS {
        assert_eq!(info["files"][0][key], report[key], "{key}");
    }
    let (text, _) = folder.succeeds("info x.npz");
    let expected = format!("264× fewer entries; {ratio:.1}× smaller file");
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn an_array_has_its_bytes() {
    let folder = with_bytes();
    let info = folder.json("info x.npy");
    assert_eq!(info["files"][0]["entries"], 24_000);
    assert_eq!(info["files"][0]["bytes"], 24_000);
    let (text, _) = folder.succeeds("info x.npy");
    assert!(text.contains("uint8, 24000 entries in 24 kB"), "{text}");
}

#[test]
fn a_larger_decomposition_is_noted() {
    let folder = with_bytes();
    // Fewer entries, but of 4 bytes in place of 1.
    let report = folder.decompose("--modes 0 --ranks 20");
    assert!(report["compression"].as_f64().unwrap() > 1.0);
    assert!(report["file_compression"].as_f64().unwrap() < 1.0);
    let note = notes(&report)
        .into_iter()
        .find(|note| note.contains("larger than the array"))
        .unwrap();
    assert!(
        note.contains("its file has") && !note.contains("entries"),
        "{note}"
    );
    // More entries.
    let report = folder.decompose("--ranks 40,30,20");
    assert!(report["compression"].as_f64().unwrap() < 1.0);
    let is_noted = |report: &Value| notes(report).iter().any(|n| n.contains("more entries"));
    assert!(is_noted(&report));
    assert!(is_noted(&folder.json("info x.npz")));
    let (text, _) = folder.succeeds("info x.npz");
    assert!(
        text.contains("1.1× more entries;") && text.contains("× larger file"),
        "{text}"
    );
}

/// A decomposition that the library wrote does not have the size of the array's file.
#[test]
fn an_unknown_size_of_the_array_is_left_out() {
    let folder = Folder::with_tensor();
    let x = folder.read_f64("x.npy");
    let tucker = tenfold::StHosvd::new([2, 2, 2]).decompose(&x).unwrap();
    let meta = tenfold::io::Meta::new(&tucker, "st-hosvd");
    tenfold::io::write_tucker(folder.at("x.npz"), &tucker, &meta).unwrap();
    let info = folder.json("info x.npz");
    assert_eq!(info["files"][0]["input_bytes"], Value::Null);
    assert_eq!(info["files"][0]["file_compression"], Value::Null);
    assert_eq!(info["files"][0]["output_bytes"], bytes(&folder, "x.npz"));
    let (text, _) = folder.succeeds("info x.npz");
    assert!(text.contains("fewer entries; file of"), "{text}");
}
