//! `--ranks` and `--tolerance` as users write them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tenfold::Tensor;
use tenfold::cam::{Cam, Weighting};
use tenfold::io::{AnyTensor, read_npy, write_npy};

use crate::run::{json, refusal};

struct Folder(TempDir);

impl Folder {
    /// A folder with `x.npy` of these extents.
    fn new(shape: &[usize]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let path = folder.root().join("x.npy");
        write_npy(path, &tensor(shape)).unwrap();
        folder
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// The ranks that a decomposition has, and the notes on it.
    fn decompose(&self, options: &[&str]) -> (Vec<u64>, Vec<String>) {
        let arguments = [&["decompose", "x.npy", "-o", "x.npz"], options].concat();
        let (object, notes) = json(self.root(), &arguments);
        let ranks = object["ranks"].as_array().unwrap().iter();
        (ranks.map(|rank| rank.as_u64().unwrap()).collect(), notes)
    }

    fn refuses(&self, options: &[&str]) -> String {
        refusal(
            self.root(),
            &[&["decompose", "x.npy", "-o", "refused.npz"], options].concat(),
        )
    }
}

fn tensor(shape: &[usize]) -> Tensor<f32> {
    let mut position = 0u32;
    Tensor::from_fn(shape, |_| {
        position += 1;
        (position.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7
    })
    .unwrap()
}

#[test]
fn blanks_in_lists_do_not_matter() {
    let folder = Folder::new(&[6, 5, 4]);
    let blanks = folder.decompose(&["--ranks", "3, 2, 2"]);
    assert_eq!(blanks, (vec![3, 2, 2], vec![]));
    let bytes = fs::read(folder.root().join("x.npz")).unwrap();
    folder.decompose(&["--ranks", "3,2,2"]);
    assert!(fs::read(folder.root().join("x.npz")).unwrap() == bytes);
    let modes = folder.decompose(&["--ranks", " 2 ,3", "--modes", "2, 0"]);
    assert_eq!(modes.0, [3, 5, 2]);
    // Without quotes the shell makes several arguments of it.
    for list in [["3,", "2,", "2"], ["3", "2", "2"]] {
        let line = folder.refuses(&[&["--ranks"], &list[..]].concat());
        let hint = "a list is separated by commas; put quotes around a list with blanks";
        assert!(line.contains(hint), "{line}");
    }
}

#[test]
fn one_rank_is_for_all_modes() {
    let folder = Folder::new(&[6, 5, 4]);
    assert_eq!(folder.decompose(&["--ranks", "3"]), (vec![3, 3, 3], vec![]));
    let bytes = fs::read(folder.root().join("x.npz")).unwrap();
    folder.decompose(&["--ranks", "3,3,3"]);
    assert!(fs::read(folder.root().join("x.npz")).unwrap() == bytes);
    for method in ["st-hosvd", "hosvd", "hooi", "randomized"] {
        let (ranks, notes) = folder.decompose(&["--ranks", "5", "--method", method]);
        assert_eq!(ranks, [5, 5, 4]);
        let note = "x.npy: --ranks 5 was lowered to 4 in mode 2, \
                    the maximum for the extents and the other ranks";
        assert_eq!(notes, [note]);
    }
    let (ranks, notes) = folder.decompose(&["--ranks", "5", "--modes", "2,0"]);
    assert_eq!(ranks, [5, 5, 4]);
    assert!(notes[0].contains("lowered to 4 in mode 2"), "{notes:?}");
}

#[test]
fn one_rank_is_lowered_to_what_the_other_ranks_allow() {
    let folder = Folder::new(&[40, 2, 3]);
    let (ranks, notes) = folder.decompose(&["--ranks", "10"]);
    assert_eq!(ranks, [6, 2, 3]);
    let lowered = "lowered to 6 in mode 0, 2 in mode 1, 3 in mode 2";
    assert!(notes[0].contains(lowered), "{notes:?}");
    assert_eq!(Folder::new(&[9, 4]).decompose(&["--ranks", "7"]).0, [4, 4]);
    // A single mode, of a vector or named, is no exception.
    let (ranks, notes) = Folder::new(&[6]).decompose(&["--ranks", "2"]);
    assert_eq!((ranks, notes.len()), (vec![1], 1));
    let named = ["--ranks", "7", "--modes", "0"];
    let (ranks, notes) = Folder::new(&[6, 5, 4]).decompose(&named);
    assert_eq!((ranks, notes.len()), (vec![6, 5, 4], 1));
}

#[test]
fn other_counts_are_refused_with_what_is_accepted() {
    let folder = Folder::new(&[6, 5, 4]);
    for (options, expected) in [
        (
            &["--ranks", "2,2"][..],
            "ranks has 2 entries, the tensor has 3 modes; \
             --ranks needs one for each mode, or one for all",
        ),
        (
            &["--ranks", "2,2,2", "--modes", "0,1"],
            "ranks has 3 entries, the call names 2 modes; \
             --ranks needs one for each of --modes, or one for all",
        ),
        (
            &["--ranks", "0"],
            "x.npy: the rank of mode 0 is 0, at least 1 is needed",
        ),
        (
            &["--ranks", "7", "--modes", "0,3"],
            "x.npy: mode 3 does not exist: the tensor has 3 modes, counted from 0",
        ),
        (
            &["--ranks", "7", "--modes", "1,1"],
            "x.npy: mode 1 is named twice",
        ),
    ] {
        assert_eq!(folder.refuses(options), expected);
    }
}

#[test]
fn what_is_missing_names_both_ways() {
    let folder = Folder::new(&[6, 5, 4]);
    let line = folder.refuses(&[]);
    assert!(
        line.contains("--ranks") && line.contains("--tolerance"),
        "{line}"
    );
    let line = folder.refuses(&["--ranks", "2", "--tolerance", "0.1"]);
    assert!(line.contains("cannot be used with"), "{line}");
}

#[test]
fn one_rank_is_for_all_modes_of_a_feature_map() {
    let folder = Folder::new(&[30, 3, 4]);
    write_npy(folder.root().join("batch.npy"), &tensor(&[2, 8, 6, 5])).unwrap();
    let arguments = ["cam", "x.npy", "batch.npy", "-o", "maps", "--ranks"];
    let (object, notes) = json(folder.root(), &[&arguments[..], &["4"]].concat());
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("x.npy: --ranks 4 was lowered to 3 in mode 1"),
        "{notes:?}"
    );
    assert_eq!(object["ranks"], serde_json::json!([4]));
    assert_eq!(object["maps"][0]["ranks"], serde_json::json!([4, 3, 4]));
    assert_eq!(object["maps"][2]["ranks"], serde_json::json!([4, 4, 4]));
    let cam = Cam {
        ranks: Some(vec![4, 3, 4]),
        ..Cam::new(Weighting::Mtsm)
    };
    let expected = cam.saliency_map(&tensor(&[30, 3, 4])).unwrap();
    let written = read_npy(folder.root().join("maps/x.mtsm.npy")).unwrap();
    assert_eq!(written, AnyTensor::F32(expected.into_values()));

    let line = refusal(folder.root(), &[&arguments[..], &["4,4"]].concat());
    assert!(
        line.ends_with("--ranks needs one for each mode, or one for all"),
        "{line}"
    );
    // The weightings that take none say so as before.
    let line = refusal(
        folder.root(),
        &[
            "cam",
            "x.npy",
            "-o",
            "out.npy",
            "--ranks",
            "4",
            "--weighting",
            "eigen-cam",
        ],
    );
    assert!(line.contains("has no ranks"), "{line}");
    let all = [
        "cam",
        "x.npy",
        "-o",
        "out.npy",
        "--ranks",
        "3",
        "--weighting",
        "all",
    ];
    let (object, _) = json(folder.root(), &all);
    assert!(object["maps"][0]["ranks"].is_null());
    assert_eq!(object["maps"][1]["ranks"], serde_json::json!([3, 3, 3]));
}
