//! `tenfold reconstruct`: the whole tensor and slices of it.

use std::ops::Range;

use serde_json::json;
use tenfold::Tensor;

use crate::folder::{Folder, tensor};

/// The entries of `x` in these ranges, in row-major order.
fn entries_in(x: &Tensor<f64>, ranges: [Range<usize>; 3]) -> Vec<f64> {
    let extents = ranges.clone().map(|range| range.len());
    let starts = ranges.map(|range| range.start);
    let entry = |i: &[usize]| {
        let index: Vec<usize> = starts.iter().zip(i).map(|(start, i)| start + i).collect();
        x.get(&index).unwrap()
    };
    Tensor::from_fn(&extents, entry).unwrap().into_data()
}

#[test]
fn a_slice_equals_that_part_of_the_whole() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 4,4,4 --method hooi");
    folder.json("reconstruct x.npz -o y.npy");
    let whole = folder.read_f64("y.npy");
    assert_eq!(whole.shape(), [12, 10, 8]);
    let x = tensor();
    assert!(whole.distance(&x).unwrap() < 0.1 * x.norm());
    for (slice, shape, ranges) in [
        ("0:10,:,3", &[10, 10][..], [0..10, 0..10, 3..4]),
        ("-3:,:-2,1:2", &[3, 8, 1], [9..12, 0..8, 1..2]),
        ("-1,2,:", &[8], [11..12, 2..3, 0..8]),
    ] {
        let object = folder.json(&format!("reconstruct x.npz --slice {slice} -o y.npy"));
        assert_eq!(object["shape"], json!(shape));
        let part = folder.read_f64("y.npy");
        assert_eq!(part.shape(), shape);
        let expected = entries_in(&whole, ranges);
        let pairs = expected.iter().zip(part.data());
        let largest = pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        // Entries are about 10. A slice adds the same products in another order.
        assert!(largest < 1e-13, "{slice}: {largest}");
    }
}

#[test]
fn a_slice_of_one_entry_is_an_array_without_modes() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 4,4,4");
    let (text, _) = folder.succeeds("reconstruct x.npz --slice 1,1,1 -o y.npy");
    assert!(text.contains("x.npz → one entry f64, "), "{text}");
    let bytes = folder.read_bytes("y.npy");
    let shape = b"'shape': ()";
    assert!(bytes.windows(shape.len()).any(|text| text == shape));
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 2,2,2");
    for (slice, message) in [
        ("0:13,:,:", "0:13 does not lie within the extent 12"),
        (":,10,:", "10 does not lie within the extent 10"),
        ("5:4,:,:", "5:4 ends before it starts"),
        (":,:", "the slice names 2 modes, the tensor has 3"),
        ("0", "the slice names 1 mode, the tensor has 3"),
        ("4:4,:,:", "4:4,:,: selects no entries of the shape 12×10×8"),
        ("::2,:,:", "\"::2\" has a step"),
        ("a,:,:", "\"a\" is neither an index nor a range"),
    ] {
        let line = folder.refusal(&format!("reconstruct x.npz --slice {slice} -o y.npy"));
        assert!(line.contains(message), "{line}");
        // A slice that cannot be parsed is refused before the file is opened.
        let names_option = line.contains("invalid value");
        assert_eq!(line.contains("x.npz: "), !names_option, "{line}");
    }
}
