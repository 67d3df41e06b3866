//! `--ranks` and `--tolerance` as users write them.

use serde_json::{Value, json};
use tenfold::Tensor;
use tenfold::cam::{Cam, Weighting};

use crate::folder::{Folder, notes};

fn tensor(shape: &[usize]) -> Tensor<f32> {
    let mut position = 0u32;
    let entry = |_: &[usize]| {
        position += 1;
        (position.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7
    };
    Tensor::from_fn(shape, entry).unwrap()
}

/// A folder with `x.npy` of this shape.
fn folder_with(shape: &[usize]) -> Folder {
    let folder = Folder::new();
    folder.write("x.npy", shape, tensor(shape).data());
    folder
}

/// The notes about ranks. For arrays this small the file of the decomposition is larger than the
/// array's file, which has a note of its own.
fn notes_on_ranks(object: &Value) -> Vec<&str> {
    let is_size = |note: &&str| note.starts_with("the decomposition is larger than the array");
    notes(object)
        .into_iter()
        .filter(|note| !is_size(note))
        .collect()
}

/// Fails unless the decomposition has these ranks and the command printed no note about ranks.
fn check_without_notes(object: &Value, ranks: [usize; 3]) {
    assert_eq!(object["ranks"], json!(ranks));
    assert_eq!(notes_on_ranks(object), [""; 0]);
}

#[test]
fn blanks_in_quoted_lists_are_ignored() {
    let folder = folder_with(&[6, 5, 4]);
    let object = folder.json(&["decompose", "x.npy", "-o", "x.npz", "--ranks", "3, 2, 2"]);
    check_without_notes(&object, [3, 2, 2]);
    let bytes = folder.read_bytes("x.npz");
    folder.decompose("--ranks 3,2,2");
    assert!(folder.read_bytes("x.npz") == bytes);
    let object = folder.json(&[
        "decompose",
        "x.npy",
        "-o",
        "x.npz",
        "--ranks",
        " 2 ,3",
        "--modes",
        "2, 0",
    ]);
    assert_eq!(object["ranks"], json!([3, 5, 2]));
}

/// Without quotes the shell makes several arguments of a list with blanks.
#[test]
fn a_list_without_quotes_is_refused_with_a_hint() {
    let folder = folder_with(&[6, 5, 4]);
    for list in ["3, 2, 2", "3 2 2"] {
        let line = folder.refusal(&format!("decompose x.npy -o y.npz --ranks {list}"));
        let hint = "a list is separated by commas; put quotes around a list with blanks";
        assert!(line.contains(hint), "{line}");
    }
}

#[test]
fn one_rank_holds_for_all_modes() {
    let folder = folder_with(&[6, 5, 4]);
    check_without_notes(&folder.decompose("--ranks 3"), [3, 3, 3]);
    let bytes = folder.read_bytes("x.npz");
    folder.decompose("--ranks 3,3,3");
    assert!(folder.read_bytes("x.npz") == bytes);
}

#[test]
fn one_rank_is_lowered_to_the_extent_with_a_note() {
    let folder = folder_with(&[6, 5, 4]);
    for method in ["st-hosvd", "hosvd", "hooi", "randomized", "interpolatory"] {
        let object = folder.decompose(&format!("--ranks 5 --method {method}"));
        assert_eq!(object["ranks"], json!([5, 5, 4]));
        let note = "x.npy: --ranks 5 was lowered to 4 in mode 2, \
                    the maximum for the extents and the other ranks";
        assert_eq!(notes_on_ranks(&object), [note]);
    }
    let object = folder.decompose("--ranks 5 --modes 2,0");
    assert_eq!(object["ranks"], json!([5, 5, 4]));
    let note = notes(&object)[0];
    assert!(note.contains("lowered to 4 in mode 2"), "{note}");
}

/// A rank is at most the product of the other modes' ranks. A mode that is not decomposed counts
/// with its extent.
#[test]
fn one_rank_is_lowered_to_the_product_of_the_other_ranks() {
    for (shape, options, ranks) in [
        (&[40, 2, 3][..], "--ranks 10", &[6, 2, 3][..]),
        (&[9, 4], "--ranks 7", &[4, 4]),
        (&[6], "--ranks 2", &[1]),
        (&[6, 5, 4], "--ranks 7 --modes 0", &[6, 5, 4]),
    ] {
        let object = folder_with(shape).decompose(options);
        assert_eq!(object["ranks"], json!(ranks), "{shape:?}");
        assert_eq!(notes_on_ranks(&object).len(), 1, "{shape:?}");
    }
    let object = folder_with(&[40, 2, 3]).decompose("--ranks 10");
    let note = notes(&object)[0];
    let lowered = "lowered to 6 in mode 0, 2 in mode 1, 3 in mode 2";
    assert!(note.contains(lowered), "{note}");
}

/// Each rank is an upper limit.
#[test]
fn ranks_are_lowered_to_what_exists_with_a_note() {
    for (shape, options, ranks, note) in [
        (
            &[6, 7][..],
            "--ranks 6,7",
            &[6, 6][..],
            "6,7 was lowered to 6 in mode 1",
        ),
        (
            &[3, 4, 3],
            "--ranks 2,3,1",
            &[2, 2, 1],
            "2,3,1 was lowered to 2 in mode 1",
        ),
        (
            &[6, 5, 4],
            "--ranks 9,4 --modes 2,0",
            &[4, 5, 4],
            "9,4 was lowered to 4 in mode 2",
        ),
    ] {
        for method in ["st-hosvd", "hooi"] {
            let object = folder_with(shape).decompose(&format!("{options} --method {method}"));
            assert_eq!(object["ranks"], json!(ranks), "{shape:?}");
            let notes = notes_on_ranks(&object);
            assert!(notes.len() == 1 && notes[0].contains(note), "{notes:?}");
        }
    }
}

#[test]
fn a_wrong_number_of_ranks_is_refused_with_the_numbers_that_are_accepted() {
    let folder = folder_with(&[6, 5, 4]);
    for (options, expected) in [
        (
            "--ranks 2,2",
            "x.npy: ranks has 2 entries, the tensor has 3 modes; \
             --ranks needs one for each mode, or one for all",
        ),
        (
            "--ranks 2,2,2 --modes 0,1",
            "x.npy: ranks has 3 entries, the call names 2 modes; \
             --ranks needs one for each of --modes, or one for all",
        ),
        (
            "--ranks 0",
            "x.npy: the rank of mode 0 is 0, at least 1 is needed",
        ),
        (
            "--ranks 7 --modes 0,3",
            "x.npy: mode 3 does not exist: the tensor has 3 modes, counted from 0",
        ),
        ("--ranks 7 --modes 1,1", "x.npy: mode 1 is named twice"),
    ] {
        let line = folder.refusal(&format!("decompose x.npy -o y.npz {options}"));
        assert_eq!(line, expected);
    }
}

#[test]
fn ranks_or_a_tolerance_are_required_but_not_both() {
    let folder = folder_with(&[6, 5, 4]);
    let line = folder.refusal("decompose x.npy -o y.npz");
    assert!(
        line.contains("--ranks") && line.contains("--tolerance"),
        "{line}"
    );
    let line = folder.refusal("decompose x.npy -o y.npz --ranks 2 --tolerance 0.1");
    assert!(line.contains("cannot be used with"), "{line}");
}

#[test]
fn one_rank_holds_for_all_modes_of_feature_maps() {
    let folder = folder_with(&[30, 3, 4]);
    let batch = [2, 8, 6, 5];
    folder.write("batch.npy", &batch, tensor(&batch).data());
    let object = folder.json("cam x.npy batch.npy -o maps --ranks 4");
    let notes = notes(&object);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("x.npy: --ranks 4 was lowered to 3 in mode 1"),
        "{notes:?}"
    );
    assert_eq!(object["ranks"], json!([4]));
    assert_eq!(object["maps"][0]["ranks"], json!([4, 3, 4]));
    assert_eq!(object["maps"][2]["ranks"], json!([4, 4, 4]));
    let cam = Cam {
        ranks: Some(vec![4, 3, 4]),
        ..Cam::new(Weighting::Mtsm)
    };
    let expected = cam.saliency_map(&tensor(&[30, 3, 4])).unwrap();
    assert_eq!(&folder.read_f32("maps/x.mtsm.npy"), expected.values());
    let line = folder.refusal("cam x.npy batch.npy -o maps --ranks 4,4");
    assert!(
        line.ends_with("--ranks needs one for each mode, or one for all"),
        "{line}"
    );
}

#[test]
fn ranks_hold_for_the_weightings_with_a_tucker_decomposition_only() {
    let folder = folder_with(&[30, 3, 4]);
    let line = folder.refusal("cam x.npy -o out.npy --ranks 4 --weighting eigen-cam");
    assert!(line.contains("has no ranks"), "{line}");
    let object = folder.json("cam x.npy -o out.npy --ranks 3 --weighting all");
    assert!(object["maps"][0]["ranks"].is_null());
    assert_eq!(object["maps"][1]["ranks"], json!([3, 3, 3]));
}

/// The arrays of a decomposition are entries of 4 bytes for an array of `f32`.
#[test]
fn a_size_or_a_ratio_gives_the_most_accurate_decomposition_that_fits() {
    let folder = folder_with(&[12, 10, 8]);
    let entries = |object: &Value| {
        let ranks: Vec<u64> = serde_json::from_value(object["ranks"].clone()).unwrap();
        let factors: u64 = ranks.iter().zip([12, 10, 8]).map(|(r, i)| r * i).sum();
        ranks.iter().product::<u64>() + factors
    };
    for method in ["st-hosvd", "hosvd", "hooi", "randomized"] {
        let of = |options: &str| folder.decompose(&format!("{options} --method {method}"));
        let mut previous = 0.0;
        for size in [124, 1000, 2000, 3600] {
            let object = of(&format!("--max-size {size}"));
            assert!(4 * entries(&object) <= size, "{method}, {size}");
            let error = object["relative_error"].as_f64().unwrap();
            let same = of(&format!("--ranks {}", lists(&object["ranks"])));
            assert!(error <= same["relative_error"].as_f64().unwrap() * 1.01);
            assert!(
                previous == 0.0 || error < previous,
                "{method}, {size}: {error}"
            );
            previous = error;
        }
        let object = of("--compression 5");
        assert!(object["compression"].as_f64().unwrap() >= 5.0, "{method}");
        assert!(entries(&object) > 120, "{method}");
    }
    for (options, expected) in [
        (
            "--max-size 123",
            "x.npy: at most 30 entries are allowed, ranks of 1 store 31",
        ),
        (
            "--compression 50",
            "x.npy: at most 19 entries are allowed, ranks of 1 store 31",
        ),
        (
            "--compression 0",
            "x.npy: --compression is 0, a number above 0 was expected",
        ),
    ] {
        let line = folder.refusal(&format!("decompose x.npy -o y.npz {options}"));
        assert_eq!(line, expected);
    }
    let line = folder.refusal("decompose x.npy -o y.npz --method non-negative --max-size 1kB");
    assert!(line.contains("needs --ranks"), "{line}");
}

/// An array of numbers as a list with commas.
fn lists(array: &Value) -> String {
    let numbers = array.as_array().unwrap().iter();
    numbers.map(Value::to_string).collect::<Vec<_>>().join(",")
}
